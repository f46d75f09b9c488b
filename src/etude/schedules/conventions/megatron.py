"""Megatron's OptimizerParamScheduler by decay style and settings (megatron-core 0.16).

Megatron counts samples: give the samples of one update as `increment`, or count all in updates.
max_lr and min_lr are absolute rates; it can have others per param group. It schedules the weight
decay too, which étude does not.
"""

import math
from collections.abc import Callable
from functools import partial

from etude.errors import ScheduleError
from etude.schedules.base import Schedule
from etude.schedules.conventions.parts import (
    cut,
    in_turn,
    line,
    one_of,
    positive,
    scaled,
    stretch,
    whole,
)
from etude.schedules.conventions.record import Imported
from etude.schedules.foreign import Cooldown
from etude.schedules.shapes import constant, cosine, inverse_sqrt, linear, one_minus_sqrt

STYLES = ("constant", "linear", "cosine", "inverse-square-root", "WSD")
_WSD: dict[str, Callable[[int, float], Schedule]] = {
    "linear": lambda updates, end: linear(updates, end=end),
    "cosine": lambda updates, end: cosine(updates, end=end),
    "minus_sqrt": lambda updates, end: one_minus_sqrt(updates, end=end),
    "exponential": lambda updates, end: Cooldown(
        length=updates, shape="exponential", ratio=0.5, end=end
    ),
}


def param_scheduler(
    lr_decay_style: str,
    lr_decay_steps: int,
    max_lr: float = 1.0,
    min_lr: float = 0.0,
    lr_warmup_steps: int = 0,
    init_lr: float = 0.0,
    wsd_decay_steps: int | None = None,
    lr_wsd_decay_style: str | None = None,
    *,
    increment: int = 1,
) -> Imported:
    """Import OptimizerParamScheduler."""
    style, peak = one_of("lr_decay_style", lr_decay_style, STYLES), positive("max_lr", max_lr)
    if not 0 <= min_lr <= peak or not 0 <= init_lr <= peak:
        raise ScheduleError(f"min_lr and init_lr must be from 0 to max_lr, got {min_lr}, {init_lr}")
    total = _updates("lr_decay_steps", lr_decay_steps, increment)
    warm = _updates("lr_warmup_steps", lr_warmup_steps, increment)
    if warm >= total:
        raise ScheduleError(f"lr_warmup_steps must be below lr_decay_steps, got {warm} and {total}")
    low, rest = min_lr / peak, total - warm
    rise = line(warm, init_lr / peak)
    end: int | None = total
    if style == "constant":
        fall, end = constant(), None
    elif style == "inverse-square-root":
        fall = _inverse_sqrt(warm, rest, low, increment)
    elif style == "WSD":
        cooldown = _updates("wsd_decay_steps", wsd_decay_steps or 0, increment)
        shape = one_of("lr_wsd_decay_style", lr_wsd_decay_style, _WSD)
        if not 0 < cooldown <= rest:
            raise ScheduleError(
                f"wsd_decay_steps must be from 1 to what the warmup leaves, {rest}, got {cooldown}"
            )
        fall = in_turn(stretch(1.0, rest - cooldown), _WSD[shape](cooldown, low))
    else:
        fall = linear(rest, end=low) if style == "linear" else cosine(rest, end=low)
    note = "schedules the weight decay as well"
    return Imported("megatron", style, in_turn(rise, fall), peak_lr=peak, end=end, notes=(note,))


def _inverse_sqrt(warm: int, rest: int, low: float, increment: int) -> Schedule:
    """Give sqrt(W/t), held at low once it is there and after the end.

    Without a warmup W is 1 of what Megatron counts, and update 0 counts as 1 too.
    """
    late, scale = (0, warm) if warm else (1, 1)
    top = 1.0 if warm else increment**-0.5
    ends = rest + 1 - late  # Megatron still decays at lr_decay_steps itself
    if low > 0:
        ends = min(ends, math.floor(scale * (top / low) ** 2) - scale + 1)
    fall = None if ends <= 0 else scaled(top, cut(inverse_sqrt(scale), ends))
    return in_turn(stretch(1.0, late), fall, constant(low))


def _updates(name: str, value: int, increment: int) -> int:
    steps, size = whole(name, value, least=0), whole("increment", increment)
    if steps % size:
        raise ScheduleError(
            f"{name} must be a multiple of increment for whole updates, got {value} and {size}"
        )
    return steps // size


READERS: dict[str, Callable[..., Imported]] = {
    style: partial(param_scheduler, style) for style in STYLES
}
