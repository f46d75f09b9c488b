import json
import re

import pytest

from etude.errors import EtudeError
from etude.report.schedules import (
    apart,
    apart_in_words,
    drawn,
    numbers,
    page,
    png,
    shown_updates,
)
from etude.schedules.conventions import read


def line(text, updates=12, **options):
    return drawn(text, read(text, updates), updates, **options)


def test_values_are_multipliers_or_rates():
    assert line("linear 4").values[:2] == (1.0, 0.75)
    assert line("linear 4", peak_lr=0.1).values[:2] == pytest.approx((0.1, 0.075))
    found = dict(numbers(line("linear 4", 4, peak_lr=0.1), 0.1))
    assert found["first"] == "0.1"
    assert found["area"] == "2.5 of 4 updates at the peak (62.5%)"


def test_a_difference_is_said_with_where_and_how_much():
    first, other = line("warmup 3 -> cosine"), line("hf: cosine warmup=3")
    assert apart(first, other) == (pytest.approx(1 / 3), 0)
    assert apart_in_words(first, other) == (
        "differs from a at 3 updates, most at update 0, by 0.333"
    )
    assert apart_in_words(first, line("warmup 3 -> cosine 9")) == "the same as a"


def test_a_table_shows_few_updates_and_where_lines_are_apart():
    assert shown_updates([line("cosine")]) == list(range(12))
    many = [line("step 657", 1000), line("constant", 1000)]
    shown = shown_updates(many)
    assert {0, 657, 999} <= set(shown)
    assert len(shown) <= 14


def test_the_page_holds_all_and_needs_no_network():
    lines = [line("hf: cosine warmup=3"), line("warmup 3 -> cosine")]
    html = page(lines, "2 <compared>", "multiplier", None)
    assert "2 &lt;compared&gt;" in html
    assert "the first update has rate 0" in html
    assert "Differs from a at 3 updates" in html
    assert not re.findall(r'(?:src|href)="(?!#)', html)
    data = json.loads(re.search(r'id="data">(.*?)</script>', html)[1])
    assert [one["label"] for one in data["lines"]] == ["a", "b"]
    assert data["lines"][0]["y"][:4] == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=1e-5)


def test_a_png_needs_matplotlib_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(EtudeError, match=r"a PNG needs matplotlib.*or write --svg or --html"):
        png([line("cosine")], "title", "multiplier", tmp_path / "a.png")


def test_a_png_is_one(tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    png([line("cosine"), line("linear")], "title", "multiplier", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(EtudeError, match="cannot write"):
        png([line("cosine")], "title", "multiplier", tmp_path / "none" / "a.png")
