"""`etude.race.watched`: the same answer as an exhaustive comparison, told while it is found."""

import pytest

from etude import compare
from etude.errors import CompareError
from etude.race.watched import watch_comparison, watch_fork
from etude.store import Store
from etude.strategies import strategy
from etude.tasks import load_task, prepare

STRATEGIES = [strategy(text) for text in ("sgd lr=0.05", "sgd lr=0.1 cosine", "sgd lr=0.19")]


@pytest.fixture(scope="module")
def line():
    return prepare(load_task("seed-line"))


def watched(line, tell=lambda *_: None, **options):
    return watch_comparison(line, STRATEGIES, updates=100, seeds=(0, 1), tell=tell, **options)


def test_it_ranks_as_compare_does(line):
    mine = watched(line)
    other = compare(line, STRATEGIES, updates=100, seeds=(0, 1), workers=0, engine="serial")
    known = {str(each) for each in STRATEGIES}
    places = [place for place in other.ranking if place.strategy in known]
    assert [(p.strategy, p.outcome, p.loss) for p in mine.ranking] == [
        (p.strategy, p.outcome, p.loss) for p in places
    ]
    assert mine.cost["trained"] == 600


def test_what_the_store_has_is_not_trained_again_and_not_told(line, tmp_path):
    told = []
    with Store.open(str(tmp_path / "runs.db")) as store:
        first = watched(line, store=store)
        again = watched(line, store=store, tell=lambda *piece: told.append(piece))
    assert (again.cost["trained"], again.cost["reused"], told) == (0, 6, [])
    order = [place.strategy for place in first.ranking]
    assert [place.strategy for place in again.ranking] == order
    assert [place.loss for place in again.ranking] == [place.loss for place in first.ranking]


def test_a_strategy_that_does_not_fit_is_refused_before_anything_is_trained(line):
    told = []
    with pytest.raises(CompareError, match="a batch must fit"):
        watch_comparison(
            line,
            [strategy("sgd lr=1 batch=9")],
            updates=9,
            seeds=(0,),
            tell=lambda *_: told.append(1),
        )
    assert told == []


def test_a_fork_goes_on_at_multiples_of_the_rate(line):
    runs = watch_fork(
        line,
        strategy("sgd lr=0.1"),
        seed=0,
        updates=100,
        at=50,
        factors=(0.1, 1.0, 3.0),
        length=20,
        tell=lambda *_: None,
    )
    ends = {factor: run.curve.loss[-1] for factor, run in runs.items()}
    # 0.3 is above the line's limit of 0.1803, and 0.01 is slower than 0.1.
    assert ends[1.0] < ends[0.1] < ends[3.0]


@pytest.mark.parametrize("at", [-1, 100])
def test_a_fork_outside_of_the_run_is_refused(line, at):
    with pytest.raises(CompareError, match="within the run's 100 updates"):
        watch_fork(
            line,
            strategy("sgd lr=0.1"),
            seed=0,
            updates=100,
            at=at,
            factors=(1.0,),
            length=20,
            tell=lambda *_: None,
        )
