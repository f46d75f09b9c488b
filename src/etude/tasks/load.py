"""From a name on the command line to a task: `digits`, or `train.py:task`."""

import inspect
import sys
import traceback
from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from etude.errors import TaskError
from etude.tasks.catalogue import READY
from etude.tasks.task import Task


def load_task(spec: str) -> Task:
    """Load a ready-made task by its name, or a user's own as `path/train.py:name`.

    The name in the file may stand for a Task or for a function without arguments that returns one.
    The task is named after the file and not its folder, so that seeds, and with them results, stay
    when a project moves.

    Raises:
        TaskError: There is no such task, or its file cannot be run.
    """
    if spec in READY:
        return replace(READY[spec](), name=spec)
    file, colon, name = spec.rpartition(":")
    if not colon or not name.isidentifier():
        raise TaskError(_unknown(spec))
    path = Path(file).expanduser()
    task = _find(_load(path), name, path)
    return replace(task, name=f"{path.name}:{name}")


def _unknown(spec: str) -> str:
    if Path(spec).suffix == ".py":
        return f"a task in a file is named {spec}:name, given {spec} alone; add the Task's name"
    close = get_close_matches(spec, READY, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return (
        f"unknown task '{spec}': {hint}`etude tasks` lists the ready-made ones, "
        "your own is named train.py:task"
    )


def _load(path: Path) -> ModuleType:
    """Run a user's file as a module of its own name, its folder importable."""
    if path.suffix != ".py":
        raise TaskError(f"a task's file must be a Python file (.py), given {path}")
    if not path.is_file():
        raise TaskError(f"no file {path}: give the path from {Path.cwd()} or an absolute one")
    path = path.resolve()
    # One name per file, the same in every process, so that its classes can be pickled.
    name = f"etude_task_{path.stem}_{sha256(str(path).encode()).hexdigest()[:12]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TaskError(f"{path} cannot be loaded as a Python module")
    module = module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise TaskError(_raised(error, path)) from error
    return module


def _find(module: ModuleType, name: str, path: Path) -> Task:
    tasks = [key for key, value in vars(module).items() if isinstance(value, Task)]
    if not hasattr(module, name):
        found = f"the Tasks in it: {', '.join(tasks)}" if tasks else "there is no Task in it"
        raise TaskError(f"{path} has no name '{name}'; {found}")
    value = getattr(module, name)
    if inspect.isroutine(value):
        value = _call(value, name, path)
    if not isinstance(value, Task):
        hint = f"; the Tasks in the file: {', '.join(tasks)}" if tasks else ""
        raise TaskError(
            f"{path.name}:{name} must be an etude Task or a function that returns one, "
            f"it is of type {type(value).__name__}{hint}"
        )
    return value


def _call(function: Any, name: str, path: Path) -> Any:
    needed = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    if needed:
        raise TaskError(
            f"{path.name}:{name} must be callable without arguments, it needs {', '.join(needed)}"
        )
    try:
        return function()
    except (Exception, SystemExit) as error:
        raise TaskError(_raised(error, path.resolve())) from error


def _raised(error: BaseException, path: Path) -> str:
    """Say what a user's file raised and on which of its lines."""
    where, line = path, 0
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename) == path:
            line = frame.lineno or 0
    if isinstance(error, SyntaxError) and error.filename:
        where, line = Path(error.filename), error.lineno or 0
    kind, message = type(error).__name__, str(error).split("\n", 1)[0]
    if isinstance(error, SyntaxError):
        message = error.msg
    return f"{where}:{line} raised {kind}{f': {message}' if message else ''}"
