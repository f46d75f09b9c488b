"""Each fault of torch's schedulers: torch's own class shows it, étude's does not.

A test that fails for torch says that torch has mended the fault: then its row goes. The table in
docs/compat.md is written by `python tests/compat/test_faults.py`.
"""

import functools
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import SGD, Adam
from torch.optim import lr_scheduler as torch_own

from etude.compat import lr_scheduler as ours

PAGE = Path(__file__).parents[2] / "docs" / "compat.md"


@dataclass(frozen=True)
class Fault:
    issue: str
    """torch's issues or pull requests; "–" where none was found."""
    symptom: str
    torch_does: str
    etude_does: str
    measure: Callable[[Any], Any]
    """From a module to what happens: numbers, or the name of what it raises."""
    torch_gives: Any
    etude_gives: Any

    @property
    def name(self):
        return self.measure.__name__


FAULTS: list[Fault] = []


def fault(issue, symptom, torch_does, etude_does, *, torch_gives, etude_gives):
    def keep(measure):
        FAULTS.append(
            Fault(issue, symptom, torch_does, etude_does, measure, torch_gives, etude_gives)
        )
        return measure

    return keep


def weight():
    return torch.nn.Parameter(torch.zeros(1))


def sgd(lr=1.0, **options):
    return SGD([weight()], lr=lr, **options)


def lr_of(optimizer, group=0):
    return float(optimizer.param_groups[group]["lr"])


def advance(optimizer, scheduler, count):
    """The lr before each of so many updates, and after the last."""
    lrs = [lr_of(optimizer)]
    for _ in range(count):
        optimizer.step()
        scheduler.step()
        lrs.append(lr_of(optimizer))
    return lrs


def resumed(optimizer, lr=1.0):
    """A new optimizer with another one's state."""
    new = sgd(lr)
    new.load_state_dict(optimizer.state_dict())
    return new


@fault(
    "#162591",
    "`SequentialLR(last_epoch=N)` resumes at a wrong lr",
    "starts the warmup again",
    "goes on",
    torch_gives=[0.1, 0.10396, 0.1],
    etude_gives=[0.6913, 0.5, 0.3087],  # (1 + cos(pi t/8)) / 2 at t = 3, 4, 5
)
def sequential_resumed_by_last_epoch(lib):
    def build(optimizer, last_epoch=-1):
        warm = lib.LinearLR(optimizer, 0.1, total_iters=2)
        fall = lib.CosineAnnealingLR(optimizer, 8)
        return lib.SequentialLR(optimizer, [warm, fall], [2], last_epoch=last_epoch)

    optimizer = sgd()
    advance(optimizer, build(optimizer), 5)
    optimizer = resumed(optimizer)
    return advance(optimizer, build(optimizer, last_epoch=4), 2)


@fault(
    "#168044",
    "a scheduler that was built and thrown away scales the lr for ever",
    "0.1 of the peak, of a `LinearLR` that is gone",
    "the peak",
    torch_gives=0.1,
    etude_gives=1.0,
)
def thrown_away(lib):
    optimizer = sgd()
    lib.LinearLR(optimizer, 0.1)
    return advance(optimizer, lib.StepLR(optimizer, 100), 3)[-1]


@fault(
    "#196243",
    "a `SequentialLR` in a `SequentialLR` is a step ahead",
    "0.5, 0.2, 0.2",
    "0.5, 0.5, 0.2, as it does alone",
    torch_gives=[0.5, 0.2, 0.2],
    etude_gives=[0.5, 0.5, 0.2],
)
def sequential_in_sequential(lib):
    optimizer = sgd()
    parts = [lib.ConstantLR(optimizer, 0.5, 2), lib.ConstantLR(optimizer, 0.2, 10)]
    inner = lib.SequentialLR(optimizer, parts, [2])
    outer = lib.SequentialLR(optimizer, [inner, lib.ConstantLR(optimizer, 0.1, 10)], [6])
    return advance(optimizer, outer, 2)


@fault(
    "#67957, #132745",
    "a `ChainedScheduler` as a later part of a `SequentialLR`",
    "raises NotImplementedError at the milestone",
    "runs",
    torch_gives="NotImplementedError",
    etude_gives=[0.1, 0.4, 0.7, 1.0, 0.9, 0.405],  # 0.5 * 0.9**2 at the last
)
def chained_in_sequential(lib):
    optimizer = sgd()
    chain = [lib.ExponentialLR(optimizer, 0.9), lib.StepLR(optimizer, 2, 0.5)]
    parts = [lib.LinearLR(optimizer, 0.1, total_iters=3), lib.ChainedScheduler(chain)]
    return advance(optimizer, lib.SequentialLR(optimizer, parts, [3]), 5)


@fault(
    "#29697",
    "the scheduler's state is restored and the optimizer's is not",
    "the peak instead of a quarter of it, for the rest of the run",
    "the lr of that update at once",
    torch_gives=[1.0, 0.5],
    etude_gives=[0.25, 0.125],
)
def only_the_scheduler_restored(lib):
    optimizer = sgd()
    scheduler = lib.StepLR(optimizer, 2, 0.5)
    advance(optimizer, scheduler, 5)
    new = sgd()
    again = lib.StepLR(new, 2, 0.5)
    again.load_state_dict(scheduler.state_dict())
    return advance(new, again, 1)


@fault(
    "#65342",
    "the scheduler is built after the optimizer's state was loaded",
    "a tenth of the lr, for the rest of the warmup",
    "the right lr in any order",
    torch_gives=[0.055, 0.064],
    etude_gives=[0.55, 0.64],
)
def built_after_the_optimizer_was_loaded(lib):
    optimizer = sgd()
    scheduler = lib.LinearLR(optimizer, 0.1, total_iters=10)
    advance(optimizer, scheduler, 5)
    new = resumed(optimizer)
    again = lib.LinearLR(new, 0.1, total_iters=10)
    again.load_state_dict(scheduler.state_dict())
    return advance(new, again, 1)


@fault(
    "#60265",
    "`StepLR(last_epoch=N)` resumed exactly on a milestone",
    "applies gamma twice: 0.25",
    "0.5",
    torch_gives=0.25,
    etude_gives=0.5,
)
def step_resumed_on_its_milestone(lib):
    optimizer = sgd()
    advance(optimizer, lib.StepLR(optimizer, 3, 0.5), 3)
    optimizer = resumed(optimizer)
    scheduler = lib.StepLR(optimizer, 3, 0.5, last_epoch=2)
    assert scheduler.last_epoch == 3
    return lr_of(optimizer)


@fault(
    "#60265",
    "`MultiStepLR(last_epoch=N)` resumed exactly on a milestone",
    "applies gamma twice: 0.25",
    "0.5",
    torch_gives=0.25,
    etude_gives=0.5,
)
def multistep_resumed_on_its_milestone(lib):
    optimizer = sgd()
    advance(optimizer, lib.MultiStepLR(optimizer, [3, 9], 0.5), 3)
    optimizer = resumed(optimizer)
    scheduler = lib.MultiStepLR(optimizer, [3, 9], 0.5, last_epoch=2)
    assert scheduler.last_epoch == 3
    return lr_of(optimizer)


@fault(
    "–",
    "`CosineAnnealingWarmRestarts(T_mult=2, last_epoch=N)`",
    "resumes in another cycle",
    "resumes in its own",
    torch_gives=0.85355,  # (1 + cos(pi/4)) / 2: update 1 of a cycle of 4
    etude_gives=0.96194,  # (1 + cos(pi/8)) / 2: update 1 of the cycle of 8 that begins at 6
)
def restarts_resumed_in_their_cycle(lib):
    optimizer = sgd()
    advance(optimizer, lib.CosineAnnealingWarmRestarts(optimizer, 2, 2), 7)
    optimizer = resumed(optimizer)
    lib.CosineAnnealingWarmRestarts(optimizer, 2, 2, last_epoch=6)
    return lr_of(optimizer)


@fault(
    "#20527, #24352",
    "`get_lr()` between two steps",
    "gives the next lr, 0.01, where 0.1 is used",
    "gives the lr that is used",
    torch_gives=0.01,
    etude_gives=0.1,
)
def get_lr_looks_ahead(lib):
    optimizer = sgd()
    scheduler = lib.ExponentialLR(optimizer, 0.1)
    advance(optimizer, scheduler, 1)
    return scheduler.get_lr()[0]


@fault(
    "#184517",
    "a scheduler of one's own that is given by its closed form",
    "raises NotImplementedError, wants a recursion",
    "subclass `ClosedForm`",
    torch_gives="NotImplementedError",
    etude_gives=[1.0, 0.5, 1 / 3],
)
def closed_form_of_ones_own(lib):
    class Harmonic(getattr(lib, "ClosedForm", lib.LRScheduler)):
        def _get_closed_form_lr(self):
            return [peak / (self.last_epoch + 1) for peak in self.base_lrs]

    optimizer = sgd()
    return advance(optimizer, Harmonic(optimizer), 2)


@fault(
    "#38170, #92040",
    "`OneCycleLR` stepped after its last update",
    "accepts it, and the linear lr becomes negative: -0.143",
    "stays at its last lr",
    torch_gives=-0.142852,
    etude_gives=4e-6,
)
def one_cycle_a_step_too_far(lib):
    optimizer = sgd()
    scheduler = lib.OneCycleLR(
        optimizer, 1.0, total_steps=10, anneal_strategy="linear", cycle_momentum=False
    )
    return advance(optimizer, scheduler, 10)[-1]


@fault(
    "#38170",
    "`OneCycleLR` whose rise has no length (`total_steps=10, pct_start=0.1`)",
    "raises ZeroDivisionError",
    "starts at its peak",
    torch_gives="ZeroDivisionError",
    etude_gives=1.0,
)
def one_cycle_without_a_rise(lib):
    optimizer = sgd()
    lib.OneCycleLR(optimizer, 1.0, total_steps=10, pct_start=0.1, cycle_momentum=False)
    return lr_of(optimizer)


@fault(
    "–",
    "`OneCycleLR(total_steps=np.int64(10))`",
    "raises ValueError",
    "takes any whole number",
    torch_gives="ValueError",
    etude_gives=0.04,
)
def one_cycle_with_a_numpy_length(lib):
    optimizer = sgd()
    lib.OneCycleLR(optimizer, 1.0, total_steps=np.int64(10), cycle_momentum=False)
    return lr_of(optimizer)


@fault(
    "#40997, #20086",
    "`CosineAnnealingLR` after `T_max`",
    "climbs to the peak again",
    "stays at `eta_min`",
    torch_gives=[0.0, 0.5, 1.0],
    etude_gives=[0.0, 0.0, 0.0],
)
def cosine_after_its_end(lib):
    optimizer = sgd()
    lrs = advance(optimizer, lib.CosineAnnealingLR(optimizer, 4), 8)
    return lrs[4::2]


@fault(
    "–",
    "`CosineAnnealingWarmRestarts.step(epoch)` at a restart (`T_0=1, T_mult=10`, epoch 111)",
    "lr 0 instead of the peak: a rounded logarithm counts the cycles",
    "counts them exactly",
    torch_gives=0.0,
    etude_gives=1.0,
)
def restarts_counted_by_a_logarithm(lib):
    optimizer = sgd()
    optimizer.step()
    lib.CosineAnnealingWarmRestarts(optimizer, 1, 10).step(111)
    return lr_of(optimizer)


@fault(
    "#47513, #38622",
    "`ReduceLROnPlateau` with a negative metric",
    "takes -0.95 for better than -1",
    "knows that it is worse, and reduces",
    torch_gives=[-0.95, 1.0],
    etude_gives=[-1.0, 0.1],
)
def plateau_of_a_negative_metric(lib):
    optimizer = sgd()
    scheduler = lib.ReduceLROnPlateau(optimizer, patience=0, threshold=0.1)
    scheduler.step(-1.0)
    scheduler.step(-0.95)
    return [scheduler.best, lr_of(optimizer)]


@fault(
    "#50715, #63143",
    "`ReduceLROnPlateau` beside a `LambdaLR`",
    "its reductions are overwritten",
    "both multiply",
    torch_gives=1.0,
    etude_gives=0.1,
)
def plateau_beside_another(lib):
    optimizer = sgd()
    other = lib.LambdaLR(optimizer, lambda _: 1.0)
    plateau = lib.ReduceLROnPlateau(optimizer, patience=0)
    plateau.step(1.0)
    plateau.step(2.0)
    advance(optimizer, other, 1)
    return lr_of(optimizer)


@fault(
    "#53712, #79888, #67761",
    "`add_param_group` after the scheduler was built",
    "raises ValueError at the next step",
    "the group follows from its first update",
    torch_gives="ValueError",
    etude_gives=[0.5, 0.25, 0.125],
)
def group_added_later(lib):
    optimizer = sgd()
    scheduler = lib.LambdaLR(optimizer, lambda t: 0.5**t)
    advance(optimizer, scheduler, 1)
    optimizer.add_param_group({"params": [weight()], "lr": 1.0})
    lrs = []
    for _ in range(3):
        optimizer.step()
        lrs.append(lr_of(optimizer, group=1))
        scheduler.step()
    return lrs


@fault(
    "#32756",
    "`CyclicLR.load_state_dict` twice with the same state",
    "raises KeyError: the first load took an entry out of it",
    "only reads it",
    torch_gives="KeyError",
    etude_gives=0.4,
)
def state_loaded_twice(lib):
    optimizer = sgd()
    scheduler = lib.CyclicLR(optimizer, 0.1, 1.0, 3, cycle_momentum=False)
    advance(optimizer, scheduler, 1)
    state = scheduler.state_dict()
    scheduler.load_state_dict(state)
    scheduler.load_state_dict(state)
    return lr_of(optimizer)


def warnings_of(act):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        act()
    return len(caught)


def power(t, base):
    return base**t


@fault(
    "#7255",
    "a `LambdaLR` resumed with another function (Hugging Face's `partial`s, a lambda)",
    "keeps nothing of functions, and is silent",
    "warns",
    torch_gives=[0, 0],
    etude_gives=[1, 1],
)
def another_function(lib):
    def resume(before, after):
        optimizer = sgd()
        scheduler = lib.LambdaLR(optimizer, before)
        advance(optimizer, scheduler, 2)
        new = resumed(optimizer)
        again = lib.LambdaLR(new, after)
        return warnings_of(lambda: again.load_state_dict(scheduler.state_dict()))

    half, third = (functools.partial(power, base=base) for base in (0.5, 0.3))
    return [resume(half, third), resume(lambda t: 0.5**t, lambda t: 0.3**t)]


@fault(
    "vortex#70, insightface#2143, opensoundscape#992",
    "a run that is resumed with a longer `T_max`",
    "the load puts the old one back: 10",
    "keeps the new one, 100, and warns",
    torch_gives=[10, 0],
    etude_gives=[100, 1],
)
def settings_overwritten_by_a_load(lib):
    optimizer = sgd()
    scheduler = lib.CosineAnnealingLR(optimizer, 10)
    advance(optimizer, scheduler, 5)
    new = resumed(optimizer)
    longer = lib.CosineAnnealingLR(new, 100)
    heard = warnings_of(lambda: longer.load_state_dict(scheduler.state_dict()))
    return [longer.T_max, heard]


@fault(
    "#44511, #55585",
    "updates that a `GradScaler` leaves out",
    "the schedule goes on without them, with a wrong warning",
    "the schedule waits",
    torch_gives=[2, 1],
    etude_gives=[0, 0],
)
def updates_left_out_by_a_scaler(lib):
    parameter = torch.nn.Parameter(torch.ones(1))
    optimizer = SGD([parameter], lr=1.0)
    scheduler = lib.ExponentialLR(optimizer, 0.5)
    scaler = torch.amp.GradScaler("cpu")

    def train():
        for _ in range(2):
            optimizer.zero_grad()
            scaler.scale((parameter * math.inf).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
            scheduler.step()

    heard = warnings_of(train)
    return [scheduler.last_epoch, heard]


@fault(
    "#73910, #19003",
    "momentum and betas that the user set",
    "`OneCycleLR` and `CyclicLR` overwrite them unless told not to: 0.95, 0.9",
    "only when told to (`cycle_momentum=True`), and says so",
    torch_gives=[0.95, 0.9],
    etude_gives=[0.0, 0.8],
)
def momentum_overwritten(lib):
    plain = sgd()
    adam = Adam([weight()], lr=1.0, betas=(0.8, 0.999))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lib.OneCycleLR(plain, 1.0, total_steps=10)
        lib.CyclicLR(adam, 0.1, 1.0)
    return [plain.param_groups[0]["momentum"], adam.param_groups[0]["betas"][0]]


@fault(
    "#86454",
    "`LinearLR(start_factor=0)`",
    "raises ValueError: its recursion could not leave 0",
    "warms up from 0",
    torch_gives="ValueError",
    etude_gives=[0.0, 0.25, 0.5],
)
def warmup_from_zero(lib):
    optimizer = sgd()
    return advance(optimizer, lib.LinearLR(optimizer, 0.0, total_iters=4), 2)


@fault(
    "–",
    "`ConstantLR(factor=0)`",
    "raises ZeroDivisionError when it ends",
    "ends",
    torch_gives="ZeroDivisionError",
    etude_gives=[0.0, 0.0, 1.0],
)
def constant_zero(lib):
    optimizer = sgd()
    return advance(optimizer, lib.ConstantLR(optimizer, 0.0, 2), 2)


@fault(
    "PR #180594",
    "a `ChainedScheduler` whose later part is a `LambdaLR`, cyclic or one-cycle",
    "the earlier parts are ignored",
    "all multiply",
    torch_gives=[1.0, 1.0, 1.0],
    etude_gives=[1.0, 0.5, 0.25],
)
def chained_ignores_the_first(lib):
    optimizer = sgd()
    parts = [lib.ExponentialLR(optimizer, 0.5), lib.LambdaLR(optimizer, lambda _: 1.0)]
    return advance(optimizer, lib.ChainedScheduler(parts), 2)


@fault(
    "#68332",
    "the lr of an update without stepping there",
    "no such method",
    "`scheduler.lr_at(t)`",
    torch_gives="AttributeError",
    etude_gives=[0.25],
)
def lr_of_any_update(lib):
    return lib.StepLR(sgd(), 2, 0.5).lr_at(5)


@fault(
    "–",
    "a float32 tensor lr over 10,000 updates",
    "drifts by more than 1e-5 of itself",
    "is rounded once",
    torch_gives=True,
    etude_gives=False,
)
def drift_of_a_tensor_lr(lib):
    lr = torch.tensor(1.0)
    optimizer = SGD([weight()], lr=lr)
    scheduler = lib.CosineAnnealingLR(optimizer, 20_000, eta_min=0.1)
    optimizer.step()
    for _ in range(10_000):
        scheduler.step()
    return abs(float(lr) / 0.55 - 1) > 1e-5


def happens(measure, lib):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return measure(lib)
    except Exception as error:  # noqa: BLE001 - any is a result here
        return type(error).__name__


CASES = pytest.mark.parametrize("case", FAULTS, ids=[case.name for case in FAULTS])


def same(found, expected):
    if isinstance(found, str) or isinstance(expected, str):
        return found == expected
    return found == pytest.approx(expected, rel=1e-3, abs=1e-9)


@CASES
def test_torch_has_the_fault(case):
    found = happens(case.measure, torch_own)
    assert same(found, case.torch_gives), f"torch gives {found}: is the fault mended?"


@CASES
def test_etude_has_not(case):
    found = happens(case.measure, ours)
    assert same(found, case.etude_gives), f"étude gives {found}"
    assert not same(found, case.torch_gives)


def table():
    head = (
        "| torch's issue | symptom | torch 2.13 | `etude.compat` | test |\n|---|---|---|---|---|\n"
    )
    rows = [
        (case.issue, case.symptom, case.torch_does, case.etude_does, f"`{case.name}`")
        for case in FAULTS
    ]
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_the_page_has_this_table():
    assert table() in PAGE.read_text(encoding="utf-8"), "run python tests/compat/test_faults.py"


def test_readme_and_changelog_count_the_faults_right():
    root = PAGE.parents[1]
    assert f"lists {len(FAULTS)} faults" in (root / "README.md").read_text(encoding="utf-8")
    assert f"without {len(FAULTS)} faults" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    start = text.index("| torch's issue |")
    stop = text.index("\n\n", start) + 1
    PAGE.write_text(text[:start] + table() + text[stop:], encoding="utf-8")
