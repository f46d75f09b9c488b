"""TrainingArguments asks for a warm-up that its schedule type ignores.

**What it sees.** `lr_scheduler_type="constant"` together with `warmup_steps` or `warmup_ratio`
above 0.

**Why it matters.** "constant" has no warm-up: the first update runs at the full rate. An 8-layer
post-norm transformer trained by Adam at 0.01 ended at 13 to 19 % accuracy without warm-up and at 73
to 86 % with 40 updates of it.

```python
from transformers import TrainingArguments

arguments = TrainingArguments("out", lr_scheduler_type="constant", warmup_steps=500)
```

```python
from transformers import TrainingArguments

arguments = TrainingArguments("out", lr_scheduler_type="constant_with_warmup", warmup_steps=500)
```

**Silent** where the type or the warm-up is not written out. `--fix` changes the type.
"""

from collections.abc import Iterator

from etude.linter.facts import Facts, number, text
from etude.linter.record import Remark
from etude.linter.rule import fix, warning

CODE = "LR119"
NAME = "warmup-ignored"


def check(facts: Facts) -> Iterator[Remark]:
    """Look at each TrainingArguments."""
    for arguments in facts.created:
        if arguments.kind != "arguments" or text(arguments, "lr_scheduler_type") != "constant":
            continue
        for name in ("warmup_steps", "warmup_ratio"):
            value = number(arguments, name)
            if value is not None and value > 0:
                node = arguments.nodes["lr_scheduler_type"]
                yield warning(
                    CODE,
                    node,
                    f'"constant" has no warm-up, so that {name}={value:g} does nothing',
                    'write lr_scheduler_type="constant_with_warmup"',
                    fix("replace-string", node, "constant", "constant_with_warmup"),
                )
                break
