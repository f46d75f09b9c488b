"""What rules ask about a file: its schedulers and optimizers, how often each is stepped, and when.

One place in the code may be met several times, in several loops. Rules look at each time, and
report a place once.
"""

import ast
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TypeVar, cast

from etude.linter import names
from etude.linter.algebra import Number, constant
from etude.linter.interpreter import Interpreter
from etude.linter.loops import Kind, enclosing, kind, per_turn
from etude.linter.values import (
    Bag,
    Condition,
    Event,
    Loop,
    Plain,
    Thing,
    Unknown,
    Value,
    strip,
    things,
)

_SCHEDULER = re.compile(r"(^|[._])((lr|warmup)_?)?sched(uler)?s?$", re.IGNORECASE)
_OPTIMIZER = re.compile(r"(^|[._])(optimizer|optim|opt)$", re.IGNORECASE)
Node = TypeVar("Node", bound=ast.AST)
TRAINING = (Kind.EPOCH, Kind.BATCH, Kind.UPDATE, Kind.FULL)


class Per(StrEnum):
    """What stands between two calls of a scheduler's `step()`."""

    EPOCH = "epoch"
    BATCH = "batch"
    """A batch of a loop over batches, itself perhaps inside a loop over epochs."""
    ACCUMULATED = "update of several batches"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a scheduler is stepped."""

    per: Per
    loop: Loop
    """The loop that steps it."""
    total: Number | None
    """Calls in the whole training, where that can be said."""
    epochs: Number | None
    """Turns of the loop over epochs."""
    batches: Number | None
    """Turns of the loop over batches."""
    every: Number | None = None
    """Batches between two calls, under accumulation."""


class Facts:
    """The answers of one interpreted file."""

    def __init__(self, tree: ast.Module, source: str) -> None:
        self.tree = tree
        self.source = source
        self._run = Interpreter()
        self.nodes = names.nodes_of(tree)
        self._by_type: dict[type[ast.AST], list[ast.AST]] = {}
        for node in self.nodes:
            self._by_type.setdefault(type(node), []).append(node)
        self._run.run(tree, self.nodes_of(ast.Call))
        self.events = self._run.events
        self.created = self._run.created
        self.results = self._run.results
        self.classes = self._run.classes
        self.module = self._run.module

    @cached_property
    def schedulers(self) -> list[Thing]:
        """All schedulers, once for each time that they are made."""
        return [thing for thing in self.created if thing.kind == "scheduler"]

    @cached_property
    def optimizers(self) -> list[Thing]:
        """All optimizers, likewise."""
        return [thing for thing in self.created if thing.kind == "optimizer"]

    @cached_property
    def modules(self) -> frozenset[str]:
        """The top packages that the file imports anywhere."""
        found: set[str] = set()
        for node in self.nodes_of(ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        for node in self.nodes_of(ast.ImportFrom):
            if node.module and not node.level:
                found.add(node.module.partition(".")[0])
        return frozenset(found)

    @cached_property
    def words(self) -> str:
        """The source in lower case without its imports, to look for words in it."""
        lines = self.source.lower().splitlines()
        return "\n".join(
            line for line in lines if not line.lstrip().startswith(("import ", "from "))
        )

    def nodes_of(self, kind: type[Node]) -> list[Node]:
        """Give all nodes of a type."""
        return cast("list[Node]", self._by_type.get(kind, []))

    def made_at(self, node: ast.Call) -> list[Thing]:
        """Give the things that one place makes."""
        return [thing for thing in self.created if thing.node is node]

    def of(self, thing: Thing, *names: str) -> list[Event]:
        """Give the calls of a thing's methods."""
        return [event for event in self._by_target.get(id(thing), []) if event.name in names]

    @cached_property
    def _by_target(self) -> dict[int, list[Event]]:
        found: dict[int, list[Event]] = {}
        for event in self.events:
            found.setdefault(id(event.target), []).append(event)
        return found

    def named(self, *names: str) -> list[Event]:
        """Give all calls of that name, whatever their target."""
        return [event for event in self.events if event.name in names]

    def steps_of(self, scheduler: Thing) -> list[Event]:
        """Give the calls that step a scheduler, also as a part of another."""
        if scheduler.owner is not None:
            return self.steps_of(scheduler.owner)
        return self.of(scheduler, "step")

    def visible(self, scheduler: Thing) -> bool:
        """Say whether only visible code can step a scheduler."""
        top = scheduler if scheduler.owner is None else scheduler.owner
        return not scheduler.escaped and not top.escaped

    def rhythm(self, scheduler: Thing) -> Rhythm | None:
        """Say how often a scheduler is stepped; None where that is not sure."""
        if not self.visible(scheduler):
            return None
        found = [self._rhythm_of(event) for event in self.steps_of(scheduler)]
        sure = [each for each in found if each is not None]
        if not sure or len(sure) < len(found) or len({each.per for each in sure}) > 1:
            return None
        if len({id(each.loop) for each in sure}) > 1:
            return None
        return _in_its_life(sure[0], scheduler)

    def _rhythm_of(self, event: Event) -> Rhythm | None:
        loop = event.loop
        if loop is None or kind(loop) not in TRAINING:
            return None
        inside = within(event, loop)
        if inside and kind(loop) is Kind.EPOCH and all(_of_turns(each, loop) for each in inside):
            return replace(_per_epoch(loop), total=None)
        every = inside[0].every if len(inside) == 1 else None
        if inside and every is None:
            return None
        if kind(loop) in {Kind.EPOCH, Kind.FULL}:
            return _per_epoch(loop)
        return _per_batch(loop, every)


def _of_turns(condition: Condition, loop: Loop) -> bool:
    """Say whether a test is about the number of a loop's turn: `epoch >= 10`."""
    test = condition.test
    return isinstance(test, ast.expr) and any(
        isinstance(part, ast.Name) and part.id in loop.targets for part in ast.walk(test)
    )


def _in_its_life(rhythm: Rhythm, scheduler: Thing) -> Rhythm:
    """Count only turns that a scheduler lives through: what is made in a loop misses some."""
    if rhythm.loop in scheduler.loops:
        return replace(rhythm, total=None, epochs=None)
    if enclosing(rhythm.loop.parent, Kind.EPOCH) in scheduler.loops:
        batches = rhythm.batches
        total = batches / rhythm.every if batches and rhythm.every else batches
        return replace(rhythm, total=total, epochs=None)
    return rhythm


def _per_epoch(loop: Loop) -> Rhythm:
    """Give the rhythm of a call in a loop over epochs."""
    inner = [each for each in loop.inner if kind(each) is Kind.BATCH and each.updates]
    batches = per_turn(inner[0]) if inner else None
    if kind(loop) is Kind.FULL:
        batches = constant(1)
    return Rhythm(Per.EPOCH, loop, per_turn(loop), per_turn(loop), batches)


def _per_batch(loop: Loop, every: Number | None) -> Rhythm:
    """Give the rhythm of a call in a loop over batches."""
    outer = enclosing(loop.parent, Kind.EPOCH)
    epochs = None if outer is None else per_turn(outer)
    batches = per_turn(loop)
    total = batches
    if outer is not None:
        total = None if epochs is None or batches is None else epochs * batches
    elif kind(loop) is Kind.BATCH:
        total = None  # a function for one epoch, called from elsewhere
    if every is not None and total is not None:
        total = total / every
    per = Per.BATCH if every is None else Per.ACCUMULATED
    return Rhythm(per, loop, total, epochs, batches, every)


def within(event: Event, loop: Loop) -> tuple[Condition, ...]:
    """Give the conditions of an event that stand inside a loop."""
    return event.conditions[loop.depth :]


def optimizer_of(scheduler: Thing) -> Thing | None:
    """Give the optimizer that a scheduler drives, where one is visible."""
    given = scheduler.arguments.get("optimizer")
    found = list(things(given))
    if len(found) == 1 and found[0].kind == "optimizer":
        return found[0]
    parts = scheduler.arguments.get("schedulers")
    if isinstance(parts, Bag):
        for part in parts.items:
            for each in things(part):
                return optimizer_of(each)
    return None


def parts_of(scheduler: Thing) -> list[Thing]:
    """Give the schedulers that a composed one is made of."""
    parts = scheduler.arguments.get("schedulers")
    return [each for part in parts.items for each in things(part)] if isinstance(parts, Bag) else []


def number(thing: Thing, name: str, default: float | None = None) -> float | None:
    """Give an argument that is a constant; the default where it was left out."""
    value = thing.arguments.get(name)
    if value is None:
        return default
    return value.value if isinstance(value, Number) else None


def text(thing: Thing, name: str, default: str | None = None) -> str | None:
    """Give an argument that is a string; the default where it was left out."""
    value = thing.arguments.get(name)
    if value is None:
        return default
    return value.value if isinstance(value, Plain) and isinstance(value.value, str) else None


def looks_like_scheduler(value: Value | None) -> bool:
    """Say whether an unknown value is called a scheduler."""
    return isinstance(value, Unknown) and _SCHEDULER.search(strip(value.key)) is not None


def looks_like_optimizer(value: Value | None) -> bool:
    """Say whether an unknown value is called an optimizer."""
    return isinstance(value, Unknown) and _OPTIMIZER.search(strip(value.key)) is not None


def is_kind(value: Value | None, kind_name: str) -> bool:
    """Say whether a value is a thing of a kind."""
    return isinstance(value, Thing) and value.kind == kind_name


def first_argument(event: Event) -> ast.expr | None:
    """Give the expression of a call's first argument."""
    node = event.node
    if node.args:
        return node.args[0]
    return node.keywords[0].value if node.keywords else None


def line_of(node: ast.AST) -> int:
    """Give the line of a node."""
    return cast("int", getattr(node, "lineno", 0))
