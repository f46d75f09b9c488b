"""`etude runs`: list, show and export the runs that the store keeps."""

import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click
import numpy as np
from click.core import ParameterSource

from etude.cli.screen import screen
from etude.errors import EtudeError
from etude.records import Array, Curve, Outcome, curve_json, run_json

if TYPE_CHECKING:
    from etude.store import Store, StoredRun

LISTED = 50
COLUMNS = ("id", "when", "task", "strategy", "seed", "outcome", "updates", "loss", "metric")
WIDE = 120  # terminal columns from which nothing is shortened
NARROW = {"id": 8, "when": 5, "outcome": 9}  # widths below that; the rest is the strategy's
PLOT_WIDTH = 64
PLOT_HEIGHT = 4
BLOCKS = " ▁▂▃▄▅▆▇█"
LOG_SPAN = 20  # a plot whose values span more than this ratio is drawn over their logarithm
TRAINING = ("lr", "loss", "grad_norm", "update_ratio")
EVALUATION = ("val_loss", "val_metric", "val_spread")
GAINS = ("gain_ratio", "zero_share")
HEADER = ("run", "task", "strategy", "seed", "kind", "update", *TRAINING, *EVALUATION, *GAINS)
KINDS = (
    ("update", "update", TRAINING),
    ("evaluation", "eval_update", EVALUATION),
    ("gain", "gain_update", GAINS),
)

store_option = click.option(
    "--store",
    metavar="URL",
    help="SQLite file or database URL. [default: runs.db under ETUDE_HOME or your data folder]",
)


@click.group(invoke_without_command=True)
@click.option("--task", metavar="NAME", help="Only runs of this task.")
@click.option("--strategy", metavar="TEXT", help="Only runs whose strategy's text holds TEXT.")
@click.option(
    "--outcome", type=click.Choice([str(name) for name in Outcome]), help="Only runs that ended so."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"At most so many. [default: {LISTED} in the table, all with --json]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@store_option
@click.pass_context
def runs(
    ctx: click.Context,
    *,
    task: str | None,
    strategy: str | None,
    outcome: str | None,
    limit: int | None,
    as_json: bool,
    store: str | None,
) -> None:
    """List the stored runs, the newest first; `show` and `export` give more of them."""
    if ctx.invoked_subcommand is not None:
        _refuse_list_options(ctx)
        return
    if store is None and (place := _own_place_without_store()):
        click.echo("[]" if as_json else _nothing_in(place))
        return
    with _opened(store) as opened:
        found = opened.runs(
            task=task,
            strategy=strategy,
            outcome=outcome,
            limit=limit or (None if as_json else LISTED + 1),
        )
        if as_json:
            click.echo(json.dumps([_facts(stored) for stored in found], indent=2))
        elif found:
            _print_table(found[: limit or LISTED])
            if limit is None and len(found) > LISTED:
                click.echo(f"The newest {LISTED} runs; --limit N lists more.")
        elif any((task, strategy, outcome)):
            click.echo(f"No run in {opened.address} fits; `etude runs` lists all.")
        else:
            click.echo(_nothing_in(opened.address))


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the whole curve.")
@store_option
def show(*, run_id: str, as_json: bool, store: str | None) -> None:
    """Show all that is known of one run. The start of its ID is enough."""
    with _opened(store) as opened:
        stored = opened.get(run_id)
    if as_json:
        click.echo(json.dumps(_with_curve(stored), indent=2))
        return
    for line in (*_lines(_facts(stored)), *_plots(stored.run.curve)):
        click.echo(line)


@runs.command()
@click.argument("run_ids", metavar="[ID]...", nargs=-1)
@click.option("--task", metavar="NAME", help="All runs of this task.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv")
@click.option("--output", metavar="FILE", default="-", help="A file. [default: -, the screen]")
@store_option
def export(
    *, run_ids: tuple[str, ...], task: str | None, form: str, output: str, store: str | None
) -> None:
    """Write whole runs with their curves: those named by ID, those of a task, or all.

    CSV is tidy, one row per observation. Its columns are run, task, strategy, seed, kind and
    update, then the numbers. A row of kind `update` has lr, loss, grad_norm and update_ratio of
    that update; a row of kind `evaluation` has val_loss, val_metric and val_spread of the weights
    before that update; the other cells are empty. What is not finite is nan, inf or -inf.

    JSON is a list of runs, each as `etude runs show --json` gives it; what is not finite is null.
    """
    if run_ids and task:
        raise click.UsageError("give the IDs of runs or --task, not both")
    with _opened(store) as opened:
        chosen = _chosen(opened, run_ids, task)
        with _written(output) as file:
            write = _write_csv if form == "csv" else _write_json
            write(file, (opened.get(run_id) for run_id in chosen))
    if output != "-":
        from etude.report.words import several

        click.echo(f"{several(len(chosen), 'run')} written to {output}.", err=True)


def _own_place_without_store() -> str | None:
    """Give the place of the user's own store where it is still to be made: no mistake of theirs."""
    from etude.store.place import default_file, is_there

    file = default_file()
    return None if is_there(file) else str(file)


def _nothing_in(place: str) -> str:
    return f"No runs in {place} yet: `etude compare digits` makes some."


@contextmanager
def _opened(url: str | None) -> Iterator["Store"]:
    """Open a store to read it, so that looking for runs neither makes nor changes one."""
    from etude.store import Store

    # `etude runs --store URL show ID` must not look into the default store
    parent = click.get_current_context().parent
    above = parent.params.get("store") if parent and parent.command is runs else None
    with Store.open(above if url is None else url, reading=True) as opened:
        yield opened


def _refuse_list_options(ctx: click.Context) -> None:
    for name in ("task", "strategy", "outcome", "limit", "as_json"):
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = "--" + name.removeprefix("as_")
            raise click.UsageError(
                f"{option} before {ctx.invoked_subcommand} would list runs; "
                f"write it after {ctx.invoked_subcommand}, if that has it"
            )


def _chosen(store: "Store", run_ids: Sequence[str], task: str | None) -> list[str]:
    if run_ids:
        return list(dict.fromkeys(store.get(run_id).run.id for run_id in run_ids))
    found = [stored.run.id for stored in store.runs(task=task)]
    if not found:
        which = f"runs of task {task!r}" if task else "runs"
        raise EtudeError(f"an export needs runs, but {store.address} has no {which}")
    return found


def _facts(stored: "StoredRun") -> dict[str, Any]:
    """Give what is known of a run, without its curve, ready for JSON."""
    return {
        "id": stored.run.id,
        "created": stored.created,
        "task": stored.run.task,
        **run_json(stored.run),
        "key": stored.key,
        "settings": stored.settings,
    }


def _with_curve(stored: "StoredRun") -> dict[str, Any]:
    return _facts(stored) | {"curve": curve_json(stored.run.curve)}


# -- the table ----------------------------------------------------------------------------------


def _print_table(found: "Sequence[StoredRun]") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = screen()
    if not console.is_terminal:  # a file or a pipe has no width to keep to
        console.width = max(console.width, 200)
    narrow = console.width < WIDE
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        number = name in {"seed", "updates", "loss", "metric"}
        table.add_column(
            name,
            justify="right" if number else "left",
            width=NARROW.get(name) if narrow else None,
            no_wrap=number or not narrow,
            overflow="fold",
        )
    for stored in found:
        cells = _cells(stored, narrow=narrow)
        table.add_row(*(Text(cell) for cell in cells))  # Text: a "[" is no markup
    console.print(table)


def _cells(stored: "StoredRun", *, narrow: bool) -> tuple[str, ...]:
    run, when = stored.run, stored.created[:16].replace("T", " ")
    return (
        run.id[:8] if narrow else run.id,
        when[5:] if narrow else when,
        run.task,
        run.strategy,
        str(run.seed),
        str(run.outcome),
        str(run.updates),
        _short(run.loss),
        _short(run.metric),
    )


def _short(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.4g}"


# -- one run ------------------------------------------------------------------------------------


def _lines(facts: dict[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in facts.items():
        title = indent + name.replace("_", " ")
        if isinstance(value, dict):
            yield title
            yield from _lines(value, indent + "  ")
        else:
            yield f"{title:<15} {'–' if value is None else value}"


def _plots(curve: Curve) -> Iterator[str]:
    yield from _plot("training loss", curve.update, curve.loss, log=True)
    yield from _plot("validation loss", curve.eval_update, curve.val_loss, log=True)
    yield from _plot("lr", curve.update, curve.lr, log=False)


def _plot(title: str, at: Array, values: Array, *, log: bool) -> Iterator[str]:
    """Draw values over their updates as bars, between their least and their greatest value.

    With `log`, the bars' height is the logarithm where the values span more than `LOG_SPAN`.
    """
    yield ""
    good = np.isfinite(values)
    if not good.any():
        yield f"{title}: nothing finite was recorded"
        return
    lost = f"; {(~good).sum()} of {good.size} values are not finite" if not good.all() else ""
    at, values = at[good], values[good]
    low, high = values.min(), values.max()
    log = log and low > 0 and high > LOG_SPAN * low
    scale = " (log scale)" if log else ""
    yield f"{title}{scale}: first {values[0]:.4g}, last {values[-1]:.4g}{lost}"
    if log:
        bars = _bars(_columns(at, np.log(values)), np.log(low), np.log(high))
    else:
        bars = _bars(_columns(at, values), low, high)
    labels = [f"{high:.4g} ┤", *["│"] * (PLOT_HEIGHT - 2), f"{low:.4g} ┤"]
    for label, bar in zip(labels, bars, strict=True):
        yield f"{label:>13}{bar}"
    yield " " * 12 + "└" + "─" * PLOT_WIDTH
    first, last = f"{at[0]:.0f}", f"update {at[-1]:.0f}"
    yield " " * 13 + first + last.rjust(PLOT_WIDTH - len(first))


def _columns(at: Array, values: Array) -> Array:
    """Average values over equal spans of updates; a span without any shows the one before it."""
    edges = np.linspace(at[0], at[-1], PLOT_WIDTH + 1)[1:-1]
    place = np.searchsorted(edges, at, side="left")
    count = np.bincount(place, minlength=PLOT_WIDTH)
    total = np.bincount(place, weights=values, minlength=PLOT_WIDTH)
    last = np.maximum.accumulate(np.where(count > 0, np.arange(PLOT_WIDTH), 0))
    return total[last] / count[last]


def _bars(columns: Array, low: float, high: float) -> Iterator[str]:
    """Give the rows of a bar chart, top row first; the lowest bar is one eighth of a row."""
    steps = 8 * PLOT_HEIGHT - 1
    share = (columns - low) / (high - low) if high > low else np.zeros_like(columns)
    eighths = 1 + np.rint(share * steps).astype(int)
    for row in reversed(range(PLOT_HEIGHT)):
        yield "".join(BLOCKS[level] for level in np.clip(eighths - 8 * row, 0, 8)).rstrip()


# -- export -------------------------------------------------------------------------------------


def _write_csv(file: TextIO, found: "Iterator[StoredRun]") -> None:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(HEADER)
    for stored in found:
        run, curve = stored.run, stored.run.curve
        start = (run.id, run.task, run.strategy, run.seed)
        for kind, index, names in KINDS:
            before = HEADER.index(names[0]) - len(start) - 2
            after = len(HEADER) - HEADER.index(names[-1]) - 1
            for t, *values in _rows(curve, (index, *names)):
                rows.writerow((*start, kind, int(t), *[""] * before, *values, *[""] * after))


def _rows(curve: Curve, names: Sequence[str]) -> Iterator[tuple[float, ...]]:
    return zip(*(getattr(curve, name).tolist() for name in names), strict=True)


def _write_json(file: TextIO, found: "Iterator[StoredRun]") -> None:
    """Write a JSON list run by run, so that no more than one run is in memory."""
    between = "[\n"
    for stored in found:
        file.write(between + json.dumps(_with_curve(stored)))
        between = ",\n"
    file.write("\n]\n")


@contextmanager
def _written(output: str) -> Iterator[TextIO]:
    """Open what an export is written to; a file appears there whole or not at all.

    It is a stream, because the runs of a store need not fit into memory at once.
    """
    from etude.report import open_atomically

    if output == "-":
        yield sys.stdout
        return
    try:
        with open_atomically(output) as file:
            yield file
    except OSError as error:
        raise EtudeError(
            f"an export must go to a file that can be written, but {output} cannot "
            f"({error.strerror}); give another --output"
        ) from error
