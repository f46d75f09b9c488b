"""Any Python function as a schedule."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from etude.errors import ScheduleError
from etude.schedules.base import Endless, Law, build
from etude.schedules.options import Open, Option
from etude.schedules.units import SpanLike


def function_at(t: float, function: Callable[[float], float]) -> float:
    """Ask the function; a whole t reaches it as an int, so that it may index a table."""
    try:
        return float(function(int(t) if t == int(t) else t))
    except Exception as error:
        raise ScheduleError(
            f"a schedule's function must give a number at each t, at t = {t:g} it raised"
            f" {type(error).__name__}: {error}"
        ) from error


class Importable(Option):
    """A callable, or its name `package.module:function`."""

    def check(self, label: str, value: Any) -> Any:
        """Give the callable, imported when it is named."""
        found: Any = import_function(value) if isinstance(value, str) else value
        if not callable(found):
            raise ScheduleError(f"{label} must be callable or 'module:name', got {value!r}")
        return found

    def plain(self, value: Callable[[float], float]) -> str:
        """Give the name under which the function can be imported.

        Raises:
            ScheduleError: There is none, as for a lambda.
        """
        module: str = getattr(value, "__module__", "") or ""
        module = module.replace("__mp_main__", "__main__")  # a spawned worker's name for the script
        name: str = getattr(value, "__qualname__", "")
        if "<" in name or not name or _find(module, name) is not value:
            raise ScheduleError(
                "a function must be importable by name to be written out or compared, got"
                f" {value!r}; define it with def at the top level of a module or of your script"
            )
        return f"{module}:{name}"


def import_function(name: str) -> Any:
    """Import `package.module:function`; like any import, this runs that module.

    Raises:
        ScheduleError: There is no such module or name.
    """
    module, _, path = name.partition(":")
    found = _find(module, path) if path else None
    if found is None:
        raise ScheduleError(f"expected an importable 'package.module:function', got {name!r}")
    return found


def _find(module: str, path: str) -> Any:
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError):
        return None
    return found


@dataclass(frozen=True, slots=True)
class Function(Endless):
    """Whatever a function says. Build one with `function`."""

    kind: ClassVar[str] = "function"
    main: ClassVar[str] = "function"
    function: Annotated[Callable[[float], float], Importable()]
    length: Open = None

    def law(self) -> Law:
        """Give `function_at`."""
        return Law(function_at, {"function": self.function}, self.last)


def function(
    function: Callable[[float], float] | str, *, length: SpanLike | None = None
) -> Function:
    """Take the multiplier of update t from any Python function of t.

    JSON, text and source code refer to it by its import name, so a lambda or a local function
    can drive an optimizer but neither be written out nor compared. The name of a function of the
    running script or notebook, `__main__:name`, means it in that script only.

    Args:
        function: From t (int from 0) to a multiplier >= 0, or its name `package.module:function`.
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: It is not callable or cannot be imported.
    """
    return build(Function, function=function, length=length)
