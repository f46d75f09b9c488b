"""`etude compare`: train strategies on a task and say which wins."""

from typing import TYPE_CHECKING, Any

import click

from etude.cli import INTERRUPTED
from etude.cli.lists import number, read_seeds, split
from etude.cli.options import run_options
from etude.cli.output import check_files, keeping_clear, write

if TYPE_CHECKING:
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
    "--metric",
    default="loss",
    show_default=True,
    help="Rank by validation loss, or by the task's metric.",
)
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
@run_options
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
    from etude.records import as_json
    from etude.report import page, show
    from etude.store import Store

    chosen = _strategies(optimizers, lrs, schedules, strategies)
    picked = read_seeds(seeds)
    check_files(json_file, html_file)
    with (
        keeping_clear(json_file, html_file),
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
    write(
        json_file,
        html_file,
        quiet=quiet,
        show=lambda console: show(comparison, console),
        data=lambda: as_json(comparison),
        page=lambda: page(comparison),
    )
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
        "optimizers": split(optimizers),
        "lrs": [number(text) for text in split(lrs, everywhere=True)],
        "schedules": split(schedules),
    }
    given = {name: values for name, values in grid.items() if values}
    single = [strategy(text) for text in texts]
    return single if single and not given else single + default_strategies(**given)
