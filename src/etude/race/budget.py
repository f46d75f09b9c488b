"""How much a race may cost: updates, runs' worth of updates, or seconds."""

import re
import sys
import time
from dataclasses import dataclass, field

from etude.errors import CompareError
from etude.report.words import several

SHARE = 0.25
"""Unless told otherwise, a race may cost this share of the exhaustive comparison."""
_TEXT = re.compile(r"(\d+(?:\.\d+)?(?:e\d+)?)\s*(updates|runs?|s)?", re.IGNORECASE)


@dataclass(slots=True, eq=False)
class Budget:
    """A limit in updates and, where asked for, in seconds; it counts what was spent.

    A limit in updates decides the same way each time. One in seconds cannot: it depends on the
    machine and on what else it does.
    """

    updates: float
    seconds: float | None = None
    asked_for: bool = True
    """Did the user set it? Otherwise it is what étude allows itself."""
    spent: int = 0
    began: float = field(default_factory=time.perf_counter)

    @property
    def left(self) -> int:
        """Updates that may still be trained; all that anyone wants while seconds are left."""
        if self.seconds is not None:
            over = time.perf_counter() - self.began > self.seconds
            return 0 if over else sys.maxsize
        return max(0, int(self.updates) - self.spent)

    def allows(self, updates: int) -> bool:
        """Say whether so many more updates may be trained."""
        return updates <= self.left

    def spend(self, updates: int) -> None:
        """Count updates that a race used, be they trained now or taken from the store."""
        self.spent += updates


def read_budget(text: str | None, *, run: int, exhaustive: int) -> Budget:
    """Read a budget: `20000` or `20000updates`, `40runs`, `90s`.

    Args:
        text: the budget's text; None gives `SHARE` of the exhaustive comparison.
        run: updates of one run in full.
        exhaustive: updates of the exhaustive comparison.

    Raises:
        CompareError: when the text does not parse or is less than one run or no time.
    """
    if text is None:
        return Budget(max(SHARE * exhaustive, run), asked_for=False)
    found = _TEXT.fullmatch(text.strip())
    if not found:
        raise CompareError(f"a budget is written 20000, 40runs or 90s, got {text!r}")
    amount, unit = float(found[1]), (found[2] or "updates").lower()
    if unit == "s":
        if not amount:
            raise CompareError(f"a budget must be more than no time, got {text!r}")
        return Budget(float("inf"), seconds=amount)
    updates = amount * run if unit.startswith("run") else amount
    if updates < run:
        raise CompareError(
            f"a budget must pay for at least one run of {several(run, 'update')}, got {text!r}"
        )
    return Budget(updates)
