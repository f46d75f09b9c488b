"""etude.tasks.chance"""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from etude.tasks import digits, prepare


@pytest.fixture
def labels():
    """Three classes of unequal size."""
    generator = torch.Generator().manual_seed(2)
    return torch.multinomial(
        torch.tensor([0.6, 0.3, 0.1]), 400, replacement=True, generator=generator
    )


@pytest.fixture
def classes(make, labels):
    def build(**changes):
        generator = torch.Generator().manual_seed(3)
        inputs = torch.randn(400, 3, generator=generator)
        parts = {
            "model": lambda: nn.Linear(3, 3),
            "loss": functional.cross_entropy,
            "train": (inputs[:300], labels[:300]),
            "val": (inputs[300:], labels[300:]),
        }
        return make(**parts | changes)

    return build


def frequencies(labels):
    """Cross-entropy is least at the class frequencies p: validation loss -mean log p[label]."""
    p = torch.bincount(labels[:300], minlength=3).double() / 300
    return float(-p[labels[300:]].log().mean())


def test_on_digits_it_is_the_cross_entropy_of_the_training_frequencies():
    prepared = prepare(digits())
    (_, train), (_, val) = prepared.train.tensors, prepared.val.tensors
    p = torch.bincount(train).double() / len(train)
    assert prepared.chance == pytest.approx(float(-p[val].log().mean()), abs=1e-3)
    # Ten classes of nearly equal size: near ln 10.
    assert prepared.chance == pytest.approx(math.log(10), abs=0.01)


def test_for_squared_error_it_is_the_mean_squared_distance_to_the_training_mean(make):
    prepared = prepare(make())
    (_, train), (_, val) = prepared.train.tensors, prepared.val.tensors
    assert prepared.chance == pytest.approx(float(((val - train.mean(0)) ** 2).mean()), rel=1e-5)


def test_for_absolute_error_it_is_the_mean_distance_to_the_training_median(make, data):
    (inputs, targets), odd = data, 31  # an odd number of rows has one median
    task = make(
        loss=functional.l1_loss,
        train=(inputs[:odd], targets[:odd]),
        val=(inputs[odd:], targets[odd:]),
    )
    median = targets[:odd].sort(0).values[odd // 2]
    expected = float((targets[odd:] - median).abs().mean())
    assert prepare(task).chance == pytest.approx(expected, rel=1e-5)


def test_unequal_classes_give_their_entropy(classes, labels):
    assert prepare(classes()).chance == pytest.approx(frequencies(labels), abs=1e-4)


def test_the_size_of_the_loss_does_not_matter(classes, labels):
    tiny = lambda o, t: 1e-8 * functional.cross_entropy(o, t)
    assert prepare(classes(loss=tiny)).chance == pytest.approx(1e-8 * frequencies(labels), rel=1e-3)


def test_log_probabilities_stay_log_probabilities(classes, labels):
    """nll_loss alone has no least value: the constant must be one that log_softmax can give."""
    model = lambda: nn.Sequential(nn.Linear(3, 3), nn.LogSoftmax(1))
    prepared = prepare(classes(model=model, loss=functional.nll_loss))
    assert prepared.chance == pytest.approx(frequencies(labels), abs=1e-4)


def test_probabilities_stay_probabilities(classes, labels):
    model = lambda: nn.Sequential(nn.Linear(3, 3), nn.Softmax(1))
    loss = lambda o, t: functional.nll_loss(o.log(), t)
    assert prepare(classes(model=model, loss=loss)).chance == pytest.approx(
        frequencies(labels), abs=1e-4
    )


def test_a_loss_without_a_least_value_has_no_chance(classes):
    assert prepare(classes(loss=functional.nll_loss)).chance is None


def test_a_loss_that_holds_float32_tensors_is_met_in_float32(classes, labels):
    weight = torch.tensor([1.0, 2.0, 3.0])
    loss = lambda o, t: functional.cross_entropy(o, t, weight=weight)
    # Weighted frequencies p_k ~ weight_k count_k are the best constant of a weighted mean.
    p = torch.bincount(labels[:300], minlength=3) * weight
    val = labels[300:]
    expected = float((-(p / p.sum())[val].log() * weight[val]).sum() / weight[val].sum())
    assert prepare(classes(loss=loss)).chance == pytest.approx(expected, abs=1e-3)


def test_sigmoid_outputs_start_from_the_mean_target(make, labels):
    inputs, targets = torch.randn(400, 3), (labels == 0).float().unsqueeze(1)
    task = make(
        model=lambda: nn.Sequential(nn.Linear(3, 1), nn.Sigmoid()),
        loss=functional.binary_cross_entropy,
        train=(inputs[:300], targets[:300]),
        val=(inputs[300:], targets[300:]),
    )
    p, share = float(targets[:300].mean()), float(targets[300:].mean())
    expected = -share * math.log(p) - (1 - share) * math.log(1 - p)
    assert prepare(task).chance == pytest.approx(expected, rel=1e-4)


def test_a_loss_that_refuses_a_constant_has_no_chance(make):
    def picky(outputs, targets):
        if len(outputs) != 8:
            raise ValueError
        return functional.mse_loss(outputs, targets)

    assert prepare(make(loss=picky)).chance is None


def test_what_is_no_prediction_has_no_chance(make):
    assert prepare(make(predicts=False)).chance is None
