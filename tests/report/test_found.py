"""The answer of a search for the lr, in the terminal and on the page."""

import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from etude.records import (
    BatchScaling,
    Found,
    LrRange,
    Measured,
    NoiseScale,
    Outcome,
    Stability,
    Trial,
    found_json,
)
from etude.report import found_page, show_found
from etude.report.found_words import beside, headline, interval, loss_by_lr, rate
from etude.report.lr_chart import HEIGHT, chart

AXE = Path(__file__).parent / "assets" / "axe.min.js"
VIEWS = {"desktop": (1280, 900), "phone": (360, 740)}


LRS = (0.01, 0.018, 0.032, 0.056, 0.1, 0.18, 0.32, 0.56)


def made_up_range(optimizer="sgd momentum=0.9", best=0.056, **changes):
    """Give a range whose losses are a parabola around `best` and that fails from 0.56 on."""
    trials = tuple(
        Trial(
            lr,
            seed,
            updates,
            0.1 + math.log10(lr / best) ** 2 + 0.01 * seed,
            Outcome.COLLAPSED if lr >= 0.56 else Outcome.IMPROVING,
        )
        for updates in (30, 180)
        for lr in LRS
        for seed in (0, 1)
    )
    made = LrRange(
        optimizer=optimizer,
        schedule="cosine",
        batch_size=64,
        updates=600,
        suggestion=Measured(0.04, 0.03, 0.053),
        low=Measured(0.021, 0.02, 0.022),
        high=Measured(0.2, 0.1, 0.4),
        failure=Measured(0.56, 0.32, math.nan),
        strategy=f"{optimizer} lr=0.04 cosine",
        code="import torch  # </script> must survive the page\n",
        start=2.3,
        best=((30, 0.1), (180, best)),
        trials=trials,
        cost=sum(trial.updates for trial in trials),
        stability=Stability(0.04, (0, 18), (2.0, 4.0), (0.95, math.inf), "it survives."),
        noise=NoiseScale(
            (0, 18),
            (Measured(117, 96, 150), Measured(math.inf, math.inf, math.inf)),
        ),
        notes=("measured on copies",),
    )
    return replace(made, **changes)


def made_up(*ranges, **changes):
    ranges = ranges or (made_up_range(), made_up_range("adamw [x]", 0.018))
    found = Found(
        task={"name": "digits", "about": "handwritten digits", "chance": 2.3026, "train": 1437},
        settings={
            "method": "ladder",
            "updates": 600,
            "schedule": "cosine",
            "seeds": [0, 1],
            "batch_sizes": [],
            "command": "etude find digits",
        },
        versions={"etude": "0"},
        ranges=ranges,
        decisions=("decided",),
        cost={"runs": 64, "updates": 6720, "reused": 3, "trained": 6700},
    )
    return replace(found, **changes)


def printed(found, width=80, encoding="utf-8"):
    bytes_ = io.BytesIO()
    file = io.TextIOWrapper(bytes_, encoding=encoding)
    console = Console(file=file, width=width, color_system=None)
    show_found(found, console)
    file.flush()
    return bytes_.getvalue().decode(encoding)


def test_the_terminal_says_where_to_start_where_it_is_usable_and_where_it_fails():
    text = printed(made_up())
    assert "sgd momentum=0.9 lr=0.04 cosine is where to start on digits" in text
    assert "0.03 to 0.053" in text
    assert "0.021 to 0.2" in text
    assert "0.32 to –" in text
    assert "adamw [x]" in text  # no markup
    assert "import torch  # </script>" in text
    assert "117" not in text
    assert "120 (96 to 150) after 0" in " ".join(text.split())
    assert "too large to be measured after 18" in " ".join(text.split())
    assert "as much as 11.2 runs of 600 updates; 3 runs came" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_a_terminal_without_unicode_gets_ascii():
    text = printed(made_up(), encoding="ascii")
    assert "where to start" in text


def test_without_a_usable_rate_it_says_so():
    nothing = made_up_range(suggestion=None, low=None, high=None, strategy="", code="")
    found = made_up(nothing)
    assert headline(found) == ("", "No usable learning rate was found on digits.")
    assert "No usable learning rate" in printed(found)
    assert "No usable learning rate" in found_page(found)


def test_the_chart_has_its_lowest_point_at_the_best_rate_and_crosses_where_copies_failed():
    lines = list(chart(made_up_range(), width=80))
    rows = lines[1 : HEIGHT + 1]
    assert rows[0].count("✗") == 1
    assert sum(row.count("●") for row in rows) == len(LRS) - 1
    # Where the best rate's point is, the suggestion's mark lies left of it, inside the bar.
    lowest = rows[-1].index("●")
    bar = lines[-1]
    assert bar.index("├") < bar.index("◆") < lowest < bar.index("┤")


def test_losses_by_lr_are_means_and_infinite_where_a_copy_failed():
    found = dict(loss_by_lr(made_up_range(), 180))
    assert found[0.056] == pytest.approx(0.105)
    assert found[0.56] == math.inf


def test_numbers_are_written_with_two_digits():
    assert [rate(value) for value in (0.12345, 3.2, math.inf, math.nan)] == [
        "0.12",
        "3.2",
        "∞",
        "–",
    ]
    assert interval(Measured(1, math.nan, math.nan)) == "no interval"


def test_rules_of_a_range_test_are_listed():
    rules = {"valley": Measured(0.01, 0.005, 0.02)}
    ramp = replace(made_up_range(), rules=rules, best=(), stability=None)
    assert "The valley rule says 0.01 (0.005 to 0.02)." in beside(ramp)


def test_the_page_is_whole_and_ends_no_script_early():
    page = found_page(made_up())
    assert page.count("</script>") == 3
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert data["ranges"][0]["range"] == [0.021, 0.04, 0.2]
    assert data["ranges"][0]["failed"] == [0.56]


def test_batch_sizes_have_a_table():
    scaling = BatchScaling(
        "sgd", (16, 64), (Measured(0.1, 0.05, 0.2), None), (0.1, 0.4), (0.1, 0.2), None, "it went"
    )
    found = made_up(scaling=(scaling,))
    for text in (printed(found), found_page(found)):
        assert "square-root rule" in text
        assert "It went." in text or "it went." in text


def test_json_holds_no_nan():
    text = json.dumps(found_json(made_up()), allow_nan=False)
    assert json.loads(text)["ranges"][0]["failure"]["high"] is None


@pytest.fixture(params=VIEWS)
def page(browser, request, tmp_path):
    width, height = VIEWS[request.param]
    file = tmp_path / "found.html"
    file.write_text(found_page(made_up()), "utf-8")
    opened = browser.new_page(viewport={"width": width, "height": height})
    troubles = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda message: troubles.append(message.text))
    opened.on("request", lambda asked: troubles.append(asked.url) if "file:" not in asked.url
              and not asked.url.startswith("data:") else None)  # fmt: skip
    opened.goto(file.as_uri())
    opened.wait_for_selector("#loss-chart canvas")
    yield opened
    assert troubles == []
    opened.close()


@pytest.mark.browser
def test_it_draws_and_does_not_scroll_sideways(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "usable from 0.021 to 0.2, start from 0.04" in page.inner_text("#loss-summary")


@pytest.mark.browser
def test_axe_finds_nothing(page):
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run().then((result) => result.violations.map((v) => v.id))")
    assert found == []


@pytest.mark.browser
def test_arrow_keys_read_the_suggestion_aloud(page):
    page.focus("#loss-chart")
    page.keyboard.press("ArrowUp")  # the last line: the usable range of the last optimizer
    page.keyboard.press("ArrowRight")
    assert "start from 0.04" in page.inner_text("#live")
