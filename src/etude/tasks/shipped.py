"""Tables that scikit-learn ships, read without importing it: that takes seconds, these do not."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from etude.errors import TaskError
from etude.records import Array


def shipped_table(name: str, *, delimiter: str | None = None) -> Array:
    """Read one of the files in scikit-learn's `datasets/data`, float64 [rows, columns].

    Args:
        name: the file's name.
        delimiter: what stands between two numbers; None is white space.

    Raises:
        TaskError: when scikit-learn is not installed or has no such file.
    """
    package = find_spec("sklearn")
    folders = package.submodule_search_locations if package else None
    file = Path((folders or ["sklearn"])[0], "datasets", "data", name)
    if not file.exists():
        raise TaskError(f"this task's data come with scikit-learn, which has no {file}; install it")
    return np.loadtxt(file, delimiter=delimiter)
