"""Text: guess the next character of Python's own standard library."""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from etude.errors import TaskError
from etude.tasks.task import Task

MODULES = ("argparse", "csv", "difflib", "heapq", "json.decoder", "random", "string", "textwrap")
ALPHABET = "\n" + "".join(map(chr, range(32, 127)))
"""A line end and printable ASCII: the same in every Python version."""
CONTEXT = 16
LENGTH = 4096
"""Characters read of each module."""


def characters() -> Task:
    """Guess a character from the 16 before it.

    The last fifth of each module's text is held out, so that no validation character was ever
    seen as part of a training window.

    Raises:
        TaskError: Python was installed without its source.
    """
    codes = [_codes(module) for module in MODULES]
    cut = LENGTH - LENGTH // 5
    return Task(
        _network,
        functional.cross_entropy,
        _windows([code[:cut] for code in codes]),
        val=_windows([code[cut:] for code in codes]),
        metric="accuracy",
        batch_size=64,
        updates=500,
        name="characters",
        about="the next character of Python source, a network over the last 16",
        source="the Python standard library's own source",
    )


def _codes(module: str) -> Tensor:
    """Read the start of a module's source as places in the alphabet, [LENGTH]."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise TaskError(
            f"characters needs the source of Python's own module {module}, it is not installed; "
            "try another task: `etude tasks` lists them"
        )
    text = Path(spec.origin).read_text(encoding="utf-8")
    places = [ALPHABET.index(letter) for letter in text if letter in ALPHABET][:LENGTH]
    return torch.tensor(places)


def _windows(texts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Cut texts into contexts, [n, CONTEXT], and the characters that follow, [n]."""
    rows = torch.cat([text.unfold(0, CONTEXT + 1, 1) for text in texts])
    return rows[:, :-1].contiguous(), rows[:, -1].contiguous()


def _network() -> nn.Module:
    return nn.Sequential(
        nn.Embedding(len(ALPHABET), 16),
        nn.Flatten(),
        nn.Linear(16 * CONTEXT, 128),
        nn.ReLU(),
        nn.Linear(128, len(ALPHABET)),
    )
