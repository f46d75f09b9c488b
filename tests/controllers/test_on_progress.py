import math

import pytest

from etude.controllers import greedy


def run(law, values):
    state, multipliers = law.start(), []
    for value in values:
        state, _ = law.step(state, value)
        multipliers.append(state.multiplier)
    return multipliers


def test_it_raises_after_improvements_in_a_row_and_lowers_after_failures():
    law = greedy(0.5, patience=1, max=4.0, min=0.5)
    falling = [10 - t for t in range(8)]
    # the second, fourth, sixth improvement in a row raise, until 4
    assert run(law, falling) == [1, 2, 2, 4, 4, 4, 4, 4]
    assert run(law, [*falling, 9, 9, 9, 9, 9, 9, 9, 9])[8:] == [4, 2, 2, 1, 1, 0.5, 0.5, 0.5]


def test_an_improvement_ends_a_row_of_failures():
    assert run(greedy(0.5, patience=1), [5, 6, 4, 6, 3, 6, 2, 6]) == [1] * 8


def test_settle_and_cooldown_wait_without_counting():
    law = greedy(0.5, patience=0, settle=2, cooldown=1)
    assert run(law, [9, 8, 7, 6, 7, 7, 7]) == [2, 2, 2, 4, 4, 4, 2]


def test_noisy_losses_are_averaged():
    noisy = [10.0 - t + 3 * (-1) ** t for t in range(8)]
    assert run(greedy(0.5, patience=3), noisy) == [1] * 8
    # means of two: 13, 9.5, 8.5, 7.5, ... each one better
    assert run(greedy(0.5, patience=3, window=2), noisy) == [1, 1, 1, 2, 2, 2, 2, 4]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_a_failure_and_is_not_averaged(value):
    law = greedy(0.5, patience=0, window=3)
    state, why = law.step(law.start(), value)
    assert (state.multiplier, state.recent, state.best) == (0.5, (), None)
    assert why == "1 observations without improving on anything finite"


def test_it_moves_as_hugging_face_s_does():
    optimization = pytest.importorskip(
        "transformers.optimization", reason="transformers has GreedyLR, and is not installed"
    )
    import torch

    generator = torch.Generator().manual_seed(0)
    losses = (
        3 / (1 + torch.arange(300) / 40) + 0.1 * torch.rand(300, generator=generator)
    ).tolist()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = optimization.GreedyLR(optimizer, factor=0.9, patience=2, min_lr=0.01, max_lr=10.0)
    expected = []
    for loss in losses:
        oracle.step(loss)
        expected.append(optimizer.param_groups[0]["lr"])
    assert run(greedy(0.9, patience=2), losses) == pytest.approx(expected)
