"""Quoted numbers."""

import math

import pytest

from etude.curriculum import recorded
from etude.curriculum.places import Place
from etude.curriculum.recorded import Measured, Recorded


@pytest.mark.parametrize(
    ("value", "how", "shown"),
    [
        (0.96666, "", "0.967"),
        (0.96666, "%", "96.7 %"),
        (1.0, "%", "100 %"),
        (0.000883, "%", "0.0883 %"),
        (-0.00704, "+", "-0.00704"),
        (0.0097, "+%", "+0.97 %"),
        (-0.352, "+p", "-35.2 points"),
        (4.3e-14, "", "4.3e-14"),
        (3e35, "", "3e35"),
        (148.0, "", "148"),
        (1545.0, "", "1545"),
        (0.0, "", "0"),
        (math.inf, "", "infinite"),
        (math.nan, "", "nan"),
        ((0.1, 0.05), "", "0.1, 0.05"),
        ("ValueError", "", "ValueError"),
    ],
)
def test_numbers_are_written_for_readers(value, how, shown):
    assert Measured(value).shown(how) == shown


def test_intervals_are_written():
    measured = Measured(0.01, -0.02, 0.04)
    assert measured.shown("ci") == "[-0.02, 0.04]"
    assert measured.shown("%ci") == "[-2 %, 4 %]"
    assert measured.shown("pci") == "[-2, 4]"


@pytest.mark.parametrize(
    ("sentence", "said", "interval"),
    [
        ("it ends at {value}", "it ends at 0.5", "[0.4, 0.6]"),
        ("it reaches {value:%}", "it reaches 50 %", "[40 %, 60 %]"),
        ("it gains {value:+p}", "it gains +50 points", "[40, 60]"),
        ("it collapses", "it collapses", "[0.4, 0.6]"),
    ],
)
def test_a_sentence_has_its_value_and_its_interval_in_one_unit(sentence, said, interval):
    measured = Measured(0.5, 0.4, 0.6)
    assert measured.said(sentence) == said
    assert measured.interval(sentence) == interval


def test_what_is_written_is_read_back(tmp_path):
    values = {
        "a/b": Measured(0.25, 0.2, 0.3),
        "a/c": Measured(math.inf, holds=False),
        "a/d": Measured((0.1, 0.2)),
        "a/e": Measured("KeyError"),
    }
    text = recorded.text_of(Recorded(values, {"date": "2026-01-01"}))
    (tmp_path / recorded.FILE).write_text(text, encoding="utf-8")
    back = recorded.read(tmp_path)
    assert {name: (each.value, each.holds) for name, each in back.values.items()} == {
        name: (each.value, each.holds) for name, each in values.items()
    }
    assert (back.values["a/b"].low, back.values["a/b"].high) == (0.2, 0.3)
    assert recorded.read(tmp_path / "nowhere").values == {}


def test_code_with_braces_is_left_alone():
    code = "print(f'{{x}} {{1:2}}')"
    assert recorded.quote(code, Recorded(), Place("x.md")) == (code, [])
