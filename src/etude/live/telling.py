"""Asks the rules while a run goes on, and tells each finding once.

Counts cost next to nothing and are looked at with each block. The curve's rules cost about as much
as an update of a small network, so that they are asked less and less often as the curve grows.
"""

from collections.abc import Callable, Sequence

import numpy as np

from etude.diagnosis import broken, counting, findings
from etude.live.line import Line
from etude.live.record import Record
from etude.records import Finding

GROWTH = 1.1
"""The curve's rules are asked again when it has become longer by this factor: so all together cost
about as much as ten times at the end, however long the run is."""
APART = 4
"""Blocks between two times at least, lest they cost more than the watch in a run's first minute."""


class Teller:
    """Knows what was found so far, and what of it was told.

    Args:
        line: the live line, above which findings are printed.
        on_finding: called with each finding as it arises.
    """

    def __init__(self, line: Line, on_finding: Callable[[Finding], None] | None) -> None:
        self.findings: list[Finding] = []
        self._line, self._on_finding = line, on_finding
        self._of_curve: Sequence[Finding] = ()
        self._asked = 0
        self._told = set[tuple[str, str]]()

    def look(self, record: Record, counts: counting.Counts, *, known: bool, ended: bool) -> None:
        """Ask the rules, and tell what is new.

        Args:
            record: what was read so far.
            counts: what was counted so far.
            known: was every loss told? A missing one would look like one that is not finite.
            ended: has the run ended? Then all rules are asked.
        """
        if known and (ended or self._due(record)):
            self._asked = len(record.blocks)
            self._of_curve = (findings if ended else broken)(record.curve())
        self.findings = [*(self._of_curve if known else ()), *counting.findings(counts)]
        for finding in self.findings:
            self._tell(finding)

    def _due(self, record: Record) -> bool:
        """Has the curve grown enough, or did a loss that is not finite come first?"""
        asked, now = self._asked, len(record.blocks)
        if not asked or now >= max(GROWTH * asked, asked + APART):
            return True
        return not self._of_curve and not np.isfinite(record.blocks[-1][:, 2]).all()

    def _tell(self, finding: Finding) -> None:
        key = finding.code, finding.name
        if key in self._told:
            return
        self._told.add(key)
        self._line.tell(finding)
        if self._on_finding is not None:
            self._on_finding(finding)
