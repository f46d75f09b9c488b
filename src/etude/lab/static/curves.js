// Curves that grow: rows come in any number of times and end up at the same place. From them come the
// lines of a chart: a strategy's seeds as their median, with a band from the lowest to the highest.

const X = { loss: "update", lr: "update", grad_norm: "update", update_ratio: "update", val_loss: "eval_update", val_metric: "eval_update", gain_ratio: "gain_update", edge: "look_update" };
const PARTS = ["rows", "evaluations", "gains", "looks"];

export class Curves {
  constructor() {
    this.runs = new Map();
    this.updates = 1;
  }

  /** Take in the list of runs: [{run: "0/1", name, seed}]. */
  begin({ updates, runs }) {
    this.updates = updates;
    for (const { run, name, seed } of runs) {
      if (!this.runs.has(run)) this.runs.set(run, { name, seed, line: Number(run.split("/")[0]), columns: {}, ended: null });
    }
  }

  /** Take in rows; each part says at which row it begins. */
  add(message) {
    const known = this.runs.get(message.run);
    if (!known) return;
    for (const part of PARTS.filter((each) => message[each])) {
      const { from, ...columns } = message[part];
      for (const [name, values] of Object.entries(columns)) {
        const column = (known.columns[name] ??= []);
        values.forEach((value, index) => { column[from + index] = value; });
      }
    }
  }

  /** Note how a run ended. */
  end({ run, ...how }) {
    if (this.runs.has(run)) this.runs.get(run).ended = how;
  }

  /** Say how far the run is that has come furthest. */
  get reached() {
    return Math.max(0, ...[...this.runs.values()].map((run) => (run.columns.update?.at(-1) ?? -1) + 1));
  }

  /** Tell whether any run has finite values of a quantity. */
  has(quantity) {
    return [...this.runs.values()].some((run) => run.columns[quantity]?.some(Number.isFinite));
  }

  /** Give the lines of a quantity, one for each strategy. */
  lines(quantity) {
    const groups = new Map();
    for (const run of this.runs.values()) groups.set(run.line, [...(groups.get(run.line) ?? []), run]);
    return [...groups].map(([line, runs]) => lineOf(line, runs, quantity));
  }
}

function lineOf(line, runs, quantity) {
  const all = runs.map((run) => ({ x: run.columns[X[quantity]] ?? [], y: run.columns[quantity] ?? [] }));
  const columns = all.filter(({ x: each }) => each.length); // not every seed is looked at for all of them
  const x = columns.reduce((longest, { x: each }) => (each.length > longest.length ? each : longest), []);
  const made = { line, name: runs[0].name, colour: line, dash: line, label: String(line + 1), runs, seeds: columns.length, x, y: [], low: [], high: [] };
  x.forEach((_, row) => {
    const values = columns.map(({ y }) => (Number.isFinite(y[row]) ? y[row] : Infinity)).sort((one, other) => one - other);
    made.y.push(drawn(median(values)));
    made.low.push(drawn(values[0]));
    made.high.push(drawn(values.at(-1)));
  });
  if (columns.length < 2) delete made.low;
  return made;
}

const drawn = (value) => (Number.isFinite(value) ? value : null);

function median(values) {
  const middle = values.length >> 1;
  return values.length % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}
