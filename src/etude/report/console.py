"""What is printed alike in every report: sentences, lists, code, and nothing a terminal cannot."""

from collections.abc import Iterable

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from etude.report.hanging import hanging

_ASCII = str.maketrans({"✓": "+", "↗": "/", "–": "-", "✗": "x", "·": "-", "é": "e"})


def say(console: Console, sentence: str, style: str = "") -> None:
    """Print a sentence."""
    console.print(Text(fit(console, sentence), style=style))


def fit(console: Console, text: str) -> str:
    """Replace what the terminal's encoding cannot write: a report must never end in a crash."""
    if not console.options.ascii_only:
        return text
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


def show_list(console: Console, items: Iterable[str]) -> None:
    """Print a list, a point each."""
    bullet = Text(fit(console, "· "))
    for item in items:
        console.print(hanging(console, bullet, Text(fit(console, item))))


def show_code(console: Console, title: str, code: str) -> None:
    """Print code unwrapped and uncut, so that it can be copied or piped into a file."""
    console.print()
    say(console, title, "bold")
    fitting = fit(console, code.rstrip())
    syntax = Syntax(fitting, "python", theme="ansi_dark", background_color="default")
    text = syntax.highlight(fitting)
    text.rstrip()
    console.print(text, soft_wrap=True)


def show_command(console: Console, command: str | None) -> None:
    """Print how to run it again, if that is known."""
    if not command:
        return
    console.print()
    say(console, "To run it again", "bold")
    console.print(Text(fit(console, command)), soft_wrap=True)
