"""From a text to remarks: order, places, comments that silence, and texts that are no code."""

import pytest

import etude
from etude.errors import SourceError
from etude.linter import lint

WRONG = "from torch.optim import SGD\nopt = SGD(p, rate=1)  # etude: ignore{}\nSGD(p, rate=2)\n"


def test_it_is_public_and_loaded_when_it_is_used():
    [found] = etude.lint("import torch\ntorch.optim.SGD(p, learning_rate=1)")
    assert (found.code, found.name, found.place.line) == ("LR101", "wrong-keyword", 2)
    assert found.remedy == "write lr="


def test_remarks_are_in_the_order_of_lines_and_each_place_is_told_once():
    source = (
        "from torch.optim import SGD\n"
        "def make(p):\n    return SGD(p, rate=1)\n"
        "make(a)\nmake(b)\nSGD(p, lr=-1)\nSGD(p, 0.9, 0.01)\n"
    )
    assert [(each.code, each.place.line) for each in lint(source)] == [
        ("LR101", 3),
        ("LR128", 6),
        ("LR111", 7),
    ]


@pytest.mark.parametrize(
    ("comment", "lines"),
    [("", [3]), ("[LR101]", [3]), ("[LR102, LR101]", [3]), ("[LR102]", [2, 3]), ("d", [3])],
)
def test_a_comment_silences_its_line(comment, lines):
    assert [each.place.line for each in lint(WRONG.format(comment))] == lines


def test_a_comment_silences_every_line_of_its_statement_and_no_string_does():
    many = "from torch.optim import SGD\nSGD(\n    p,\n    rate=1,\n)  # etude: ignore[LR101]\n"
    assert lint(many) == ()
    assert len(lint('from torch.optim import SGD\nSGD(p, rate="# etude: ignore")\n')) == 1


def test_columns_count_characters():
    [found] = lint("from torch.optim import SGD\nä = 'ü'; SGD(p, rate=1)\n")
    assert found.place.column == len("ä = 'ü'; SGD(p, ") + 1
    assert found.place.end_column == found.place.column + len("rate=1")


def test_only_asked_rules_answer():
    source = "from torch.optim import SGD\nSGD(p, rate=1)\nSGD(p, lr=-1)\n"
    assert [each.code for each in lint(source, codes=["LR128"])] == ["LR128"]


@pytest.mark.parametrize(
    "source",
    [
        "optim = (",
        "optim\0",
        "def f(:\n optim",
        "optim = " + "(" * 5000,
        "optim = " + "-" * 100_000 + "1",
        "optim = " + "+".join(["x"] * 100_000),
        "optim\n" + "if 1:\n" * 120,
        "x = [" * 3000,
        "\udce4 = 'optim'",
        "print 'optim'",
    ],
)
def test_what_is_no_code_or_too_deep_is_one_sentence(source):
    with pytest.raises(SourceError) as error:
        lint(source)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_deep_code_that_python_parses_is_linted_or_refused():
    for depth in (50, 90, 300, 900):
        source = "optim = " + "f(" * depth + "x" + ")" * depth
        refused = ""
        try:
            assert lint(source) == ()
        except SourceError as error:
            refused = str(error)
        assert not refused or "nested" in refused


def test_calls_of_calls_end():
    """Functions that call each other, or many others, are followed only so far."""
    chain = "".join(f"def f{i}(o):\n    f{i + 1}(o); f{i + 1}(o)\n" for i in range(40))
    source = "from torch.optim import SGD\n" + chain + "f0(SGD(p, lr=1e-3))\n"
    assert lint(source) == ()
    assert lint("from torch.optim import SGD\ndef f(o):\n    f(f)\nf(SGD(p))\n") == ()
