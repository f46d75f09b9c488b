import json
from dataclasses import replace

import numpy as np
import pytest

from etude.records import Curve, Outcome, Run
from etude.report import figures

NAN = float("nan")


def run(losses, *, outcome=Outcome.CONVERGED, seed=0, strategy="sgd lr=1", planned=400):
    update = np.arange(float(len(losses)))
    curve = Curve(
        update=update,
        lr=np.full(len(losses), 0.001),
        loss=np.array(losses),
        eval_update=update,
        val_loss=np.array(losses),
    )
    return Run(
        id="r",
        task="t",
        strategy=strategy,
        seed=seed,
        outcome=outcome,
        planned=planned,
        updates=len(losses),
        loss=losses[-1],
        metric=NAN,
        seconds=1.0,
        curve=curve,
    )


def lines_of(comparison, runs):
    place = replace(comparison.ranking[0], strategy="sgd lr=1")
    data = figures.payload(replace(comparison, ranking=(place,), runs=tuple(runs)))
    return data["curves"][0]


def test_a_line_is_the_median_over_seeds_between_the_lowest_and_the_highest(comparison):
    curve = lines_of(comparison, [run([4.0, 1.0]), run([2.0, 3.0]), run([3.0, 2.0])])
    assert curve["train"] == {"x": [0, 1], "y": [3, 2], "low": [2, 1], "high": [4, 3]}


def test_a_seed_that_diverged_counts_as_infinite(comparison):
    lost = run([2.0, NAN], outcome=Outcome.DIVERGED)
    one_lost = lines_of(comparison, [run([2.0, 1.0, 0.5]), run([2.0, 1.5, 0.7]), lost])
    assert one_lost["val"]["y"] == [2, 1.5, 0.7]
    assert one_lost["val"]["high"] == [2, None, None]
    two_lost = lines_of(comparison, [run([2.0, 1.0, 0.5]), lost, lost])
    assert two_lost["val"]["y"] == [2, None, None]


def test_an_exit_is_the_first_update_that_is_not_finite_or_ten_times_the_first_loss(comparison):
    nan_at_2 = run([2.0, 3.0, NAN], outcome=Outcome.DIVERGED)
    far_at_1 = run([2.0, 20.1, 1e9], outcome=Outcome.DIVERGED)
    assert lines_of(comparison, [nan_at_2, run([2.0])])["exits"] == {
        "update": 2,
        "seeds": 1,
        "of": 2,
    }
    assert lines_of(comparison, [nan_at_2, far_at_1])["exits"]["update"] == 1
    assert lines_of(comparison, [run([2.0, 1.0])])["exits"] is None


def test_long_curves_are_thinned_and_keep_both_ends(comparison):
    line = lines_of(comparison, [run(list(np.linspace(2.0, 1.0, 5001)))])["train"]
    assert len(line["x"]) == figures.POINTS
    assert (line["x"][0], line["x"][-1]) == (0, 5000)


def test_small_lrs_keep_their_value(comparison):
    assert lines_of(comparison, [run([2.0, 1.0])])["lr"]["y"] == [0.001, 0.001]


def test_the_best_of_each_optimizer_and_schedule_are_shown_first(comparison):
    data = figures.payload(comparison)
    families = [
        (place.optimizer, place.schedule)
        for place in (comparison.ranking[index] for index in data["shown"])
    ]
    assert data["shown"][0] == 0
    assert len(set(families)) == figures.SHOWN


def test_what_is_not_finite_is_null(comparison):
    json.dumps(figures.payload(comparison), allow_nan=False)
    assert figures.payload(comparison)["sensitivity"]["points"][-1]["loss"] is None


def test_past_the_budget_only_the_sensitivity_points_stay(comparison, monkeypatch):
    monkeypatch.setattr(figures, "BUDGET", 5000)
    data = figures.payload(comparison)
    assert 0 < len(data["curves"]) < len(data["strategies"]) == 48
    assert len(data["sensitivity"]["points"]) == 48


def test_a_line_is_only_of_runs_of_the_length_that_the_place_was_judged_by(comparison):
    curve = lines_of(comparison, [run([4.0, 1.0]), run([9.0, 9.0], planned=40)])
    assert curve["train"]["high"] == [4, 1]


def test_a_race_shows_its_finalists_first_and_marks_the_dropped(race):
    data = figures.payload(race)
    assert data["shown"] == [0, 1, 2, 3]
    assert [strategy["dropped"] for strategy in data["strategies"]] == [False] * 4 + [True] * 44
    assert [data["strategies"][index]["updates"] for index in (3, 4, 6)] == [400, 120, 40]
    assert [data["curves"][index]["val"]["x"][-1] for index in (3, 4, 6)] == [400, 120, 40]


def test_a_race_without_finalists_shows_its_longest_copies_first(make_race):
    data = figures.payload(make_race(in_full=False))
    assert [data["strategies"][index]["updates"] for index in data["shown"]] == [120] * 5


def test_the_sensitivity_of_a_race_is_that_of_its_first_rung(race):
    sensitivity = figures.payload(race)["sensitivity"]
    assert (sensitivity["copies"], len(sensitivity["points"])) == (40, 48)
    winner = race.ranking[0].strategy
    losses = [r.loss for r in race.runs if (r.strategy, r.planned) == (winner, 40)]
    point = next(point for point in sensitivity["points"] if point["name"] == winner)
    assert len(losses) == 2
    assert point["loss"] == pytest.approx(sum(losses) / 2, rel=1e-4)  # five digits are kept
    finals = {point["name"]: point["loss"] for point in sensitivity["finals"]}
    expected = {place.strategy: pytest.approx(place.loss, rel=1e-4) for place in race.ranking[:4]}
    assert finals == expected


def test_the_sensitivity_of_an_exhaustive_comparison_is_that_of_its_ranking(comparison):
    sensitivity = figures.payload(comparison)["sensitivity"]
    assert (sensitivity["copies"], sensitivity["finals"]) == (None, [])
    losses = [point["loss"] for point in sensitivity["points"]]
    means = [place.loss if np.isfinite(place.loss) else None for place in comparison.ranking]
    assert losses == [mean if mean is None else pytest.approx(mean, rel=1e-4) for mean in means]


@pytest.mark.parametrize("runs", [[], [run([NAN], outcome=Outcome.DIVERGED)]])
def test_a_strategy_without_values_has_lines_without_values(comparison, runs):
    assert [y for y in lines_of(comparison, runs)["train"]["y"] if y is not None] == []
