"""One short run at the suggested rate, looked at on its way: its curvature and its noise.

What is found here is a diagnosis beside what the ladder measured, and moves no suggestion.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn, optim

from etude.finder.noise import noise_scale
from etude.finder.stability import is_preconditioned, stable_lr
from etude.records import Measured, NoiseScale, Stability
from etude.report.words import number
from etude.strategies import Strategy, build_optimizer
from etude.tasks import Prepared, build_model, plain_arithmetic
from etude.tasks.seeds import untouched
from etude.training import Plan, SerialCohort

LOOKS = (0.0, 0.1, 0.5, 1.0)
"""When, as shares of the short run. An optimizer that scales gradients by what it has seen of them
has seen nothing at 0, so that its curvature is not looked at there."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A run as it stands."""

    updates: int
    model: nn.Module
    optimizer: optim.Optimizer


def look(
    prepared: Prepared, strategy: Strategy, *, updates: int, horizon: int, failure: Measured | None
) -> tuple[Stability | None, NoiseScale | None, str | None]:
    """Train a short run at a suggestion and look at curvature and noise on its way.

    Args:
        prepared: the task.
        strategy: the suggestion.
        updates: length of the short run.
        horizon: length of the run that it is a copy of.
        failure: the measured rate at which training fails.

    Returns:
        Both, and None; or None for what a task does not allow, and a sentence that says why.
    """
    points: list[tuple[int, float, float]] = []
    noises: list[tuple[int, Measured]] = []
    try:
        with untouched(), plain_arithmetic():
            for at in standings(prepared, strategy, updates=updates, horizon=horizon):
                if (noise := noise_scale(prepared, at.model)) is not None:
                    noises.append((at.updates, noise))
                if at.updates or not is_preconditioned(strategy):
                    optimizer = at.optimizer if at.updates else None
                    limit, found = stable_lr(prepared, strategy, at.model, optimizer)
                    points.append((at.updates, found.value, limit))
    except Exception as error:  # noqa: BLE001 - a user's model may not allow a second derivative
        why = str(error).split("\n", 1)[0]
        trouble = f"curvature and noise could not be measured: {type(error).__name__}: {why}"
        return None, _noise(noises), trouble
    return _stability(strategy, points, failure), _noise(noises), None


def standings(
    prepared: Prepared,
    strategy: Strategy,
    *,
    updates: int,
    horizon: int,
    looks: Sequence[float] = LOOKS,
) -> Iterator[Standing]:
    """Train a copy and give it as it stands at each look, as long as its loss is finite."""
    cohort = SerialCohort(prepared, [Plan(strategy, 0, horizon)], updates=updates)
    done = 0
    for at in sorted({round(share * updates) for share in looks}):
        cohort.advance(at - done)
        done = at
        ((_, state),) = cohort.state()["runs"]
        if not all(math.isfinite(loss) for loss in cohort.curve(0).loss):
            return
        model = build_model(prepared.task, 0).to(prepared.device)
        yield restored(strategy, model, state, at)


def restored(strategy: Strategy, model: nn.Module, state: dict[str, Any], at: int) -> Standing:
    """Give a run's model and optimizer as its saved state has them."""
    model.load_state_dict(state["model"])
    optimizer = build_optimizer(strategy, model.parameters())
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state["optimizer"]["state"], "param_groups": groups})
    return Standing(at, model, optimizer)


def _noise(found: list[tuple[int, Measured]]) -> NoiseScale | None:
    if not found:
        return None
    updates, scales = zip(*found, strict=True)
    return NoiseScale(updates, scales)


def _stability(
    strategy: Strategy, points: list[tuple[int, float, float]], failure: Measured | None
) -> Stability | None:
    found = [point for point in points if math.isfinite(point[1])]
    if not found:
        return None
    updates, sharpness, limits = zip(*found, strict=True)
    return Stability(
        lr=strategy.peak_lr,
        updates=updates,
        sharpness=sharpness,
        limit=limits,
        sentence=verdict(strategy, limits, failure),
    )


def verdict(strategy: Strategy, limits: tuple[float, ...], failure: Measured | None) -> str:
    """Say what the limits mean beside the measured failure rate and the suggestion.

    Args:
        strategy: the suggestion.
        limits: the largest stable lr at each look.
        failure: the measured rate at which training fails.
    """
    low, high = min(limits), max(limits)
    span = number(low) if len(set(limits)) == 1 else f"{number(low)} to {number(high)}"
    on_a_quadratic = f"on a quadratic of this curvature rates above {span} would diverge"
    lr = number(strategy.peak_lr)
    if failure is None:
        return f"{on_a_quadratic}; no rate that was tried failed."
    first = f"this network first failed at {number(failure.value)}"
    if failure.low > high:
        why = "survives above its limit: curvature falls as the weights move (catapult)"
        return f"{on_a_quadratic}, but {first}, so it {why}."
    if failure.value < low:
        why = "dies below its limit: curvature grows faster than it was looked at"
        return f"{on_a_quadratic}, but {first}, so it {why}."
    survives = strategy.peak_lr > low
    edge = f"; the suggestion, {lr}, is above the lowest and survives (edge of stability)"
    return f"{on_a_quadratic}, and {first}{edge if survives else ''}."
