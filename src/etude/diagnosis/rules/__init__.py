"""The rules, one a file; each file's docstring is the rule's manual page.

The order is that of the questions. Did the run break? Is it something else than the lr: the scale
of data and weights, layers without gradient, labels? Only then: is the lr right?
"""

from types import ModuleType

from etude.diagnosis.rule import Rule, rule
from etude.diagnosis.rules import (
    collapsed,
    diverging,
    drop,
    exploding,
    high,
    initial_loss,
    labels,
    noise,
    non_finite,
    oscillation,
    overfitting,
    plateau,
    restart,
    slow,
    spikes,
    vanishing,
    warmup,
    zero_gradients,
)


def _rules(*modules: ModuleType) -> tuple[Rule, ...]:
    return tuple(map(rule, modules))


BROKE = _rules(non_finite, diverging)
ELSEWHERE = _rules(zero_gradients, initial_loss, labels)
"""Causes that no lr mends."""
NOT_THE_LR = ELSEWHERE + _rules(collapsed, vanishing)
"""Of these the first that has an answer is told: the others follow from it."""
RATE = _rules(slow, high, plateau, oscillation, drop, noise, overfitting)
"""Rules about the lr and the length: not asked where one of the above has an answer."""
ALWAYS = _rules(spikes, warmup, restart, exploding)

ALL = tuple(sorted((*BROKE, *NOT_THE_LR, *RATE, *ALWAYS), key=lambda each: each.code))


def pages() -> dict[str, tuple[str, str]]:
    """Give each rule's title and manual page, by its code."""
    return {each.code: (each.page.partition("\n")[0], each.page) for each in ALL}
