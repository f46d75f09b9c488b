"""etude.tasks.wells"""

import pytest
import torch

from etude.tasks import build_model, double_well
from etude.tasks.wells import deepest, well


def final(task, lr, updates=400, seed=0):
    model, (pushes, nothing) = build_model(task, 0), task.train
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(updates):
        rows = torch.randint(len(pushes), (task.batch_size,), generator=generator)
        optimizer.zero_grad()
        task.loss(model(pushes[rows]), nothing[rows]).backward()
        optimizer.step()
    return float(model.point.detach())


def test_the_deep_well_is_the_least_of_all():
    point, lowest = deepest()
    grid = torch.linspace(-2, 2, 40001, dtype=torch.float64)
    assert float(well(grid).min()) == pytest.approx(lowest, abs=1e-7)
    assert float(grid[well(grid).argmin()]) == pytest.approx(point, abs=1e-4)
    # Newton by hand on 4 w^3 - 4 w + 0.3 from -1: -1.0375, -1.0355
    assert point == pytest.approx(-1.0355, abs=1e-3)


def test_validation_is_0_in_the_deep_well_and_0_6_in_the_shallow_one():
    task = double_well()
    model = build_model(task, 0)
    push, target = task.val
    with torch.no_grad():
        model.point.fill_(deepest()[0])
        assert float(task.loss(model(push), target)) == pytest.approx(0, abs=1e-6)
        model.point.fill_(0.9602)  # Newton from 1: 1 - 0.3/8 = 0.9625, then 0.9602
        assert float(task.loss(model(push), target)) == pytest.approx(0.6, abs=0.01)


def test_without_noise_it_stays_in_the_shallow_well():
    assert final(double_well(noise=0.0), 0.05) == pytest.approx(0.9602, abs=1e-3)


def test_with_noise_some_runs_cross_at_a_high_lr_and_none_at_a_low_one():
    task = double_well()
    assert all(final(task, 0.01, seed=seed) > 0 for seed in range(5))
    assert any(final(task, 0.1, seed=seed) < 0 for seed in range(5))
