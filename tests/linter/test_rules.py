"""Each rule on its own page, on the planted corpus, and on code that is right."""

import ast
import inspect
import re
from collections import Counter

import pytest
from healthy import HEALTHY
from planted import cases

from etude.linter import RULES, lint, pages
from etude.linter.catalogue import KNOWN, OPTIMIZERS, SCHEDULERS
from etude.records import Level

CASES = list(cases())
HINTS = {"LR110", "LR112", "LR121", "LR129"}
WARNINGS = {"LR111", "LR116", "LR117", "LR119", "LR123", "LR125", "LR127"}
STABLE = [f"LR{number}" for number in range(101, 131)]


def blocks(page):
    return re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)


def codes(source):
    return [remark.code for remark in lint(source)]


def test_codes_are_stable_for_ever():
    """New rules come behind these; none of these may go or be used again for another."""
    assert list(RULES)[: len(STABLE)] == STABLE
    assert len({rule.name for rule in RULES.values()}) == len(RULES)


@pytest.mark.parametrize("code", RULES)
def test_a_page_has_wrong_code_that_is_found_and_right_code_that_is_not(code):
    wrong, right = blocks(RULES[code].page)
    assert set(codes(wrong)) == {code}
    assert codes(right) == []


@pytest.mark.parametrize("code", RULES)
def test_a_page_says_what_why_and_when_not(code):
    page = RULES[code].page
    for heading in ("**What it sees.**", "**Why it matters.**", "**Silent**"):
        assert heading in page
    title, text = pages()[code]
    assert text.startswith(title)
    assert title.endswith(".")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.name}")
def test_a_planted_mistake_is_found_and_its_twin_is_left_alone(case):
    found = lint(case.wrong)
    assert {remark.code for remark in found} == {case.code}
    assert codes(case.right) == []
    level = next(iter(found)).level
    expected = Level.HINT if case.code in HINTS else Level.WARNING
    if case.code not in HINTS | WARNINGS:
        expected = Level.ERROR
    assert level is expected or case.name.startswith(("per-batch", "accumulated"))


def test_the_corpus_has_six_variants_of_each_rule_and_is_python():
    count = Counter(case.code for case in CASES)
    assert {code: count[code] for code in RULES if count[code] < 6} == {}
    for case in CASES:
        ast.parse(case.wrong)
        ast.parse(case.right)


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_in_code_that_is_right(name):
    assert lint(HEALTHY[name]) == ()


def test_places_are_those_of_the_code():
    for case in CASES:
        lines = case.wrong.splitlines()
        for remark in lint(case.wrong):
            place = remark.place
            assert 1 <= place.line <= place.end_line <= len(lines)
            assert 1 <= place.column <= len(lines[place.line - 1])


@pytest.mark.parametrize(
    ("module", "table"),
    [("torch.optim", OPTIMIZERS), ("torch.optim.lr_scheduler", SCHEDULERS)],
)
def test_signatures_are_those_of_torch(module, table):
    from importlib import import_module

    classes = import_module(module)
    for name in table:
        own = [each for each in KNOWN[f"{module}.{name}"].parameters if each != "verbose"]
        theirs = list(inspect.signature(getattr(classes, name).__init__).parameters)[1:]
        assert own[: len(theirs)] == [each for each in theirs if each in own], name
        assert set(own) == set(theirs), name


def test_no_class_of_torch_is_unknown():
    import torch

    def public(module, base):
        return {
            name
            for name, cls in vars(module).items()
            if inspect.isclass(cls) and issubclass(cls, base) and not name.startswith("_")
        } - {"Optimizer", "LRScheduler"}

    assert public(torch.optim, torch.optim.Optimizer) == set(OPTIMIZERS)
    schedulers = public(torch.optim.lr_scheduler, torch.optim.lr_scheduler.LRScheduler)
    assert schedulers == set(SCHEDULERS)


def test_signatures_are_those_of_transformers():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    from etude.linter.catalogue import HF_SCHEDULES

    for name, own in HF_SCHEDULES.items():
        theirs = list(inspect.signature(getattr(transformers, name)).parameters)
        assert own.split() == theirs
