"""Metrics that a task can name instead of bringing its own function."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from etude.errors import TaskError


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the share of right answers, from 0 to 1.

    Args:
        outputs: Scores per class, [n, classes, ...] as `cross_entropy` takes them or
            [n, ..., classes]; or one logit per answer, in the targets' own shape.
        targets: Class numbers, [n, ...]; or 0 and 1, one for each logit; or probabilities per
            class, in the outputs' own shape.

    Raises:
        TaskError: The shapes fit none of these.
    """
    if outputs.shape == targets.shape:
        if outputs.ndim > 1 and outputs.shape[1] > 1 and targets.is_floating_point():
            return (outputs.argmax(1) == targets.argmax(1)).float().mean()
        return ((outputs > 0) == (targets > 0)).float().mean()
    for dim in (1, outputs.ndim - 1):
        if outputs.ndim > 1 and outputs.shape[:dim] + outputs.shape[dim + 1 :] == targets.shape:
            return (outputs.argmax(dim) == targets).float().mean()
    raise TaskError(
        "metric accuracy needs scores [n, classes] and class numbers [n], "
        f"given outputs {list(outputs.shape)} and targets {list(targets.shape)}; "
        "give metric= a function (outputs, targets) -> number"
    )


METRICS: dict[str, Callable[[Any, Any], Any]] = {"accuracy": accuracy}
