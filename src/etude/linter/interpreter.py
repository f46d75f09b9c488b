"""Walks through a file as Python would, once through every branch and loop.

Functions and methods of the file are followed into, with their arguments, so that a scheduler built
in one function and stepped in another is one scheduler, and a call inside an inner function is
seen to be in the loop that calls it. What nobody calls in the file is interpreted by itself.
Names that a loop changes, and what leaves the file, count as unknown.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from etude.linter import names
from etude.linter.algebra import Number, constant, symbol
from etude.linter.calls import Calls
from etude.linter.expressions import assigned, loader_key, one_of, truth
from etude.linter.values import (
    Bag,
    Choice,
    Class,
    Condition,
    Function,
    Instance,
    Loop,
    Name,
    Plain,
    Range,
    Scope,
    Thing,
    Unknown,
    Value,
    merged,
    things,
)

_DEEPEST = 8
"""Calls inside calls that are followed."""
_MOST_CALLS = 400
"""Calls of a file that are followed."""
_PLAIN_BASES = frozenset({"object", "torch.nn.Module", "abc.ABC", "typing.Protocol", "typing.Generic"})
_SKIPPED = frozenset({"forward", "__repr__", "__str__", "__len__", "__getitem__"})
"""Methods that no learning rate depends on, not followed when a model is called."""


class Interpreter(Calls):
    """Interprets a module; its events and things are what the rules ask about."""

    def __init__(self) -> None:
        super().__init__()
        self.returned: list[list[Value]] = []
        self.visited: set[ast.AST] = set()
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        self.results: dict[ast.AST, list[Value]] = {}
        """What functions that nobody calls in the file return."""
        self._calls = 0
        self._frames = 0
        self._weak = 0
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

    def run(self, tree: ast.Module) -> None:
        """Interpret a module: its body, then what nobody called, callers first."""
        self.execute(tree.body)
        functions = [each for each in self.functions if each.scope is self.module]
        used = _used(tree)
        for function in functions:
            if function.node not in self.visited and _name(function) not in used:
                self._enter(function, [])
        for cls in sorted(self.classes, key=lambda each: each.node.name in used):
            self._alone(cls)
        for function in functions:
            if function.node not in self.visited:
                self._enter(function, [])

    def execute(self, body: Sequence[ast.stmt]) -> bool:
        """Interpret statements; says whether they go through to their end."""
        for statement in body:
            self.statement = statement
            found = self._statements.get(type(statement))
            if found is not None:
                if found(statement) is _LEAVES:
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
        elif not isinstance(owner, Thing):
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
            for target, item in zip(targets, value.items if isinstance(value, Bag) else (), strict=True):
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
            return None if self.execute(node.body if known else node.orelse) else _LEAVES
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
        return None if through else _LEAVES

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
        answers = [(each, self._is_instance(each, self.evaluate(test.args[1]))) for each in value.values]
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
                return self.number(self.evaluate(part.right)) or symbol("?")
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
        return None if goes else _LEAVES

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
        return None if goes else _LEAVES

    # ---- loops

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        iterated = self.evaluate(node.iter)
        length, stop = None, None
        if isinstance(iterated, Range):
            length = iterated.length
            first = iterated.start.value
            stop = iterated.stop if iterated.start.symbols else length
            stop = length if first in {0, 1} else stop
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
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                value = self.scope.names.get(part.id)
                if isinstance(value, Number | Plain):
                    self.scope.names[part.id] = self.fresh(part.id)

    # ---- functions and classes

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.evaluate(decorator)
        function = Function(node, self.scope)
        self.scope.names[node.name] = function
        self.functions.append(function)

    def _define_class(self, node: ast.ClassDef) -> None:
        bases = tuple(self.evaluate(base) for base in node.bases)
        methods = {
            each.name: each
            for each in node.body
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        cls = Class(node, self.scope, bases, methods)
        self.scope.names[node.name] = cls
        self.classes.append(cls)

    def inline(self, function: Function, node: ast.Call, given: list[Value]) -> Value:
        """Interpret a function of this file with these arguments."""
        self._calls += 1
        recursive = function.node in self.frames
        if recursive or self._calls > _MOST_CALLS or len(self.frames) > _DEEPEST:
            self.escape_all(given)
            return self.fresh("?()")
        return self._enter(function, _bound(function, node, given, self.fresh))

    def _enter(self, function: Function, bound: Sequence[tuple[str, Value]]) -> Value:
        """Interpret a function's body; without arguments, its parameters are unknown."""
        called = bool(self.frames) or bound
        saved = self.scope, self.conditions, self.statement, self.frame, self.contexts
        self.visited.add(function.node)
        self._frames += 1
        self.frame = self._frames
        self.scope = Scope({name: self._renamed(name, value) for name, value in bound}, function.scope)
        self._defaults(function)
        self.frames.append(function.node)
        self.returned.append([])
        weak, self._weak = self._weak, 0
        self._body(function)
        results = self.returned.pop()
        self.frames.pop()
        self._weak = weak
        inner = self.scope
        self.scope, self.conditions, self.statement, self.frame, self.contexts = saved
        if not called:
            self.escape_all(results)
            self.results.setdefault(function.node, []).extend(results)
        self._unused(inner)
        return _either(results) or Plain(None)

    def _body(self, function: Function) -> None:
        node = function.node
        if isinstance(node, ast.Lambda):
            self.returned[-1].append(self.evaluate(node.body))
        else:
            self.execute(node.body)

    def _defaults(self, function: Function) -> None:
        """Bind the parameters that no argument was given for."""
        arguments = function.node.args
        every = [*arguments.posonlyargs, *arguments.args]
        defaults = dict(zip([each.arg for each in every][::-1], arguments.defaults[::-1], strict=False))
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            every.append(each)
            if default is not None:
                defaults[each.arg] = default
        every.extend(each for each in (arguments.vararg, arguments.kwarg) if each is not None)
        called = bool(self.scope.names)
        if function.owner is not None and every and not _static(function.node):
            self.scope.names.setdefault(every[0].arg, function.owner)
        for each in every:
            if each.arg not in self.scope.names:
                default = defaults.get(each.arg) if called else None
                known = None if default is None else self.evaluate(default)
                self.scope.names[each.arg] = self.fresh(each.arg) if known is None else known

    def _unused(self, scope: Scope) -> None:
        """Interpret inner functions that were not called: they are callbacks, if anything."""
        for value in list(scope.names.values()):
            if isinstance(value, Function) and value.scope is scope:
                if value.node not in self.visited:
                    self.callback(value)

    def callback(self, function: Function) -> None:
        """Interpret a function that is called nobody knows when."""
        if function.node in self.visited or function.node in self.frames:
            return
        if len(self.frames) > _DEEPEST:
            return
        loops = self.loops
        node = function.node.body if isinstance(function.node, ast.Lambda) else ast.Constant(0)
        loop = Loop(node, loops[-1] if loops else None, (), Plain(None), None, opaque=True)
        self.loops = (*loops, loop)
        if isinstance(function.node, ast.Lambda):
            self.visited.add(function.node)
        self.escape(self._enter(function, [("*", Plain(None))]))
        self.loops = loops

    def _return(self, node: ast.Return) -> object:
        value = Plain(None) if node.value is None else self.evaluate(node.value)
        if self.returned:
            self.returned[-1].append(value)
        return _LEAVES

    def instantiate(self, cls: Class, node: ast.Call, given: list[Value]) -> Value:
        """Make an instance of a class of this file."""
        instance = Instance(cls, {}, cls.node.name.lower())
        self._open(instance)
        found = self._method(cls, "__init__")
        if found is not None:
            self.inline(Function(found, cls.scope, instance), node, given)
        else:
            for keyword, value in zip(node.keywords, given[len(node.args) :], strict=True):
                if keyword.arg is not None:
                    instance.attributes[keyword.arg] = value
            self.escape_all(given[: len(node.args)])
        return instance

    def _open(self, instance: Instance) -> None:
        """Let an instance escape whose bases are in other files: they may do anything with it."""
        instance.escaped = not self._all_bases_visible(instance.cls)

    def _all_bases_visible(self, cls: Class) -> bool:
        return not [key for key in cls.node.keywords if key.arg != "metaclass"] and all(
            (isinstance(base, Name) and base.full in _PLAIN_BASES)
            or (isinstance(base, Class) and base is not cls and self._all_bases_visible(base))
            for base in cls.bases
        )

    def _method(self, cls: Class, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        for each in self._lineage(cls):
            if name in each.methods:
                return each.methods[name]
        return None

    def _lineage(self, cls: Class) -> Iterator[Class]:
        """Give a class and its bases in this file."""
        todo, seen = [cls], set[Class]()
        while todo:
            each = todo.pop(0)
            if each not in seen:
                seen.add(each)
                yield each
                todo.extend(base for base in each.bases if isinstance(base, Class))

    def property_of(self, instance: Instance, name: str) -> Value | None:
        """Give a property, class attribute or method of an instance."""
        method = self._method(instance.cls, name)
        if method is not None:
            function = Function(method, instance.cls.scope, instance)
            if any(isinstance(each, ast.Name) and each.id == "property" for each in method.decorator_list):
                return self.inline(function, _NO_CALL, [])
            return function
        for cls in self._lineage(instance.cls):
            for statement in cls.node.body:
                found, value = assigned(statement)
                if found == name and value is not None:
                    return self.evaluate(value)
        return None

    def _alone(self, cls: Class) -> None:
        """Interpret the methods of a class that nobody called, on an instance of its own."""
        left = [node for node in cls.methods.values() if node not in self.visited]
        if not left:
            return
        instance = Instance(cls, {}, "self")
        self._open(instance)
        begin = self._method(cls, "__init__")
        if begin is not None:
            self._enter(Function(begin, cls.scope, instance), [])
        rest = [node for node in left if node is not begin and node.name not in _SKIPPED]
        inner = self._called_inside(rest)
        for node in sorted(rest, key=lambda each: each.name in inner):
            if node not in self.visited:
                self._enter(Function(node, cls.scope, instance), [])

    def _called_inside(self, methods: list[ast.FunctionDef | ast.AsyncFunctionDef]) -> set[str]:
        """Give the methods that others call on self: their callers come first."""
        return {
            part.func.attr
            for method in methods
            for part in ast.walk(method)
            if isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and isinstance(part.func.value, ast.Name)
            and part.func.value.id == "self"
        }


_LEAVES = object()
_NO_CALL = ast.Call(ast.Name("property", ast.Load()), [], [])


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and (
        test.left.id == "__name__"
    )


def _used(tree: ast.Module) -> set[str]:
    """Give the names that functions and methods use: whoever bears one has a caller."""
    return {
        part.id
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for part in _calls_of(function)
    }


def _calls_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.Name]:
    for part in ast.walk(function):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            if part.func.id != function.name:
                yield part.func


def _name(function: Function) -> str:
    return getattr(function.node, "name", "")


def _static(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in decorators)


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


def _either(values: list[Value]) -> Value | None:
    found: Value | None = None
    for value in values:
        found = merged(found, value)
    if isinstance(found, Choice) and all(isinstance(each, Bag) for each in found.values):
        return found.values[-1]
    return found


def _bound(
    function: Function, node: ast.Call, given: list[Value], fresh: Callable[[str], Unknown]
) -> list[tuple[str, Value]]:
    """Match arguments with parameters."""
    arguments = function.node.args
    names_of = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    bound: list[tuple[str, Value]] = []
    if function.owner is not None and not _static(function.node) and names_of:
        bound.append((names_of.pop(0), function.owner))
    starred = any(isinstance(each, ast.Starred) for each in node.args)
    positional = [] if starred else given[: len(node.args)]
    bound.extend(zip(names_of, positional, strict=False))
    hidden = starred or any(each.arg is None for each in node.keywords)
    for keyword, value in zip(node.keywords, given[len(node.args) :], strict=True):
        if keyword.arg is not None:
            bound.append((keyword.arg, value))
    if hidden:
        taken = {name for name, _ in bound}
        bound.extend((name, fresh(name)) for name in names_of if name not in taken)
    return bound or [("*", Plain(None))]
