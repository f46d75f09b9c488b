"""Options that every command which trains takes."""

import os
from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option(
        "--updates", type=int, metavar="N", help="Length of each run.  [default: the task's budget]"
    ),
    click.option(
        "--seeds",
        default="3",
        show_default=True,
        metavar="N",
        help="How many seeds, or which: 0,1,7.",
    ),
    click.option(
        "--batch-size", type=int, metavar="N", help="Examples an update.  [default: the task's]"
    ),
    click.option(
        "--device",
        default="cpu",
        show_default=True,
        callback=lambda _, __, device: without_gpus(device),
        help="Where to train.",
    ),
    click.option(
        "--engine",
        default="auto",
        show_default=True,
        help="What trains: serial (one run after the other), stacked (many in one pass), or fast"
        " (stacked and compiled).",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        metavar="N",
        help="Processes; 0 trains in this one.  [default: one per core]",
    ),
    click.option(
        "--json",
        "json_file",
        type=click.Path(dir_okay=False, allow_dash=True),
        help="Write the result as JSON; - is standard output.",
    ),
    click.option(
        "--html",
        "html_file",
        type=click.Path(dir_okay=False, allow_dash=True),
        help="Write the report as one HTML page; - is standard output.",
    ),
    click.option(
        "--store",
        metavar="URL",
        help="Where runs are kept.  [default: ETUDE_HOME, or your data folder]",
    ),
    click.option("--fresh", is_flag=True, help="Train all runs, also those that the store has."),
    click.option("--quiet", is_flag=True, help="Show neither progress nor answer."),
)


def without_gpus(device: str) -> str:
    """Hide GPUs that are not asked for: where torch sees one, training cannot use all cores.

    Its autograd would start threads, and workers could not be forked. What loads torch comes later.
    """
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    return device


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options, in this order, after those that it has above."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
