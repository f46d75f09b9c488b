"""`etude tasks`: the ready-made tasks."""

import click

from etude.cli.screen import screen


@click.command()
def tasks() -> None:
    """List the ready-made tasks: what they are, their data, size and a sensible budget."""
    from rich.table import Table

    from etude.report.words import several
    from etude.tasks import READY, prepare

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 1, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, make in READY.items():
        prepared = prepare(make())
        task = prepared.task
        sizes = (
            f"{prepared.train.size:,} + {prepared.val.size:,} examples,"
            f" {several(prepared.parameters, 'parameter')}, {several(task.budget, 'update')}"
        )
        table.add_row(name, f"{task.about}\n[dim]data: {task.source}\n{sizes}[/dim]")
    console = screen(highlight=False)
    console.print(table)
    console.print("examples: training + validation; updates: a sensible budget")
    console.print("your own task: etude compare train.py:task")
