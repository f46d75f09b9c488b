"""Controllers: multipliers that answer to what training shows, one law per file.

    >>> run = cosine(1000) * plateau(factor=0.5, patience=3) * spike()
    >>> run == parse("cosine 1000 * plateau factor=0.5 patience=3 * spike")
    True

A controller is a frozen value and a pure step from (state, observation) to (state, reason). The
adapter `etude.Scheduler` multiplies the schedule with all of them, feeds them, and saves their
states and the log of what they did. A plateau needs no schedule: `Scheduler(optimizer, plateau())`.
"""

from etude.controllers.base import Controller, Event, State
from etude.controllers.controlled import Controlled, as_controlled
from etude.controllers.loop import Loop
from etude.controllers.on_plateau import plateau
from etude.controllers.on_progress import greedy
from etude.controllers.on_spike import spike
from etude.controllers.text import controller_from_json, from_json, parse
from etude.controllers.while_stable import careful_warmup

__all__ = [
    "Controlled",
    "Controller",
    "Event",
    "Loop",
    "State",
    "as_controlled",
    "careful_warmup",
    "controller_from_json",
    "from_json",
    "greedy",
    "parse",
    "plateau",
    "spike",
]
