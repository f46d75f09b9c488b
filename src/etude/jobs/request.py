"""What a user asks for, checked before the first update: the task, the seeds, the length."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

from etude.errors import CompareError
from etude.records import finite
from etude.strategies import Strategy
from etude.tasks import Prepared, Task, load_task, prepare

LARGEST_SEED = 2**63
"""A seed must fit into the store."""


def read_updates(updates: int | None, prepared: Prepared) -> int:
    """Give the length of a run in full; None takes the task's own budget.

    Raises:
        CompareError: when it is less than one update.
    """
    if updates is not None and updates < 1:
        raise CompareError(f"a run needs at least 1 update, got updates={updates}")
    return updates or prepared.task.budget


def read_seeds(given: int | Sequence[int]) -> tuple[int, ...]:
    """Give the seeds: so many (0, 1, ...), or just these.

    Raises:
        CompareError: when there are none, one comes twice, or one is no whole number.
    """
    picked = tuple(range(given)) if isinstance(given, int) else tuple(given)
    if not picked or len(set(picked)) < len(picked):
        raise CompareError(f"at least one seed is needed, each once, got seeds={given}")
    if not all(isinstance(seed, Integral) and abs(seed) < LARGEST_SEED for seed in picked):
        raise CompareError(f"a seed must be a whole number below 2**63, got seeds={given}")
    return tuple(map(int, picked))


def read_task(task: Task | Prepared | str, batch_size: int | None, device: str) -> Prepared:
    """Try a task out on a device, with another batch size where one is given.

    Raises:
        CompareError: when it is no task, or is prepared with another batch size.
        TaskError: when it cannot be trained.
    """
    if isinstance(task, Prepared):
        if batch_size not in (None, task.task.batch_size):
            raise CompareError(
                f"a prepared task keeps its batch_size={task.task.batch_size}, got"
                f" batch_size={batch_size}; give the task itself"
            )
        return task
    loaded = load_task(task) if isinstance(task, str) else task
    if not isinstance(loaded, Task):  # pyright: ignore[reportUnnecessaryIsInstance] - users err
        raise CompareError(
            f"a task must be an etude Task or the name of one, got {type(task).__name__}"
        )
    if batch_size is not None:
        loaded = replace(loaded, batch_size=batch_size)
    return prepare(loaded, device=device)


def check_watched(strategy: Strategy, task: Task) -> None:
    """Hold that a strategy's controllers can be told what they watch.

    With `mode=max` that is the task's metric, else its validation loss.

    Raises:
        CompareError: when the task has no metric, or the controllers want different ones.
    """
    modes = {law.maximizes for law in strategy.controllers if law.watches == "metric"}
    if len(modes) > 1:
        raise CompareError(
            "the controllers of a strategy must all watch the validation loss (mode=min) or all"
            f" the metric (mode=max), got `{strategy}`"
        )
    if True in modes and task.metric is None:
        raise CompareError(
            f"mode=max watches the task's metric, and {task.name} has none, got `{strategy}`;"
            " mode=min watches the validation loss"
        )


def facts(prepared: Prepared) -> dict[str, Any]:
    """Give what a report says of a task."""
    task = prepared.task
    return {
        "name": task.name,
        "about": task.about,
        "source": task.source,
        "metric": task.metric_name,
        "maximize": task.maximize,
        "chance": None if prepared.chance is None else finite(prepared.chance),
        "train": prepared.train.size,
        "val": prepared.val.size,
        "parameters": prepared.parameters,
    }
