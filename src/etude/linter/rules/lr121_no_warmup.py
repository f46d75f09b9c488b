"""A transformer is trained by Adam at a high rate without warm-up.

**What it sees.** `torch.nn.Transformer` or its layers, or `MultiheadAttention`, with Adam or AdamW
at a constant rate above 0.001, and no scheduler that begins low.

**Why it matters.** It depends on architecture and rate, not on size: an 8-layer post-norm
transformer at 0.01 ended at 18, 13 and 19 % accuracy without warm-up and at 86, 86 and 73 % with 40
updates of it; the same at 0.001 was as good without; pre-norm did well at 0.01 without. Code does
not show which it is, so this is a hint.

```python
import torch

layer = torch.nn.TransformerEncoderLayer(d_model=32, nhead=4)
model = torch.nn.TransformerEncoder(layer, num_layers=8)
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
```

```python
import torch

layer = torch.nn.TransformerEncoderLayer(d_model=32, nhead=4)
model = torch.nn.TransformerEncoder(layer, num_layers=8)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
```

**Silent** at 0.001 and below, with any scheduler that may warm up, and about imported models.
"""

import re
from collections.abc import Iterator

from etude.linter.facts import Facts, number
from etude.linter.record import Remark
from etude.linter.rule import decimal, hint

CODE = "LR121"
NAME = "no-warmup"
_HIGH = 1e-3
_DECAYS = frozenset(
    {"StepLR", "MultiStepLR", "ExponentialLR", "CosineAnnealingLR", "ReduceLROnPlateau"}
)
_ATTENDS = re.compile(r"\bnn\.(Transformer\w*|MultiheadAttention)\b|import .*\bTransformerEncoder")


def check(facts: Facts) -> Iterator[Remark]:
    """Look for attention, Adam and a high rate."""
    if not _ATTENDS.search(facts.source) or "warmup" in facts.words:
        return
    if any(each.short not in _DECAYS for each in facts.schedulers):
        return
    for optimizer in facts.optimizers:
        lr = number(optimizer, "lr")
        if optimizer.short in {"Adam", "AdamW"} and lr is not None and lr > _HIGH:
            yield hint(
                CODE,
                optimizer.node,
                f"a transformer trained by {optimizer.short} at {decimal(lr)} from the first "
                "update on may collapse, depending on where its norms are",
                "begin with a warm-up of some per cent of the run, or a lower rate",
            )
