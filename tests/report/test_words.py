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
    assert words.counts_in_words(comparison) == (
        "144 runs: 84 converged, 24 still improving, 24 collapsed, 12 diverged"
    )


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
