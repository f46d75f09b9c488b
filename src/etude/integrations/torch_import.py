"""Living torch schedulers as étude's: read their settings, not their steps.

A class whose rate is a function of the update is read by name and gives the same multipliers at
every update, also when it is in the middle of a run. What has no such function (your own class, a
scheduler inside another that torch itself does not step right) is driven on a copy and tabulated.
"""

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import SWALR

from etude.errors import ScheduleError
from etude.integrations.torch import Scheduler
from etude.integrations.transformers import of_lambda
from etude.schedules import Schedule, constant, function
from etude.schedules.conventions import Imported
from etude.schedules.conventions import torch as by_name
from etude.schedules.conventions.parts import positive, scaled, stairs_of

PLATEAU = (
    "ReduceLROnPlateau follows a metric, so that it is no function of the update: it is a "
    "controller; use étude's plateau (etude.controllers), which judges negative metrics right"
)
Reader = Callable[[Any, int, int | None], Imported]
"""From a scheduler, a param group's index and the run's length to its import."""


@dataclass(frozen=True, slots=True)
class FromTorch:
    """What `from_torch` found.

    Attributes:
        groups: Each param group's schedule; its `peak_lr` is what a multiplier of 1 stands for.
        t: Index of the next update.
        optimizer: The optimizer that the scheduler drives.
    """

    groups: tuple[Imported, ...]
    t: int
    optimizer: Optimizer

    @property
    def schedule(self) -> Schedule:
        """The schedule of all groups.

        Raises:
            ScheduleError: They have different ones, as with absolute minima or a list of lambdas.
        """
        if not self._shared():
            raise ScheduleError(
                "the param groups have different schedules; take them from .groups, one each"
            )
        return self.groups[0].schedule

    def lrs(self, t: int) -> list[float]:
        """Give the rate of each group at update t."""
        return [(group.peak_lr or 0.0) * group.schedule(t) for group in self.groups]

    def differences(self, updates: int) -> tuple[str, ...]:
        """Say in sentences what torch does otherwise than étude, over a run of so many updates."""
        many = [sentence for group in self.groups for sentence in group.differences(updates)]
        return tuple(dict.fromkeys(many))

    def attach(self) -> LRScheduler:
        """Drive the optimizer by étude from update t on; let go of the torch scheduler.

        Gives an `etude.Scheduler`, or torch's LambdaLR over the schedules where groups differ.
        """
        for group, found in zip(self.optimizer.param_groups, self.groups, strict=True):
            group["initial_lr"] = found.peak_lr
        if not self._shared():
            rules = [group.schedule.__call__ for group in self.groups]
            return lr_scheduler.LambdaLR(self.optimizer, list(rules), last_epoch=self.t - 1)
        taken = Scheduler(self.optimizer, self.groups[0].schedule)
        taken.load_state_dict(taken.state_dict() | {"last_epoch": self.t})
        return taken

    def _shared(self) -> bool:
        first = self.groups[0].schedule
        return all(g.schedule is first or g.schedule == first for g in self.groups[1:])


def from_torch(scheduler: LRScheduler, *, updates: int | None = None) -> FromTorch:
    """Read a living torch scheduler, at any point of its run.

    Args:
        scheduler: Any class of torch.optim.lr_scheduler, SWALR, one of transformers' lambdas, or
            étude's own; it is not touched.
        updates: Length of the run, from its start. Schedules that grow for ever hold there, and
            one without a closed form, such as your own class, is tabulated up to there.

    Raises:
        ScheduleError: It follows a metric, or needs `updates`, or its rates cannot be multiples
            of a peak.
    """
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        raise ScheduleError(PLATEAU)
    if not isinstance(scheduler, LRScheduler):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ScheduleError(f"from_torch takes a torch scheduler, got {scheduler!r}")
    optimizer, t = scheduler.optimizer, _next_update(scheduler)
    count = range(len(optimizer.param_groups))
    if _has_reader(scheduler):
        groups = tuple(_read(scheduler, index, updates) for index in count)
    elif updates is None:
        raise ScheduleError(
            f"{_described(scheduler)} has no closed form; give the length of the run as "
            "updates=, and its rates are tabulated"
        )
    else:
        groups = _tabulated(scheduler, t, updates)
    return FromTorch(
        tuple(map(_compared, groups, optimizer.param_groups, [t] * len(groups))), t, optimizer
    )


# ---- one class each


def _base(scheduler: Any, index: int) -> float:
    return float(scheduler.base_lrs[index])


def _relative(name: str, *settings: str) -> Reader:
    """Give the reader of a class whose settings say all; its peak is the group's base lr."""

    def read(scheduler: Any, index: int, updates: int | None) -> Imported:
        values = {setting: getattr(scheduler, setting) for setting in settings}
        if name in {"StepLR", "ExponentialLR"}:
            values["updates"] = updates
        return replace(by_name.READERS[name](**values), peak_lr=_base(scheduler, index))

    return read


def _minimum(name: str, *settings: str) -> Reader:
    """Give the reader of a class with an absolute minimum, which is another share per group."""

    def read(scheduler: Any, index: int, updates: int | None) -> Imported:
        del updates
        lr = _base(scheduler, index)
        values = {setting: getattr(scheduler, setting) for setting in settings}
        return replace(by_name.READERS[name](**values, lr=lr), peak_lr=lr)

    return read


def _multi_step(scheduler: Any, index: int, updates: int | None) -> Imported:
    del updates
    milestones = sorted(scheduler.milestones.elements())
    found = by_name.multi_step_lr(milestones, scheduler.gamma)
    return replace(found, peak_lr=_base(scheduler, index))


def _lambda(scheduler: Any, index: int, updates: int | None) -> Imported:
    del updates
    rule = scheduler.lr_lambdas[index]
    found = of_lambda(rule) or Imported("torch", "LambdaLR", function(rule))
    return replace(found, peak_lr=_base(scheduler, index))


def _multiplicative(scheduler: Any, index: int, updates: int | None) -> Imported:
    del updates
    rule = function(_Running(scheduler.lr_lambdas[index]))
    return Imported("torch", "MultiplicativeLR", rule, peak_lr=_base(scheduler, index))


class _Running:
    """The product of a function's values at 1, 2, … t."""

    def __init__(self, factor: Callable[[int], float]) -> None:
        self.factor, self.products = factor, [1.0]

    def __call__(self, t: float) -> float:
        while len(self.products) <= t:
            self.products.append(self.products[-1] * self.factor(len(self.products)))
        return self.products[int(t)]


def _cyclic(scheduler: Any, index: int, updates: int | None) -> Imported:
    del updates
    if scheduler._scale_fn_custom is not None:  # noqa: SLF001 - torch keeps it nowhere else
        raise ScheduleError("a CyclicLR with a scale_fn of its own is not read; use LambdaLR")
    up = scheduler.total_size * scheduler.step_ratio
    return by_name.cyclic_lr(
        _base(scheduler, index),
        float(scheduler.max_lrs[index]),
        round(up),
        round(scheduler.total_size - up),
        scheduler.mode,
        scheduler.gamma,
        cycle_momentum=scheduler.cycle_momentum,
    )


def _one_cycle(scheduler: Any, index: int, updates: int | None) -> Imported:
    del updates
    group, phases = scheduler.optimizer.param_groups[index], scheduler._schedule_phases  # noqa: SLF001
    peak, start, low = (float(group[name]) for name in ("max_lr", "initial_lr", "min_lr"))
    total = scheduler.total_steps
    return by_name.one_cycle_lr(
        peak,
        total,
        pct_start=(phases[0]["end_step"] + 1) / total,
        anneal_strategy=scheduler._anneal_func_type,  # noqa: SLF001
        div_factor=peak / start,
        final_div_factor=start / positive("min_lr", low),
        three_phase=len(phases) == 3,  # noqa: PLR2004 - as its name says
        cycle_momentum=scheduler.cycle_momentum,
    )


def _swa(scheduler: Any, index: int, updates: int | None) -> Imported:
    """Read SWALR, which begins at whatever rate it finds: work back from the present one."""
    del updates
    group, size = scheduler.optimizer.param_groups[index], scheduler.anneal_epochs
    end, now = float(group["swa_lr"]), float(group["lr"])
    x = min(max(scheduler.last_epoch, 0) / max(size, 1), 1.0) if size else 1.0
    share = scheduler.anneal_func(x)
    start = (now - share * end) / (1 - share) if share < 1 else max(end, now)
    strategy = scheduler._anneal_strategy  # noqa: SLF001
    if share >= 1:
        return Imported("torch", "SWALR", constant(end / start), peak_lr=start)
    return replace(by_name.swa_lr(end, size, strategy, lr=start), peak_lr=start)


def _sequential(scheduler: Any, index: int, updates: int | None) -> Imported:
    parts, milestones = scheduler._schedulers, scheduler._milestones  # noqa: SLF001
    first = sum(at <= 0 for at in milestones)
    base = positive("initial_lr", float(scheduler.optimizer.param_groups[index]["initial_lr"]))
    found: list[Imported] = []
    for place, part in enumerate(parts):
        read = _read(part, index, updates)
        # the first one starts from what SequentialLR resets the rate to; the later ones from
        # their own base, and those that set the rate do so always
        own = place != first or read.name in _SETS
        peak = float(read.peak_lr or 0.0) if own else base
        found.append(replace(read, schedule=scaled(peak / base, read.schedule)))
    return replace(by_name.sequence(found, milestones), peak_lr=base)


def _chained(scheduler: Any, index: int, updates: int | None) -> Imported:
    parts = scheduler._schedulers  # noqa: SLF001
    found = by_name.product([_read(part, index, updates) for part in parts])
    base = float(scheduler.optimizer.param_groups[index]["initial_lr"])
    last = _read(parts[-1], index, updates)
    return replace(found, peak_lr=last.peak_lr if last.name in _SETS else base)


def _own(scheduler: Any, index: int, updates: int | None) -> Imported:
    del updates
    return Imported("étude", "Scheduler", scheduler.schedule, peak_lr=scheduler.base_lrs[index])


_SETS = {"CyclicLR", "OneCycleLR", "CosineAnnealingWarmRestarts", "LambdaLR"}
_READERS: dict[type, Reader] = {
    lr_scheduler.LambdaLR: _lambda,
    lr_scheduler.MultiplicativeLR: _multiplicative,
    lr_scheduler.StepLR: _relative("StepLR", "step_size", "gamma"),
    lr_scheduler.MultiStepLR: _multi_step,
    lr_scheduler.ConstantLR: _relative("ConstantLR", "factor", "total_iters"),
    lr_scheduler.LinearLR: _relative("LinearLR", "start_factor", "end_factor", "total_iters"),
    lr_scheduler.ExponentialLR: _relative("ExponentialLR", "gamma"),
    lr_scheduler.PolynomialLR: _relative("PolynomialLR", "total_iters", "power"),
    lr_scheduler.CosineAnnealingLR: _minimum("CosineAnnealingLR", "T_max", "eta_min"),
    lr_scheduler.CosineAnnealingWarmRestarts: _minimum(
        "CosineAnnealingWarmRestarts", "T_0", "T_mult", "eta_min"
    ),
    lr_scheduler.CyclicLR: _cyclic,
    lr_scheduler.OneCycleLR: _one_cycle,
    lr_scheduler.SequentialLR: _sequential,
    lr_scheduler.ChainedScheduler: _chained,
    SWALR: _swa,
    Scheduler: _own,
}
"""Each class of torch 2.13; a subclass may have other rates, and is tabulated."""

# ---- what holds for all


def _has_reader(scheduler: Any, *, inside: bool = False) -> bool:
    """Say whether the rate is a function of the update that we know."""
    kind = type(scheduler)
    if kind not in _READERS or (inside and kind is lr_scheduler.ChainedScheduler):
        return False
    if kind is lr_scheduler.CyclicLR:
        return scheduler._scale_fn_custom is None and scheduler.total_size.is_integer()  # noqa: SLF001
    parts: Sequence[Any] = getattr(scheduler, "_schedulers", [])
    if inside and parts:
        return False
    if kind is lr_scheduler.SequentialLR and any(_starts_from_the_rate(p) for p in parts[1:]):
        return False
    if kind is lr_scheduler.ChainedScheduler and not _multiplies(parts):
        return False
    return all(_has_reader(part, inside=True) for part in parts)


def _starts_from_the_rate(scheduler: Any) -> bool:
    """Say whether a later part of a SequentialLR starts from the rate that it finds."""
    return type(scheduler) in {lr_scheduler.MultiplicativeLR, SWALR}


def _multiplies(parts: Sequence[Any]) -> bool:
    """Say whether the rate of a ChainedScheduler is a product, or its last one's."""
    sets = (lr_scheduler.CyclicLR, lr_scheduler.OneCycleLR, lr_scheduler.LambdaLR)
    sets = (*sets, lr_scheduler.CosineAnnealingWarmRestarts)
    same_t = len({part.last_epoch for part in parts if hasattr(part, "last_epoch")}) == 1
    if not same_t or any(isinstance(part, SWALR) for part in parts):
        return False
    if type(parts[-1]) in sets or len(parts) == 1:
        return True
    waves = [part for part in parts if type(part) is lr_scheduler.CosineAnnealingLR]
    plain = not any(type(part) in sets for part in parts)
    return plain and len(waves) <= 1 and all(wave.eta_min == 0 for wave in waves)


def _read(scheduler: Any, index: int, updates: int | None) -> Imported:
    return _READERS[type(scheduler)](scheduler, index, updates)


def _next_update(scheduler: Any) -> int:
    if isinstance(scheduler, lr_scheduler.ChainedScheduler):
        return max(_next_update(part) for part in scheduler._schedulers)  # noqa: SLF001
    return int(scheduler.last_epoch)


def _described(scheduler: Any) -> str:
    parts = [type(part).__name__ for part in getattr(scheduler, "_schedulers", [])]
    return type(scheduler).__name__ + (f" of {', '.join(parts)}" if parts else "")


def _compared(found: Imported, group: dict[str, Any], t: int) -> Imported:
    """Note when the optimizer's rate is not the schedule's: torch goes on from that rate."""
    now = float(group["lr"])
    expected = (found.peak_lr or 0.0) * found.schedule(t)
    if math.isclose(now, expected, rel_tol=1e-5, abs_tol=1e-9 * (found.peak_lr or 1.0)):
        return found
    return found.noting(
        f"the optimizer has lr {now:.6g} at update {t} where the schedule says {expected:.6g} (a "
        "resume in the wrong order, or an edit): torch goes on from it, étude follows the schedule"
    )


def _tabulated(scheduler: LRScheduler, t: int, updates: int) -> tuple[Imported, ...]:
    """Drive a copy to the end of the run and keep its rates; before t the present one stands."""
    optimizer = scheduler.optimizer
    rows = [[float(group["lr"]) for group in optimizer.param_groups]]
    twin_optimizer = _without_weights(optimizer)
    twin = copy.deepcopy(scheduler, {id(optimizer): twin_optimizer})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch misses the optimizer's steps, which are not needed
        rows.extend(_stepped(twin, twin_optimizer, update) for update in range(t + 1, updates))
    since = f", from update {t} on" if t else ""
    note = f"tabulated up to update {updates}, where it holds{since}"
    found: list[Imported] = []
    for values in zip(*rows, strict=True):
        peak = max(values) or 1.0
        table = stairs_of([value / peak for value in [values[0]] * t + list(values)])
        found.append(
            Imported("torch", type(scheduler).__name__, table, peak_lr=peak, notes=(note,))
        )
    return tuple(found)


def _stepped(twin: Any, optimizer: Optimizer, update: int) -> list[float]:
    try:
        twin.step()
    except Exception as error:
        raise ScheduleError(
            f"torch itself fails at update {update} of {_described(twin)}:"
            f" {type(error).__name__} {error}".strip()
        ) from error
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    if not all(0 <= rate < math.inf for rate in rates):
        raise ScheduleError(
            f"torch itself sets the rate {min(rates):.4g} at update {update} of"
            f" {_described(twin)}; a schedule's rates must be finite and >= 0"
        )
    return rates


def _without_weights(optimizer: Optimizer) -> Optimizer:
    """Give an optimizer with the same groups over one number each."""
    groups = [
        {key: copy.deepcopy(value) for key, value in group.items() if key != "params"}
        | {"params": [torch.zeros(1)]}
        for group in optimizer.param_groups
    ]
    twin = torch.optim.SGD(cast("Any", groups), lr=1.0)
    twin.defaults = dict(optimizer.defaults)
    return twin
