"""`etude.finder.look`: one short run, looked at on its way, and what is said about it."""

import math

import pytest
import torch

from etude.finder.look import LOOKS, look, standings, verdict
from etude.records import Measured
from etude.strategies import strategy
from etude.tasks import load_task, prepare, quadratic
from etude.training import Plan, SerialCohort

SGD = strategy("sgd lr=0.5")


@pytest.mark.parametrize(
    ("limits", "failure", "said"),
    [
        ((1.0, 2.0), None, "no rate that was tried failed"),
        ((1.0, 2.0), Measured(4.0, 3.0, 5.0), "survives above its limit"),
        ((1.0, 2.0), Measured(0.8, 0.6, 0.9), "dies below its limit"),
        ((1.0, 2.0), Measured(2.5, 1.5, 3.0), "and this network first failed at 2.5."),
        ((0.1, 2.0), Measured(1.0, 0.9, 1.5), "above the lowest and survives"),
        ((1.0, math.inf), Measured(4.0, 3.0, 5.0), "and this network first failed at 4."),
    ],
)
def test_the_verdict_compares_the_limits_with_what_was_measured(limits, failure, said):
    assert said in verdict(SGD, limits, failure)


def test_a_look_sees_the_run_as_it_is_and_does_not_change_it():
    prepared, chosen = prepare(load_task("diabetes")), strategy("adam lr=0.01 cosine")
    seen = list(standings(prepared, chosen, updates=40, horizon=200))
    assert [at.updates for at in seen] == [round(share * 40) for share in LOOKS]
    alone = SerialCohort(prepared, [Plan(chosen, 0, 200)], updates=40)
    alone.advance(40)
    weights = alone.state()["runs"][0][1]["model"]
    last = seen[-1].model.state_dict()
    assert all(torch.equal(weights[name], last[name]) for name in weights)
    assert float(seen[-1].optimizer.state_dict()["state"][0]["step"]) == 40


def test_adam_is_not_judged_before_it_has_seen_a_gradient():
    prepared = prepare(load_task("diabetes"))
    for text, first in (("sgd lr=0.1", 0), ("adam lr=0.01", 2)):
        stability, noise, trouble = look(
            prepared, strategy(text), updates=20, horizon=20, failure=None
        )
        assert trouble is None
        assert stability is not None
        assert noise is not None
        assert stability.updates[0] == first
        assert noise.updates == (0, 2, 10, 20)


def test_a_run_that_blows_up_is_looked_at_as_long_as_it_is_finite():
    stability, _, trouble = look(
        prepare(quadratic()), strategy("sgd lr=1e9"), updates=60, horizon=60, failure=None
    )
    assert trouble is None
    assert stability is not None
    assert stability.updates[0] == 0
    assert len(stability.updates) < len(LOOKS)
