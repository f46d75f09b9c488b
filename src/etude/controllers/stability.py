"""Whether the loss of one update is a spike: the rule that two controllers share.

r = log L - median(log L of the last updates) > max(log ratio, spread * MAD), with MAD the median
distance from that median. Logarithms make it independent of the loss's unit, medians keep one
spike from hiding the next, and the spread lets noisy losses be noisy.
"""

import math
from statistics import median

from etude.errors import ScheduleError

FEWEST = 10
"""Losses to compare with, at least: with fewer their spread is not known."""


def spike(
    recent: tuple[float, ...], loss: float, *, ratio: float, spread: float, kind: str
) -> str | None:
    """Say what is wrong with a loss, or None.

    Args:
        recent: Logarithms of the losses before it.
        loss: The loss of this update.
        ratio: How many times the usual loss it must be, at least.
        spread: How many MADs above the median its logarithm must be, at least.
        kind: Who asks, for the error.

    Raises:
        ScheduleError: The loss is negative, so that it has no logarithm.
    """
    if not math.isfinite(loss):
        return f"the loss is {loss}"
    if loss < 0:
        raise ScheduleError(
            f"{kind} compares logarithms and needs losses >= 0, got {loss:g}; "
            "observe one that is, or use plateau"
        )
    if len(recent) < FEWEST or loss == 0:
        return None
    usual = median(recent)
    rise = math.log(loss) - usual
    mad = median(abs(each - usual) for each in recent)
    if rise <= max(math.log(ratio), spread * mad):
        return None
    times = math.exp(min(rise, 700.0))  # more would overflow
    return f"the loss {loss:.4g} is {times:.3g} times its usual {math.exp(usual):.4g}"


def remember(recent: tuple[float, ...], loss: float, window: int) -> tuple[float, ...]:
    """Add a loss's logarithm to the last ones; one without a logarithm is left out."""
    if not (math.isfinite(loss) and loss > 0):
        return recent
    return (*recent, math.log(loss))[-window:]
