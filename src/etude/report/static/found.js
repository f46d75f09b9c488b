// Draws loss against learning rate, with each optimizer's usable range as a bar under its valley.
// Everything else is on the page already, so what fails here takes no result away.

import { drawChart, element, finite, number, swatch } from "./charts.js";
import { makeReadable } from "./reading.js";
import { setUpCopy } from "./copy.js";

const BAR = 4;
const ROOM = 1.25;

const byId = (id) => document.getElementById(id);
const chart = {};

/** Give an optimizer's line of losses. */
function lossLine({ name, lr, loss, low, high }, index) {
  return { name, colour: index, dash: index, shape: index, x: lr, y: loss, low, high };
}

/** Give an optimizer's usable range as a bar at a height, the suggestion ringed. */
function rangeLine({ name, range }, index, height) {
  return { name: `${name}, usable range`, colour: index, dash: 0, shape: BAR, ring: 1, x: range, y: range.map(() => height), range: true };
}

function draw(data) {
  const { ranges, chance } = data;
  const losses = finite(ranges.flatMap(({ low, high }) => [...low, ...high]));
  const top = chance === null ? Math.max(...losses) : Math.min(Math.max(...losses), chance * ROOM);
  const log = losses.every((value) => value > 0);
  const bottom = Math.min(...losses);
  const step = log ? (top / bottom) ** 0.07 : (top - bottom) * 0.07;
  const under = (count) => (log ? bottom / step ** count : bottom - step * count);
  const usable = ranges.map((each, index) => ({ each, index })).filter(({ each }) => each.range);
  const bars = usable.map(({ each, index }, place) => rangeLine(each, index, under(place + 1)));
  const lines = [...ranges.map(lossLine), ...bars];
  const rates = [...lines.flatMap((line) => line.x), ...ranges.flatMap(({ failed }) => failed)];
  const marks = ranges.flatMap(({ failed }, index) => failed.map((x) => ({ x, row: 0, colour: index, shift: 6 * (index - (ranges.length - 1) / 2) })));
  chart.plot?.destroy();
  chart.lines = lines;
  chart.sentence = (line, index) => (line.range
    ? `${line.name}: ${["begins at", "start from", "ends at"][index]} ${number(line.x[index])}.`
    : `${line.name}: peak learning rate ${number(line.x[index])}, loss ${number(line.y[index])}.`);
  chart.plot = drawChart(byId("loss-chart"), {
    lines,
    x: { name: "peak learning rate", log: true, range: [Math.min(...rates) / 1.3, Math.max(...rates) * 1.3] },
    y: { name: "validation loss", log, range: [under(usable.length + 0.8), log ? top * 1.1 : top + step] },
    rows: marks.length ? ["failed"] : [],
    marks,
    rules: chance === null ? [] : [{ y: chance, text: `best constant answer ${number(chance)}` }],
  });
  byId("loss-summary").textContent = ranges.map(summary).join(" ");
}

function summary({ name, updates, range, failed }) {
  const usable = range ? `usable from ${number(range[0])} to ${number(range[2])}, start from ${number(range[1])}` : "no usable rate";
  const fails = failed.length ? `; a copy failed at ${failed.map(number).join(", ")}` : "";
  return `${name} (copies of ${updates} updates): ${usable}${fails}.`;
}

function start(data) {
  for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
  byId("legend").append(...data.ranges.map(({ name }, index) =>
    element("li", {}, swatch({ colour: index, dash: index, shape: index }), element("span", {}, name))));
  draw(data);
  makeReadable(byId("loss-chart"), "Loss against peak learning rate", () => chart);
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "print"]) matchMedia(query).addEventListener("change", () => draw(data));
  let width = innerWidth;
  addEventListener("resize", () => requestAnimationFrame(() => {
    if (width !== innerWidth) draw(data);
    width = innerWidth;
  }));
}

const found = JSON.parse(byId("data").textContent);
if (found.ranges.length) start(found);
setUpCopy();
