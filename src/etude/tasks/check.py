"""Try a task out before anything is trained on it, and say in one sentence what is wrong with it.

One probe step shows what a long comparison would otherwise hit in its first second, many times
over and in another process: a loss that is no number, data with nan, a model that cannot take the
inputs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.backends import cudnn

from etude.errors import TaskError, brief
from etude.tasks import fingerprint
from etude.tasks.chance import chance_loss
from etude.tasks.data import Examples, Resident, examples, split
from etude.tasks.metrics import METRICS
from etude.tasks.seeds import build_model, seeded
from etude.tasks.task import Task
from etude.tasks.trees import kind_of, leaves, shapes

_PROBE_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A task that was tried out, with what training needs of it."""

    task: Task
    train: Examples
    """Training split, on the device."""
    val: Examples
    """Validation split, on the device."""
    chance: float | None
    """Validation loss of the best constant predictor; None where there is none."""
    fingerprint: str
    """SHA-256 of what the task does: weights of a seed, data, and loss, gradient and metric of a
    first batch. An edited task has another one."""
    parameters: int
    """Number of trainable values."""
    device: torch.device
    """Where it is trained."""


@dataclass(frozen=True, slots=True, eq=False)
class _Probe:
    """What one step on the first batches gave."""

    outputs: Any
    """The model's answer to the validation batch."""
    loss: Tensor
    gradient: bytes
    val_loss: Tensor
    metric: float | None


def prepare(task: Task, device: torch.device | str = "cpu") -> Prepared:
    """Read a task's data, try one step and one evaluation, and measure what a constant can reach.

    torch's, numpy's and Python's global generators are left as they were found.

    Args:
        task: The task.
        device: Where it will be trained.

    Raises:
        TaskError: It cannot be trained; the message says why.
    """
    with seeded(_PROBE_SEED), plain_arithmetic(), torch.enable_grad():
        _check_fields(task, device)
        train, val = _splits(task)
        _check_batch_size(task, train.size)
        model = _model(task)
        initial = fingerprint.weights_of(model)
        contents = [fingerprint.contents_of(part) for part in (train, val)]
        train, val, model = train.to(device), val.to(device), model.to(device)
        probe = _try(task, model, train, val)
        chance = chance_loss(task.loss, probe.outputs, train, val) if task.predicts else None
    return Prepared(
        task=task,
        train=train,
        val=val,
        chance=chance,
        fingerprint=fingerprint.join([initial, *contents, *_behaviour(task, probe)]),
        parameters=sum(value.numel() for value in model.parameters() if value.requires_grad),
        device=torch.device(device),
    )


def _behaviour(task: Task, probe: _Probe) -> list[Any]:
    return [
        task.name,  # the seeds of weights and batches hang on it
        probe.loss,
        probe.gradient,
        probe.val_loss,
        task.metric_name,
        probe.metric,
        task.predicts,
    ]


@contextmanager
def plain_arithmetic() -> Iterator[None]:
    """Compute on one thread, and on a GPU with whole float32 numbers.

    How sums are split among threads changes their last bits; two workers then share no cores
    either. cuDNN would round the factors of a convolution to 10 bits (tf32) and may sum in
    another order each time.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Turn whatever a user's code raises into one sentence that names it."""
    try:
        yield
    except TaskError:
        raise
    except Exception as error:
        raise TaskError(f"{what} raised {brief(error)}") from error


def _check_fields(task: Task, device: torch.device | str) -> None:
    if not callable(task.loss):
        raise TaskError(f"loss must be a function (output, target) -> scalar, given {task.loss!r}")
    if isinstance(task.metric, str) and task.metric not in METRICS:
        raise TaskError(
            f"metric must be a function or one of {', '.join(METRICS)}, given '{task.metric}'"
        )
    if not (task.metric is None or isinstance(task.metric, str) or callable(task.metric)):
        raise TaskError(f"metric must be a function or a name, given {task.metric!r}")
    if task.updates is not None and task.updates < 1:
        raise TaskError(f"updates must be at least 1, given {task.updates}")
    _check_device(device)


def _check_device(device: torch.device | str) -> None:
    """Refuse a device that is not there, or, as `meta`, computes no numbers."""
    try:
        torch.ones(1, device=device).item()
    except Exception as error:  # torch raises many kinds, and lists its backends after a sentence
        said = brief(error).split(". ")[0]
        raise TaskError(f"device '{device}' cannot be used: it raised {said}") from error


def _check_batch_size(task: Task, size: int) -> None:
    whole = isinstance(task.batch_size, int) and not isinstance(task.batch_size, bool)
    if not whole or task.batch_size < 1:
        raise TaskError(f"batch_size must be a whole number from 1, given {task.batch_size!r}")
    if task.batch_size > size:
        raise TaskError(
            f"batch_size must not exceed the {size:,} training examples, "
            f"given {task.batch_size:,}; batch_size={size} trains on all of them at once"
        )


def _splits(task: Task) -> tuple[Examples, Examples]:
    train = examples(task.train)
    _check_finite(train, "train")
    if task.val is None:
        rows, held = split(train.size)
        return train.rows(rows), train.rows(held)
    val = examples(task.val, "val")
    _check_finite(val, "val")
    return train, val


def _check_finite(data: Examples, name: str) -> None:
    """Refuse nan and inf; of data that are not in memory only the first examples are looked at."""
    first = min(64, data.size)
    parts = data.tensors if isinstance(data, Resident) else data.take(torch.arange(first))
    for kind, part in zip(("inputs", "targets"), parts, strict=True):
        bad = torch.zeros(data.size if isinstance(data, Resident) else first, dtype=torch.bool)
        for leaf in leaves(part):
            if leaf.is_floating_point():
                wrong = ~torch.isfinite(leaf)
                bad |= (wrong.flatten(1).any(1) if leaf.ndim > 1 else wrong).cpu()
        if bad.any():
            raise TaskError(
                f"{kind} of {name} must be finite: nan or inf in {int(bad.sum()):,} of "
                f"{len(bad):,} rows, the first is row {int(bad.nonzero()[0])}"
            )


def _model(task: Task) -> nn.Module:
    """Build the model twice: factories that share or do not repeat weights spoil every pairing."""
    if isinstance(task.model, nn.Module) or not callable(task.model):
        raise TaskError(
            "model must be a function that builds a new model (model=lambda: Net(...)), "
            f"given {kind_of(task.model)}"
        )
    with _naming("model()"):
        model, twin = build_model(task, _PROBE_SEED), build_model(task, _PROBE_SEED)
    if not isinstance(model, nn.Module):
        raise TaskError(f"model() must return a torch.nn.Module, it returned {kind_of(model)}")
    if any(nn.parameter.is_lazy(value) for value in model.parameters()):
        raise TaskError("model() must know its sizes, it has lazy layers; run one batch inside it")
    if not any(value.requires_grad and value.numel() for value in model.parameters()):
        raise TaskError(
            f"model() must have trainable parameters, its {type(model).__name__} has none"
        )
    if {id(value) for value in model.parameters()} & {id(value) for value in twin.parameters()}:
        raise TaskError("model() must build new parameters each time, two calls shared theirs")
    if fingerprint.weights_of(model) != fingerprint.weights_of(twin):
        raise TaskError(
            "model() must draw its weights from the global generators, so that a seed fixes them; "
            "two calls under one seed gave different weights"
        )
    return model


def _try(task: Task, model: nn.Module, train: Examples, val: Examples) -> _Probe:
    """Do one forward, backward and evaluation as training would."""
    model.train()
    inputs, targets = train.take(torch.arange(task.batch_size))
    outputs = _answer(model, inputs, "a training batch")
    loss = _loss(task, outputs, targets)
    _backward(model, loss)
    gradient = fingerprint.gradient_of(model)
    model.eval()
    with torch.no_grad():
        inputs, targets = val.take(torch.arange(min(task.batch_size, val.size)))
        outputs = _answer(model, inputs, "a validation batch")
        val_loss = _loss(task, outputs, targets)
        metric = _metric(task, outputs, targets)
    return _Probe(
        outputs=outputs,
        loss=loss.detach(),
        gradient=gradient,
        val_loss=val_loss,
        metric=metric,
    )


def _answer(model: nn.Module, inputs: Any, batch: str) -> Any:
    with _naming(f"model(input) on {batch} with input {shapes(inputs)}"):
        return model(inputs)


def _loss(task: Task, outputs: Any, targets: Any) -> Tensor:
    given = f"outputs {shapes(outputs)} and targets {shapes(targets)}"
    with _naming(f"loss of {given}"):
        loss = task.loss(outputs, targets)
    if not isinstance(loss, Tensor):
        raise TaskError(f"loss must return a tensor, it returned {kind_of(loss)}")
    if loss.ndim != 0:
        raise TaskError(
            f"loss must return a scalar, it returned {shapes(loss)} for {given}; "
            "take the mean over the batch"
        )
    if not torch.isfinite(loss):
        raise TaskError(
            f"loss must be finite before training starts, it is {float(loss.detach())} for {given}"
        )
    return loss


def _backward(model: nn.Module, loss: Tensor) -> None:
    if not loss.requires_grad:
        raise TaskError(
            "loss must have a gradient, it has none; "
            "it must not pass through .detach(), .item(), argmax or torch.no_grad()"
        )
    with _naming("loss.backward()"):
        loss.backward()
    grads = [value.grad for value in model.parameters() if value.grad is not None]
    if not grads:
        raise TaskError("loss must depend on the model's parameters, no gradient reaches them")
    if not all(bool(torch.isfinite(grad).all()) for grad in grads):
        raise TaskError("the gradient must be finite before training starts, it holds nan or inf")


def _metric(task: Task, outputs: Any, targets: Any) -> float | None:
    if task.measure is None:
        return None
    with _naming(f"metric {task.metric_name}"):
        value = task.measure(outputs, targets)
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TaskError(
            f"metric {task.metric_name} must return a number, it returned {kind_of(value)}"
        ) from error
    if number - number != 0:
        raise TaskError(f"metric {task.metric_name} must return a finite number, it gave {number}")
    return number
