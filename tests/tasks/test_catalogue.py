"""etude.tasks.catalogue: what holds for every ready-made task."""

import pickle

import pytest
import torch

from etude.tasks import READY, build_model, load_task, prepare


@pytest.fixture(scope="module", params=READY)
def prepared(request):
    return prepare(load_task(request.param))


def test_it_says_what_it_is(prepared):
    task = prepared.task
    assert task.name in READY
    assert task.about
    assert task.source
    assert READY[task.name]().name == task.name
    assert 200 <= task.budget <= 2000
    assert task.sizes == (prepared.train.size, prepared.val.size)


def test_gradient_steps_lower_its_loss(prepared):
    """Small steps of plain gradient descent on one batch must go down, or the gradient is wrong."""
    task = prepared.task
    model = build_model(task, 0)
    inputs, targets = prepared.train.take(torch.arange(task.batch_size))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    losses = []
    for _ in range(4):
        loss = task.loss(model(inputs), targets)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_it_can_be_sent_to_another_process(prepared):
    twin = pickle.loads(pickle.dumps(prepared.task))
    assert prepare(twin).fingerprint == prepared.fingerprint


def test_predictions_have_a_chance_loss_and_losses_have_none(prepared):
    assert (prepared.chance is not None) is prepared.task.predicts


def test_the_validation_data_are_apart_from_the_training_data(prepared):
    if not prepared.task.predicts or prepared.task.name == "seed-line":
        return
    inputs = [part.take(torch.arange(part.size))[0] for part in (prepared.train, prepared.val)]
    assert inputs[0].shape[1:] == inputs[1].shape[1:]
