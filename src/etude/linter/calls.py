"""The value of a call: things that rules know, functions of the same file, and what is unknown."""

import ast
from collections.abc import Callable

from etude.linter.algebra import Number, constant, symbol
from etude.linter.catalogue import KNOWN
from etude.linter.expressions import Expressions, loader_key
from etude.linter.values import (
    Bag,
    Choice,
    Class,
    Event,
    Function,
    Instance,
    Method,
    Name,
    Plain,
    Range,
    Thing,
    Unknown,
    Value,
    as_number,
    things,
)

WATCHED = frozenset(
    {
        "step",
        "backward",
        "zero_grad",
        "state_dict",
        "load_state_dict",
        "get_lr",
        "unscale_",
        "add_param_group",
        "clip_gradients",
        "clip_grad_norm_",
        "clip_grad_value_",
        "manual_backward",
    }
)
"""Methods of objects that are not known, in which rules take an interest all the same."""

_HARMLESS = frozenset(
    {"print", "isinstance", "str", "repr", "type", "id", "hasattr", "issubclass", "bool", "len"}
)
_WRAPPERS = frozenset(
    {"enumerate", "tqdm", "zip", "islice", "iter", "list", "reversed", "track", "sorted", "cycle"}
)
_CLIPS = frozenset({"clip_grad_norm_", "clip_grad_value_", "clip_grad_norm"})
_PREPARES = frozenset({"prepare", "setup", "setup_optimizers", "prepare_scheduler"})


class Calls(Expressions):
    """The part of the interpreter that evaluates calls."""

    def inline(self, function: Function, node: ast.Call, given: list[Value]) -> Value:
        """Interpret a function of this file with these arguments."""
        raise NotImplementedError

    def instantiate(self, cls: Class, node: ast.Call, given: list[Value]) -> Value:
        """Make an instance of a class of this file."""
        raise NotImplementedError

    def call(self, node: ast.Call) -> Value:
        """Evaluate a call: its function, its arguments, then the call."""
        if isinstance(node.func, ast.Attribute):
            target = self.evaluate(node.func.value)
            if not isinstance(target, Name):
                return self._call_method(target, node.func.attr, node)
            function: Value = self.attribute(target, node.func.attr)
        else:
            function = self.evaluate(node.func)
        given = self._given(node)
        return self._apply(function, node, given)

    def _given(self, node: ast.Call) -> list[Value]:
        """Evaluate all arguments, first the positional ones."""
        values = [self.evaluate(each) for each in node.args]
        return [*values, *(self.evaluate(each.value) for each in node.keywords)]

    def _apply(self, function: Value, node: ast.Call, given: list[Value]) -> Value:
        if isinstance(function, Name):
            return self._call_name(function, node, given)
        if isinstance(function, Function):
            return self.inline(function, node, given)
        if isinstance(function, Class):
            return self.instantiate(function, node, given)
        if isinstance(function, Method):
            return self._on_thing(function.thing, function.name, node, given)
        if isinstance(function, Choice) and all(
            isinstance(each, Name) and each.full in KNOWN for each in function.values
        ):
            return Choice(tuple(self._apply(each, node, given) for each in function.values))
        self.escape_all(given)
        return self.fresh(f"{function.key}()" if isinstance(function, Unknown) else "?()")

    # ---- names: builtins, torch's functions, the catalogue

    def _call_name(self, name: Name, node: ast.Call, given: list[Value]) -> Value:
        last = name.full.rpartition(".")[2]
        if name.full in KNOWN:
            return self._create(name.full, node, given)
        builtin: Callable[[list[Value]], Value | None] | None = _BUILTINS.get(name.full)
        if builtin is not None and given:
            found = builtin(given)
            return self.fresh(f"{last}()") if found is None else found
        if name.full == "isinstance" and len(given) == 2:  # noqa: PLR2004 - its arguments
            return self._is_instance(given[0], given[1])
        if last in _WRAPPERS and given:
            return given[0] if last != "zip" or len(given) == 1 else self._zipped(given)
        if last == "trange" and given:
            return _range(given) or self.fresh("trange()")
        if last in _CLIPS and name.full.startswith("torch.nn.utils"):
            self._record("clip", None, node, given)
        elif last == "optimizer_step" and given and name.full.startswith("torch_xla"):
            self._record("step", given[0], node, given[1:])
        elif name.full not in _HARMLESS:
            self._record("call", name, node, given)
            self.escape_all(given)
        return self.fresh(f"{last}()")

    def _zipped(self, given: list[Value]) -> Value:
        self.escape_all([value for value in given if isinstance(value, Bag)])
        return given[0]

    def _is_instance(self, value: Value, classes: Value) -> Value:
        names = classes.items if isinstance(classes, Bag) else [classes]
        if isinstance(value, Thing) and all(isinstance(name, Name) for name in names):
            known = [name.full for name in names if isinstance(name, Name)]
            if all(full in KNOWN for full in known):
                return Plain(value.full in known)
        return self.fresh("isinstance()")

    def _create(self, full: str, node: ast.Call, given: list[Value]) -> Thing:
        """Make a thing that the catalogue knows."""
        entry = KNOWN[full]
        values = dict(zip(entry.parameters, given[: len(node.args)], strict=False))
        nodes = dict(zip(entry.parameters, node.args, strict=False))
        for keyword, value in zip(node.keywords, given[len(node.args) :], strict=True):
            if keyword.arg is not None:
                values[keyword.arg], nodes[keyword.arg] = value, keyword.value
        complete = not any(isinstance(each, ast.Starred) for each in node.args) and all(
            each.arg is not None for each in node.keywords
        )
        thing = Thing(
            full,
            entry.kind,
            node,
            values,
            nodes,
            complete,
            len(self.events),
            self.loops,
            self.conditions,
        )
        thing.serial = len(self.created)
        self.created.append(thing)
        self._own(thing)
        return thing

    def _own(self, thing: Thing) -> None:
        """Let a composed scheduler own its parts, and others' arguments escape."""
        for name, value in thing.arguments.items():
            given = value.items if isinstance(value, Bag) else [value]
            for part in [each for item in given for each in things(item)]:
                if thing.kind == "scheduler" and name == "schedulers":
                    part.owner = thing
                elif thing.kind == "trainer":
                    part.escaped = True
        if thing.kind in {"trainer", "loader"}:
            self.escape_all(
                value
                for value in thing.arguments.values()
                if isinstance(value, Function | Instance)
            )

    # ---- methods

    def _call_method(self, target: Value, name: str, node: ast.Call) -> Value:
        if isinstance(target, Instance):
            return self._on_instance(target, name, node)
        given = self._given(node)
        if isinstance(target, Thing):
            return self._on_thing(target, name, node, given)
        if isinstance(target, Choice):
            return self._on_choice(target, name, node, given)
        if isinstance(target, Bag):
            return self._on_bag(target, name, given)
        if isinstance(target, Class):
            function = self.attribute(target, name)
            return self._apply(function, node, given)
        return self._on_unknown(target, name, node, given)

    def _on_instance(self, target: Instance, name: str, node: ast.Call) -> Value:
        found = target.attributes.get(name) or self.property_of(target, name)
        given = self._given(node)
        if found is not None:
            return self._apply(found, node, given)
        if name in WATCHED:
            self._record(name, target, node, given)
        self.escape_all(given)
        return Unknown(f"{target.key}.{name}()")

    def _on_thing(self, thing: Thing, name: str, node: ast.Call, given: list[Value]) -> Value:
        if thing.kind == "scaler":
            return self._on_scaler(thing, name, node, given)
        if thing.kind in {"accelerator", "fabric"} and name in _PREPARES:
            return self._prepare(given)
        self._record(name, thing, node, given)
        if name == "step" and thing.kind == "optimizer":
            self.escape_all(given)  # a closure
        elif not (thing.kind in {"accelerator", "fabric"} and name == "backward"):
            self.escape_all(given)
        return Unknown(f"{thing.label or thing.short}#{thing.serial}.{name}()")

    def _on_scaler(self, thing: Thing, name: str, node: ast.Call, given: list[Value]) -> Value:
        if name == "scale":
            return self.fresh("scaled")
        target = given[0] if given and name in {"step", "unscale_"} else thing
        if name in {"step", "unscale_", "state_dict", "load_state_dict"}:
            self._record(name, target, node, given[1:] if given else [], scaled=True)
        return self.fresh(f"{name}()")

    def _prepare(self, given: list[Value]) -> Value:
        for value in given:
            for thing in things(value):
                thing.prepared = True
        return given[0] if len(given) == 1 else Bag(list(given))

    def _on_choice(self, target: Choice, name: str, node: ast.Call, given: list[Value]) -> Value:
        for each in things(target):
            self._on_thing(each, name, node, given)
        if not any(things(target)):
            self.escape_all(given)
        return self.fresh(f"{name}()")

    def _on_bag(self, bag: Bag, name: str, given: list[Value]) -> Value:
        if name in {"append", "extend", "insert", "add"} and given:
            added = given[-1]
            bag.items.extend(
                added.items if name == "extend" and isinstance(added, Bag) else [added]
            )
        elif name in {"items", "values"} and bag.keys is not None:
            return Bag(list(bag.items)) if name == "values" else self._escaped(bag)
        elif name == "get" and given and isinstance(given[0], Plain):
            return bag.get(given[0].value) or self.fresh("?")
        else:
            self.escape_all(given)
        return self.fresh(f"{name}()")

    def _escaped(self, value: Value) -> Value:
        self.escape(value)
        return self.fresh("?")

    def _on_unknown(self, target: Value, name: str, node: ast.Call, given: list[Value]) -> Value:
        scaled = isinstance(target, Unknown) and target.key.startswith("scaled#")
        if name == "step" and given and isinstance(given[0], Thing | Unknown) and _scaler(target):
            self._record(name, given[0], node, given[1:], scaled=True)
            return self.fresh("step()")
        if name == "scale" and _scaler(target):
            return self.fresh("scaled")
        if name in _WRAPPERS and given:
            return given[0]
        if name in WATCHED:
            self._record(name, target, node, given, scaled=scaled)
        if name in _PREPARES and isinstance(target, Unknown) and "accel" in target.key:
            return self._prepare(given)
        self.escape_all(given)
        key = target.key if isinstance(target, Unknown) else "?"
        return Unknown(f"{key}.{name}()") if not given else self.fresh(f"{key}.{name}()")

    def _record(
        self,
        name: str,
        target: Value | None,
        node: ast.Call,
        given: list[Value],
        *,
        scaled: bool = False,
    ) -> None:
        """Note a call; a gradient or an update makes the loop around it a training loop."""
        name = "backward" if name == "manual_backward" else name
        name = "clip" if name.startswith("clip_grad") else name
        positional = given[: max(len(given) - len(node.keywords), 0)]
        steps = name == "step" and any(each.kind == "optimizer" for each in things(target))
        if self.loops and (name == "backward" or steps):
            self.loops[-1].updates = True
        for each in list(things(target)) or [target]:
            self.events.append(
                Event(
                    name,
                    each,
                    node,
                    positional,
                    len(self.events),
                    self.loops,
                    self.conditions,
                    self.contexts,
                    self.frame,
                    self.statement,
                    scaled,
                )
            )


def _scaler(target: Value) -> bool:
    return isinstance(target, Unknown) and "scaler" in target.key.lower()


def _range(given: list[Value]) -> Value | None:
    numbers = [as_number(value) for value in given[:3]]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or not known:
        return None
    if len(known) == 1:
        return Range(constant(0), known[0], constant(1))
    return Range(known[0], known[1], known[2] if len(known) > 2 else constant(1))  # noqa: PLR2004 - the step


def _length(given: list[Value]) -> Value | None:
    value = given[0]
    if isinstance(value, Bag):
        return constant(len(value.items))
    if isinstance(value, Range):
        return value.length
    key = loader_key(value)
    return symbol(key) if key else None


def _same(given: list[Value]) -> Value | None:
    """Pass a number through what rounds it: the rules' tolerances are wider than that."""
    value = given[0]
    number = as_number(value)
    if number is None or number.value is None:
        return value if number is not None else None
    return number


def _whole(given: list[Value]) -> Value | None:
    number = as_number(given[0])
    if number is not None and number.value is not None and abs(number.value) < 1e15:  # noqa: PLR2004 - exact
        return constant(int(number.value))
    return number


def _best(pick: Callable[[list[float]], float]) -> Callable[[list[Value]], Value | None]:
    def found(given: list[Value]) -> Value | None:
        numbers = [as_number(value) for value in given]
        values = [number.value for number in numbers if number is not None]
        known = [value for value in values if value is not None]
        if len(known) == len(given) > 1:
            return constant(pick(known))
        unknown = [value for value in given if not (isinstance(value, Number) and value.value == 1)]
        # max(1, n) is n in all but empty runs
        return unknown[0] if len(unknown) == 1 and len(given) > 1 else None

    return found


_BUILTINS: dict[str, Callable[[list[Value]], Value | None]] = {
    "range": _range,
    "len": _length,
    "int": _whole,
    "float": _same,
    "round": _same,
    "abs": _same,
    "math.ceil": _same,
    "math.floor": _same,
    "numpy.ceil": _same,
    "max": _best(max),
    "min": _best(min),
}
