"""A diagnosis in the terminal and on the page."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from etude.readers import diagnose
from etude.records import Curve, Log, diagnosis_json
from etude.report import diagnosis_page, show_diagnosis
from etude.report.curve_chart import chart
from etude.report.diagnosis_words import sentence

AXE = Path(__file__).parent / "assets" / "axe.min.js"
VIEWS = {"desktop": (1280, 900), "phone": (360, 740)}

T = np.arange(1500.0)


def log(name, loss, lr=0.1):
    at = T[::75]
    return Log(name, f"{name}.csv", "csv", Curve(
        update=T, lr=np.full(T.size, lr), loss=loss, eval_update=at, val_loss=loss[::75] + 0.1
    ), {"loss": "loss [x]"}, notes=("a `note` of </script>",))  # fmt: skip


GOOD = 0.05 + 2.3 * np.exp(-T / 100)
ANSWER = diagnose(
    [log("good", GOOD), log("a [bold] </script> run", np.where(T < 900, GOOD, np.nan), 1.0)]
)


def printed(answer, width=80, encoding="utf-8"):
    content = io.BytesIO()
    file = io.TextIOWrapper(content, encoding=encoding)
    show_diagnosis(answer, Console(file=file, width=width, color_system=None))
    file.flush()
    return content.getvalue().decode(encoding)


def test_the_terminal_has_the_finding_and_keeps_to_its_width():
    text = printed(ANSWER)
    assert "1 error in 2 runs." in text
    assert "ED01 not-finite (error, updates 900 to 1,499)" in text
    assert "a [bold] </script> run" in text
    assert max(map(len, text.splitlines())) <= 80


def test_of_many_runs_only_those_with_findings_are_named():
    many = [log(f"good {i}", GOOD) for i in range(12)]
    text = printed(diagnose([*many, log("bad", np.where(T < 900, GOOD, np.nan))]))
    assert "bad: ED01 not-finite" in text
    assert "12 runs: nothing found" in text
    assert "good 3: nothing found" in printed(diagnose(many[:4]))


def test_what_the_log_alone_says_of_the_lr_stands_with_its_reason_and_its_caveat():
    slow = 2.3 - 0.5 * (T / T.size) ** 2 + np.random.default_rng(0).normal(0, 0.1, T.size)
    answer = diagnose(log("slow", slow))
    (run,) = answer.runs
    words = " ".join(printed(answer).split())
    page = diagnosis_page(answer)
    assert f"The lr, by this log alone: raise it ({run.reading.confidence:.0%} sure)" in words
    assert "· The lr is too low: " in words
    assert "· Read by its loss, which decided at most 21% of the small runs" in words
    assert "<h3>The lr, by this log alone: raise it (" in page
    assert "Read by its loss, which decided at most 21% of the small runs" in page
    written = diagnosis_json(answer)["runs"][0]["reading"]
    assert (written["action"], written["rule"]) == ("raise", "loss")
    assert written["caveat"] == run.reading.caveat
    assert "The lr, by this log alone: lower it\n· ED01 says so." in printed(ANSWER)


def test_a_terminal_without_unicode_gets_ascii():
    assert "ED01" in printed(ANSWER, encoding="ascii")


def test_the_chart_marks_the_span_under_its_updates():
    lines = list(chart(T, GOOD, [("ED99", (0, 749))], width=80, ascii_only=True))
    mark = lines[-1]
    assert mark.startswith("     ED99  |")
    assert mark.rstrip().endswith("|")
    assert len(mark.rstrip()) == pytest.approx(11 + 69 / 2, abs=1)
    assert list(chart(T[:1], GOOD[:1], [], width=80, ascii_only=True)) == []


def test_the_page_is_whole_and_ends_no_script_early():
    page = diagnosis_page(ANSWER, command="etude diagnose .")
    assert page.count("</script>") == 3
    assert "<code>note</code>" in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert data["runs"][1]["spans"] == [{"code": "ED01", "from": 900, "to": 1499, "level": "error"}]


def test_thinned_lines_keep_their_spikes():
    loss = GOOD.copy()
    loss[777] = 40
    page = diagnosis_page(diagnose(log("spiky", loss)))
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    line = data["runs"][0]["train"]
    assert len(line["x"]) <= 610
    assert line["y"][line["x"].index(777)] == 40


@pytest.mark.browser
@pytest.mark.parametrize("view", VIEWS)
def test_the_page_draws_fits_and_is_accessible(browser, view, tmp_path):
    width, height = VIEWS[view]
    file = tmp_path / "page.html"
    file.write_text(diagnosis_page(ANSWER), "utf-8")
    page = browser.new_page(viewport={"width": width, "height": height})
    troubles = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text))
    page.goto(file.as_uri())
    page.wait_for_selector("#loss-1 canvas")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.focus("#loss-0")
    page.keyboard.press("End")
    assert "training loss: update 1499" in page.inner_text("#live")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run().then((result) => result.violations.map((v) => v.id))")
    assert found == []
    assert troubles == []
    page.close()


def test_a_sentence_begins_with_a_capital_unless_with_a_name():
    assert sentence("the log ends.") == "The log ends."
    assert sentence("a.") == "A."
    for name in ("train.csv must be text", "lr=0.1 broke", "runs/a fell", "val_loss rises"):
        assert sentence(name) == f"{name}."
