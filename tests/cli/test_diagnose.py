"""`etude diagnose` and `etude explain` as a person uses them, with good and with wrong input."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from etude.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ETUDE_HOME", str(tmp_path / "home"))
    return tmp_path


def etude(*words):
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


def put(name, loss, lr=0.1):
    rows = "".join(f"{t},{value},{lr}\n" for t, value in enumerate(loss))
    with open(name, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("step,train_loss,lr\n" + rows)


GOOD = 0.05 + 2.3 * np.exp(-np.arange(200) / 20)
BAD = np.where(np.arange(200) < 150, GOOD, math.nan)


def test_a_healthy_run_exits_with_0(folder):
    put("log.csv", GOOD)
    result = etude("diagnose", "log.csv")
    assert result.exit_code == 0
    assert "Nothing was found in 1 run" in result.output
    assert "read as csv; loss = train_loss, lr, step" in result.output


def test_a_finding_has_its_span_its_remedy_and_exit_1(folder):
    put("log.csv", BAD)
    result = etude("diagnose", "log.csv", "--html", "page.html", "--json", "answer.json")
    assert result.exit_code == 1
    for part in ("ED01 not-finite (error, updates 150 to 199)", "├", "Try: go back", "Refuted if"):
        assert part in result.output
    answer = json.loads((folder / "answer.json").read_text())
    (run,) = answer["runs"]
    assert run["findings"][0]["code"] == "ED01"
    assert run["columns"] == {"loss": "train_loss", "lr": "lr", "step": "step"}
    assert "ED01" in (folder / "page.html").read_text("utf-8")


def test_several_runs_give_a_sweep(folder):
    for lr, level in ((0.1, 0.2), (1.0, 0.9)):
        put(f"run_{lr}.csv", level + 2 * np.exp(-np.arange(200) / 20), lr)
    result = etude("diagnose", ".")
    assert "Lr 0.1 was best" in result.output
    assert "too high" in result.output


def test_a_log_that_cannot_be_read_leaves_the_others_and_exits_with_2(folder):
    put("log.csv", GOOD)
    (folder / "bad.csv").write_bytes(b"\xff\xfe\x00")
    result = etude("diagnose", "log.csv", "bad.csv", "nothing.csv", "--json", "answer.json")
    assert result.exit_code == 2
    assert "Nothing was found in 1 run" in result.output
    assert "nothing.csv is not" in " ".join(result.output.split())
    assert len(json.loads((folder / "answer.json").read_text())["failed"]) == 2
    assert etude("diagnose", "bad.csv", "nothing.csv").exit_code == 2


def test_json_goes_to_standard_output_alone(folder):
    put("log.csv", BAD)
    result = etude("diagnose", "log.csv", "--json", "-")
    assert json.loads(result.stdout)["runs"][0]["name"] == "log"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.csv"], "a log must be a file or folder that is there, but nothing.csv is not"),
        (["log.csv", "--loss", "cost"], "--loss must name a column of the log, got 'cost'"),
        (["log.csv", "--format", "excel"], "--format must be one of"),
        (["log.csv", "--chance", "0"], "--chance must be a loss above 0"),
        (["log.csv", "--html", "no/page.html"], "must lie in a folder that exists"),
        (["abcdef123456"], "a store must be there to be read"),
        ([], "a store must be there to be read"),
    ],
)
def test_wrong_input_ends_in_a_sentence_and_exit_2(folder, words, said):
    put("log.csv", GOOD)
    result = etude("diagnose", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_explain_lists_the_rules_and_shows_a_page(folder):
    listed = etude("explain")
    assert listed.exit_code == 0
    assert "ED03  Loss spikes" in listed.output
    page = etude("explain", "ed03", "ED18")
    assert page.output.startswith("ED03: Loss spikes")
    assert "What would refute it." in page.output
    wrong = etude("explain", "ED99")
    assert wrong.exit_code == 2
    assert "got 'ED99'" in wrong.output
