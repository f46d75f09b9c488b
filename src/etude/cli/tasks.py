"""`etude tasks`: the ready-made tasks."""

import click

from etude.cli.screen import screen


@click.command()
def tasks() -> None:
    """List the ready-made tasks: what they are, their data, size and a sensible budget."""
    from rich.text import Text

    from etude.report.hanging import hanging
    from etude.report.words import several
    from etude.tasks import READY, prepare

    console = screen(highlight=False)
    widest = max(map(len, READY))
    for name, make in READY.items():
        prepared = prepare(make())
        task = prepared.task
        sizes = (
            f"{prepared.train.size:,} + {prepared.val.size:,} examples,"
            f" {several(prepared.parameters, 'parameter')}, {several(task.budget, 'update')}"
        )
        about = Text.assemble(f"{task.about}\n", (f"data: {task.source}\n{sizes}", "dim"))
        console.print(
            hanging(console, Text(f"{name:<{widest}}  ", style="bold"), about), end="\n\n"
        )
    console.print("examples: training + validation; updates: a sensible budget")
    console.print("your own task: etude compare train.py:task")
