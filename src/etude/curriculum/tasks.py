"""The tasks of experiments: étude's ready-made ones, and a few that only teach.

A task is named by a text, with options where its function has any: `double-well noise=0`.
"""

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from etude.curriculum.places import unknown
from etude.errors import ContentError
from etude.tasks import READY, Prepared, Task, digits, prepare
from etude.tasks.data import split


def mislabelled(*, share: float = 0.2) -> Task:
    """Tell digits apart where a share of the training labels is wrong; validation is clean."""
    task = digits()
    pixels, labels = _pair(task)
    train, val = split(len(labels))
    draw = torch.Generator().manual_seed(0)
    wrong = torch.rand(len(train), generator=draw) < share
    other = (labels[train] + torch.randint(1, 10, (len(train),), generator=draw)) % 10
    noisy = torch.where(wrong, other, labels[train])
    return replace(
        task,
        train=(pixels[train], noisy),
        val=(pixels[val], labels[val]),
        name="mislabelled",
        about=f"handwritten digits, {share:.0%} of the training labels wrong",
    )


def wild_units(*, spread: float = 3.0) -> Task:
    """Fit a line to six inputs whose units differ by powers of ten; spread 0 makes them alike.

    The inputs are standard normal times 10^(-spread .. spread); the target weighs each in its own
    unit, so that a least-squares fit is exact and only the descent is hard.
    """
    draw = torch.Generator().manual_seed(0)
    plain = torch.randn(256, 6, generator=draw)
    units = torch.logspace(-spread, spread, 6)
    target = plain.sum(1, keepdim=True)
    return Task(
        _plane,
        functional.mse_loss,
        (plain * units, target),
        val=(plain * units, target),
        batch_size=256,
        updates=2000,
        name="wild-units",
        about="a linear fit whose inputs have very different units",
        source="computed",
    )


def nothing_to_learn() -> Task:
    """Predict targets that have nothing to do with the inputs: the best possible loss is 1."""
    draw = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(4096, 10, generator=draw), torch.randn(4096, 1, generator=draw)
    return Task(
        _tiny_plane,
        functional.mse_loss,
        (inputs, targets),
        batch_size=16,
        updates=400,
        name="nothing-to-learn",
        about="random targets",
        source="computed",
    )


def transformer(*, norm: str = "post", layers: float = 6) -> Task:
    """Tell digits apart with a small transformer over the eight rows of a scan.

    Args:
        norm: "post" puts each layer norm after the residual sum, as the first transformers did;
            "pre" puts it before the layer.
        layers: how many layers.
    """
    task = digits()
    pixels, labels = _pair(task)
    return replace(
        task,
        model=lambda: _Transformer(norm == "pre", int(layers)),
        train=(pixels.reshape(-1, 8, 8), labels),
        updates=300,
        name=f"transformer-{norm}",
        about=f"handwritten digits, a {norm}-norm transformer of {layers:g} layers",
    )


class _Transformer(nn.Module):
    """Attention over the rows of a scan, [n, 8, 8] -> [n, 10]."""

    def __init__(self, norm_first: bool, layers: int) -> None:
        super().__init__()
        width = 32
        self.embed = nn.Linear(8, width)
        self.place = nn.Parameter(0.1 * torch.randn(8, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 64, dropout=0.0, batch_first=True, norm_first=norm_first
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.read = nn.Linear(width, 10)

    def forward(self, rows: Tensor) -> Tensor:
        """Give the logits."""
        return self.read(self.layers(self.embed(rows) + self.place).mean(1))


def _pair(task: Task) -> tuple[Tensor, Tensor]:
    train: Any = task.train
    return train


def _plane() -> nn.Module:
    return nn.Linear(6, 1, bias=False)


def _tiny_plane() -> nn.Module:
    return nn.Linear(10, 1)


TASKS: dict[str, Callable[..., Task]] = {
    **READY,
    "mislabelled": mislabelled,
    "wild-units": wild_units,
    "nothing-to-learn": nothing_to_learn,
    "transformer": transformer,
}


def make_task(text: str) -> Task:
    """Build the task that a text names.

    Raises:
        ContentError: there is no such task or option.
    """
    name, *words = text.split()
    if name not in TASKS:
        raise ContentError(unknown("task", name, TASKS))
    allowed = list(inspect.signature(TASKS[name]).parameters)
    options: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in allowed:
            raise ContentError(unknown(f"option of {name}", key, allowed or ["none"]))
        options[key] = _value(value)
    try:
        return TASKS[name](**options)
    except TypeError as error:
        raise ContentError(f"task {text!r} cannot be made: {error}") from None


def _value(text: str) -> float | str:
    for read in (int, float):
        with suppress(ValueError):
            return read(text)
    return text


@cache
def prepared(text: str) -> Prepared:
    """Give the task that a text names, tried out; the same one again for the same text."""
    return prepare(make_task(text))
