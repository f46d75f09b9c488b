// Waits for an experiment without a picture, and then loads the page again.

const { stream } = document.getElementById("result").dataset;
const source = new EventSource(stream);

source.onmessage = (event) => {
  if (!["answer", "failed"].includes(JSON.parse(event.data).type)) return;
  source.close();
  location.reload();
};
source.addEventListener("gone", () => location.reload());
