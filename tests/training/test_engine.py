"""`etude.training.engine`: which engine, and that the choice does not touch a run's bits."""

import pytest
import torch
from torch import nn

from etude.errors import CompareError
from etude.strategies import strategy
from etude.training import Engine, Plan, Pool, choose
from etude.training import engine as engine_module

TEXTS = (
    "sgd lr=0.1 momentum=0.9",
    "sgd lr=0.1 momentum=0.9 constant -> linear 20%",
    "sgd lr=0.2 momentum=0.9",
    "adamw lr=0.01 one-cycle",
    "adamw lr=0.01 batch=16",
    "sgd lr=1e30",
)
PLANS = [Plan(strategy(text), seed) for text in TEXTS for seed in (0, 1)]


def chosen(prepared, wanted="auto", **options):
    given = {"runs": 8, "work": 800, **options}
    return choose(prepared, [PLANS[0].strategy], wanted=wanted, **given)


@pytest.mark.parametrize("workers", [0, 2])
def test_all_exact_engines_give_the_same_bits(digits, differences, workers):
    found = {}
    for engine in (Engine(), Engine("stacked", 3), Engine("stacked", 8)):
        with Pool(digits, workers=workers, engine=engine) as pool:
            runs = {(r.strategy, r.seed): r for r in pool.train(PLANS, updates=40)}
            assert pool.updates_done == 40 * len(PLANS)
        found[engine] = runs
    plain, *others = found.values()
    assert len(plain) == len(PLANS)
    for runs in others:
        for name, run in runs.items():
            assert not differences(run.curve, plain[name].curve), name
            assert run.outcome is plain[name].outcome


def test_small_networks_are_stacked_where_that_is_faster(digits, monkeypatch):
    times = {"serial": 1e-3, "stacked": 2.5e-4, "fast": 1e-4}
    monkeypatch.setattr(engine_module, "_seconds", lambda _, __, engine: times[engine.name])
    found = chosen(digits)
    assert (found.name, found.why) == ("stacked", "one by one, runs took 4 times as long")
    assert 1 <= found.lanes <= 8
    assert chosen(digits, runs=10_000, work=10_000_000).name == "fast"
    times["stacked"] = 1.25e-3
    found = chosen(digits)
    assert (found.name, found.why) == ("serial", "stacked, runs took 1.2 times as long")


def test_few_lanes_are_timed_and_all_are_used(digits, monkeypatch):
    timed = []

    def seconds(_, __, engine):
        timed.append((engine.name, engine.lanes))
        return 1e-3 / engine.lanes

    monkeypatch.setattr(engine_module, "_seconds", seconds)
    found = chosen(digits, runs=1000)
    assert timed == [("serial", 1), ("stacked", engine_module.SAMPLE)]
    assert found.lanes > engine_module.SAMPLE


def test_one_run_needs_no_lanes(digits):
    assert chosen(digits, "stacked", runs=1).lanes == 1


def test_what_is_timed_is_an_update(digits):
    found = chosen(digits)
    assert found.name in ("serial", "stacked")
    assert "times as long" in found.why


class Impatient(nn.Linear):
    """Looks at its outputs, which a lane cannot."""

    def forward(self, inputs):
        outputs = super().forward(inputs)
        return outputs if outputs.sum() > 0 else 2 * outputs


@pytest.mark.parametrize("wanted", ["auto", "stacked", "fast"])
def test_what_cannot_be_stacked_is_trained_serially_and_says_why(task_of, wanted):
    found = chosen(task_of(lambda: Impatient(8, 1)), wanted)
    assert found.name == "serial"
    assert "cannot be trained in lanes" in found.why


def test_an_unknown_engine_is_refused(digits):
    with pytest.raises(CompareError, match="an engine is auto, serial, stacked, fast; got 'warp'"):
        chosen(digits, "warp")


def test_choosing_leaves_the_callers_threads_and_draws_alone(digits):
    torch.set_num_threads(2)
    before = torch.get_rng_state()
    chosen(digits)
    assert torch.get_num_threads() == 2
    assert torch.equal(before, torch.get_rng_state())
