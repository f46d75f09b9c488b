"""What a learner did, in the store: answers, predictions, cards, badges; one entry under each key.

What an entry holds is the business of whoever writes it; here it is a dictionary ready for JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from etude.errors import StoreError
from etude.store import tables
from etude.store.store import Store


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done."""

    kind: str
    """What it is: `prediction`, `card` …"""
    key: str
    """What it is about, one entry for each: an item's id."""
    at: str
    """When: UTC, ISO 8601."""
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """The entries of a store."""

    store: Store

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """Give what is kept under a key, None where nothing is."""
        table = tables.progress.c
        query = select(table.content).where(table.kind == kind, table.key == key)
        with self.store.reading() as connection:
            found = connection.scalar(query)
        return None if found is None else json.loads(found)

    def entries(self, kind: str | None = None) -> list[Entry]:
        """List entries, the oldest first; of one kind, or all."""
        table = tables.progress
        query = select(table).order_by(table.c.at, table.c.kind, table.c.key)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        with self.store.reading() as connection:
            rows = connection.execute(query).all()
        return [Entry(row.kind, row.key, row.at, json.loads(row.content)) for row in rows]

    def keep(self, kind: str, key: str, content: Mapping[str, Any]) -> None:
        """Keep something under a key, in the place of what was there."""
        table = tables.progress
        there = (table.c.kind == kind) & (table.c.key == key)
        with self.store.writing() as connection:
            connection.execute(delete(table).where(there))
            connection.execute(insert(table).values(_row(kind, key, content)))

    def commit(self, kind: str, key: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Keep something under a key for ever, and give what is there: the first that came."""
        try:
            with self.store.writing() as connection:
                connection.execute(insert(tables.progress).values(_row(kind, key, content)))
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
        return self.get(kind, key) or dict(content)

    def forget(self) -> int:
        """Forget all entries and give their number; runs stay."""
        with self.store.writing() as connection:
            return connection.execute(delete(tables.progress)).rowcount


def _row(kind: str, key: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": kind,
        "key": key,
        "at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "content": json.dumps(dict(content), allow_nan=False),
    }
