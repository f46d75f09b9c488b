"""What a curve says about the run that made it."""

from etude.diagnosis.findings import broken, diagnose_log, findings
from etude.diagnosis.manual import pages
from etude.diagnosis.outcome import end_level, judge
from etude.diagnosis.sweep import read_sweep

__all__ = ["broken", "diagnose_log", "end_level", "findings", "judge", "pages", "read_sweep"]
