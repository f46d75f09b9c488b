// Counts a question's time down. The deadline is the server's: at zero the page asks it again.

import { say } from "./reading.js";

const ALOUD = new Set([60, 30, 10]);
const clock = document.getElementById("clock");
const end = performance.now() + 1000 * Number(clock.dataset.left);
let last = null;

function tick() {
  const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
  if (left !== last) {
    last = left;
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (ALOUD.has(left)) say(`${left} seconds left.`);
  }
  if (left > 0) setTimeout(tick, 200);
  else location.reload();
}

tick();
