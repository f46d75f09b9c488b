"""`etude.jobs.checkpoints`: which groups go on from a checkpoint, and which checkpoints go."""

import pytest

from etude.jobs.checkpoints import StoredCheckpoints
from etude.store import Store
from etude.strategies import strategy
from etude.training import Engine, Plan
from etude.training.prefix import Branch

PLANS = [Plan(strategy(f"sgd lr={lr}"), seed) for lr in (0.1, 0.2) for seed in (0, 1)]
KEYS = {plan: f"key {number}" for number, plan in enumerate(PLANS)}
STACKED = Engine("stacked", lanes=4)


def group(*places):
    first, *others = (PLANS[place] for place in places)
    return (Branch(first, None, 0), *(Branch(plan, 0, 7) for plan in others))


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "runs.db")) as opened:
        yield opened


@pytest.fixture
def shelf(store):
    """Makes the checkpoints of a process of its own; `told` is how many runs each took up."""

    def make(engine=STACKED, keys=KEYS):
        return StoredCheckpoints(store, keys, engine, told.append)

    told = make.told = []
    return make


def test_another_process_finds_the_group_as_it_was(shelf):
    shelf().keep(group(2, 0), b"1")
    shelf().keep(group(2, 0), b"2")
    shelf().keep(group(1), b"3")
    assert shelf().find(PLANS) == {group(2, 0): b"2", group(1): b"3"}
    assert shelf.told == [3]


def test_a_group_goes_on_while_one_of_its_runs_is_asked_for(store, shelf):
    shelf().keep(group(0, 1), b"1")
    assert shelf().find(PLANS[1:]) == {group(0, 1): b"1"}
    assert shelf.told == [1]
    assert shelf().find(PLANS[2:]) == {}  # all of its runs are in the store, and so it goes
    assert store.checkpoints(["key 0"]) == []


def test_of_groups_with_a_run_in_common_one_goes_on(shelf):
    shelf().keep(group(0, 1), b"1")
    shelf().keep(group(1, 2), b"2")
    assert len(shelf().find(PLANS)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"engine": Engine()},
        {"engine": Engine("fast", lanes=4)},
        {"engine": Engine("stacked", lanes=8)},
        {"keys": {plan: f"{key} of another version" for plan, key in KEYS.items()}},
        {"keys": {PLANS[0]: KEYS[PLANS[0]]}},
    ],
    ids=["serial", "fast", "lanes", "version", "fewer"],
)
def test_what_another_comparison_left_stays_where_it_is(store, shelf, other):
    shelf().keep(group(0, 1), b"1")
    assert shelf(**other).find(PLANS[:1]) == {}
    assert len(store.checkpoints(["key 0"])) == 1
    assert shelf.told == []


def test_what_ended_is_forgotten_also_by_who_took_it_up(store, shelf):
    first = shelf()
    first.keep(group(0), b"1")
    first.drop(group(0))
    first.keep(group(1), b"2")
    second = shelf()
    second.find(PLANS)
    second.drop(group(1))
    second.drop(group(2))
    assert store.checkpoints(list(KEYS.values())) == []
