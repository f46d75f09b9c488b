"""Walks through a file as Python would, once through every branch and loop.

Functions and methods of the file are followed into, with their arguments, so that a scheduler built
in one function and stepped in another is one scheduler, and a call inside an inner function is
seen to be in the loop that calls it. What nobody calls in the file is interpreted by itself.
Names that a loop changes, and what leaves the file, count as unknown.
"""

import ast
from collections.abc import Callable, Iterator, Sequence

from etude.linter.expressions import assigned
from etude.linter.statements import LEAVES, Statements
from etude.linter.values import (
    Bag,
    Choice,
    Class,
    Function,
    Instance,
    Loop,
    Name,
    Plain,
    Scope,
    Unknown,
    Value,
    merged,
)

_DEEPEST = 8
"""Calls inside calls that are followed."""
_MOST_CALLS = 400
"""Calls of a file that are followed."""
_PLAIN_BASES = frozenset(
    {"object", "torch.nn.Module", "abc.ABC", "typing.Protocol", "typing.Generic"}
)
_SKIPPED = frozenset({"forward", "__repr__", "__str__", "__len__", "__getitem__"})
"""Methods that no learning rate depends on, not followed when a model is called."""


class Interpreter(Statements):
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

    def run(self, tree: ast.Module, calls: Sequence[ast.Call]) -> None:
        """Interpret a module: its body, then what nobody called, callers first."""
        self.execute(tree.body)
        functions = [each for each in self.functions if each.scope is self.module]
        used = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
        for function in functions:
            if function.node not in self.visited and _name(function) not in used:
                self._enter(function, [])
        for cls in sorted(self.classes, key=lambda each: each.node.name in used):
            self._alone(cls)
        for function in functions:
            if function.node not in self.visited:
                self._enter(function, [])

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
        self.scope = Scope(
            {name: self._renamed(name, value) for name, value in bound}, function.scope
        )
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
        defaults = dict(
            zip([each.arg for each in every][::-1], arguments.defaults[::-1], strict=False)
        )
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
            own = isinstance(value, Function) and value.scope is scope
            if isinstance(value, Function) and own and value.node not in self.visited:
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
        return LEAVES

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
            if any(
                isinstance(each, ast.Name) and each.id == "property"
                for each in method.decorator_list
            ):
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


_NO_CALL = ast.Call(ast.Name("property", ast.Load()), [], [])


def _name(function: Function) -> str:
    return getattr(function.node, "name", "")


def _static(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in decorators)


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
