"""`etude explain`: show the manual page of a rule."""

import re
import textwrap

import click

from etude.errors import EtudeError

_ROOMS = ("etude.diagnosis", "etude.linter")
"""Rooms with a function `pages() -> {code: (title, page)}`."""


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE...]")
def explain(codes: tuple[str, ...]) -> None:
    """Show what the rules CODE see, why it matters and what to do; without a code, list them."""
    found = _pages()
    wanted = [code.upper() for code in codes]
    for code in wanted:
        if code not in found:
            raise EtudeError(f"CODE must be a rule's, got {code!r}; `etude explain` lists them")
    if not wanted:
        for code, (title, _) in found.items():
            click.echo(f"{code}  {title}")
    for count, code in enumerate(wanted):
        click.echo(f"{'' if count == 0 else chr(10)}{code}: {_readable(found[code][1])}")


def _readable(page: str) -> str:
    """Write a page for a terminal: without Markdown's marks, its code under what it is."""
    kinds = iter(("Wrong", "Right"))

    def indented(block: re.Match[str]) -> str:
        return f"{next(kinds, 'Code')}:\n\n{textwrap.indent(block[1], '    ').rstrip()}"

    plain = re.sub(r"^\*\*(.+?)\*\*", r"\1", page, flags=re.MULTILINE)
    return re.sub(r"```python\n(.*?)```", indented, plain, flags=re.DOTALL)


def _pages() -> dict[str, tuple[str, str]]:
    from importlib import import_module

    found: dict[str, tuple[str, str]] = {}
    for room in _ROOMS:
        found.update(import_module(room).pages())
    return found
