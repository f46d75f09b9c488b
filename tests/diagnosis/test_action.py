"""`etude.diagnosis.action`: what a curve says about its lr, whatever the unit of the loss."""

from dataclasses import replace

import numpy as np
import pytest

from etude.diagnosis.action import ACTIONS, Model, expanded, judged, models, read_action
from etude.diagnosis.features import gain_features, kendall_tau, loss_features
from etude.records import Action, Curve

ROWS = 300
T = np.arange(ROWS, dtype=float)
DRAW = np.random.default_rng(0)
NOISE = np.exp(0.05 * DRAW.standard_normal(ROWS))


def curve(loss, gain=None, zeros=0.0, lr=0.1):
    """A curve whose gain is measured every fifth update."""
    measured = T[: len(loss) : 5] if gain is not None else np.empty(0)
    return Curve(
        update=T[: len(loss)],
        lr=np.broadcast_to(np.asarray(lr, float), (len(loss),)),
        loss=np.asarray(loss, float),
        gain_update=measured,
        gain_ratio=np.broadcast_to(np.asarray(gain, float), measured.shape).copy(),
        zero_share=np.full(measured.shape, zeros),
    )


SLOW = 2.3 * np.exp(-T / 3000) * NOISE
GOOD = (2.3 * np.exp(-T / 40) + 0.05) * NOISE
USEFUL = np.resize([0.5, 0.7, 0.8, 0.9], ROWS // 5)
RATTLING = np.exp(0.5 * DRAW.standard_normal(ROWS)) * 2.3


@pytest.mark.parametrize(
    ("loss", "gain", "action"),
    [(SLOW, 1.0, Action.RAISE), (RATTLING, 0.05, Action.LOWER)],
)
def test_textbook_curves_are_read_as_in_the_textbook(loss, gain, action):
    reading = read_action(curve(loss, gain))
    assert reading.action is action, reading
    assert reading.rule == "loss and gain"
    assert reading.confidence >= models()["loss and gain"].least[action.value]


@pytest.mark.parametrize("unit", [1e-6, 100.0, 1e9])
def test_the_unit_of_the_loss_does_not_matter(unit):
    for loss, gain in ((SLOW, 1.0), (GOOD, USEFUL), (RATTLING, 0.05)):
        one, other = (read_action(curve(loss * by, gain)) for by in (1, unit))
        assert one.action is other.action
        assert one.evidence == pytest.approx(other.evidence, abs=1e-6)


def test_what_is_not_finite_is_too_high():
    reading = read_action(curve([1.0, 2.0, np.inf]))
    assert (reading.action, reading.rule) == (Action.LOWER, "not finite")


def test_gradients_that_were_never_there_are_not_the_rate():
    flat = 2.3 * NOISE
    assert read_action(curve(flat, np.nan, zeros=1.0)).action is Action.NOT_RATE
    died = curve(flat, np.nan, zeros=1.0)
    died.zero_share[0] = 0.2
    reading = read_action(died)
    assert (reading.action, reading.rule) == (Action.LOWER, "gradient died")


def test_a_loss_that_falls_is_not_called_dead_by_one_parameter():
    assert read_action(curve(GOOD * np.exp(-T / 100), 0.8, zeros=1.0)).rule == "loss and gain"


def test_a_short_log_is_undecided():
    reading = read_action(curve(GOOD[:20]))
    assert (reading.action, reading.rule) == (Action.UNDECIDED, "too short")
    assert read_action(Curve()).action is Action.UNDECIDED


def test_only_the_part_at_the_peak_counts():
    # A cosine's end cools any run down; what is read is where the lr is at half of its peak.
    lr = 0.05 * (1 + np.cos(np.pi * T / ROWS))
    half = int(np.flatnonzero(lr >= 0.05)[-1]) + 1
    cooled = GOOD.copy()
    cooled[half:] *= 1e-3
    whole, part = read_action(curve(cooled, 0.8, lr=lr)), read_action(curve(GOOD[:half], 0.8))
    assert whole.evidence == pytest.approx(part.evidence)


def test_an_unlikely_action_is_not_given():
    features = ("gain",)
    model = Model(
        features,
        np.zeros(2),
        np.ones(2),
        np.array([[1.0, 0], [0, 0], [-1.0, 0]]),
        np.zeros(3),
        {action.value: 0.6 for action in ACTIONS},
    )
    found = {"gain": 0.0, "late_share": 0.0, "progress": 9.0}
    assert judged(model, "loss", found).action is Action.UNDECIDED
    assert judged(model, "loss", found | {"gain": 3.0}).action is Action.RAISE
    # exp(1) / (exp(1) + 1 + exp(-1)) = 0.665
    assert model.probabilities({"gain": 1.0})[Action.RAISE] == pytest.approx(0.6652, abs=1e-4)
    assert judged(replace(model, least=dict.fromkeys(model.least, 0.7)), "loss", found).confidence


def test_expanded_gives_values_and_all_their_products():
    assert expanded([2.0, 3.0]).tolist() == [2, 3, 4, 6, 9]


def test_features_of_a_straight_fall():
    # log L falls by one unit from the first block to the last of twenty.
    found = loss_features(np.exp(-T / ROWS))
    assert found["late_tau"] == -1
    assert found["rising"] == 0
    assert found["draw_up"] == 0
    # the last half has 9 of the 19 steps between blocks
    assert found["late_share"] == pytest.approx(9 / 19)


def test_a_gain_lost_in_rounding_counts_as_a_straight_line():
    assert gain_features(np.full(10, np.nan))["gain"] == 1
    assert gain_features(np.array([0.2] * 10))["gain_low"] == pytest.approx(0.2)


def test_kendall_tau_of_known_orders():
    assert kendall_tau(np.array([1.0, 2, 3])) == 1
    # one falling pair of three
    assert kendall_tau(np.array([1.0, 3, 2])) == pytest.approx(1 / 3)
