"""`etude.training.serial`: the cohort contract, against a hand-written `torch.optim` loop."""

import random
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from etude.diagnosis import judge
from etude.records import Curve, Outcome
from etude.strategies import strategy
from etude.tasks import Task, build_model, load_task, prepare, seed_for
from etude.training import Plan, SerialCohort

UPDATES = 60
OPTIMIZERS = [
    "sgd lr=0.1 constant",
    "sgd lr=0.1 momentum=0.9 warmup 10% -> cosine",
    "sgd lr=0.1 momentum=0.9 nesterov=true wd=0.01 step 30%",
    "adam lr=0.01 one-cycle",
    "adam lr=0.01 amsgrad=true clip=0.5 cosine",
    "adamw lr=0.01 betas=0.8,0.95 batch=32 linear",
    "rmsprop lr=0.003 alpha=0.9 constant",
    "adagrad lr=0.05 cosine",
]


@pytest.fixture(scope="module")
def digits():
    return prepare(load_task("digits"))


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def train(prepared, *texts, updates=UPDATES, chunk=UPDATES):
    cohort = SerialCohort(prepared, [Plan(strategy(text), 0) for text in texts], updates=updates)
    while cohort.alive:
        cohort.advance(chunk)
    return [cohort.curve(run) for run in range(len(texts))]


def same(first: Curve, second: Curve) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        for name in Curve.__dataclass_fields__
    )


def by_hand(prepared, text):
    """The loop of any PyTorch tutorial, with the rate set by hand."""
    chosen = strategy(text)
    task, train_set = prepared.task, prepared.train
    batch_size = chosen.batch_size or task.batch_size
    schedule = chosen.bind(UPDATES).schedule
    name, options = {
        "sgd": ("SGD", {}),
        "adam": ("Adam", {}),
        "adamw": ("AdamW", {}),
        "rmsprop": ("RMSprop", {}),
        "adagrad": ("Adagrad", {}),
    }[chosen.optimizer]
    keywords = {"wd": "weight_decay"}
    options = {keywords.get(key, key): value for key, value in chosen.options}
    model = build_model(task, 0)
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=chosen.peak_lr, **options)
    shuffle = torch.Generator().manual_seed(seed_for(task.name, 0, "batches"))
    losses, t = [], 0
    while t < UPDATES:
        order = torch.randperm(train_set.size, generator=shuffle)
        for start in range(0, train_set.size - batch_size + 1, batch_size):
            if t == UPDATES:
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


@pytest.mark.parametrize("text", OPTIMIZERS)
def test_a_run_equals_a_hand_written_loop_to_the_bit(digits, text):
    (curve,) = train(digits, text)
    assert curve.loss.tolist() == by_hand(digits, text)


def test_a_run_is_the_same_alone_beside_others_and_in_pieces(digits):
    together = train(digits, *OPTIMIZERS, chunk=7)
    for text, curve in zip(OPTIMIZERS, together, strict=True):
        assert same(train(digits, text)[0], curve)


def test_strategies_of_a_seed_start_from_the_same_weights_and_see_the_same_batches(digits):
    first, second = train(digits, "sgd lr=1e-30", "adamw lr=1e-30 wd=0")
    assert np.allclose(first.loss, second.loss, rtol=0, atol=0)
    assert len(set(first.loss)) > UPDATES // 2


def test_a_curve_has_the_rate_used_beside_the_loss_it_met(digits):
    (curve,) = train(digits, "sgd lr=0.5 linear")
    assert curve.update.tolist() == list(range(UPDATES))
    assert np.allclose(curve.lr, 0.5 * (1 - np.arange(UPDATES) / UPDATES), rtol=1e-12)
    assert curve.eval_update[0] == 0
    assert curve.eval_update[-1] == UPDATES


def test_the_signals_are_those_of_plain_gradient_descent(digits):
    # For SGD the change of the weights is lr times the gradient, so that the update ratio times
    # the norm of the weights over lr is the gradient norm.
    (curve,) = train(digits, "sgd lr=0.01", updates=1)
    model = build_model(digits.task, 0)
    weights = torch.sqrt(sum((p.detach() ** 2).sum() for p in model.parameters())).item()
    assert curve.update_ratio[0] * weights / 0.01 == pytest.approx(curve.grad_norm[0], rel=1e-4)


def test_long_runs_keep_a_bounded_number_of_rows():
    prepared = prepare(load_task("seed-line"))
    (curve,) = train(prepared, "sgd lr=0.01", updates=1000)
    assert len(curve.update) == 200
    assert curve.update[1] == 5


def test_a_diverged_run_ends_and_touches_no_other(digits):
    alone = train(digits, "adamw lr=0.01")[0]
    burnt, beside = train(digits, "sgd lr=1e30", "adamw lr=0.01")
    assert not np.isfinite(burnt.loss[-1])
    assert np.isfinite(burnt.loss[:-1]).all()
    assert len(burnt.loss) < UPDATES
    assert same(beside, alone)


def test_a_dropped_run_stops_and_keeps_its_curve(digits):
    cohort = SerialCohort(
        digits, [Plan(strategy(text), 0) for text in OPTIMIZERS[:2]], updates=UPDATES
    )
    cohort.advance(10)
    cohort.drop([0])
    cohort.advance(UPDATES)
    assert (cohort.done(0), cohort.done(1)) == (10, UPDATES)
    assert len(cohort.curve(0).loss) == 10
    assert same(cohort.curve(1), train(digits, OPTIMIZERS[1])[0])


@pytest.mark.parametrize("text", OPTIMIZERS)
def test_a_restored_cohort_goes_on_exactly(digits, text):
    whole = train(digits, text)[0]
    cohort = SerialCohort(digits, [Plan(strategy(text), 0)], updates=UPDATES)
    cohort.advance(23)
    saved = cohort.state()
    cohort.advance(UPDATES)
    other = SerialCohort(digits, [], updates=UPDATES)
    other.restore(saved)
    assert other.done(0) == 23
    other.advance(UPDATES)
    assert same(other.curve(0), whole)
    assert same(cohort.curve(0), whole)


def test_a_fork_under_the_same_strategy_is_the_same_run(digits):
    text = "adamw lr=0.01 warmup 10% -> cosine"
    cohort = SerialCohort(digits, [Plan(strategy(text), 0)], updates=UPDATES)
    cohort.advance(20)
    twin = cohort.fork(0, strategy(text))
    hot = cohort.fork(0, strategy("adamw lr=0.1 warmup 10% -> cosine"))
    cohort.advance(UPDATES)
    whole = train(digits, text)[0]
    assert same(cohort.curve(0), whole)
    assert same(cohort.curve(twin), whole)
    assert cohort.curve(hot).loss[:20].tolist() == whole.loss[:20].tolist()
    assert cohort.curve(hot).lr[20] == pytest.approx(10 * whole.lr[20])


def dropout_task():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(64, 8, generator=generator)
    return prepare(
        Task(
            model=lambda: nn.Sequential(nn.Linear(8, 32), nn.Dropout(0.5), nn.Linear(32, 1)),
            loss=nn.functional.mse_loss,
            train=(inputs, inputs.sum(1, keepdim=True)),
            batch_size=16,
            name="dropout",
        )
    )


def test_dropout_draws_from_the_runs_own_generator():
    prepared = dropout_task()
    alone = train(prepared, "sgd lr=0.01")[0]
    torch.manual_seed(99)
    before = torch.get_rng_state()
    beside = train(prepared, "adam lr=0.01", "sgd lr=0.01", chunk=7)[1]
    assert same(alone, beside)
    assert torch.equal(before, torch.get_rng_state())


def test_validation_is_in_evaluation_mode_and_without_dropout():
    (curve,) = train(dropout_task(), "sgd lr=1e-30")
    assert len(set(curve.val_loss)) == 1


BURNT = "sgd lr=1e36"


class RefusesNan(nn.Linear):
    """A model that raises once its weights are not finite."""

    def forward(self, inputs):
        if not torch.isfinite(self.weight).all():
            raise ValueError("a number was expected")
        return super().forward(inputs)


def score(outputs, targets):
    """Refuse what is not finite, as most of scikit-learn does."""
    if not torch.isfinite(outputs).all():
        raise ValueError("Input contains NaN.")
    return float((outputs - targets).abs().mean())


def deep_logistic():
    return nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 1), nn.Sigmoid())


REFUSING = {
    "loss": ({"loss": nn.BCELoss()}, deep_logistic),
    "metric": ({"metric": score}, lambda: nn.Linear(8, 1)),
    "model": ({}, lambda: RefusesNan(8, 1)),
}


@pytest.mark.parametrize(("options", "model"), REFUSING.values(), ids=REFUSING)
def test_what_raises_on_nan_makes_a_diverged_run_and_no_error(task_of, options, model):
    inputs = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    data = inputs, (inputs.sum(1, keepdim=True) > 0).float()
    prepared = task_of(model, train=data, **options)
    burnt, beside = train(prepared, BURNT, "sgd lr=0.1", chunk=7)
    assert judge(burnt, chance=prepared.chance) is Outcome.DIVERGED
    assert np.isnan(burnt.val_loss[-1])
    assert np.isnan(burnt.val_metric[-1])
    assert len(burnt.loss) < UPDATES == len(beside.loss)
    assert same(beside, train(prepared, "sgd lr=0.1")[0])


def test_a_run_that_raised_on_nan_is_the_same_however_its_updates_are_divided(task_of):
    options, model = REFUSING["loss"]
    data = torch.ones(64, 8), torch.ones(64, 1)
    prepared = task_of(model, train=data, **options)
    updates = 1000  # a row is kept of every fifth update
    whole = train(prepared, BURNT, updates=updates, chunk=updates)[0]
    assert same(train(prepared, BURNT, updates=updates, chunk=3)[0], whole)


@pytest.mark.parametrize("options", ["loss", "metric"])
def test_what_raises_on_finite_numbers_is_an_error_still(task_of, options):
    calls = []

    def late(outputs, targets):
        calls.append(outputs)
        if len(calls) > 5:
            raise ValueError("a mistake of the user's")
        return nn.functional.mse_loss(outputs, targets)

    prepared = task_of(lambda: nn.Linear(8, 1), **{options: late})
    calls.clear()
    with pytest.raises(ValueError, match="a mistake of the user's"):
        train(prepared, "sgd lr=0.01", updates=200, chunk=1)


class Jittered(Dataset):
    """Examples with noise from all three global generators: never the same twice."""

    def __len__(self):
        return 64

    def __getitem__(self, place):
        torch_noise, numpy_noise = float(torch.randn(())), np.random.randn()  # noqa: NPY002
        noise = torch_noise + numpy_noise + random.gauss(0, 1)
        inputs = torch.full((8,), place / 64) + noise
        return inputs, inputs[:1]


def generators():
    legacy = np.random.get_state()  # noqa: NPY002 - what users' code draws from
    return torch.get_rng_state().tolist(), [str(part) for part in legacy], random.getstate()


def test_random_transforms_draw_from_the_runs_own_generators(task_of):
    prepared = task_of(lambda: nn.Linear(8, 1), train=Jittered())
    alone = train(prepared, "sgd lr=0.01")[0]
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - what users' code draws from
    random.seed(99)
    before = generators()
    beside = train(prepared, "adam lr=0.01", "sgd lr=0.01", chunk=7)[1]
    assert generators() == before
    assert same(alone, beside)

    cohort = SerialCohort(prepared, [Plan(strategy("sgd lr=0.01"), 0)], updates=UPDATES)
    cohort.advance(23)
    other = SerialCohort(prepared, [], updates=UPDATES)
    other.restore(cohort.state())
    other.advance(UPDATES)
    assert same(other.curve(0), alone)


JITTERED = """
import random
import numpy as np
import torch
from etude import Task

class Jittered(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, place):
        inputs = torch.randn(8) + np.random.randn() + random.gauss(0, 1)
        return inputs, inputs[:1]

task = Task(
    model=lambda: torch.nn.Linear(8, 1), loss=torch.nn.functional.mse_loss, train=Jittered()
)
"""


def test_the_code_of_a_run_with_random_transforms_repeats_its_losses(tmp_path):
    (tmp_path / "jittered.py").write_text(JITTERED)
    spec = f"{tmp_path / 'jittered.py'}:task"
    (curve,) = train(prepare(load_task(spec)), "sgd lr=0.01")
    program = {}
    with redirect_stdout(StringIO()):
        exec(strategy("sgd lr=0.01").code(updates=UPDATES, task=spec), program)
    assert program["losses"] == curve.loss.tolist()
