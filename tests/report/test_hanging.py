"""`etude.report.hanging`: what hangs from a head."""

import io

from rich.console import Console
from rich.text import Text

from etude.report.hanging import hanging


def hung(head, body, *, width):
    return hanging(Console(file=io.StringIO(), width=width), Text(head), Text(body)).plain


def test_further_lines_are_set_in_and_end_in_no_blanks():
    assert hung("12 ", "sgd lr=0.1\ncosine with warmup", width=14) == (
        "12 sgd lr=0.1\n   cosine with\n   warmup"
    )


def test_what_is_longer_than_a_line_is_broken_and_not_cut():
    assert hung("· ", "momentum=0.9", width=8) == "· moment\n  um=0.9"


def test_a_head_alone_and_a_terminal_narrower_than_it_are_no_crash():
    assert hung("1  ", "", width=80) == "1"
    assert hung("digits  ", "ab", width=5) == "digits  a\n        b"
