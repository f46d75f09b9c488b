"""What a watched run's curve says: the one place where rules over curves are plugged in."""

import numpy as np

from etude.diagnosis import judge
from etude.records import Curve, Finding, Level, Outcome


def findings_of(curve: Curve) -> list[Finding]:
    """Give what is wrong with a run by its curve so far; codes are those of `etude explain`."""
    if not curve.loss.size or judge(curve) is not Outcome.DIVERGED:
        return []
    bad = np.flatnonzero(~np.isfinite(curve.loss))
    at, last = int(curve.update[bad[0] if bad.size else 0]), int(curve.update[-1])
    level = float(np.median(curve.loss[-max(1, curve.loss.size // 20) :]))
    return [
        Finding(
            code="ED01" if bad.size else "ED02",
            name="not-finite" if bad.size else "diverging",
            level=Level.ERROR,
            message=f"the training loss is {curve.loss[bad[0]]:g} at update {at}"
            if bad.size
            else f"the training loss began at {curve.loss[0]:.4g} and stands at {level:.4g}",
            span=(at, last),
            evidence={"start": float(curve.loss[0]), "level": level},
            remedy="go back to the last good checkpoint with a lower lr or a longer warmup",
            refuted_by="a tenth of the lr from the same checkpoint does the same",
        )
    ]
