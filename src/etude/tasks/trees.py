"""Batches as trees: a model's input or target may be a tensor, or tuples and dicts of tensors."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor


def map_tensors(function: Callable[[Tensor], Any], tree: Any) -> Any:
    """Apply a function to each tensor of a tree of tuples, lists and dicts.

    Raises:
        TypeError: The tree holds something that is not a tensor.
    """
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, Mapping):
        return {key: map_tensors(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        items = [map_tensors(function, value) for value in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    raise TypeError(kind_of(tree))


def leaves(tree: Any) -> Iterator[Tensor]:
    """Go through the tensors of a tree in order."""
    found: list[Tensor] = []
    map_tensors(found.append, tree)
    return iter(found)


def shapes(tree: Any) -> str:
    """Write a tree's shapes for a message: `[32, 64]`, `{ids: [32, 16]}`, `([2], [3])`."""
    if isinstance(tree, Tensor):
        return str(list(tree.shape))
    if isinstance(tree, Mapping):
        return "{" + ", ".join(f"{key}: {shapes(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, tuple | list):
        return "(" + ", ".join(shapes(value) for value in tree) + ")"
    return kind_of(tree)


def kind_of(value: Any) -> str:
    """Name a value for a message: `a tensor [3]`, `a tuple of 2`, `an int`, `None`."""
    name = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)}"
    if isinstance(value, tuple | list):
        return f"a {name} of {len(value)}"
    if type(value).__module__ == "numpy":
        return f"a numpy {name} (torch.from_numpy makes a tensor of an array)"
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"
