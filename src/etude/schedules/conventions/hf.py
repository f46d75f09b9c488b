"""transformers.get_scheduler by name and settings (transformers 5).

All but one warm up from rate 0, so that the first update trains nothing, and reach the peak one
update later than étude's `warmup`. A minimum in absolute terms is divided by the lr that the
optimizer was built with, also for param groups that have another one.
"""

from collections.abc import Callable

from etude.errors import ScheduleError
from etude.schedules.base import Schedule
from etude.schedules.conventions.parts import (
    cut,
    in_turn,
    line,
    one_of,
    positive,
    stretch,
    whole,
)
from etude.schedules.conventions.record import Imported
from etude.schedules.cycles import cosine_wave
from etude.schedules.foreign import HardRestarts
from etude.schedules.shapes import (
    constant,
    cosine,
    inverse_sqrt,
    linear,
    one_minus_sqrt,
    polynomial,
)
from etude.schedules.warmups import warmup

ONE_LR = "the minimum is a share of the optimizer's lr at construction, in every param group"
CLOSED_LOOP = (
    "{name} reacts to a metric, so that it is no function of the update: it is a controller "
    "(etude.controllers)"
)


def constant_schedule() -> Imported:
    """Import constant."""
    return _of("constant", constant())


def constant_with_warmup(num_warmup_steps: int) -> Imported:
    """Import constant_with_warmup."""
    return _of("constant_with_warmup", _warm(num_warmup_steps, constant()))


def linear_schedule(num_warmup_steps: int = 0, num_training_steps: int | None = None) -> Imported:
    """Import linear."""
    total, rest = _rest(num_warmup_steps, num_training_steps)
    fall = linear(rest) if total > num_warmup_steps else constant(0.0)
    return _of("linear", _warm(num_warmup_steps, fall), end=total)


def cosine_schedule(
    num_warmup_steps: int = 0, num_training_steps: int | None = None, num_cycles: float = 0.5
) -> Imported:
    """Import cosine."""
    return _cosine("cosine", num_warmup_steps, num_training_steps, num_cycles, 0.0)


def cosine_with_restarts(
    num_warmup_steps: int = 0, num_training_steps: int | None = None, num_cycles: float = 1
) -> Imported:
    """Import cosine_with_restarts."""
    total, rest = _rest(num_warmup_steps, num_training_steps)
    cycles = HardRestarts(total=rest, cycles=num_cycles)
    return _of("cosine_with_restarts", _warm(num_warmup_steps, cycles), end=total)


def polynomial_schedule(
    num_warmup_steps: int = 0,
    num_training_steps: int | None = None,
    lr_end: float = 1e-7,
    power: float = 1.0,
    *,
    lr: float = 1.0,
) -> Imported:
    """Import polynomial of an optimizer with that lr."""
    total, rest = _rest(num_warmup_steps, num_training_steps)
    if total <= num_warmup_steps:
        raise ScheduleError(
            "polynomial needs num_training_steps > num_warmup_steps (transformers divides by their "
            f"difference), got {num_training_steps} and {num_warmup_steps}"
        )
    if not positive("lr", lr) > lr_end:
        raise ScheduleError(f"lr_end must be below the lr, got {lr_end} and {lr}")
    fall = polynomial(rest, power=power, end=lr_end / lr)
    return _of("polynomial", _warm(num_warmup_steps, fall), end=total, notes=(ONE_LR,))


def inverse_sqrt_schedule(num_warmup_steps: int = 0, timescale: int | None = None) -> Imported:
    """Import inverse_sqrt."""
    scale = whole("timescale", timescale or num_warmup_steps or 10_000)
    return _of("inverse_sqrt", _warm(num_warmup_steps, inverse_sqrt(scale)))


def cosine_with_min_lr(
    num_warmup_steps: int = 0,
    num_training_steps: int | None = None,
    num_cycles: float = 0.5,
    *,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    lr: float = 1.0,
) -> Imported:
    """Import cosine_with_min_lr of an optimizer with that lr."""
    low, notes = _minimum(min_lr, min_lr_rate, lr)
    name = "cosine_with_min_lr"
    return _cosine(name, num_warmup_steps, num_training_steps, num_cycles, low).noting(*notes)


def cosine_warmup_with_min_lr(
    num_warmup_steps: int = 0,
    num_training_steps: int | None = None,
    num_cycles: float = 0.5,
    *,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    warmup_lr_rate: float | None = None,
    lr: float = 1.0,
) -> Imported:
    """Import cosine_warmup_with_min_lr of an optimizer with that lr.

    It is one update ahead: its warmup ends, and its cosine has moved, at update
    num_warmup_steps, so that its end is one update early.
    """
    low, notes = _minimum(min_lr, min_lr_rate, lr)
    total, rest = _rest(num_warmup_steps, num_training_steps)
    fall = _wave(rest, num_cycles, low)[1:]
    rise: Schedule | None = None
    if num_warmup_steps > 0 and warmup_lr_rate is None:
        rise = warmup(num_warmup_steps)
    elif num_warmup_steps > 0:
        # from warmup_lr_rate at update 0 to 1 at the last one of the warmup
        climb = line(num_warmup_steps - 1, float(warmup_lr_rate or 0))
        peak = constant(warmup_lr_rate or 0) if climb is None else constant()
        rise = in_turn(climb, cut(peak, 1))
    schedule = in_turn(rise, fall)
    return _of("cosine_warmup_with_min_lr", schedule, end=total - 1, notes=notes)


def warmup_stable_decay(
    num_warmup_steps: int,
    num_decay_steps: int,
    num_training_steps: int | None = None,
    num_stable_steps: int | None = None,
    warmup_type: str = "linear",
    decay_type: str = "cosine",
    min_lr_ratio: float = 0,
    num_cycles: float = 0.5,
) -> Imported:
    """Import warmup_stable_decay."""
    warm = whole("num_warmup_steps", num_warmup_steps, least=0)
    decay = whole("num_decay_steps", num_decay_steps, least=0)
    if num_stable_steps is None:
        total, _ = _rest(0, num_training_steps)
        num_stable_steps = total - warm - decay
    stable = whole("num_stable_steps", num_stable_steps, least=0)
    shapes = ("linear", "cosine", "1-sqrt")
    shape = one_of("warmup_type", warmup_type, shapes)
    rise = warmup(warm, start=min_lr_ratio, shape=shape) if warm else None
    fall = _decay(one_of("decay_type", decay_type, shapes), decay, min_lr_ratio, num_cycles)
    schedule = in_turn(rise, stretch(1.0, stable), fall, constant(min_lr_ratio))
    return _of("warmup_stable_decay", schedule, end=warm + stable + decay)


def _decay(shape: str, updates: int, end: float, num_cycles: float) -> Schedule | None:
    if updates == 0:
        return None
    if shape == "linear":
        return linear(updates, end=end)
    if shape == "1-sqrt":
        return one_minus_sqrt(updates, end=end)
    if num_cycles == 0.5:  # noqa: PLR2004 - half a wave is the plain cosine
        return cosine(updates, end=end)
    return cut(_wave(updates, num_cycles, end), updates)


def _cosine(
    name: str, warm: int, num_training_steps: int | None, num_cycles: float, low: float
) -> Imported:
    total, rest = _rest(warm, num_training_steps)
    return _of(name, _warm(warm, _wave(rest, num_cycles, low)), end=total)


def _wave(updates: int, num_cycles: float, low: float) -> Schedule:
    return cosine_wave(updates / (2 * num_cycles), end=low) if num_cycles > 0 else constant()


def _warm(num_warmup_steps: int, then: Schedule) -> Schedule:
    return in_turn(line(whole("num_warmup_steps", num_warmup_steps, least=0), 0.0), then)


def _rest(num_warmup_steps: int, num_training_steps: int | None) -> tuple[int, int]:
    """Give the steps in all and those after the warmup, of which there is always one."""
    if num_training_steps is None:
        raise ScheduleError("num_training_steps must be given: the length of the whole run")
    total = whole("num_training_steps", num_training_steps)
    return total, max(1, total - num_warmup_steps)


def _minimum(
    min_lr: float | None, min_lr_rate: float | None, lr: float
) -> tuple[float, tuple[str, ...]]:
    if (min_lr is None) == (min_lr_rate is None):
        raise ScheduleError("exactly one of min_lr and min_lr_rate must be given")
    if min_lr is not None:
        return min_lr / positive("lr", lr), (ONE_LR,)
    return float(min_lr_rate or 0), ()


def _closed_loop(name: str) -> Callable[..., Imported]:
    def refuse(**_: object) -> Imported:
        raise ScheduleError(CLOSED_LOOP.format(name=name))

    return refuse


def _of(
    name: str, schedule: Schedule, *, end: int | None = None, notes: tuple[str, ...] = ()
) -> Imported:
    return Imported("hf", name, schedule, end=end, notes=notes)


READERS: dict[str, Callable[..., Imported]] = {
    "linear": linear_schedule,
    "cosine": cosine_schedule,
    "cosine_with_restarts": cosine_with_restarts,
    "polynomial": polynomial_schedule,
    "constant": constant_schedule,
    "constant_with_warmup": constant_with_warmup,
    "inverse_sqrt": inverse_sqrt_schedule,
    "cosine_with_min_lr": cosine_with_min_lr,
    "cosine_warmup_with_min_lr": cosine_warmup_with_min_lr,
    "warmup_stable_decay": warmup_stable_decay,
    "reduce_lr_on_plateau": _closed_loop("reduce_lr_on_plateau"),
    "greedy": _closed_loop("greedy"),
}
