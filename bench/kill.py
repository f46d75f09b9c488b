"""Kill races at random moments, run them again, and compare with one that nobody killed.

A comparison promises that nothing is lost: the same command, run again, gives the same result to
the bit. Each trial starts `etude compare` on a new store, kills all its processes with SIGKILL
after a random time, and then lets the same command run to its end. With `--checkpoints 0` what is
under way is kept all the time, so that kills come amid checkpoints.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select

from etude.store import Store, tables
from etude.training.run import CHECKPOINT_SECONDS

GRID = (
    *("--optimizers", "sgd, adam"),
    *("--schedules", "constant, cosine"),
    *("--lrs", "0.001,0.01,0.1,1"),
)

SURVEY = ("--tries", "12", "--seeds", "1", "--budget", "4runs")
"""With these a race begins with a survey."""

ETUDE = """
import os
from etude.cli import main
from etude.training import run

run.CHECKPOINT_SECONDS = float(os.environ["CHECKPOINT_SECONDS"])
main(prog_name="etude")
"""


def start(command: tuple[str, ...], folder: Path) -> subprocess.Popen[bytes]:
    """Start the race in a process group of its own."""
    files = ("--store", str(folder / "runs.db"), "--json", str(folder / "result.json"))
    return subprocess.Popen(
        [sys.executable, "-c", ETUDE, "compare", *command, *GRID, *files, "--quiet"],
        start_new_session=True,
    )


def run_to_the_end(command: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Run the race and give its result without what may differ: times, and what was reused."""
    code = start(command, folder).wait()
    if code:
        raise click.ClickException(f"the race must end with exit code 0, it ended with {code}")
    result = json.loads((folder / "result.json").read_text())
    runs = [{k: v for k, v in run.items() if k != "seconds"} for run in result["runs"]]
    return {
        "ranking": result["ranking"],
        "runs": sorted(runs, key=lambda run: (run["strategy"], run["seed"], run["planned"])),
        "winner": result["winner"],
        "decisions": result["decisions"],
        "complete": result["complete"],
    }


def run_and_kill(command: tuple[str, ...], folder: Path, seconds: float) -> tuple[int, bool] | None:
    """Kill the race after so many seconds; give what it had stored: runs, and any checkpoint.

    None when it had ended by then.
    """
    process = start(command, folder)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with Store.open(str(folder / "runs.db")) as store:
        runs = store.runs()
        with store._engine.connect() as connection:  # noqa: SLF001 - whose checkpoints is no matter
            checkpoints = connection.scalar(select(func.count()).select_from(tables.checkpoints))
        return len(runs), bool(checkpoints)


@click.command()
@click.option("--kills", default=100, show_default=True)
@click.option("--task", default="digits", show_default=True)
@click.option("--updates", default=200, show_default=True, help="Length of a run.")
@click.option(
    "--checkpoints", default=CHECKPOINT_SECONDS, show_default=True, help="Seconds between two."
)
@click.option("--seed", default=0, show_default=True, help="Of the moments.")
@click.option("--survey", is_flag=True, help="Kill races on a budget that makes a survey.")
def main(kills: int, task: str, updates: int, checkpoints: float, seed: int, survey: bool) -> None:
    """Print how many of the killed races gave the result of an uninterrupted one."""
    os.environ["CHECKPOINT_SECONDS"] = str(checkpoints)
    moments = random.Random(seed)
    command = (task, "--updates", str(updates), *(SURVEY if survey else ()))
    killed = identical = under_way = amid = 0
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        expected = run_to_the_end(command, Path(place))
        duration = time.perf_counter() - began
        while killed < kills:
            folder = Path(tempfile.mkdtemp(dir=place))
            moment = moments.uniform(0, duration)
            left = run_and_kill(command, folder, moment)
            if left is None:
                continue
            stored, has_checkpoint = left
            same = run_to_the_end(command, folder) == expected
            killed += 1
            identical += same
            under_way += stored > 0
            amid += has_checkpoint
            click.echo(
                f"{killed}: killed after {moment:.2f} s with {stored} of {len(expected['runs'])}"
                f" runs stored{' and a checkpoint' if has_checkpoint else ''}:"
                f" {'identical' if same else 'DIFFERENT'}"
            )
    click.echo(
        f"{identical} of {kills} results identical; {under_way} kills came when some of the runs"
        f" were stored, {amid} when a checkpoint was (an uninterrupted race took {duration:.1f} s)"
    )
    sys.exit(identical < kills)


if __name__ == "__main__":
    main()
