"""The rules, one a file; each file's docstring is the rule's manual page.

The order is that of the questions. Did the run break? Is it something else than the lr: the scale
of data and weights, layers without gradient, labels? Only then: is the lr right?
"""

from etude.diagnosis.rule import Rule
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

BROKE: tuple[Rule, ...] = (non_finite, diverging)
NOT_THE_LR: tuple[Rule, ...] = (zero_gradients, initial_loss, collapsed, labels, vanishing)
RATE: tuple[Rule, ...] = (slow, high, plateau, oscillation)
"""Rules about the lr: not asked where one of the above has an answer."""
OTHERS: tuple[Rule, ...] = (spikes, drop, warmup, restart, overfitting, exploding, noise)

ALL: tuple[Rule, ...] = tuple(
    sorted((*BROKE, *NOT_THE_LR, *RATE, *OTHERS), key=lambda rule: rule.CODE)
)


def pages() -> dict[str, tuple[str, str]]:
    """Give each rule's title and manual page, by its code."""
    found: dict[str, tuple[str, str]] = {}
    for rule in ALL:
        title, _, rest = (rule.__doc__ or "").partition("\n")
        found[rule.CODE] = (f"{rule.NAME}: {title.partition(': ')[2]}", rest.strip() + "\n")
    return found
