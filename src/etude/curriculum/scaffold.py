"""Starts a new item or experiment from a template that passes the reader."""

import re
from pathlib import Path

from etude.curriculum.places import unknown
from etude.curriculum.reading import FOLDERS
from etude.errors import ContentError

_FRONT = """\
---
kind: {kind}
title: {title}
source: new
concept: step-size
level: foundation
{more}---
"""
_OPTIONS = """\
- [x] The right answer
  - why: what makes it right.
  - claim: experiment/claim-that-holds
- [ ] A wrong answer
  - why: what makes it wrong.
  - claim: experiment/claim-that-fails
"""
_BODIES: dict[str, str] = {
    "lesson": """\
What this part is about.

## Predict
What will happen? Say before you see.
{options}
## Result
What happened.
proof: experiment/check

## Take-away
One sentence to keep.
""",
    "question": """\
The question.

## Options
{options}
## Hints
1. A first hint.

## Explanation
Why it is so.
proof: experiment/check
""",
    "practice": """\
The question.

## Options
{options}
## Hint
One sentence that helps.

## Steps
1. The first step.
2. The answer follows.

## Quick check
One line to check it by.

## Common mistakes
- What people do instead.
""",
    "interview": """\
The question, as it is asked.

## Short answer
Two sentences.
proof: experiment/check

## Full answer
A paragraph.
proof: experiment/check

## Follow-up: What if?
The answer to it.
proof: experiment/check
""",
    "myth": """\
## Ask
Is it so?
{options}
## Belief
What people think.

## Reality
What was measured.
proof: experiment/check

## Why it matters
What it costs to believe it.
""",
    "pitfall": """\
## Wrong
```python
print("loss", 2.3)
```

## Right
```python
print("loss", 0.1)
```

## Cause
Why people write the wrong one.
proof: experiment/wrong-shows-it, experiment/right-does-not
""",
    "fact": """\
The fact in one sentence.

## Commonly said
What is said instead.

## Measured
What was measured, on which task and optimizer.
proof: experiment/check
""",
    "flash": """\
## Cards
- What is asked? :: What is answered.
""",
}
_MORE = {
    "lesson": "part: topic\n",
    "question": "style: conceptual\n",
    "fact": "verdict: holds\n",
}
_EXPERIMENT = """\
id: {name}
title: {title}
task: seed-line
updates: 100
seeds: 3
runs:
  - {{label: lr 0.1, strategy: sgd lr=0.1}}
  - {{label: lr 0.01, strategy: sgd lr=0.01}}
checks:
  - {{id: check, run: lr 0.1, measure: final_over_first, below: 0.1,
     says: "0.1 ends at {{value}} of its start"}}
claims:
  - {{id: claim-that-holds, run: lr 0.1, against: lr 0.01, measure: final_loss, below: 0,
     says: "0.1 ends lower than 0.01"}}
  - {{id: claim-that-fails, run: lr 0.1, against: lr 0.01, measure: final_loss, above: 0,
     says: "0.1 ends higher than 0.01"}}
"""
KINDS = (*FOLDERS.values(), "experiment")


def start(kind: str, name: str, folder: Path) -> Path:
    """Write the template of a new item or experiment; give its path.

    Raises:
        ContentError: there is no such kind, the name is no slug, or the file is there already.
    """
    if kind not in KINDS:
        raise ContentError(unknown("kind", kind, KINDS))
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ContentError(f"a name is small letters, digits and hyphens, got {name!r}")
    if not folder.is_dir():
        raise ContentError(f"{folder} must be a folder of content, but there is none; make it")
    title = name.replace("-", " ").capitalize()
    if kind == "experiment":
        path, text = folder / "experiments" / f"{name}.yaml", _EXPERIMENT
    else:
        place = next(place for place, each in FOLDERS.items() if each == kind)
        path, text = folder / place / f"{name}.md", _FRONT + _BODIES[kind]
    if path.exists():
        raise ContentError(f"{path} is there already; choose another name")
    more, options = _MORE.get(kind, ""), _OPTIONS
    filled = text.format(kind=kind, name=name, title=title, more=more, options=options)
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(filled, encoding="utf-8")
    except OSError as error:
        raise ContentError(
            f"{path} must be a file that can be written, but it cannot ({error.strerror});"
            " name a folder of your own with --content"
        ) from None
    return path
