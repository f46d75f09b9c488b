"""The optimizers of `torch.optim` for many lanes at once, operation for operation.

Lanes differ in lr, betas, weight decay and so on, so these are columns, [lanes, 1], beside the
weights, [lanes, weights]. Whatever torch computes from them in Python's doubles (bias corrections,
`1 - lr * wd`) is computed here in Python's doubles too, and rounded once. The order of the tensor
operations is that of torch's single-tensor code, so that a lane's bits are those of an ordinary
run. Two identities carry this: `add_(x, alpha=a)` is one fused multiply-add, as is
`addcmul_(x, a)`; and `addcdiv_(x, y, value=a)` is `p + (a * x) / y`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from etude.strategies import OPTIMIZERS, Strategy


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """What must be alike in lanes that are updated together: the branches of torch's code."""

    optimizer: str
    """A name in `OPTIMIZERS`."""
    decay: bool = False
    """Is there a weight decay?"""
    momentum: bool = False
    nesterov: bool = False
    amsgrad: bool = False
    clip: bool = False
    """Is the gradient clipped?"""

    @property
    def memory(self) -> tuple[str, ...]:
        """The tensors of the weights' shape that the optimizer keeps, by torch's names."""
        rule = _RULES[self.optimizer]
        return tuple(
            name for name, when in rule.memory.items() if when is None or getattr(self, when)
        )


def kind_of(strategy: Strategy) -> Kind:
    """Give the kind of a strategy's optimizer."""
    option = _options(strategy)
    return Kind(
        optimizer=strategy.optimizer,
        decay=option["weight_decay"] != 0,
        momentum=option.get("momentum", 0) != 0,
        nesterov=option.get("nesterov", False),
        amsgrad=option.get("amsgrad", False),
        clip=strategy.clip is not None,
    )


def columns_of(strategy: Strategy, rates: Sequence[float], born: int) -> Tensor:
    """Compute a lane's columns for each update of its run, float64 [updates, columns].

    Args:
        strategy: the lane's strategy.
        rates: absolute lr of each update.
        born: the update at which the optimizer began; its step count is `t - born + 1`.
    """
    option = _options(strategy)
    rule = _RULES[strategy.optimizer].columns
    clip = 0.0 if strategy.clip is None else strategy.clip
    return torch.tensor(
        [(*rule(lr, max(t - born + 1, 1), option), clip) for t, lr in enumerate(rates)],
        dtype=torch.float64,
    )


def update(
    kind: Kind,
    weights: Tensor,
    gradient: Tensor,
    memory: Sequence[Tensor],
    columns: Tensor,
    norm: Callable[[Tensor], Tensor],
) -> None:
    """Do one update of all lanes, in place.

    Args:
        kind: the lanes' kind.
        weights: [lanes, weights].
        gradient: [lanes, weights].
        memory: the tensors named by `kind.memory`, each [lanes, weights].
        columns: one row of each lane's `columns_of`, [columns, lanes, 1].
        norm: gives the 2-norm of each lane's row, [lanes].
    """
    *column, clip = columns.unbind()
    if kind.clip:
        # torch divides a number by a tensor by way of the tensor's reciprocal.
        scale = (norm(gradient).unsqueeze(1) + _CLIP_EPS).reciprocal() * clip
        gradient = gradient * scale.clamp(max=1.0)
    _RULES[kind.optimizer].apply(kind, weights, gradient, memory, column)


_CLIP_EPS = 1e-6  # as in torch.nn.utils.clip_grad_norm_


def _options(strategy: Strategy) -> dict[str, Any]:
    defaults = {o.keyword: o.default for o in OPTIMIZERS[strategy.optimizer].options}
    return {**defaults, **strategy.torch_options}


def _sgd_columns(lr: float, _: int, option: dict[str, Any]) -> tuple[float, ...]:
    return -lr, option["weight_decay"], option["momentum"]


def _sgd(
    kind: Kind, weights: Tensor, gradient: Tensor, memory: Sequence[Tensor], column: list[Tensor]
) -> None:
    minus_lr, decay, momentum = column
    if kind.decay:
        gradient = torch.addcmul(gradient, weights, decay)
    if kind.momentum:
        # torch starts the buffer as the first gradient; so does 0 * momentum + gradient.
        (buffer,) = memory
        buffer.mul_(momentum).add_(gradient)
        gradient = torch.addcmul(gradient, buffer, momentum) if kind.nesterov else buffer
    weights.addcmul_(gradient, minus_lr)


def _adam_columns(lr: float, step: int, option: dict[str, Any]) -> tuple[float, ...]:
    beta1, beta2 = option["betas"]
    minus_step_size = -(lr / (1 - _powers(beta1, step)))
    root = (1 - _powers(beta2, step)) ** 0.5
    decay = option["weight_decay"]
    return minus_step_size, root, 1 - beta1, beta2, 1 - beta2, option["eps"], decay, 1 - lr * decay


def _adam(
    kind: Kind, weights: Tensor, gradient: Tensor, memory: Sequence[Tensor], column: list[Tensor]
) -> None:
    minus_step_size, root, rest1, beta2, rest2, eps, decay, shrink = column
    if kind.decay and kind.optimizer == "adamw":
        weights.mul_(shrink)
    elif kind.decay:
        gradient = torch.addcmul(gradient, weights, decay)
    mean, square = memory[:2]
    mean.lerp_(gradient, rest1)
    square.mul_(beta2).addcmul_(gradient * rest2, gradient)
    if kind.amsgrad:
        largest = memory[2]
        square = torch.maximum(largest, square, out=largest)
    denominator = (_root(square, eps * root) / root).add_(eps)
    weights.add_((mean * minus_step_size).div_(denominator))


def _root(square: Tensor, eps: Tensor) -> Tensor:
    """Give the root of a square to which eps is added next: where that swallows it, any root.

    Roots of zeros and of denormal numbers, which a dead unit's weights have, take the processor's
    library 7 and 50 times as long. The smallest root that is asked for instead is an eighth of
    what could change eps in its last bit.

    Args:
        square: [lanes, weights].
        eps: what is added to the root, [lanes, 1].
    """
    least = (eps * (torch.finfo(square.dtype).eps / 8)).square_()
    return torch.maximum(square, least).sqrt_()


def _rmsprop_columns(lr: float, _: int, option: dict[str, Any]) -> tuple[float, ...]:
    alpha = option["alpha"]
    return -lr, alpha, 1 - alpha, option["eps"], option["weight_decay"], option["momentum"]


def _rmsprop(
    kind: Kind, weights: Tensor, gradient: Tensor, memory: Sequence[Tensor], column: list[Tensor]
) -> None:
    minus_lr, alpha, rest, eps, decay, momentum = column
    if kind.decay:
        gradient = torch.addcmul(gradient, weights, decay)
    square = memory[0]
    square.mul_(alpha).addcmul_(gradient * rest, gradient)
    root = _root(square, eps).add_(eps)
    if kind.momentum:
        buffer = memory[1].mul_(momentum).addcdiv_(gradient, root)
        weights.addcmul_(buffer, minus_lr)
    else:
        weights.add_((gradient * minus_lr).div_(root))


def _adagrad_columns(lr: float, _: int, option: dict[str, Any]) -> tuple[float, ...]:
    return -lr, option["eps"], option["weight_decay"]


def _adagrad(
    kind: Kind, weights: Tensor, gradient: Tensor, memory: Sequence[Tensor], column: list[Tensor]
) -> None:
    minus_lr, eps, decay = column
    if kind.decay:
        gradient = torch.addcmul(gradient, weights, decay)
    (total,) = memory
    total.addcmul_(gradient, gradient)
    root = _root(total, eps).add_(eps)
    weights.add_((gradient * minus_lr).div_(root))


@lru_cache(maxsize=2**16)
def _powers(beta: float, step: int) -> float:
    return beta ** float(step)


@dataclass(frozen=True, slots=True)
class _Rule:
    memory: dict[str, str | None]
    """Names of the tensors kept, each with the flag of `Kind` that calls for it."""
    columns: Callable[[float, int, dict[str, Any]], tuple[float, ...]]
    """(lr, step from 1, options) -> the numbers of one update."""
    apply: Callable[[Kind, Tensor, Tensor, Sequence[Tensor], list[Tensor]], None]


_ADAM = _Rule(
    {"exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad"}, _adam_columns, _adam
)
_RULES = {
    "sgd": _Rule({"momentum_buffer": "momentum"}, _sgd_columns, _sgd),
    "adam": _ADAM,
    "adamw": _ADAM,
    "rmsprop": _Rule(
        {"square_avg": None, "momentum_buffer": "momentum"}, _rmsprop_columns, _rmsprop
    ),
    "adagrad": _Rule({"sum": None}, _adagrad_columns, _adagrad),
}
