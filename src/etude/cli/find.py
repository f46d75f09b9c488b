"""`etude find`: the learning rate to start from, its usable range, and where training fails."""

from typing import Any

import click

from etude.cli import INTERRUPTED
from etude.cli.lists import read_seeds, split, whole_numbers
from etude.cli.options import run_options
from etude.cli.output import check_files, keeping_clear, write


@click.command()
@click.argument("task")
@click.option(
    "--optimizers", multiple=True, metavar="LIST", help='Such as "sgd momentum=0.9, adamw".'
)
@click.option(
    "--schedule",
    default="warmup 5% -> cosine",
    show_default=True,
    metavar="TEXT",
    help="The schedule of the run that the rate is for.",
)
@click.option(
    "--method",
    type=click.Choice(["ladder", "ramp"]),
    default="ladder",
    show_default=True,
    help="Short copies of the run at several rates; or the classic range test, to compare.",
)
@click.option(
    "--batch-sizes",
    multiple=True,
    metavar="LIST",
    help="Search at each of these, 16,64,256, and say how the rate moves.",
)
@run_options
@click.pass_context
def find(
    ctx: click.Context,
    task: str,
    optimizers: tuple[str, ...],
    batch_sizes: tuple[str, ...],
    seeds: str,
    json_file: str | None,
    html_file: str | None,
    store: str | None,
    fresh: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Find the learning rate for TASK: where it is usable, where to start, where training fails.

    TASK is the name of a ready-made task (see `etude tasks`) or your own as FILE:NAME, such as
    train.py:task. Lists are separated by commas, or by semicolons.

    The exit code is 0 when a usable rate was found, 1 when none was, 2 for a mistake in what was
    asked, and 130 after Ctrl-C.
    """
    from etude.cli.progress import Progress
    from etude.finder import find as search
    from etude.records import found_json
    from etude.report import found_page, show_found
    from etude.store import Store

    picked, sizes = read_seeds(seeds), whole_numbers(batch_sizes)
    check_files(json_file, html_file)
    with (
        keeping_clear(json_file, html_file),
        Store.open(store) as kept,
        Progress(quiet=quiet, metric="loss") as progress,
    ):
        found = search(
            task,
            split(optimizers) or None,
            batch_sizes=sizes,
            seeds=picked,
            store=kept,
            reuse=not fresh,
            command=ctx.find_root().obj,
            listener=progress,
            **settings,
        )
    write(
        json_file,
        html_file,
        quiet=quiet,
        show=lambda console: show_found(found, console),
        data=lambda: found_json(found),
        page=lambda: found_page(found),
    )
    if not found.complete:
        ctx.exit(INTERRUPTED)
    ctx.exit(0 if any(each.suggestion for each in found.ranges) else 1)
