"""`etude tasks`: the ready-made tasks."""

import click


@click.command()
def tasks() -> None:
    """List the ready-made tasks: what they are, their data, size and a sensible budget."""
    from rich.console import Console
    from rich.table import Table

    from etude.tasks import READY, prepare

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("task", "about", "data", "examples", "parameters", "updates"):
        right = name in ("examples", "parameters", "updates")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for name, make in READY.items():
        prepared = prepare(make())
        table.add_row(
            name,
            prepared.task.about,
            prepared.task.source,
            f"{prepared.train.size:,} + {prepared.val.size:,}",
            f"{prepared.parameters:,}",
            f"{prepared.task.budget:,}",
        )
    console = Console()
    console.print(table)
    console.print("\nexamples: training + validation; your own task: etude compare train.py:task")
