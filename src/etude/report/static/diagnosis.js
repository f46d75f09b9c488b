// Draws each run's loss and lr with the spans of its findings shaded. All findings are on the page
// as text already, so what fails here takes none away.

import { drawChart, element, finite, number, scaleFor, swatch } from "./charts.js";
import { makeReadable } from "./reading.js";

const LEVELS = { error: "--bad", warning: "--weak", hint: "--fair" };
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);

const lossLines = ({ train, val }) => [
  { name: "training loss", label: "train", colour: 0, dash: 0, ...train },
  { name: "validation loss", label: "val", colour: 1, dash: 1, ...val },
].filter(({ y }) => finite(y).length);

const shaded = ({ spans }) => spans.map(({ code, from, to, level }) => ({ from, to, text: code, token: LEVELS[level] }));

function draw(run, charts) {
  const lines = lossLines(run);
  const last = Math.max(1, ...lines.flatMap(({ x }) => x));
  const x = { name: run.unit, log: false, range: [0, last] };
  for (const chart of Object.values(charts)) chart.plot?.destroy();
  if (lines.length) {
    charts.loss.lines = lines;
    charts.loss.plot = drawChart(byId(`loss-${run.id}`), {
      lines, x, y: scaleFor(lines.flatMap(({ y }) => y), { name: "loss" }), spans: shaded(run), sync: `run-${run.id}`,
    });
  }
  const lr = { name: "lr", label: "", colour: 5, dash: 0, ...run.lr };
  byId(`lr-${run.id}`).hidden = !finite(lr.y).length;
  if (!finite(lr.y).length) return;
  charts.lr.lines = [lr];
  charts.lr.plot = drawChart(byId(`lr-${run.id}`), {
    lines: [lr], x, y: { name: "lr", log: false, range: [0, (Math.max(...finite(lr.y)) || 1) * 1.08] }, spans: shaded(run), sync: `run-${run.id}`,
  });
}

function start(run) {
  const charts = { loss: { lines: [] }, lr: { lines: [] } };
  const say = (line, index) => `${line.name}: ${run.unit} ${line.x[index]}, ${number(line.y[index])}.`;
  for (const chart of Object.values(charts)) chart.sentence = say;
  byId(`legend-${run.id}`).append(
    ...lossLines(run).map((line) => element("li", {}, swatch(line), element("span", {}, line.name))),
    ...run.spans.map(({ code, level }) => element("li", { class: "span", "data-level": level }, element("span", {}, code))),
  );
  draw(run, charts);
  makeReadable(byId(`loss-${run.id}`), "Loss", () => charts.loss);
  makeReadable(byId(`lr-${run.id}`), "Learning rate", () => charts.lr);
  return () => draw(run, charts);
}

for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
const redraws = data.runs.map(start);
const redraw = () => redraws.forEach((each) => each());
for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "print"]) matchMedia(query).addEventListener("change", redraw);
let width = innerWidth;
addEventListener("resize", () => requestAnimationFrame(() => {
  if (width !== innerWidth) redraw();
  width = innerWidth;
}));
