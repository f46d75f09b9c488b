"""The contract of `etude.training.cohort`, kept to the bit by every engine."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from etude.strategies import OPTIMIZERS, strategy
from etude.tasks import build_model, load_task, prepare, seed_for
from etude.training import Plan, SerialCohort
from etude.training.stacked import StackedCohort

UPDATES = 60
STRATEGIES = [
    "sgd lr=0.1 constant",
    "sgd lr=0.1 momentum=0.9 warmup 10% -> cosine",
    "sgd lr=0.1 momentum=0.9 nesterov=true wd=0.01 step 30%",
    "adam lr=0.01 one-cycle",
    "adam lr=0.01 wd=0.1 linear",
    "adam lr=0.01 amsgrad=true clip=0.5 cosine",
    "adamw lr=0.01 betas=0.8,0.95 batch=32 linear",
    "adamw lr=0.01 wd=0.1 eps=1e-6 constant",
    "rmsprop lr=0.003 alpha=0.9 constant",
    "rmsprop lr=0.001 momentum=0.9 wd=0.01 cosine",
    "adagrad lr=0.05 wd=0.01 cosine",
]


@pytest.fixture(params=["serial", "stacked"], scope="module")
def engine(request):
    """Builds a cohort of the strategies of some texts, all of seed 0."""

    def build(prepared, *texts, updates=UPDATES):
        plans = [Plan(strategy(text), 0) for text in texts]
        if request.param == "serial":
            return SerialCohort(prepared, plans, updates=updates)
        return StackedCohort(prepared, plans, updates=updates, chunk=4)

    return build


@pytest.fixture
def train(engine):
    """Trains runs to their end, so many updates at a time."""

    def run(prepared, *texts, updates=UPDATES, piece=UPDATES):
        cohort = engine(prepared, *texts, updates=updates)
        while cohort.alive:
            cohort.advance(piece)
        return [cohort.curve(number) for number in range(len(texts))]

    return run


def by_hand(prepared, text, updates):
    """The loop of any PyTorch tutorial, with the rate set by hand."""
    chosen = strategy(text)
    task, train_set = prepared.task, prepared.train
    batch_size = chosen.batch_size or task.batch_size
    schedule = chosen.bind(updates).schedule
    keywords = {"wd": "weight_decay"}
    options = {keywords.get(key, key): value for key, value in chosen.options}
    model = build_model(task, 0)
    optimizer = getattr(torch.optim, OPTIMIZERS[chosen.optimizer].class_name)(
        model.parameters(), lr=chosen.peak_lr, **options
    )
    shuffle = torch.Generator().manual_seed(seed_for(task.name, 0, "batches"))
    losses, t = [], 0
    while t < updates:
        order = torch.randperm(train_set.size, generator=shuffle)
        for start in range(0, train_set.size - batch_size + 1, batch_size):
            if t == updates:
                break
            for group in optimizer.param_groups:
                group["lr"] = chosen.peak_lr * schedule(t)
            inputs, targets = train_set.take(order[start : start + batch_size])
            optimizer.zero_grad()
            loss = task.loss(model(inputs), targets)
            loss.backward()
            if chosen.clip:
                nn.utils.clip_grad_norm_(model.parameters(), chosen.clip)
            optimizer.step()
            losses.append(loss.item())
            t += 1
    return losses


def test_a_run_equals_a_hand_written_loop_to_the_bit(train, digits):
    curves = train(digits, *STRATEGIES, updates=200, piece=200)
    for text, curve in zip(STRATEGIES, curves, strict=True):
        assert (text, curve.loss.tolist()) == (text, by_hand(digits, text, 200))


def test_a_run_is_the_same_alone_beside_others_and_in_pieces(train, digits, differences):
    together = train(digits, *STRATEGIES, "sgd lr=1e30", piece=7)
    elsewhere = train(digits, "sgd lr=1e30", *reversed(STRATEGIES))
    for text, first, second in zip(
        [*STRATEGIES, "sgd lr=1e30"], together, [*elsewhere[:0:-1], elsewhere[0]], strict=True
    ):
        assert not differences(first, second), text
    for number in (0, 4, 6):
        assert not differences(train(digits, STRATEGIES[number])[0], together[number])


def test_strategies_of_a_seed_start_from_the_same_weights_and_see_the_same_batches(train, digits):
    first, second = train(digits, "sgd lr=1e-30", "adamw lr=1e-30 wd=0")
    assert first.loss.tolist() == second.loss.tolist()
    assert len(set(first.loss)) > UPDATES // 2


def test_a_curve_has_the_rate_used_beside_the_loss_it_met(train, digits):
    (curve,) = train(digits, "sgd lr=0.5 linear")
    assert curve.update.tolist() == list(range(UPDATES))
    assert np.allclose(curve.lr, 0.5 * (1 - np.arange(UPDATES) / UPDATES), rtol=1e-12)
    assert curve.eval_update[0] == 0
    assert curve.eval_update[-1] == UPDATES


def test_the_signals_are_those_of_plain_gradient_descent(train, digits):
    # For SGD the change of the weights is lr times the gradient, so that the update ratio times
    # the norm of the weights over lr is the gradient norm.
    (curve,) = train(digits, "sgd lr=0.01", updates=1)
    model = build_model(digits.task, 0)
    weights = torch.sqrt(sum((p.detach() ** 2).sum() for p in model.parameters())).item()
    assert curve.update_ratio[0] * weights / 0.01 == pytest.approx(curve.grad_norm[0], rel=1e-4)


def test_long_runs_keep_a_bounded_number_of_rows(train):
    (curve,) = train(prepare(load_task("seed-line")), "sgd lr=0.01", updates=1000, piece=1000)
    assert len(curve.update) == 200
    assert curve.update[1] == 5


def test_a_diverged_run_ends_and_touches_no_other(engine, digits, differences):
    cohort = engine(digits, "sgd lr=1e30", STRATEGIES[0])
    cohort.advance(UPDATES // 2)
    assert list(cohort.alive) == [1]
    cohort.advance(UPDATES)
    burnt = cohort.curve(0)
    assert not np.isfinite(burnt.loss[-1])
    assert np.isfinite(burnt.loss[:-1]).all()
    assert len(burnt.loss) < UPDATES
    alone = engine(digits, STRATEGIES[0])
    alone.advance(UPDATES)
    assert not differences(cohort.curve(1), alone.curve(0))


def refuses_what_is_not_finite(outputs, targets):
    if not np.isfinite(outputs.numpy()).all():
        raise ValueError("Input contains NaN.")
    return float(np.abs(outputs.numpy() - targets.numpy()).mean())


def test_a_metric_that_raises_on_nan_is_nan(train, task_of, differences):
    prepared = task_of(lambda: nn.Linear(8, 1), metric=refuses_what_is_not_finite)
    burnt, beside = train(prepared, "sgd lr=1e36", "sgd lr=0.1")
    assert np.isnan(burnt.val_metric[-1])
    assert not np.isfinite(burnt.val_loss[-1])
    assert not differences(beside, train(prepared, "sgd lr=0.1")[0])


def test_a_diverged_run_has_the_same_curve_however_its_updates_are_divided(
    train, digits, differences
):
    whole = train(digits, "sgd lr=1e30")[0]
    for piece in (1, 7):
        assert not differences(train(digits, "sgd lr=1e30", piece=piece)[0], whole)


def test_a_dropped_run_stops_and_keeps_its_curve(engine, digits, differences):
    cohort = engine(digits, *STRATEGIES[:2])
    cohort.advance(10)
    cohort.drop([0])
    cohort.advance(UPDATES)
    assert (cohort.done(0), cohort.done(1)) == (10, UPDATES)
    assert len(cohort.curve(0).loss) == 10
    alone = engine(digits, STRATEGIES[1])
    alone.advance(UPDATES)
    assert not differences(cohort.curve(1), alone.curve(0))


def test_a_restored_cohort_goes_on_exactly(engine, digits, differences):
    cohort = engine(digits, *STRATEGIES, "sgd lr=1e30")
    cohort.advance(23)
    cohort.drop([1])
    saved = pickle.dumps(state := cohort.state())
    cohort.advance(UPDATES)
    for kept in (state, pickle.loads(saved)):
        other = engine(digits)
        other.restore(kept)
        assert (other.done(0), other.done(1)) == (23, 23)
        other.advance(UPDATES)
        for run in range(len(STRATEGIES) + 1):
            assert not differences(other.curve(run), cohort.curve(run)), run


def test_a_cohort_can_go_back_to_a_state_of_its_own(engine, digits, differences):
    cohort = engine(digits, *STRATEGIES[:4])
    cohort.advance(23)
    state = cohort.state()
    cohort.advance(UPDATES)
    whole = [cohort.curve(run) for run in range(4)]
    cohort.restore(state)
    cohort.advance(UPDATES)
    assert not any(differences(cohort.curve(run), curve) for run, curve in enumerate(whole))


def test_a_fork_under_the_same_strategy_is_the_same_run(engine, digits, differences):
    text = "adamw lr=0.01 warmup 10% -> cosine"
    cohort = engine(digits, text)
    cohort.advance(20)
    twin = cohort.fork(0, strategy(text))
    hot = cohort.fork(0, strategy("adamw lr=0.1 warmup 10% -> cosine"))
    grandchild = cohort.fork(twin, strategy(text))
    cohort.advance(UPDATES)
    alone = engine(digits, text)
    alone.advance(UPDATES)
    for run in (0, twin, grandchild):
        assert not differences(cohort.curve(run), alone.curve(0))
    assert cohort.curve(hot).loss[:20].tolist() == alone.curve(0).loss[:20].tolist()
    assert cohort.curve(hot).lr[20] == pytest.approx(10 * cohort.curve(0).lr[20])


def test_a_fork_under_another_optimizer_begins_its_memory_anew(engine, digits):
    # Adam's first update moves each weight by lr, whatever the gradient's size: m / sqrt(v) is
    # +-1 once both are corrected for their start. So the update ratio is lr sqrt(n) / |w|.
    cohort = engine(digits, "sgd lr=0.1 momentum=0.9")
    cohort.advance(20)
    twin = cohort.fork(0, strategy("adam lr=0.001"))
    cohort.advance(1)
    ratios = cohort.curve(twin).update_ratio
    weights = sum(p.numel() for p in build_model(digits.task, 0).parameters())
    ours = ratios[20] * np.sqrt(0.1**2)  # not used for the bound below but must be finite
    assert np.isfinite(ours)
    assert 0 < ratios[20] < 0.001 * np.sqrt(weights)
    assert cohort.done(twin) == 21


def test_a_fork_with_another_batch_size_goes_on_in_the_same_epoch(engine, digits):
    cohort = engine(digits, "sgd lr=0.1")
    cohort.advance(5)
    smaller = cohort.fork(0, strategy("sgd lr=0.1 batch=16"))
    cohort.advance(UPDATES)
    assert cohort.done(smaller) == UPDATES
    assert cohort.curve(smaller).loss[5] != cohort.curve(0).loss[5]


def test_a_fork_of_an_ended_run_has_ended(engine, digits):
    cohort = engine(digits, "sgd lr=0.1")
    cohort.advance(5)
    cohort.drop([0])
    twin = cohort.fork(0, strategy("sgd lr=0.2"))
    assert list(cohort.alive) == []
    assert len(cohort.curve(twin).loss) == 5


def dropout_network():
    return nn.Sequential(nn.Linear(8, 32), nn.Dropout(0.5), nn.ReLU(), nn.Linear(32, 1))


def test_dropout_draws_from_the_runs_own_generator(train, task_of, differences):
    prepared = task_of(dropout_network)
    alone = train(prepared, "sgd lr=0.01")[0]
    torch.manual_seed(99)
    before = torch.get_rng_state()
    beside = train(prepared, "adam lr=0.01", "sgd lr=0.01", piece=7)[1]
    assert not differences(alone, beside)
    assert torch.equal(before, torch.get_rng_state())


def test_validation_is_in_evaluation_mode_and_without_dropout(train, task_of):
    (curve,) = train(task_of(dropout_network), "sgd lr=1e-30")
    assert len(set(curve.val_loss)) == 1


def test_batch_statistics_belong_to_the_run(train, task_of, differences):
    prepared = task_of(
        lambda: nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 1))
    )
    texts = ["sgd lr=0.1", "sgd lr=1e30", "adam lr=0.01"]
    together = train(prepared, *texts, piece=7)
    for text, curve in zip(texts, together, strict=True):
        assert not differences(train(prepared, text)[0], curve)
