"""What a curve says about the run that made it."""

from etude.diagnosis.outcome import end_level, judge

__all__ = ["end_level", "judge"]
