// On a phone the row of modes is wider than the page: bring the one that is open into sight.

document.querySelector(".top nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
