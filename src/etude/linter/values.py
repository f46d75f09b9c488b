"""What the interpreter knows about an expression's value.

Whatever it does not know is `Unknown`, and rules are silent about it. An unknown value still has
a key, so that `T_max=args.epochs` and `range(args.epochs)` are seen to be the same number.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from etude.linter.algebra import Number, symbol


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that the code does not show."""

    key: str
    """How it is written, with a number after a name that tells it from others: `args#3.epochs`."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A string, truth value or None that stands in the code."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """Something imported or built in, by its full name."""

    full: str


@dataclass(slots=True, eq=False)
class Thing:
    """An object that learning rates depend on: an optimizer, a scheduler, a loader, a scaler."""

    full: str
    """The class or function that made it: `torch.optim.SGD`."""
    kind: str
    node: ast.Call
    arguments: dict[str, "Value"]
    """By the names of the signature."""
    nodes: dict[str, ast.expr]
    """The arguments' expressions, likewise."""
    complete: bool
    """False where `*` or `**` hide arguments."""
    index: int
    """How many events came before it."""
    loops: tuple["Loop", ...]
    conditions: tuple["Condition", ...]
    label: str = ""
    """The name that it was first given."""
    escaped: bool = False
    """Code that is not visible may use it."""
    prepared: bool = False
    """It went through `accelerator.prepare` or its like."""
    serial: int = 0
    """Its number among the things of the file."""
    owner: "Thing | None" = None
    """The SequentialLR or ChainedScheduler that steps it."""

    @property
    def short(self) -> str:
        """The name without its module: `SGD`."""
        return self.full.rpartition(".")[2]

    def __str__(self) -> str:
        """Write it for a reader: its name and its class."""
        return f"`{self.label}` ({self.short})" if self.label else self.short


@dataclass(slots=True, eq=False)
class Bag:
    """A list, tuple, set or dict that is written out; `keys` are those of a dict."""

    items: list["Value"]
    keys: list["Value"] | None = None

    def get(self, key: str) -> "Value | None":
        """Give the item of a dict under a string."""
        for name, item in zip(self.keys or (), self.items, strict=False):
            if name == Plain(key):
                return item
        return None


@dataclass(frozen=True, slots=True)
class Range:
    """What `range` gives."""

    start: Number
    stop: Number
    step: Number

    @property
    def length(self) -> Number:
        """Number of turns."""
        return (self.stop - self.start) / self.step


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function or lambda of this file, with the scope that it was defined in."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: "Scope"
    owner: "Instance | None" = None
    """The instance that it is bound to as a method."""


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of this file."""

    node: ast.ClassDef
    scope: "Scope"
    bases: tuple["Value", ...]
    """Those that stand in the code."""
    methods: dict[str, ast.FunctionDef | ast.AsyncFunctionDef]


@dataclass(slots=True, eq=False)
class Instance:
    """An object of a class of this file."""

    cls: Class
    attributes: dict[str, "Value"]
    key: str
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a thing that was not called yet: `step = scheduler.step`."""

    thing: Thing
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values, depending on a branch."""

    values: tuple["Value", ...]


Value: TypeAlias = (
    Number
    | Unknown
    | Plain
    | Name
    | Thing
    | Bag
    | Range
    | Function
    | Class
    | Instance
    | Method
    | Choice
)


@dataclass(slots=True, eq=False)
class Scope:
    """Names and their values; a function's scope has that of its definition behind it."""

    names: dict[str, Value] = field(default_factory=dict)
    parent: "Scope | None" = None
    module_names: frozenset[str] = frozenset()
    """What `global` declares."""

    def find(self, name: str) -> Value | None:
        """Look a name up."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None


@dataclass(slots=True, eq=False)
class Loop:
    """A loop as one pass of the interpreter met it; `etude.linter.loops` says of which kind."""

    node: ast.For | ast.AsyncFor | ast.While | ast.expr
    parent: "Loop | None"
    targets: tuple[str, ...]
    iterated: Value
    length: Number | None
    """Number of turns."""
    stop: Number | None = None
    """What the loop counts up to, from 0 or 1."""
    opaque: bool = False
    """A callback, of which nobody knows how often it is called."""
    inner: list["Loop"] = field(default_factory=list)
    depth: int = 0
    """How many conditions stood around it."""
    updates: bool = False
    """A gradient is computed or an optimizer stepped in it, not only in loops inside."""


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A test that must hold, or must not, for a statement to run."""

    test: ast.expr | ast.stmt
    holds: bool
    every: Number | None = None
    """The k of a test such as `(i + 1) % k == 0`."""


@dataclass(slots=True, eq=False)
class Event:
    """A call that rules look at, in the order in which the interpreter met them."""

    name: str
    """The method's or function's short name: `step`, `backward`, `clip`."""
    target: Value | None
    node: ast.Call
    positional: list[Value]
    index: int
    loops: tuple[Loop, ...]
    conditions: tuple[Condition, ...]
    contexts: tuple[Value, ...]
    """Calls of the `with` blocks around it."""
    frame: int
    """Which call of which function it stands in."""
    statement: ast.stmt | None = None
    scaled: bool = False
    """It went through a GradScaler."""

    @property
    def loop(self) -> Loop | None:
        """The innermost loop."""
        return self.loops[-1] if self.loops else None


def shown(value: Value | Number | str) -> str:
    """Write a value for a reader: `epochs`, `30`, `len(loader)`."""
    if isinstance(value, Unknown):
        return strip(value.key)
    if isinstance(value, Plain):
        return repr(value.value)
    return strip(str(value))


def strip(key: str) -> str:
    """Take from a key the numbers that tell names apart."""
    return re.sub(r"#L?\d+", "", key)


def as_number(value: Value | None) -> Number | None:
    """Give a value as a number, unknown or not; None where it is none."""
    if isinstance(value, Number):
        return value
    if isinstance(value, Unknown):
        return symbol(value.key)
    if isinstance(value, Choice) and all(as_number(each) is not None for each in value.values):
        return symbol(f"either#{id(value)}")
    return None


def things(value: Value | None) -> Iterator[Thing]:
    """Give the things that a value is or may be, not those inside it."""
    if isinstance(value, Thing):
        yield value
    elif isinstance(value, Choice):
        for each in value.values:
            yield from things(each)


def merged(one: Value | None, other: Value | None) -> Value | None:
    """Give the value after two branches."""
    if one is other or one == other or other is None:
        return one
    if one is None:
        return other
    values: list[Value] = []
    for each in (one, other):
        for part in each.values if isinstance(each, Choice) else (each,):
            if not any(part is known or part == known for known in values):
                values.append(part)
    return Choice(tuple(values[:8])) if len(values) > 1 else values[0]
