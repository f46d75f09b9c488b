"""`etude diagnose`: what is wrong with a run, from any common log of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from etude.cli.output import check_files, write
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
    **settings: Any,
) -> None:
    """Say what is wrong with the runs whose logs lie at PATH, and what the logs cannot tell.

    A PATH is a log, a folder in which logs are looked for, or the id of a run (see `etude runs`).
    TensorBoard, W&B, MLflow, Hugging Face, Lightning, Keras, Ultralytics, open-mmlab, CSV and JSON
    are read. Several runs at several learning rates are compared with each other. Without PATH all
    runs of the store are read.

    The exit code is 0 when nothing was found, 1 for findings, and 2 when a log cannot be read.
    """
    from etude.readers import diagnose as answer
    from etude.readers import stored_logs
    from etude.records import diagnosis_json
    from etude.report import diagnosis_page, show_diagnosis

    check_files(json_file, html_file)
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
    ctx.exit(1 if found.findings else 0)


@contextmanager
def _telling(*, quiet: bool) -> Iterator["Told"]:
    """Show on standard error what is read, where somebody watches."""
    console = screen(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("reading") as status:
        yield lambda name: status.update(f"reading {name}")
