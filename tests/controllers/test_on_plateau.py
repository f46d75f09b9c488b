import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ReduceLROnPlateau

from etude.controllers import plateau


def run(law, values):
    state, multipliers = law.start(), []
    for value in values:
        state, _ = law.step(state, value)
        multipliers.append(state.multiplier)
    return multipliers


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.floats(0.01, 10), min_size=1, max_size=40),
    st.sampled_from(["min", "max"]),
    st.sampled_from(["rel", "abs"]),
    st.sampled_from([0.0, 1e-4, 0.1]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.2]),
)
def test_positive_metrics_give_torch_s_lrs(values, mode, scale, threshold, patience, cooldown, low):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = ReduceLROnPlateau(
        optimizer, mode, 0.5, patience, threshold, scale, cooldown, low, eps=0.0
    )
    expected = []
    for value in values:
        oracle.step(value)
        expected.append(optimizer.param_groups[0]["lr"])
    law = plateau(
        0.5,
        mode=mode,
        scale=scale,
        threshold=threshold,
        patience=patience,
        cooldown=cooldown,
        min=low,
    )
    assert run(law, values) == expected


@pytest.mark.parametrize(
    ("mode", "values", "improved"),
    [
        ("min", [-1.0, -0.95], False),  # the margin is 0.1: -1.1 is needed
        ("min", [-1.0, -1.05], False),
        ("min", [-1.0, -1.2], True),
        ("max", [-1.0, -0.95], False),
        ("max", [-1.0, -0.85], True),
        ("min", [0.0, -1e-9], True),  # a part of nothing is nothing
        ("max", [2.0, 2.1], False),
        ("max", [2.0, 2.3], True),
    ],
)
def test_better_is_better_whatever_the_sign(mode, values, improved):
    law = plateau(0.1, patience=0, mode=mode, threshold=0.1)
    assert run(law, values)[-1] == (1.0 if improved else 0.1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_what_is_not_finite_is_a_failure_and_never_the_best(mode, value):
    law = plateau(0.1, patience=0, mode=mode)
    state, why = law.step(law.start(), value)
    assert (state.best, state.multiplier) == (None, 0.1)
    assert why == "1 observations without improving on anything finite"
    state, why = law.step(state, 3.0)
    assert (state.best, why) == (3.0, None)


def test_patience_cooldown_and_min_by_hand():
    law = plateau(0.5, patience=1, cooldown=2, min=0.2)
    # best 1; bad 1, bad 2 -> lower; two are not counted; bad 1, bad 2 -> lower ...
    assert run(law, [1.0] * 13) == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_a_reduction_says_what_it_saw_and_at_the_bottom_nothing_happens():
    law = plateau(0.5, patience=0, min=0.5)
    state, _ = law.step(law.start(), 2.0)
    state, why = law.step(state, 2.0)
    assert why == "1 observations without improving on 2"
    assert law.step(state, 2.0)[1] is None
