"""The curves by hand; that they are the libraries' own, tests/schedules/conventions shows."""

import math

import pytest

from etude.schedules import parse


def values(text, *updates):
    schedule = parse(text)
    return [pytest.approx(schedule(t), rel=1e-12, abs=1e-15) for t in updates]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 1 - (t/4)²: 1, 15/16, 12/16, 7/16, 0, and it holds
        ("cooldown 4 power=2", {0: 1, 1: 15 / 16, 2: 3 / 4, 3: 7 / 16, 4: 0, 9: 0}),
        # ratio 1/4, half way: (1/2 - 1/4)/(3/4) = 1/3 of the way from end = 0.4 to 1
        ("cooldown 2 shape=exponential ratio=0.25 end=0.4", {0: 1, 1: 0.6, 2: 0.4}),
        # ((1 + cos(pi/2))/2)² = 1/4 half way
        ("cosine-power 2 power=2", {0: 1, 1: 0.25, 2: 0}),
        ("cosine-power 2 power=2 end=0.2", {1: 0.4, 5: 0.2}),
        # two half cosines over 8: 1, (1 + cos(pi/4))/2, 1/2, …, again from 4, 0 from 8 on
        (
            "hf-restarts 8 cycles=2",
            {0: 1, 1: (1 + math.cos(math.pi / 4)) / 2, 2: 0.5, 4: 1, 6: 0.5, 8: 0, 99: 0},
        ),
        # cycles of 4 and 8 updates, the second from half the height above end, then the end
        (
            "timm-cycles 4 mult=2 decay=0.5 limit=2 end=0.1",
            {0: 1, 2: 0.55, 4: 0.5, 8: 0.3, 12: 0.1, 99: 0.1},
        ),
        ("timm-cycles 4 shape=polynomial power=2 k=2", {0: 1, 2: (3 / 4) ** 2, 4: 0}),
        # (1 - tanh(-1))/2 at the start, 1/2 half way between low and high
        (
            "timm-cycles 4 shape=tanh low=-1 high=1",
            {0: (1 + math.tanh(1)) / 2, 2: 0.5, 4: 0},
        ),
        # 1/sqrt(1 + t/4) until 12 of 16, then a line to the end over 4 updates
        (
            "timm-wsd 16 cooldown=4 timescale=4 shape=linear end=0.1",
            {0: 1, 12: 0.5, 14: 0.1 + (1 / math.sqrt(4.5) - 0.1) / 2, 16: 0.1, 99: 0.1},
        ),
        # never below the end on its way: (1 + 8)**-1 = 1/9 < 0.2
        ("timm-wsd 16 cooldown=4 timescale=1 stable=1 end=0.2", {2: 1 / 3, 8: 0.2, 14: 0.2}),
        # cycles of 2, 4, 8, each 0.8 times as high: restarts at 2 and 6
        ("keras-restarts 2 decay=0.8", {0: 1, 1: 0.5, 2: 0.8, 4: 0.4, 6: 0.64}),
        # the end moves: t = 4 is the end of 4 and then of 8
        ("keras-polynomial 4 end=0.2", {0: 1, 2: 0.6, 4: 0.2, 5: 0.2 + 0.8 * 3 / 8, 8: 0.2}),
    ],
)
def test_the_curve_is_the_formula(text, expected):
    assert values(text, *expected) == list(expected.values())


@pytest.mark.parametrize("mult", [1.3, 1.5, 2.5, 3.0])
def test_no_rounding_of_the_cycle_index_gives_a_bad_multiplier(mult):
    for shape in ("cosine", "polynomial", "tanh"):
        schedule = parse(f"timm-cycles 7 mult={mult} limit=9 shape={shape} power=0.5 k=0.7")
        assert all(0 <= schedule(t) <= 1 for t in range(2000))
