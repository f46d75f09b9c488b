"""`etude.race.ranking`: order, paired intervals and ties."""

import math

import numpy as np
import pytest
from scipy import stats

from etude.diagnosis.statistics import mean_interval
from etude.race.ranking import common_outcome, judge_together, rank
from etude.records import Curve, Outcome, Run
from etude.strategies import strategy

A, B, C = (strategy(f"sgd lr={lr}") for lr in (0.1, 0.2, 0.3))


def run(of, seed, loss, outcome=Outcome.CONVERGED, metric=math.nan, curve=None):
    return Run("id", "task", str(of), seed, outcome, 10, 10, loss, metric, 0.0, curve or Curve())


def runs_of(of, losses, **more):
    return [run(of, seed, loss, **more) for seed, loss in enumerate(losses)]


def by_loss(strategies, runs):
    return rank(strategies, runs, quantity=lambda r: r.loss, maximize=False)


def test_the_lowest_mean_comes_first():
    places = by_loss([A, B], runs_of(A, [2.0, 4.0]) + runs_of(B, [1.0, 3.0]))
    assert [place.peak_lr for place in places] == [0.2, 0.1]
    assert [place.loss for place in places] == [2.0, 3.0]
    assert places[0].interval == (0.0, 0.0)


def test_differences_are_paired_by_seed():
    # The seeds differ by 10, the strategies by 1 on every seed: paired, that is certain.
    shown = by_loss([A, B], runs_of(A, [1.0, 11.0, 21.1]) + runs_of(B, [2.0, 12.0, 22.0]))
    assert not shown[1].tie
    assert shown[1].interval[0] > 0
    hidden = by_loss([A, B], runs_of(A, [1.0, 11.0, 21.0]) + runs_of(B, [22.0, 2.0, 12.0]))
    assert hidden[1].tie


@pytest.mark.parametrize("count", [2, 3, 4, 5, 10, 31, 200])
def test_the_interval_is_students_t(count):
    differences = np.random.default_rng(count).normal(0.3, 1, count)
    about = np.mean(differences), stats.sem(differences)
    expected = stats.t.interval(0.95, count - 1, *about)
    assert mean_interval(differences) == pytest.approx(expected, rel=1e-12)


def test_95_percent_of_the_intervals_hold_the_truth():
    rng = np.random.default_rng(0)
    held = [
        low <= 0.5 <= high
        for low, high in (mean_interval(rng.normal(0.5, 1, 3)) for _ in range(4000))
    ]
    # Binomial standard error of 0.95 over 4,000: 0.0034.
    assert np.mean(held) == pytest.approx(0.95, abs=0.012)


def test_one_seed_shows_no_difference():
    places = by_loss([A, B], runs_of(A, [1.0]) + runs_of(B, [2.0]))
    assert places[1].tie
    assert math.isnan(places[1].interval[0])


@pytest.mark.parametrize("losses", [[2.3], [1.0, 1.1, 2.3]])
def test_a_strategy_that_collapsed_on_a_seed_is_no_tie(losses):
    runs = runs_of(A, [1.0, 1.1, 1.2][: len(losses)]) + runs_of(B, losses[:-1])
    runs.append(run(B, len(losses) - 1, losses[-1], outcome=Outcome.COLLAPSED))
    assert not by_loss([A, B], runs)[1].tie


def test_failed_runs_put_a_strategy_last_whatever_its_mean():
    runs = (
        runs_of(A, [0.1, math.nan], outcome=Outcome.DIVERGED)
        + runs_of(B, [0.2, 0.2], outcome=Outcome.COLLAPSED)
        + runs_of(C, [9.0, 9.0])
    )
    places = by_loss([A, B, C], runs)
    assert [place.peak_lr for place in places] == [0.3, 0.2, 0.1]
    assert not places[2].tie


def test_a_metric_to_maximize_turns_the_order():
    runs = [run(A, 0, 1.0, metric=0.8), run(B, 0, 2.0, metric=0.9)]
    places = rank([A, B], runs, quantity=lambda r: r.metric, maximize=True)
    assert places[0].metric == 0.9


def test_strategies_without_runs_have_no_place():
    assert len(by_loss([A, B], runs_of(A, [1.0]))) == 1


def test_the_commonest_outcome_is_the_strategys_and_the_worse_of_two():
    mixed = [Outcome.CONVERGED, Outcome.COLLAPSED, Outcome.CONVERGED]
    assert common_outcome([run(A, 0, 1.0, outcome=o) for o in mixed]) is Outcome.CONVERGED
    even = [Outcome.CONVERGED, Outcome.DIVERGED]
    assert common_outcome([run(A, 0, 1.0, outcome=o) for o in even]) is Outcome.DIVERGED


def curve_down_to(level):
    t = np.arange(200.0)
    loss = level + (2.0 - level) * np.exp(-t / 10)
    return Curve(update=t, lr=t, loss=loss, grad_norm=t, update_ratio=t, val_loss=loss[-1:])


def test_runs_judged_together_know_what_was_attainable():
    runs = [run(A, 0, 1.0, curve=curve_down_to(0.9)), run(B, 0, 0.1, curve=curve_down_to(0.0))]
    assert [r.outcome for r in judge_together(runs, None)] == [Outcome.STALLED, Outcome.CONVERGED]
    assert judge_together(runs[:1], None)[0].outcome is Outcome.CONVERGED


def test_further_seeds_do_not_favour_who_has_them():
    # A is better by 1 on every seed; A alone also has the easy seed 2 and then the hard seed 3.
    easy = runs_of(A, [1.0, 2.0, -9.0]) + runs_of(B, [2.0, 3.0])
    hard = runs_of(A, [1.0, 2.0, 99.0]) + runs_of(B, [2.0, 3.0])
    for runs in easy, hard:
        assert [place.peak_lr for place in by_loss([A, B], runs)] == [0.1, 0.2]


def test_as_many_but_other_seeds_are_ranked_too():
    # As an interrupted comparison leaves it, when the store had other seeds of each.
    runs = [run(A, 0, 1.0), run(A, 1, 2.0), run(B, 2, 3.0), run(B, 3, 4.0)]
    places = by_loss([A, B], runs)
    assert {place.peak_lr for place in places} == {0.1, 0.2}
    assert math.isnan(places[1].interval[0])


def test_of_strategies_with_most_seeds_the_better_leads_on_all_of_them():
    runs = runs_of(A, [1.0, 1.0, 5.0]) + runs_of(B, [2.0, 2.0, 2.0]) + runs_of(C, [1.5, 1.5])
    assert by_loss([A, B, C], runs)[0].peak_lr == 0.2


def test_a_strategy_that_failed_does_not_drown_the_digits_of_the_others():
    # Its losses differ by 1e18 between seeds: as a seed's effect that would leave 0 of 1e-6.
    gone = runs_of(C, [1e19, 2e19, 4e19], outcome=Outcome.DIVERGED)
    better, worse = runs_of(A, [1e-9, 2e-9, 3e-9]), runs_of(B, [1e-6, 2e-6, 3e-6])
    assert [place.peak_lr for place in by_loss([B, A, C], better + worse + gone)] == [0.1, 0.2, 0.3]
