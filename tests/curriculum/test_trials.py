"""Measures of runs, against closed forms."""

import math

import pytest

from etude.curriculum import trials
from etude.curriculum.experiments import Check, Experiment, RunSpec
from etude.curriculum.tasks import TASKS, make_task, prepared
from etude.errors import ContentError


def experiment(strategy, **settings):
    run = RunSpec(label="a", strategy=strategy)
    values = {"task": "quadratic condition=1 dim=1", "updates": 20} | settings
    return Experiment(id="x", title="X", runs=(run,), **values)


def measured(strategy, measure, task=None, **settings):
    settings_of_run = {"task": task} if task else {}
    trial = trials.train(experiment(strategy, **settings_of_run))["a"]
    check = Check(id="c", run="a", measure=measure, equals=0, says="", **settings)
    (value,) = trials.measure(trial, check)
    return value


@pytest.mark.parametrize(
    ("strategy", "measure", "settings", "value"),
    [
        # w halves at every step from 1, the loss is w^2 / 2.
        ("sgd lr=0.5", "first_loss", {}, 0.5),
        ("sgd lr=0.5", "final_loss", {}, 0.5 * 0.25**20),
        ("sgd lr=0.5", "final_over_first", {}, 0.25**20),
        ("sgd lr=0.5", "loss", {"at": 3}, 0.5 * 0.25**3),
        ("sgd lr=0.5", "updates_to", {"to": 0.1}, 2.0),
        ("sgd lr=0.5", "rises", {}, 0.0),
        ("sgd lr=0.5", "update_ratio", {"at": 4}, 0.5),
        ("sgd lr=0.5", "travel", {}, 10.0),
        ("sgd lr=0.5 step 50% gamma=0.1", "lr", {"at": 15}, 0.05),
        ("sgd lr=3", "peak_over_first", {}, 4.0**19),
        ("sgd lr=3", "rises", {}, 19.0),
        ("sgd lr=0.5", "sharpness", {}, 1.0),
        ("sgd lr=0.5", "sharpness_x_lr", {"at": 0}, 0.5),
        ("sgd lr=0.5", "share_below", {"level": 1e-6}, 1.0),
        ("sgd lr=3", "share", {"outcome": "diverged"}, 1.0),
    ],
)
def test_measures_on_a_bowl_have_closed_forms(strategy, measure, settings, value):
    assert measured(strategy, measure, **settings) == pytest.approx(value, rel=1e-5)


def test_a_run_that_has_no_final_loss_counts_as_infinite():
    assert measured("sgd lr=100", "final_loss", task="seed-line") == math.inf


def test_seeds_are_trained_in_one_pass_with_the_bits_of_single_runs():
    many = trials.train(experiment("sgd lr=0.1", task="seed-line", seeds=5))["a"].runs
    alone = trials.train(experiment("sgd lr=0.1", task="seed-line", seeds=1))["a"].runs
    assert [run.seed for run in many] == list(range(5))
    assert many[0].loss == alone[0].loss


def test_epochs_become_updates_by_the_batch_size():
    task = prepared("seed-line")
    run = RunSpec(label="a", strategy="sgd lr=0.1 batch=1")
    of = Experiment(id="x", title="X", task="seed-line", epochs=4, runs=(run,))
    assert trials.updates_of(of, run) == 4 * task.train.size


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sed-line", "did you mean 'seed-line'"),
        ("noisy-bowl nois=1", "did you mean 'noise'"),
        ("noisy-bowl dim=x", "cannot be made"),
    ],
)
def test_a_task_that_is_not_there_is_told(text, said):
    with pytest.raises(ContentError, match=said):
        make_task(text)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_of_the_course_can_be_tried_out(name):
    assert prepared(name).parameters > 0
