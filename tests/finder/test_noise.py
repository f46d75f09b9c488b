"""`etude.finder.noise`: the gradient noise scale, against gradients whose noise is known."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from etude.finder.noise import from_products, noise_scale, products_of
from etude.tasks import Task, build_model, prepare, quadratic

DIM, SIZE, BATCHES = 50, 4, 32


def estimate(generator, *, signal, noise):
    """Estimate from batches of `SIZE` examples with gradient `signal` + noise of known size."""
    mean = torch.full((DIM,), signal / math.sqrt(DIM), dtype=torch.float64)
    spread = noise / math.sqrt(DIM * SIZE)
    batches = [
        mean + spread * torch.randn(DIM, generator=generator, dtype=torch.float64)
        for _ in range(BATCHES)
    ]
    return from_products(products_of(batches), SIZE)


def test_the_estimate_is_right_and_its_interval_covers_the_truth():
    # tr(S) = noise^2 = 36 and |G|^2 = signal^2 = 1, so B = 36.
    generator = torch.Generator().manual_seed(0)
    found = [estimate(generator, signal=1, noise=6) for _ in range(300)]
    inverse = sum(1 / each.value for each in found) / len(found)
    assert 1 / inverse == pytest.approx(36, rel=0.03)
    covered = sum(each.low <= 36 <= each.high for each in found) / len(found)
    assert 0.9 < covered <= 0.99


def test_noise_that_hides_the_gradient_shows_as_an_open_end():
    generator = torch.Generator().manual_seed(1)
    found = [estimate(generator, signal=0, noise=6) for _ in range(50)]
    assert sum(math.isinf(each.high) for each in found) >= 45
    assert all(each.low > 36 for each in found)


def test_without_noise_the_scale_is_0():
    same = [torch.ones(3, dtype=torch.float64)] * 8
    assert from_products(products_of(same), SIZE).value == 0


def test_a_linear_model_has_the_noise_scale_of_its_formula():
    # Forty weights w at 0, loss sum (w - y)^2 / 2: the gradient of an example is -y. So
    # tr(S) = 40 var(y) and |G|^2 = 40 mean(y)^2.
    targets = 2 + 3 * torch.randn(4096, 40, generator=torch.Generator().manual_seed(2))

    def model():
        layer = nn.Linear(1, 40, bias=False)
        nn.init.zeros_(layer.weight)
        return layer

    def loss(output, target):
        return 20 * functional.mse_loss(output, target)

    prepared = prepare(Task(model, loss, (torch.ones(4096, 1), targets), batch_size=64))
    found = noise_scale(prepared, build_model(prepared.task, 0))
    assert found is not None
    assert found.low < 9 / 4 < found.high
    assert found.value == pytest.approx(9 / 4, rel=0.15)


def test_a_small_task_is_measured_with_the_batches_that_it_has():
    inputs = torch.randn(20, 2, generator=torch.Generator().manual_seed(3))
    task = Task(lambda: nn.Linear(2, 1), functional.mse_loss, (inputs, inputs[:, :1]), batch_size=4)
    prepared = prepare(task)
    found = noise_scale(prepared, build_model(task, 0))
    assert found is not None
    assert found.value > 0


def test_too_few_examples_have_no_estimate():
    prepared = prepare(quadratic())
    assert noise_scale(prepared, build_model(prepared.task, 0)) is None
