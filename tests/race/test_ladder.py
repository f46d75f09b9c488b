"""`etude.race.ladder`: who goes on, and that nothing is lost."""

import math
import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from etude.jobs import Silence
from etude.race import compare
from etude.race.area import staying_high
from etude.race.design import between
from etude.race.job import Contest
from etude.race.ladder import survivors
from etude.records import Outcome, Place
from etude.store import Store, tables
from etude.strategies import grid, strategy
from etude.tasks import load_task, prepare
from etude.training import run as run_module

GRID = grid(
    "sgd momentum=0.9",
    lr=[0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    schedule=["constant", "warmup 10% -> cosine"],
)


def place(lr, loss, outcome=Outcome.CONVERGED, schedule="constant"):
    text = f"sgd lr={lr!r} {schedule}"
    return Place(
        text, "sgd", lr, schedule, outcome, loss, math.nan, (0.0, 0.0), tie=False, seeds=(0,)
    )


def test_the_best_go_on_each_with_its_neighbour_of_lower_lr():
    ranking = [place(0.3, 1.0), place(0.3, 1.1, schedule="cosine"), place(1.0, 2.0)]
    ranking += [place(0.1, 3.0), place(0.1, 3.1, schedule="cosine"), place(0.03, 4.0)]
    kept = survivors(ranking, 4)
    assert [(p.peak_lr, p.schedule) for p in kept] == [
        (0.3, "constant"),
        (0.1, "constant"),
        (0.3, "cosine"),
        (0.1, "cosine"),
    ]


def test_at_most_half_of_what_goes_on_keeps_its_rate_high():
    high = [place(lr, loss) for lr, loss in ((0.3, 1.0), (0.1, 1.1), (0.03, 1.2), (0.01, 1.3))]
    low = [place(lr, loss, schedule="cosine") for lr, loss in ((0.3, 2.0), (0.1, 2.1))]
    constants = {each.strategy for each in high}
    assert survivors([*high, *low], 4, constants) == [*high[:2], *low]
    assert survivors([*high, *low], 3, constants) == [*high[:2], low[0]]
    assert survivors([*high, low[0]], 4, constants) == [*high[:2], low[0], high[2]]
    assert survivors(high, 3, constants) == high[:3]


def test_a_rate_stays_high_where_neither_schedule_nor_controller_lowers_it(digits):
    high = ["sgd lr=0.1", "sgd lr=0.1 warmup 10% -> constant", "sgd lr=0.1 linear end=0.6"]
    low = ["sgd lr=0.1 cosine", "sgd lr=0.1 constant -> linear 20%", "sgd lr=0.1 plateau 0.3"]
    job = Contest(
        prepared=digits, updates=100, seeds=[0], store=None, reuse=False, listener=Silence()
    )
    assert staying_high(job, [strategy(text) for text in (*high, *low)]) == {
        str(strategy(text)) for text in high
    }


def test_a_race_takes_a_low_ending_schedule_to_the_end(digits, monkeypatch):
    def flattering(run):
        return run.loss - 10 * ("constant" in run.strategy and run.planned < 200)

    monkeypatch.setattr(Contest, "quantity", property(lambda _: flattering))
    raced = compare(digits, GRID, updates=200, seeds=1, workers=0)
    in_full = {place.schedule for place in raced.ranking if place.updates == 200}
    assert in_full == {"constant", "warmup 10% -> cosine"}


def test_what_failed_does_not_go_on():
    dead = place(0.3, 1.0, Outcome.COLLAPSED)
    assert survivors([place(0.1, 2.0), dead], 3) == [place(0.1, 2.0)]
    assert survivors([dead], 3) == [dead]


def test_between_finds_the_bottom_of_a_parabola_in_logarithms():
    def loss(lr):
        return math.exp((math.log(lr) - math.log(0.05)) ** 2)

    ranking = sorted((place(lr, loss(lr)) for lr in (0.01, 0.1, 1.0)), key=lambda p: p.loss)
    assert between(ranking).peak_lr == pytest.approx(0.05)


def test_between_has_no_answer_at_an_edge_or_near_a_grid_point():
    falling = [place(1.0, 1.0), place(0.1, 2.0), place(0.01, 3.0)]
    assert between(falling) is None
    symmetric = [place(0.1, 1.0), place(0.01, 2.0), place(1.0, 2.0)]
    assert between(symmetric) is None


@pytest.fixture(scope="module")
def digits():
    return prepare(load_task("digits"))


@pytest.fixture(scope="module")
def raced(digits):
    return compare(digits, GRID, updates=200)


def test_a_race_costs_a_quarter_and_agrees_with_the_exhaustive_comparison(digits, raced):
    full = compare(digits, GRID, updates=200, exhaustive=True)
    spent = sum(run.planned for run in raced.runs)
    # Rung 1: 12 x 2 x 20; a race of few strategies keeps at least 3 in full.
    assert spent <= 0.45 * len(GRID) * 3 * 200
    agreed = {p.strategy for p in full.ranking if p.tie or p is full.ranking[0]}
    assert raced.winner.strategy in agreed


def test_every_strategy_has_a_place_and_the_dropped_say_why(raced):
    assert {p.strategy for p in raced.ranking} >= {str(s) for s in GRID}
    finalists = [p for p in raced.ranking if not p.note]
    dropped = raced.ranking[len(finalists) :]
    assert all(p.updates == 200 for p in finalists)
    assert all(p.note.startswith("dropped after rung") and p.updates < 200 for p in dropped)
    assert not any(p.tie for p in dropped)


def test_a_shortened_copy_goes_through_the_whole_schedule(raced):
    copies = [r for r in raced.runs if r.planned == 20 and "cosine" in r.strategy]
    for run in copies:
        rates = run.curve.lr / run.curve.lr.max()
        # 10 % of 20 updates warm up; the last rate of a cosine over 18 is sin²(pi/36) = 0.0076,
        # and a copy skips to every tenth update of the whole run's 180: sin²(pi/36) again.
        assert rates[-1] == pytest.approx(0.0076, abs=2e-4)


class CtrlC(Silence):
    """Presses Ctrl-C when so many runs have ended."""

    pressed: type[BaseException] = KeyboardInterrupt

    def __init__(self, after):
        self.left = after

    def ended(self, run, *, reused):
        self.left -= 1
        if self.left == 0:
            raise self.pressed


class Killed(Exception):  # noqa: N818 - what happens, not an error
    pass


class Killer(CtrlC):
    """Ends the comparison from within, as a kill would."""

    pressed = Killed


@pytest.mark.parametrize(
    ("options", "kills"),
    [({}, (3, 20, 33)), ({"tries": 8, "budget": "4runs", "seeds": 1}, (2, 5, 8))],
    ids=["wide", "survey"],
)
def test_a_race_that_was_killed_gives_the_same_answer(digits, tmp_path, options, kills):
    raced = compare(digits, GRID, updates=200, **options)
    assert any("survey" in decision for decision in raced.decisions) == bool(options)
    with Store.open(str(tmp_path / "runs.db")) as store:
        for after in kills:
            with pytest.raises(Killed):
                compare(digits, GRID, updates=200, store=store, listener=Killer(after), **options)
        again = compare(digits, GRID, updates=200, store=store, **options)
    assert again.ranking == raced.ranking
    assert again.winner == raced.winner
    assert sorted(r.id for r in again.runs) == sorted(r.id for r in raced.runs)
    assert again.decisions == raced.decisions
    assert again.cost["reused"] >= kills[-1] > raced.cost["reused"]


def test_what_an_interruption_left_in_the_first_rung_was_not_dropped(digits):
    answer = compare(digits, GRID, updates=200, workers=0, listener=CtrlC(after=8))
    assert not answer.complete
    assert len(answer.ranking) == 8  # each of the first seed: what has no run has no place
    assert all(p.note.startswith("interrupted after rung 1, at") for p in answer.ranking)


def test_only_what_a_finished_rung_left_behind_was_dropped(digits, raced):
    copies = sum(run.planned == 20 for run in raced.runs)
    answer = compare(digits, GRID, updates=200, workers=0, listener=CtrlC(after=copies + 1))
    finalists = [p for p in answer.ranking if not p.note]
    interrupted = {p.strategy for p in answer.ranking if p.note.startswith("interrupted after")}
    dropped = {p.strategy for p in answer.ranking if p.note.startswith("dropped after rung 1")}
    assert len(finalists) == 1
    assert len(dropped) == len(GRID) - 1 - len(interrupted)
    assert dropped == {p.strategy for p in raced.ranking if p.note}
    assert interrupted


class Ears(Silence):
    """Keeps what it is told."""

    def __init__(self):
        self.heard = []

    def decided(self, sentence):
        self.heard.append(sentence)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_an_interruption_left_under_way_is_trained_on(
    digits, raced, tmp_path, monkeypatch, workers
):
    keep, left, ears = Store.keep_checkpoint, [12], Ears()

    def keep_and_interrupt(store, checkpoint):
        left[0] -= 1
        kept = keep(store, checkpoint)
        if left[0] == 0:
            raise KeyboardInterrupt
        return kept

    monkeypatch.setattr(run_module, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(Store, "keep_checkpoint", keep_and_interrupt)
    options = {"updates": 200, "engine": "stacked", "workers": workers}
    with Store.open(str(tmp_path / "runs.db")) as store:
        with pytest.raises(KeyboardInterrupt, match="the same command goes on from there"):
            compare(digits, GRID, store=store, **options)
        assert store.runs() == []
        again = compare(digits, GRID, store=store, listener=ears, **options)
        with store._engine.connect() as connection:  # what has ended needs no checkpoint
            assert connection.execute(select(tables.checkpoints)).all() == []
    assert any("go on from where" in sentence for sentence in ears.heard)
    assert again.ranking == raced.ranking
    assert again.decisions == raced.decisions
    assert sorted(r.id for r in again.runs) == sorted(r.id for r in raced.runs)
    assert again.cost["trained"] < raced.cost["trained"]


def test_ctrl_c_before_a_checkpoint_promises_nothing(digits, tmp_path):
    class Early(Silence):
        def begin(self, runs, updates, pool, *, maximize):
            raise KeyboardInterrupt

    with (
        Store.open(str(tmp_path / "runs.db")) as store,
        pytest.raises(KeyboardInterrupt) as caught,
    ):
        compare(digits, GRID, updates=200, store=store, listener=Early())
    assert str(caught.value) == ""


def test_a_rung_that_keeps_one_says_so(digits):
    hot = grid("sgd", lr=[0.1, *(10.0**power for power in range(30, 37))])
    answer = compare(digits, hot, updates=200, seeds=1, budget="1runs", workers=0)
    assert answer.decisions[1] == (
        "rung 1: 8 strategies on copies of 20 updates with 1 seed;"
        " 0 collapsed and 7 diverged; 1 goes on"
    )


def test_a_small_budget_is_kept(digits):
    answer = compare(digits, GRID, updates=200, budget="9runs")
    assert sum(run.planned for run in answer.runs) <= 9 * 200
    assert answer.decisions[0] == (
        "the budget does not pay for a wide race, about 2,640 updates, so short copies have one"
        " seed and fewer go on: about 1,560"
    )


def test_a_budget_that_pays_for_one_finalist_trains_one(digits):
    answer = compare(digits, GRID, updates=200, budget="5runs")
    assert sum(run.planned == 200 for run in answer.runs) == 3
    assert sum(run.planned for run in answer.runs) <= 5 * 200
    assert "the budget pays for 1 of 2 finalists in full" in answer.decisions
    assert answer.winner


def test_few_strategies_are_all_trained_in_full(digits):
    answer = compare(digits, GRID[:2], updates=40, seeds=2)
    assert {run.planned for run in answer.runs} == {40}


def test_the_places_are_plain_values(raced):
    assert replace(raced.ranking[0]) == raced.ranking[0]


def test_a_winner_that_was_compiled_is_trained_by_itself_too(digits):
    strategies = [*grid("adamw", lr=[0.003, 0.01], schedule="constant")]
    answer = compare(digits, strategies, updates=60, engine="fast", workers=0)
    (told,) = [told for told in answer.decisions if "trained by itself" in told]
    plain = compare(digits, [answer.winner.strategy], updates=60, engine="serial", workers=0)
    assert f"ends at validation loss {plain.runs[0].loss:.6g}" in told
    assert f"it ends at {plain.runs[0].loss:.6g}." in answer.winner.code


LOW = grid("adamw", lr=[1e-6, 2e-6, 4e-6, 8e-6, 1e-5, 3e-5, 1e-4], schedule="cosine")


def said_to_be_tried(answer):
    found = (re.search(r"so lr=(\S+) was tried too", told) for told in answer.decisions)
    return [float(match[1]) for match in found if match]


def test_what_is_said_to_be_tried_beyond_the_edge_was_tried():
    answer = compare("digits", LOW, updates=200, workers=0)
    said = said_to_be_tried(answer)
    assert said
    assert set(said) <= {place.peak_lr for place in answer.ranking}


def test_a_leader_left_at_the_edge_by_the_users_budget_is_told_and_nothing_is_claimed():
    answer = compare("digits", LOW, updates=200, budget="1runs", workers=0)
    assert not said_to_be_tried(answer)
    assert any("leads at the edge of its lr grid" in told for told in answer.decisions)


def test_ties_have_the_leaders_seeds_in_the_end():
    answer = compare("diabetes", workers=0, updates=100)
    ties = [place for place in answer.ranking if place.tie and not place.note]
    leader = answer.ranking[0]
    assert all(place.seeds == leader.seeds for place in ties)


def test_an_lr_that_only_short_copies_spoke_against_is_trained_in_full_beside_the_leader(digits):
    answer = compare(digits, GRID, updates=200, budget="60runs", workers=0)
    leader = strategy(answer.ranking[0].strategy)
    full = {place.peak_lr for place in answer.ranking if not place.note}
    mine = sorted(s.peak_lr for s in GRID if s.with_lr(leader.peak_lr) == leader)
    at = mine.index(leader.peak_lr) if leader.peak_lr in mine else None
    assert at is None or set(mine[max(at - 1, 0) : at + 2]) <= full
