"""What one update of the weights looks like, measured on the device and read later.

Everything here stays a tensor: reading a number would make the host wait for the device. Norms are
kept for each parameter, since those of layers and of the whole network follow from them.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from etude.records import Array
from etude.tasks.seeds import untouched

Again = Callable[[], Any]
"""Computes the loss of a batch once more."""
RESOLUTION = 16 * float(np.finfo(np.float32).eps)
"""A predicted decrease that is a smaller share of the loss is lost in the rounding of float32."""


@dataclass(slots=True)
class Measured:
    """The signals of one update, [params] each, on the device until they are read."""

    places: list[int]
    """Numbers of the parameters that had a gradient."""
    grads: Tensor
    """2-norm of each gradient."""
    weights: Tensor
    """2-norm of each parameter before the update."""
    changes: Tensor | None = None
    """2-norm of each parameter's change."""
    nonzeros: Tensor | None = None
    """Entries of each gradient that are not exactly 0."""
    entries: Sequence[int] = ()
    """How many there are, where they were counted."""
    predicted: Tensor | None = None
    """-g . dw, a scalar."""
    gained: Tensor | None = None
    """L(w) - L(w + dw), a scalar."""
    scale: Any = 1.0
    """What the gradient must be multiplied by: it was clipped, or a gradient scaler scaled it."""

    @property
    def size(self) -> int:
        """How many numbers `tensors` holds."""
        columns = (self.grads, self.weights, self.changes, self.nonzeros)
        singles = (self.predicted, self.gained, self.scale)
        each = sum(part is not None for part in columns) * len(self.places)
        return each + sum(part is not None for part in singles)

    def tensors(self) -> list[Tensor]:
        """Give all there is to read, flat."""
        scale = self.scale if isinstance(self.scale, Tensor) else torch.tensor(float(self.scale))
        parts = [self.grads, self.weights, self.changes, self.nonzeros]
        parts += [self.predicted, self.gained, scale]
        return [part.detach().double().flatten() for part in parts if part is not None]

    def read(self, values: Array) -> "Read":
        """Put the numbers of `tensors`, read from the device, in their places."""
        count, rest = len(self.places), values
        columns: list[Array] = []
        entries = np.maximum(self.entries, 1)
        for part in (self.grads, self.weights, self.changes, self.nonzeros):
            column, rest = np.split(rest, [0 if part is None else count])
            columns.append(column)
        singles = [math.nan, math.nan, 1.0]
        for place, part in enumerate((self.predicted, self.gained, self.scale)):
            if part is not None:
                singles[place], rest = float(rest[0]), rest[1:]
        predicted, gained, scale = singles
        return Read(
            self.places,
            columns[0] * scale,
            columns[1],
            columns[2],
            1 - columns[3] / entries,
            predicted * scale,
            gained,
        )


@dataclass(frozen=True, slots=True)
class Read:
    """The signals of one update as numbers."""

    places: list[int]
    grads: Array
    weights: Array
    changes: Array
    zeros: Array
    predicted: float
    gained: float

    @property
    def grad_norm(self) -> float:
        """2-norm of the whole gradient."""
        return float(np.linalg.norm(self.grads))

    @property
    def update_ratio(self) -> float:
        """2-norm of the change over 2-norm of the weights."""
        weights = float(np.linalg.norm(self.weights))
        return float(np.linalg.norm(self.changes)) / weights if weights else math.nan

    @property
    def zero_share(self) -> float:
        """Largest share of zeros in the gradient of any one parameter."""
        return float(self.zeros.max()) if self.zeros.size else math.nan

    def gain_ratio(self, loss: float) -> float:
        """Actual over predicted decrease; nan where rounding hides it, or nothing was measured."""
        if not abs(self.predicted) > RESOLUTION * abs(loss):
            return math.nan
        return self.gained / self.predicted


class Meter:
    """Measures updates of the parameters that an optimizer trains."""

    def __init__(self, model: nn.Module, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._params: list[nn.Parameter] = []
        self._old: list[Tensor] = []
        self._now: Measured | None = None
        self.replay = Replay(model)

    def before(self, *, zeros: bool) -> None:
        """Look at gradients and weights before an update."""
        every = [p for group in self._optimizer.param_groups for p in group["params"]]
        places = [n for n, p in enumerate(every) if _dense(p.grad)]
        if not places:
            self._now = None
            return
        self._params = [every[n] for n in places]
        grads = [p.grad for p in self._params if p.grad is not None]
        self._old = [p.detach().clone() for p in self._params]
        self._now = Measured(places, norms(grads), norms(self._old), scale=self._unscale())
        if zeros:
            self._now.nonzeros = together([torch.count_nonzero(grad) for grad in grads])
            self._now.entries = [grad.numel() for grad in grads]

    def _unscale(self) -> Any:
        """Give what undoes a gradient scaler that lets a fused optimizer do so itself."""
        scale = getattr(self._optimizer, "grad_scale", None)
        return 1.0 if scale is None else scale.double().reciprocal()

    def after(
        self, loss: Tensor | None, again: Sequence[Again], norm: Any = None
    ) -> Measured | None:
        """Look at the change after the update.

        Args:
            loss: the loss before it.
            again: compute the same loss once more; empty where that is not wanted.
            norm: 2-norm of the gradient before it was clipped; None where it was not.
        """
        now, self._now = self._now, None
        if now is None:
            return None
        params, old = self._params, self._old
        self._params, self._old = [], []
        change = _minus([p.detach() for p in params], old)
        now.changes = norms(change)
        if norm is not None:
            now.scale = norm / torch.linalg.vector_norm(now.grads)
        if again and loss is not None:
            pairs = [(d, p.grad) for d, p in zip(change, params, strict=True)]
            now.predicted = -together([_dot(d, g) for d, g in pairs if g is not None]).sum()
            now.gained = loss - self.replay.losses(again)
        return now


class Replay:
    """Computes losses once more without leaving a trace, with the draws that they had.

    A forward pass draws dropout masks from the global generators and moves BatchNorm's statistics.
    So where the model is called the generators' state is noted, the second pass begins from there,
    and then generators and buffers are put back.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._noted: list[tuple[Tensor, list[Tensor]]] = []
        self._left: Iterator[tuple[Tensor, list[Tensor]]] | None = None
        self._hook: RemovableHandle | None = None

    def note(self) -> None:
        """Note the draws of the model's next calls, which are those of an update to be measured.

        Only while this goes on the model has a hook: any hook makes each of its calls dearer.
        """
        self._noted.clear()
        if self._hook is None:
            self._hook = self._model.register_forward_pre_hook(self._called)

    def close(self) -> None:
        """Note no more, and let go of the model."""
        self._noted.clear()
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    @torch.no_grad()
    def losses(self, again: Sequence[Again]) -> Tensor:
        """Give the sum of the losses."""
        self._left = iter(list(self._noted))
        try:
            with untouched(), same_buffers(self._model):
                total = sum(each() for each in again)
        finally:
            self._left = None
        return total if isinstance(total, Tensor) else torch.tensor(float(total))

    def _called(self, *_: Any) -> None:
        if self._left is not None:
            draws = next(self._left, None)
            if draws is not None:
                _set_draws(draws)
        elif self._model.training:
            self._noted.append(_draws())


def _draws() -> tuple[Tensor, list[Tensor]]:
    """Give the state of torch's generators; that of a GPU lies on the host, so nothing waits."""
    on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return torch.get_rng_state(), on_gpu


def _set_draws(draws: tuple[Tensor, list[Tensor]]) -> None:
    torch.set_rng_state(draws[0])
    if draws[1]:
        torch.cuda.set_rng_state_all(draws[1])


@contextmanager
def same_buffers(model: nn.Module) -> Iterator[None]:
    """Put the buffers of a model in training mode back on leaving, in place."""
    kept = [(b, b.clone()) for b in model.buffers()] if model.training else []
    try:
        yield
    finally:
        for buffer, copy in kept:
            buffer.copy_(copy)


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """Give the 2-norm of each tensor, [tensors]."""
    # a tenth of the time of a loop over them
    found = torch._foreach_norm(list(tensors))  # noqa: SLF001  # pyright: ignore[reportPrivateImportUsage]
    return together(found).float()


def together(scalars: Sequence[Tensor]) -> Tensor:
    """Join scalars, on the device of the first, [scalars]."""
    first = scalars[0].device
    if any(each.device != first for each in scalars):
        scalars = [each.to(first, non_blocking=True) for each in scalars]
    return torch.stack(list(scalars))


def _minus(new: list[Tensor], old: list[Tensor]) -> list[Tensor]:
    return list(torch._foreach_sub(new, old))  # noqa: SLF001  # pyright: ignore[reportPrivateImportUsage]


def _dense(grad: Tensor | None) -> bool:
    return grad is not None and grad.layout == torch.strided


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a.flatten().float(), b.flatten().float())
