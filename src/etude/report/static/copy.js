// The button that copies the page's code.

import { say } from "./reading.js";

/** Show the button, where the page has code. */
export function setUpCopy() {
  const button = document.getElementById("copy");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", copyCode);
}

async function copyCode() {
  const code = document.getElementById("code").textContent;
  try {
    await navigator.clipboard.writeText(code);
    confirmCopy("Copied");
  } catch {
    getSelection().selectAllChildren(document.getElementById("code"));
    confirmCopy(document.execCommand("copy") ? "Copied" : "Selected: now copy");
  }
}

function confirmCopy(text) {
  document.getElementById("copy").textContent = text;
  say(text);
  setTimeout(() => { document.getElementById("copy").textContent = "Copy"; }, 3000);
}
