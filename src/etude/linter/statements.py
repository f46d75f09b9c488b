"""What statements do: bind names, branch, loop.

Both branches of a test are walked through, with the test noted, and every loop once. Names that
differ after branches have one of several values; names that a loop changes are unknown in it.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from etude.linter import names
from etude.linter.algebra import Number, constant, symbol
from etude.linter.calls import Calls
from etude.linter.expressions import loader_key, one_of, truth
from etude.linter.values import (
    Bag,
    Choice,
    Condition,
    Instance,
    Loop,
    Name,
    Plain,
    Range,
    Thing,
    Unknown,
    Value,
    as_number,
    merged,
    things,
)

LEAVES = object()
"""What a statement gives after which nothing else of its body runs."""


class Statements(Calls):
    """The part of the interpreter that walks through statements."""

    def __init__(self) -> None:
        super().__init__()
        self._weak = 0
        self._stored: dict[ast.AST, frozenset[str]] = {}
        self._statements: dict[type[ast.stmt], Callable[[Any], object]] = {
            ast.Import: lambda node: names.bind_import(self.scope, node),
            ast.ImportFrom: lambda node: names.bind_import_from(self.scope, node),
            ast.Expr: lambda node: self.evaluate(node.value),
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.AugAssign: self._augmented,
            ast.If: self._branch,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.While: self._while,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.FunctionDef: self._define,
            ast.AsyncFunctionDef: self._define,
            ast.ClassDef: self._define_class,
            ast.Return: self._return,
            ast.Global: self._global,
            ast.Match: self._match,
        }

    def execute(self, body: Sequence[ast.stmt]) -> bool:
        """Interpret statements; says whether they go through to their end."""
        for statement in body:
            self.statement = statement
            found = self._statements.get(type(statement))
            if found is not None:
                if found(statement) is LEAVES:
                    return False
            elif isinstance(statement, ast.Raise | ast.Continue | ast.Break):
                return False
            else:
                for child in ast.iter_child_nodes(statement):
                    if isinstance(child, ast.expr):
                        self.evaluate(child)
        return True

    # ---- assignments

    def _assign(self, node: ast.Assign) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.evaluate(node.value))

    def _augmented(self, node: ast.AugAssign) -> None:
        added = self.evaluate(node.value)
        value = self.evaluate(node.target)
        if isinstance(value, Bag) and isinstance(added, Bag):
            value.items.extend(added.items)
            return
        self.escape(added)
        self.assign(node.target, self.fresh("?"))

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind a target to a value."""
        if isinstance(target, ast.Name):
            self._bind(target.id, value)
        elif isinstance(target, ast.Attribute):
            self._bind_attribute(self.evaluate(target.value), target.attr, value)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Starred):
            self.escape(value)
            self.assign(target.value, self.fresh("?"))
        elif isinstance(target, ast.Subscript):
            self._bind_item(self.evaluate(target.value), self.evaluate(target.slice), value)

    def _renamed(self, name: str, value: Value) -> Value:
        """Name the result of an unknown call by the first name that it gets."""
        nameless = isinstance(value, Unknown) and (value.key[0] == "?" or "()" in value.key)
        return self.fresh(name) if nameless else value

    def _bind(self, name: str, value: Value) -> None:
        value = self._renamed(name, value)
        if isinstance(value, Thing) and not value.label:
            value.label = name
        scope = self.module if name in self.scope.module_names else self.scope
        scope.names[name] = value

    def _bind_attribute(self, owner: Value, attr: str, value: Value) -> None:
        if isinstance(owner, Instance):
            if isinstance(value, Thing) and not value.label:
                value.label = f"{owner.key}.{attr}"
            value = self._renamed(f"{owner.key}.{attr}", value)
            if self._weak:
                value = merged(owner.attributes.get(attr), value) or value
            owner.attributes[attr] = value
            if owner.escaped:
                self.escape(value)
        elif isinstance(owner, Thing):
            owner.escaped |= attr == "optimizer"  # a scheduler that is given another one
        else:
            self.escape(value)

    def _bind_item(self, owner: Value, key: Value, value: Value) -> None:
        if isinstance(owner, Bag) and owner.keys is not None:
            owner.keys.append(key)
            owner.items.append(value)
        else:
            self.escape(value)

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        exact = isinstance(value, Bag) and len(value.items) == len(targets)
        if exact and not any(isinstance(target, ast.Starred) for target in targets):
            for target, item in zip(
                targets, value.items if isinstance(value, Bag) else (), strict=True
            ):
                self.assign(target, item)
            return
        self.escape(value)
        for target in targets:
            self.assign(target, self.fresh("?"))

    def _global(self, node: ast.Global) -> None:
        self.scope.module_names |= frozenset(node.names)

    # ---- branches

    def _branch(self, node: ast.If) -> object:
        known = True if _is_main(node.test) else self._known(node.test)
        if known is not None:
            return None if self.execute(node.body if known else node.orelse) else LEAVES
        before, conditions = dict(self.scope.names), self.conditions
        every = self._every(node.test)
        ends = []
        for body, holds in ((node.body, True), (node.orelse, False)):
            self.scope.names = dict(before)
            self.conditions = (*conditions, Condition(node.test, holds, every))
            self._weak += 1
            with self._narrowed(node.test, holds=holds):
                ends.append((self.execute(body), self.scope.names))
            self._weak -= 1
        self.conditions = conditions
        through = [found for goes, found in ends if goes]
        self.scope.names = _joined(through) if through else ends[0][1]
        if len(through) == 1:
            # What follows runs only where the other branch was not taken.
            holds = ends[0][0]
            self._after(node, Condition(node.test, holds, every))
        return None if through else LEAVES

    def _known(self, test: ast.expr) -> bool | None:
        """Say which way a test goes; whoever asks whether there is a scheduler has one."""
        subject = test.left if isinstance(test, ast.Compare) else test
        value = self.evaluate(subject) if isinstance(subject, ast.Name | ast.Attribute) else None
        if isinstance(value, Choice) and Plain(None) in value.values and any(things(value)):
            if subject is test:
                return True
            if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is | ast.IsNot):
                return isinstance(test.ops[0], ast.IsNot)
        return truth(self.evaluate(test))

    @contextmanager
    def _narrowed(self, test: ast.expr, *, holds: bool) -> Iterator[None]:
        """Let one of several things be, in a branch, only what `isinstance` leaves of them."""
        subject = test.args[0] if isinstance(test, ast.Call) and len(test.args) == 2 else None  # noqa: PLR2004
        value = self.evaluate(subject) if isinstance(subject, ast.Name | ast.Attribute) else None
        if not isinstance(value, Choice) or not isinstance(test, ast.Call) or subject is None:
            yield
            return
        answers = [
            (each, self._is_instance(each, self.evaluate(test.args[1]))) for each in value.values
        ]
        kept = tuple(each for each, answer in answers if answer == Plain(holds))
        sure = isinstance(test.func, ast.Name) and test.func.id == "isinstance" and kept
        if sure and all(isinstance(answer, Plain) for _, answer in answers):
            weak, self._weak = self._weak, 0
            self.assign(subject, kept[0] if len(kept) == 1 else Choice(kept))
            self._weak = weak
            yield
            self.assign(subject, value)
        else:
            yield

    def _after(self, node: ast.If, condition: Condition) -> None:
        """Let the rest of a loop's turn depend on a test whose other branch left it."""
        left = node.orelse if condition.holds else node.body
        if left and isinstance(left[-1], ast.Continue):
            self.conditions = (*self.conditions, condition)
        elif left and isinstance(left[-1], ast.Break) and self.loops:
            loop = self.loops[-1]
            if not isinstance(loop.iterated, Range):
                loop.length = None

    def _every(self, test: ast.expr) -> Number | None:
        """Give the k of a test that holds every k-th time."""
        for part in ast.walk(test):
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mod):
                return as_number(self.evaluate(part.right)) or symbol("?")
        return None

    def _match(self, node: ast.Match) -> None:
        self.evaluate(node.subject)
        before, conditions, ends = dict(self.scope.names), self.conditions, []
        for case in node.cases:
            self.scope.names = dict(before)
            self.conditions = (*conditions, Condition(node, holds=True))
            self._weak += 1
            self.execute(case.body)
            self._weak -= 1
            ends.append(self.scope.names)
        self.conditions = conditions
        self.scope.names = _joined([before, *ends])

    def _try(self, node: ast.Try | ast.TryStar) -> object:
        goes = self.execute(node.body)
        after, conditions = self.scope.names, self.conditions
        for handler in node.handlers:
            self.scope.names = dict(after)
            self.conditions = (*conditions, Condition(node, holds=False))
            if self.execute(handler.body):
                after = _joined([after, self.scope.names])
        self.scope.names, self.conditions = after, conditions
        self.execute(node.orelse)
        self.execute(node.finalbody)
        return None if goes else LEAVES

    def _with(self, node: ast.With | ast.AsyncWith) -> object:
        contexts = self.contexts
        for item in node.items:
            count = len(self.events)
            value = self.evaluate(item.context_expr)
            called = [event for event in self.events[count:] if event.node is item.context_expr]
            self.contexts = (*self.contexts, called[0].target or value if called else value)
            if called:
                self.contexts = (*self.contexts, Name(called[0].name))
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value)
        goes = self.execute(node.body)
        self.contexts = contexts
        return None if goes else LEAVES

    # ---- loops

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        iterated = self.evaluate(node.iter)
        length, stop = None, None
        if isinstance(iterated, Range):
            length = iterated.length
            first = iterated.start.value
            stop = iterated.stop if iterated.start.symbols else length
            stop = length if first in {0, 1} or length.value is not None else stop
        elif loader_key(iterated):
            length = symbol(loader_key(iterated))
        elif isinstance(iterated, Bag):
            length = constant(len(iterated.items))
        self._forget(node)
        loop = self._loop(node, _targets(node.target), iterated, length, stop)
        single = isinstance(node.target, ast.Name)
        item = one_of(iterated) if single else None
        if item is None and isinstance(iterated, Bag):
            self.escape(iterated)
        self._turn(node, loop, lambda: self.assign(node.target, item or self.fresh("?")))

    def _while(self, node: ast.While) -> None:
        self._forget(node)
        loop = self._loop(node, (), self.fresh("while"), None, None)
        self._turn(node, loop, lambda: self.evaluate(node.test))

    def _loop(
        self,
        node: ast.For | ast.AsyncFor | ast.While,
        targets: tuple[str, ...],
        iterated: Value,
        length: Number | None,
        stop: Number | None,
    ) -> Loop:
        parent = self.loops[-1] if self.loops else None
        loop = Loop(node, parent, targets, iterated, length, stop, depth=len(self.conditions))
        if parent is not None:
            parent.inner.append(loop)
        return loop

    def _turn(
        self, node: ast.For | ast.AsyncFor | ast.While, loop: Loop, begin: Callable[[], object]
    ) -> None:
        loops, conditions = self.loops, self.conditions
        self.loops = (*loops, loop)
        begin()
        self.execute(node.body)
        self.loops, self.conditions = loops, conditions
        self.execute(node.orelse)

    def _forget(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        """Make names unknown that hold a number and that the loop changes."""
        if node not in self._stored:
            self._stored[node] = names.stored(node)
        for name in sorted(self._stored[node]):
            if isinstance(self.scope.names.get(name), Number | Plain):
                self.scope.names[name] = self.fresh(name)

    # ---- what needs functions and classes

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        raise NotImplementedError

    def _define_class(self, node: ast.ClassDef) -> None:
        raise NotImplementedError

    def _return(self, node: ast.Return) -> object:
        raise NotImplementedError


def _is_main(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and (test.left.id == "__name__")
    )


def _targets(target: ast.expr) -> tuple[str, ...]:
    return tuple(part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def _joined(branches: list[dict[str, Value]]) -> dict[str, Value]:
    """Give the names after branches: where they differ, one of several values."""
    joined = dict(branches[0])
    for branch in branches[1:]:
        for name, value in branch.items():
            if joined.get(name) is not value:
                joined[name] = merged(joined.get(name), value) or value
    return joined
