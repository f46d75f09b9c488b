"""What the README shows works as it stands there."""

import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from etude.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = re.findall(r"^\$ etude (compare .*?[^\\])$", README, flags=re.MULTILINE | re.DOTALL)
SCHEDULES = Path(__file__).parents[1] / "docs" / "schedules.md"


def schedule_commands(text):
    return re.findall(r"^\$ etude (schedule .*?[^\\])$", text, flags=re.MULTILINE | re.DOTALL)


DRAWN = schedule_commands(README) + schedule_commands(SCHEDULES.read_text(encoding="utf-8"))


def test_the_readme_has_what_is_tested_here():
    assert len(BLOCKS) == 2
    assert len(COMMANDS) == 3
    assert len(DRAWN) == 6


@pytest.mark.parametrize("command", DRAWN)
def test_the_commands_for_schedules_work(command, tmp_path, monkeypatch):
    import shlex

    monkeypatch.chdir(tmp_path)
    words = shlex.split(command.replace("\\\n", " "))
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "schedule.html").exists() == ("schedule.html" in words)


def test_the_examples_on_the_page_of_schedules_run():
    first, second = re.findall(
        r"```python\n(.*?)```", SCHEDULES.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    names = {"optimizer": optimizer, "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 3)}
    exec(first + second, names)
    assert names["found"].t == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_for_ones_own_model_work(command, tmp_path, monkeypatch):
    import shlex

    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(BLOCKS[0])
    words = shlex.split(command.replace("\\\n", " "))
    quick = ["--updates", "100", "--seeds", "1", "--workers", "0", "--store", "runs.db"]
    result = CliRunner().invoke(main, [*words, *quick], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    for name in ("report.html", "result.json"):
        assert (tmp_path / name).exists() == (name in words)


def test_the_schedule_example_runs(capsys):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    names = {"optimizer": optimizer}
    exec(BLOCKS[1], names)
    assert "def multiplier" in capsys.readouterr().out
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 50)


def test_the_picture_is_there():
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (Path(__file__).parents[1] / picture).exists()
