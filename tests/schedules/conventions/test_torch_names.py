"""torch's classes by name and settings, against the living classes."""

import warnings

import pytest
import torch
from torch.optim import SGD, lr_scheduler, swa_utils

from etude.errors import ScheduleError
from etude.schedules.conventions import LIBRARIES, read
from etude.schedules.conventions.record import Imported

UPDATES = 45
CALLS = [
    "StepLR(4, gamma=0.3)",
    "StepLR(4, gamma=1.1)",
    "StepLR(4, gamma=0)",
    "MultiStepLR([3, 7, 7, 20], gamma=0.5)",
    "MultiStepLR([3, 7], gamma=2)",
    "MultiStepLR([0, 7], gamma=0.5)",
    "ConstantLR(0.3, total_iters=4)",
    "ConstantLR(0.3, total_iters=0)",
    "LinearLR(0.1, total_iters=5)",
    "LinearLR(1, 0, 9)",
    "LinearLR(0.1, total_iters=0)",
    "ExponentialLR(0.9)",
    "ExponentialLR(1.05)",
    "PolynomialLR(20, power=2)",
    "PolynomialLR(0)",
    "CosineAnnealingLR(20)",
    "CosineAnnealingLR(7, eta_min=0.02)",
    "CosineAnnealingWarmRestarts(3, T_mult=2, eta_min=0.02)",
    "CyclicLR(0.1, 1, 3, 5, mode='triangular2')",
    "CyclicLR(0.1, 1, 4, mode='exp_range', gamma=0.97)",
    "CyclicLR(0, 2, 4)",
    "OneCycleLR(1, total_steps=45)",
    "OneCycleLR(0.7, total_steps=45, anneal_strategy='linear', pct_start=0.5)",
    "OneCycleLR(1, total_steps=45, three_phase=True, div_factor=10, final_div_factor=100)",
    "OneCycleLR(1, total_steps=45, pct_start=0.0)",
    "OneCycleLR(1, total_steps=45, pct_start=0.01, anneal_strategy='linear')",
    "OneCycleLR(1, epochs=9, steps_per_epoch=5)",
    "SWALR(0.05, anneal_epochs=6)",
    "SWALR(0.05, anneal_epochs=6, anneal_strategy='linear')",
    "SWALR(0.05, anneal_epochs=0)",
    "SequentialLR([LinearLR(0.1, total_iters=3), CosineAnnealingLR(7)], milestones=[3])",
    "SequentialLR([LinearLR(0.1, total_iters=9), StepLR(5), ExponentialLR(0.9)], [4, 20])",
    "SequentialLR([LinearLR(0.1, total_iters=3), PolynomialLR(9)], milestones=[0])",
    "SequentialLR([ConstantLR(0.5, total_iters=2), CosineAnnealingWarmRestarts(4)], [6])",
    "ChainedScheduler([ExponentialLR(0.9), StepLR(5, gamma=0.5)])",
    "ChainedScheduler([LinearLR(0.1, total_iters=3), CosineAnnealingLR(7)])",
    "ChainedScheduler([ExponentialLR(0.9), CosineAnnealingWarmRestarts(7)])",
]


def torch_lrs(call, lr=0.5):
    """Run the call as code, with torch's classes given the optimizer, and drive it."""
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)

    def named(name):
        make = getattr(lr_scheduler, name, None) or swa_utils.SWALR
        if name == "ChainedScheduler":
            return make
        return lambda *args, **settings: make(optimizer, *args, **settings)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SWALR's own use of a deprecated name
        scheduler = eval(call, {name: named(name) for name in LIBRARIES["torch"].readers})
    used = []
    for _ in range(UPDATES):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return used


@pytest.mark.parametrize("call", CALLS)
def test_a_class_by_name_equals_the_living_one(call):
    found = read(f"torch: {call}", UPDATES, lr=0.5)
    peak = found.peak_lr or 0.5
    ours = [peak * found.schedule(t) for t in range(UPDATES)]
    assert ours == pytest.approx(torch_lrs(call), rel=1e-6, abs=1e-10)


def test_every_class_is_compared():
    assert {call.partition("(")[0] for call in CALLS} == set(LIBRARIES["torch"].readers)


def test_torch_has_no_scheduler_that_is_neither_read_nor_refused():
    names = {
        name
        for name, kind in vars(lr_scheduler).items()
        if isinstance(kind, type) and issubclass(kind, lr_scheduler.LRScheduler)
    }
    living_only = {"LambdaLR", "MultiplicativeLR"}
    refused = {"ReduceLROnPlateau", "LRScheduler", "_LRScheduler"}
    assert names - living_only - refused <= set(LIBRARIES["torch"].readers)


def test_a_factor_of_0_is_imported_where_torch_divides_by_it():
    with pytest.raises(ZeroDivisionError):
        torch_lrs("ConstantLR(0, total_iters=4)")
    found = read("torch: ConstantLR(0, total_iters=4)", 9)
    assert [found.schedule(t) for t in (3, 4)] == [0.0, 1.0]
    assert "raises ZeroDivisionError" in found.notes[0]


def test_one_cycle_holds_where_torch_takes_one_step_too_far():
    found = read("torch: OneCycleLR(1, total_steps=10, anneal_strategy='linear')", 12)
    assert found.schedule(10) == found.schedule(11) == found.schedule(9) == pytest.approx(4e-6)
    assert "takes one step more" in found.notes[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("OneCycleLR(1, total_steps=10, pct_start=0.1)", "cannot rise in pct_start=0.1 of 10"),
        ("OneCycleLR(1)", None),
        ("OneCycleLR(1, total_steps=9, div_factor=0.5)", "must leave every rate at max_lr or"),
        ("CyclicLR(2, 1)", "base_lr must be from 0 to max_lr, got 2 and 1"),
        ("CosineAnnealingLR(0)", "T_max must be at least 1, got 0"),
        ("StepLR(2.5)", "step_size must be a whole number of updates, got 2.5"),
        ("SequentialLR([StepLR(3)], [4])", "one fewer than the schedulers, got 1 for 1"),
        ("SequentialLR([StepLR(3), StepLR(3), StepLR(3)], [4, 2])", "must be in order"),
        ("SequentialLR([CyclicLR(0, 1), StepLR(3)], [4])", "CyclicLR changes the rate that"),
        ("ChainedScheduler([CyclicLR(0, 1), StepLR(3)])", "CyclicLR before its end has no closed"),
        ("ChainedScheduler([CosineAnnealingLR(7, eta_min=0.1), StepLR(3)])", "has no closed form"),
        ("ChainedScheduler([])", "needs a list of schedulers"),
    ],
)
def test_what_torch_cannot_do_either_is_refused(call, message):
    if message is None:  # the total is the run's length
        assert isinstance(read(f"torch: {call}", 9), Imported)
        return
    with pytest.raises(ScheduleError, match=message):
        read(f"torch: {call}", UPDATES)


def test_a_chained_cosine_that_would_climb_alone_is_held_and_said():
    found = read("torch: ChainedScheduler([ExponentialLR(0.9), CosineAnnealingLR(7)])", 20)
    call = "ChainedScheduler([ExponentialLR(0.9), CosineAnnealingLR(7)])"
    ours = [0.5 * found.schedule(t) for t in range(8)]
    assert ours == pytest.approx(torch_lrs(call)[:8], rel=1e-6, abs=1e-10)
    assert found.schedule(9) == 0.0 < torch_lrs(call)[9]
    assert "climbs again from update 7 on" in found.notes[0]
