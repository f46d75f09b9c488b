"""The numbers in messages: multipliers of torch's schedulers, by étude's own schedules."""

from etude.errors import ScheduleError
from etude.linter.algebra import Number
from etude.linter.values import Bag, Thing, Value

_SHAPED = {
    "StepLR": ("step_size", "gamma"),
    "MultiStepLR": ("milestones", "gamma"),
    "ExponentialLR": ("gamma",),
    "CosineAnnealingLR": ("T_max",),
    "LinearLR": ("start_factor", "end_factor", "total_iters"),
    "PolynomialLR": ("total_iters", "power"),
}
"""Arguments that make the shape of a scheduler's curve; without minima, which only raise it."""


def multiplier(scheduler: Thing, t: int, **instead: float) -> float | None:
    """Give a scheduler's multiplier after t calls of `step()`; None where it cannot be had.

    Args:
        scheduler: A scheduler with constant arguments.
        t: Calls of `step()` before.
        instead: Values of arguments that are not constant in the code.
    """
    if scheduler.short not in _SHAPED or not 0 <= t < 10_000_000:  # noqa: PLR2004 - a run's length
        return None
    from etude.schedules.conventions import read

    settings: list[str] = []
    for name in _SHAPED[scheduler.short]:
        value = scheduler.arguments.get(name)
        if name in instead:
            settings.append(f"{name}={_written(instead[name])}")
        elif value is not None:
            text = _constant(value)
            if text is None:
                return None
            settings.append(f"{name}={text}")
    try:
        found = read(f"torch: {scheduler.short}({', '.join(settings)})", updates=max(t, 1))
    except ScheduleError:
        return None
    return float(found.schedule(t))


def _constant(value: Value) -> str | None:
    if isinstance(value, Number) and value.value is not None:
        return _written(value.value)
    if isinstance(value, Bag) and value.keys is None:
        parts = [_constant(item) for item in value.items]
        known = [part for part in parts if part is not None]
        return f"[{', '.join(known)}]" if len(known) == len(parts) else None
    return None


def _written(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)
