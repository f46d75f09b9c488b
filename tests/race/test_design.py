"""`etude.race.design`: the usual grid, and where to look beyond it."""

import pytest

from etude.errors import StrategyError
from etude.race.design import SCHEDULES, beyond_the_edge, default_strategies
from etude.strategies import OPTIMIZERS, strategy
from etude.strategies.usual import LRS, usual_lrs


def test_the_usual_grid_covers_two_optimizers_and_every_schedule():
    found = default_strategies()
    assert len(found) == 2 * len(SCHEDULES) * 6
    assert len(set(found)) == len(found)
    assert {s.optimizer for s in found} == {"sgd", "adamw"}


def test_every_optimizer_has_usual_rates():
    assert set(LRS) == set(OPTIMIZERS)


def test_momentum_moves_the_grid_of_sgd_down():
    assert usual_lrs("sgd") == (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    assert usual_lrs("sgd momentum=0.9") == (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def test_rates_that_are_given_are_used_for_every_optimizer():
    found = default_strategies(["sgd", "adam"], lrs=[0.5], schedules=["constant"])
    assert found == [strategy("sgd lr=0.5"), strategy("adam lr=0.5")]


@pytest.mark.parametrize("text", ["adamw lr=0.5", "adamw cosine", "sgd lr=0.1 momentum=0.9 cosine"])
def test_an_lr_or_a_schedule_that_the_grid_would_replace_is_refused(text):
    with pytest.raises(StrategyError, match="takes its lr and schedule from their lists"):
        default_strategies([text])


@pytest.mark.parametrize(("best", "expected"), [(1.0, 3.0), (0.1, 0.03), (0.3, None)])
def test_a_winner_at_the_edge_makes_the_grid_longer(best, expected):
    tried = [strategy(f"sgd lr={lr} cosine") for lr in (0.1, 0.3, 1.0)]
    found = beyond_the_edge(strategy(f"sgd lr={best} cosine"), tried)
    assert (found.peak_lr if found else None) == expected


def test_the_step_beyond_is_as_wide_as_the_last_one():
    tried = [strategy(f"sgd lr={lr}") for lr in (0.1, 0.2)]
    assert beyond_the_edge(tried[1], tried) == strategy("sgd lr=0.4")
    assert beyond_the_edge(tried[0], tried) == strategy("sgd lr=0.05")


def test_other_schedules_and_single_rates_are_no_grid():
    best = strategy("sgd lr=1.0 cosine")
    assert beyond_the_edge(best, [best, strategy("sgd lr=0.1 constant")]) is None
