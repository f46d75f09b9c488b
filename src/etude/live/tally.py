"""Counts the calls of optimizer and schedulers, for the rules of `etude.diagnosis.counting`.

Nothing is wrapped: a scheduler's own counter says how often it was stepped, and it is read at each
update. A wrapped `step` would land in torch's `state_dict`, which is all of a scheduler's dict.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import Tensor
from torch.optim import Optimizer, lr_scheduler

from etude.diagnosis.counts import Counts, SchedulerCounts
from etude.errors import WatchError
from etude.integrations.torch import Scheduler


class Tally:
    """What was counted of one run so far.

    Args:
        optimizer: the optimizer that is watched.
        schedulers: all that set its lr.
        start: updates done before.
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[Any], start: int) -> None:
        self._optimizer = optimizer
        self._schedulers = [_Stepped(each, optimizer) for each in schedulers]
        self._start = start
        self.updates = start
        self.losses = 0
        self.attempts = 0
        """Updates that a gradient scaler was asked for."""
        self.overflown = 0
        """Updates that a fused optimizer skipped by itself."""
        self._changed, self._changed_at = 0, 0

    def before_update(self, *, scaled: bool) -> None:
        """Count what happened since the last update; `scaled`: a gradient scaler is known."""
        first = self.updates == self._start
        tried_before = self.attempts > 1 if scaled else self.losses > 1
        for each in self._schedulers:
            each.look(self.updates, early=first and not tried_before)
        if self._schedulers and not self._as_scheduled():
            self._changed_at = self._changed_at if self._changed else self.updates
            self._changed += 1

    def _as_scheduled(self) -> bool:
        """Say whether the lr is what one of the schedulers left; a tensor's is not read."""
        lrs = [group["lr"] for group in self._optimizer.param_groups]
        ours = [each.lrs for each in self._schedulers if each.ours]
        if not all(ours) or any(isinstance(lr, Tensor) for lr in lrs):
            return True
        return any(lrs[: len(each)] == each for each in ours) or not ours

    def counts(self, total: int | None, epoch: int | None, *, ended: bool) -> Counts:
        """Give all that was counted."""
        for each in self._schedulers:
            each.look(self.updates, early=False)
        stepped = self.updates - self._start
        missed = max(0, self.attempts - stepped) if self.attempts else 0
        watched = stepped - self.overflown
        return Counts(
            updates=self._start + watched,
            losses=self.losses,
            watched=watched,
            skipped=missed + self.overflown,
            total=total,
            epoch=epoch,
            schedulers=tuple(each.counts() for each in self._schedulers),
            changed=self._changed,
            changed_at=self._changed_at,
            ended=ended,
        )


class _Stepped:
    """One scheduler, and when its counter moved."""

    def __init__(self, scheduler: Any, optimizer: Optimizer) -> None:
        inner = getattr(scheduler, "scheduler", scheduler)  # accelerate wraps them
        self._inner, self._counter = inner, _counter(inner)
        self.ours = _bare(getattr(inner, "optimizer", None)) is _bare(optimizer)
        self._first = self._seen = self._position()
        self._early = self._most = 0
        self._moves: list[tuple[int, int]] = []  # the first and the last: (updates, position)

    def _position(self) -> int:
        return int(self._counter.last_epoch)

    @property
    def lrs(self) -> list[Any]:
        """The lrs that it set last; empty where it does not say."""
        return list(getattr(self._inner, "_last_lr", []))

    def look(self, updates: int, *, early: bool) -> None:
        """See how often it was stepped since the last look."""
        position = self._position()
        steps = position - self._seen
        self._seen = position
        if steps <= 0:
            return
        self._early += early and steps == 1  # more: it was moved there, as a resumed run does
        self._most = max(self._most, steps)
        self._moves = [*self._moves[:1], (updates, position)]

    def counts(self) -> SchedulerCounts:
        """Give what was seen."""
        every = None
        if len(self._moves) > 1:
            (began, first), (now, last) = self._moves
            every = (now - began) / (last - first)
        elif self._most > 1:
            every = 1 / self._most
        length, acts_at = planned(self._inner)
        return SchedulerCounts(
            name=type(self._inner).__name__,
            ours=self.ours,
            steps=self._seen,
            early=self._early,
            every=every,
            most=self._most,
            length=length,
            acts_at=acts_at,
        )


def _counter(scheduler: Any) -> Any:
    """Give what counts a scheduler's steps: itself, or the last of a chain."""
    while not hasattr(scheduler, "last_epoch") and getattr(scheduler, "_schedulers", None):
        scheduler = scheduler._schedulers[-1]  # noqa: SLF001 - a ChainedScheduler's own
    if getattr(scheduler, "last_epoch", None) is None:
        raise WatchError(
            f"a scheduler must count its steps in last_epoch, as torch's do, got {scheduler!r}; "
            "watch the optimizer without it"
        )
    return scheduler


def _bare(optimizer: Any) -> Any:
    return getattr(optimizer, "optimizer", optimizer)


def planned(scheduler: Any) -> tuple[int | None, int | None]:
    """Give the steps until a scheduler's shape ends, and until it first acts where it waits.

    None where it has no end, or none that can be read. What only warms up has no end that matters.
    """
    if isinstance(scheduler, Scheduler):
        length = getattr(scheduler.schedule, "length", None)
        return (length if isinstance(length, int) else None), None
    if isinstance(scheduler, lr_scheduler.SequentialLR):
        inner = scheduler._schedulers  # noqa: SLF001 - there is no public name
        last, _ = planned(inner[-1])
        return (None if last is None else scheduler._milestones[-1] + last), None  # noqa: SLF001
    if isinstance(scheduler, lr_scheduler.ChainedScheduler):
        inner = [planned(each)[0] for each in scheduler._schedulers]  # noqa: SLF001
        return max((each for each in inner if each), default=None), None
    return _length(scheduler), _acts_at(scheduler)


def _length(scheduler: Any) -> int | None:
    match scheduler:
        case lr_scheduler.CosineAnnealingLR():
            return int(scheduler.T_max)
        case lr_scheduler.OneCycleLR():
            return int(scheduler.total_steps)
        case lr_scheduler.PolynomialLR():
            return int(scheduler.total_iters)
        case lr_scheduler.LinearLR() if scheduler.end_factor < scheduler.start_factor:
            return int(scheduler.total_iters)
        case lr_scheduler.LambdaLR():
            # transformers' schedules are partial functions with the run's length by name
            rule = scheduler.lr_lambdas[0]
            steps = rule.keywords.get("num_training_steps") if isinstance(rule, partial) else None
            return int(steps) if steps else None
    return None


def _acts_at(scheduler: Any) -> int | None:
    match scheduler:
        case lr_scheduler.MultiStepLR():
            return min(scheduler.milestones, default=None)
        case lr_scheduler.StepLR():
            return int(scheduler.step_size)
    return None
