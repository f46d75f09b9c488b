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
NOT_THE_LR: tuple[Rule, ...] = (zero_gradients, initial_loss, labels, collapsed, vanishing)
"""Of these the first that has an answer is told: the others follow from it."""
RATE: tuple[Rule, ...] = (slow, high, plateau, oscillation, drop, noise, overfitting)
"""Rules about the lr and the length: not asked where one of the above has an answer."""
ALWAYS: tuple[Rule, ...] = (spikes, warmup, restart, exploding)

ALL: tuple[Rule, ...] = tuple(
    sorted((*BROKE, *NOT_THE_LR, *RATE, *ALWAYS), key=lambda rule: rule.CODE)
)


def pages() -> dict[str, tuple[str, str]]:
    """Give each rule's title and manual page, by its code."""
    texts = {rule.CODE: (rule.__doc__ or "").strip() for rule in ALL}
    return {code: (text.partition("\n")[0], text) for code, text in texts.items()}
