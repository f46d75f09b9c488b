"""A watched run as a `Run`, and its way into the store."""

import hashlib
import math
import warnings
from dataclasses import asdict
from typing import Any

import torch

from etude.diagnosis import judge
from etude.errors import StoreError
from etude.records import Curve, Finding, Run, finite
from etude.store import Store
from etude.training.run import identity


def record_run(
    curve: Curve,
    *,
    name: str,
    strategy: str,
    seed: int,
    planned: int,
    updates: int,
    seconds: float,
) -> Run:
    """Judge a watched run. Its loss and metric are those of the last evaluation that was told."""
    return Run(
        id=identity(f"watched {name} {strategy} {seed}", curve),
        task=name,
        strategy=strategy,
        seed=seed,
        outcome=judge(curve),
        planned=planned,
        updates=updates,
        loss=float(curve.val_loss[-1]) if curve.val_loss.size else math.nan,
        metric=float(curve.val_metric[-1]) if curve.val_metric.size else math.nan,
        seconds=seconds,
        curve=curve,
    )


def keep(run: Run, place: Any, findings: list[Finding]) -> None:
    """Keep a watched run; a store that fails costs the run's record, never the training."""
    settings = {
        "watched": True,
        "torch": torch.__version__,
        "findings": [_plain(finding) for finding in findings],
    }
    key = hashlib.sha256(f"watched {run.id}".encode()).hexdigest()
    try:
        if isinstance(place, Store):
            place.add(run, key=key, settings=settings)
        else:
            with Store.open(None if place in {None, True} else place) as store:
                store.add(run, key=key, settings=settings)
    except StoreError as error:
        warnings.warn(f"the watched run was not kept: {error}", stacklevel=3)


def _plain(finding: Finding) -> dict[str, Any]:
    values = asdict(finding)
    values["level"] = str(finding.level)
    values["evidence"] = {name: finite(value) for name, value in finding.evidence.items()}
    return values
