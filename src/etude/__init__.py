"""étude: which learning rate, which schedule, and why.

    import etude

    task = etude.Task(model=make_model, loss=loss, train=(inputs, targets))
    strategies = etude.grid("adamw", lr=[1e-3, 1e-2], schedule="warmup 5% -> cosine")
    answer = etude.compare(task, strategies)

Importing étude imports no torch; what trains is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from etude._version import __version__
from etude.controllers import Controlled, Controller, careful_warmup, greedy, plateau, spike
from etude.errors import EtudeError
from etude.schedules import (
    Schedule,
    constant,
    cosine,
    cyclic,
    exponential,
    function,
    inverse_sqrt,
    linear,
    multistep,
    one_cycle,
    one_minus_sqrt,
    points,
    polynomial,
    restarts,
    step,
    warmup,
    wsd,
)
from etude.strategies import Strategy, grid, scale_lr, strategy

if TYPE_CHECKING:
    from etude.finder import find
    from etude.integrations.torch import Scheduler
    from etude.integrations.torch_export import to_torch
    from etude.integrations.torch_import import from_torch
    from etude.linter import lint
    from etude.live import autopilot, watch
    from etude.probe import probe
    from etude.race import compare
    from etude.readers import diagnose
    from etude.tasks import Task

__all__ = [
    "Controlled",
    "Controller",
    "EtudeError",
    "Schedule",
    "Scheduler",
    "Strategy",
    "Task",
    "__version__",
    "autopilot",
    "careful_warmup",
    "compare",
    "constant",
    "cosine",
    "cyclic",
    "diagnose",
    "exponential",
    "find",
    "from_torch",
    "function",
    "greedy",
    "grid",
    "inverse_sqrt",
    "linear",
    "lint",
    "multistep",
    "one_cycle",
    "one_minus_sqrt",
    "plateau",
    "points",
    "polynomial",
    "probe",
    "restarts",
    "scale_lr",
    "spike",
    "step",
    "strategy",
    "to_torch",
    "warmup",
    "watch",
    "wsd",
]

_LATER = {
    "Scheduler": "etude.integrations.torch",
    "Task": "etude.tasks",
    "autopilot": "etude.live",
    "compare": "etude.race",
    "diagnose": "etude.readers",
    "find": "etude.finder",
    "from_torch": "etude.integrations.torch_import",
    "lint": "etude.linter",
    "probe": "etude.probe",
    "to_torch": "etude.integrations.torch_export",
    "watch": "etude.live",
}


def __getattr__(name: str) -> Any:
    """Load what needs torch, or time, when it is first asked for (PEP 562)."""
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'etude' has no attribute {name!r}")
