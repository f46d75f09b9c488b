"""Schedules as plain Python source: the rules that ran, with one schedule's numbers."""

import ast
import inspect
import keyword
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from etude.errors import ScheduleError
from etude.schedules.base import Family, Law, Schedule
from etude.schedules.compose import Product, Sequence, Window
from etude.schedules.functions import Function, Importable
from etude.schedules.shapes import Constant


def write_source(schedule: Schedule, name: str) -> str:
    """Write Python source that defines `name(t)`, equal to the schedule to the last bit.

    Raises:
        ScheduleError: The schedule needs `bind` first, holds a function without an import name,
            or `name` is no name for a function.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ScheduleError(f"the function's name must be a Python identifier, got {name!r}")
    schedule.rule()  # refuses a schedule that is not bound
    writer = _Writer(name)
    body = writer.body(schedule)
    about = f'    """Give the multiplier of update t, from 0: {schedule}."""'
    main = f"def {name}(t: float) -> float:\n{about}\n{textwrap.indent(body, '    ')}\n"
    blocks = [*writer.functions.values(), main]
    imports = sorted(writer.imports | {m for m in ("math",) if any("math." in b for b in blocks)})
    head = "".join(f"import {module}\n" for module in imports)
    return "\n\n".join([head, *blocks] if head else blocks)


class _Writer:
    """Collects the functions and imports that the expressions need."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.functions: dict[str, str] = {}
        self.imports: set[str] = set()

    def body(self, schedule: Schedule) -> str:
        """Write the statements of a function of t that return the multiplier."""
        if not isinstance(schedule, Sequence):
            return f"return {self.expression(schedule, 't')}"
        lines: list[str] = []
        starts = schedule.starts
        for part, start, end in zip(schedule.parts, starts, [*starts[1:], None], strict=True):
            moved = f"t - {start}" if start else "t"
            value = self.expression(part, moved, ends_before=part.length if end else None)
            lines += [f"if t < {end}:", f"    return {value}"] if end else [f"return {value}"]
        return "\n".join(lines)

    def expression(self, schedule: Schedule, t: str, *, ends_before: Any = None) -> str:
        """Write the multiplier as an expression of `t`, itself an expression."""
        if isinstance(schedule, Product):
            factors = [self.expression(f, t, ends_before=ends_before) for f in schedule.factors]
            return " * ".join(factors)
        if isinstance(schedule, Sequence):
            return f"{self.nested(schedule)}({t})"
        if isinstance(schedule, Window):
            moved = f"{t} + {schedule.start}" if schedule.start else t
            held = schedule.stop is None or schedule.length == ends_before
            when = moved if held else f"min({moved}, {schedule.stop} - 1)"
            return self.expression(schedule.of, when)
        if isinstance(schedule, Constant):
            return repr(schedule.value)
        law = cast("Family", schedule).law()
        # within a sequence t never reaches the end of a part before the last
        held = law.until is None or law.until == ends_before
        when = t if held else f"min({t}, {law.until})"
        if isinstance(schedule, Function):
            return f"{self.imported(schedule.function)}({when})"
        return self.call(law, when)

    def call(self, law: Law, t: str) -> str:
        """Write a call of a rule, and keep the rule's own source."""
        name = law.function.__name__
        if name == self.name:
            raise ScheduleError(f"the function's name must not be {name!r}, that of its own rule")
        self.functions[name] = _short_source(law.function)
        numbers = ", ".join(f"{key}={value!r}" for key, value in law.numbers.items())
        return f"{name}({t}, {numbers})"

    def nested(self, sequence: Sequence) -> str:
        """Write a sequence within a product as a function of its own; give its name."""
        body = textwrap.indent(self.body(sequence), "    ")
        name = f"{self.name}_{sum(key.startswith(self.name) for key in self.functions) + 1}"
        about = f'    """{sequence}."""'
        self.functions[name] = f"def {name}(t: float) -> float:\n{about}\n{body}\n"
        return name

    def imported(self, function: Callable[[float], float]) -> str:
        """Write a reference to an importable function, and import its module."""
        module, _, path = Importable().plain(function).partition(":")
        self.imports.add(module)
        return f"{module}.{path}"


@cache
def _short_source(function: Callable[..., float]) -> str:
    """Give a rule's source with the first line of its docstring only."""
    lines = inspect.getsource(function).splitlines()
    tree = ast.parse("\n".join(lines)).body[0]
    doc = cast("ast.FunctionDef", tree).body[0]
    lines[doc.lineno - 1 : doc.end_lineno] = [
        f'    """{(inspect.getdoc(function) or "").splitlines()[0]}"""'
    ]
    return "\n".join(lines) + "\n"
