"""What the store gives back, and how it becomes rows of tables and comes out of them again."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from etude.errors import StoreError
from etude.records import Curve, Outcome, Run
from etude.store import tables


@dataclass(frozen=True, slots=True, eq=False)
class StoredRun:
    """A run as the store keeps it."""

    run: Run
    """The run; its curve is empty where a list of runs was asked for."""
    key: str
    """What it was trained from, as `run_key` gives it."""
    created: str
    """When it was stored: UTC, ISO 8601."""
    settings: dict[str, Any]
    """What it was trained with: planned updates, batch size, device, versions …"""


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """Where runs that are trained together stand."""

    key: str
    """What identifies the group that they are."""
    first: str
    """Key of the first of the runs, by which the checkpoint is found."""
    members: str
    """The runs, as whoever keeps the checkpoint writes them."""
    content: bytes = field(repr=False)


def row_of(run: Run, key: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Give the row of a run, without its curve.

    Raises:
        StoreError: the settings are not ready for JSON.
    """
    try:
        text = json.dumps(settings, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StoreError(f"a run's settings must be ready for JSON, but {error}") from error
    return {
        "id": run.id,
        "key": key,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "task": run.task,
        "strategy": run.strategy,
        "seed": run.seed,
        "outcome": str(run.outcome),
        "planned": run.planned,
        "updates": run.updates,
        "loss": run.loss,
        "metric": run.metric,
        "seconds": run.seconds,
        "settings": text,
    }


def stored(row: Row[Any], curve: Curve) -> StoredRun:
    """Give the run of a row with what it was trained from."""
    return StoredRun(
        run=run_of(row, curve),
        key=row.key,
        created=row.created,
        settings=json.loads(row.settings),
    )


def run_of(row: Row[Any], curve: Curve) -> Run:
    """Give the run of a row."""
    return Run(
        id=row.id,
        task=row.task,
        strategy=row.strategy,
        seed=row.seed,
        outcome=Outcome(row.outcome),
        planned=row.planned,
        updates=row.updates,
        loss=row.loss,
        metric=row.metric,
        seconds=row.seconds,
        curve=curve,
    )


def curve_of(row: Row[Any]) -> Curve:
    """Give the curve of a row of both tables joined."""
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for the columns of a row
    return Curve(**{name: columns[tables.curves.c[name]] for name in tables.COLUMNS})
