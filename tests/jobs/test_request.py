"""`etude.jobs.request`: what a user asks for is checked before the first update."""

import numpy as np
import pytest

from etude.errors import CompareError
from etude.jobs import facts, read_seeds, read_task, read_updates
from etude.tasks import load_task, prepare


def test_seeds_are_a_count_or_a_list():
    assert read_seeds(3) == (0, 1, 2)
    assert read_seeds([7, 1]) == (7, 1)
    assert read_seeds(np.arange(2)) == (0, 1)
    for wrong in (0, [], [1, 1], [0.5], [2**63]):
        with pytest.raises(CompareError, match="seed"):
            read_seeds(wrong)


def test_a_task_comes_by_name_by_value_or_prepared():
    task = load_task("seed-line")
    prepared = prepare(task)
    assert read_task(prepared, None, "cpu") is prepared
    assert read_task("seed-line", 2, "cpu").task.batch_size == 2
    assert read_task(task, None, "cpu").task is task
    with pytest.raises(CompareError, match="keeps its batch_size"):
        read_task(prepared, 2, "cpu")
    with pytest.raises(CompareError, match="got int"):
        read_task(3, None, "cpu")


def test_the_length_is_the_tasks_own_unless_given():
    prepared = prepare(load_task("seed-line"))
    assert read_updates(None, prepared) == prepared.task.budget
    assert read_updates(5, prepared) == 5
    with pytest.raises(CompareError, match="at least 1 update"):
        read_updates(0, prepared)


def test_facts_name_the_sizes():
    found = facts(prepare(load_task("diabetes")))
    assert (found["train"], found["val"], found["metric"]) == (353, 89, "mean_absolute_error")
