"""`etude diagnose --probe`."""

import json

import pytest
import torch
from click.testing import CliRunner

from etude.cli import main
from etude.strategies import strategy
from etude.tasks import load_task, prepare
from etude.training import Plan, SerialCohort


@pytest.fixture
def run():
    def call(*args):
        return CliRunner().invoke(main, ["diagnose", *args])

    return call


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A run of seed-line under a rate a hundred times too low, saved as a user would."""
    prepared = prepare(load_task("seed-line"))
    cohort = SerialCohort(prepared, [Plan(strategy("sgd lr=0.0001"), 0)], updates=50)
    cohort.advance(20)
    ((_, state),) = cohort.state()["runs"]
    path = tmp_path_factory.mktemp("saved") / "last.pt"
    torch.save({"model": state["model"], "optimizer": state["optimizer"]}, path)
    return str(path)


def test_a_checkpoint_is_probed_and_the_answer_written(run, checkpoint, tmp_path):
    files = tmp_path / "probe.json", tmp_path / "probe.html"
    asked = ["--probe", "seed-line", "--checkpoint", checkpoint, "--updates", "30"]
    answer = run(*asked, "--json", str(files[0]), "--html", str(files[1]))
    assert answer.exit_code == 1, answer.output
    assert "raise lr 0.0001" in answer.output
    found = json.loads(files[0].read_text())
    assert found["action"] == "raise"
    assert found["updates"] == 30
    assert "fork test" in files[1].read_text()


def test_a_task_is_probed_under_a_strategy(run):
    asked = "--at", "20", "--updates", "20", "--length", "60"
    answer = run("--probe", "seed-line", "--strategy", "sgd lr=0.0001", *asked)
    assert answer.exit_code == 1, answer.output
    assert "after 20 updates" in answer.output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--probe", "seed-line"), "needs its strategy"),
        (("--probe", "nowhere", "--strategy", "sgd lr=1"), "nowhere"),
        (("--probe", "seed-line", "--strategy", "sgd lr=x"), "lr"),
        (("--probe", "seed-line", "--checkpoint", "absent.pt"), "there is no absent.pt"),
        (("--probe", "seed-line", "run.csv"), "reads no log"),
        (("--checkpoint", "last.pt"), "--checkpoint needs --probe"),
        (("--probe", "seed-line", "--strategy", "sgd lr=0.1", "--updates", "2"), "at least 6"),
    ],
)
def test_a_mistake_is_a_sentence_and_exit_2(run, args, said):
    answer = run(*args)
    assert answer.exit_code == 2, answer.output
    assert said in answer.output
    assert "Traceback" not in answer.output
