"""`etude.finder.edge`: on the seed line the stable rate has a closed form."""

import math

import pytest

from etude.finder.edge import edge
from etude.strategies import strategy
from etude.tasks import load_task, prepare

LIMIT = 2 / ((17 + math.sqrt(265)) / 3)
"""`etude.tasks.line` derives it."""


@pytest.fixture(scope="module")
def line():
    return prepare(load_task("seed-line"))


def test_on_a_quadratic_it_is_the_rate_over_the_limit_at_every_look(line):
    found = edge(line, strategy("sgd lr=0.1 linear"), updates=40, looks=(0.0, 0.5, 1.0))
    assert [at for at, _ in found] == [0, 20, 40]
    # linear: 1 - t / 40, and the last update that has a rate is the 39th.
    expected = [0.1 * (1 - t / 40) / LIMIT for t in (0, 20, 39)]
    assert [ratio for _, ratio in found] == pytest.approx(expected, rel=1e-4)


def test_momentum_doubles_the_limit(line):
    found = edge(line, strategy("sgd momentum=0.9 lr=0.1"), updates=20, looks=(0.0,))
    # The limit of heavy-ball momentum is (2 + 2 m) / curvature.
    assert found == [(0, pytest.approx(0.1 / (1.9 * LIMIT), rel=1e-4))]


def test_an_optimizer_that_has_seen_nothing_is_not_looked_at(line):
    found = edge(line, strategy("adam lr=0.01"), updates=20, looks=(0.0, 0.5))
    assert [at for at, _ in found] == [10]
