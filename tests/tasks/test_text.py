"""etude.tasks.text"""

from pathlib import Path

import pytest
import torch

import etude.tasks.text as module
from etude.errors import TaskError
from etude.tasks import characters
from etude.tasks.text import ALPHABET, CONTEXT, LENGTH, MODULES

CUT = LENGTH - LENGTH // 5


def decode(places):
    return "".join(ALPHABET[place] for place in places)


def test_windows_are_the_modules_text_and_the_character_that_follows():
    contexts, following = characters().train
    import textwrap

    source = Path(textwrap.__file__).read_text(encoding="utf-8")
    kept = "".join(letter for letter in source if letter in ALPHABET)
    first = MODULES.index("textwrap") * (CUT - CONTEXT)
    assert decode(contexts[first]) == kept[:CONTEXT]
    assert decode(following[first : first + 50]) == kept[CONTEXT : CONTEXT + 50]


def test_sizes_do_not_depend_on_the_python_version():
    task = characters()
    assert task.sizes == (len(MODULES) * (CUT - CONTEXT), len(MODULES) * (LENGTH - CUT - CONTEXT))
    assert max(int(part.max()) for part in (*task.train, *task.val)) < len(ALPHABET) == 96


def test_no_validation_character_was_seen_in_training():
    """The held-out windows of a module start where its training text ends."""
    task = characters()
    contexts, following = task.train
    last = decode(contexts[CUT - CONTEXT - 1]) + decode(following[CUT - CONTEXT - 1 :][:1])
    import argparse

    source = Path(argparse.__file__).read_text(encoding="utf-8")
    kept = "".join(letter for letter in source if letter in ALPHABET)
    assert kept[:CUT].endswith(last)
    assert decode(task.val[0][0]) == kept[CUT : CUT + CONTEXT]


def test_python_without_its_source_is_named(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(TaskError, match="source of Python's own module argparse"):
        characters()


def test_contexts_are_whole_numbers_for_the_embedding():
    assert characters().train[0].dtype == torch.int64
