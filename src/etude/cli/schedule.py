"""`etude schedule`: draw schedules of any library, compare them, write them as code."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from etude.errors import EtudeError

if TYPE_CHECKING:
    from rich.console import Console

    from etude.report.schedules import Drawn
    from etude.schedules.conventions import Imported

USUAL = 100
"""Updates of a run whose length neither the user nor the schedule says."""
MOST = 10_000_000
_FILE = click.Path(dir_okay=False, allow_dash=True)


@click.command()
@click.argument("texts", nargs=-1, required=True, metavar="[compare] TEXT...")
@click.option(
    "--updates",
    type=click.IntRange(1, MOST),
    metavar="N",
    help="Length of the run.  [default: the schedule's own, or 100]",
)
@click.option("--peak-lr", type=float, metavar="LR", help="Show rates instead of multipliers.")
@click.option("--epoch", type=float, metavar="N", help="Updates an epoch, for lengths in ep.")
@click.option("--batch-size", type=float, metavar="N", help="Samples an update, for samples.")
@click.option("--tokens", type=float, metavar="N", help="Tokens an update, for tok.")
@click.option("--values", is_flag=True, help="Print every update's value, tab-separated, no more.")
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON.")
@click.option(
    "--code",
    type=click.Choice(["torch", "hf", "python"]),
    help="Print the schedule as code: torch's own classes or a formula, a transformers setting, "
    "or plain Python.",
)
@click.option("--svg", "svg_file", type=_FILE, help="Draw it as SVG; - is standard output.")
@click.option("--png", "png_file", type=click.Path(dir_okay=False), help="Draw it as PNG.")
@click.option("--html", "html_file", type=_FILE, help="Write a page; - is standard output.")
def schedule(
    texts: tuple[str, ...],
    updates: int | None,
    peak_lr: float | None,
    values: bool,
    as_json: bool,
    code: str | None,
    svg_file: str | None,
    png_file: str | None,
    html_file: str | None,
    **worth: float | None,
) -> None:
    """Draw the schedule TEXT, with its numbers and what would surprise its user.

    TEXT is étude's, such as "warmup 5% -> cosine to 0.1", or another library's: "torch:
    OneCycleLR(max_lr=1, total_steps=10)", "hf: cosine warmup=3", "optax: …", "timm: …", "keras:
    …", "deepspeed: …", "megatron: …", in its own names.

    Several are compared with the first: etude schedule compare "hf: cosine warmup=3"
    "warmup 3 -> cosine".
    """
    words = texts[1:] if texts[:1] == ("compare",) else texts
    if len(words) < len(texts) and len(words) < 2:  # noqa: PLR2004 - two to compare
        raise click.UsageError("compare takes at least two schedules")
    many, peak_lr = _many(words, updates, peak_lr, worth)
    if code is not None:
        _print_code(words, many, code, peak_lr)
    elif as_json:
        click.echo(json.dumps([_plain(one, peak_lr) for one in many], ensure_ascii=False))
    elif values:
        _print_values(many)
    axis = "multiplier" if peak_lr is None else "lr"
    _write_files(many, axis, peak_lr, svg_file, png_file, html_file)
    if not (code or as_json or values or "-" in {svg_file, html_file}):
        _show(many, axis, peak_lr)


def _many(
    texts: Sequence[str], updates: int | None, peak_lr: float | None, worth: dict[str, Any]
) -> tuple[list["Drawn"], float | None]:
    """Read and evaluate the schedules, all over the same run."""
    from etude.report.schedules import drawn
    from etude.schedules.conventions import read

    if peak_lr is not None and not 0 < peak_lr < float("inf"):
        raise EtudeError(f"--peak-lr must be a rate above 0, got {peak_lr}")
    lr = 1.0 if peak_lr is None else peak_lr
    length = updates or max(_own_length(text, lr, worth) for text in texts)
    found = [(text, read(text, length, lr=lr, **worth)) for text in texts]
    if peak_lr is None and len(found) == 1:
        peak_lr = _own_peak(found[0][1])
    return [drawn(text, each, length, peak_lr=peak_lr) for text, each in found], peak_lr


def _own_peak(found: "Imported") -> float | None:
    return None if found.peak_lr == 1 else found.peak_lr


def _own_length(text: str, lr: float, worth: dict[str, Any]) -> int:
    """Give the updates that a schedule's own settings speak of."""
    from etude.schedules import Schedule
    from etude.schedules.conventions import read
    from etude.schedules.text import parse

    found = read(text, USUAL, lr=lr, **worth)
    length: Any = found.end
    if found.library == "étude":
        own: Schedule = parse(text)
        length = own.length if own.bound else None
    return min(length, MOST) if isinstance(length, int) and length > 0 else USUAL


def _print_code(
    texts: Sequence[str], many: list["Drawn"], code: str, peak_lr: float | None
) -> None:
    from etude.schedules.conventions.exports import to_hf_code, to_torch_code

    if len(many) > 1:
        raise EtudeError(f"--code takes one schedule, got {len(texts)}")
    found, updates = many[0].found, len(many[0].values)
    if code == "python":
        click.echo(found.schedule.source())
        return
    if code == "torch":
        written = to_torch_code(found.schedule, peak_lr=peak_lr or found.peak_lr)
    else:
        written = to_hf_code(found.schedule, updates, peak_lr=peak_lr or found.peak_lr)
    click.echo(
        "".join(f"# {sentence}\n" for sentence in written.differences) + written.code, nl=False
    )


def _print_values(many: list["Drawn"]) -> None:
    click.echo("\t".join(["update", *(one.name for one in many)]))
    for t, row in enumerate(zip(*(one.values for one in many), strict=True)):
        click.echo("\t".join([str(t), *map(repr, row)]))


def _plain(one: "Drawn", peak_lr: float | None) -> dict[str, Any]:
    from dataclasses import asdict

    from etude.errors import ScheduleError

    try:
        spec: Any = one.found.schedule.to_json()
    except ScheduleError:
        spec = None
    return {
        "text": one.name,
        "library": one.found.library,
        "schedule": str(one.found.schedule),
        "spec": spec,
        "peak_lr": peak_lr if peak_lr is not None else one.found.peak_lr,
        "summary": asdict(one.summary),
        "warnings": list(one.warnings),
        "values": list(one.values),
    }


def _write_files(
    many: list["Drawn"],
    axis: str,
    peak_lr: float | None,
    svg_file: str | None,
    png_file: str | None,
    html_file: str | None,
) -> None:
    from etude.report.schedules import page, picture, png

    title = many[0].name if len(many) == 1 else f"{len(many)} schedules compared"
    if svg_file:
        _write(svg_file, picture(many, title, axis))
    if png_file:
        png(many, title, axis, png_file)
    if html_file:
        _write(html_file, page(many, title, axis, peak_lr))


def _write(path: str, text: str) -> None:
    from etude.report import write_text_atomically

    if path == "-":
        sys.stdout.write(text)
        return
    try:
        write_text_atomically(path, text)
    except OSError as error:
        raise EtudeError(f"cannot write {path}: {error.strerror or error}") from error


def _show(many: list["Drawn"], axis: str, peak_lr: float | None) -> None:
    from rich.console import Console

    from etude.report.plot import LETTERS, plot
    from etude.report.schedules import apart_in_words, numbers

    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    ascii_only = console.options.ascii_only
    say = _Speaker(console, ascii_only=ascii_only)
    several = len(many) > 1
    if not several:
        say(many[0].name, "bold")
        _say_own_words(say, many[0])
    say(f"{axis} of {len(many[0].values):,} updates")
    say("")
    for row in plot([one.values for one in many], width=console.width, ascii_only=ascii_only):
        say(row)
    for letter, one in zip(LETTERS, many, strict=False):
        say("")
        if several:
            say(f"{letter}  {one.name}", "bold")
            _say_own_words(say, one)
            if one is not many[0]:
                say(apart_in_words(many[0], one))
        say(" · ".join(f"{name} {value}" for name, value in numbers(one, peak_lr)))
        for warning in one.warnings:
            say(f"⚠ {warning}", "yellow")
    say("")
    _say_table(console, many)


class _Speaker:
    """Prints lines wrapped at the terminal's width, in what its encoding can write."""

    def __init__(self, console: "Console", *, ascii_only: bool) -> None:
        self.console, self.ascii_only = console, ascii_only

    def __call__(self, sentence: str, style: str = "") -> None:
        from rich.text import Text

        if self.ascii_only:
            plain = sentence.replace("⚠", "!").replace("é", "e").replace("·", ";")
            sentence = plain.encode("ascii", "replace").decode("ascii")
        self.console.print(Text(sentence, style=style), soft_wrap=False)


def _say_own_words(say: _Speaker, one: "Drawn") -> None:
    written = str(one.found.schedule)
    if written != one.name:
        say(f"in étude's words: {written}", "dim")


def _say_table(console: "Console", many: list["Drawn"]) -> None:
    """Print values at some updates: across where that fits, else down."""
    from rich.table import Table

    from etude.report.plot import LETTERS
    from etude.report.schedules import shown_updates

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("update", justify="right")
    for letter, _ in zip(LETTERS, many, strict=False):
        table.add_column(letter if len(many) > 1 else "value", justify="right")
    for t in shown_updates(many):
        table.add_row(str(t), *(f"{one.values[t]:.4g}" for one in many))
    console.print(table, soft_wrap=False)
