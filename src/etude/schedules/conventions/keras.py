"""keras.optimizers.schedules by class name and settings (Keras 3).

A Keras schedule gives absolute rates, in float32 unless told otherwise: they differ from ours by
its rounding. CosineDecay's decay_steps does not count its warmup, as optax' does.
"""

from collections.abc import Callable, Sequence

from etude.errors import ScheduleError
from etude.schedules.base import Schedule
from etude.schedules.conventions.parts import (
    in_turn,
    line,
    positive,
    power_of,
    scaled,
    stairs,
    whole,
)
from etude.schedules.conventions.record import Imported
from etude.schedules.foreign import KerasPolynomial, KerasRestarts
from etude.schedules.hyperbolas import inverse_time
from etude.schedules.shapes import constant, cosine, polynomial


def exponential_decay(
    initial_learning_rate: float,
    decay_steps: int,
    decay_rate: float,
    staircase: bool = False,
    *,
    updates: int | None = None,
) -> Imported:
    """Import ExponentialDecay."""
    curve = power_of(decay_rate, decay_steps, staircase=staircase, updates=updates)
    return _of("ExponentialDecay", curve, initial_learning_rate)


def piecewise_constant_decay(boundaries: Sequence[int], values: Sequence[float]) -> Imported:
    """Import PiecewiseConstantDecay: a value is still that of the update at its boundary."""
    if len(boundaries) != len(values) - 1:
        raise ScheduleError(
            f"values must be one more than the boundaries, got {len(values)} and {len(boundaries)}"
        )
    peak = positive("the highest of values", max(values))
    starts = [0, *(whole("boundaries", at, least=0) + 1 for at in boundaries)]
    steps = stairs((at, value / peak) for at, value in zip(starts, values, strict=True))
    note = "a boundary b changes the rate at update b + 1, where optax changes it at b"
    return _of("PiecewiseConstantDecay", steps, peak, notes=(note,))


def polynomial_decay(
    initial_learning_rate: float,
    decay_steps: int,
    end_learning_rate: float = 0.0001,
    power: float = 1.0,
    cycle: bool = False,
) -> Imported:
    """Import PolynomialDecay."""
    peak, steps = _rate(initial_learning_rate), whole("decay_steps", decay_steps)
    end = end_learning_rate / peak
    if cycle:
        return _of("PolynomialDecay", KerasPolynomial(period=steps, power=power, end=end), peak)
    return _of("PolynomialDecay", polynomial(steps, power=power, end=end), peak, end=steps)


def inverse_time_decay(
    initial_learning_rate: float,
    decay_steps: int,
    decay_rate: float,
    staircase: bool = False,
) -> Imported:
    """Import InverseTimeDecay."""
    every = whole("decay_steps", decay_steps)
    curve = inverse_time(every, rate=decay_rate, stairs=staircase)
    return _of("InverseTimeDecay", curve, initial_learning_rate)


def cosine_decay(
    initial_learning_rate: float,
    decay_steps: int,
    alpha: float = 0.0,
    *,
    warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> Imported:
    """Import CosineDecay."""
    steps = whole("decay_steps", decay_steps)
    if warmup_target is None:
        return _of("CosineDecay", cosine(steps, end=alpha), initial_learning_rate, end=steps)
    warm, top = whole("warmup_steps", warmup_steps, least=0), _rate(warmup_target, "warmup_target")
    peak = max(initial_learning_rate, top) if warm else top
    start, high = initial_learning_rate / peak, top / peak
    curve = in_turn(line(warm, start, high), scaled(high, cosine(steps, end=alpha)))
    return _of("CosineDecay", curve, peak, end=warm + steps)


def cosine_decay_restarts(
    initial_learning_rate: float,
    first_decay_steps: int,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
) -> Imported:
    """Import CosineDecayRestarts."""
    period = whole("first_decay_steps", first_decay_steps)
    cycles = KerasRestarts(period=period, mult=t_mul, decay=m_mul, end=alpha)
    return _of("CosineDecayRestarts", cycles, initial_learning_rate)


def constant_rate(learning_rate: float) -> Imported:
    """Import a plain number, which is Keras' constant."""
    return _of("constant", constant(), learning_rate)


def _rate(value: float, name: str = "initial_learning_rate") -> float:
    return positive(name, value)


def _of(
    name: str,
    schedule: Schedule,
    peak: float,
    *,
    end: int | None = None,
    notes: tuple[str, ...] = (),
) -> Imported:
    return Imported("keras", name, schedule, peak_lr=_rate(peak), end=end, notes=notes)


READERS: dict[str, Callable[..., Imported]] = {
    "ExponentialDecay": exponential_decay,
    "PiecewiseConstantDecay": piecewise_constant_decay,
    "PolynomialDecay": polynomial_decay,
    "InverseTimeDecay": inverse_time_decay,
    "CosineDecay": cosine_decay,
    "CosineDecayRestarts": cosine_decay_restarts,
    "constant": constant_rate,
}
