"""`etude.diagnosis.rate`: what a log alone says about the lr, and where it holds its tongue."""

import re
from pathlib import Path

import numpy as np
import pytest

from etude.diagnosis import diagnose_log, rate
from etude.diagnosis.action import read_action
from etude.records import Action, Curve, Log

T = np.arange(300.0)
FALL = 0.5 + 2.0 * np.exp(-T / 60) + 0.01 * np.cos(7 * T)
# falls faster and faster, and so slowly that no rule is sure
SLOW = 2.3 - 0.5 * (T / T.size) ** 2 + np.random.default_rng(0).normal(0, 0.1, T.size)


def log(loss, *, gain=None, lr=0.1, unit="update", at=T, zeros=0.0, chance=None):
    gains = {}
    if gain is not None:
        gains = {
            "gain_update": at,
            "gain_ratio": np.full(at.size, gain),
            "zero_share": np.full(at.size, zeros),
        }
    curve = Curve(update=at, lr=np.full(at.size, lr), loss=loss, **gains)
    return Log("run", "", "csv", curve, unit=unit, chance=chance)


def reading(*args, **kwargs):
    return diagnose_log(log(*args, **kwargs)).reading


def test_a_model_that_is_sure_speaks_with_what_is_known_of_it():
    found = reading(SLOW)
    assert found.action is read_action(log(SLOW).curve).action is Action.RAISE
    assert "decided at most 21% of the small runs" in found.caveat
    assert "95.8% of these rightly" in found.caveat


def test_the_numbers_are_those_of_the_page():
    page = (Path(__file__).parents[2] / "docs" / "probe.md").read_text(encoding="utf-8")
    tables = page.partition("## Measured")[2]
    for name, title in (("loss and gain", "étude, loss and gain"), ("loss", "étude, loss alone")):
        _, _, after = tables.partition(title)
        row = re.search(r"\*\*the same, where sure\*\* \|[^|]*\| (\d+) % \| \*\*([\d.]+) %", after)
        assert (int(row[1]) / 100, float(row[2]) / 100) == pytest.approx(rate.MEASURED[name])


@pytest.mark.parametrize("seed", range(8))
def test_a_loss_that_stands_decides_nothing(seed):
    found = reading(2.3 + np.random.default_rng(seed).normal(0, 0.01, T.size))
    assert found.action is Action.UNDECIDED


def test_a_finding_that_names_a_direction_is_the_answer():
    broken = np.where(T < 250, FALL, np.nan)
    found = reading(broken)
    assert (found.action, found.rule, found.confidence) == (Action.LOWER, "ED01", 1.0)
    slow = reading(FALL, gain=1.0)
    assert (slow.action, slow.rule) == (Action.RAISE, "ED05")
    assert slow.caveat == ""


def test_where_something_else_is_wrong_the_lr_is_not_asked_about():
    found = reading(2.3 + 0.01 * np.cos(T), gain=1.0, zeros=1.0)
    assert found.action is Action.UNDECIDED
    assert found.sentence == "ED17 (zero-gradients) must be mended first"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"unit": "epoch"}, "only rows of updates are read"),
        ({"at": T + 5000}, "begins amid its run"),
        ({"lr": np.nan}, "no lr is logged"),
    ],
)
def test_a_log_unlike_those_that_were_measured_is_not_read(how, why):
    found = reading(SLOW, **how)
    assert found.action is Action.UNDECIDED
    assert why in found.sentence


def test_a_finding_and_a_sure_curve_that_contradict_each_other_cancel(monkeypatch):
    sure = read_action(log(SLOW).curve)
    assert sure.action is Action.RAISE
    monkeypatch.setattr(rate, "read_action", lambda _: sure)
    found = reading(np.where(T < 250, FALL, np.nan))
    assert found.action is Action.UNDECIDED
    assert found.sentence.startswith("ED01 would lower, but ")


def test_an_lr_that_is_logged_at_some_rows_only_is_read():
    every = log(SLOW).curve
    some = np.where(T % 10 == 0, 0.1, np.nan)
    some[200:] = np.where(T[200:] % 10 == 0, 0.001, np.nan)  # cut: the rest does not count
    sparse = Curve(update=T, lr=some, loss=every.loss)
    cut = Curve(update=T[:191], lr=every.lr[:191], loss=every.loss[:191])
    assert read_action(sparse).evidence == read_action(cut).evidence
