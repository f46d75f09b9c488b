"""etude.tasks.metrics"""

import pytest
import torch

from etude.errors import TaskError
from etude.tasks import accuracy


def test_scores_per_class_count_where_the_largest_is_the_target():
    outputs = torch.tensor([[3.0, 1.0], [0.0, 2.0], [5.0, 4.0]])
    assert accuracy(outputs, torch.tensor([0, 1, 1])) == pytest.approx(2 / 3)


def test_classes_may_come_second_or_last():
    targets = torch.tensor([[0, 1, 2], [2, 0, 0]])
    last = torch.nn.functional.one_hot(targets, 4).float()
    assert accuracy(last, targets) == 1
    assert accuracy(last.transpose(1, 2), targets) == 1
    assert accuracy(last, (targets + 1) % 3) == 0


def test_one_logit_per_answer_is_read_by_its_sign():
    outputs = torch.tensor([[2.0], [-1.0], [0.5], [-3.0]])
    assert accuracy(outputs, torch.tensor([[1.0], [0.0], [0.0], [0.0]])) == 0.75


def test_probabilities_as_targets_are_compared_by_their_largest():
    outputs = torch.tensor([[0.1, 0.9], [0.8, 0.2]])
    assert accuracy(outputs, torch.tensor([[0.3, 0.7], [0.4, 0.6]])) == 0.5


def test_shapes_that_fit_nothing_are_named():
    with pytest.raises(TaskError, match=r"outputs \[4, 3\] and targets \[5\]"):
        accuracy(torch.zeros(4, 3), torch.zeros(5))
