"""Whose mistake an error is that comes up while a task trains."""

from collections.abc import Iterator
from contextlib import contextmanager

from etude.errors import EtudeError, TaskError, brief
from etude.strategies import Strategy
from etude.tasks import Prepared


@contextmanager
def blaming_the_task(prepared: Prepared, strategy: Strategy) -> Iterator[None]:
    """Turn what is raised inside into one sentence about the task.

    The probe step passed, so it comes from the user's model, loss, data or metric later on.

    Raises:
        TaskError: when anything but étude's own error is raised.
    """
    try:
        yield
    except EtudeError:
        raise
    except Exception as error:
        raise TaskError(
            f"a task must train to its end, but {prepared.task.name} raised {brief(error)}"
            f" (strategy {strategy})"
        ) from error
