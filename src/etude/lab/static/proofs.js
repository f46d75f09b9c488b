// Runs an item's experiments where they stand: the button's form is sent from here, and the sentences
// are replaced by what was measured. Without scripts the same form leads to the experiment's page.

import { say } from "./reading.js";

const parse = (text) => new DOMParser().parseFromString(text, "text/html");

async function run(proof, form) {
  const note = proof.querySelector(".note");
  const button = form.querySelector("button");
  button.disabled = true;
  note.textContent = "It runs now …";
  say("It runs now.");
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const result = parse(await answer.text()).getElementById("result");
  const ended = result?.dataset.stream ? await until(result.dataset.stream) : { type: "failed", message: "it could not be run" };
  button.disabled = false;
  button.textContent = "Run it again";
  note.textContent = ended.type === "failed" ? `✗ ${ended.message}.` : "Measured on this machine just now.";
  if (ended.type !== "failed") await show(proof);
  say(note.textContent);
}

/** Wait for an experiment's end. */
function until(stream) {
  return new Promise((resolve) => {
    const source = new EventSource(stream);
    const end = (message) => { source.close(); resolve(message); };
    source.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (["answer", "failed"].includes(message.type)) end(message);
    };
    source.addEventListener("gone", () => end({ type: "failed", message: "the lab was started anew; run it again" }));
  });
}

/** Take the sentences from this page as the server now writes it. */
async function show(proof) {
  const page = parse(await (await fetch(location.href)).text());
  const fresh = page.querySelector(`[data-proof="${proof.dataset.proof}"] .statements`);
  if (fresh) proof.querySelector(".statements").replaceWith(document.importNode(fresh, true));
}

for (const proof of document.querySelectorAll(".proof")) {
  const form = proof.querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(proof, form);
  });
}
