// Draws a schedule while its fields change, and lets a border between two pieces be dragged. All values
// come from the server, which asks the schedule itself.

import { drawChart, element, number, scaleFor } from "./charts.js";
import { setUpCopy } from "./copy.js";
import { makeReadable, say } from "./reading.js";

const PAUSE = 120; // milliseconds after the last key until it is drawn

const byId = (id) => document.getElementById(id);
const form = byId("design");
const host = byId("design-chart");
const chart = { lines: [], plot: null, sentence: (line, index) => `update ${line.x[index]}: learning rate ${number(line.y[index])}.` };
let sketch = null;
let timer = 0;
let asked = 0;

async function ask() {
  const mine = (asked += 1);
  const fields = new URLSearchParams(new FormData(form));
  fields.delete("token");
  const answer = await (await fetch(`/design/data?${fields}`)).json();
  if (mine !== asked) return;
  if (mine > 1 || answer.trouble) byId("design-trouble").replaceChildren(...(answer.trouble ? [troubleBox(answer.trouble)] : [])); // what the server said of a link stays
  if (answer.trouble) return;
  sketch = answer;
  show();
}

const troubleBox = (text) => element("div", { class: "trouble", role: "alert" }, element("pre", { class: "said", tabindex: "0", "aria-label": "What is wrong" }, text));

function show() {
  draw();
  byId("design-summary").textContent = sketch.summary;
  byId("design-text").firstElementChild.textContent = sketch.text;
  byId("code").firstElementChild.textContent = sketch.code;
  byId("to-lab").href = sketch.lab;
  byId("warnings").replaceChildren(...sketch.warnings.map((text) => element("li", {}, element("span", { "aria-hidden": "true" }, "⚠ "), text)));
  byId("differences").replaceChildren(...sketch.differences.map((text) => element("li", {}, text)));
  history.replaceState(null, "", sketch.link);
}

function draw() {
  if (!sketch) return;
  chart.plot?.destroy();
  chart.lines = [{ name: "learning rate", colour: 0, dash: 0, x: sketch.x, y: sketch.y }];
  const high = Math.max(...sketch.y, 0) || 1;
  const scale = scaleFor([0, ...sketch.y], { name: "learning rate" });
  chart.plot = drawChart(host, { lines: chart.lines, x: { name: "update", range: [0, sketch.x.at(-1) + 1] }, y: { ...scale, log: false, range: [0, high * 1.08] } });
  host.dataset.draws = Number(host.dataset.draws ?? 0) + 1;
  requestAnimationFrame(placeHandles); // by then the chart knows its size
}

// Borders between pieces

const handles = []; // they stay while the chart is drawn anew, so that no key that is pressed meanwhile is lost

function placeHandles() {
  while (handles.length > sketch.bounds.length) handles.pop().remove();
  while (handles.length < sketch.bounds.length) {
    const made = handle(handles.length);
    (handles.at(-1) ?? host).after(made);
    handles.push(made);
  }
  const { bbox } = chart.plot;
  sketch.bounds.forEach((at, place) => {
    const made = handles[place];
    const said = { "aria-valuemax": total(), "aria-valuenow": at, "aria-valuetext": `update ${at} of ${total()}` };
    for (const [name, value] of Object.entries(said)) made.setAttribute(name, value);
    made.style.left = `${bbox.left / devicePixelRatio + chart.plot.valToPos(at, "x")}px`;
    made.style.top = `${host.offsetTop + bbox.top / devicePixelRatio}px`;
    made.style.height = `${bbox.height / devicePixelRatio}px`;
  });
}

function handle(place) {
  const made = element("button", { type: "button", class: "handle", role: "slider", "aria-label": `Border after piece ${place + 1}`, "aria-valuemin": 0 });
  made.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    move(place, sketch.bounds[place] + steps[event.key] * total());
  });
  made.addEventListener("pointerdown", (event) => drag(event, place));
  return made;
}

const total = () => sketch.x.at(-1) + 1;

function drag(event, place) {
  event.preventDefault();
  const left = host.getBoundingClientRect().left + chart.plot.bbox.left / devicePixelRatio;
  const follow = (moved) => move(place, chart.plot.posToVal(moved.clientX - left, "x"));
  const end = () => {
    removeEventListener("pointermove", follow);
    removeEventListener("pointerup", end);
  };
  addEventListener("pointermove", follow);
  addEventListener("pointerup", end);
}

/** Write the length that puts a border at an update: of the piece before it, or of the one after where that one alone has a length. */
function move(place, update) {
  const before = place ? sketch.bounds[place - 1] : 0;
  const after = sketch.bounds[place + 1] ?? total();
  const at = Math.min(Math.max(update, before + 1), after - 1);
  const [mine, next] = [place, place + 1].map((each) => form.elements[`${each}-length`]);
  const share = (updates) => `${Number(((100 * updates) / total()).toPrecision(3))}%`;
  if (mine.value || !next.value) mine.value = share(at - before);
  else next.value = share(after - at);
  clearTimeout(timer);
  ask().then(() => say(`Border after piece ${place + 1}: update ${sketch.bounds[place]}.`));
}

function soon(event) {
  clearTimeout(timer);
  if (event.target.name?.startsWith("kind") && event.target.name !== "kind") form.requestSubmit();
  else timer = setTimeout(ask, PAUSE);
}

for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
form.addEventListener("input", soon);
makeReadable(host, "Learning rate over updates", () => chart);
for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", draw);
new ResizeObserver(() => requestAnimationFrame(draw)).observe(host);
setUpCopy();
ask();
