"""A schedule as a living scheduler of torch itself, for code that must not need étude."""

from typing import Any

from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from etude.schedules import Schedule
from etude.schedules.conventions.native import Recipe, recipe


def to_torch(schedule: Schedule, optimizer: Optimizer) -> LRScheduler:
    """Give a torch scheduler with the schedule's values up to its end.

    It is one of torch's own classes where that gives the same values (and then it resumes,
    restarts and goes on after the end as torch does), and a LambdaLR over the schedule where not.
    `etude.Scheduler` is the better choice wherever étude may stay.

    Args:
        schedule: A bound schedule.
        optimizer: The optimizer; its groups' lr are the peaks.

    Raises:
        ScheduleError: The schedule is not bound.
    """
    schedule.rule()  # refuses one that is not bound
    peaks = {float(group["lr"]) for group in optimizer.param_groups}
    found = recipe(schedule, peaks.pop() if len(peaks) == 1 else None)
    if found is None:
        return lr_scheduler.LambdaLR(optimizer, schedule.__call__)
    return _built(found, optimizer)


def _built(found: Recipe, optimizer: Optimizer) -> LRScheduler:
    make: Any = getattr(lr_scheduler, found.name)
    parts = [[_built(part, optimizer) for part in found.parts]] if found.parts else []
    return make(optimizer, *parts, **found.settings)
