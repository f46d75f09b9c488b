// Reads a chart point by point: arrow keys walk, a polite live region speaks. A canvas says nothing by
// itself, so this is how someone without a pointer or without sight gets at the numbers.

const LEAP = 10;

/** Make `host` a chart that keys can read. `current()` gives {plot, lines, sentence(line, index)}. */
export function makeReadable(host, name, current) {
  const at = { line: 0, index: -1 };
  host.tabIndex = 0;
  host.setAttribute("role", "application");
  host.setAttribute("aria-roledescription", "chart");
  host.setAttribute("aria-label", `${name}. Left and right read points, up and down change the line, Page Up and Page Down leap.`);
  host.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !move(event.key, at, current().lines)) return;
    event.preventDefault();
    point(current(), at);
  });
}

/** Move the place to read; false when the key is none of ours. */
function move(key, at, lines) {
  if (!lines.length) return false;
  at.line = Math.min(at.line, lines.length - 1);
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -LEAP, PageDown: LEAP, Home: -Infinity, End: Infinity };
  const turns = { ArrowUp: -1, ArrowDown: 1 };
  if (!(key in steps) && !(key in turns)) return false;
  if (key in turns) at.line = (at.line + turns[key] + lines.length) % lines.length;
  const last = lines[at.line].x.length - 1;
  at.index = Math.min(Math.max(at.index + (steps[key] ?? 0), 0), last);
  return true;
}

function point({ plot, lines, sentence }, at) {
  const line = lines[at.line];
  const height = line.y[at.index] ?? plot.scales.y.max;
  plot.setCursor({ left: plot.valToPos(line.x[at.index], "x"), top: plot.valToPos(height, "y") });
  say(sentence(line, at.index));
}

/** Say a sentence in the page's one live region. */
export function say(sentence) {
  document.getElementById("live").textContent = sentence;
}
