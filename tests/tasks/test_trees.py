"""etude.tasks.trees"""

from collections import namedtuple

import numpy as np
import pytest
import torch

from etude.tasks.trees import kind_of, leaves, map_tensors, shapes

Pair = namedtuple("Pair", "left right")  # noqa: PYI024  the plain kind that collate functions make


def test_a_tree_keeps_its_form():
    tree = ({"ids": torch.ones(2)}, [torch.ones(3)], Pair(torch.ones(1), torch.ones(4)))
    doubled = map_tensors(lambda t: t * 2, tree)
    assert doubled[0]["ids"].tolist() == [2, 2]
    assert isinstance(doubled[1], list)
    assert isinstance(doubled[2], Pair)
    assert [len(leaf) for leaf in leaves(tree)] == [2, 3, 1, 4]


def test_what_is_not_a_tensor_is_refused():
    with pytest.raises(TypeError, match="a str"):
        map_tensors(len, (torch.ones(1), "x"))


def test_shapes_and_kinds_are_written_for_people():
    assert shapes({"ids": torch.ones(2, 3), "pair": (torch.ones(1), 5)}) == (
        "{ids: [2, 3], pair: ([1], an int)}"
    )
    assert [kind_of(v) for v in (None, 1.5, (1, 2), torch.ones(2, 3))] == [
        "None",
        "a float",
        "a tuple of 2",
        "a tensor [2, 3]",
    ]
    assert "torch.from_numpy" in kind_of(np.zeros(2))
