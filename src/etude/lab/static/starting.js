// Takes the note "the engine is starting" away once a worker is ready.

const note = document.getElementById("starting");

async function look() {
  const { ready } = await (await fetch("/lab/ready")).json();
  if (ready) note.remove();
  else setTimeout(look, 1000);
}

if (note) look();
