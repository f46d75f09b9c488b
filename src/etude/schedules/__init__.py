"""Schedules: the multiplier of the peak lr as a pure function of the update index t, from 0.

A schedule is a frozen value. Build one with a function of this module or from text; join with
`a >> b` (one after another) and `a * b` (update by update); turn percents and epochs into
updates with `.bind(total)`; then call it with a number, a numpy array or a torch tensor:

    >>> schedule = (warmup("5%") >> cosine()).bind(1000)
    >>> schedule == parse("warmup 5% -> cosine").bind(1000)
    True
    >>> schedule(0), schedule(49), schedule(1000), schedule(2000)
    (0.02, 1.0, 0.0, 0.0)

After its end a schedule holds its last value. All multipliers are finite and >= 0.
"""

from etude.schedules.base import Schedule
from etude.schedules.codec import from_json
from etude.schedules.compose import Product, Sequence
from etude.schedules.cycles import cosine_wave, cyclic, one_cycle, restarts
from etude.schedules.functions import function
from etude.schedules.hyperbolas import growth, inverse_time
from etude.schedules.knots import points
from etude.schedules.shapes import (
    constant,
    cosine,
    exponential,
    inverse_sqrt,
    linear,
    one_minus_sqrt,
    polynomial,
)
from etude.schedules.staircases import multistep, step
from etude.schedules.text import parse
from etude.schedules.units import Span
from etude.schedules.warmups import warmup, wsd

__all__ = [
    "Product",
    "Schedule",
    "Sequence",
    "Span",
    "constant",
    "cosine",
    "cosine_wave",
    "cyclic",
    "exponential",
    "from_json",
    "function",
    "growth",
    "inverse_sqrt",
    "inverse_time",
    "linear",
    "multistep",
    "one_cycle",
    "one_minus_sqrt",
    "parse",
    "points",
    "polynomial",
    "restarts",
    "step",
    "warmup",
    "wsd",
]
