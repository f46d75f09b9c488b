"""Forks of a run that lives in the user's own process: tried in place, then put back to the bit.

Nothing is copied but numbers: the user's own model, optimizer and loss train each fork, one after
the other from the same weights, optimizer memory, random state and batches.
"""

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn, optim

from etude.diagnosis.forks import Forks
from etude.errors import ProbeError
from etude.tasks.seeds import random_state, set_random_state, untouched

Loss = Callable[[Any], Tensor]
"""Takes a batch, runs the model and gives the scalar loss."""


class Standing:
    """A run as it stands, to go back to any number of times.

    Tensors are put back in place, so that whatever else refers to them still does.
    """

    def __init__(self, model: nn.Module, optimizer: optim.Optimizer, scaler: Any = None) -> None:
        self._optimizer, self._scaler = optimizer, scaler
        self._scale = {} if scaler is None else _kept(vars(scaler))
        grouped = (p for group in optimizer.param_groups for p in group["params"])
        every = {id(t): t for t in (*model.parameters(), *model.buffers(), *grouped)}
        self._tensors = [(tensor, _cloned(tensor)) for tensor in every.values()]
        self._gradients = [
            (tensor, tensor.grad, None if tensor.grad is None else _cloned(tensor.grad))
            for tensor in every.values()
        ]
        self._state = {p: _kept(state) for p, state in optimizer.state.items()}
        self._groups = [
            _kept({name: value for name, value in group.items() if name != "params"})
            for group in optimizer.param_groups
        ]
        self._random = random_state()

    @torch.no_grad()
    def restore(self) -> None:
        """Go back to it: weights, buffers, gradients, optimizer, scaler and random state."""
        for tensor, value in self._tensors:
            tensor.copy_(value)
        for tensor, gradient, value in self._gradients:
            tensor.grad = gradient
            if gradient is not None and value is not None:
                gradient.copy_(value)
        state = self._optimizer.state
        for parameter in [p for p in state if p not in self._state]:
            del state[parameter]
        for parameter, kept in self._state.items():
            _put_back(state[parameter], kept)
        for group, kept in zip(self._optimizer.param_groups, self._groups, strict=True):
            _put_back(group, kept, besides="params")
        if self._scaler is not None:
            _put_back(vars(self._scaler), self._scale)
        set_random_state(self._random)


def fork_live(
    model: nn.Module,
    optimizer: optim.Optimizer,
    loss: Loss,
    batches: Sequence[Any],
    factors: Sequence[float],
    *,
    clip: float | None = None,
    scaler: Any = None,
) -> Forks:
    """Train a run's forks on some batches and leave the run as it was, to the bit.

    Schedulers are not stepped: each fork goes on at its multiple of the lr as it stands. Hooks of
    the optimizer do not see the forks' updates. What a model keeps in plain Python numbers is not
    put back.

    Args:
        model: in the mode in which it is to train.
        optimizer: of that model.
        loss: of a batch.
        batches: one for each update, the same for each fork.
        factors: multiples of the lr.
        clip: largest 2-norm of the gradient, or None.
        scaler: the run's `GradScaler`, or None. Each fork begins at its scale and moves its own.
    """
    with untouched(), _unhooked(optimizer):
        standing = Standing(model, optimizer, scaler)
        trial = _Trial(optimizer, loss, clip, scaler)
        try:
            rest = _rest(loss, batches)
            losses, zeros = [], []
            for factor in factors:
                standing.restore()
                found, dead = trial.train(batches, factor)
                losses.append(found)
                zeros.append(dead)
        finally:
            standing.restore()
    return Forks(tuple(factors), np.array(losses), np.array(rest), np.array(zeros))


class _Trial:
    """Trains one fork with the user's own optimizer."""

    def __init__(
        self, optimizer: optim.Optimizer, loss: Loss, clip: float | None, scaler: Any
    ) -> None:
        self._optimizer, self._loss, self._clip = optimizer, loss, clip
        self._scaler = scaler

    def train(self, batches: Sequence[Any], factor: float) -> tuple[list[float], list[float]]:
        """Give the loss of each batch before its update, and the share of zero gradients.

        After a loss that is not finite all are nan.
        """
        for group in self._optimizer.param_groups:
            _multiply_lr(group, factor)
        if self._scaler is not None:  # the run may stand between unscale_ and step
            getattr(self._scaler, "_per_optimizer_states", {}).clear()
        losses, zeros = [], []
        for batch in batches:
            value, dead = self._update(batch)
            losses.append(value)
            zeros.append(dead)
            if not math.isfinite(value):
                break
        missing = [math.nan] * (len(batches) - len(losses))
        return losses + missing, zeros + missing

    def _update(self, batch: Any) -> tuple[float, float]:
        seen: list[tuple[float, float]] = []

        def closure() -> Tensor:
            self._optimizer.zero_grad()
            with torch.enable_grad():
                value = self._loss(batch)
                self._backward(value)
            parameters = [p for g in self._optimizer.param_groups for p in g["params"]]
            if not seen:
                seen.append((float(value.detach()), _dead_share(parameters)))
            if self._clip is not None:
                nn.utils.clip_grad_norm_(parameters, self._clip)
            return value

        self._step(closure)
        return seen[0]

    def _backward(self, value: Tensor) -> None:
        if self._scaler is None:
            value.backward()
            return
        self._scaler.scale(value).backward()
        self._scaler.unscale_(self._optimizer)

    def _step(self, closure: Callable[[], Tensor]) -> None:
        """Do an update with the classes' own `step`: those of the instances may count calls."""
        step: Any = type(self._optimizer).step
        if self._scaler is None:
            step(self._optimizer, closure)
            return
        closure()  # a scaler takes none
        step = type(self._scaler).step
        step(self._scaler, self._optimizer)
        self._scaler.update()


def read_batches(given: Iterable[Any], updates: int) -> list[Any]:
    """Give so many batches of a list or a DataLoader, which is left as it was.

    Fewer batches than updates are gone through again.

    Raises:
        ProbeError: it is an iterator, whose batches the run would lose; a loader whose workers
            persist, which would begin its epoch anew; or it is empty.
    """
    if isinstance(given, Iterator):
        raise ProbeError(
            "batches must be a list or a DataLoader, since an iterator's would be lost to the run; "
            "give list(itertools.islice(loader, 50))"
        )
    if getattr(given, "persistent_workers", False):
        raise ProbeError(
            "batches must not come from a DataLoader with persistent workers, whose epoch would "
            "begin anew; give a list of batches"
        )
    with untouched(), _generators_kept(given):
        found = list(itertools.islice(iter(given), updates))
    if not found:
        raise ProbeError("batches must hold at least one batch, they are empty")
    return [found[number % len(found)] for number in range(updates)]


@contextmanager
def _generators_kept(loader: Any) -> Iterator[None]:
    """Put the generators back that a loader and its samplers draw from."""
    holders = [loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)]
    holders.append(getattr(holders[2], "sampler", None))
    found = [getattr(holder, "generator", None) for holder in holders]
    generators = [g for g in found if isinstance(g, torch.Generator)]
    states = [generator.get_state() for generator in generators]
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


@torch.no_grad()
def _rest(loss: Loss, batches: Sequence[Any]) -> list[float]:
    """Give the loss of each batch at the weights as they stand, drawing as the forks will."""
    return [float(loss(batch)) for batch in batches]


def _dead_share(parameters: Sequence[Tensor]) -> float:
    """Give the largest share of exact zeros in any one parameter's gradient."""
    shares = [(p.grad == 0).double().mean() for p in parameters if p.grad is not None]
    return float(torch.stack(shares).amax()) if shares else 1.0


def _multiply_lr(group: dict[str, Any], factor: float) -> None:
    if isinstance(group["lr"], Tensor):
        group["lr"].mul_(factor)
    else:
        group["lr"] = group["lr"] * factor


def _cloned(tensor: Tensor) -> Tensor:
    return tensor.detach().clone()


def _kept(values: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Keep each value beside a copy of it; a tensor is later filled from its copy."""
    return {
        name: (value, _cloned(value) if isinstance(value, Tensor) else copy.deepcopy(value))
        for name, value in values.items()
    }


def _put_back(
    values: dict[str, Any], kept: dict[str, tuple[Any, Any]], *, besides: str | None = None
) -> None:
    for name in [name for name in values if name not in kept and name != besides]:
        del values[name]
    for name, (value, copied) in kept.items():
        if isinstance(value, Tensor):
            value.copy_(copied)
            values[name] = value
        else:
            values[name] = copy.deepcopy(copied)


@contextmanager
def _unhooked(optimizer: optim.Optimizer) -> Iterator[None]:
    """Keep the optimizer's hooks, such as those of a recorder, from seeing the forks.

    A scheduler replaces the instance's `step` by one that counts; a gradient scaler would call it.
    """
    names = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")
    hooks = {name: getattr(optimizer, name) for name in names if hasattr(optimizer, name)}
    for name, value in hooks.items():
        setattr(optimizer, name, type(value)())
    counting = {"step": vars(optimizer).pop("step")} if "step" in vars(optimizer) else {}
    try:
        yield
    finally:
        vars(optimizer).update(counting)
        for name, value in hooks.items():
            setattr(optimizer, name, value)
