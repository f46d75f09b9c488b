"""étude inside other people's training code: one framework per file, imported only where used."""
