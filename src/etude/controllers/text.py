"""Controllers from text and JSON: `warmup 5% -> cosine * plateau factor=0.5 patience=3`.

    controlled := [schedule "*"] controller ("*" controller)*
    controller := name argument*

A controller steers the whole run, so the schedule before its star needs no brackets.
"""

import re
from typing import Any, cast

from etude.controllers.base import Controller
from etude.controllers.controlled import Controlled
from etude.controllers.on_plateau import Plateau
from etude.controllers.on_progress import Greedy
from etude.controllers.on_spike import Spike
from etude.controllers.while_stable import CarefulWarmup
from etude.errors import ScheduleError
from etude.schedules import Schedule, constant
from etude.schedules import from_json as schedule_from_json
from etude.schedules.described import build_known, options_of
from etude.schedules.options import closest
from etude.schedules.text import Parser

CONTROLLERS: dict[str, type[Controller]] = {
    kind.kind: kind for kind in (Plateau, Greedy, Spike, CarefulWarmup)
}
"""Every controller by its name in text and JSON."""
_NAME = re.compile(rf"(?:{'|'.join(CONTROLLERS)})(?![^\s*()])")


def parse(text: str, start: int = 0) -> Schedule | Controlled:
    """Read a schedule, or one with controllers, from text as `str` writes it.

    Args:
        text: `warmup 5% -> cosine * plateau factor=0.5`, say.
        start: Where in `text` it begins; errors point into the whole text.

    Raises:
        ScheduleError: The text is neither; the message shows where and what was expected.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - users err
        raise ScheduleError(f"a controller's text must be a string, got {text!r}")
    parser = _Parser(text, start)
    schedule = constant() if parser.controller_next() else parser.schedule()
    controllers = [parser.controller()] if parser.controller_next() else []
    while parser.take("*"):
        controllers.append(parser.controller())
    if parser.at < len(text):
        parser.fail("expected * or the end here", parser.at)
    return Controlled(schedule, tuple(controllers)) if controllers else schedule


class _Parser(Parser):
    """Reads schedules up to the star before a controller."""

    def controller_next(self) -> bool:
        """Say whether a controller's name is next."""
        return _NAME.match(self.text, self.at) is not None

    def factor_follows(self) -> bool:
        """Say whether a star here would be followed by a schedule."""
        star = re.compile(r"\*\s*").match(self.text, self.at)
        return star is not None and _NAME.match(self.text, star.end()) is None

    def controller(self) -> Controller:
        """Read a controller."""
        begin, word = self.at, self.take(_NAME)
        if not word:
            self.fail(f"expected a controller here: {', '.join(CONTROLLERS)}", begin)
        kind = CONTROLLERS[word]
        values = self.arguments(word, kind.main, options_of(kind))
        return self.make(begin, lambda: build_known(kind, values))


def from_json(data: object) -> Schedule | Controlled:
    """Read what `Schedule.to_json` or `Controlled.to_json` gave.

    Raises:
        ScheduleError: The data describes neither.
    """
    if not isinstance(data, dict) or cast("dict[str, Any]", data).get("kind") != "controlled":
        return schedule_from_json(cast("object", data))
    values = cast("dict[str, Any]", data)
    if set(values) != {"kind", "schedule", "controllers"}:
        raise ScheduleError("controlled in JSON must have a schedule and controllers and no more")
    controllers = tuple(controller_from_json(each) for each in values["controllers"])
    return Controlled(schedule_from_json(values["schedule"]), controllers)


def controller_from_json(data: dict[str, Any]) -> Controller:
    """Read what `Controller.to_json` gave.

    Raises:
        ScheduleError: The data describes no controller.
    """
    values = dict(data)
    kind = values.pop("kind", None)
    if kind not in CONTROLLERS:
        hint = closest(str(kind), list(CONTROLLERS))
        raise ScheduleError(f"unknown kind of controller {kind!r}; {hint}")
    return build_known(CONTROLLERS[kind], values)
