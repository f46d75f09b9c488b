"""`etude compare` as a person uses it, with good and with wrong input."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from etude.cli import main
from etude.store import Store

GOOD = """
import itertools

import torch
from etude import Task

inputs = torch.linspace(-1, 1, 64).unsqueeze(1)
task = Task(
    model=lambda: torch.nn.Linear(1, 1),
    loss=torch.nn.functional.mse_loss,
    train=(inputs, 3 * inputs + 1),
    batch_size=16,
    updates=40,
)
no_parameters = Task(model=torch.nn.ReLU, loss=task.loss, train=task.train)
empty = Task(model=task.model, loss=task.loss, train=(inputs[:0], inputs[:0]))
with_nan = Task(model=task.model, loss=task.loss, train=(inputs / 0 * 0, inputs))
vector_loss = Task(
    model=task.model, loss=torch.nn.MSELoss(reduction="none"), train=task.train
)
number = 3


def tired(function, at):
    calls = itertools.count(1)

    def called(*given):
        if next(calls) >= at:
            raise ValueError("too tired\\nto go on")
        return function(*given)

    return called


tired_metric = Task(
    model=task.model, loss=task.loss, train=task.train, metric=tired(lambda *_: 1.0, 4)
)
tired_loss = Task(model=task.model, loss=tired(task.loss, 41), train=task.train)
"""
QUICK = ["--updates", "20", "--seeds", "2", "--workers", "0"]
THREE = [word for lr in (0.03, 0.3, 1e30) for word in ("--strategy", f"sgd lr={lr} cosine")]

TWO = [*THREE[:4], "--updates", "100"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ETUDE_HOME", str(tmp_path / "home"))
    (tmp_path / "train.py").write_text(GOOD)
    (tmp_path / "broken.py").write_text("import torch\n\nraise RuntimeError('no data here')\n")
    return tmp_path


def etude(*words):
    return CliRunner().invoke(main, ["compare", *words], catch_exceptions=False)


def test_the_answer_names_the_winner_the_failures_and_the_code(folder):
    result = etude("train.py:task", *THREE, *QUICK)
    assert result.exit_code == 0
    assert "sgd lr=0.3 cosine" in result.output
    assert "diverged" in result.output
    assert "torch.optim.SGD" in result.output


def test_json_has_the_promised_keys_and_no_nan(folder):
    result = etude("train.py:task", *THREE, *QUICK, "--json", "out.json", "--quiet")
    assert result.exit_code == 0
    assert result.output == ""
    answer = json.loads((folder / "out.json").read_text(), parse_constant=pytest.fail)
    assert {"task", "settings", "versions", "ranking", "runs", "winner", "decisions"} <= set(answer)
    assert {"strategy", "outcome", "loss", "metric", "interval", "seeds"} <= set(
        answer["ranking"][0]
    )
    assert {"id", "strategy", "seed", "outcome", "updates", "loss", "metric"} <= set(
        answer["runs"][0]
    )
    assert set(answer["winner"]) == {"strategy", "code"}
    assert len(answer["runs"]) == 2 * len(answer["ranking"])
    assert answer["ranking"][-1]["outcome"] == "diverged"
    assert answer["ranking"][-1]["loss"] is None


def test_json_on_standard_output_is_nothing_but_json(folder):
    result = etude("train.py:task", *THREE[:2], *QUICK, "--json", "-")
    assert json.loads(result.stdout)["winner"]["strategy"] == "sgd lr=0.03 cosine"


CHATTY = """
class Chatty(torch.nn.Linear):
    def forward(self, inputs):
        print("called")
        return super().forward(inputs)

print("loaded")
chatty = Task(model=lambda: Chatty(1, 1), loss=task.loss, train=task.train, batch_size=16)
"""


@pytest.mark.parametrize("workers", ["0", "1"])
def test_what_a_users_code_prints_does_not_mix_with_json_on_standard_output(folder, workers):
    (folder / "train.py").write_text(GOOD + CHATTY)
    words = ["compare", "train.py:chatty", *THREE[2:4], *QUICK[:4], "--workers", workers]
    run = subprocess.run(
        [sys.executable, "-m", "etude", *words, "--json", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(run.stdout)["winner"]["strategy"] == "sgd lr=0.3 cosine"
    assert "loaded" in run.stderr
    assert "called" in run.stderr


def test_a_page_on_standard_output_is_nothing_but_the_page(folder):
    result = etude("train.py:task", *THREE[:2], *QUICK, "--html", "-")
    assert result.exit_code == 0
    assert result.stdout.startswith("<!doctype html>")
    assert result.stdout.rstrip().endswith("</html>")
    assert "wins on train.py:task" in result.stderr
    assert not (folder / "-").exists()


def test_the_report_is_written(folder):
    assert etude("train.py:task", *THREE, *QUICK, "--html", "report.html").exit_code == 0
    assert "sgd lr=0.3 cosine" in (folder / "report.html").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows closes pipes in its own way")
@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
def test_a_closed_pipe_changes_neither_the_files_nor_the_exit_code(folder, both):
    words = ["compare", "train.py:task", *THREE[:4], *QUICK, "--json", "1.json", "--html", "1.html"]
    reader, writer = os.pipe()
    os.close(reader)  # as `head` does when it has seen enough
    run = subprocess.run(
        [sys.executable, "-m", "etude", *words],
        stdout=writer, stderr=writer if both else subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writer)
    assert run.returncode == 0, run.stderr
    assert both or "Error" not in run.stderr
    assert json.loads((folder / "1.json").read_text())["winner"]["strategy"] == "sgd lr=0.3 cosine"
    assert (folder / "1.html").read_text().rstrip().endswith("</html>")


def test_an_answer_that_cannot_be_written_is_shown_all_the_same(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("etude.report.write_text_atomically", full)
    result = etude("train.py:task", *THREE[:4], *QUICK, "--json", "1.json")
    assert result.exit_code == 2
    assert "wins on train.py:task" in result.stdout
    assert "1.json must be a file that can be written" in result.stderr


def test_a_second_comparison_reuses_the_runs_and_says_so(folder):
    first = etude("train.py:task", *THREE, *QUICK, "--json", "1.json")
    second = etude("train.py:task", *THREE, *QUICK, "--json", "2.json")
    assert "reused" not in first.output
    assert "reused 6 of 6 runs" in second.output
    one, two = (json.loads((folder / name).read_text()) for name in ("1.json", "2.json"))
    assert one["ranking"] == two["ranking"]
    assert sorted(run["id"] for run in one["runs"]) == sorted(run["id"] for run in two["runs"])


def test_an_edited_task_is_trained_again(folder):
    etude("train.py:task", *THREE, *QUICK)
    (folder / "train.py").write_text(GOOD.replace("3 * inputs", "4 * inputs"))
    assert "reused" not in etude("train.py:task", *THREE, *QUICK).output


def test_an_edited_function_in_a_schedule_is_trained_again(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    words = ["train.py:task", "--strategy", "sgd lr=0.1 function rates_of_mine:rate", *QUICK]
    (folder / "rates_of_mine.py").write_text("def rate(t): return 1.0\n")
    etude(*words)
    assert "reused 2 of 2 runs" in etude(*words).output
    monkeypatch.setattr("rates_of_mine.rate", lambda t: 0.5)
    monkeypatch.setattr("rates_of_mine.rate.__module__", "rates_of_mine")
    monkeypatch.setattr("rates_of_mine.rate.__qualname__", "rate")
    assert "reused" not in etude(*words).output


def test_a_run_that_diverges_alike_at_any_length_is_stored_for_each(folder):
    words = ["train.py:task", "--strategy", "sgd lr=1e30", "--seeds", "1", "--workers", "0"]
    etude(*words, "--updates", "20")
    etude(*words, "--updates", "30")
    assert "reused 1 of 1 run of 30 updates" in etude(*words, "--updates", "30").output


def test_fresh_trains_all_runs_again(folder):
    etude("train.py:task", *THREE, *QUICK)
    assert "reused" not in etude("train.py:task", *THREE, *QUICK, "--fresh").output


def test_a_winner_at_the_edge_makes_the_grid_longer(folder):
    result = etude(
        "train.py:task", "--optimizers", "sgd", "--lrs", "0.001,0.003", "--schedules", "constant",
        *QUICK, "--json", "out.json",
    )  # fmt: skip
    answer = json.loads((folder / "out.json").read_text())
    assert answer["winner"]["strategy"] == "sgd lr=0.3 constant"
    assert "edge of its lr grid" in result.output
    *longer, last = answer["decisions"]
    assert len(longer) == 4
    assert "leads at the edge of its lr grid after 4 extensions" in last


def test_lists_are_split_where_a_strategy_begins(folder):
    etude(
        "train.py:task", "--optimizers", "sgd momentum=0.9, adam betas=0.9,0.95", "--lrs", "0.01",
        "--schedules", "multistep 30%,60% gamma=0.1, 1-sqrt; 0.5 * cosine", *QUICK,
        "--json", "out.json", "--quiet",
    )  # fmt: skip
    ranking = json.loads((folder / "out.json").read_text())["ranking"]
    assert len(ranking) == 6
    assert "adam lr=0.01 betas=0.9,0.95 1-sqrt" in [place["strategy"] for place in ranking]


def test_no_winner_is_exit_code_1(folder):
    result = etude("train.py:task", "--strategy", "sgd lr=1e30", *QUICK)
    assert result.exit_code == 1


BAD = {
    "an unknown task": (["digit"], "unknown task 'digit'.*digits"),
    "a missing file": (["nowhere.py:task"], "no file nowhere.py"),
    "a file without that name": (["train.py:tusk"], "no name 'tusk'; the Tasks in it: task"),
    "a file that raises": (["broken.py:task"], "broken.py:3 raised RuntimeError: no data here"),
    "no task": (["train.py:number"], "must be an etude Task"),
    "a model without parameters": (["train.py:no_parameters"], "must have trainable parameters"),
    "an empty data set": (["train.py:empty"], "at least one example"),
    "nan in the data": (["train.py:with_nan"], "must be finite"),
    "a loss that is not a scalar": (["train.py:vector_loss"], "loss must return a scalar"),
    "a metric that raises while engines are timed": (
        ["train.py:tired_metric", *TWO],
        r"must train to its end, but train.py:tired_metric raised ValueError: too tired \(strategy",
    ),
    "a loss that raises while engines are timed": (
        ["train.py:tired_loss", *TWO],
        r"must train to its end, but train.py:tired_loss raised ValueError: too tired \(strategy",
    ),
    "lr 0": (["train.py:task", "--lrs", "0"], "lr must be a finite number above 0, got lr=0"),
    "lr nan": (["train.py:task", "--lrs", "nan"], "above 0, got lr=nan"),
    "lr abc": (["train.py:task", "--lrs", "abc"], "above 0, got lr='abc'"),
    "no updates": (["train.py:task", "--updates", "0"], "at least 1 update, got updates=0"),
    "no seeds": (["train.py:task", "--seeds", "0"], "at least one seed"),
    "seeds in words": (["train.py:task", "--seeds", "many"], "a count or a list"),
    "a schedule longer than the run": (
        ["train.py:task", "--updates", "50", "--strategy", "sgd lr=0.1 warmup 60 -> cosine"],
        "at least 61 updates, the run has 50",
    ),
    "a store that cannot be written": (["train.py:task", "--store", "train.py"], "train.py"),
    "a strategy that does not parse": (
        ["train.py:task", "--strategy", "sgd lr=0.1 warmup 5% -> cosin"],
        r"cosine",
    ),
    "a schedule that does not parse": (["train.py:task", "--schedules", "stepp 3"], "step"),
    "an unknown metric": (["train.py:task", "--metric", "bleu"], "ranked by loss"),
    "a batch larger than the data": (["train.py:task", "--batch-size", "65"], "51|batch"),
    "a report in a folder that takes none": (
        ["train.py:task", "--json", "/proc/out.json"],
        "a folder that (can be written|exists)",  # no /proc on a Mac
    ),
    "a function that gives no number": (
        ["train.py:task", "--strategy", "sgd lr=0.1 function os:getcwd"],
        "must give a number at each t, at t = 0 it raised TypeError",
    ),
    "an optimizer with an lr of its own": (
        ["train.py:task", "--optimizers", "adamw lr=0.1"],
        "takes its lr and schedule from their lists",
    ),
    "a report in no folder": (["train.py:task", "--html", "no/report.html"], "does not; make it"),
    "two answers on one output": (
        ["train.py:task", "--json", "-", "--html", "-"],
        "only one of --json and --html can be -, which is standard output",
    ),
    "a budget of no time": (["train.py:task", "--budget", "0s"], "more than no time, got '0s'"),
    "a budget without a race": (
        ["train.py:task", "--budget", "9000", "--exhaustive"],
        "a budget limits a race, and an exhaustive comparison is none, got budget='9000'",
    ),
    "a device without numbers": (["train.py:task", "--device", "meta"], "device 'meta' cannot"),
    "an unknown device": (["train.py:task", "--device", "tpu9"], "device"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_sentence_and_exit_code_2(folder, words, message):
    result = etude(*words, "--workers", "0")
    assert result.exit_code == 2, result.output
    assert re.search(message, result.output, re.DOTALL), result.output
    assert "Traceback" not in result.output
    assert (folder / "train.py").read_text() == GOOD


def test_an_error_in_a_text_points_at_the_character(folder):
    lines = etude("train.py:task", "--strategy", "sgd lr=0.1 cosin").output.splitlines()
    text = next(k for k, line in enumerate(lines) if "sgd lr=0.1 cosin" in line)
    assert lines[text + 1].index("^") == lines[text].index("cosin")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_ctrl_c_ends_cleanly_and_keeps_what_is_done(folder):
    command = [
        sys.executable, "-m", "etude", "compare", "train.py:task", "--updates", "20000",
        "--seeds", "40", "--strategy", "sgd lr=0.1", "--json", "out.json",
        "--engine", "serial",  # whose runs end one by one
    ]  # fmt: skip
    watcher = folder / "home" / "runs.db"
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    while not _has_runs(watcher):
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
            pytest.fail(f"it ended before a run did: {process.communicate()[0]}")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert "interrupted" in output
    answer = json.loads((folder / "out.json").read_text())
    assert not answer["complete"]
    assert 1 <= len(answer["runs"]) < 40
    again = etude("train.py:task", "--updates", "20000", "--seeds", "2", "--strategy", "sgd lr=0.1")
    assert "reused" in again.output


def _has_runs(database: Path) -> bool:
    if not database.exists():
        return False
    with Store.open(str(database)) as store:
        return bool(store.runs(limit=1))
