"""What a model that ignores its input can reach: the line below which learning begins.

A run that ends at this loss has collapsed, however calm its curve looks, so the number has to be
known for any loss: ln 10 for ten balanced classes, the variance of the targets for MSE.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from etude.tasks.data import Examples, Resident
from etude.tasks.trees import map_tensors

_MOST_VALUES = 2**22
"""Numbers in the outputs of the rows that are looked at: keeps the fit near a second."""
_MOST_READ = 1024
"""Rows looked at where each has to be read from a Dataset."""
_FEWEST_ROWS = 32
_LEFT = 0.01
"""Slope times way, over what the way gained, that counts as a minimum."""


def chance_loss(
    loss: Callable[[Any, Any], Tensor], outputs: Any, train: Examples, val: Examples
) -> float | None:
    """Compute the validation loss of the constant output that is best on the training targets.

    The constant is found with L-BFGS, where targets look like outputs from their mean or median
    (the better of the two: L-BFGS cannot find a kink), else from 0; in float64 or, where the loss
    refuses it, in float32.

    Args:
        loss: The task's loss.
        outputs: The model's answer to some batch, [n, ...]: the form that the constant takes.
        train: Where the constant is fitted.
        val: Where it is judged.

    Returns:
        The loss; None where outputs are no tensor with a row per example, where the loss refuses a
        constant, or where it has no least value.
    """
    if not isinstance(outputs, Tensor) or outputs.ndim == 0 or not outputs.is_floating_point():
        return None
    most = _MOST_VALUES // max(outputs[0].numel(), 1)
    if most < min(_FEWEST_ROWS, train.size):
        return None
    constrain = _family(outputs)
    for dtype in (torch.float64, torch.float32):
        try:
            fit_on, judge_on = (_targets(part, most, dtype) for part in (train, val))
            starts = _starts(outputs, fit_on[0], dtype)
            return _judge(loss, constrain, starts, fit_on, judge_on)
        except Exception:  # noqa: BLE001, S112  a user's loss may raise anything on a constant
            continue
    return None


def _judge(
    loss: Callable[[Any, Any], Tensor],
    constrain: Callable[[Tensor], Tensor],
    starts: list[Tensor],
    fit_on: tuple[Any, int],
    judge_on: tuple[Any, int],
) -> float | None:
    def value(constant: Tensor, targets: Any, rows: int) -> Tensor:
        return loss(constrain(constant.expand(rows, *constant.shape).contiguous()), targets)

    start = min(starts, key=lambda constant: float(value(constant, *fit_on)))
    with torch.enable_grad():
        constant = _minimise(start, lambda constant: value(constant, *fit_on))
    if constant is None:
        return None
    found = float(value(constant, *judge_on))
    return found if abs(found) < float("inf") else None


def _minimise(start: Tensor, value: Callable[[Tensor], Tensor]) -> Tensor | None:
    """Find where the value is least; None where it was still falling.

    At a minimum the slope that is left is nothing beside what the way there gained. A loss without
    a least value (the negative log-likelihood of outputs that are not held to be probabilities)
    falls for ever, and what it fell to says nothing.
    """
    constant = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [constant],
        max_iter=25,
        tolerance_grad=1e-6,
        tolerance_change=1e-8,
        line_search_fn="strong_wolfe",
    )
    first = float(value(start))
    # L-BFGS's tolerances are absolute: measured in units of where it starts, they fit any loss.
    unit = abs(first) or 1.0

    def closure() -> Tensor:
        optimizer.zero_grad()
        current = value(constant) / unit
        current.backward()
        return current

    optimizer.step(closure)
    gained = first / unit - float(closure().detach())
    found, slope = constant.detach(), constant.grad
    if slope is None or not abs(gained) < float("inf"):
        return None
    left = float((slope * (found - start)).sum())
    return found if abs(left) <= _LEFT * abs(gained) else None


def _family(outputs: Tensor) -> Callable[[Tensor], Tensor]:
    """Hold the constant to what the outputs are: log-probabilities, probabilities, or anything."""
    if outputs.ndim > 1 and outputs.shape[1] > 1:
        wide = outputs.detach().double()
        zero = torch.zeros((), dtype=wide.dtype, device=wide.device)
        if torch.allclose(wide.logsumexp(1), zero, atol=1e-4):
            return lambda constant: constant.log_softmax(1)
        if bool((wide >= 0).all()) and torch.allclose(wide.sum(1), zero + 1, atol=1e-4):
            return lambda constant: constant.softmax(1)
    return lambda constant: constant


def _starts(outputs: Tensor, targets: Any, dtype: torch.dtype) -> list[Tensor]:
    if isinstance(targets, Tensor) and targets.shape[1:] == outputs.shape[1:]:
        like = targets.to(dtype)
        return [like.mean(0), like.median(0).values]
    return [torch.zeros(outputs.shape[1:], dtype=dtype, device=outputs.device)]


def _targets(part: Examples, most: int, dtype: torch.dtype) -> tuple[Any, int]:
    """Take at most so many targets, evenly spread, floating ones in a given precision."""
    rows = min(part.size, most if isinstance(part, Resident) else min(most, _MOST_READ))
    index = torch.linspace(0, part.size - 1, rows, dtype=torch.float64).round().long()
    _, targets = part.take(index)
    return map_tensors(lambda t: t.to(dtype) if t.is_floating_point() else t, targets), rows
