"""`etude diagnose`: what is wrong with a run, from any common log of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from etude.cli.options import without_gpus
from etude.cli.output import check_files, keeping_clear, write
from etude.cli.screen import screen

if TYPE_CHECKING:
    from etude.readers.find import Told


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--loss", metavar="NAME", help="Column of the training loss.  [default: guessed]")
@click.option("--lr", metavar="NAME", help="Column of the lr.  [default: guessed]")
@click.option("--step", metavar="NAME", help="Column that counts updates.  [default: guessed]")
@click.option(
    "--format", "form", metavar="NAME", help="Format of the logs.  [default: told by content]"
)
@click.option(
    "--chance",
    type=float,
    metavar="LOSS",
    help="Loss of the best constant answer: ln C for C classes, var(y) for a squared error.",
)
@click.option(
    "--probe",
    "task",
    metavar="TASK",
    help="Fork a run of this task (see `etude tasks`, or train.py:task) at several multiples of its"
    " lr, instead of reading a log.",
)
@click.option(
    "--strategy", metavar="TEXT", help='With --probe: the run\'s strategy, such as "adamw lr=1e-3".'
)
@click.option(
    "--checkpoint",
    type=click.Path(),
    help="With --probe: where the run stands, a file with the state of model and optimizer.",
)
@click.option(
    "--at",
    type=int,
    metavar="N",
    help="With --probe: updates before the forks.  [default: a third]",
)
@click.option(
    "--updates", type=int, metavar="N", help="With --probe: updates of each fork.  [default: 80]"
)
@click.option("--length", type=int, metavar="N", help="With --probe: length of the whole run.")
@click.option("--seed", type=int, metavar="N", help="With --probe: seed of the run.  [default: 0]")
@click.option("--batch-size", type=int, metavar="N", help="With --probe: examples an update.")
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
@click.option("--store", metavar="URL", help="Where runs named by id are kept.")
@click.option("--quiet", is_flag=True, help="Show neither progress nor answer.")
@click.pass_context
def diagnose(
    ctx: click.Context,
    paths: tuple[str, ...],
    json_file: str | None,
    html_file: str | None,
    store: str | None,
    quiet: bool,
    task: str | None,
    **settings: Any,
) -> None:
    """Say what is wrong with the runs whose logs lie at PATH, and what the logs cannot tell.

    A PATH is a log, a folder in which logs are looked for, or the id of a run (see `etude runs`).
    TensorBoard, W&B, MLflow, Hugging Face, Lightning, Keras, Ultralytics, open-mmlab, CSV and JSON
    are read. Several runs at several learning rates are compared with each other. Without PATH all
    runs of the store are read.

    With --probe an experiment decides what a log cannot: copies of a run go on at x0.1, x0.3, x1,
    x3 and x10 of its lr from the same point, on the same batches. The run is one that étude trains
    up to there (--strategy) or one that you saved (--checkpoint).

    The exit code is 0 when nothing was found, 1 for findings, and 2 when a PATH cannot be read; the
    others are read all the same.
    """
    from etude.readers import diagnose as answer
    from etude.readers import stored_logs
    from etude.records import diagnosis_json
    from etude.report import diagnosis_page, show_diagnosis

    asked = {name: settings.pop(name) for name in _OF_PROBES}
    given = {name: value for name, value in asked.items() if value is not None}
    check_files(json_file, html_file)
    if task is not None:
        _probe(ctx, task, given, paths, json_file=json_file, html_file=html_file, quiet=quiet)
        return
    if given:
        raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} needs --probe TASK")
    with _telling(quiet=quiet) as tell:
        sources = list(paths) or list(stored_logs(store))
        found = answer(sources, store=store, tell=tell, **settings)
    write(
        json_file,
        html_file,
        quiet=quiet,
        show=lambda console: show_diagnosis(found, console),
        data=lambda: diagnosis_json(found),
        page=lambda: diagnosis_page(found, command=ctx.find_root().obj),
    )
    ctx.exit(2 if found.failed else 1 if found.findings else 0)


_OF_PROBES = ("strategy", "checkpoint", "at", "updates", "length", "seed", "batch_size")


def _probe(
    ctx: click.Context,
    task: str,
    given: dict[str, Any],
    paths: tuple[str, ...],
    *,
    json_file: str | None,
    html_file: str | None,
    quiet: bool,
) -> None:
    """Fork a run instead of reading a log."""
    if paths:
        raise click.UsageError(f"--probe forks a run and reads no log, got {paths[0]} too")
    without_gpus("cpu")
    from etude.probe import probe
    from etude.records import Action, probe_json
    from etude.report import probe_page, show_probe

    strategy = given.pop("strategy", None)
    with keeping_clear(json_file, html_file):
        found = probe(task, strategy, **given)
    found.settings["command"] = ctx.find_root().obj
    write(
        json_file,
        html_file,
        quiet=quiet,
        show=lambda console: show_probe(found, console),
        data=lambda: probe_json(found),
        page=lambda: probe_page(found),
    )
    ctx.exit(0 if found.action is Action.KEEP else 1)


@contextmanager
def _telling(*, quiet: bool) -> Iterator["Told"]:
    """Show on standard error what is read, where somebody watches."""
    console = screen(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("reading") as status:
        yield lambda name: status.update(f"reading {name}")
