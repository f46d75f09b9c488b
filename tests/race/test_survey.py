"""`etude.race.survey`: what is tried of a field that is larger than the tries."""

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from etude.race import compare
from etude.race.budget import Budget
from etude.race.survey import Survey, lengths
from etude.records import Outcome
from etude.strategies import grid, strategy

LRS = [float(f"{10 ** (k / 4):.3g}") for k in range(-16, 1)]
SCHEDULES = ["constant", "cosine", "warmup 10% -> cosine", "warmup 10% -> linear", "step 30%"]
FIELD = [
    each
    for optimizer in ("sgd", "adam", "rmsprop")
    for each in grid(optimizer, lr=LRS, schedule=SCHEDULES)
]
AREA = {"constant": 1.0, "step 30%": 1 / 3}
"""Of the other schedules: 1/2."""


@dataclass
class World:
    """A job whose losses are known: log loss is a parabola in log(lr x area)."""

    bottoms: dict[str, float]
    """Best lr of each optimizer, under a schedule of area 1/2, in a run of 1,000 updates."""
    depths: dict[str, float]
    power: float = 0.0
    """By which the best lr falls with the updates."""
    flatters: float = 0.0
    """What a constant rate gains on a copy."""
    dead: float = math.inf
    """The lr from which runs fail."""
    in_full: dict[str, float] = field(default_factory=dict)
    """What an optimizer's log loss gains in full."""
    below: float = 0.0
    """Is taken from each loss."""
    updates: int = 1000
    seeds: tuple[int, ...] = (0,)
    metric: str = "loss"
    maximize: bool = False
    runs: list[SimpleNamespace] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    trained: list[tuple[list[str], int]] = field(default_factory=list)
    budget: Budget | None = None

    def loss(self, each, updates):
        schedule = str(each.schedule)
        best = self.bottoms[each.label] * (updates / self.updates) ** self.power
        away = math.log(each.peak_lr * AREA.get(schedule, 0.5) * 2 / best)
        level = self.depths[each.label] + 0.1 * away**2
        level += {"constant": 0.2, "warmup 10% -> linear": -0.1}.get(schedule, 0.0)
        if updates == self.updates:
            level -= self.in_full.get(each.label, 0.0)
        elif schedule == "constant":
            level -= self.flatters
        return math.exp(level) - self.below

    def train(self, strategies, updates):
        self.trained.append(([str(s) for s in strategies], updates))
        self.budget.spend(len(strategies) * updates)
        for each in strategies:
            loss = self.loss(each, updates)
            outcome = Outcome.COLLAPSED if each.peak_lr >= self.dead else Outcome.IMPROVING
            begun = SimpleNamespace(val_loss=[math.e - self.below], val_metric=[-math.e])
            self.runs.append(
                SimpleNamespace(
                    strategy=str(each), seed=0, planned=updates, outcome=outcome,
                    loss=loss if self.metric == "loss" else 1.0, metric=-loss, curve=begun,
                )
            )  # fmt: skip

    def quantity(self, run):
        return run.loss if self.metric == "loss" else run.metric

    def decide(self, sentence):
        self.decisions.append(sentence)

    def epoch(self, _):
        return 100

    def batch_size(self, _):
        return 10

    def survey(self, tries=64, budget=1_000_000, strategies=FIELD):
        self.budget = Budget(budget)
        return Survey(self, strategies, tries, self.budget, self.train)

    def tried(self, updates=None):
        return [strategy(t) for texts, n in self.trained if updates in (None, n) for t in texts]


def plain(bottoms=None, **more):
    depths = {"sgd": -1.0, "adam": -2.0, "rmsprop": -0.5}
    return World(bottoms or {"sgd": 0.1, "adam": 0.01, "rmsprop": 0.001}, depths, **more)


def test_it_finds_optimizer_lr_and_schedule_and_looks_one_lr_lower():
    found = plain().survey().finalists()
    assert [str(each) for each in found] == [
        "adam lr=0.01 warmup 10% -> linear",
        "adam lr=0.01 warmup 10% -> cosine",
        "adam lr=0.00562 warmup 10% -> linear",
        "adam lr=0.00562 warmup 10% -> cosine",
    ]


def test_soundings_are_every_second_lr_of_each_optimizer_under_a_warmup():
    world = plain()
    world.survey().finalists()
    assert [(s.label, s.peak_lr) for s in world.tried(100)] == [
        (name, lr) for name in ("sgd", "adam", "rmsprop") for lr in LRS[1::2]
    ]
    assert {str(s.schedule) for s in world.tried(100)} == {"warmup 10% -> cosine"}
    assert {s.label for s in world.tried(300)} == {"sgd", "adam", "rmsprop"}


def test_a_few_soundings_are_in_the_middle():
    world = plain()
    world.survey(tries=8).finalists()
    assert {s.peak_lr for s in world.tried(100)} == {
        LRS[6]
    }  # the middle of 13 of which one is tried


def test_a_best_lr_that_fell_from_copy_to_copy_is_taken_to_go_on_falling_half_as_fast():
    # At 10 % of the run the best lr is 10 times as high, at 30 % 3.3 times: half of that, in
    # logarithms, is 1.8 times.
    world = plain(power=-1.0)
    found = world.survey().finalists()
    assert [each.peak_lr for each in found] == [0.0178, 0.0178, 0.0316, 0.0316]  # one step back up
    assert 0.0316 in {s.peak_lr for s in world.tried(300) if s.label == "adam"}


def test_a_best_lr_that_rose_stays():
    # The best lr of the copies is 0.0012 and then 0.0031: no longer run wants a higher one.
    world = plain(power=0.84, bottoms={"sgd": 0.1, "adam": 0.0085, "rmsprop": 0.001})
    assert [s.peak_lr for s in world.survey().finalists()] == [0.00316, 0.00316, 0.00178, 0.00178]


def test_a_valley_that_is_not_closed_is_looked_at_further():
    world = plain(power=0.84, bottoms={"sgd": 0.1, "adam": 0.0085, "rmsprop": 0.001})
    world.survey().finalists()
    looked_at = [s.peak_lr for s in world.tried(300) if s.label == "adam"]
    assert max(looked_at) > 0.0031 > min(looked_at)


def test_a_bottom_at_the_end_of_the_grid_is_taken_as_it_is():
    found = plain(bottoms={"sgd": 0.1, "adam": 5.0, "rmsprop": 0.001}).survey().finalists()
    assert (found[0].label, found[0].peak_lr) == ("adam", 1.0)


def test_a_schedule_of_more_area_is_tried_at_a_lower_lr_and_never_comes_first():
    world = plain(flatters=2.0)
    found = world.survey().finalists()
    assert [str(each.schedule) for each in found[:2]] == ["warmup 10% -> linear", "constant"]
    assert found[1].peak_lr == 0.00562  # half the area, to the nearest grid point


def test_optimizers_that_tie_on_copies_fight_it_out_in_full():
    world = plain(in_full={"sgd": 0.5})
    world.depths["sgd"] = -1.97
    found = world.survey().finalists()
    assert {each.label for each in found} == {"sgd"}
    assert [s.label for s in world.tried(1000)] == ["adam", "sgd"]
    poor = plain(in_full={"sgd": 0.5})
    poor.depths["sgd"] = -1.97
    assert {each.label for each in poor.survey(budget=8000).finalists()} == {"adam"}
    assert not poor.tried(1000)


def test_what_fails_is_no_bottom():
    found = plain(dead=0.0075).survey().finalists()
    assert (found[0].label, found[0].peak_lr) == ("adam", 0.00562)


def test_where_all_fail_the_lowest_lrs_are_left():
    world = plain(dead=0.0)
    assert world.survey().finalists()
    assert "all failed" in world.decisions[0]


def test_losses_below_0_are_read_as_they_are():
    found = plain(below=100.0).survey().finalists()
    assert str(found[0]) == "adam lr=0.01 warmup 10% -> linear"


def test_where_the_race_is_for_a_metric_so_is_the_survey():
    found = plain(metric="score", maximize=True).survey().finalists()
    assert str(found[0]) == "adam lr=0.01 warmup 10% -> linear"


@pytest.mark.parametrize("tries", [8, 16, 40])
def test_it_tries_no_more_than_it_may(tries):
    world = plain()
    assert world.survey(tries).finalists()
    assert len(set(world.tried())) <= tries


@pytest.mark.parametrize("budget", [1, 1000, 1500, 3000, 6000])
def test_it_leaves_the_budget_a_finalist(budget):
    world = plain()
    assert world.survey(budget=budget).finalists()
    unavoidable = 3 * 100 + 300  # a copy of each optimizer, and a longer one
    assert world.budget.spent <= max(budget - 1000, unavoidable)


def test_many_optimizers_have_a_copy_each():
    many = [
        s for n in range(12) for s in grid(f"sgd momentum={0.05 * n}", lr=LRS, schedule=SCHEDULES)
    ]
    labels = {each.label for each in many}
    world = World(dict.fromkeys(labels, 0.1), dict.fromkeys(labels, -1.0))
    found = world.survey(tries=8, strategies=many).finalists()
    assert found
    assert len(world.tried(100)) == 12


@pytest.mark.parametrize("updates", [1, 20, 50, 100, 1000])
def test_copies_are_no_longer_than_the_run(updates):
    short, long = lengths(updates)
    assert 1 <= short <= long <= updates


def test_a_race_whose_budget_is_small_makes_a_survey_and_says_what_it_did():
    answer = compare("seed-line", FIELD, tries=16, updates=200, budget="4runs", seeds=1, workers=0)
    assert answer.decisions[0].endswith(
        "so a survey settles optimizer, lr and schedule one after the other"
    )
    assert answer.decisions[1].startswith("survey: of 255 strategies, ")
    assert answer.cost["updates"] <= 4 * 200
    assert answer.winner
