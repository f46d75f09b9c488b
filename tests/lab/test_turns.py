"""`etude.lab.turns`: attempts, the clock, when a key is spent. Time is given: nothing waits."""

import json

import pytest

pytest.importorskip("fastapi", reason="needs the extra learn")

from etude.errors import LabError
from etude.lab.turns import Sitting, Turn, sit

LETTERS = ["A", "B", "C", "D"]


def test_the_right_letter_solves_it_and_nothing_changes_after():
    turn = Turn(2)
    turn.answer("B", "B", LETTERS)
    turn.answer("C", "B", LETTERS)
    assert (turn.solved, turn.over, turn.tried) == (True, True, ["B"])


def test_two_wrong_answers_spend_it():
    turn = Turn(2)
    turn.answer("A", "B", LETTERS)
    assert not turn.over
    turn.answer("C", "B", LETTERS)
    assert (turn.over, turn.solved) == (True, False)


def test_an_answer_that_was_tried_costs_no_attempt():
    turn = Turn(2, tried=["A"])
    with pytest.raises(LabError, match="tried already"):
        turn.answer("A", "B", LETTERS)
    assert turn.attempts == 2


def test_a_letter_that_is_no_option_is_refused():
    with pytest.raises(LabError, match="one of the options"):
        Turn(2).answer("Z", "B", LETTERS)


def test_the_clock_runs_from_the_first_look_and_a_reload_does_not_reset_it():
    turn = Turn(2)
    turn.begin(100.0, 120)
    turn.begin(160.0, 120)
    assert turn.left(160.0) == 60
    turn.begin(220.0, 120)
    assert (turn.expired, turn.over, turn.solved) == (True, True, False)


def test_an_answer_after_the_time_does_not_count():
    turn = Turn(2)
    turn.begin(0.0, 120)
    turn.begin(121.0, 120)
    turn.answer("B", "B", LETTERS)
    assert not turn.solved


def test_without_a_clock_no_time_is_up():
    turn = Turn(2)
    turn.begin(0.0, None)
    turn.begin(1e9, None)
    assert (turn.left(1e9), turn.over) == (None, False)


def test_a_question_is_seen_when_all_before_it_are_answered():
    sitting = sit("challenge", ["a", "b"], attempts=1, seconds=None, now=0.0)
    assert [sitting.may_see(place) for place in (0, 1, 2, -1)] == [True, False, False, False]
    sitting.turns[0].answer("A", "A", LETTERS)
    assert sitting.may_see(1)
    sitting.turns[1].answer("B", "A", LETTERS)
    sitting.settle(60.0)
    assert (sitting.over, sitting.solved, sitting.perfect, sitting.ended) == (True, 1, False, 60.0)


def test_a_turn_survives_the_store():
    turn = Turn(1, tried=["A"], hints=1, steps=2)
    assert Turn.from_dict(turn.as_dict()) == turn


def test_so_does_a_sitting_with_its_clock():
    sitting = sit("challenge", ["a", "b"], attempts=2, seconds=120, now=5.0)
    sitting.turns[0].begin(10.0, 120)
    kept = Sitting.from_dict(json.loads(json.dumps(sitting.as_dict())))
    assert kept == sitting
    assert kept.turns[0].left(100.0) == 30
