"""The live line under a training loop: how far, how low, at which lr, and whether all is well."""

import math
import sys
import time

from etude.records import Finding
from etude.report.console import fit
from etude.report.words import number, several

EVERY = 0.25
"""Seconds between two looks of the line, at least."""
COLOURS = {"error": "bold red", "warning": "yellow", "hint": "cyan"}


class Line:
    """One line on standard error that changes in place; silent where nobody sits at a terminal.

    Args:
        wanted: show it? None: where standard error is a terminal.
        total: updates of the run; None where nobody said.
    """

    def __init__(self, *, wanted: bool | None, total: int | None) -> None:
        self._total = total
        self._last = -math.inf
        self._live = None
        if wanted or (wanted is None and sys.stderr.isatty()):
            from rich.console import Console
            from rich.live import Live

            self._console = Console(stderr=True)
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()

    @property
    def shown(self) -> bool:
        """Is there anybody to see it?"""
        return self._live is not None

    def show(self, done: int, values: dict[str, float], findings: int) -> None:
        """Show the last values, unless the line was changed a moment ago."""
        now = time.monotonic()
        if self._live is None or now - self._last < EVERY:
            return
        self._last = now
        self._live.update(fit(self._console, line(done, self._total, values, findings)))
        self._live.refresh()

    def tell(self, finding: Finding) -> None:
        """Print a finding above the line."""
        if self._live is None:
            return
        from rich.text import Text

        words = Text(f"{finding.code} ", style=COLOURS[str(finding.level)])
        words.append(fit(self._console, f"{finding.message}. Try: {finding.remedy}."), "default")
        self._console.print(words)

    def close(self) -> None:
        """Take the line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def line(done: int, total: int | None, values: dict[str, float], findings: int) -> str:
    """Write the line; what is not known is left out."""
    words = [f"update {done:,}" + (f"/{total:,}" if total else "")]
    words += [f"{name} {number(value)}" for name, value in values.items() if math.isfinite(value)]
    if findings:
        words.append(several(findings, "finding"))
    return " · ".join(words)
