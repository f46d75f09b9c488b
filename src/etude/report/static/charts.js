// Line charts that can be read by eye, by key and by ear. uPlot draws the lines; this file adds what
// keeps them readable without colour (dashes, markers, labels at the line ends), on log scales with
// few ticks, in the page's theme, and point by point with the arrow keys.
//
// A line is {label, name, colour, dash, shape?, hollow?, ring?, x, y, low?, high?}: null in y is a gap;
// colour, dash and shape are numbers; a span is {from, to, token}, shaded in that CSS token's colour; a hollow line has large hollow markers and no stroke. A mark is {x, row, colour, text?, shift?}: a cross in a row on the top edge.

const COLOURS = 8;
const DASHES = [[], [9, 4], [2, 3], [12, 3, 2, 3], [5, 2], [18, 5], [2, 7], [9, 3, 2, 3, 2, 3]];
const SHAPES = 5;
const TEXT = "12px system-ui, sans-serif";
const ROW = 18;

export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colourOf = (colour) => token(`--series-${(colour % COLOURS) + 1}`);
const dashOf = (dash) => DASHES[dash % DASHES.length];
export const finite = (values) => values.filter(Number.isFinite);

/** Write a number with three significant digits: 0.0683, 1.2e-7. */
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 1e-4 || size >= 1e5 ? value.toExponential(1).replace(".0e", "e") : String(Number(value.toPrecision(3)));
}

/** Make an element: attributes, then children, which may be text. */
export function element(name, attributes = {}, ...children) {
  const svg = ["svg", "path"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Give a strategy's text with its arrows kept in one piece where a line breaks. */
export function unbroken(text) {
  return text.split(/(->)/).map((part) => (part === "->" ? element("span", { class: "whole" }, part) : part));
}

/** Give the line's sample for a legend; CSS tokens keep it right when the theme changes. */
export function swatch({ colour, dash, shape }) {
  const stroke = colour === undefined ? "var(--ink)" : `var(--series-${(colour % COLOURS) + 1})`;
  const made = element("svg", { class: "swatch", viewBox: "0 0 34 14", "aria-hidden": "true" });
  if (dash !== undefined) {
    const dashes = dashOf(dash).join(" ");
    made.append(element("path", { d: "M0 7H34", fill: "none", stroke, "stroke-width": 2.5, "stroke-dasharray": dashes }));
  }
  if (shape !== undefined) made.append(element("path", { d: outline(shape, 17, 7, 5), fill: stroke }));
  return made;
}

/** Give a marker's outline as SVG path text: circle, square, triangle, diamond, bar. */
function outline(shape, x, y, r) {
  return [
    `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
    `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`,
    `M${x} ${y - r}L${x + r} ${y + r}H${x - r}Z`,
    `M${x} ${y - 1.3 * r}L${x + 1.3 * r} ${y}L${x} ${y + 1.3 * r}L${x - 1.3 * r} ${y}Z`,
    `M${x - 1.4 * r} ${y - r / 2}h${2.8 * r}v${r}h${-2.8 * r}Z`,
  ][shape % SHAPES];
}

/** Give the index of the value nearest to `x` in a sorted list. */
export function nearest(values, x) {
  let found = 0;
  values.forEach((value, index) => {
    if (Math.abs(value - x) < Math.abs(values[found] - x)) found = index;
  });
  return found;
}

/** Give round numbers on a log axis: powers of ten, with 2 and 5 between where there is room. */
function decades(low, high) {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const every = Math.ceil((last - first) / 7);
  const steps = last - first <= 2 ? [1, 2, 5] : last - first <= 4 ? [1, 3] : [1];
  const found = [];
  for (let power = first; power <= last; power += every) {
    for (const step of steps) found.push(Number(`${step}e${power}`));
  }
  return found.filter((value) => value >= low && value <= high);
}

/** Give a scale that holds the values, log where all are positive, ending at `cap` at most. */
export function scaleFor(values, { name, cap = Infinity }) {
  const known = finite(values);
  const log = known.length > 0 && known.every((value) => value >= 0) && known.some((value) => value > 0);
  const low = Math.min(...(log ? known.filter((value) => value > 0) : known));
  const high = Math.min(Math.max(...known), cap);
  if (log) return { name, log, range: [low * 0.85, Math.max(high, low * 1.5) * 1.1] };
  const room = (high - low || 1) * 0.06;
  return { name, log, range: [low - room, high + room] };
}

function axis(scale, { log, side }) {
  const made = {
    scale,
    font: TEXT,
    stroke: () => token("--muted"),
    grid: { stroke: () => token("--grid"), width: 1, show: side !== 2 },
    ticks: { show: false },
    values: (_, splits) => splits.map(number),
    size: side === 2 ? 24 : 52,
    gap: 6,
  };
  if (log) Object.assign(made, { splits: (_, __, low, high) => decades(low, high), filter: (_, splits) => splits });
  return made;
}

const scaleOf = ({ log, range }) => ({ time: false, distr: log ? 3 : 1, range: () => range });

/** Draw a chart into `host`; `spec` is {lines, marks, rows, rules, x, y, sync, onCursor}. Gives the uPlot. */
export function drawChart(host, spec) {
  host.replaceChildren(
    element("span", { class: "y-name", "aria-hidden": "true" }, spec.y.log ? `${spec.y.name}, log scale` : spec.y.name),
    element("span", { class: "x-name", "aria-hidden": "true" }, spec.x.name),
  );
  const { x, y } = spec;
  const tables = spec.lines.map((line) => [line.x, line.y.map((value) => drawable(value, y))]);
  const options = {
    width: host.clientWidth,
    height: host.clientHeight - 18,
    padding: [26 + ROW * (spec.rows ?? []).length, 46, 0, 0],
    legend: { show: false },
    scales: { x: scaleOf(x), y: scaleOf(y) },
    axes: [axis("x", { ...x, side: 2 }), axis("y", { ...y, side: 3 })],
    series: [{}, ...spec.lines.map(seriesOf)],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, ...(spec.sync && { sync: { key: spec.sync, scales: ["x", null] } }) },
    hooks: {
      drawAxes: [(plot) => drawBehind(plot, spec)],
      draw: [(plot) => drawOver(plot, spec)],
      setCursor: [(plot) => spec.onCursor?.(plot.cursor.idx == null ? null : plot.data[0][plot.cursor.idx])],
    },
  };
  const plot = new uPlot(options, uPlot.join(tables), host);
  plot.root.setAttribute("aria-hidden", "true");
  return plot;
}

/** Keep a value near the range: a canvas cannot place 1e300, nor a log scale 0. */
function drawable(value, { log, range: [low, high] }) {
  if (value === null) return null;
  const room = log ? 0 : high - low;
  return Math.min(Math.max(value, log ? low / 2 : low - room), log ? high * 2 : high + room);
}

function seriesOf(line) {
  return { scale: "y", width: 2, stroke: () => colourOf(line.colour), dash: dashOf(line.dash), pxAlign: 0, points: { show: false }, ...(line.hollow && { paths: () => null }) };
}

/** Draw bands between seeds and horizontal rules, under the lines and inside the frame. */
function drawBehind(plot, spec) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const span of spec.spans ?? []) fillSpan(plot, span);
  for (const line of spec.lines) if (line.low) fillBand(plot, line);
  for (const { y } of spec.rules ?? []) drawRule(plot, y);
  ctx.restore();
}

/** Shade a span of updates, at least some pixels wide, in the colour of a token. */
function fillSpan(plot, { from, to, token: colour }) {
  const { ctx, bbox } = plot;
  const least = 4 * devicePixelRatio;
  const [left, right] = [plot.valToPos(from, "x", true), plot.valToPos(to, "x", true)];
  ctx.fillStyle = token(colour);
  ctx.globalAlpha = 0.13;
  ctx.fillRect(left, bbox.top, Math.max(right - left, least), bbox.height);
  ctx.globalAlpha = 0.8;
  ctx.fillRect(left, bbox.top, Math.max(right - left, least), 2 * devicePixelRatio);
  ctx.globalAlpha = 1;
}

function fillBand(plot, { x, low, high, colour }) {
  const ctx = plot.ctx;
  const top = high.map((value, index) => (value === null && low[index] !== null ? plot.scales.y.max : value));
  const kept = x.map((_, index) => index).filter((index) => low[index] !== null);
  const point = (values) => (index) => [plot.valToPos(x[index], "x", true), plot.valToPos(values[index], "y", true)];
  ctx.beginPath();
  for (const [left, above] of kept.map(point(low))) ctx.lineTo(left, above);
  for (const [left, above] of kept.reverse().map(point(top))) ctx.lineTo(left, above);
  ctx.globalAlpha = 0.14;
  ctx.fillStyle = colourOf(colour);
  ctx.fill();
  ctx.globalAlpha = 1;
}

function drawRule(plot, value) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const height = plot.valToPos(value, "y", true);
  ctx.strokeStyle = token("--muted");
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, height);
  ctx.lineTo(bbox.left + bbox.width, height);
  ctx.stroke();
}

function nameRule(plot, { y, text }) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const height = plot.valToPos(y, "y", true);
  if (height < bbox.top || height > bbox.top + bbox.height) return;
  const above = height - 18 * ratio > bbox.top;
  ctx.fillStyle = token("--muted");
  write(ctx, text, bbox.left + 6 * ratio, height + (above ? -9 : 10) * ratio);
}

/** Draw markers, labels at the line ends, and the crosses of what left the chart. */
function drawOver(plot, spec) {
  const { ctx } = plot;
  ctx.save();
  ctx.setLineDash([]);
  for (const line of spec.lines) if (line.shape !== undefined) drawMarkers(plot, line);
  for (const rule of spec.rules ?? []) nameRule(plot, rule);
  drawEndLabels(plot, spec.lines);
  (spec.rows ?? []).forEach((row, index) => drawRow(plot, row, rowHeight(plot, index, spec.rows.length)));
  for (const mark of spec.marks ?? []) drawMark(plot, mark, rowHeight(plot, mark.row, spec.rows.length));
  ctx.restore();
}

const rowHeight = (plot, index, rows) => plot.bbox.top - (rows - index - 0.5) * ROW * devicePixelRatio;

function drawMarkers(plot, line) {
  const ratio = devicePixelRatio;
  line.x.forEach((x, index) => {
    const y = line.y[index];
    if (y === null || y > plot.scales.y.max) return;
    const place = [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
    const radius = line.hollow || line.ring === index ? 6 : 4;
    drawMarker(plot.ctx, new Path2D(outline(line.shape, ...place, radius * ratio)), line);
    if (line.ring === index) drawRing(plot.ctx, ...place, 11 * ratio);
  });
}

function drawMarker(ctx, path, { colour, hollow }) {
  ctx.fillStyle = hollow ? token("--paper") : colourOf(colour);
  ctx.fill(path);
  if (!hollow) return;
  ctx.strokeStyle = colourOf(colour);
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.stroke(path);
}

function drawRing(ctx, left, top, radius) {
  ctx.strokeStyle = token("--ink");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.beginPath();
  ctx.arc(left, top, radius, 0, 2 * Math.PI);
  ctx.stroke();
}

/** Write each line's label at its end; labels above each other, as at the right edge, make room. */
function drawEndLabels(plot, lines) {
  const { bbox, scales } = plot;
  const ratio = devicePixelRatio;
  const labels = lines.filter((line) => line.label && endOf(line) >= 0).map((line) => {
    const last = endOf(line);
    const [left, top] = [plot.valToPos(line.x[last], "x", true), plot.valToPos(line.y[last], "y", true)];
    return { text: line.label, colour: line.colour, left, top: Math.min(top, bbox.top + bbox.height), gone: line.y[last] > scales.y.max };
  }).filter((label) => !label.gone);
  const right = bbox.left + bbox.width;
  for (const label of labels) if (label.left > right - 0.05 * bbox.width) label.left = right;
  for (const end of new Set(labels.map(({ left }) => left))) {
    spread(labels.filter(({ left }) => left === end), 14 * ratio, bbox.top + bbox.height);
  }
  for (const { text, colour, left, top } of labels) {
    plot.ctx.fillStyle = colourOf(colour);
    write(plot.ctx, text, left + 6 * ratio, top);
  }
}

/** Move labels apart: first down from the top, then up from the bottom edge. */
function spread(labels, room, bottom) {
  labels.sort((one, other) => one.top - other.top);
  labels.forEach((label, index) => { if (index) label.top = Math.max(label.top, labels[index - 1].top + room); });
  for (let index = labels.length - 1, limit = bottom; index >= 0; index -= 1) {
    limit = labels[index].top = Math.min(labels[index].top, limit);
    limit -= room;
  }
}

/** Give the index of a line's last value that is there, -1 where none is. */
const endOf = (line) => line.y.findLastIndex((value) => value !== null);

function drawRow(plot, text, height) {
  plot.ctx.fillStyle = token("--muted");
  write(plot.ctx, text, plot.bbox.left + 6 * devicePixelRatio, height);
}

function drawMark(plot, mark, height) {
  const { ctx } = plot;
  const ratio = devicePixelRatio;
  const left = plot.valToPos(mark.x, "x", true) + (mark.shift ?? 0) * ratio;
  const size = 4 * ratio;
  ctx.strokeStyle = ctx.fillStyle = colourOf(mark.colour);
  ctx.lineWidth = 2 * ratio;
  ctx.beginPath();
  for (const side of [-1, 1]) {
    ctx.moveTo(left - size, height - side * size);
    ctx.lineTo(left + size, height + side * size);
  }
  ctx.stroke();
  if (!mark.text) return;
  const before = left > plot.bbox.left + plot.bbox.width / 2;
  write(ctx, mark.text, left + (before ? -2 : 2) * size, height, before ? "right" : "left");
}

/** Write text in the fill colour, with a rim of paper so that lines under it do not hide it. */
function write(ctx, text, left, middle, align = "left") {
  ctx.font = TEXT.replace("12px", `${12 * devicePixelRatio}px`);
  ctx.strokeStyle = token("--paper");
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.lineJoin = "round";
  ctx.textAlign = align;
  ctx.textBaseline = "middle";
  ctx.strokeText(text, left, middle);
  ctx.fillText(text, left, middle);
}
