"""The value of an expression, as far as the code shows it."""

import ast
import builtins
from collections.abc import Callable, Iterable
from typing import Any

from etude.linter import names
from etude.linter.algebra import Number, constant
from etude.linter.values import (
    Bag,
    Choice,
    Class,
    Condition,
    Event,
    Function,
    Instance,
    Loop,
    Method,
    Name,
    Plain,
    Scope,
    Thing,
    Unknown,
    Value,
    as_number,
    merged,
)

_DEEPEST_POWER = 64


class Expressions:
    """The part of the interpreter that evaluates expressions; `Calls` and `Statements` build on it.

    Attributes:
        events: What was called, in order.
        created: Every thing, in order.
        scope: The names that are visible.
        loops: The loops around the statement, from the outermost.
        conditions: What must hold for the statement to run.
        contexts: The `with` blocks around it.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.created: list[Thing] = []
        self.scope = Scope()
        self.module = self.scope
        self.loops: tuple[Loop, ...] = ()
        self.conditions: tuple[Condition, ...] = ()
        self.contexts: tuple[Value, ...] = ()
        self.frames: list[ast.AST] = []
        self.frame = 0
        self.statement: ast.stmt | None = None
        self._count = 0
        self._kinds: dict[type[ast.expr], Callable[[Any], Value]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self.call,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.Subscript: self._subscript,
            ast.List: self._bag,
            ast.Tuple: self._bag,
            ast.Set: self._bag,
            ast.Dict: self._dict,
            ast.IfExp: self._if,
            ast.BoolOp: self._bool,
            ast.Compare: self._compare,
            ast.NamedExpr: self._walrus,
            ast.Lambda: self._lambda,
            ast.Starred: self._starred,
            ast.Await: self._starred,
            ast.Yield: self._yield,
            ast.YieldFrom: self._yield,
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.DictComp: self._comprehension,
        }

    def evaluate(self, node: ast.expr) -> Value:
        """Give the value of an expression and record the calls in it."""
        found = self._kinds.get(type(node))
        if found is not None:
            return found(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child)
        return self.fresh("?")

    def fresh(self, text: str) -> Unknown:
        """Give a value that is like no other."""
        self._count += 1
        return Unknown(f"{text}#{self._count}")

    def call(self, node: ast.Call) -> Value:
        """Evaluate a call."""
        raise NotImplementedError

    def callback(self, function: Function) -> None:
        """Interpret a function that is called nobody knows when."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind a target to a value."""
        raise NotImplementedError

    def property_of(self, instance: Instance, name: str) -> Value | None:
        """Give a property, class attribute or method of an instance."""
        raise NotImplementedError

    def escape(self, value: Value | None) -> None:
        """Note that code which is not visible may use a value."""
        if isinstance(value, Thing):
            value.escaped = True
        elif isinstance(value, Method):
            value.thing.escaped = True
        elif isinstance(value, Bag):
            self.escape_all(value.items)
        elif isinstance(value, Choice):
            self.escape_all(value.values)
        elif isinstance(value, Instance) and not value.escaped:
            value.escaped = True
            self.escape_all(list(value.attributes.values()))
        elif isinstance(value, Function):
            self.callback(value)

    def escape_all(self, values: Iterable[Value]) -> None:
        """Note it of several values."""
        for value in values:
            self.escape(value)

    def _constant(self, node: ast.Constant) -> Value:
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return constant(value) if abs(value) < 1e300 else Plain(value)  # noqa: PLR2004 - fits a float
        return Plain(value)

    def _name(self, node: ast.Name) -> Value:
        found = self.scope.find(node.id)
        if found is not None:
            return found
        class_like = node.id[0].isupper() and not node.id.isupper()
        return Name(node.id) if class_like or hasattr(builtins, node.id) else Unknown(node.id)

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.evaluate(node.value), node.attr)

    def attribute(self, value: Value, attr: str) -> Value:
        """Give an attribute of a value."""
        if isinstance(value, Unknown):
            return Unknown(f"{value.key}.{attr}")
        if isinstance(value, Name):
            return names.attribute(value, attr)
        if isinstance(value, Instance):
            return self._of_instance(value, attr)
        if isinstance(value, Thing):
            return Method(value, attr)
        if isinstance(value, Class):
            return self._of_class(value, attr)
        return self.fresh(f"?.{attr}")

    def _of_instance(self, instance: Instance, attr: str) -> Value:
        found = instance.attributes.get(attr)
        if found is None:
            found = self.property_of(instance, attr)
        return Unknown(f"{instance.key}.{attr}") if found is None else found

    def _of_class(self, cls: Class, attr: str) -> Value:
        for statement in cls.node.body:
            name, value = assigned(statement)
            if name == attr and value is not None:
                return self.evaluate(value)
        return Unknown(f"{cls.node.name}.{attr}")

    def _binary(self, node: ast.BinOp) -> Value:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if isinstance(left, Bag) and isinstance(right, Bag) and isinstance(node.op, ast.Add):
            return Bag([*left.items, *right.items])
        a, b = as_number(left), as_number(right)
        if a is None or b is None:
            return self.fresh("?")
        return _calculated(node.op, a, b) or self._opaque(node.op, a, b)

    def _opaque(self, op: ast.operator, a: Number, b: Number) -> Value:
        """Name what no polynomial says, so that equal expressions stay equal."""
        return Unknown(f"({a} {type(op).__name__} {b})")

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.evaluate(node.operand)
        if isinstance(node.op, ast.USub) and (number := as_number(value)) is not None:
            return number * constant(-1)
        if isinstance(node.op, ast.Not) and (known := truth(value)) is not None:
            return Plain(not known)
        return self.fresh("?")

    def _subscript(self, node: ast.Subscript) -> Value:
        value, key = self.evaluate(node.value), self.evaluate(node.slice)
        if isinstance(value, Bag):
            return self._item(value, key)
        if isinstance(value, Unknown) and isinstance(key, Plain | Number):
            return Unknown(f"{value.key}[{key.value!r}]")
        return self.fresh("?[]")

    def _item(self, bag: Bag, key: Value) -> Value:
        at = key.value if isinstance(key, Number) else None
        if bag.keys is None and at is not None and at.is_integer():
            index = int(at)
            if -len(bag.items) <= index < len(bag.items):
                return bag.items[index]
        if bag.keys is not None and isinstance(key, Plain):
            return bag.get(key.value) or self.fresh("?[]")
        self.escape(bag)
        return self.fresh("?[]")

    def _bag(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        return Bag([self.evaluate(item) for item in node.elts])

    def _dict(self, node: ast.Dict) -> Value:
        keys = [self.fresh("**") if key is None else self.evaluate(key) for key in node.keys]
        return Bag([self.evaluate(item) for item in node.values], keys)

    def _if(self, node: ast.IfExp) -> Value:
        known = truth(self.evaluate(node.test))
        if known is not None:
            return self.evaluate(node.body if known else node.orelse)
        one, other = self.evaluate(node.body), self.evaluate(node.orelse)
        return merged(one, other) or self.fresh("?")

    def _bool(self, node: ast.BoolOp) -> Value:
        values = [self.evaluate(value) for value in node.values]
        known = [truth(value) for value in values]
        decides = isinstance(node.op, ast.Or)
        if any(value is decides for value in known):
            return (
                Plain(decides)
                if not decides
                else next(
                    value for value, sure in zip(values, known, strict=True) if sure is not False
                )
            )
        if all(value is not None for value in known):
            return values[-1]
        return self.fresh("?")

    def _compare(self, node: ast.Compare) -> Value:
        left, right = self.evaluate(node.left), [self.evaluate(each) for each in node.comparators]
        if len(right) == 1 and isinstance(node.ops[0], ast.Is | ast.IsNot):
            none = [value == Plain(None) for value in (left, right[0])]
            sure = [truth(value) is not None for value in (left, right[0])]
            if all(sure) and any(none):
                return Plain(all(none) == isinstance(node.ops[0], ast.Is))
        return self.fresh("?")

    def _walrus(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        self.assign(node.target, value)
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        return Function(node, self.scope)

    def _starred(self, node: ast.Starred | ast.Await) -> Value:
        return self.evaluate(node.value)

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> Value:
        if node.value is not None:
            self.escape(self.evaluate(node.value))
        return self.fresh("?")

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Value:
        outer, loops = self.scope, self.loops
        self.scope = Scope(parent=outer)
        for part in node.generators:
            iterated = self.evaluate(part.iter)
            loop = Loop(part.iter, self.loops[-1] if self.loops else None, (), iterated, None)
            self.loops = (*self.loops, loop)
            self.assign(part.target, one_of(iterated) or self.fresh("?"))
            for test in part.ifs:
                self.evaluate(test)
        parts = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        self.escape_all([self.evaluate(part) for part in parts])
        self.scope, self.loops = outer, loops
        return self.fresh("?")


def one_of(value: Value) -> Value | None:
    """Give what one turn of a loop over a value binds."""
    if isinstance(value, Bag) and value.keys is None and value.items:
        return value.items[0] if len(value.items) == 1 else Choice(tuple(value.items))
    return None


def truth(value: Value) -> bool | None:
    """Say whether a value counts as true, where that is sure."""
    if isinstance(value, Plain):
        return bool(value.value)
    if isinstance(value, Number):
        return None if value.value is None else bool(value.value)
    if isinstance(value, Thing | Function | Class | Instance | Method):
        return True
    if isinstance(value, Choice):
        found = {truth(each) for each in value.values}
        return found.pop() if len(found) == 1 else None
    return None


def assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    """Give name and value of a simple assignment."""
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.value
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        return (target.id, statement.value) if isinstance(target, ast.Name) else ("", None)
    return "", None


def _calculated(op: ast.operator, a: Number, b: Number) -> Number | None:
    """Calculate what polynomials and constants can."""
    if isinstance(op, ast.Add):
        return a + b
    if isinstance(op, ast.Sub):
        return a - b
    if isinstance(op, ast.Mult):
        return a * b
    x, y = a.value, b.value
    if x is None or y is None:
        # A whole quotient of unknown numbers is off by less than one.
        divides = isinstance(op, ast.Div | ast.FloorDiv) and len(b.terms) == 1
        return a / b if divides else None
    try:
        return _of_constants(op, x, y)
    except (ArithmeticError, ValueError):
        return None


def _of_constants(op: ast.operator, x: float, y: float) -> Number | None:
    if isinstance(op, ast.Div):
        return constant(x / y)
    if isinstance(op, ast.FloorDiv):
        return constant(x // y)
    if isinstance(op, ast.Mod):
        return constant(x % y)
    if isinstance(op, ast.Pow) and abs(y) < _DEEPEST_POWER and (x >= 0 or y.is_integer()):
        return constant(x**y)
    return None


def loader_key(value: Value) -> str:
    """Give the symbol of a container's length."""
    if isinstance(value, Thing):
        return f"len({value.label or value.short}#L{value.serial})"
    return f"len({value.key})" if isinstance(value, Unknown) else ""
