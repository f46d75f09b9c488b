"""etude.tasks.data"""

import numpy as np
import pytest
import torch
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

import etude.tasks.data as module
from etude.errors import TaskError
from etude.tasks.data import Collated, Resident, batch_size_of, examples, size_of, split


class Squares(Dataset):
    """Items i -> (i, i^2)."""

    def __init__(self, size=20):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, i):
        return torch.tensor([float(i)]), torch.tensor(i * i)


class Noisy(Squares):
    def __getitem__(self, i):
        inputs, target = super().__getitem__(i)
        return inputs + torch.rand(1), target


class Words(Squares):
    """Items of different lengths."""

    def __getitem__(self, i):
        return torch.arange(1 + i % 5), torch.tensor(i)


def pad(items):
    words, targets = zip(*items, strict=True)
    return torch.nn.utils.rnn.pad_sequence(list(words), batch_first=True), torch.stack(targets)


class Stream(IterableDataset):
    def __iter__(self):
        yield torch.ones(1), torch.ones(1)


def test_tensors_are_taken_by_index():
    inputs, targets = torch.randn(10, 2), torch.arange(10)
    part = examples((inputs, targets))
    index = torch.tensor([7, 0, 7])
    assert part.size == 10
    assert torch.equal(part.take(index)[0], inputs[index])
    assert part.take(index)[1].tolist() == [7, 0, 7]


def test_inputs_may_be_a_dict_of_tensors():
    part = examples(({"ids": torch.arange(6), "mask": torch.ones(6, 2)}, torch.arange(6)))
    inputs, targets = part.take(torch.tensor([4, 1]))
    assert inputs["ids"].tolist() == [4, 1]
    assert inputs["mask"].shape == (2, 2)
    assert targets.tolist() == [4, 1]


def test_a_dataset_that_fits_is_read_into_memory():
    part = examples(Squares(2500))
    assert isinstance(part, Resident)
    assert part.size == 2500
    assert [t.tolist() for t in part.take(torch.tensor([3, 2400]))] == [
        [[3.0], [2400.0]],
        [9, 2400**2],
    ]


def test_a_dataset_that_does_not_fit_gives_the_same_batches(monkeypatch):
    monkeypatch.setattr(module, "RESIDENT_BYTES", 100)
    part, whole = (
        examples(Squares()),
        Resident(
            tuple(torch.utils.data.default_collate(list(map(Squares().__getitem__, range(20)))))
        ),
    )
    assert isinstance(part, Collated)
    rows, index = torch.arange(5, 15), torch.tensor([9, 0, 4])
    for a, b in zip(part.rows(rows).take(index), whole.rows(rows).take(index), strict=True):
        assert torch.equal(a, b)
    assert part.to("cpu").device == torch.device("cpu")


def test_a_random_transform_stays_random():
    part = examples(Noisy())
    assert isinstance(part, Collated)
    first = torch.arange(20)
    assert not torch.equal(part.take(first)[0], part.take(first)[0])


def test_a_collate_function_that_pads_is_asked_for_each_batch():
    part = examples(DataLoader(Words(), collate_fn=pad))
    assert isinstance(part, Collated)
    assert part.take(torch.tensor([0, 2]))[0].tolist() == [[0, 0, 0], [0, 1, 2]]


def test_nan_does_not_make_a_dataset_look_random():
    class Holes(Squares):
        def __getitem__(self, i):
            return torch.tensor([torch.nan]), torch.tensor(i)

    assert isinstance(examples(Holes()), Resident)


def test_a_loader_gives_dataset_collate_function_and_batch_size():
    def double(items):
        inputs, targets = torch.utils.data.default_collate(items)
        return inputs * 2, targets

    loader = DataLoader(Squares(), batch_size=7, shuffle=True, collate_fn=double)
    assert batch_size_of(loader) == 7
    assert examples(loader).take(torch.tensor([3]))[0].tolist() == [[6.0]]


def test_a_subset_sampler_is_kept():
    loader = DataLoader(Squares(), sampler=SubsetRandomSampler([2, 5, 11]))
    part = examples(loader)
    assert size_of(loader) == part.size == 3
    assert part.take(torch.arange(3))[1].tolist() == [4, 25, 121]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (7, "given an int"),
        (torch.ones(3, 2), r"given a tensor \[3, 2\]"),
        ((torch.ones(2), torch.ones(2), torch.ones(2)), "given a tuple of 3"),
        ((np.ones((3, 2)), np.ones(3)), "torch tensors.*numpy ndarray .torch.from_numpy"),
        ((torch.ones(3, 2), torch.ones(4)), r"as many rows, given \[3, 4\]"),
        (Stream(), "length.*given a Stream"),
        (DataLoader(Stream()), "length.*given a Stream"),
        (Squares(0), "at least one example, it is empty"),
        ((torch.ones(0, 2), torch.ones(0)), "at least one example, it is empty"),
        (TensorDataset(torch.ones(3)), "an .input, target. pair, given a tuple of 1"),
        (
            DataLoader(Squares(4), sampler=WeightedRandomSampler([1.0] * 4, 4)),
            "each example once per epoch.*WeightedRandomSampler",
        ),
        (DataLoader(Squares(4), batch_size=None), "form its own batches"),
    ],
)
def test_what_is_not_data_is_refused(data, message):
    with pytest.raises(TaskError, match=message):
        examples(data)


def test_a_dataset_that_raises_is_named():
    class Broken(Squares):
        def __getitem__(self, i):
            raise OSError("disk gone")

    with pytest.raises(TaskError, match="reading it raised OSError: disk gone"):
        examples(Broken())


@pytest.mark.parametrize(
    ("size", "train", "val"), [(2, 1, 1), (5, 4, 1), (6, 4, 2), (1797, 1437, 360)]
)
def test_a_fifth_rounded_up_is_held_out(size, train, val):
    rows, held = split(size)
    assert (len(rows), len(held)) == (train, val)
    assert sorted([*rows.tolist(), *held.tolist()]) == list(range(size))
    assert torch.equal(split(size)[1], held)


def test_one_example_cannot_be_split():
    with pytest.raises(TaskError, match=r"at least 2 examples.*give val="):
        split(1)
