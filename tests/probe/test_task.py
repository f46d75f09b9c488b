"""`etude.probe` on a task's run and on a checkpoint of it."""

import numpy as np
import pytest
import torch

from etude.diagnosis.action import read_action
from etude.errors import ProbeError
from etude.probe import probe
from etude.probe.trained import fork_run
from etude.records import Action, probe_json
from etude.schedules import points
from etude.strategies import strategy
from etude.tasks import build_model, load_task, prepare
from etude.training import Plan, SerialCohort
from etude.training.engine import Engine


@pytest.fixture(scope="module")
def digits():
    return prepare(load_task("digits"))


def ask(digits, text, **options):
    settings = {"at": 60, "updates": 40, "length": 300, "engine": "serial"} | options
    return probe(digits, text, **settings)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("sgd lr=0.0003", Action.RAISE),
        ("adamw lr=0.01", Action.KEEP),
        ("adamw lr=1", Action.LOWER),
        ("sgd lr=1e30", Action.LOWER),
    ],
)
def test_the_verdict_is_that_of_training_at_each_rate(digits, text, action):
    answer = ask(digits, text)
    assert answer.action is action, (answer.sentence, answer.evidence)


@pytest.mark.parametrize(("lr", "action"), [(0.03, Action.RAISE), (0.3, Action.KEEP)])
def test_a_real_runs_curve_is_read_as_training_at_other_rates_says(digits, lr, action):
    # Of sgd's rates on digits 0.03 makes 8 % of the best one's progress and 0.3 94 %
    # (bench/diagnosis_runs.py).
    plan = Plan(strategy(f"sgd lr={lr} batch=32"), 0, gains=5)
    cohort = SerialCohort(digits, [plan], updates=300)
    cohort.advance(300)
    assert read_action(cohort.curve(0)).action is action


@pytest.mark.parametrize("engine", [Engine(), Engine("stacked", 8)])
def test_forks_are_the_runs_that_they_would_be(digits, engine):
    # A fork at x1 is the run; one at x3 is a run whose schedule triples at the fork.
    given = strategy("sgd lr=0.1 momentum=0.9")
    forked = fork_run(
        digits, given, at=20, updates=10, length=1000, factors=(1.0, 3.0), seed=0, engine=engine
    )
    tripled = strategy("sgd lr=0.1 momentum=0.9", schedule=points([(0, 1), (19, 1), (20, 3)]))
    for losses, one in zip(forked.forks.losses, (given, tripled), strict=True):
        cohort = SerialCohort(digits, [Plan(one, 0)], updates=1000, close=range(1000))
        cohort.advance(30)
        assert losses.tolist() == cohort.curve(0).loss[20:].tolist()


def test_weights_at_rest_are_those_of_the_fork_point(digits):
    given = strategy("sgd lr=0.1")
    options = {"updates": 10, "length": 300, "factors": (1.0,), "seed": 0, "engine": Engine()}
    late = fork_run(digits, given, at=20, **options)
    assert late.forks.rest[0] == late.forks.losses[0][0]
    assert late.forks.rest.mean() < late.start.loss
    assert late.start.alive
    assert late.curve.update[-1] == 19


def test_forks_outside_the_run_are_refused(digits):
    with pytest.raises(ProbeError, match="length of 340"):
        ask(digits, "sgd lr=0.1", at=300)
    with pytest.raises(ProbeError, match="made an update before it is forked, got at=-1"):
        ask(digits, "sgd lr=0.1", at=-1)
    with pytest.raises(ProbeError, match="needs its strategy"):
        ask(digits, None)


def saved(digits, tmp_path, text="sgd lr=0.1 momentum=0.9", **changes):
    """A checkpoint of 60 updates, as a user's loop would write it."""
    cohort = SerialCohort(digits, [Plan(strategy(text), 0)], updates=300)
    cohort.advance(60)
    ((_, state),) = cohort.state()["runs"]
    content = {"model": state["model"], "optimizer": state["optimizer"], "step": 60} | changes
    path = tmp_path / "last.pt"
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("adamw lr=1e-5", Action.RAISE),
        ("adamw lr=0.01", Action.KEEP),
        ("adamw lr=1", Action.LOWER),
        ("sgd lr=0.3", Action.KEEP),
    ],
)
def test_a_checkpoint_is_forked_with_its_own_optimizer(digits, tmp_path, text, action):
    path = saved(digits, tmp_path, text)
    before = path.read_bytes()
    answer = probe(digits, checkpoint=path)
    assert answer.action is action, (answer.sentence, answer.evidence)
    assert answer.strategy.startswith(text.split()[0])
    assert answer.lr == pytest.approx(strategy(text).peak_lr)
    assert answer.at == 60
    assert path.read_bytes() == before


def test_a_strategy_given_beside_a_checkpoint_counts(digits, tmp_path):
    answer = probe(digits, "sgd lr=0.001 momentum=0.9", checkpoint=saved(digits, tmp_path))
    assert answer.lr == 0.001


def test_a_checkpoint_without_optimizer_needs_a_strategy(digits, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(build_model(digits.task, 0).state_dict(), path)
    with pytest.raises(ProbeError, match="its strategy must be given"):
        probe(digits, checkpoint=path)
    answer = probe(digits, "sgd lr=0.1", checkpoint=path)
    assert "began anew" in answer.notes[0]


class Hostile:
    def __reduce__(self):
        return print, ("ran",)


def test_no_code_of_a_checkpoint_runs(digits, tmp_path, capsys):
    path = saved(digits, tmp_path, extra=Hostile())
    with pytest.raises(ProbeError, match="only tensors and plain values"):
        probe(digits, checkpoint=path)
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"not a checkpoint", "cannot be read"),
        ([1, 2], "a dict of states"),
        ({"epoch": 3}, "'epoch'"),
        ({"model": {"0.weight": torch.zeros(3)}}, "strategy must be given"),
        ({"model": {"0.weight": torch.zeros(3)}, "optimizer": {"param_groups": [{"lr": 1}]}}, "lr"),
    ],
)
def test_a_bad_checkpoint_is_one_sentence(digits, tmp_path, content, said):
    path = tmp_path / "bad.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(ProbeError, match=said):
        probe(digits, checkpoint=path)


def test_a_checkpoint_of_another_model_is_refused(digits, tmp_path):
    path = saved(digits, tmp_path, model={"0.weight": torch.zeros(3)})
    with pytest.raises(ProbeError, match="must fit the task's model"):
        probe(digits, checkpoint=path)
    with pytest.raises(ProbeError, match="there is no"):
        probe(digits, checkpoint=tmp_path / "absent.pt")


def test_the_record_is_json(digits):
    told = probe_json(ask(digits, "adamw lr=0.01"))
    assert told["action"] == "keep"
    assert [fork["factor"] for fork in told["forks"]] == [0.1, 0.3, 1, 3, 10]
    assert len(told["forks"][0]["loss"]) == told["updates"] == 40
    assert all(np.isfinite(fork["progress"]["value"]) for fork in told["forks"])
