// Draws schedules: one chart, its legend with the values under the cursor, and reading by key.

import { drawChart, element, nearest, number, swatch, unbroken } from "./charts.js";
import { makeReadable } from "./reading.js";

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const lines = data.lines.map((line, index) => ({ ...line, colour: index, dash: index }));
const chart = { lines, sentence: (line, index) => `${line.name}: update ${line.x[index]}, ${data.axis} ${number(line.y[index])}.` };

function draw() {
  chart.plot?.destroy();
  const highest = Math.max(...lines.flatMap((line) => line.y), 1e-12);
  chart.plot = drawChart(byId("chart"), {
    lines: lines.length > 1 ? lines : lines.map((line) => ({ ...line, label: "" })),
    x: { name: "update", log: false, range: [0, Math.max(lines[0].x.at(-1), 1)] },
    y: { name: data.axis, log: false, range: [0, highest * 1.06] },
    onCursor: readOut,
  });
}

function readOut(update) {
  for (const [index, item] of [...byId("legend").children].entries()) {
    const line = lines[index];
    item.querySelector(".value").textContent = update === null ? "" : number(line.y[nearest(line.x, update)]);
  }
  const name = byId("chart").querySelector(".x-name");
  if (name) name.textContent = update === null ? "update" : `update ${update}`;
}

for (const line of lines) {
  const name = element("span", {}, lines.length > 1 ? `${line.label} ` : "", ...unbroken(line.name));
  byId("legend").append(element("li", {}, swatch(line), name, " ", element("span", { class: "value" })));
}
for (const hidden of document.querySelectorAll(".scripted")) hidden.hidden = false;
makeReadable(byId("chart"), "Schedules", () => chart);
draw();
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
