"""Checks decide as they say."""

import math

import pytest

from etude.curriculum.experiments import Check
from etude.curriculum.judging import judge


def check(**condition):
    return Check(id="c", run="a", measure="final_loss", says="", **condition)


@pytest.mark.parametrize(
    ("condition", "values", "holds", "value"),
    [
        ({"below": 1.0}, [0.1, 0.9], True, 0.9),
        ({"below": 1.0}, [0.1, 1.1], False, 1.1),
        ({"below": 1.0, "over": "mean"}, [0.1, 1.1], True, 0.6),
        ({"above": 1.0}, [2.0, 3.0], True, 2.0),
        ({"above": 1.0}, [math.inf], True, math.inf),
        ({"above": 1.0}, [math.nan], False, None),
        ({"below": 1.0}, [math.nan], False, None),
        ({"between": (1.0, 2.0)}, [1.0, 2.0], True, 1.5),
        ({"between": (1.0, 2.0)}, [1.0, 2.1], False, 1.55),
        ({"equals": 0.1}, [0.1, 0.1 + 1e-9], True, 0.1),
        ({"equals": 0.1}, [0.2], False, 0.2),
        ({"interval": "above 0"}, [1.0, 1.1, 0.9], True, 1.0),
        ({"interval": "below 0"}, [1.0, 1.1, 0.9], False, 1.0),
        ({"interval": "includes 0"}, [1.0, -1.1, 0.2], True, None),
        ({"interval": "excludes 0"}, [1.0], False, 1.0),
    ],
)
def test_numbers_by_seed(condition, values, holds, value):
    measured = judge(check(**condition), values)
    assert measured.holds is holds
    assert value is None or measured.value == pytest.approx(value)


def test_the_interval_is_students():
    """Mean 1, standard deviation 0.1, n = 3: t(0.975, 2) = 4.3027, half width 0.2484."""
    measured = judge(check(interval="above 0"), [0.9, 1.0, 1.1])
    assert (measured.low, measured.high) == pytest.approx((1 - 0.2484, 1 + 0.2484), abs=1e-4)


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ({"equals": (0.1, 0.05)}, (0.1, 0.05), True),
        ({"equals": (0.1, 0.05)}, (0.1, 0.05, 0.05), False),
        ({"equals": "ValueError"}, "ValueError", True),
        ({"contains": "before"}, "call it before", True),
        ({"contains": "after"}, "call it before", False),
        ({"below": 1.0}, "text", False),
    ],
)
def test_one_value_of_code(condition, value, holds):
    assert judge(check(**condition), value).holds is holds
