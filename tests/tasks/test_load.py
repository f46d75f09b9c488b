"""etude.tasks.load"""

import pickle
import re
import sys

import pytest

from etude.errors import TaskError
from etude.tasks import Task, load_task, prepare

GOOD = """
import torch
from torch import nn
from torch.nn import functional
from etude import tasks

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)
    def forward(self, x):
        return self.layer(x)

x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
task = tasks.Task(Net, functional.mse_loss, (x, x.sum(1, keepdim=True)))
other = task
number = 3

def make(size=1):
    return task

def needy(size):
    return task

def failing():
    raise KeyError("inside")

if __name__ == "__main__":
    raise SystemExit("ran as a script")
"""


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("etude_task_"):
            del sys.modules[name]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize("name", ["task", "make"])
def test_a_task_in_a_file_is_named_after_the_file(file, name):
    task = load_task(f"{file}:{name}")
    assert isinstance(task, Task)
    assert task.name == f"train.py:{name}"
    assert prepare(task).parameters == 3


def test_classes_of_a_file_can_be_pickled(file):
    task = load_task(f"{file}:task")
    assert type(pickle.loads(pickle.dumps(task.model()))) is task.model


def test_a_file_may_import_its_neighbours(tmp_path):
    (tmp_path / "etude_neighbour.py").write_text(
        "from etude.tasks import seed_line\nt = seed_line()"
    )
    (tmp_path / "train.py").write_text("from etude_neighbour import t as task")
    assert load_task(f"{tmp_path / 'train.py'}:task").name == "train.py:task"


def test_an_edited_file_is_read_again(file):
    assert load_task(f"{file}:task").batch_size == 32
    file.write_text(
        GOOD + "\nfrom dataclasses import replace\ntask = replace(task, batch_size=5)\n"
    )
    assert load_task(f"{file}:task").batch_size == 5


def test_an_unknown_name_gets_the_closest_offered():
    with pytest.raises(TaskError, match=r"unknown task 'digit': did you mean digits.*etude tasks"):
        load_task("digit")
    with pytest.raises(TaskError, match="unknown task 'zzz': `etude tasks` lists"):
        load_task("zzz")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{folder}/nothing.py:task", "no file .*nothing.py"),
        ("{folder}/notes.txt:task", r"must be a Python file \(\.py\), given .*notes\.txt"),
        ("{folder}/train.py", "add the Task's name"),
        ("{folder}/train.py:absent", "has no name 'absent'; the Tasks in it: task, other"),
        ("{folder}/train.py:number", "train.py:number must be an etude Task.* of type int"),
        ("{folder}/train.py:Net", "train.py:Net must be an etude Task.* of type type"),
        ("{folder}/train.py:needy", "callable without arguments, it needs size"),
        ("{folder}/train.py:failing", r"train\.py:26 raised KeyError: 'inside'"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_sentence(file, spec, message):
    with pytest.raises(TaskError, match=message) as caught:
        load_task(spec.format(folder=file.parent))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ny = x / 0\n", r"bad\.py:2 raised ZeroDivisionError: division by zero"),
        ("x = (\n", r"bad\.py:1 raised SyntaxError: '\(' was never closed"),
        ("import etude_no_such_module\n", r"bad\.py:1 raised ModuleNotFoundError: No module named"),
        ("\n\nraise SystemExit(3)\n", r"bad\.py:3 raised SystemExit: 3"),
        ("import json\njson.loads('{')\n", r"bad\.py:2 raised JSONDecodeError"),
        ("task = 5 if __name__ == '__main__' else None\n", "of type NoneType"),
    ],
)
def test_a_file_that_raises_is_named_with_its_line(tmp_path, source, message):
    path = tmp_path / "bad.py"
    path.write_text(source)
    with pytest.raises(TaskError, match=message) as caught:
        load_task(f"{path}:task")
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_failed_file_leaves_no_module_behind(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("1 / 0")
    with pytest.raises(TaskError, match=re.escape("ZeroDivisionError")):
        load_task(f"{path}:task")
    assert not [name for name in sys.modules if name.startswith("etude_task_bad")]
