"""From what a user has (tensors, a Dataset, a DataLoader) to batches by index.

A training loop that draws its own indices is the same for every data set, can be replayed from a
seed, and is several times faster on small data than a DataLoader, whose loop costs up to 40 % of
a small model's time. So a Dataset is read into memory once where it fits, and collated batch by
batch where it does not, or where it answers differently each time (random transforms).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
)

from etude.errors import TaskError
from etude.tasks.trees import kind_of, leaves, map_tensors, shapes

Data = tuple[Tensor, Tensor] | Dataset | DataLoader
"""Inputs with targets, [n, ...] each (inputs may also be a tuple or dict of tensors); a Dataset of
(input, target) pairs; or a DataLoader over one."""

RESIDENT_BYTES = 2**30
"""A Dataset larger than this stays where it is."""

SPLIT_SEED = 0x5EED
_SAMPLE = 8
_CHUNK = 1024


class Examples(ABC):
    """One split of the data, as the training loop wants it."""

    __slots__ = ()

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of examples."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where batches lie."""

    @abstractmethod
    def take(self, index: Tensor) -> tuple[Any, Any]:
        """Give the batch (input, target) of these examples, int64 [batch], on the device."""

    @abstractmethod
    def rows(self, index: Tensor) -> "Examples":
        """Give the split that holds only these examples, int64 [n]."""

    @abstractmethod
    def to(self, device: torch.device | str) -> "Examples":
        """Give the same split with its batches on a device."""


@dataclass(frozen=True, slots=True, eq=False)
class Resident(Examples):
    """Examples in memory: a batch is plain tensor indexing."""

    tensors: tuple[Any, Any]
    """Inputs and targets, each a tensor or a tree of tensors, [size, ...]."""

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(next(leaves(self.tensors)))

    @property
    def device(self) -> torch.device:
        """Where batches lie."""
        return next(leaves(self.tensors)).device

    def take(self, index: Tensor) -> tuple[Any, Any]:
        """Give the batch (input, target) of these examples."""
        index = index.to(self.device)
        return map_tensors(lambda t: t.index_select(0, index), self.tensors)

    def rows(self, index: Tensor) -> "Resident":
        """Give the split that holds only these examples."""
        return Resident(self.take(index))

    def to(self, device: torch.device | str) -> "Resident":
        """Give the same split in the memory of a device."""
        return Resident(map_tensors(lambda t: t.to(device), self.tensors))


@dataclass(frozen=True, slots=True, eq=False)
class Collated(Examples):
    """Examples that stay in their Dataset: a batch is read and collated when it is taken."""

    dataset: Any
    collate: Callable[[list[Any]], Any]
    index: Tensor
    """Places in the dataset, int64 [size]."""
    name: str
    """What to call it in messages."""
    where: torch.device | str = "cpu"

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.index)

    @property
    def device(self) -> torch.device:
        """Where batches lie."""
        return torch.device(self.where)

    def take(self, index: Tensor) -> tuple[Any, Any]:
        """Read and collate the batch (input, target) of these examples."""
        places = self.index[index.to("cpu")].tolist()
        batch = self.collate([self.dataset[place] for place in places])
        return map_tensors(lambda t: t.to(self.device), _pair(batch, self.name))

    def rows(self, index: Tensor) -> "Collated":
        """Give the split that holds only these examples."""
        return Collated(self.dataset, self.collate, self.index[index], self.name, self.where)

    def to(self, device: torch.device | str) -> "Collated":
        """Give the same split with its batches on a device."""
        return Collated(self.dataset, self.collate, self.index, self.name, device)


def examples(data: Data, name: str = "train") -> Examples:
    """Make a split of what the user gave.

    Args:
        data: Tensors, Dataset or DataLoader. Of a loader only the dataset, the collate function
            and, for a SubsetRandomSampler, the subset are used.
        name: What to call it in messages: "train" or "val".

    Raises:
        TaskError: It is none of these, is empty, or does not hold (input, target) pairs.
    """
    size = size_of(data, name)
    if size == 0:
        raise TaskError(f"{name} must hold at least one example, it is empty")
    if isinstance(data, DataLoader):
        index = torch.as_tensor(_loader_rows(data, size))
        return _read(Collated(data.dataset, data.collate_fn, index, name))
    if isinstance(data, Dataset):
        return _read(Collated(data, default_collate, torch.arange(size), name))
    return Resident(_pair(data, name))


def size_of(data: Data, name: str = "train") -> int:
    """Count the examples without reading them.

    Raises:
        TaskError: It is not data, or has no length.
    """
    if isinstance(data, DataLoader):
        _check_loader(data, name)
        sampler = _sampler(data)
        whole = not isinstance(sampler, SubsetRandomSampler)
        return _length(data.dataset, name) if whole else len(sampler)
    if isinstance(data, Dataset):
        return _length(data, name)
    if isinstance(data, tuple | list) and len(data) == 2:  # noqa: PLR2004  inputs and targets
        return len(next(leaves(_pair(data, name))))
    raise TaskError(
        f"{name} must be a pair of tensors (inputs, targets), a Dataset or a DataLoader, "
        f"given {kind_of(data)}"
    )


def batch_size_of(data: Any) -> int | None:
    """Give the batch size that a DataLoader was made with; None for all else."""
    sampler = data.batch_sampler if isinstance(data, DataLoader) else None
    return sampler.batch_size if isinstance(sampler, BatchSampler) else None


def split_sizes(size: int) -> tuple[int, int]:
    """Give the sizes of training and validation split: a fifth, rounded up, is held out.

    Raises:
        TaskError: There are fewer than two examples.
    """
    held = -(-size // 5)
    if held == size:
        raise TaskError(
            f"train must hold at least 2 examples so that a fifth can be held out, "
            f"it holds {size}; give val="
        )
    return size - held, held


def split(size: int) -> tuple[Tensor, Tensor]:
    """Draw which examples train and which are held out: int64 [train], [val], always the same."""
    train, _ = split_sizes(size)
    order = torch.randperm(size, generator=torch.Generator().manual_seed(SPLIT_SEED))
    return order[:train].sort().values, order[train:].sort().values


def _read(lazy: Collated) -> Examples:
    """Read a dataset into memory if it fits and always gives the same items."""
    try:
        return _resident(lazy)
    except TaskError:
        raise
    except Exception as error:
        raise TaskError(
            f"{lazy.name} must give an (input, target) pair for each index below its length, "
            f"reading it raised {type(error).__name__}: {error}"
        ) from error


def _resident(lazy: Collated) -> Examples:
    if isinstance(lazy.dataset, TensorDataset) and lazy.collate is default_collate:
        return Resident(_pair(lazy.dataset.tensors, lazy.name)).rows(lazy.index)
    first = torch.arange(min(_SAMPLE, lazy.size))
    sample = lazy.take(first)
    per_item = sum(leaf.nbytes for leaf in leaves(sample)) / len(first)
    if per_item * lazy.size > RESIDENT_BYTES or not _repeats(lazy, first, sample):
        return lazy
    chunks = [lazy.take(part) for part in torch.arange(lazy.size).split(_CHUNK)]
    if len({_row_shapes(chunk) for chunk in (sample, *chunks)}) > 1:
        return lazy  # a collate function that pads each batch to its own length
    return Resident(_join(chunks))


def _repeats(lazy: Collated, first: Tensor, sample: tuple[Any, Any]) -> bool:
    """Tell whether examples are the same when they are read again, one by one.

    They are not under a random transform, which must stay random, nor where the collate function
    makes them depend on their neighbours.
    """
    alone = [lazy.take(one) for one in first.split(1)]
    if len({_row_shapes(batch) for batch in (sample, *alone)}) > 1:
        return False
    pairs = zip(leaves(sample), leaves(_join(alone)), strict=True)
    return all(a.numpy(force=True).tobytes() == b.numpy(force=True).tobytes() for a, b in pairs)


def _join(batches: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    columns = zip(*(leaves(batch) for batch in batches), strict=True)
    joined = iter([torch.cat(column) for column in columns])
    return map_tensors(lambda _: next(joined), batches[0])


def _row_shapes(batch: tuple[Any, Any]) -> str:
    return shapes(map_tensors(lambda t: t[0], batch))


def _pair(batch: Any, name: str) -> tuple[Any, Any]:
    """Check that a batch is (input, target), trees of tensors with as many rows each."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:  # noqa: PLR2004  input and target
        raise TaskError(
            f"each item of {name} must be an (input, target) pair, given {kind_of(batch)}"
        )
    try:
        sizes = [len(leaf) for leaf in leaves(tuple(batch))]
    except TypeError as error:
        raise TaskError(
            f"{name} must hold torch tensors with a row per example, given {error}"
        ) from error
    if len(set(sizes)) != 1:
        raise TaskError(f"inputs and targets of {name} must have as many rows, given {sizes}")
    return batch[0], batch[1]


def _length(dataset: Any, name: str) -> int:
    if hasattr(dataset, "__len__") and not isinstance(dataset, IterableDataset):
        return len(dataset)
    raise TaskError(
        f"{name} must have a length and give items by index, so that a seed fixes their order; "
        f"given {kind_of(dataset)}"
    )


def _sampler(loader: DataLoader) -> Any:
    return loader.batch_sampler.sampler if isinstance(loader.batch_sampler, BatchSampler) else None


def _loader_rows(loader: DataLoader, size: int) -> Any:
    sampler = _sampler(loader)
    return list(sampler.indices) if isinstance(sampler, SubsetRandomSampler) else range(size)


def _check_loader(loader: DataLoader, name: str) -> None:
    """Refuse what étude, which draws its own batches, would silently ignore."""
    _length(loader.dataset, name)
    sampler = _sampler(loader)
    with_replacement = isinstance(sampler, RandomSampler) and sampler.replacement
    known = isinstance(sampler, SequentialSampler | SubsetRandomSampler | RandomSampler)
    if not known or with_replacement:
        raise TaskError(
            f"{name}'s DataLoader must form its own batches and draw each example once per epoch, "
            f"its sampler is {kind_of(sampler or loader.batch_sampler)}; give the Dataset itself"
        )
