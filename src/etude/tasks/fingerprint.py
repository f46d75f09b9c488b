"""What a task does, in one line: two tasks share stored runs only if this is equal.

Code cannot be compared (a loss may live in any file), but behaviour can: the weights a seed gives,
every number of the data, and what a first update would see.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor, nn

from etude.tasks.data import Examples, Resident
from etude.tasks.trees import leaves, shapes

_FIRST = 64
"""Examples that stand for a data set that is too large to read."""


def weights_of(model: nn.Module) -> bytes:
    """Hash a model's parameters and buffers with their names."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return _digest(part for name, value in named for part in (name, value))


def contents_of(data: Examples) -> bytes:
    """Hash a split: all of it where it is in memory, else its size and its first examples."""
    if isinstance(data, Resident):
        return _digest([shapes(data.tensors), *leaves(data.tensors)])
    first = data.take(torch.arange(min(_FIRST, data.size)))
    return _digest([str(data.size), shapes(first), *leaves(first)])


def gradient_of(model: nn.Module) -> bytes:
    """Hash the gradient that the model holds."""
    grads = ((name, value.grad) for name, value in model.named_parameters())
    return _digest(part for name, grad in grads if grad is not None for part in (name, grad))


def join(parts: Iterable[Any]) -> str:
    """Join hashes, tensors and values to one fingerprint, 64 hexadecimal digits."""
    return _digest(parts).hex()


def _digest(parts: Iterable[Any]) -> bytes:
    """Hash values one after another, each with its length so that none can run into the next."""
    total = sha256()
    for part in parts:
        data = _bytes(part)
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.digest()


def _bytes(part: Any) -> Any:
    if isinstance(part, bytes):
        return part
    if not isinstance(part, Tensor):
        return repr(part).encode()
    flat = part.detach().cpu().contiguous().reshape(-1)
    kind = f"{part.dtype}{list(part.shape)}".encode()
    return kind + flat.view(torch.uint8).numpy().tobytes()
