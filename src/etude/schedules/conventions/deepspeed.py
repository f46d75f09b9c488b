"""DeepSpeed's scheduler settings by type and params (deepspeed 0.19).

Its schedulers are stepped before they are asked, so that update 0 has the rate of the constructor
and update t that of batch t - 1. The warmup is logarithmic unless told otherwise. All but
WarmupCosineLR give absolute rates.
"""

from collections.abc import Callable

from etude.errors import ScheduleError
from etude.schedules.base import Schedule
from etude.schedules.conventions.parts import (
    cut,
    in_turn,
    one_of,
    positive,
    scaled,
    stairs_of,
    stretch,
    whole,
)
from etude.schedules.conventions.record import Imported
from etude.schedules.hyperbolas import growth, inverse_time
from etude.schedules.knots import points
from etude.schedules.shapes import constant, cosine, linear
from etude.schedules.warmups import warmup

MOMENTUM = "cycles Adam's beta1 as well unless cycle_momentum=False; étude leaves it alone"


def warmup_lr(
    warmup_min_lr: float = 0.0,
    warmup_max_lr: float | None = None,
    warmup_num_steps: int = 1000,
    warmup_type: str = "log",
    *,
    lr: float = 1.0,
) -> Imported:
    """Import WarmupLR; warmup_max_lr is the optimizer's lr, unless given."""
    peak = positive("warmup_max_lr", lr if warmup_max_lr is None else warmup_max_lr)
    rise = _rise(warmup_num_steps, warmup_type, warmup_min_lr / peak)
    return _of("WarmupLR", in_turn(rise, constant()), None if warmup_max_lr is None else peak)


def warmup_decay_lr(
    total_num_steps: int,
    warmup_min_lr: float = 0.0,
    warmup_max_lr: float = 0.001,
    warmup_num_steps: int = 1000,
    warmup_type: str = "log",
) -> Imported:
    """Import WarmupDecayLR."""
    peak = positive("warmup_max_lr", warmup_max_lr)
    total = whole("total_num_steps", total_num_steps)
    low, warm = warmup_min_lr / peak, _steps(warmup_num_steps)
    rise = _rise(warm, warmup_type, low)
    # the log warmup reaches the peak one update before the fall begins
    top = stretch(1.0, 1) if warmup_type == "log" else None
    fall = linear(total - warm, end=low) if total > warm else constant(low)
    return _of("WarmupDecayLR", in_turn(rise, top, fall), peak, end=total + 1)


def warmup_cosine_lr(
    total_num_steps: int,
    warmup_min_ratio: float = 0.0,
    warmup_num_steps: int = 1000,
    cos_min_ratio: float = 0.0001,
    warmup_type: str = "log",
) -> Imported:
    """Import WarmupCosineLR."""
    total, warm = whole("total_num_steps", total_num_steps), _steps(warmup_num_steps)
    rise = _rise(warm, warmup_type, warmup_min_ratio, first=0.0)
    # a log warmup reaches the peak where the cosine starts; a linear one has its last step there
    fall: Schedule = constant(cos_min_ratio)
    if total > warm:
        whole_fall = cosine(total - warm, end=cos_min_ratio)
        fall = whole_fall if warmup_type == "log" else whole_fall[1:]
    elif warmup_type == "log":
        fall = in_turn(stretch(1.0, 1), fall)
    return Imported("deepspeed", "WarmupCosineLR", in_turn(rise, fall), end=max(total, warm + 1))


def lr_range_test(
    lr_range_test_min_lr: float = 1e-3,
    lr_range_test_step_size: int = 2000,
    lr_range_test_step_rate: float = 1.0,
    lr_range_test_staircase: bool = False,
) -> Imported:
    """Import LRRangeTest; a multiplier of 1 is its lowest rate, where it begins."""
    every = whole("lr_range_test_step_size", lr_range_test_step_size)
    curve = growth(every, rate=lr_range_test_step_rate, stairs=lr_range_test_staircase)
    return _of("LRRangeTest", curve, positive("lr_range_test_min_lr", lr_range_test_min_lr))


def one_cycle(
    cycle_min_lr: float,
    cycle_max_lr: float,
    decay_lr_rate: float = 0.0,
    cycle_first_step_size: int = 2000,
    cycle_second_step_size: int | None = None,
    cycle_first_stair_count: int = 0,
    cycle_second_stair_count: int | None = None,
    decay_step_size: int = 0,
    *,
    cycle_momentum: bool = True,
) -> Imported:
    """Import OneCycle."""
    peak = positive("cycle_max_lr", cycle_max_lr)
    low = cycle_min_lr / peak
    up = whole("cycle_first_step_size", cycle_first_step_size)
    down = up
    if cycle_second_step_size is not None:
        down = whole("cycle_second_step_size", cycle_second_step_size, least=0)
    first, second = cycle_first_stair_count, cycle_second_stair_count
    steps = (first, first if second is None else second)
    if any(steps):
        cycle = cut(stairs_of(_stairs(up, down, steps, low)), up + down)
    else:
        cycle = points([(0, low), (up, 1.0), (up + down, low)], length=up + down)
    rest: Schedule = constant(low)
    if decay_step_size and decay_lr_rate and low:
        fall = inverse_time(whole("decay_step_size", decay_step_size), rate=decay_lr_rate)
        rest = scaled(low, fall)
    found = _of("OneCycle", in_turn(cycle, rest), peak, end=up + down)
    return found.noting(MOMENTUM) if cycle_momentum else found


def _stairs(up: int, down: int, steps: tuple[int, int], low: float) -> list[float]:
    """Give each update's multiplier of a cycle in so many stairs up and down; 0 is a line."""
    heights: list[float] = []
    for t in range(up + down):
        left, size, many = (t, up, steps[0]) if t <= up else (up + down - t, down, steps[1])
        heights.append(left * many // size / many if many else left / size)
    return [low + (1 - low) * height for height in heights]


def _steps(warmup_num_steps: int) -> int:
    return max(2, whole("warmup_num_steps", warmup_num_steps))


def _rise(updates: int, kind: str, low: float, first: float | None = None) -> Schedule:
    """Give the rate of the constructor, then the warmup; a log one reaches its peak in it."""
    shape = one_of("warmup_type", kind, ("log", "linear"))
    size = _steps(updates)
    if low > 1:
        raise ScheduleError("warmup_min_lr must not be above warmup_max_lr")
    before = stretch(low if first is None else first, 1)
    # s(t) = log(t + 1)/log(size): the peak at t = size - 1
    rise = warmup(size - 1, start=low, shape="log") if shape == "log" else warmup(size, start=low)
    return in_turn(before, rise)


def _of(name: str, schedule: Schedule, peak: float | None, *, end: int | None = None) -> Imported:
    return Imported("deepspeed", name, schedule, peak_lr=peak, end=end)


READERS: dict[str, Callable[..., Imported]] = {
    "WarmupLR": warmup_lr,
    "WarmupDecayLR": warmup_decay_lr,
    "WarmupCosineLR": warmup_cosine_lr,
    "LRRangeTest": lr_range_test,
    "OneCycle": one_cycle,
}
