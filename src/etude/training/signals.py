"""What a run records: signals of an update, and evaluations.

Signals stay tensors on the device until a block of updates is done, so that recording costs no
wait for the device at each update.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from etude.records import Curve
from etude.tasks import Prepared
from etude.tasks.trees import leaves

EVALUATION_BATCH = 512
"""Examples evaluated at once, unless training takes more."""


def norm(tensors: Iterable[Tensor]) -> Tensor:
    """Give the 2-norm of all tensors taken as one vector, a scalar tensor."""
    norms = [torch.linalg.vector_norm(tensor) for tensor in tensors]
    return torch.linalg.vector_norm(torch.stack(norms)) if norms else torch.zeros(())


def gradient_norm(model: nn.Module) -> Tensor:
    """Give the 2-norm of the whole gradient."""
    return norm(p.grad for p in model.parameters() if p.grad is not None)


def trained_weights(model: nn.Module) -> list[Tensor]:
    """Give copies of the parameters that have a gradient: those that an optimizer changes."""
    return [p.detach().clone() for p in model.parameters() if p.grad is not None]


def update_ratio(model: nn.Module, before: list[Tensor]) -> Tensor:
    """Give the 2-norm of the change of the trained weights over their 2-norm before."""
    after = (p.detach() for p in model.parameters() if p.grad is not None)
    return norm(new - old for new, old in zip(after, before, strict=True)) / norm(before)


class Recorder:
    """Collects a run's rows and gives them as a `Curve`."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, float, Tensor]] = []
        self._waiting_gains: list[tuple[int, Tensor]] = []
        self._rows: list[tuple[float, ...]] = []
        self._gains: list[tuple[float, ...]] = []
        self._evaluations: list[tuple[float, ...]] = []

    def row(self, update: int, lr: float, loss: Tensor, grad_norm: Tensor, ratio: Tensor) -> None:
        """Keep the signals of one update; nothing is read from the device yet."""
        self._waiting.append((update, lr, torch.stack([loss.detach(), grad_norm, ratio])))

    def gain(self, update: int, ratio: Tensor, zeros: Tensor) -> None:
        """Keep the gain of one update; nothing is read from the device yet."""
        self._waiting_gains.append((update, torch.stack([ratio.double(), zeros.double()])))

    def evaluation(self, update: int, values: "Evaluation") -> None:
        """Keep an evaluation."""
        self._evaluations.append((update, values.loss, values.metric, values.spread))

    def flush(self) -> None:
        """Read the waiting rows from the device."""
        if self._waiting:
            signals = torch.stack([row[2] for row in self._waiting]).double().cpu().tolist()
            self.extend(
                (*row[:2], *signs) for row, signs in zip(self._waiting, signals, strict=True)
            )
            self._waiting.clear()
        if self._waiting_gains:
            gains = torch.stack([gain for _, gain in self._waiting_gains]).cpu().tolist()
            updates = [update for update, _ in self._waiting_gains]
            self.extend_gains((t, *gain) for t, gain in zip(updates, gains, strict=True))
            self._waiting_gains.clear()

    def extend(self, rows: Iterable[tuple[float, ...]]) -> None:
        """Keep rows (update, lr, loss, gradient norm, update ratio).

        Rows after the first loss that is not finite say nothing more and are left out.
        """
        for row in rows:
            if self.finite:
                self._rows.append(row)

    def extend_gains(self, gains: Iterable[tuple[float, ...]]) -> None:
        """Keep gains (update, gain ratio, share of zeros) up to the last row; call `extend` first.

        Later ones come after a loss that is not finite.
        """
        self._gains += [gain for gain in gains if self.finite or gain[0] <= self._rows[-1][0]]

    @property
    def finite(self) -> bool:
        """Tell whether every loss so far was finite."""
        return not self._rows or math.isfinite(self._rows[-1][2])

    def curve(self) -> Curve:
        """Give all that was kept and flushed."""
        rows = np.array(self._rows, dtype=np.float64).reshape(-1, 5).T
        evaluations = np.array(self._evaluations, dtype=np.float64).reshape(-1, 4).T
        gains = np.array(self._gains, dtype=np.float64).reshape(-1, 3).T
        return Curve(*map(np.ascontiguousarray, (*rows, *evaluations, *gains)))

    def state(self) -> dict[str, Any]:
        """Give what was kept; call `flush` first."""
        return {
            "rows": list(self._rows),
            "evaluations": list(self._evaluations),
            "gains": list(self._gains),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state given by `state`."""
        self._waiting.clear()
        self._waiting_gains.clear()
        self._rows = list(state["rows"])
        self._evaluations = list(state["evaluations"])
        self._gains = list(state["gains"])


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the validation split says of a model."""

    loss: float
    metric: float
    """nan where the task has none."""
    spread: float
    """Standard deviation of the predictions over inputs, averaged over outputs; nan where
    outputs are not predictions."""


def evaluation_batches(prepared: Prepared) -> Sequence[Tensor]:
    """Give the places of the validation examples in the batches in which they are evaluated."""
    size = max(EVALUATION_BATCH, prepared.task.batch_size)
    return torch.arange(prepared.val.size).split(size)


@torch.no_grad()
def evaluate(model: nn.Module, prepared: Prepared) -> Evaluation:
    """Evaluate a model on the whole validation split, in evaluation mode."""
    was_training = model.training
    model.eval()
    try:
        return _evaluated(model, prepared)
    finally:
        model.train(was_training)


def _evaluated(model: nn.Module, prepared: Prepared) -> Evaluation:
    task, val, measure = prepared.task, prepared.val, prepared.task.measure
    weights = list(model.parameters())
    loss = metric = 0.0
    outputs: list[Tensor] = []
    for index in evaluation_batches(prepared):
        inputs, targets = val.take(index)
        try:
            output = model(inputs)
        except Exception:
            if all_finite(None, weights):
                raise
            return Evaluation(math.nan, math.nan, math.nan)
        share = len(index) / val.size
        loss += share * measured(task.loss, output, targets, weights)
        metric += share * (measured(measure, output, targets, weights) if measure else math.nan)
        if task.predicts and isinstance(output, Tensor):
            outputs.append(output)
    return Evaluation(loss, metric, spread(outputs))


def measured(
    function: Callable[[Any, Any], Any], output: Any, targets: Any, weights: Iterable[Tensor]
) -> float:
    """Compute a loss or metric; nan where it raises and outputs or weights are not finite.

    `nn.BCELoss` and most of scikit-learn refuse nan: a run that comes to that has diverged, which
    is an outcome and no mistake in the task.
    """
    try:
        return float(function(output, targets))
    except Exception:
        if all_finite(output, weights):
            raise
        return math.nan


def all_finite(output: Any, weights: Iterable[Tensor]) -> bool:
    """Tell whether a model's output, so far as it is made of tensors, and weights are finite."""
    tensors = list(weights)
    with suppress(TypeError):  # an output may be anything; then the weights tell
        tensors += leaves(output)
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def spread(outputs: list[Tensor]) -> float:
    """Compute how much predictions differ between inputs: batches of outputs, [n, ...] each."""
    if not outputs or not outputs[0].is_floating_point():
        return math.nan
    joined = torch.cat(outputs).double()
    return float(joined.std(dim=0, correction=0).mean())
