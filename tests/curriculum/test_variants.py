"""Variants: other numbers, and a key that the engine computes."""

import re

import pytest

from etude.curriculum.loader import load
from etude.curriculum.variants import make
from etude.errors import ContentError

HEAD = """\
---
kind: practice
title: T
source: new
concept: step-size
---
Ask.

## Options
- [x] a
  - claim: line/high-lower
- [ ] b
  - claim: line/low-lower

## Hint
h

## Steps
1. s

## Quick check
q

## Common mistakes
- m

## Variants
```yaml
"""
PRINTS = """\
choose: {x: [2, 3], y: [5]}
ask: "What is {x} times {y}?"
code: "print({x} * {y})"
others: ["print({x} + {y})", "print({x} * {y})", "print({y})"]
"""
CONTEST = """\
choose: {lr: [0.1, 0.05]}
ask: "Which is lowest at {lr}?"
task: seed-line
updates: 30
seeds: 2
strategies:
  - {strategy: "sgd lr={lr}"}
  - {strategy: "sgd lr=1e-4", text: "a tiny rate"}
"""
STATEMENTS = """\
choose: {lr: [0.1, 0.3]}
ask: "What does {lr} do?"
task: seed-line
updates: 30
seeds: 2
strategy: "sgd lr={lr}"
statements:
  - {text: it grows, measure: final_over_first, above: 1}
  - {text: it shrinks, measure: final_over_first, below: 1}
"""


def practice(folder, yaml):
    (folder / "practice").mkdir(exist_ok=True)
    (folder / "practice" / "p.md").write_text(HEAD + yaml + "```\n", encoding="utf-8")
    return load(folder).item("p")


def right(variant):
    return next(option.text.markdown for option in variant.choice.options if option.right)


def test_what_code_prints_is_the_key_and_equal_outputs_are_one_option(folder):
    item = practice(folder, PRINTS)
    assert item.variants.count == 2
    first, second = make(item, 0), make(item, 1)
    assert (right(first), right(second)) == ("10", "15")
    assert sorted(option.text.markdown for option in first.choice.options) == ["10", "5", "7"]
    assert first.choice.ask.markdown.startswith("What is 2 times 5?\n\n```python\nprint(2 * 5)")
    assert [option.letter for option in first.choice.options] == ["A", "B", "C"]
    assert make(item, 2) == first


def test_the_best_strategy_is_the_key(folder):
    variant = make(practice(folder, CONTEST), 1)
    assert right(variant) == "`sgd lr=0.05`"
    assert all("mean of 2 seeds" in option.why.markdown for option in variant.choice.options)


def test_the_statement_that_holds_is_the_key(folder):
    item = practice(folder, STATEMENTS)
    assert (right(make(item, 0)), right(make(item, 1))) == ("it shrinks", "it grows")


def test_a_variant_without_one_clear_answer_is_refused(folder):
    same = CONTEST.replace("1e-4", "{lr}")
    with pytest.raises(ContentError, match="needs one right option"):
        make(practice(folder, same), 0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("others:", "others_:", "unknown key 'others_'; did you mean 'others'"),
        ('code: "print({x} * {y})"\n', "", "give strategies, or code and others"),
        ('others: ["print({x} + {y})", "print({x} * {y})", "print({y})"]\n', "", "others is"),
    ],
)
def test_a_mistake_is_told_by_line(folder, old, new, said):
    with pytest.raises(ContentError, match=said) as error:
        practice(folder, PRINTS.replace(old, new))
    assert re.match(r"practice/p\.md:(29|32): ", str(error.value))
