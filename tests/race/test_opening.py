"""`etude.race.opening`: what is tried of a field that is larger than the tries."""

import math

import pytest

from etude.errors import CompareError
from etude.race import compare
from etude.race.opening import nearby, soundings
from etude.records import Outcome, Place
from etude.strategies import grid

LRS = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1]
SCHEDULES = ["constant", "cosine", "warmup 10% -> cosine"]
FIELD = [*grid("sgd", lr=LRS, schedule=SCHEDULES), *grid("adam", lr=LRS, schedule=SCHEDULES)]


def ranked(strategies, best):
    """Places whose loss grows with the distance from their optimizer's best lr, in decades."""
    places = [
        Place(str(s), s.label, s.peak_lr, str(s.schedule), Outcome.IMPROVING,
              abs(math.log10(s.peak_lr / best[s.label])) + (s.label == "sgd"),
              math.nan, (0.0, 0.0), tie=False, seeds=(0,))
        for s in strategies
    ]  # fmt: skip
    return sorted(places, key=lambda place: place.loss)


def test_each_optimizer_is_sounded_at_every_second_lr_under_one_schedule():
    sounded = soundings(FIELD, 24)
    assert [(s.label, s.peak_lr) for s in sounded] == [
        (name, lr) for name in ("sgd", "adam") for lr in LRS[::2]
    ]
    assert {str(s.schedule) for s in sounded} == {"constant"}


def test_few_tries_are_not_all_spent_on_soundings():
    assert len(soundings(FIELD, 8)) <= 4


def test_all_schedules_near_the_bottom_of_the_leader_come_first_and_lower_lrs_before_higher():
    sounded = soundings(FIELD, 24)
    chosen = nearby(FIELD, sounded, ranked(sounded, {"sgd": 1e-1, "adam": 1e-3}), 8 + 10)
    assert chosen[:8] == sounded
    near = [(s.label, s.peak_lr) for s in chosen[8:]]
    # 1e-3 under the two other schedules, then 3e-4 and 3e-3 under all three, then sgd's own best
    assert near[:2] == [("adam", 1e-3)] * 2
    assert near[2:8] == [("adam", 3e-4)] * 3 + [("adam", 3e-3)] * 3
    assert near[8:] == [("sgd", 1e-1)] * 2
    assert len(set(chosen)) == len(chosen)


def test_a_race_with_tries_tries_no_more_and_says_what_it_did():
    answer = compare("seed-line", FIELD, tries=16, updates=200, workers=0)
    assert len({run.strategy for run in answer.runs}) <= 16 + 4  # further lrs around the leader
    assert answer.decisions[0].startswith("opening: 8 of 48 strategies sounded the lrs")
    assert answer.cost["exhaustive"] == 16 * 3 * 200


@pytest.mark.parametrize("options", [{"tries": 2}, {"tries": 20, "exhaustive": True}])
def test_tries_that_cannot_hold_are_refused(options):
    with pytest.raises(CompareError, match="a race must try at least 8 strategies"):
        compare("seed-line", FIELD, **options)
