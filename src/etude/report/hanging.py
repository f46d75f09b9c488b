"""Lines that hang from a head: a number, a bullet or a name, and what it says beside it."""

from rich.console import Console
from rich.text import Text


def hanging(console: Console, head: Text, body: Text) -> Text:
    """Put a text beside its head, wrapped and set in; unlike a table's, no line ends in blanks."""
    room = max(1, console.width - head.cell_len)
    lines = list(body.wrap(console, room)) or [Text()]
    margin = Text(" " * head.cell_len)
    found = [(head if number == 0 else margin) + line for number, line in enumerate(lines)]
    for line in found:
        line.rstrip()
    return Text("\n").join(found)
