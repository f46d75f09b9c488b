"""Of which kind a loop is: over epochs, over batches, over both at once, or neither.

A loop is over batches when it iterates a loader, or computes gradients itself inside another loop;
over epochs when it is named so, or when loops over batches that train stand right inside it.
What is neither is `other`, and rules are silent about it: folds, seeds, trials, tasks, callbacks.
"""

import ast
import re
from enum import StrEnum

from etude.linter.algebra import Number
from etude.linter.values import Loop, Thing, Unknown, strip


class Kind(StrEnum):
    """What one turn of a loop is."""

    EPOCH = "epoch"
    BATCH = "batch"
    UPDATE = "update"
    """One update of the whole training, in a loop of its own: `for step in range(total)`."""
    FULL = "full"
    """One epoch that is one update: training on the full batch."""
    OTHER = "other"


_EPOCH = re.compile(r"(^|_)(epochs?|ep|eph|epoch_?\w*)($|_)", re.IGNORECASE)
_STEP = re.compile(r"(^|_)(step|iter|iteration|update|batch|it)s?(_|$|\d|idx|num)", re.IGNORECASE)
_LOADER = re.compile(
    r"(loader|(^|[._])(train|val|valid|test)?_?dl$|batches|minibatches|data_?iter|train_iter)",
    re.IGNORECASE,
)
_NEUTRAL = frozenset({"_", "__", "i", "e", "n", "t"})


def kind(loop: Loop) -> Kind:
    """Say of which kind a loop is, once the interpreter is through with it."""
    if loop.opaque or not isinstance(loop.node, ast.For | ast.AsyncFor | ast.While):
        return Kind.OTHER
    if is_loader(loop.iterated):
        return Kind.BATCH
    if named_epoch(loop):
        trains_inside = any(kind(inner) is Kind.BATCH for inner in loop.inner)
        return Kind.FULL if loop.updates and not trains_inside else Kind.EPOCH
    if any(_trains(inner) and kind(inner) is Kind.BATCH for inner in loop.inner):
        neutral = isinstance(loop.node, ast.While) or set(loop.targets) <= _NEUTRAL
        return Kind.EPOCH if neutral else Kind.OTHER
    if loop.updates:
        return _of_updates(loop)
    return Kind.OTHER


def _of_updates(loop: Loop) -> Kind:
    """Tell a loop over batches that iterates something unknown from one over all updates."""
    if loop.parent is not None and not loop.parent.opaque:
        if named_epoch(loop.parent) or isinstance(loop.parent.node, ast.While):
            return Kind.BATCH
        return Kind.OTHER
    if any(_STEP.search(name) for name in loop.targets) or isinstance(loop.node, ast.While):
        return Kind.UPDATE
    return Kind.FULL if set(loop.targets) <= _NEUTRAL else Kind.OTHER


def _trains(loop: Loop) -> bool:
    return loop.updates or any(_trains(inner) for inner in loop.inner)


def named_epoch(loop: Loop) -> bool:
    """Say whether the loop's variable calls its turns epochs."""
    return any(_EPOCH.search(name) for name in loop.targets)


def is_loader(value: object) -> bool:
    """Say whether a value is a loader, by what made it or by its name."""
    if isinstance(value, Thing):
        return value.kind == "loader"
    return isinstance(value, Unknown) and _LOADER.search(strip(value.key)) is not None


def per_turn(loop: Loop) -> Number | None:
    """Give how many turns the loop has: its end rather than its start, since runs are resumed."""
    return loop.stop if loop.stop is not None else loop.length


def enclosing(loop: Loop | None, *kinds: Kind) -> Loop | None:
    """Find the nearest loop of a kind, from the loop outwards."""
    while loop is not None:
        if kind(loop) in kinds:
            return loop
        loop = loop.parent
    return None


_EPOCHS = re.compile(
    r"(^|[._\[\"'])(n|num|max|total|nb|n_train|train)?_?epochs?([\"'\]]|$)", re.IGNORECASE
)
_LENGTH = re.compile(r"^len\((.*)\)$")
_UPDATES = re.compile(
    r"(total|max|num|training|train|n)_?(training_)?(steps|updates|iters|iterations)$"
    r"|steps_per_epoch$|iters_per_epoch$|batches_per_epoch$|estimated_stepping_batches$",
    re.IGNORECASE,
)


def unit(number: Number) -> str:
    """Say what a number counts, by the names in it: "epochs", "updates" or "" for nobody knows.

    Epochs times something else may be any number of updates.
    """
    if len(number.terms) != 1:
        return ""
    keys = [key for key, power in number.factors.items() if power > 0]
    if any(is_length(key) or _UPDATES.search(strip(key)) for key in keys):
        return "updates"
    return "epochs" if len(keys) == 1 and _EPOCHS.search(strip(keys[0])) else ""


def is_length(key: str) -> bool:
    """Say whether a symbol is the length of a loader."""
    inside = _LENGTH.match(strip(key))
    return inside is not None and ("#L" in key or _LOADER.search(inside[1]) is not None)
