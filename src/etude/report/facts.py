"""What is needed to run something again, as pairs of a name and a text."""

from collections.abc import Mapping
from typing import Any

from etude.report import words

_KNOWN_TASK_KEYS = {"name", "about", "metric", "maximize", "chance"}


def facts(
    task: Mapping[str, Any], settings: Mapping[str, Any], versions: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Give sizes, settings, seeds and versions."""
    sizes = {key: value for key, value in task.items() if key not in _KNOWN_TASK_KEYS}
    asked = {key: value for key, value in settings.items() if key != "command" and value != []}
    everything = {**sizes, **asked, "versions": versions}
    return [(key.replace("_", " "), _fact(value)) for key, value in everything.items()]


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_fact(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_fact, value))
    return words.number(value) if isinstance(value, float) else str(value)
