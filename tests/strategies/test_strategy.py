"""`etude.strategies.strategy`: the value and its text form."""

import math
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest

from etude import compare, constant, cosine, warmup
from etude.errors import ScheduleError, StrategyError
from etude.strategies import Strategy, strategy


def test_text_gives_optimizer_rate_options_and_schedule():
    found = strategy("adamw lr=1e-3 wd=0.02 betas=0.9,0.95 batch=64 clip=1 warmup 5% -> cosine")
    assert found.optimizer == "adamw"
    assert found.peak_lr == 1e-3
    assert found.options == (("betas", (0.9, 0.95)), ("wd", 0.02))
    assert (found.batch_size, found.clip) == (64, 1.0)
    assert found.schedule == warmup("5%") >> cosine()


@pytest.mark.parametrize(
    "text",
    [
        "sgd lr=0.1 constant",
        "sgd lr=0.1 momentum=0.9 nesterov=true cosine",
        "adam lr=1e-05 amsgrad=true step 30% gamma=0.5",
        "adamw lr=0.001 betas=0.9,0.95 wd=0.0 batch=16 warmup 5% -> constant -> 1-sqrt 20%",
        "rmsprop lr=0.01 alpha=0.9 momentum=0.5 one-cycle",
        "adagrad lr=0.1 clip=0.5 0.5 * cosine",
        "sgd lr=0.1 plateau 0.5 patience=3",
        "adamw lr=0.1 (warmup 5% -> cosine) * plateau patience=3 mode=max * spike",
    ],
)
def test_text_and_json_round_trip(text):
    found = strategy(text)
    assert str(found) == text
    assert strategy(str(found)) == found
    assert hash(strategy(str(found))) == hash(found)
    assert Strategy.from_json(found.to_json()) == found


def test_a_schedule_that_is_not_named_is_constant():
    assert strategy("sgd lr=0.1").schedule == constant()


def test_options_at_torchs_default_are_not_written():
    assert strategy("adamw lr=0.1 wd=0.01") == strategy("adamw lr=0.1")
    assert strategy("sgd", lr=0.1, weight_decay=0.0) == strategy("sgd lr=0.1")


def test_aliases_name_the_variants_of_sgd_and_adam():
    assert strategy("nesterov lr=0.1") == strategy("sgd lr=0.1 momentum=0.9 nesterov=true")
    assert strategy("amsgrad lr=0.1") == strategy("adam lr=0.1 amsgrad=true")


@pytest.mark.parametrize("lr", [0, 0.0, -1, math.nan, math.inf, "0.1", None, True])
def test_a_rate_that_cannot_train_is_refused(lr):
    with pytest.raises(StrategyError, match="lr"):
        strategy("sgd", lr=lr)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "starts with an optimizer"),
        ("sgdd lr=0.1", "did you mean sgd"),
        ("sgd", "needs its lr"),
        ("sgd lr=abc", "lr must be a number"),
        ("sgd lr=0", "above 0"),
        ("sgd lr=0.1 betas=0.9,0.99", "sgd has no option 'betas'"),
        ("adam lr=0.1 betas=0.9", "two numbers"),
        ("sgd lr=0.1 momentum=1", r"momentum must be in \[0, 1\)"),
        ("sgd lr=0.1 nesterov=true", "needs a momentum"),
        ("sgd lr=0.1 momentum=0.9 nesterov cosine", "is written with its value, nesterov=true\n"),
        ("adam lr=0.1 amsgrad", "an option is written with its value, amsgrad=true\n"),
        ("sgd lr=0.1 Momentum 0.9", "an option is written with its value, momentum=VALUE\n"),
        ("sgd lr=0.1 batch=0", "at least 1"),
        ("sgd lr=0.1 batch=2.5", "whole number"),
        ("sgd lr=0.1 batch=nan", "whole number"),
        ("sgd lr=0.1 batch=inf", "whole number"),
        ("sgd lr=0.1 batch=1,2", "whole number"),
        ("sgd lr=0.1 batch_size=2", "it takes lr, .*batch, clip"),
        ("sgd lr=0.1 clip=1,2", "clip must be a finite norm above 0"),
        ("sgd lr=0.1 clip=true", "clip must be a finite norm above 0"),
        ("sgd lr=0.1 schedule=5", "schedule must be a schedule or its text"),
        ("sgd lr=0.1 lr=0.2", "lr is given already"),
        ("sgd lr=0.1 clip=-1", "above 0"),
        ("adamw lr=0.1 wd=nan", "wd must be"),
    ],
)
def test_a_bad_text_gets_one_sentence(text, message):
    with pytest.raises(StrategyError, match=message):
        strategy(text)


@pytest.mark.parametrize("schedule", [5, math.cos, "", ["cosine"]])
def test_what_is_no_schedule_is_refused(schedule):
    with pytest.raises((StrategyError, ScheduleError), match="schedule"):
        strategy("sgd", lr=0.1, schedule=schedule)


def test_what_is_no_text_is_refused():
    with pytest.raises(StrategyError, match="must be a text or a Strategy, got None"):
        strategy(None, lr=0.1)


def test_keywords_win_over_a_strategy_as_over_a_text():
    given = strategy("adamw lr=0.1 wd=0.5 batch=16 clip=2 cosine")
    assert strategy(given) == given
    changed = strategy(given, lr=0.2, weight_decay=0.1, schedule="linear", batch_size=8)
    assert changed == strategy("adamw lr=0.2 wd=0.1 batch=8 clip=2 linear")


def test_the_code_repeats_a_run_whose_batch_size_the_comparison_set():
    answer = compare("digits", ["adamw lr=0.01 cosine"], updates=20, seeds=1, batch_size=16)
    program: dict[str, Any] = {}
    with redirect_stdout(StringIO()):
        exec(answer.winner.code, program)
    assert program["losses"] == pytest.approx(answer.runs[0].curve.loss.tolist(), rel=1e-6)


@pytest.mark.parametrize("task", ["digits", None])
def test_the_code_puts_model_and_batches_on_the_device_of_the_run(task):
    lines = strategy("sgd lr=0.1").code(updates=10, task=task, device="cuda").splitlines()
    data, model = (
        next(line for line in lines if line.startswith(name))
        for name in ("prepared =" if task else "inputs =", "model =")
    )
    assert "device='cuda'" in data
    assert model.endswith(".to(prepared.device)" if task else ".to('cuda')")


def test_the_code_repeats_the_losses_of_a_run_to_the_bit():
    answer = compare("digits", ["sgd lr=0.1 momentum=0.9 cosine"], updates=30, seeds=1)
    program: dict[str, Any] = {}
    with redirect_stdout(StringIO()):
        exec(answer.winner.code, program)
    assert program["losses"] == answer.runs[0].curve.loss.tolist()


def test_an_error_points_at_the_character():
    with pytest.raises(StrategyError) as caught:
        strategy("adamw lr=0.1 cosin")
    lines = str(caught.value).splitlines()
    text = next(k for k, line in enumerate(lines) if "adamw lr=0.1 cosin" in line)
    assert lines[text + 1].index("^") == lines[text].index("cosin")


def test_bind_resolves_the_schedule_and_leaves_the_rest():
    bound = strategy("adamw lr=0.1 warmup 5% -> cosine").bind(100)
    assert bound.schedule == warmup(5) >> cosine(95)
    assert bound.with_lr(0.2).peak_lr == 0.2
