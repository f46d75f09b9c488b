"""`etude learn`: the local web lab."""

import click

from etude.errors import EtudeError

_NEEDS = ("fastapi", "uvicorn", "fsrs", "markdown_it", "yaml", "multipart")
"""What the extra `learn` installs."""


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="Where.  [default: 7321]")
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
@click.option(
    "--store",
    metavar="URL",
    help="Where runs and progress are kept.  [default: ETUDE_HOME, or your data folder]",
)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="FILE:NAME",
    help="A task of your own to train in the lab, such as train.py:task.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    default=2,
    show_default=True,
    metavar="N",
    help="Processes that train.",
)
def learn(
    port: int | None, no_browser: bool, store: str | None, tasks: tuple[str, ...], workers: int
) -> None:
    """Understand it: read, predict, run and be tested, in the browser, on this machine alone.

    The server listens on the loopback interface only and asks no other machine for anything.
    """
    from importlib.util import find_spec

    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise EtudeError(
            f"the lab needs packages that are not installed ({', '.join(missing)}):"
            ' pip install "etude[learn]"'
        )
    from etude.lab.serve import serve

    serve(
        port=port,
        store=store,
        tasks=tasks,
        workers=workers,
        browser=not no_browser,
        say=click.echo,
    )
