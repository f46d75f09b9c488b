"""`etude.race.compare`: what a script may give it."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from etude.errors import CompareError, ScheduleError
from etude.jobs import Silence
from etude.race import compare
from etude.race.compare import _winner
from etude.race.job import Contest
from etude.records import Outcome, Place
from etude.schedules import function
from etude.strategies import strategy
from etude.tasks import load_task, prepare


@pytest.mark.parametrize("one", ["sgd lr=0.1", strategy("sgd lr=0.1")])
def test_one_strategy_needs_no_list(one):
    answer = compare("seed-line", one, updates=5, seeds=1, workers=0)
    assert [run.strategy for run in answer.runs] == ["sgd lr=0.1 constant"]


@pytest.mark.parametrize("seeds", [[2**63], [0.5], ["0"]])
def test_a_seed_that_cannot_be_kept_is_refused(seeds):
    with pytest.raises(CompareError, match="a seed must be a whole number below"):
        compare("seed-line", ["sgd lr=0.1"], updates=5, seeds=seeds)


def test_numpys_whole_numbers_are_seeds_too():
    answer = compare("seed-line", ["sgd lr=0.1"], updates=5, seeds=np.arange(2), workers=0)
    assert sorted(run.seed for run in answer.runs) == [0, 1]


SCRIPT = """
import sys
import etude
from etude.training import pool

def rate(t):
    return 0.5

if __name__ == "__main__":
    schedules = [etude.function(rate), etude.warmup(2) >> etude.function(rate)]
    strategies = etude.grid("sgd", lr=0.1, schedule=schedules)
    pool._start_method = lambda *_: sys.argv[1]
    answer = etude.compare("seed-line", strategies, updates=20, seeds=1, workers=1)
    print(*sorted(run.strategy for run in answer.runs), sep="\\n")
    exec(answer.winner.code)
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_function_of_the_users_script_is_a_schedule(tmp_path, method):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), method]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[:2] == [
        "sgd lr=0.1 function __main__:rate",
        "sgd lr=0.1 warmup 2 -> function __main__:rate",
    ]
    assert "update    19  loss" in run.stdout


def test_a_function_without_a_name_is_refused_with_what_to_do():
    nameless = strategy("sgd", lr=0.1, schedule=function(lambda t: 1.0))
    with pytest.raises(ScheduleError, match="define it with def at the top level of a module or"):
        compare("seed-line", nameless, updates=5, seeds=1)


def test_the_winners_code_trains_where_the_comparison_did():
    prepared = replace(prepare(load_task("seed-line")), device=torch.device("cuda"))
    job = Contest(prepared, 20, (0,), None, reuse=False, listener=Silence())
    best = strategy("sgd lr=0.1")
    place = Place(
        str(best), "sgd", 0.1, "constant", Outcome.CONVERGED, 0.0, math.nan, (0.0, 0.0),
        tie=False, seeds=(0,), updates=20,
    )  # fmt: skip
    assert 'device="cuda"' in _winner(job, place, "seed-line").code.replace("'", '"')


def test_what_is_no_task_is_refused():
    with pytest.raises(CompareError, match="the name of one, got Linear"):
        compare(nn.Linear(1, 1), ["sgd lr=0.1"])  # pyright: ignore[reportArgumentType]


def test_a_prepared_task_keeps_its_batch_size():
    prepared = prepare(load_task("seed-line"))
    with pytest.raises(CompareError, match="keeps its batch_size=3, got batch_size=2"):
        compare(prepared, ["sgd lr=0.1"], batch_size=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sgd lr=0.1 plateau mode=max", "mode=max watches the task's metric, and seed-line has"),
        ("sgd lr=0.1 plateau mode=max * greedy", r"all the metric \(mode=max\), got `sgd lr=0.1"),
    ],
)
def test_controllers_must_have_what_they_watch(text, message):
    with pytest.raises(CompareError, match=message):
        compare("seed-line", [text], updates=20, seeds=1)


def test_a_comparison_trains_controllers_beside_schedules():
    texts = ["sgd lr=0.1 plateau 0.3 patience=1", "sgd lr=0.1 cosine", "sgd lr=0.1"]
    answer = compare("seed-line", texts, updates=100, seeds=2, workers=0)
    assert sorted(place.strategy for place in answer.ranking) == sorted(
        str(strategy(text)) for text in texts
    )
    assert {run.outcome for run in answer.runs} <= set(Outcome)
