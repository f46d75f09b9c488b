// Draws an experiment while it trains, and a stored run: two charts, a legend, a table, words.

import { drawChart, element, finite, number, scaleFor, swatch, unbroken, nearest } from "./charts.js";
import { setUpCopy } from "./copy.js";
import { Curves } from "./curves.js";
import { makeReadable, say } from "./reading.js";

const NAMES = { loss: "training loss", val_loss: "validation loss", val_metric: "validation metric", grad_norm: "gradient norm", update_ratio: "update / weights", gain_ratio: "gain ratio", edge: "rate / stable rate", lr: "learning rate used" };
const FAR = 10; // a loss of so many times the first one leaves the chart
const QUIET = 5000; // milliseconds between two sentences while it trains
const SELDOM = 500; // milliseconds between two pictures of the rates while it trains
const ROWS = 25;

const byId = (id) => document.getElementById(id);
const result = byId("result");
const curves = new Curves();
const charts = { "main-chart": { lines: [] }, "lr-chart": { lines: [] } };
let waiting = false;
let heardAll = false;
let spoken = 0;
let ratesDrawn = 0;
let pointed = null; // the update that was read last; a chart that is drawn anew knows it no more

const quantity = () => document.querySelector("#quantity input:checked").value;

// Pictures

function draw() {
  waiting = false;
  if (!curves.runs.size) return;
  const shown = quantity();
  const lines = curves.lines(shown);
  const updates = { name: "update", range: [0, curves.updates] };
  const gone = lines.filter((line) => line.runs.some((run) => run.ended?.outcome === "diverged"));
  chart("main-chart", {
    lines,
    x: updates,
    y: scaleFor([...lines.flatMap((line) => [...line.y, ...(line.low ?? [])]), ...(shown === "edge" ? [1.2] : [])], { name: NAMES[shown], cap: capOf(shown, lines) }),
    rows: gone.map(() => ""),
    marks: gone.map((line, row) => ({ ...exitOf(line), row, colour: line.colour })),
    rules: shown === "edge" ? [{ y: 1, text: "edge of stability" }] : [],
    sync: "updates",
    onCursor: readOut,
  });
  drawRates(updates);
  byId("main-chart-summary").textContent = summary(lines, gone, shown);
  for (const input of document.querySelectorAll("#quantity input")) input.disabled = !curves.has(input.value) && !input.checked;
  if (byId("numbers")?.open) fillTable();
  if (heardAll) result.dataset.drawn = "whole";
}

/** Draw the rates; while it trains only now and then, since they hold no surprise. */
function drawRates(updates) {
  if (result.dataset.over === "false" && Date.now() - ratesDrawn < SELDOM) return;
  ratesDrawn = Date.now();
  const rates = curves.lines("lr").map((line) => ({ ...line, low: undefined }));
  const scale = scaleFor(rates.flatMap((line) => line.y), { name: NAMES.lr });
  if (scale.log) scale.range[0] = Math.max(scale.range[0], Math.min(...rates.map((line) => Math.max(...finite(line.y)))) / 100);
  chart("lr-chart", { lines: rates, x: updates, y: scale, sync: "updates", onCursor: readOut });
  byId("lr-chart-summary").textContent = "The learning rate that each update used.";
}

function capOf(shown, lines) {
  if (!shown.endsWith("loss")) return Infinity;
  const first = Math.max(...finite(lines.map((line) => line.y[0])), 0);
  return first > 0 ? FAR * first : Infinity;
}

function exitOf({ runs, label }) {
  const ends = runs.filter((run) => run.ended?.outcome === "diverged");
  const part = ends.length < runs.length ? `, ${ends.length} of ${runs.length} seeds` : "";
  const at = Math.min(...ends.map((run) => run.ended.updates));
  return { x: Math.min(at, curves.updates), text: `${label} diverged by ${at}${part}` };
}

function chart(id, spec) {
  const host = byId(id);
  charts[id].plot?.destroy();
  charts[id] = { lines: spec.lines, sentence: (line, index) => `${line.name}: update ${line.x[index]}, ${spec.y.name} ${line.y[index] === null ? "not finite" : number(line.y[index])}.` };
  if (!finite(spec.lines.flatMap((line) => line.y)).length) {
    charts[id].lines = [];
    host.replaceChildren(element("p", { class: "empty" }, `No ${spec.y.name} yet.`));
    return;
  }
  charts[id].plot = drawChart(host, spec);
  host.dataset.draws = Number(host.dataset.draws ?? 0) + 1;
}

function summary(lines, gone, shown) {
  const seeds = Math.max(...lines.map((line) => line.seeds));
  const when = result.dataset.over === "false" ? "so far" : "at the end";
  const ends = lines.filter((line) => Number.isFinite(line.y.at(-1)));
  const better = shown === "val_metric" ? -1 : 1;
  ends.sort((one, other) => better * (one.y.at(-1) - other.y.at(-1)));
  const what = `${seeds > 1 ? `Median over ${seeds} seeds of the ${NAMES[shown]}` : `The ${NAMES[shown]}`} of ${lines.length === 1 ? "1 strategy" : `${lines.length} strategies`}.`;
  const only = lines.length === 1 && ends.length ? ` ${when === "so far" ? "So far" : "At the end"}: ${number(ends[0].y.at(-1))}.` : "";
  const lowest = lines.length > 1 && ends.length && (shown.startsWith("val") || shown === "loss") ? ` ${better > 0 ? "Lowest" : "Highest"} ${when}: ${ends[0].name} with ${number(ends[0].y.at(-1))}.` : "";
  return what + only + lowest + gone.map((line) => ` ${exitOf(line).text}.`).join("");
}

function drawLegend() {
  byId("legend").replaceChildren(...curves.lines("loss").map((line) =>
    element("li", { "data-line": line.line }, swatch({ colour: line.colour, dash: line.dash }), element("span", {}, `${line.label}  `, ...unbroken(line.name)), element("span", { class: "value" }))));
}

function readOut(update) {
  pointed = update ?? pointed;
  for (const id of Object.keys(charts)) {
    const name = byId(id).querySelector(".x-name");
    if (name) name.textContent = update === null ? "update" : `update ${number(update)}`;
  }
  const lines = charts["main-chart"].lines;
  for (const item of byId("legend").children) {
    const line = lines.find((each) => String(each.line) === item.dataset.line);
    const there = line && update !== null && line.x.length;
    item.querySelector(".value").textContent = there ? number(line.y[nearest(line.x, update)]) : "";
  }
}

function fillTable() {
  const lines = charts["main-chart"].lines;
  const longest = lines.reduce((found, line) => (line.x.length > found.length ? line.x : found), []);
  const every = Math.max(1, Math.ceil(longest.length / ROWS));
  const kept = longest.filter((_, index) => index % every === 0 || index === longest.length - 1);
  const cells = (x) => lines.map((line) => element("td", { class: "num" }, x > line.x.at(-1) ? "–" : number(line.y[nearest(line.x, x)])));
  byId("numbers").querySelector(".scroll").replaceChildren(element("table", {},
    element("thead", {}, element("tr", {}, element("th", { scope: "col", class: "num" }, "update"), ...lines.map((line) => element("th", { scope: "col", class: "num" }, line.name)))),
    element("tbody", {}, ...kept.map((x) => element("tr", {}, element("th", { scope: "row", class: "num" }, String(x)), ...cells(x))))));
}

/** Draw soon: once for all that came since the last picture. */
function refresh() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(draw);
}

// What the server tells

function tell(sentence, { now = false } = {}) {
  byId("status").textContent = sentence;
  if (!now && Date.now() - spoken < QUIET) return;
  spoken = Date.now();
  say(sentence);
}

/** Tell what comes in while it trains; what was over before the page came is drawn, not told. */
const news = result.dataset.over === "false" ? tell : () => {};

function hear(event) {
  const message = JSON.parse(event.data);
  if (message.type === "begun") {
    curves.begin(message);
    drawLegend();
    news(`Training ${curves.runs.size === 1 ? "1 run" : `${curves.runs.size} runs`} of ${message.updates} updates.`, { now: true });
  } else if (message.type === "rows") {
    message.runs.forEach((each) => curves.add(each));
    news(`Update ${curves.reached} of ${curves.updates}.`);
  } else if (message.type === "ended") {
    curves.end(message);
    if (message.outcome === "diverged") news(`${curves.runs.get(message.run)?.name}, seed ${message.run.split("/")[1]}, diverged by update ${message.updates}.`, { now: true });
  } else {
    finish(message);
  }
  refresh();
}

async function finish({ type, message }) {
  source.close();
  heardAll = true;
  if (type === "failed") {
    result.dataset.over = "true";
    return tell(`✗ ${message}.`, { now: true });
  }
  news("Done.", { now: true });
  byId("status").textContent = "";
  if (result.dataset.over === "false") await showVerdict();
}

/** Take the verdict from the page as the server now writes it. */
async function showVerdict() {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  for (const id of ["result-title", "verdict"]) byId(id).replaceWith(document.importNode(page.getElementById(id), true));
  result.querySelector(".stop")?.remove();
  const fork = page.querySelector(".fork");
  if (fork && !result.querySelector(".fork")) result.append(document.importNode(fork, true));
  result.dataset.over = "true";
  refresh();
  setUpCopy();
  say(`Done. ${document.querySelector("#verdict .answer")?.textContent ?? ""}`);
}

let source = null;

function listen() {
  source = new EventSource(result.dataset.stream);
  source.onmessage = hear;
  source.addEventListener("gone", () => {
    source.close();
    tell("This experiment is no longer in memory; run it again: runs that had ended are in the store.", { now: true });
  });
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) byId("status").textContent = "The lab does not answer; trying again. If it was stopped, start etude learn again.";
  };
}

async function showStored() {
  const { name, rows, updates } = result.dataset;
  curves.begin({ updates: Number(updates), runs: [{ run: "0/0", name, seed: 0 }] });
  curves.add(await (await fetch(rows)).json());
  drawLegend();
  heardAll = true;
  draw();
}

// Hands

function pickUpdate() {
  const field = byId("fork-at");
  if (!field || pointed === null) return;
  field.value = Math.min(Math.max(pointed, Number(field.min)), Number(field.max));
  say(`Fork at update ${field.value}.`);
}

for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
for (const [id, name] of [["main-chart", "The chosen quantity over updates"], ["lr-chart", "Learning rate over updates"]]) {
  makeReadable(byId(id), name, () => charts[id]);
}
byId("main-chart").addEventListener("click", pickUpdate);
byId("main-chart").addEventListener("keydown", (event) => { if (event.key === "Enter") pickUpdate(); });
byId("quantity").addEventListener("change", refresh);
byId("numbers")?.addEventListener("toggle", () => { if (byId("numbers").open) fillTable(); });
for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", refresh);
new ResizeObserver(refresh).observe(byId("main-chart"));
if (byId("copy")) setUpCopy();
if (result.dataset.stream) listen();
else showStored();
