"""An optimizer or scheduler is given a setting under a name that it does not have.

**What it sees.** A keyword that no version of the class has, and that stands for or resembles one
that it has: `learning_rate=` of a torch optimizer, `lr=` of `TrainingArguments`.

**Why it matters.** Python raises `TypeError: ... got an unexpected keyword argument` before the
first update. Left out instead, the rate is torch's default of 0.001, for SGD as for Adam.

```python
import torch

optimizer = torch.optim.Adam(model.parameters(), learning_rate=1e-3)
```

```python
import torch

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
```

**Silent** about classes of other packages, about names that resemble none of the class's, since a
later torch may have them, and where `**` hides what is passed. `--fix` renames the keyword.
"""

import difflib
from collections.abc import Iterator

from etude.linter.catalogue import ADAMS, KNOWN
from etude.linter.facts import Facts
from etude.linter.record import Remark
from etude.linter.rule import error, fix
from etude.linter.values import Thing

CODE = "LR101"
NAME = "wrong-keyword"
_RATE = frozenset({"learning_rate", "learningrate", "rate", "eta", "alpha", "stepsize", "base_lr"})
_CLOSE = 0.75


def check(facts: Facts) -> Iterator[Remark]:
    """Compare keywords with signatures."""
    for thing in facts.created:
        for keyword in thing.node.keywords:
            right = None if keyword.arg is None else _meant(thing, keyword.arg)
            if right is not None:
                yield error(
                    CODE,
                    keyword,
                    f"{thing.short} has no setting {keyword.arg!r}: this line raises TypeError",
                    f"write {right}=",
                    fix("rename-keyword", keyword, keyword.arg or "", right),
                )


def _meant(thing: Thing, given: str) -> str | None:
    """Give the name that was meant; None where the given one is right or may be."""
    if thing.kind == "arguments":
        return "learning_rate" if given in {"lr", "rate", "learningRate"} else None
    names = KNOWN[thing.full].parameters
    if thing.kind not in {"optimizer", "scheduler"} or given in names:
        return None
    if thing.kind == "optimizer" and given.lower() in _RATE:
        return "lr" if "lr" not in thing.arguments else None
    if thing.short in ADAMS and given == "momentum":
        return None
    free = [name for name in names if name not in thing.arguments]
    near = difflib.get_close_matches(given.lower(), [name.lower() for name in free], 1, _CLOSE)
    return next((name for name in free if near and name.lower() == near[0]), None)
