"""Whatever the text, linting ends in remarks or in one sentence; and laws of all code."""

import ast
import random

import pytest
from healthy import HEALTHY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planted import cases

from etude.errors import SourceError
from etude.linter import lint
from etude.linter.sources import decoded

CASES = list(cases())
TEXTS = [case.wrong for case in CASES] + list(HEALTHY.values())
quick = settings(max_examples=150, suppress_health_check=list(HealthCheck))


def outcome(source):
    """Lint, or give the one sentence that says why not."""
    refused = ""
    try:
        return lint(source)
    except SourceError as error:
        refused = str(error)
    assert "\n" not in refused
    return ()


@given(st.binary(max_size=400), st.booleans())
@quick
def test_any_bytes(data, notebook):
    refused = ""
    try:
        outcome(decoded(b"# optim\n" * (not notebook) + data, notebook=notebook).text)
    except SourceError as error:
        refused = str(error)
    assert "\n" not in refused


@given(st.text(max_size=300))
@quick
def test_any_text(text):
    outcome("optim\n" + text)


@given(st.sampled_from(TEXTS), st.randoms(use_true_random=False), st.integers(1, 12))
@quick
def test_characters_cut_and_moved(text, chance, count):
    for _ in range(count):
        at, length = chance.randrange(len(text) + 1), chance.randrange(1, 40)
        piece = text[at : at + length]
        text = text[:at] + text[at + length :]
        if chance.random() < 0.5:
            to = chance.randrange(len(text) + 1)
            text = text[:to] + piece + text[to:]
        if not text:
            break
    outcome(text)


class Shuffler(ast.NodeTransformer):
    """Makes other programs out of programs: nodes of the same kind change places."""

    def __init__(self, chance, donors):
        self.chance = chance
        self.donors = donors

    def generic_visit(self, node):
        super().generic_visit(node)
        if isinstance(node, ast.expr) and self.chance.random() < 0.04:
            return self.chance.choice(self.donors[ast.expr])
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and self.chance.random() < 0.15:
            self.chance.shuffle(body)
            body.append(self.chance.choice(self.donors[ast.stmt]))
        return node


@given(st.sampled_from(TEXTS), st.sampled_from(TEXTS), st.integers(0, 2**32))
@quick
def test_programs_made_of_programs(one, other, seed):
    tree = ast.parse(one)
    nodes = list(ast.walk(ast.parse(other)))
    donors = {
        kind: [node for node in nodes if isinstance(node, kind)] for kind in (ast.expr, ast.stmt)
    }
    changed = Shuffler(random.Random(seed), donors).visit(tree)
    try:
        source = ast.unparse(ast.fix_missing_locations(changed))
    except (ValueError, AttributeError, RecursionError):
        return
    outcome(source)


@given(st.sampled_from(CASES), st.integers(0, 40))
@quick
def test_blank_lines_and_comments_before_move_lines_and_nothing_else(case, count):
    plain = [(each.code, each.place.line, each.message) for each in lint(case.right)]
    assert plain == []
    moved = lint("# é\n\n" * count + case.wrong)
    there = lint(case.wrong)
    assert [(each.code, each.place.line - 2 * count) for each in moved] == [
        (each.code, each.place.line) for each in there
    ]


@given(st.sampled_from(CASES))
@quick
def test_code_beside_changes_nothing(case):
    """A function that nothing calls is interpreted apart."""
    apart = "def other():\n    from torch.optim import SGD\n    return SGD(p, lr=0.1)\n"
    found = [each.code for each in lint(case.wrong + "\n" + apart)]
    assert [code for code in found if code != "LR129"] == [
        each.code for each in lint(case.wrong) if each.code != "LR129"
    ]


@pytest.mark.parametrize("text", TEXTS[::17])
def test_every_beginning_of_a_file(text):
    for end in range(0, len(text), 7):
        outcome(text[:end])
