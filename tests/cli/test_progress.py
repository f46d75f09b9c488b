"""`etude.cli.progress`: what is shown while a comparison trains."""

import math
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from etude.cli.progress import Progress, _Bars
from etude.records import Curve, Outcome, Run


def ended(strategy, *, loss=math.nan, metric=math.nan, outcome=Outcome.CONVERGED):
    return Run("", "task", strategy, 0, outcome, 20, 20, loss, metric, 0.0, Curve())


def told(metric, runs, *, maximize):
    progress = Progress(quiet=True, metric=metric)
    progress.begin(len(runs), 20, SimpleNamespace(updates_done=0), maximize=maximize)
    for run in runs:
        progress.ended(run, reused=False)
    return progress


@pytest.mark.parametrize(
    ("metric", "maximize", "best"),
    [
        ("loss", False, "best so far 0.25  low"),
        ("accuracy", True, "best so far 0.9  high"),
        ("error", False, "best so far 0.1  low"),
    ],
)
def test_the_best_so_far_is_lowest_or_highest_as_the_task_says(metric, maximize, best):
    runs = [
        ended("middle", loss=0.5, metric=0.5),
        ended("burnt", outcome=Outcome.DIVERGED),
        ended("low", loss=0.25, metric=0.1),
        ended("high", loss=0.75, metric=0.9),
    ]
    assert told(metric, runs, maximize=maximize)._so_far().endswith(best)


def test_failures_are_counted():
    runs = [ended("a", outcome=Outcome.DIVERGED), ended("b", outcome=Outcome.COLLAPSED)]
    assert "collapsed 1, diverged 1" in told("loss", runs, maximize=False)._so_far()


def test_longer_runs_have_a_best_of_their_own():
    progress = told("loss", [ended("copy", loss=0.1)], maximize=False)
    progress.begin(1, 200, SimpleNamespace(updates_done=0), maximize=False)
    progress.ended(ended("in full", loss=0.2), reused=False)
    assert progress._so_far().endswith("best so far 0.2  in full")


@pytest.mark.parametrize(("runs", "counted"), [(1, "0 of 1 run"), (2, "0 of 2 runs")])
def test_runs_are_counted(runs, counted):
    bars = _Bars(Console(file=StringIO()), SimpleNamespace(updates_done=0))
    bars.expect(runs, 20)
    assert bars.tasks[0].fields["runs"] == counted
