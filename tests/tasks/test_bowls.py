"""etude.tasks.bowls"""

import pytest
import torch

from etude.errors import TaskError
from etude.tasks import build_model, noisy_bowl, prepare, quadratic


@pytest.mark.parametrize("condition", [1.0, 10.0, 1000.0])
def test_the_hessian_has_the_chosen_condition_number(condition):
    task = quadratic(condition=condition, dim=6)
    model = build_model(task, 0)
    centre, target = task.train
    loss = lambda w: task.loss(torch.func.functional_call(model, {"point": w}, (centre,)), target)
    values = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, torch.ones(6)).double())
    assert float(values.max()) == pytest.approx(1, rel=1e-5)
    assert float(values.max() / values.min()) == pytest.approx(condition, rel=1e-4)


def test_gradient_descent_multiplies_each_direction_by_one_minus_lr_h():
    task = quadratic(condition=100, dim=3)  # h = 1, 0.1, 0.01
    model = build_model(task, 0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(10):
        optimizer.zero_grad()
        task.loss(model(task.train[0]), task.train[1]).backward()
        optimizer.step()
    expected = torch.tensor([0.5**10, 0.95**10, 0.995**10])
    assert torch.allclose(model.point.detach(), expected, rtol=1e-5)


def test_the_start_does_not_depend_on_the_seed():
    first, second = (build_model(quadratic(), seed).point for seed in (0, 1))
    assert torch.equal(first, second)


def test_the_noisy_bowls_validation_loss_is_its_excess_over_the_best():
    prepared = prepare(noisy_bowl())
    task, model = prepared.task, build_model(prepared.task, 0)
    (centres, nothing), (origin, target) = prepared.train.tensors, prepared.val.tensors
    with torch.no_grad():

        def training_loss():
            return float(task.loss(model(centres), nothing))

        def excess():
            return float(task.loss(model(origin), target))

        start, start_excess = training_loss(), excess()
        model.point.zero_()
        assert excess() == 0
        # mean_x 1/2 h (w - x)^2 = 1/2 h w^2 + 1/2 h mean x^2, as the centres have mean 0
        assert start - training_loss() == pytest.approx(start_excess, rel=1e-4)


def test_a_batchs_gradient_has_the_noise_it_says():
    """d/dw of the mean over B centres is h (w - mean x): standard deviation h noise / sqrt(B)."""
    centres = noisy_bowl(noise=2.0).train[0]
    assert float(centres.std(0, correction=0).max()) == pytest.approx(2, rel=1e-5)
    assert float(centres.mean(0).abs().max()) < 1e-6
    batches = centres.reshape(128, 8, 10).mean(1)
    assert float(batches.std()) == pytest.approx(2 / 8**0.5, rel=0.05)


@pytest.mark.parametrize(
    "options", [{"condition": 0.5}, {"condition": float("nan")}, {"dim": 0}, {"dim": 1}]
)
def test_a_bowl_that_cannot_be_is_refused(options):
    with pytest.raises(TaskError, match="condition"):
        quadratic(**options)
