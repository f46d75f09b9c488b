"""`etude compare`: train strategies on a task and say which wins."""

import json
import re
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etude.cli import INTERRUPTED
from etude.cli.screen import heard_or_not, screen

if TYPE_CHECKING:
    from etude.records import Comparison
    from etude.strategies import Strategy


@click.command()
@click.argument("task")
@click.option(
    "--optimizers", multiple=True, metavar="LIST", help='Such as "sgd momentum=0.9, adamw".'
)
@click.option(
    "--lrs", multiple=True, metavar="LIST", help="Peak lrs for every optimizer: 0.001,0.01,0.1."
)
@click.option(
    "--schedules", multiple=True, metavar="LIST", help='Such as "constant, warmup 5% -> cosine".'
)
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    metavar="TEXT",
    help='One strategy, such as "adamw lr=0.01 cosine"; repeat for more. Alone, it replaces the'
    " usual grid.",
)
@click.option(
    "--updates", type=int, metavar="N", help="Length of each run.  [default: the task's budget]"
)
@click.option(
    "--seeds", default="3", show_default=True, metavar="N", help="How many seeds, or which: 0,1,7."
)
@click.option(
    "--batch-size", type=int, metavar="N", help="Examples an update.  [default: the task's]"
)
@click.option(
    "--metric",
    default="loss",
    show_default=True,
    help="Rank by validation loss, or by the task's metric.",
)
@click.option("--device", default="cpu", show_default=True, help="Where to train.")
@click.option(
    "--exhaustive",
    is_flag=True,
    help="Train every strategy in full instead of racing: slower, and the judge of the race.",
)
@click.option(
    "--tries",
    type=int,
    metavar="N",
    help="How many strategies of a large grid a race may try: it looks for the lr of each optimizer"
    " first, then for the schedule.  [default: all]",
)
@click.option(
    "--budget",
    metavar="COST",
    help="What a race may cost: 20000 updates, 40runs or 90s.  [default: a quarter of the"
    " exhaustive comparison]",
)
@click.option(
    "--engine",
    default="auto",
    show_default=True,
    help="What trains: serial (one run after the other), stacked (many in one pass), or fast"
    " (stacked and compiled).",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Processes; 0 trains in this one.  [default: one per core]",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write the result as JSON; - is standard output.",
)
@click.option(
    "--html",
    "html_file",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write the report as one HTML page; - is standard output.",
)
@click.option(
    "--store",
    metavar="URL",
    help="Where runs are kept.  [default: ETUDE_HOME, or your data folder]",
)
@click.option("--fresh", is_flag=True, help="Train all runs, also those that the store has.")
@click.option("--quiet", is_flag=True, help="Show neither progress nor ranking.")
@click.pass_context
def compare(
    ctx: click.Context,
    task: str,
    optimizers: tuple[str, ...],
    lrs: tuple[str, ...],
    schedules: tuple[str, ...],
    strategies: tuple[str, ...],
    seeds: str,
    json_file: str | None,
    html_file: str | None,
    store: str | None,
    fresh: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Train strategies on TASK and say which learning rate and schedule win.

    TASK is the name of a ready-made task (see `etude tasks`) or your own as FILE:NAME, such as
    train.py:task. Lists are separated by commas, or by semicolons.

    The exit code is 0 when a strategy won, 1 when none did, 2 for a mistake in what was asked,
    and 130 after Ctrl-C.
    """
    from etude.cli.progress import Progress
    from etude.race import compare as run_comparison
    from etude.store import Store

    _check_budget(settings["budget"], exhaustive=settings["exhaustive"])
    chosen = _strategies(optimizers, lrs, schedules, strategies)
    picked = _seeds(seeds)
    _check_files(json_file, html_file)
    to_stdout = "-" in (json_file, html_file)
    with (
        # The answer must be alone there, and a user's model may print.
        redirect_stdout(sys.stderr) if to_stdout else nullcontext(),
        Store.open(store) as kept,
        Progress(quiet=quiet, metric=settings["metric"]) as progress,
    ):
        comparison = run_comparison(
            task,
            chosen,
            seeds=picked,
            store=kept,
            reuse=not fresh,
            command=ctx.find_root().obj,
            listener=progress,
            **settings,
        )
    _write(comparison, json_file, html_file, quiet=quiet)
    if not comparison.complete:
        ctx.exit(INTERRUPTED)
    ctx.exit(0 if comparison.winner else 1)


def _strategies(
    optimizers: tuple[str, ...],
    lrs: tuple[str, ...],
    schedules: tuple[str, ...],
    texts: tuple[str, ...],
) -> "list[Strategy]":
    """Give the strategies asked for; a `--strategy` alone replaces the usual grid."""
    from etude.race import default_strategies
    from etude.strategies import strategy

    grid: dict[str, Any] = {
        "optimizers": _split(optimizers),
        "lrs": [_number(text) for text in _split(lrs, everywhere=True)],
        "schedules": _split(schedules),
    }
    given = {name: values for name, values in grid.items() if values}
    single = [strategy(text) for text in texts]
    return single if single and not given else single + default_strategies(**given)


def _split(lists: tuple[str, ...], *, everywhere: bool = False) -> list[str]:
    """Split at semicolons and commas, but leave the commas inside `multistep 30%,60%` alone."""
    comma = r"[;,]" if everywhere else r";|,\s*(?=[a-z(]|1-sqrt)"
    return [part.strip() for text in lists for part in re.split(comma, text) if part.strip()]


def _number(text: str) -> float:
    from etude.errors import StrategyError

    try:
        return float(text)
    except ValueError:
        raise StrategyError(f"lr must be a finite number above 0, got lr={text!r}") from None


def _seeds(text: str) -> int | list[int]:
    from etude.errors import CompareError

    try:
        return [int(part) for part in text.split(",")] if "," in text else int(text)
    except ValueError:
        raise CompareError(f"seeds must be a count or a list such as 0,1,7, got {text!r}") from None


def _check_budget(budget: str | None, *, exhaustive: bool) -> None:
    from etude.errors import CompareError

    if exhaustive and budget is not None:
        raise CompareError(
            f"a budget limits a race, and --exhaustive asks for none, got --budget {budget};"
            " give one of them"
        )


def _check_files(json_file: str | None, html_file: str | None) -> None:
    if json_file == html_file == "-":
        raise click.UsageError("only one of --json and --html can be -, which is standard output")
    for path in filter(None, (json_file, html_file)):
        if path != "-":
            _check_writable(path)


def _check_writable(path: str) -> None:
    """Find out before the training, not after it, that the answer cannot be written."""
    import tempfile

    from etude.errors import EtudeError

    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise EtudeError(f"{path} must lie in a folder that exists, but {folder} does not; make it")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise EtudeError(
            f"{path} must lie in a folder that can be written, but {folder} cannot"
            f" ({error.strerror}); name another"
        ) from None


def _write(
    comparison: "Comparison", json_file: str | None, html_file: str | None, *, quiet: bool
) -> None:
    """Write the files, then show: of what is shown, nobody need read the end."""
    from etude.records import as_json
    from etude.report import page, show

    texts: dict[str, str] = {}
    if json_file:
        texts[json_file] = json.dumps(as_json(comparison), indent=2, allow_nan=False) + "\n"
    if html_file:
        texts[html_file] = page(comparison)
    to_stdout = texts.pop("-", None)
    try:
        for path, text in texts.items():
            _put(text, path)
    finally:
        with heard_or_not():
            if not quiet:
                show(comparison, screen(stderr=to_stdout is not None))
            if to_stdout is not None:
                click.echo(to_stdout.encode(), nl=False)  # UTF-8, as the page says, in any terminal
    if not quiet:
        with heard_or_not():
            click.echo("".join(f"written: {path}\n" for path in texts), nl=False, err=True)


def _put(text: str, path: str) -> None:
    from etude.errors import EtudeError
    from etude.report import write_text_atomically

    try:
        write_text_atomically(path, text)
    except OSError as error:
        raise EtudeError(
            f"{path} must be a file that can be written, but it cannot ({error.strerror})"
        ) from error
