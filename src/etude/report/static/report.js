// Brings the report to life: filter, curves of chosen strategies, sensitivity chart, copy button.
// Everything else is on the page already, so what fails here takes no result away.

import { drawChart, element, finite, nearest, number, scaleFor, swatch, unbroken } from "./charts.js";
import { makeReadable, say } from "./reading.js";
import { setUpCopy } from "./copy.js";

const MOST = 8;
const TABLE_ROWS = 25;
const ROOM = 1.25;
const FAILED = ["diverged", "collapsed"];

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const state = { part: "val", shown: new Map(), hidden: new Set() };
const charts = {};

// Curves: `state.shown` maps a strategy's index to its style, which stays its own while it is shown.

const copyOf = (updates) => `copy of ${updates} updates`;

function title(index) {
  const { name, updates, dropped } = data.strategies[index];
  return `#${index + 1} ${name}${dropped ? `, ${copyOf(updates)}` : ""}`;
}

const shownInOrder = () => [...state.shown.keys()].sort((one, other) => one - other);
const partName = () => (state.part === "val" ? "validation loss" : "training loss");

function lineOf(index, part) {
  const style = state.shown.get(index);
  return { label: `#${index + 1}`, name: title(index), index, colour: style, dash: style, ...data.curves[index][part] };
}

function addStrategy(index) {
  const taken = new Set(state.shown.values());
  const style = [...Array(MOST).keys()].find((free) => !taken.has(free));
  if (style !== undefined) state.shown.set(index, style);
}

function drawCurves() {
  const updates = { name: "update", log: false, range: [0, longestRun(shownInOrder())] };
  drawLoss(updates);
  const rates = lines("lr");
  const scale = scaleFor(rates.flatMap((line) => line.y), { name: "learning rate used" });
  if (scale.log) scale.range[0] = Math.max(scale.range[0], lowestPeak(rates) / 100);
  replaceChart("lr-chart", { lines: rates, x: updates, y: scale, sync: "updates", onCursor: readOut });
  byId("lr-summary").textContent = `Learning rate that each update used, for the same strategies.`;
  for (const id of ["loss-table", "lr-table"]) fillTable(id);
}

/** Give the lowest of the lines' peaks: two decades below it show every schedule's shape. */
const lowestPeak = (rates) => Math.min(...rates.map((line) => Math.max(...finite(line.y))));

const lines = (part) => shownInOrder().map((index) => lineOf(index, part));

/** Give the length of the longest runs: short copies shown beside them end on the way. */
const longestRun = (indices) => Math.max(1, ...indices.map((index) => data.strategies[index].updates));

function drawLoss(updates) {
  const losses = lines(state.part);
  const first = Math.max(...finite(losses.map((line) => line.y[0])), 0);
  const values = losses.flatMap((line) => [...line.y, ...line.low]);
  const gone = losses.filter((line) => data.curves[line.index].exits);
  replaceChart("loss-chart", {
    lines: losses,
    x: updates,
    y: scaleFor(values, { name: partName(), cap: first > 0 ? data.far * first : Infinity }),
    rows: gone.map(() => ""),
    marks: gone.map((line, row) => ({ ...exitOf(line), row, colour: line.colour })),
    sync: "updates",
    onCursor: readOut,
  });
  byId("loss-summary").textContent = summary(losses, gone);
}

function exitOf({ index, label }) {
  const { update, seeds, of } = data.curves[index].exits;
  const part = seeds < of ? `, ${seeds} of ${of} seeds` : "";
  return { x: update, text: `${label} diverged at ${update}${part}` };
}

/** Say what is drawn and which is lowest, of lines of the greatest length: others had no chance. */
function summary(losses, gone) {
  const length = longestRun(losses.map((line) => line.index));
  const ended = losses.filter((line) => Number.isFinite(line.y.at(-1)) && data.strategies[line.index].updates === length);
  ended.sort((one, other) => one.y.at(-1) - other.y.at(-1));
  const lowest = ended.length ? ` Lowest at the end: ${ended[0].name} with ${number(ended[0].y.at(-1))}.` : "";
  const left = gone.map((line) => ` ${exitOf(line).text}.`).join("");
  const count = losses.length === 1 ? "1 strategy" : `${losses.length} strategies`;
  const copies = losses.filter((line) => data.strategies[line.index].dropped).length;
  return `Median ${partName()} of ${count}${copies ? `, ${copies} as short copies` : ""}.${lowest}${left}`;
}

/** Draw a chart anew: for another choice of lines, another theme, another width. */
function replaceChart(id, spec) {
  charts[id]?.plot?.destroy();
  charts[id] = { lines: spec.lines, sentence: sentenceFor(spec) };
  if (finite(spec.lines.flatMap((line) => line.y)).length === 0) {
    charts[id].lines = [];
    byId(id).replaceChildren(element("p", { class: "empty" }, "Nothing to draw: no strategy with a finite loss is chosen."));
    return;
  }
  charts[id].plot = drawChart(byId(id), spec);
}

const sentenceFor = (spec) => (line, index) =>
  `${line.name}: ${spec.x.name} ${number(line.x[index])}, ${spec.y.name} ${line.y[index] === null ? "not finite" : number(line.y[index])}.`;

function readOut(update) {
  for (const id of ["loss-chart", "lr-chart"]) {
    const name = byId(id).querySelector(".x-name");
    if (name) name.textContent = update === null ? "update" : `update ${number(update)}`;
  }
  for (const item of byId("legend").children) {
    const index = Number(item.dataset.index);
    item.querySelector(".value").textContent = update === null ? "" : valuesAt(index, update);
  }
}

function valuesAt(index, update) {
  const [loss, lr] = [state.part, "lr"].map((part) => number(valueAt(data.curves[index][part], update)));
  return `${loss} at lr ${lr}`;
}

const valueAt = ({ x, y }, update) => (x.length && update <= x.at(-1) + 1 ? y[nearest(x, update)] : null);

function drawLegend() {
  byId("legend").replaceChildren(...shownInOrder().map(legendItem));
  byId("add-button").disabled = state.shown.size >= MOST;
}

function legendItem(index) {
  const style = state.shown.get(index);
  const { outcome } = data.strategies[index];
  const remove = element("button", { type: "button", "aria-label": `Remove ${title(index)}` }, "×");
  remove.addEventListener("click", () => removeStrategy(index));
  const text = outcome === "converged" ? title(index) : `${title(index)} (${outcome})`;
  const value = element("span", { class: "value" });
  return element("li", { "data-index": index }, swatch({ colour: style, dash: style }), element("span", {}, ...unbroken(text)), value, remove);
}

function removeStrategy(index) {
  const place = shownInOrder().indexOf(index);
  state.shown.delete(index);
  drawShown();
  const buttons = byId("legend").querySelectorAll("button");
  (buttons[Math.min(place, buttons.length - 1)] ?? byId("add")).focus();
  say(`${title(index)} removed.`);
}

function drawShown() {
  drawLegend();
  drawCurves();
}

function setUpCurves() {
  for (const index of data.shown) addStrategy(index);
  for (const optimizer of optimizers) {
    const members = [...data.curves.keys()].filter((index) => data.strategies[index].optimizer === optimizer);
    const options = members.map((index) => element("option", { value: index }, `${title(index)} (${data.strategies[index].outcome})`));
    byId("add").append(element("optgroup", { label: optimizer }, ...options));
  }
  byId("add-button").addEventListener("click", () => {
    addStrategy(Number(byId("add").value));
    drawShown();
    say(`${title(Number(byId("add").value))} shown.`);
  });
  byId("which").addEventListener("change", (event) => {
    state.part = event.target.value;
    drawCurves();
  });
  for (const id of ["loss-table", "lr-table"]) byId(id).addEventListener("toggle", () => fillTable(id));
}

/** Write the shown lines as a table, thinned; only while it is open. */
function fillTable(id) {
  if (!byId(id).open) return;
  const columns = charts[id.replace("table", "chart")].lines;
  const longest = columns.reduce((found, line) => (line.x.length > found.length ? line.x : found), []);
  const every = Math.max(1, Math.ceil(longest.length / TABLE_ROWS));
  const kept = longest.filter((_, index) => index % every === 0 || index === longest.length - 1);
  const cells = (x) => columns.map((line) => element("td", { class: "num" }, number(valueAt(line, x))));
  const heads = columns.map((line) => element("th", { scope: "col", class: "num" }, line.name));
  const table = element("table", {},
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "update"), ...heads)),
    element("tbody", {}, ...kept.map((x) => element("tr", {}, element("th", { scope: "row" }, String(x)), ...cells(x)))));
  byId(id).querySelector(".scroll").replaceChildren(table);
}

// Sensitivity: colour and marker tell the optimizer, the dash tells the schedule.

const kinds = (key) => [...new Set(data.strategies.map((strategy) => strategy[key]))];
const optimizers = kinds("optimizer");
const schedules = kinds("schedule");

const { copies, points, finals } = data.sensitivity;
const isChosen = ({ optimizer, schedule }) => !state.hidden.has(optimizer) && !state.hidden.has(schedule);

function familyLines() {
  const families = optimizers.flatMap((optimizer) => schedules.map((schedule) => ({ optimizer, schedule })));
  return families.filter(isChosen).map(familyLine).filter((line) => line.x.length);
}

function familyLine({ optimizer, schedule }) {
  const members = points.filter((point) => point.optimizer === optimizer && point.schedule === schedule);
  return { ...lineThrough(members, { inFull: !copies }), optimizer, name: `${optimizer}, ${schedule}`, dash: schedules.indexOf(schedule) };
}

/** Give the finalists' runs in full, which come on top of a chart of short copies. */
function finalLines() {
  const chosen = optimizers.map((optimizer) => finals.filter((point) => point.optimizer === optimizer && isChosen(point)));
  return chosen.filter((members) => members.length).map((members) => ({ ...lineThrough(members, { inFull: true }), dash: 0, hollow: true }));
}

/** Give an optimizer's line through its points; the best strategy has a ring where it ran in full. */
function lineThrough(given, { inFull }) {
  const members = [...given].sort((one, other) => one.lr - other.lr);
  const colour = optimizers.indexOf(members[0]?.optimizer);
  return {
    members, colour, shape: colour,
    ring: inFull ? members.findIndex(({ name }) => name === data.strategies[0].name) : -1,
    x: members.map((member) => member.lr),
    y: members.map((member) => member.loss),
  };
}

function drawSensitivity() {
  const families = familyLines();
  const lines = [...families, ...finalLines()];
  const members = lines.flatMap((line) => line.members);
  const learned = members.filter((member) => !FAILED.includes(member.outcome));
  const cap = ROOM * Math.max(...finite(learned.map((member) => member.loss)), data.chance ?? 0);
  const losses = finite(members.map((member) => member.loss));
  const roomForRule = data.chance !== null && Math.max(...losses) > data.chance / ROOM ? [data.chance * ROOM] : [];
  const marks = failures(families);
  const rates = members.map((member) => member.lr);
  replaceChart("sensitivity-chart", {
    lines,
    x: { name: "peak learning rate", log: true, range: [Math.min(...rates) / 1.3, Math.max(...rates) * 1.3] },
    y: scaleFor([...losses, ...roomForRule], { name: "final validation loss", cap: cap > 0 ? cap : Infinity }),
    rows: FAILED.filter((outcome) => marks.some((mark) => mark.outcome === outcome)),
    marks,
    rules: data.chance === null ? [] : [{ y: data.chance, text: `best constant answer ${number(data.chance)}` }],
  });
  charts["sensitivity-chart"].sentence = ({ name, hollow, members }, index) => {
    const { name: strategy, lr, loss, outcome } = members[index];
    const length = hollow ? " in full" : copies ? `, ${copyOf(copies)}` : "";
    return `${name ?? strategy}${length}: peak learning rate ${number(lr)}, ${loss === null ? "no finite loss" : `final loss ${number(loss)}`}, ${outcome}.`;
  };
  const after = copies ? `After copies of ${copies} updates: ` : "";
  byId("sensitivity-summary").textContent = after + optimizers.filter((name) => !state.hidden.has(name)).map((name) => valley(name, families)).join(" ");
}

/** Give one cross per outcome, optimizer and lr, side by side where optimizers share an lr. */
function failures(families) {
  const found = new Map();
  for (const line of families) {
    for (const { lr, outcome, loss } of line.members) {
      const kind = loss === null ? "diverged" : outcome;
      if (FAILED.includes(kind)) found.set(`${kind} ${lr} ${line.optimizer}`, { x: lr, outcome: kind, colour: line.colour });
    }
  }
  const rows = FAILED.filter((outcome) => [...found.values()].some((mark) => mark.outcome === outcome));
  const middle = (optimizers.length - 1) / 2;
  return [...found.values()].map((mark) => ({ ...mark, row: rows.indexOf(mark.outcome), shift: 12 * (mark.colour - middle) }));
}

/** Say where an optimizer's valley lies: `adamw: lowest at 0.01 (0.0713); collapsed at 0.1, 0.3.` */
function valley(optimizer, families) {
  const members = families.filter((line) => line.optimizer === optimizer).flatMap((line) => line.members);
  const known = members.filter((member) => member.loss !== null).sort((one, other) => one.loss - other.loss);
  const parts = known.length ? [`lowest at ${number(known[0].lr)} (${number(known[0].loss)})`] : [];
  for (const failure of FAILED) {
    const rates = [...new Set(members.filter((member) => member.outcome === failure).map((member) => member.lr))];
    if (rates.length) parts.push(`${failure} at ${rates.sort((one, other) => one - other).map(number).join(", ")}`);
  }
  return parts.length ? `${optimizer}: ${parts.join("; ")}.` : "";
}

function setUpFamilies() {
  const toggle = (name, sample) => {
    const button = element("button", { type: "button", "aria-pressed": "true" }, swatch(sample), name);
    button.addEventListener("click", () => {
      const hide = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!hide));
      state.hidden[hide ? "add" : "delete"](name);
      drawSensitivity();
    });
    return button;
  };
  byId("families").append(
    ...optimizers.map((name, index) => toggle(name, { colour: index, shape: index })),
    ...schedules.map((name, index) => toggle(name, { dash: index })),
  );
}

// Tables and code

/** Give the words to look for; those between quotes stay together: adamw "rung 2". */
const wordsOf = (text) => (text.toLowerCase().match(/"[^"]+|[^"\s]+/g) ?? []).map((word) => word.replace('"', ""));

/** Let a table be filtered, and show its first rows until all are asked for. */
function setUpTable(controls) {
  const rows = [...byId(controls.dataset.table).tBodies[0].rows];
  const first = Number(controls.dataset.first);
  const [filter, button, status] = ["input", "button", "[role=status]"].map((part) => controls.querySelector(part));
  const refresh = () => {
    const words = wordsOf(filter.value);
    const all = button.getAttribute("aria-expanded") === "true";
    const matches = rows.filter((row) => words.every((word) => row.textContent.toLowerCase().includes(word)));
    rows.forEach((row) => { row.hidden = !matches.includes(row) || (!all && !words.length && row.rowIndex > first); });
    status.textContent = words.length ? `${matches.length} of ${rows.length} match` : "";
    button.textContent = all ? `Show the first ${first}` : `Show all ${rows.length}`;
  };
  filter.addEventListener("input", refresh);
  button.addEventListener("click", () => {
    button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") !== "true"));
    refresh();
  });
  controls.hidden = false;
  refresh();
}

function drawAll() {
  drawShown();
  drawSensitivity();
}

function start() {
  for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
  byId("sensitivity-table").open = false;
  document.querySelectorAll("[data-table]").forEach(setUpTable);
  setUpCurves();
  setUpFamilies();
  drawAll();
  for (const [id, name] of [["loss-chart", "Loss over updates"], ["lr-chart", "Learning rate over updates"], ["sensitivity-chart", "Final loss against peak learning rate"]]) {
    makeReadable(byId(id), name, () => charts[id]);
  }
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "print"]) matchMedia(query).addEventListener("change", drawAll);
  let width = innerWidth;
  addEventListener("resize", () => requestAnimationFrame(() => {
    if (width !== innerWidth) drawAll();
    width = innerWidth;
  }));
  setUpCopy();
}

start();
