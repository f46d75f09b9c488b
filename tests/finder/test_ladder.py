"""`etude.finder.ladder`: which copies are trained, and what they say on tasks with closed forms."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.finder.ladder import LEAST, MOST, Search, lengths, notch, rate
from etude.records import Curve, Outcome, Run
from etude.strategies import strategy

START = 2.3


@dataclass
class Pretended:
    """A job whose runs follow a formula: a valley that moves down as copies get longer."""

    updates: int = 1000
    seeds: tuple[int, ...] = (0, 1)
    best: float = 0.02
    fails: float = 0.5
    trained: list[tuple[float, int]] = field(default_factory=list)

    def run(self, each, seed, updates):
        lr = each.peak_lr
        self.trained.append((lr, updates))
        centre = self.best * (self.updates / updates) ** 0.3
        away = math.log10(lr / centre) / 1.5
        loss = START * math.exp(-3 * max(0.0, 1 - away**2))
        outcome = Outcome.COLLAPSED if lr >= self.fails else Outcome.IMPROVING
        curve = Curve(val_loss=np.array([START, loss]), eval_update=np.array([0.0, updates]))
        return Run("", "", str(each), seed, outcome, updates, updates, loss, 0.0, 0.0, curve)


def climbed(job, text="adam"):
    search = Search(strategy(text, lr=1.0), job)
    for _ in range(40):
        wanted = search.wanted()
        if wanted is None:
            return search
        updates, strategies = wanted
        assert strategies
        for each in strategies:
            for seed in job.seeds:
                search.hear(job.run(each, seed, updates))
    raise AssertionError("a search must come to its end")


def test_the_search_brackets_the_valley_and_the_cliff():
    job = Pretended()
    search = climbed(job)
    _short, long = search.lengths
    seen = search.seen(long)
    assert seen is not None
    assert seen.closed_below
    assert seen.closed_above
    assert math.exp(seen.best) == pytest.approx(job.best * (job.updates / long) ** 0.3, rel=0.05)
    lrs = sorted({lr for lr, updates in job.trained})
    failing = min(lr for lr in lrs if lr >= job.fails)
    alive = max(lr for lr, updates in job.trained if lr < job.fails)
    assert failing / alive < 1.9  # neighbours on the fine grid


def test_no_rate_is_trained_twice_and_few_are_trained():
    job = Pretended()
    search = climbed(job)
    assert len(set(job.trained)) * len(job.seeds) == len(job.trained)
    assert sum(trial.updates for trial in search.trials) < 10 * len(job.seeds) * job.updates / 2


@given(best=st.floats(1e-5, 1.0), cliff=st.floats(2, 1000))
def test_wherever_the_valley_lies_the_suggestion_is_near_it_and_below_the_cliff(best, cliff):
    job = Pretended(best=best, fails=best * cliff)
    found = climbed(job).picked()
    assert found is not None
    assert found.suggestion < job.fails
    # The valley of the run in full has its bottom at `best`; 0.85 of its progress is made within
    # 10^(1.5 sqrt 0.15) of it. A cliff within the copies' own valley leaves less room.
    assert best / 4 < found.suggestion < best * 4


def test_rates_where_all_fail_or_nothing_trains_end_the_search_too():
    assert climbed(Pretended(fails=0.0)).picked() is None
    flat = Pretended(best=1e-30)
    assert climbed(flat).picked() is None


def test_one_seed_is_judged_like_several():
    search = climbed(Pretended())
    both, one = search.picked(), search.picked(0)
    assert both is not None
    assert one is not None
    assert one.suggestion == pytest.approx(both.suggestion)


@pytest.mark.parametrize("updates", [1, 3, 19, 20, 100, 600, 5000, 10**6])
def test_copies_are_no_longer_than_the_run_and_the_short_ones_shorter(updates):
    short, long = lengths(updates)
    assert 1 <= short <= long <= updates
    assert long <= MOST[1]
    if updates > LEAST[1]:
        assert short < long


def test_notches_are_round_rates():
    assert [rate(k) for k in range(-2, 6)] == [0.32, 0.56, 1.0, 1.8, 3.2, 5.6, 10.0, 18.0]
    assert all(notch(rate(k)) == k for k in range(-36, 17))
