"""Runs whose rates answer to their own losses."""

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from etude.errors import EtudeError
from etude.strategies import strategy
from etude.tasks import build_model, seed_for
from etude.training import Engine, Plan, Pool, SerialCohort
from etude.training.prefix import groups
from etude.training.signals import evaluate
from etude.training.stacked import StackedCohort

UPDATES = 200
PLATEAU = "sgd lr=1.0 plateau 0.3 patience=0 threshold=0.02"
CONTROLLED = [
    PLATEAU,
    "sgd lr=0.3 momentum=0.9 cosine * spike 0.5 * plateau 0.3 patience=1 mode=max",
    "adamw lr=0.01 careful-warmup 10%",
    "adamw lr=0.003 greedy 0.5 patience=1",
]


def trained(prepared, *texts, updates=UPDATES, piece=UPDATES):
    cohort = SerialCohort(prepared, [Plan(strategy(text), 0) for text in texts], updates=updates)
    while cohort.alive:
        cohort.advance(piece)
    return [cohort.curve(number) for number in range(len(texts))]


def test_a_plateau_equals_torchs_own_in_a_hand_written_loop_to_the_bit(digits):
    task, train_set = digits.task, digits.train
    model = build_model(task, 0)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.3, patience=0, threshold=0.02, eps=0)
    shuffle = torch.Generator().manual_seed(seed_for(task.name, 0, "batches"))
    losses, rates, order = [], [], ()
    for t in range(UPDATES):
        if len(order) < task.batch_size:
            order = torch.randperm(train_set.size, generator=shuffle)
        inputs, targets = train_set.take(order[: task.batch_size])
        order = order[task.batch_size :]
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        loss = task.loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if (t + 1) % (UPDATES // 20) == 0:
            scheduler.step(evaluate(model, digits).loss)
    (curve,) = trained(digits, PLATEAU)
    assert curve.loss.tolist() == losses
    assert np.allclose(curve.lr, rates, rtol=1e-14, atol=0)
    assert len(set(rates)) > 2


def test_a_controlled_run_is_the_same_alone_beside_others_and_in_pieces(digits, differences):
    together = trained(digits, *CONTROLLED, piece=7)
    for text, curve in zip(CONTROLLED, together, strict=True):
        assert not differences(trained(digits, text)[0], curve), text
        assert len(set(curve.lr)) > 1, text


@pytest.mark.parametrize("text", CONTROLLED)
def test_a_restored_controlled_run_goes_on_exactly(digits, differences, text):
    cohort = SerialCohort(digits, [Plan(strategy(text), 0)], updates=UPDATES)
    cohort.advance(UPDATES // 2 + 3)
    other = SerialCohort(digits, [], updates=UPDATES)
    other.restore(cohort.state())
    other.advance(UPDATES)
    assert not differences(other.curve(0), trained(digits, text)[0])


def test_a_fork_takes_the_controllers_state_along_where_both_have_them(digits):
    cohort = SerialCohort(digits, [Plan(strategy(PLATEAU), 0)], updates=UPDATES)
    cohort.advance(UPDATES - 20)
    cohort.fork(0, strategy(PLATEAU).with_lr(2.0))
    cohort.fork(0, strategy("sgd lr=1.0"))
    cohort.advance(1)
    own, doubled, free = (cohort.curve(run).lr[-1] for run in range(3))
    assert own < 1
    assert (doubled, free) == (2 * own, 1.0)


def test_copies_tell_a_controller_as_often_as_runs_in_full(digits):
    copy = SerialCohort(digits, [Plan(strategy(PLATEAU), 0, UPDATES)], updates=UPDATES // 10)
    copy.advance(UPDATES)
    assert copy.curve(0).eval_update.size == trained(digits, PLATEAU)[0].eval_update.size == 21


def test_spans_of_a_controller_shrink_with_a_copy(digits):
    text = "sgd lr=1.0 careful-warmup 50%"
    copy = SerialCohort(digits, [Plan(strategy(text), 0, UPDATES)], updates=UPDATES // 10)
    copy.advance(UPDATES)
    rises = np.flatnonzero(copy.curve(0).lr == 1.0)
    assert rises[0] >= UPDATES // 20 - 1
    assert rises[0] < UPDATES // 10


def test_runs_with_the_same_controllers_share_a_start_and_others_do_not(digits):
    texts = [PLATEAU, "sgd lr=1.0 step 50% * plateau 0.3 patience=0 threshold=0.02", "sgd lr=1.0"]
    plans = [Plan(strategy(text), 0) for text in texts]
    assert sorted(map(len, groups(digits, plans, UPDATES))) == [1, 2]


@pytest.mark.parametrize("workers", [0, 2])
def test_lanes_leave_controlled_runs_to_themselves(digits, differences, workers):
    texts = [PLATEAU, "sgd lr=1.0 step 50% * plateau 0.3 patience=0 threshold=0.02"]
    open_loop = ["sgd lr=0.1", "sgd lr=0.1 cosine"]
    plans = [Plan(strategy(text), 0) for text in (*texts, *open_loop)]
    with Pool(digits, workers=workers, engine=Engine("stacked", 4)) as pool:
        runs = {run.strategy: run for run in pool.train(plans, updates=UPDATES)}
    for text in (*texts, *open_loop):
        assert not differences(runs[str(strategy(text))].curve, trained(digits, text)[0]), text


def test_lanes_refuse_controllers_in_one_sentence(digits):
    with pytest.raises(EtudeError, match=r"a controller answers to its run, got `sgd lr=1\.0 plat"):
        StackedCohort(digits, [Plan(strategy(PLATEAU), 0)], updates=UPDATES)


@pytest.mark.parametrize("text", CONTROLLED)
def test_the_code_of_a_controlled_run_repeats_its_losses_to_the_bit(digits, text):
    program: dict = {}
    exec(strategy(text).code(updates=UPDATES, task="digits"), program)
    assert program["losses"] == trained(digits, text)[0].loss.tolist()


@pytest.mark.parametrize("text", CONTROLLED)
def test_the_code_without_a_task_runs_as_it_stands(text):
    program: dict = {}
    exec(strategy(text).code(updates=40), program)
    assert len(program["losses"]) == 40
