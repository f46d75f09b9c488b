import math

import numpy as np
import pytest

from etude.errors import ScheduleError
from etude.schedules import Span
from etude.schedules.units import Budget, number_text, read_span


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (500, 500),
        ("500", 500),
        (np.int64(500), 500),
        (0.05, Span(5, "%")),
        ("0.05", Span(5, "%")),
        ("5%", Span(5, "%")),
        (1.0, Span(100, "%")),
        (np.float64(0.07), Span(7, "%")),
        ("3ep", Span(3, "ep")),
        ("0.5ep", Span(0.5, "ep")),
        ("2000samples", Span(2000, "samples")),
        ("1e9tok", Span(1e9, "tok")),
        (Span(3, "ep"), Span(3, "ep")),
    ],
)
def test_a_span_is_read_as_it_is_written(written, meant):
    assert read_span("length", written) == meant
    assert read_span("length", str(meant)) == meant


@pytest.mark.parametrize(
    "bad",
    [0, -3, 0.0, 1.5, -0.1, math.nan, math.inf, True, None, "", "5 %", "3days", "200%", "1e999ep"],
)
def test_what_is_no_span_is_refused(bad):
    with pytest.raises(ScheduleError, match="cosine length must be a span > 0 such as 500"):
        read_span("cosine length", bad)


def test_a_position_may_be_zero():
    assert read_span("position", 0, zero=True) == 0
    assert read_span("position", "0%", zero=True) == Span(0, "%")


@pytest.mark.parametrize(
    ("span", "updates"),
    [
        (7, 7),
        (Span(5, "%"), 50),
        (Span(0.01, "%"), 1),  # 0.1 of an update is at least one
        (Span(0, "%"), 0),
        (Span(3, "ep"), 120),
        (Span(2000, "samples"), 63),  # 2000 / 32 = 62.5 rounds up
        (Span(1e6, "tok"), 244),  # 1e6 / 4096 = 244.14
    ],
)
def test_a_budget_turns_spans_into_updates(span, updates):
    budget = Budget(1000, epoch=40, batch_size=32, tokens=4096)
    assert budget.updates(span) == updates


def test_percents_are_rounded_as_the_decimals_that_were_written():
    # 28.5 % of 100 is 28.5, which rounds up; in binary it is 28.499999999999996
    assert Budget(100).updates(Span(28.5, "%")) == 29


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ("ep", r"3ep needs to know the updates per epoch: call .bind\(total, epoch=...\)"),
        ("samples", "samples per update: call .bind.total, batch_size=..."),
        ("tok", "tokens per update: call .bind.total, tokens=..."),
    ],
)
def test_a_unit_whose_worth_is_not_given_asks_for_it(unit, message):
    with pytest.raises(ScheduleError, match=message):
        Budget(100).updates(Span(3, unit))


@pytest.mark.parametrize("total", [0, -1, 2.5, "10", True])
def test_a_run_needs_updates(total):
    with pytest.raises(ScheduleError, match="a run must have a whole number >= 1 of updates, got"):
        Budget(total)


def test_an_update_needs_a_worth():
    with pytest.raises(ScheduleError, match="epoch must be a finite number > 0, got 0"):
        Budget(10, epoch=0)


def test_a_span_is_checked():
    with pytest.raises(ScheduleError, match="a unit must be %, ep, samples or tok, got 'days'"):
        Span(3, "days")
    with pytest.raises(ScheduleError, match="amount must be a finite number >= 0, got nan"):
        Span(math.nan, "ep")
    with pytest.raises(ScheduleError, match="at most 100%, got 101%"):
        Span(101, "%")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (500.0, "500"), (1e-5, "1e-5"), (1e9, "1e9"), (1 / 3, "0.3333333333333333")],
)
def test_a_number_is_written_short_and_reads_back(value, text):
    assert number_text(value) == text
    assert float(text) == value
