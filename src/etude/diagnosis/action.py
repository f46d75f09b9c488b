"""Should the lr be raised, kept or lowered? What a run's own signals say, or that they do not.

First come questions that rules answer: is the loss finite, has every parameter a gradient? What
is left is judged by a logistic regression on the few numbers of `features` and their products,
fitted to runs whose best rate is known (`bench/diagnosis.py --fit`, which measures it on tasks that
it was not fitted to). Where no action is likely enough the answer is "undecided": then a fork test
decides, by experiment.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from etude.diagnosis.features import (
    GAIN_FEATURES,
    LEAST_GAINS,
    LEAST_ROWS,
    LOSS_FEATURES,
    gain_features,
    loss_features,
)
from etude.diagnosis.statistics import block_medians, falling_p_value
from etude.records import Action, Array, Curve, Reading

MOVED = math.asinh(3)
"""Progress below which a loss hardly moved beyond its noise: three noises, squashed."""
SIGNIFICANT = 0.05
"""A loss that falls this surely moves, whatever its gradients."""
ACTIONS = (Action.RAISE, Action.KEEP, Action.LOWER)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A logistic regression on features and their products."""

    features: tuple[str, ...]
    mean: Array
    """Of each feature and product in the runs it was fitted to."""
    scale: Array
    """Their standard deviation."""
    weights: Array
    """[actions, features and products]."""
    bias: Array
    """[actions]."""
    least: dict[str, float]
    """Probability from which each action is given."""

    def probabilities(self, found: dict[str, float]) -> dict[Action, float]:
        """Give the probability of each action."""
        row = (expanded([found[name] for name in self.features]) - self.mean) / self.scale
        scores = self.weights @ np.clip(row, -4, 4) + self.bias
        shares = np.exp(scores - scores.max())
        return dict(zip(ACTIONS, (shares / shares.sum()).tolist(), strict=True))


def expanded(values: list[float]) -> Array:
    """Give values, then all products of two of them."""
    pairs = combinations_with_replacement(values, 2)
    return np.array([*values, *(first * second for first, second in pairs)])


@cache
def models() -> dict[str, Model]:
    """Read the fitted models: "loss and gain" and "loss"."""
    text = files("etude.diagnosis").joinpath("action.json").read_text(encoding="utf-8")
    return {name: _model(parts) for name, parts in json.loads(text)["models"].items()}


def _model(parts: dict[str, Any]) -> Model:
    arrays = {name: np.array(parts[name]) for name in ("mean", "scale", "weights", "bias")}
    return Model(features=tuple(parts["features"]), least=parts["least"], **arrays)


def read_action(curve: Curve) -> Reading:
    """Say what a run's curve says about its lr.

    Only the part counts in which the lr is at least half of its peak: rules and models are for a
    rate that stays.
    """
    if (ruled := by_rule(curve)) is not None:
        return ruled
    loss, gain = _steady(curve)
    if loss.size < LEAST_ROWS:
        sentence = f"{loss.size} recorded updates near the peak lr are too few; {LEAST_ROWS} do"
        return Reading(Action.UNDECIDED, 0.0, "too short", sentence, {})
    found = loss_features(loss)
    name = "loss"
    if gain.size >= LEAST_GAINS:
        found |= gain_features(gain)
        name = "loss and gain"
    return judged(models()[name], name, found)


def judged(model: Model, name: str, found: dict[str, float]) -> Reading:
    """Give a model's action for features, or none where it is not likely enough."""
    chances = model.probabilities(found)
    action = max(chances, key=chances.__getitem__)
    chance = chances[action]
    if chance >= model.least[action.value]:
        return Reading(action, chance, name, f"{_SAYS[action]}: {_why(found)}", found)
    said = " or ".join(each.value for each, p in chances.items() if p > 0.1)  # noqa: PLR2004 - worth a word
    sentence = f"{said} by its {name}, no surer than {chance:.0%}: {_why(found)}"
    return Reading(Action.UNDECIDED, chance, name, sentence, found)


_SAYS = {
    Action.RAISE: "the lr is too low",
    Action.KEEP: "the lr is right",
    Action.LOWER: "the lr is too high",
}


def _why(found: dict[str, float]) -> str:
    late = max(0.0, min(1.0, found["late_share"]))
    parts = [f"{late:.0%} of its fall came in the last half"]
    if found["progress"] < MOVED:
        parts = ["its loss hardly moved beyond its noise"]
    if "gain" in found:
        parts.append(f"an update gains {found['gain']:.2f} of what its gradient predicts")
    return " and ".join(parts)


def by_rule(curve: Curve) -> Reading | None:
    """Answer what needs no model."""
    if curve.loss.size and not math.isfinite(curve.loss[-1]):
        sentence = f"the loss is not finite at update {curve.update[-1]:.0f}"
        return Reading(Action.LOWER, 1.0, "not finite", sentence, {})
    zeros = curve.zero_share[curve.zero_share.size // 2 :]
    levels = block_medians(curve.loss[curve.loss.size // 2 :])
    if zeros.size == 0 or (zeros < 1).any() or falling_p_value(levels) < SIGNIFICANT:
        return None
    said = "a parameter's gradient is exactly 0 at every update looked at in the last half"
    if curve.zero_share[0] < 1:
        sentence = f"{said}; it had one at the start, so the lr killed it"
        return Reading(Action.LOWER, 1.0, "gradient died", sentence, {})
    sentence = f"{said} and from the start: no lr moves it"
    return Reading(Action.NOT_RATE, 1.0, "no gradient", sentence, {})


def _steady(curve: Curve) -> tuple[Array, Array]:
    """Give losses and gains from the first to the last update at half of the peak lr or more."""
    lr = np.nan_to_num(curve.lr, nan=0.0)  # a log may tell it at some rows only
    high = np.flatnonzero((lr >= lr.max(initial=0) / 2) & (lr > 0))
    if high.size == 0:
        return curve.loss, curve.gain_ratio
    first, last = curve.update[high[0]], curve.update[high[-1]]
    rows = (curve.update >= first) & (curve.update <= last)
    gains = (curve.gain_update >= first) & (curve.gain_update <= last)
    return curve.loss[rows], curve.gain_ratio[gains]


FEATURES = {"loss and gain": LOSS_FEATURES + GAIN_FEATURES, "loss": LOSS_FEATURES}
"""Which features each model takes."""
