"""timm.scheduler by name and settings, without its noise (timm 1.0.31).

timm counts epochs unless it is told updates; t is whichever it counts. With warmup_prefix=False,
the usual, the curve after the warmup does not start anew: what the warmup covers is never seen,
and so the peak is not. Minima and warmup_lr_init are absolute rates: give the optimizer's `lr`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from etude.errors import ScheduleError
from etude.schedules.base import Schedule
from etude.schedules.conventions.parts import (
    in_turn,
    line,
    one_of,
    positive,
    power_of,
    stairs,
    stretch,
    whole,
)
from etude.schedules.conventions.record import Imported
from etude.schedules.foreign import Cooldown, TimmCycles, TimmWsd
from etude.schedules.shapes import constant, cosine, linear, one_minus_sqrt
from etude.schedules.staircases import multistep


def cosine_lr(
    t_initial: int,
    lr_min: float = 0.0,
    cycle_mul: float = 1.0,
    cycle_decay: float = 1.0,
    cycle_limit: int = 1,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = False,
    k_decay: float = 1.0,
    *,
    lr: float = 1.0,
) -> Imported:
    """Import CosineLRScheduler of an optimizer with that lr."""
    shape = {"shape": "cosine", "k": k_decay}
    cycles = _cycles(t_initial, cycle_mul, cycle_decay, cycle_limit, lr_min, lr, **shape)
    if cycle_limit == 1 and k_decay == 1:
        curve: Schedule = cosine(whole("t_initial", t_initial), end=lr_min / lr)
    else:
        curve = cycles
    end = _cycles_end(cycles, warmup_t if warmup_prefix else 0)
    warm = _Warm(warmup_t, warmup_lr_init / lr, warmup_prefix)
    return _of("cosine", warm.before(curve), end=end)


def poly_lr(
    t_initial: int,
    power: float = 0.5,
    lr_min: float = 0.0,
    cycle_mul: float = 1.0,
    cycle_decay: float = 1.0,
    cycle_limit: int = 1,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = False,
    k_decay: float = 1.0,
    *,
    lr: float = 1.0,
) -> Imported:
    """Import PolyLRScheduler of an optimizer with that lr."""
    shape = {"shape": "polynomial", "k": k_decay, "power": power}
    cycles = _cycles(t_initial, cycle_mul, cycle_decay, cycle_limit, lr_min, lr, **shape)
    end = _cycles_end(cycles, warmup_t if warmup_prefix else 0)
    warm = _Warm(warmup_t, warmup_lr_init / lr, warmup_prefix)
    return _of("poly", warm.before(cycles), end=end)


def tanh_lr(
    t_initial: int,
    lb: float = -7.0,
    ub: float = 3.0,
    lr_min: float = 0.0,
    cycle_mul: float = 1.0,
    cycle_decay: float = 1.0,
    cycle_limit: int = 1,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = False,
    *,
    lr: float = 1.0,
) -> Imported:
    """Import TanhLRScheduler of an optimizer with that lr."""
    shape = {"shape": "tanh", "low": lb, "high": ub}
    cycles = _cycles(t_initial, cycle_mul, cycle_decay, cycle_limit, lr_min, lr, **shape)
    end = _cycles_end(cycles, warmup_t if warmup_prefix else 0)
    if warmup_t == 0:  # what the constructor leaves in the optimizer is the lr itself
        return _of("tanh", in_turn(stretch(1.0, 1), cycles[1:]), end=end)
    top = 1.0 if warmup_prefix else cycles(warmup_t)
    warm = _Warm(warmup_t, warmup_lr_init / lr, warmup_prefix, top)
    return _of("tanh", warm.before(cycles), end=end)


def step_lr(
    decay_t: int,
    decay_rate: float = 1.0,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = True,
    *,
    lr: float = 1.0,
    updates: int | None = None,
) -> Imported:
    """Import StepLRScheduler of an optimizer with that lr."""
    every = whole("decay_t", decay_t)
    curve = power_of(decay_rate, every, staircase=True, updates=updates)
    warm = _Warm(warmup_t, warmup_lr_init / positive("lr", lr), warmup_prefix)
    return _of("step", warm.before(curve))


def multistep_lr(
    decay_t: Sequence[int],
    decay_rate: float = 1.0,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = True,
    *,
    lr: float = 1.0,
) -> Imported:
    """Import MultiStepLRScheduler of an optimizer with that lr; milestones come one t early."""
    # the constructor leaves the lr itself in the optimizer, so that update 0 knows no milestone
    first = 0 if warmup_t else 1
    at = sorted(max(whole("decay_t", milestone) - 1, first) for milestone in decay_t)
    if at and at[0] > 0 and 0 < decay_rate <= 1:
        curve: Schedule = multistep(at, gamma=decay_rate)
    else:
        drops = [(t, decay_rate ** (n + 1)) for n, t in enumerate(at)]
        curve = stairs([(0, 1.0), *drops])
    warm = _Warm(warmup_t, warmup_lr_init / positive("lr", lr), warmup_prefix)
    note = "a milestone m drops the rate at t = m - 1, where torch drops it at m"
    return _of("multistep", warm.before(curve), notes=(note,))


def wsd_lr(
    t_initial: int,
    decay_t: int,
    lr_min: float = 0.0,
    stable_fn: str = "constant",
    stable_timescale: float | None = None,
    stable_power: float = 0.5,
    decay_fn: str = "1-sqrt",
    decay_power: float = 0.5,
    decay_ratio: float = 0.1,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    *,
    lr: float = 1.0,
) -> Imported:
    """Import WSDLRScheduler of an optimizer with that lr."""
    total, decay = whole("t_initial", t_initial), whole("decay_t", decay_t)
    if decay > total:
        raise ScheduleError(f"decay_t must be at most t_initial, got {decay} and {total}")
    low = lr_min / positive("lr", lr)
    shape = one_of("decay_fn", decay_fn, ("linear", "1-sqrt", "cosine", "power", "exp"))
    one_of("stable_fn", stable_fn, ("constant", "rsqrt", "power"))
    if stable_fn == "constant":
        curve = in_turn(
            stretch(1.0, total - decay), _fall(shape, decay, decay_power, decay_ratio, low)
        )
    else:
        curve = TimmWsd(
            total=total,
            cooldown=decay,
            timescale=positive("stable_timescale", stable_timescale or warmup_t),
            stable=stable_power if stable_fn == "power" else 0.5,
            shape="exponential" if shape == "exp" else shape,
            power=decay_power,
            ratio=decay_ratio,
            end=low,
        )
    warm = _Warm(warmup_t, warmup_lr_init / lr, prefix=True)
    return _of("wsd", warm.before(curve), end=warmup_t + total)


def _fall(shape: str, updates: int, power: float, ratio: float, end: float) -> Schedule:
    plain: dict[str, Callable[..., Schedule]] = {
        "linear": linear,
        "1-sqrt": one_minus_sqrt,
        "cosine": cosine,
    }
    if shape in plain:
        return plain[shape](updates, end=end)
    if shape == "power":
        return Cooldown(length=updates, power=power, end=end)
    return Cooldown(length=updates, shape="exponential", ratio=ratio, end=end)


class _Warm:
    """A warmup before a curve, as a prefix or over its beginning."""

    def __init__(self, updates: int, start: float, prefix: bool, top: float = 1.0) -> None:
        self.updates = whole("warmup_t", updates, least=0)
        self.start, self.prefix, self.top = start, prefix, top

    def before(self, curve: Schedule) -> Schedule:
        """Give the warmup, then the curve or what is left of it."""
        rise = line(self.updates, self.start, self.top)
        if self.prefix or rise is None:
            return in_turn(rise, curve)
        ends = curve.length if isinstance(curve.length, int) and not curve.open else None
        if ends is not None and ends <= self.updates:
            return in_turn(rise, constant(curve(ends)))
        # a window with a stop holds the value before it; the curve itself ends where it ends
        return in_turn(rise, curve[self.updates :])


def _cycles(
    period: int, mul: float, decay: float, limit: int, lr_min: float, lr: float, **shape: Any
) -> TimmCycles:
    if mul < 1:
        raise ScheduleError(f"cycle_mul must be >= 1 (timm's own formula fails below), got {mul}")
    return TimmCycles(
        period=whole("t_initial", period),
        mult=mul,
        decay=decay,
        limit=limit,
        end=lr_min / positive("lr", lr),
        **shape,
    )


def _cycles_end(cycles: TimmCycles, prefix: int) -> int:
    """Give the length of all cycles, as timm's get_cycle_length."""
    many, mul = max(1, int(cycles.limit)), cycles.mult
    total = cycles.period * (many if mul == 1 else (mul**many - 1) / (mul - 1))
    return math.floor(total) + prefix


def _of(
    name: str, schedule: Schedule, *, end: int | None = None, notes: tuple[str, ...] = ()
) -> Imported:
    return Imported("timm", name, schedule, end=end, notes=notes)


def _plateau(**_: object) -> Imported:
    raise ScheduleError(
        "plateau reacts to a metric, so that it is no function of the update: it is a controller "
        "(etude.controllers)"
    )


READERS: dict[str, Callable[..., Imported]] = {
    "cosine": cosine_lr,
    "tanh": tanh_lr,
    "step": step_lr,
    "multistep": multistep_lr,
    "poly": poly_lr,
    "wsd": wsd_lr,
    "plateau": _plateau,
}
