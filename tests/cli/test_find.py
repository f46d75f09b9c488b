"""`etude find` as a person uses it, with good and with wrong input."""

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from etude.cli import main

GOOD = """
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


class Stubborn(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, given):
        print("a user's model may print")
        return given * 0 + self.weight * 0 + 2


unteachable = Task(model=Stubborn, loss=task.loss, train=task.train, batch_size=16, updates=40)
"""
QUICK = ["--updates", "40", "--seeds", "1", "--workers", "0", "--optimizers", "sgd"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ETUDE_HOME", str(tmp_path / "home"))
    (tmp_path / "train.py").write_text(GOOD)
    return tmp_path


def etude(*words):
    return CliRunner().invoke(main, ["find", *words], catch_exceptions=False)


def test_the_answer_has_the_rate_its_range_the_chart_and_code_that_runs(folder):
    result = etude("train.py:task", *QUICK)
    assert result.exit_code == 0
    assert "is where to start on train.py:task" in result.output
    assert "◆" in result.output
    assert "torch.optim.SGD" in result.output
    code = result.stdout[result.stdout.index('"""sgd') : result.stdout.index("To run it again")]
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder
    )
    assert ran.returncode == 0, ran.stderr
    assert "loss" in ran.stdout


def test_files_hold_the_answer_and_quiet_says_nothing(folder):
    result = etude("train.py:task", *QUICK, "--quiet", "--json", "a.json", "--html", "a.html")
    assert result.output == ""
    data = json.loads((folder / "a.json").read_text())
    (found,) = data["ranges"]
    assert found["low"]["value"] <= found["suggestion"]["value"] <= found["high"]["value"]
    assert data["settings"]["command"].startswith("etude find train.py:task")
    assert "<title>train.py:task: sgd lr=" in (folder / "a.html").read_text()


def test_the_second_time_all_runs_come_from_the_store(folder):
    etude("train.py:task", *QUICK)
    again = etude("train.py:task", *QUICK)
    assert re.search(r"reused \d+ of \d+ runs", " ".join(again.output.split()))
    fresh = etude("train.py:task", *QUICK, "--fresh")
    assert "reused" not in fresh.output


def test_json_on_standard_output_is_alone_there(folder):
    result = etude("train.py:unteachable", *QUICK, "--json", "-")
    assert json.loads(result.stdout)["ranges"][0]["suggestion"] is None
    assert "a user's model may print" in result.stderr


def test_without_a_usable_rate_the_exit_code_is_1(folder):
    result = etude("train.py:unteachable", *QUICK)
    assert result.exit_code == 1
    assert "No usable learning rate was found" in result.output


def test_the_range_test_lists_its_rules(folder):
    result = etude("diabetes", *QUICK[2:], "--method", "ramp")
    assert result.exit_code == 0
    for rule in ("minimum", "steepest", "valley"):
        assert f"The {rule} rule says" in result.output


def test_batch_sizes_have_a_table(folder):
    result = etude("train.py:task", *QUICK, "--batch-sizes", "8,16")
    assert result.exit_code == 0
    assert "square-root rule" in result.output
    assert "batch size ^" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "unknown task 'nowhere'"),
        (["digits", "--optimizers", "sdg"], "did you mean sgd"),
        (["digits", "--optimizers", "sgd lr=0.1"], "takes its lr and schedule"),
        (["digits", "--schedule", "cosinus"], "cosin"),
        (["digits", "--seeds", "x"], "seeds must be a count"),
        (["digits", "--batch-sizes", "16,big"], "whole numbers such as 16,64,256"),
        (["digits", "--batch-sizes", "16", "--method", "ramp"], "method=ladder"),
        (["digits", "--method", "guess"], "'guess' is not one of"),
        (["digits", "--updates", "0"], "at least 1 update"),
        (["digits", "--device", "tpu9"], "cannot be used"),
        (["digits", "--engine", "steam"], "an engine is"),
        (["digits", "--html", "no/such/folder.html"], "must lie in a folder that exists"),
        (["digits", "--html", "-", "--json", "-"], "only one of"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(folder, words, said):
    result = etude(*words)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert "Traceback" not in result.output
