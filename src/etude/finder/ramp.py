"""The classic range test: raise the lr by the same factor at every update and read off a rate.

Here for comparison: it knows neither the schedule nor the length of the run, and a rate's harm
shows only updates later. The ramp is an ordinary run under an exponential warmup, so it touches
nobody's model, and its seeds are repeated like any other's.

| rule | what it reads off the smoothed loss |
|---|---|
| minimum | the lr of its minimum, over 10 |
| steepest | the lr of the steepest fall per log lr before the minimum |
| valley | the lr in the middle of its longest falling subsequence |

The test is Smith's (2017, "Cyclical learning rates for training neural networks"), the ramp and the
smoothing are Gugger's (2018, "How do you find a good learning rate"); fastai and others made the
rules known.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from etude.records import Array, Run
from etude.schedules import warmup
from etude.strategies import Strategy

UPDATES = 100
LOWEST, HIGHEST = 1e-7, 10.0
SMOOTHING = 0.98
"""Weight of the past in the smoothed loss."""
BLOWN_UP = 4.0
"""A smoothed loss of so many times its minimum ends the ramp."""
SETTLING = 10
"""First updates that nothing is read off: the average is still one of few losses."""
LEAST_POINTS = 5
"""Of fewer updates beyond these nothing is read off."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """A range test's smoothed loss over its lr, up to where it blew up."""

    lr: Array
    loss: Array
    blown_up: float | None
    """The lr at which the loss blew up; None where it did not."""


def ramp_of(family: Strategy) -> Strategy:
    """Give the strategy that is the ramp."""
    rise = warmup(UPDATES, start=LOWEST / HIGHEST, shape="exponential")
    return Strategy(
        optimizer=family.optimizer,
        peak_lr=HIGHEST,
        schedule=rise,
        options=family.options,
        batch_size=family.batch_size,
        clip=family.clip,
    )


def read(run: Run) -> Ramp:
    """Give a run's ramp.

    The smoothed loss is the exponential average with weight b = `SMOOTHING`, its bias from
    starting at 0 corrected as in Adam: m_t = b m + (1 - b) loss, over 1 - b^(t + 1).
    """
    lrs, losses = run.curve.lr, run.curve.loss
    smooth = np.empty(len(losses))
    average, lowest = 0.0, math.inf
    for t, loss in enumerate(losses):
        average = SMOOTHING * average + (1 - SMOOTHING) * float(loss)
        smooth[t] = average / (1 - SMOOTHING ** (t + 1))
        lowest = min(lowest, smooth[t])
        if not smooth[t] <= BLOWN_UP * lowest:
            return Ramp(lrs[:t], smooth[:t], float(lrs[t]))
    return Ramp(lrs, smooth, None)


def suggestions(ramp: Ramp) -> dict[str, float]:
    """Give what each rule reads off; nothing where the ramp is too short."""
    lrs, losses = ramp.lr[SETTLING:], ramp.loss[SETTLING:]
    if len(lrs) < LEAST_POINTS:
        return {}
    lowest = int(np.argmin(losses))
    slope = np.gradient(losses, np.log(lrs))
    falling = falling_subsequence(losses)
    return {
        "minimum": float(lrs[lowest]) / 10,
        "steepest": float(lrs[int(np.argmin(slope[: lowest + 1]))]),
        "valley": float(lrs[falling[len(falling) // 2]]),
    }


def falling_subsequence(values: Array) -> list[int]:
    """Give the places of a longest strictly falling subsequence, by patience sorting."""
    tails: list[float] = []
    places: list[int] = []
    before: list[int] = []
    for place, value in enumerate(-values):
        length = bisect_left(tails, float(value))
        before.append(places[length - 1] if length else -1)
        tails[length : length + 1] = [float(value)]
        places[length : length + 1] = [place]
    found: list[int] = []
    place = places[-1] if places else -1
    while place >= 0:
        found.append(place)
        place = before[place]
    return found[::-1]
