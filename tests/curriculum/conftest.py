"""A small course of one question, on disk, that tests may spoil."""

import textwrap

import pytest

EXPERIMENT = """\
id: line
title: The line under two rates
task: seed-line
updates: 40
seeds: 2
runs:
  - {label: low, strategy: sgd lr=0.01}
  - {label: high, strategy: sgd lr=0.1}
checks:
  - {id: high-falls, run: high, measure: final_over_first, below: 0.5, says: "ends at {value}"}
claims:
  - {id: high-lower, run: high, against: low, measure: final_loss, below: 0, says: "high is lower"}
  - {id: low-lower, run: high, against: low, measure: final_loss, above: 0, says: "low is lower"}
"""
MYTH = """\
---
kind: myth
title: Slow is sure
source: new
concept: step-size
---
## Ask
Does the low rate end lower?
- [ ] Yes
  - why: it has not arrived.
  - claim: line/low-lower
- [x] No
  - why: it travels less.
  - claim: line/high-lower

## Belief
Slow and steady.

## Reality
The high rate ends at a share of its start.
proof: line/high-falls

## Why it matters
Time.

## Flash
- Slow? :: Late.
"""


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, {"experiments/line.yaml": EXPERIMENT, "myths/slow-is-sure.md": MYTH})
    return tmp_path


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


@pytest.fixture
def spoil(folder):
    """Replace a piece of a file of the small course; give its folder."""

    def change(name, old, new):
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return change
