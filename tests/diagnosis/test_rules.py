"""Each rule: a curve that it must catch, the same in another unit, and healthy ones left alone.

The curves are computed: a law, and noise of a known deviation from a fixed seed.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from etude.diagnosis import findings, pages
from etude.diagnosis.rules import ALL
from etude.records import Curve, Level

ROWS = 400
T = np.arange(ROWS, dtype=float)


def noise(deviation, rows=ROWS, seed=0):
    return np.exp(np.random.default_rng(seed).normal(0, deviation, rows))


def curve(loss, lr=0.01, **columns):
    loss = np.asarray(loss, dtype=float)
    rows = loss.size
    rates = np.broadcast_to(np.asarray(lr, dtype=float), rows).copy()
    return Curve(update=np.arange(rows, dtype=float), lr=rates, loss=loss, **columns)


def power(deviation=0.03, seed=0):
    """A healthy language model's: fast, then slow, without end."""
    return (2 + 8 * (1 + T / 5) ** -0.6) * noise(deviation, seed=seed)


def exponential(deviation=0.05, seed=0):
    return (0.05 + 2.3 * np.exp(-T / 40)) * noise(deviation, seed=seed)


def cosine(peak=0.01):
    return peak * 0.5 * (1 + np.cos(np.pi * T / ROWS))


def validated(at, values):
    return {"eval_update": np.asarray(at, float), "val_loss": np.asarray(values, float)}


def gains(ratio, zero=0.2, count=40):
    at = np.linspace(0, ROWS - 1, count).round()
    return {
        "gain_update": at,
        "gain_ratio": np.full(count, float(ratio)),
        "zero_share": np.full(count, float(zero)),
    }


def codes(given, **options):
    return [finding.code for finding in findings(given, **options)]


EVALS = np.linspace(0, ROWS - 1, 21).round()
HALF = T < ROWS / 2
STAYED = np.where(T < 20, 2.3 * np.exp(T / 20), 2.33) * noise(0.01)

CAUGHT = {
    "ED01": curve(np.where(T < 300, exponential(), np.nan)),
    "ED02": curve(exponential() * np.exp(np.maximum(T - 300, 0) / 15)),
    "ED03": curve(exponential() * np.where(np.isin(T, (150, 220)), 9, 1)),
    "ED04": curve((1 + 2 * np.exp(-T / 10) + 0.4 * np.sin(T / 5)) * noise(0.02)),
    "ED05": curve(2.3 - 0.002 * T + 0.01 * np.random.default_rng(0).normal(size=ROWS)),
    "ED06": curve(np.where(T < 60, 2.3 * np.exp(-T / 30), 1) * noise(0.02)),
    "ED07": curve((1.6 + 0.7 * np.exp(-T / 10)) * noise(0.01)),
    "ED08": curve(
        10 * (1 + np.where(T < 100, T, 100 + (T - 100) / 100)) ** -0.5 * noise(0.01),
        lr=np.where(T < 100, 0.01, 1e-4),
    ),
    "ED09": curve(exponential() * np.where(T < 20, 1 + T / 4 * (20 - T) / 20, 1)),
    "ED10": curve(
        np.where(T < 350, 2.3 * np.exp(-T / 100), 0.3) * noise(0.02),
        lr=np.where(T < 350, cosine(), 0.01),
    ),
    "ED11": curve(exponential(), **validated(EVALS, 1 + np.abs(EVALS - 100) / 200)),
    "ED12": curve(power(), grad_norm=np.where(T < 200, 1, 300) * noise(0.1)),
    "ED13": curve((2.3 - np.minimum(T, 30) / 60) * noise(0.01), grad_norm=np.exp(-T / 20)),
    "ED14": curve(STAYED, grad_norm=np.where(T < 20, 1, 0.01) * noise(0.1)),
    "ED15": curve((2 - T / 1000) * noise(0.5)),
    "ED17": curve(2.3 * noise(0.01), **gains(0.98, zero=1.0)),
    "ED18": curve(
        (2.3 - T / 500) * noise(0.02), **validated(EVALS, 2.3 + EVALS / 800)
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", CAUGHT)
def test_each_rule_catches_its_curve(code):
    assert code in codes(CAUGHT[code])


@pytest.mark.parametrize("code", CAUGHT)
@pytest.mark.parametrize("unit", [1e-3, 1e4])
def test_in_another_unit_the_findings_are_the_same(code, unit):
    given = CAUGHT[code]
    scaled = replace(given, loss=unit * given.loss, val_loss=unit * given.val_loss)
    assert codes(scaled) == codes(given)


def test_the_initial_loss_is_compared_with_chance():
    given = curve(200 * exponential())
    assert codes(given, chance=2.3) == ["ED16"]
    assert codes(given) == []


@pytest.mark.parametrize("ratio", [(1.0, "ED05"), (0.1, "ED06"), (-0.5, "ED06")])
def test_the_gain_ratio_tells_too_low_from_too_high(ratio):
    value, code = ratio
    assert code in codes(curve(power(), **gains(value)))


def test_a_good_gain_ratio_says_nothing():
    assert codes(curve(power(), **gains(0.8))) == []


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("deviation", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("law", [power, exponential])
@pytest.mark.parametrize("lr", [0.01, cosine(), np.minimum(T / 20, 1) * cosine()])
def test_healthy_curves_are_left_alone(law, deviation, seed, lr):
    given = curve(law(deviation, seed), lr, **validated(EVALS, 1.1 * power(0.005, seed)[::20][:21]
                  if law is power else 0.1 + 2.2 * np.exp(-EVALS / 40)))  # fmt: skip
    sure = [each for each in findings(given) if each.level is not Level.HINT]
    assert sure == []


def test_a_cut_on_a_noise_floor_and_a_restart_that_pays_are_no_findings():
    lr = np.where(HALF, 0.01, 0.001)
    floor = np.where(HALF, 0.5 + 2 * np.exp(-T / 20), 0.1 + 0.4 * np.exp(-(T - 200) / 10))
    assert codes(curve(floor * noise(0.05), lr)) == []
    cycles = 0.01 * 0.5 * (1 + np.cos(np.pi * (T % 200) / 200))
    assert codes(curve(exponential(0.05), cycles)) == []


def test_other_causes_come_before_the_lr():
    """A network whose layers get no gradient has a gain ratio of 1: raising the lr is no remedy."""
    assert codes(curve(2.3 * noise(0.01), **gains(1.0, zero=1.0))) == ["ED17"]


def test_a_log_that_begins_amid_a_run_is_not_asked_how_far_it_came():
    given = curve(2.3 * noise(0.001))
    late = replace(given, update=given.update + 10_000)
    assert "ED07" in codes(given)
    assert codes(late) == []


def test_the_span_is_where_it_was_seen():
    (found,) = findings(CAUGHT["ED01"])
    assert found.span == (300, 399)
    assert found.evidence["first"] == 300
    (spikes,) = (each for each in findings(CAUGHT["ED03"]) if each.code == "ED03")
    assert spikes.span == (150, 220)
    assert spikes.evidence["spikes"] == 2


def test_infinite_norms_now_and_then_are_a_loss_scaler_at_work():
    norms = np.ones(ROWS)
    norms[[3, 90, 300]] = np.inf
    assert codes(curve(exponential(), grad_norm=norms)) == []
    norms[:40] = np.inf
    assert codes(curve(exponential(), grad_norm=norms)) == ["ED01"]


def test_codes_are_stable_and_every_page_answers_the_four_questions():
    assert [rule.code for rule in ALL] == [f"ED{number:02}" for number in range(1, 19)]
    assert len({rule.name for rule in ALL}) == len(ALL)
    for _, page in pages().values():
        for question in (
            "What it sees.", "Why it matters.", "What to try.", "What would refute it."
        ):  # fmt: skip
            assert page.count(f"\n{question}") == 1


numbers = st.floats(width=32) | st.sampled_from([0.0, math.nan, math.inf, -1.0, 1e300, 1e-300])


@given(data=st.data(), rows=st.integers(0, 120), evaluations=st.integers(0, 12))
def test_no_curve_is_too_strange(data, rows, evaluations):
    def column(size):
        return data.draw(arrays(np.float64, size, elements=numbers))

    strange = Curve(
        update=np.arange(rows, dtype=float), lr=column(rows), loss=column(rows),
        grad_norm=column(rows), update_ratio=column(rows),
        eval_update=np.arange(evaluations, dtype=float), val_loss=column(evaluations),
        val_metric=column(evaluations), val_spread=column(evaluations),
        gain_update=np.arange(evaluations, dtype=float), gain_ratio=column(evaluations),
        zero_share=column(evaluations),
    )  # fmt: skip
    for found in findings(strange, chance=2.3):
        assert found.span[0] <= found.span[1]
        assert found.message
