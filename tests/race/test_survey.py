"""`etude.race.survey`: what is tried of a field that is larger than the tries."""

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from etude.errors import CompareError
from etude.race import compare
from etude.race.budget import Budget
from etude.race.survey import Survey, lengths
from etude.records import Outcome, Place
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
    updates: int = 1000
    seeds: tuple[int, ...] = (0,)
    runs: list[SimpleNamespace] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    trained: list[tuple[int, list[str], int]] = field(default_factory=list)
    budget: Budget | None = None

    def loss(self, each, updates):
        schedule = str(each.schedule)
        best = self.bottoms[each.label] * (updates / self.updates) ** self.power
        away = math.log(each.peak_lr * AREA.get(schedule, 0.5) * 2 / best)
        bonus = -self.flatters if schedule == "constant" and updates < self.updates else 0.0
        extra = {"constant": 0.2, "warmup 10% -> linear": -0.1}.get(schedule, 0.0)
        return math.exp(self.depths[each.label] + 0.1 * away**2 + extra + bonus)

    def ranking(self, strategies, updates=None):
        places = [
            Place(
                str(s), s.label, s.peak_lr, str(s.schedule),
                Outcome.COLLAPSED if s.peak_lr >= self.dead else Outcome.IMPROVING,
                self.loss(s, updates or self.updates),
                math.nan, (0.0, 0.0), tie=False, seeds=(0,),
            )
            for s in strategies
        ]  # fmt: skip
        return sorted(places, key=lambda p: (p.outcome is Outcome.COLLAPSED, p.loss))

    def train(self, number, strategies, updates):
        self.trained.append((number, [str(s) for s in strategies], updates))
        self.budget.spend(len(strategies) * updates)
        curve = SimpleNamespace(val_loss=[math.e])
        self.runs += [SimpleNamespace(planned=updates, curve=curve) for _ in strategies]

    def decide(self, sentence):
        self.decisions.append(sentence)

    def epoch(self, _):
        return 100

    def batch_size(self, _):
        return 10

    def survey(self, tries=64, budget=1_000_000):
        self.budget = Budget(budget)
        return Survey(self, FIELD, tries, self.budget, self.train)

    def tried(self):
        return {text for _, texts, updates in self.trained if updates < 1000 for text in texts}


def plain(**more):
    depths = {"sgd": -1.0, "adam": -2.0, "rmsprop": -0.5}
    return World({"sgd": 0.1, "adam": 0.01, "rmsprop": 0.001}, depths, **more)


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
    number, texts, updates = world.trained[0]
    assert (number, updates) == (1, 100)
    sounded = [strategy(text) for text in texts]
    assert [(s.label, s.peak_lr) for s in sounded] == [
        (name, lr) for name in ("sgd", "adam", "rmsprop") for lr in LRS[1::2]
    ]
    assert {str(s.schedule) for s in sounded} == {"warmup 10% -> cosine"}


def test_a_best_lr_that_fell_from_copy_to_copy_is_taken_to_go_on_falling():
    # At 10 % of the run the best lr is 10 times as high, at 30 % 3.3 times.
    world = plain(power=-1.0)
    assert world.survey().finalists()[0].peak_lr == 0.01
    near = {strategy(text).peak_lr for _, texts, n in world.trained if n == 300 for text in texts}
    assert 0.0316 in near


def test_a_schedule_of_more_area_is_tried_at_a_lower_lr_and_never_comes_first():
    world = plain(flatters=2.0)
    found = world.survey().finalists()
    assert [str(each.schedule) for each in found[:2]] == ["warmup 10% -> linear", "constant"]
    assert found[1].peak_lr == 0.00562  # half the area, to the nearest grid point


def test_optimizers_that_tie_on_copies_fight_it_out_in_full():
    world = plain()
    world.depths["sgd"] = -1.99
    assert {each.label for each in world.survey().finalists()} == {"adam"}
    (duel,) = [texts for number, texts, updates in world.trained if updates == 1000]
    assert [strategy(text).label for text in duel] == ["adam", "sgd"]
    assert world.trained[-2][0] == 3
    poor = plain()
    poor.depths["sgd"] = -1.99
    poor.survey(budget=2000).finalists()
    assert all(updates < 1000 for _, _, updates in poor.trained)


def test_what_fails_is_no_bottom():
    found = plain(dead=0.0075).survey().finalists()
    assert {each.label for each in found} == {"sgd"} or found[0].peak_lr < 0.0075


@pytest.mark.parametrize("tries", [8, 16, 40])
def test_it_tries_no_more_than_it_may(tries):
    world = plain()
    assert world.survey(tries).finalists()
    assert len(world.tried()) <= tries


@pytest.mark.parametrize("budget", [1, 1000, 1500, 3000, 6000])
def test_it_leaves_the_budget_a_finalist(budget):
    world = plain()
    assert world.survey(budget=budget).finalists()
    spent = sum(len(texts) * updates for _, texts, updates in world.trained)
    unavoidable = 3 * 100 + 300  # a copy of each optimizer, and a longer one
    assert spent <= max(budget - 1000, unavoidable)


@pytest.mark.parametrize("updates", [1, 20, 50, 100, 1000])
def test_copies_are_no_longer_than_the_run(updates):
    short, long = lengths(updates)
    assert 1 <= short <= long <= updates


def test_a_race_with_tries_tries_no_more_and_says_what_it_did():
    answer = compare("seed-line", FIELD, tries=16, updates=200, workers=0)
    assert len({run.strategy for run in answer.runs}) <= 16 + 6  # what is trained in full only
    assert answer.decisions[0].startswith("survey: ")
    assert answer.cost["exhaustive"] == 16 * 3 * 200
    assert answer.winner


@pytest.mark.parametrize("options", [{"tries": 2}, {"tries": 20, "exhaustive": True}])
def test_tries_that_cannot_hold_are_refused(options):
    with pytest.raises(CompareError, match="a race must try at least 8 strategies"):
        compare("seed-line", FIELD, **options)
