from dataclasses import replace

import pytest

from etude.records import Outcome
from etude.report import words


@pytest.mark.parametrize(
    ("values", "value", "written"),
    [
        ([0.0683, 2.3], 0.0683, "0.0683"),  # three significant digits of the smallest
        ([0.0683, 2.3], 2.3026, "2.3026"),  # the others line up with it
        ([12.5, 80.0], 12.34, "12.3"),
        ([150.0], 151.7, "152"),
        ([0.5], 5e18, "5.0e+18"),
        ([1e-9, 2.0], 2.0, "2.00e+00"),  # too small for a point: all in scientific form
        ([0.0, 0.5], 0.0, "0.000"),
        ([float("nan")], float("nan"), "–"),
    ],
)
def test_a_column_shows_three_digits_of_its_smallest_value(values, value, written):
    assert words.digits_for(values).plain(value) == written


def test_a_difference_carries_its_sign():
    digits = words.digits_for([0.0683])
    assert [digits.signed(value) for value in (0.0021, -0.0021)] == ["+0.0021", "-0.0021"]


def test_the_answer_names_winner_task_numbers_and_ties(comparison):
    strategy, rest = words.answer(comparison)
    assert strategy == comparison.ranking[0].strategy
    assert rest == "wins on digits: validation loss 0.0713, accuracy 0.9722, tied with 3 others."


def test_ties_leave_out_the_winner_itself(comparison):
    assert comparison.ranking[0].tie
    assert words.ties(comparison) == 3 == sum(place.tie for place in comparison.ranking) - 1


def test_one_seed_claims_no_lead(make_comparison):
    _, rest = words.answer(make_comparison(seeds=(0,)))
    assert rest.endswith("with one seed, so without intervals: nothing is shown to be better.")


def test_runs_are_counted_per_outcome_from_best_to_worst(comparison):
    assert [(name, words.in_words(counts)) for name, counts in words.endings(comparison)] == [
        ("144 runs", "84 converged, 24 still improving, 24 collapsed, 12 diverged")
    ]


@pytest.mark.parametrize(
    ("count", "noun", "written"),
    [(1, "run", "1 run"), (0, "run", "0 runs"), (2, "strategy", "2 strategies"),
     (1, "strategy", "1 strategy"), (1200, "update", "1,200 updates")],
)  # fmt: skip
def test_one_is_counted_in_the_singular(count, noun, written):
    assert words.several(count, noun) == written


def test_one_update_is_counted_in_the_singular_too(comparison):
    one = replace(comparison, cost={"runs": 1, "updates": 1, "reused": 0, "trained": 1})
    assert words.cost_in_words(one) == "1 update."


def test_one_strategy_has_no_others(comparison):
    alone = replace(comparison, ranking=comparison.ranking[:1])
    assert words.answer(alone)[1].endswith("the only strategy.")


def test_copies_are_counted_apart_from_runs_in_full(race):
    assert [(name, words.in_words(counts)) for name, counts in words.endings(race)] == [
        ("18 runs in full", "18 converged"),
        ("108 short copies", "68 converged, 16 still improving, 16 collapsed, 8 diverged"),
    ]


def test_each_rung_says_what_it_dropped(race):
    assert words.dropped_in_words(race) == [
        "2 of 6 after copies of 120 updates: 2 converged",
        (
            "42 of 48 after copies of 40 updates: 22 converged, 8 still improving, 8 collapsed,"
            " 4 diverged"
        ),
    ]


def test_a_race_is_measured_against_all_in_full(race, comparison):
    # 48 x 2 x 40 + 6 x 2 x 120 + (3 x 5 + 3) x 400 of 48 x 3 x 400
    assert words.share_of_exhaustive(race) == "22%"
    assert words.cost_in_words(race) == (
        "12,480 updates, 22% of the 57,600 that all in full would have had."
    )
    assert words.share_of_exhaustive(comparison) is None
    assert words.cost_in_words(comparison) == ""


def test_updates_that_were_not_trained_now_are_explained(race):
    cost = {**race.cost, "trained": 9000, "reused": 4}
    assert words.cost_in_words(replace(race, cost=cost)).endswith(
        "Trained now: 9,000; starts that runs share are trained once, and 4 runs came from the"
        " store."
    )
    diverged = tuple(replace(run, updates=run.planned // 2) for run in race.runs)
    cost = {**race.cost, "trained": 9000, "resumed": 1}
    assert words.cost_in_words(replace(race, cost=cost, runs=diverged)).endswith(
        "Trained now: 9,000; starts that runs share are trained once, a run that diverges ends"
        " early, and 1 run had been begun before."
    )


def test_ties_of_a_race_are_with_finalists(race):
    assert words.answer(race)[1].endswith("tied with 3 other finalists.")
    alone = replace(race, ranking=(race.ranking[0], *race.ranking[4:]))
    assert words.answer(alone)[1].endswith("the only finalist.")


def test_finalists_may_have_different_seeds(race):
    assert words.seeds_each(race.ranking[:4]) == "3 to 5 seeds"
    assert "over 3 to 5 seeds (those that both have)" in words.how_compared(race)


def test_every_outcome_has_a_mark():
    assert set(words.MARKS) == set(Outcome)


def test_a_complete_comparison_with_a_winner_needs_no_notice(comparison):
    assert words.notices(comparison) == []


def test_an_interruption_and_a_missing_winner_are_said(make_comparison):
    found = words.notices(make_comparison(winner=False, complete=False))
    assert found[0] == "interrupted: the ranking covers only the 144 runs that ended."
    assert found[1].startswith("no winner: every strategy diverged, collapsed or ended no better")
    assert "2.303" in found[1]


def test_ranked_by_a_metric_the_difference_is_one_of_the_metric(comparison):
    by_metric = replace(comparison, settings={**comparison.settings, "ranked_by": "accuracy"})
    place = replace(comparison.ranking[1], interval=(float("nan"), float("nan")))
    expected = place.metric - comparison.ranking[0].metric
    assert words.difference(by_metric, place) == pytest.approx(expected)
    assert "Difference: accuracy of" in words.how_compared(by_metric)


def test_the_middle_of_an_interval_is_the_difference(comparison):
    place = replace(comparison.ranking[1], interval=(-0.01, 0.03))
    assert words.difference(comparison, place) == pytest.approx(0.01)
