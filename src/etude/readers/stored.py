"""étude's own store: runs by their ids, or all of a store's file."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from etude.readers.series import number
from etude.records import Log

if TYPE_CHECKING:
    from etude.store import StoredRun

FORM = "etude"
_MAGIC = b"SQLite format 3\0"
_ID = re.compile(r"[0-9a-f]{4,12}")


def claims(start: bytes) -> bool:
    """Tell an SQLite file by its first bytes; whether it is étude's, opening it tells."""
    return start.startswith(_MAGIC)


def looks_like_id(name: str) -> bool:
    """Tell a run's id, or the start of one."""
    return _ID.fullmatch(name.lower()) is not None


def read(url: str | Path | None, ids: Sequence[str] = ()) -> Iterator[Log]:
    """Give runs of a store: those with these ids, or all.

    Raises:
        StoreError: it cannot be read or has no such run.
    """
    from etude.store import Store

    with Store.open(None if url is None else str(url), reading=True) as store:
        for each in ids or [stored.run.id for stored in store.runs()]:
            yield to_log(store.get(each), store.address)


def to_log(stored: "StoredRun", address: str) -> Log:
    """Give a stored run as a log."""
    run = stored.run
    return Log(
        name=f"{run.strategy} seed {run.seed}",
        path=f"{address} {run.id}",
        form=FORM,
        curve=run.curve,
        chance=number(stored.settings.get("chance")),
        notes=(f"run {run.id} of task {run.task}",),
    )
