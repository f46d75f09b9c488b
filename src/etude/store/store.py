"""The store: add runs, find them again, list them.

All statements are SQLAlchemy Core and run on SQLite and PostgreSQL alike.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from etude.errors import StoreError
from etude.records import Curve, Run
from etude.store import schema, tables
from etude.store.place import ELSEWHERE, make_engine, read_address, shown
from etude.store.rows import StoredCheckpoint, StoredRun, curve_of, row_of, run_of, stored

KEYS_AT_ONCE = 500  # below the number of parameters that any SQLite takes in a statement (999)
IDS_SHOWN = 5
LARGEST_CHECKPOINT = 2**29
"""Bytes; neither SQLite nor PostgreSQL takes a value of 1 GB."""
CHECKPOINT_DAYS = 30
"""Days after which nobody is expected to go on from a checkpoint."""


class Store:
    """Finished runs in a database. Open one with `Store.open`, best in a `with` block.

    Several processes may use one database at once when each opens its own `Store`.
    """

    def __init__(self, engine: Engine, address: str) -> None:
        self._engine = engine
        self.address = address
        """Where it lies, as a message may show it (without a password)."""

    @classmethod
    def open(cls, url: str | None = None, *, reading: bool = False) -> Self:
        """Open a store, and create it where there is none.

        Args:
            url: None for the user's own store (`default_url`), the path of an SQLite file, or
                a URL: `sqlite:///…` or `postgresql://…`.
            reading: only read a store that is there; it may be one that cannot be written.

        Raises:
            StoreError: it cannot be created, opened or written; it was written by a newer
                étude; its driver is not installed; or there is none to read.
        """
        address = read_address(url)
        store = cls(make_engine(address, reading=reading), shown(address))
        try:
            if reading:
                store._check_readable()
            else:
                with store._saying("cannot be opened for writing"):
                    schema.prepare(store._engine, store.address)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Give the connections back; the store opens them again when it is used again."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Give the store itself."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close the store."""
        self.close()

    def add(self, run: Run, *, key: str, settings: dict[str, Any]) -> None:
        """Store a finished run, all of it or nothing; a run id that is there already stays.

        Args:
            run: the run, with its curve.
            key: what it was trained from (`run_key`).
            settings: what it was trained with, ready for JSON.

        Raises:
            StoreError: the store cannot be written, or the settings are not ready for JSON.
        """
        row = row_of(run, key, settings)
        curve = {name: getattr(run.curve, name) for name in tables.COLUMNS}
        with self._saying("cannot be written"):
            try:
                with self._engine.begin() as connection:
                    connection.execute(insert(tables.runs).values(row))
                    connection.execute(insert(tables.curves).values(run=run.id, **curve))
            except IntegrityError:
                if not self._has(run.id):
                    raise

    def find(self, keys: Sequence[str]) -> dict[str, Run]:
        """Give the stored runs that have one of these keys, by key, with their curves.

        Where several runs have the same key, the one that was stored last is given.

        Raises:
            StoreError: the store cannot be read.
        """
        found: dict[str, Run] = {}
        joined = select(tables.runs, tables.curves).join(tables.curves)
        with self.reading() as connection:
            for start in range(0, len(keys), KEYS_AT_ONCE):
                some = tables.runs.c.key.in_(keys[start : start + KEYS_AT_ONCE])
                rows = connection.execute(joined.where(some).order_by(tables.runs.c.number))
                found |= {row.key: run_of(row, curve_of(row)) for row in rows}
        return found

    def keep_checkpoint(self, checkpoint: StoredCheckpoint) -> bool:
        """Keep a checkpoint in the place of the one that has its key, all of it or nothing.

        One that is too large for a database is not kept, and the older one stays. Checkpoints
        that nobody went on from in `CHECKPOINT_DAYS` go.

        Returns:
            Whether it was kept.

        Raises:
            StoreError: the store cannot be written.
        """
        if len(checkpoint.content) > LARGEST_CHECKPOINT:
            return False
        table, now = tables.checkpoints, datetime.now(UTC)
        row = {name: getattr(checkpoint, name) for name in ("key", "first", "members", "content")}
        old = (now - timedelta(days=CHECKPOINT_DAYS)).isoformat(timespec="seconds")
        replaced = (table.c.key == checkpoint.key) | (table.c.kept < old)
        kept = insert(table).values(row | {"kept": now.isoformat(timespec="seconds")})
        with (
            self._saying("cannot be written"),
            suppress(IntegrityError),  # another process was faster, and its is as good
            self._engine.begin() as connection,
        ):
            connection.execute(delete(table).where(replaced))
            connection.execute(kept)
        return True

    def checkpoints(self, keys: Sequence[str]) -> list[StoredCheckpoint]:
        """Give the checkpoints whose first run has one of these keys, the last kept first.

        Raises:
            StoreError: the store cannot be read.
        """
        columns = tables.checkpoints.c
        found: list[tuple[str, StoredCheckpoint]] = []
        with self.reading() as connection:
            for start in range(0, len(keys), KEYS_AT_ONCE):
                some = columns.first.in_(keys[start : start + KEYS_AT_ONCE])
                found += [
                    (row.kept, StoredCheckpoint(row.key, row.first, row.members, row.content))
                    for row in connection.execute(select(tables.checkpoints).where(some))
                ]
        return [each for _, each in sorted(found, key=lambda pair: pair[0], reverse=True)]

    def drop_checkpoint(self, key: str) -> None:
        """Forget a checkpoint; one that is not there is forgotten already.

        Raises:
            StoreError: the store cannot be written.
        """
        gone = delete(tables.checkpoints).where(tables.checkpoints.c.key == key)
        with self._saying("cannot be written"), self._engine.begin() as connection:
            connection.execute(gone)

    def settled(self, key: str, choose: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Give the choice that is kept under a key; where there is none, choose and keep.

        Args:
            key: what the choice depends on, hashed as by `run_key`.
            choose: makes the choice, ready for JSON.

        Raises:
            StoreError: the store cannot be read or written.
        """
        kept = select(tables.choices.c.choice).where(tables.choices.c.key == key)
        with self._saying("cannot be written"):
            with self._engine.connect() as connection:
                found = connection.scalar(kept)
            if found is None:
                found = json.dumps(choose())
                try:
                    with self._engine.begin() as connection:
                        connection.execute(insert(tables.choices).values(key=key, choice=found))
                except IntegrityError:  # another process was faster
                    with self._engine.connect() as connection:
                        found = connection.scalar(kept) or found
        return json.loads(found)

    def runs(
        self,
        *,
        task: str | None = None,
        strategy: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> list[StoredRun]:
        """List runs, the last stored first, without their curves.

        Args:
            task: only runs of this task.
            strategy: only runs whose strategy's text form holds this text, in any case.
            outcome: only runs that ended so.
            limit: at most so many.

        Raises:
            StoreError: the store cannot be read.
        """
        columns = tables.runs.c
        query = select(tables.runs).order_by(columns.number.desc()).limit(limit)
        if task is not None:
            query = query.where(columns.task == task)
        if strategy is not None:
            query = query.where(columns.strategy.icontains(strategy, autoescape=True))
        if outcome is not None:
            query = query.where(columns.outcome == outcome)
        with self.reading() as connection:
            return [stored(row, Curve()) for row in connection.execute(query)]

    def get(self, run_id: str) -> StoredRun:
        """Give one run with its curve, by its id or by the start of it that no other run has.

        Raises:
            StoreError: no run or several runs have such an id, or the store cannot be read.
        """
        with self.reading() as connection:
            whole = self._whole_id(connection, run_id)
            joined = select(tables.runs, tables.curves).join(tables.curves)
            row = connection.execute(joined.where(tables.runs.c.id == whole)).one()
        return stored(row, curve_of(row))

    def _whole_id(self, connection: Connection, start: str) -> str:
        column = tables.runs.c.id
        fitting = column.startswith(start.lower(), autoescape=True)
        query = select(column).where(fitting).order_by(column).limit(IDS_SHOWN + 1)
        ids = list(connection.scalars(query))
        if start.lower() in ids[:1]:  # a whole id, which sorts before any that it starts
            return ids[0]
        if not ids:
            raise StoreError(
                f"a run's id or the start of one must be given, got {start!r}, which no run in "
                f"{self.address} has; `etude runs` lists them"
            )
        if len(ids) > 1:
            more = ", …" if len(ids) > IDS_SHOWN else ""
            raise StoreError(
                f"the start of a run's id must fit one run, but {start!r} fits "
                f"{', '.join(ids[:IDS_SHOWN])}{more}; give more of it"
            )
        return ids[0]

    def _has(self, run_id: str) -> bool:
        with self._engine.connect() as connection:
            query = select(func.count()).where(tables.runs.c.id == run_id)
            return bool(connection.scalar(query))

    def _check_readable(self) -> None:
        with self._saying("cannot be read"):
            version = schema.version_of(self._engine)
        if version is None:
            raise StoreError(
                f"a store to read must be one that étude made, but {self.address} has no runs;"
                f" {ELSEWHERE}"
            )
        schema.refuse_newer(version, self.address)
        with self._saying("was written by an older étude and cannot be brought up to date"):
            schema.upgrade(self._engine, version)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read by.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._saying("cannot be read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are kept together, or not at all.

        Raises:
            StoreError: the store cannot be written.
        """
        with self._saying("cannot be written"), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _saying(self, what: str) -> Iterator[None]:
        """Turn a database's error into one sentence."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            reason = (str(cause).splitlines() or [type(cause).__name__])[0]
            raise StoreError(f"the store {self.address} {what}: {reason}; {ELSEWHERE}") from error
