"""etude.tasks.line"""

import math

import pytest
import torch

from etude.tasks import build_model, seed_line

LIMIT = 2 / ((17 + math.sqrt(265)) / 3)


def descend(lr, updates=400):
    task = seed_line()
    model, (x, y) = build_model(task, 0), task.train
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(updates):
        optimizer.zero_grad()
        loss = task.loss(model(x), y)
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def test_the_hessian_gives_the_stability_limit():
    task = seed_line()
    x, y = task.train
    hessian = torch.autograd.functional.hessian(
        lambda p: task.loss(x * p[0] + p[1], y), torch.zeros(2)
    )
    # 2 [[mean x^2, mean x], [mean x, 1]] with x = 1, 2, 3
    assert torch.allclose(hessian, torch.tensor([[28 / 3, 4.0], [4.0, 2.0]]))
    largest = float(torch.linalg.eigvalsh(hessian.double()).max())
    assert 2 / largest == pytest.approx(LIMIT, rel=1e-6)
    assert pytest.approx(0.18029, abs=1e-5) == LIMIT


def test_descent_converges_below_the_limit_and_diverges_above():
    assert descend(0.99 * LIMIT) < 1e-3
    assert descend(1.01 * LIMIT) > 100
