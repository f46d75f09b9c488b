"""What every piece of work on a task shares: its settings, its runs, the store that keeps them."""

from etude.jobs.job import FAILED, Job, Listener, Silence, versions
from etude.jobs.request import facts, read_seeds, read_task, read_updates

__all__ = [
    "FAILED",
    "Job",
    "Listener",
    "Silence",
    "facts",
    "read_seeds",
    "read_task",
    "read_updates",
    "versions",
]
