"""A curve as the rules see it: cleaned, on a unit-free scale, cut into blocks and segments.

Every rule asks the same few things, and asks them here, so that no rule has a notion of noise of
its own. Heights are log losses: a difference of 0.1 is 10 % in any unit of the loss. What lies
below `FLOOR` of the start is the floor, for nothing is to be gained there.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from etude.diagnosis.statistics import BLOCKS, block_medians, falling_p_value, noise, theil_sen
from etude.records import Array, Curve

FLOOR = 1e-3
"""Share of the loss at the start under which differences are no longer looked at."""
FEW = 20
"""Rows under which noise and trend cannot be told apart."""
JUMP = 1.5
"""A step of the lr by this factor, with rest on both sides, is a change and no schedule's slope."""
REST = 0.1
"""Rest: the lr moves by less than this share of the jump beside it, in logarithms."""
RESTART = 3.0
"""A rise of the lr by this factor, back to where it once was, is a restart."""
ALIVE = 0.1
"""Share of the peak lr under which the schedule, not the loss, has ended the progress."""
SIGNIFICANT = 0.01
LATE = 0.05
"""A log whose first row comes after this share of its last begins amid a run."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What rules look at. Build it with `view`."""

    curve: Curve
    chance: float | None
    unit: str
    at: Array
    """Updates of the rows up to the first loss that is not finite."""
    loss: Array
    heights: Array
    """Log losses of these rows; in shares of the run's own fall where losses are not positive."""
    levels: Array
    """Block medians of the heights, [min(BLOCKS, rows)]."""
    noise: float
    """Standard deviation of a level."""
    step_noise: float
    """Standard deviation of a single row around its neighbours."""
    drops: tuple[int, ...] = field(default=())
    """Rows at which the lr falls abruptly."""
    rises: tuple[int, ...] = field(default=())
    """Rows at which the lr rises to where it once was."""

    @property
    def rows(self) -> int:
        """Rows with a finite loss."""
        return self.at.size

    @property
    def few(self) -> bool:
        """Are there too few rows to tell noise from trend?"""
        return self.rows < FEW

    @property
    def peak(self) -> float:
        """Highest lr; nan where none was logged."""
        known = self.curve.lr[np.isfinite(self.curve.lr)]
        return float(known.max()) if known.size else math.nan

    @property
    def fall(self) -> float:
        """How far the height fell from the start to its end; negative where it rose."""
        return float(self.levels[0] - self.levels[-1]) if self.levels.size else 0.0

    @property
    def attained(self) -> float:
        """Share of the way from the start to zero loss that was made.

        nan where losses are negative, or where the log begins amid a run: its start is not known.
        """
        if not self.from_start or self.loss.min() < 0:
            return math.nan
        start, end = float(self.loss[:1].max()), self.end
        return 1 - end / start if start > 0 else float(end <= 0)

    @property
    def end(self) -> float:
        """Loss at the end: the median of the last tenth."""
        return float(np.median(self.loss[-max(1, self.rows // 10) :])) if self.rows else math.nan

    @property
    def home(self) -> float:
        """Height of knowing nothing: the untrained model's, as evaluated where that was done."""
        val, logs = self.curve.val_loss, self.rows > 0 and self.loss.min() >= 0
        if logs and val.size and self.curve.eval_update[0] == 0 and 0 < val[0] < math.inf:
            return math.log(val[0])
        return float(np.median(self.heights[:3]))

    @property
    def from_start(self) -> bool:
        """Does the log begin where the run did?"""
        return bool(self.rows) and self.at[0] <= LATE * self.at[-1]

    @property
    def alive(self) -> slice:
        """The rows from the end of the warmup to where the lr has nearly gone."""
        lr = self.curve.lr[: self.rows]
        known = np.isfinite(lr) & (lr >= ALIVE * self.peak)
        if not known.any():
            return slice(0, self.rows)
        places = np.flatnonzero(known)
        return slice(int(places[0]), int(places[-1]) + 1)

    @property
    def warmup(self) -> int:
        """Rows before the lr first reaches its peak, where it rises to it within a third."""
        lr = self.curve.lr[: self.rows]
        if not lr.size or not np.isfinite(lr).all() or self.peak <= 0:
            return 0
        first = int(np.argmax(lr >= 0.99 * self.peak))
        rising = first > 0 and first <= self.rows / 3 and lr[0] < 0.5 * self.peak
        return first if rising else 0

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Give the updates of two rows."""
        last = min(max(last, 0), self.rows - 1)
        return int(self.at[min(first, last)]), int(self.at[last])


@dataclass(frozen=True, slots=True)
class Trend:
    """Where the heights of some rows go."""

    slope: float
    """Theil-Sen, heights over the whole stretch."""
    falls: bool
    rises: bool
    noise: float
    """Of one block median."""


def view(curve: Curve, *, chance: float | None = None, unit: str = "update") -> View:
    """Look at a curve.

    Args:
        curve: what a run recorded.
        chance: loss of the best constant predictor, where it is known.
        unit: what its rows count.
    """
    bad = ~np.isfinite(curve.loss)
    rows = int(np.argmax(bad)) if bad.any() else curve.loss.size
    at, loss, lr = curve.update[:rows], curve.loss[:rows], curve.lr[:rows]
    heights = heights_of(loss)
    drops, rises = changes(lr)
    levels = block_medians(heights)
    return View(
        curve=curve,
        chance=chance,
        unit=unit,
        at=at,
        loss=loss,
        heights=heights,
        levels=levels,
        noise=noise(levels),
        step_noise=_step_noise(heights),
        drops=drops,
        rises=rises,
    )


def heights_of(loss: Array) -> Array:
    """Give log losses; of losses that are not all positive, their place in the run's own range."""
    if not loss.size:
        return loss
    if loss.min() >= 0 and loss.max() > 0:
        start = float(np.median(loss[: max(1, loss.size // BLOCKS)]))
        return np.log(np.maximum(loss, FLOOR * (start or float(loss.max()))))
    low, high = np.percentile(loss, [1, 99])
    return (loss - low) / (high - low) if high > low else np.zeros_like(loss)


def _step_noise(heights: Array) -> float:
    """Estimate the noise of single rows: 1.4826 MAD of second differences over sqrt(6).

    Second differences are free of any slope, and those of white noise have six times its variance.
    """
    if heights.size < 5:  # noqa: PLR2004 - three second differences
        return 0.0
    bends = np.diff(heights, n=2)
    return float(1.4826 * np.median(np.abs(bends - np.median(bends))) / math.sqrt(6))


def smooth(heights: Array) -> Array:
    """Give the medians of each three neighbours, at least one."""
    if heights.size < 3:  # noqa: PLR2004 - three neighbours
        return np.atleast_1d(np.median(heights))
    return np.median(np.stack([heights[:-2], heights[1:-1], heights[2:]]), axis=0)


def trend(heights: Array) -> Trend:
    """Tell where heights go, by blocks."""
    levels = block_medians(heights)
    if levels.size < 4:  # noqa: PLR2004 - fewer show no order
        return Trend(0.0, falls=False, rises=False, noise=0.0)
    slope = theil_sen(levels) * levels.size
    falls = falling_p_value(levels) < SIGNIFICANT
    rises = falling_p_value(-levels) < SIGNIFICANT
    return Trend(slope, falls, rises, noise(levels))


def changes(lr: Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give the rows at which the lr falls abruptly, and those at which it restarts.

    The slope of a schedule is no change: before and after a fall the lr must rest.
    """
    if lr.size < 3 or not (np.isfinite(lr) & (lr > 0)).any():  # noqa: PLR2004 - rest on both sides
        return (), ()
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(lr > 0, lr, np.nan))
    steps = np.diff(logs)
    sizes = np.nan_to_num(np.abs(steps), nan=0.0)
    before, after = np.append(0.0, sizes[:-1]), np.append(sizes[1:], 0.0)
    rest = np.maximum(before, after) <= REST * sizes
    drops = np.flatnonzero((np.nan_to_num(steps) <= -math.log(JUMP)) & rest) + 1
    known = np.where(np.isfinite(lr), lr, 0.0)
    highest = np.maximum.accumulate(known)
    back = (known[1:] >= RESTART * known[:-1]) & (known[1:] >= 0.3 * highest[:-1])
    rises = np.flatnonzero(back & (highest[:-1] > RESTART * known[:-1])) + 1
    return tuple(map(int, drops)), tuple(map(int, rises))
