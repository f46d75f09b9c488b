"""`etude.race.compare`: what a script may give it."""

import numpy as np
import pytest
from torch import nn

from etude.errors import CompareError
from etude.race import compare
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


def test_what_is_no_task_is_refused():
    with pytest.raises(CompareError, match="an etude Task or the name of one, got Linear"):
        compare(nn.Linear(1, 1), ["sgd lr=0.1"])  # pyright: ignore[reportArgumentType]


def test_a_prepared_task_keeps_its_batch_size():
    prepared = prepare(load_task("seed-line"))
    with pytest.raises(CompareError, match="keeps its batch_size=3, got batch_size=2"):
        compare(prepared, ["sgd lr=0.1"], batch_size=2)
