"""Where a store lies: from what a user writes to a database engine that is ready to connect.

Users may write nothing, the path of a file, or a URL; only this file knows the difference.
"""

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from etude.errors import StoreError

ELSEWHERE = "name another place with --store or ETUDE_HOME"
LOG_TRIES = 20


def default_url() -> str:
    """Give the URL of the user's own store: `runs.db` under `ETUDE_HOME` or the data folder."""
    return _sqlite(default_file()).render_as_string()


def default_file() -> Path:
    """Give the path of the user's own store."""
    home = os.environ.get("ETUDE_HOME")
    return (Path(home).expanduser() if home else _data_folder()).absolute() / "runs.db"


def _data_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "etude"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "etude"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "etude"


def _sqlite(file: Path) -> URL:
    return URL.create("sqlite", database=str(file))


def read_address(address: str | None) -> URL:
    """Read a store's address: None (the default), a path, `sqlite:///…` or `postgresql://…`.

    Raises:
        StoreError: it is empty, cannot be read, or names another kind of database.
    """
    if address is None:
        return _sqlite(default_file())
    if not address.strip():
        raise StoreError("a store must be a file or a database URL, got an empty text")
    if "://" not in address:
        return _sqlite(Path(address).expanduser().absolute())
    return _read_url(address)


def _read_url(address: str) -> URL:
    scheme = address.partition("://")[0]  # all that may be shown: the rest can hold a password
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise StoreError(
            f"a store's URL must read like sqlite:///runs.db or postgresql://user@host/name, "
            f"got one that starts with {scheme}:// and cannot be read"
        ) from None
    match url.get_backend_name():
        case "sqlite":
            return url.set(drivername="sqlite")
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
        case _:
            raise StoreError(
                f"a store must be an SQLite file or a PostgreSQL database, got {scheme}://"
            )


def shown(url: URL) -> str:
    """Give a store's address as a message may show it: a plain path, or a URL without password."""
    if url.get_backend_name() == "sqlite" and url.database and not url.query:
        return url.database
    return url.render_as_string(hide_password=True)


def make_engine(url: URL, *, reading: bool = False) -> Engine:
    """Make the engine of a store, and the folders of its file.

    Args:
        url: where it lies.
        reading: only read what is there; nothing is made or changed then.

    Raises:
        StoreError: the folders cannot be made, there is no file to read, or the database's
            driver is not installed.
    """
    on_file = url.get_backend_name() == "sqlite"
    if on_file:
        url = _to_read(url) if reading else _make_folders(url)
    try:
        engine = create_engine(url)
    except ImportError:
        raise StoreError(
            "a PostgreSQL store needs its driver, which is not installed: "
            'pip install "psycopg[binary]"'
        ) from None
    if on_file:
        event.listen(engine, "connect", _wait_for_others if reading else _share_the_file)
    return engine


def is_there(file: Path) -> bool:
    """Say whether a store's file is there.

    Raises:
        StoreError: nobody may look, or no file can have such a name.
    """
    try:
        return file.exists()
    except OSError as error:
        raise StoreError(
            f"the store {file} cannot be opened: {error.strerror}; {ELSEWHERE}"
        ) from None


def _file_of(url: URL) -> Path | None:
    """Give the file of an SQLite store; None where its URL says itself how to open what."""
    name = url.database or ":memory:"
    if name == ":memory:" or name.startswith("file:"):
        return None
    if is_there(Path(name)) and Path(name).is_dir():
        raise StoreError(f"the store must be a file, but {name} is a folder; {ELSEWHERE}")
    return Path(name)


def _to_read(url: URL) -> URL:
    """Give the URL by which a store's file can be read, also where nothing can be written."""
    file = _file_of(url)
    if file is None:
        return url
    if not is_there(file):
        raise StoreError(
            f"a store must be there to be read, but there is no {file}; `etude compare` makes one,"
            f" or {ELSEWHERE}"
        )
    writable = os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    if writable or file.with_name(f"{file.name}-wal").exists():
        return url
    # To agree with writers, SQLite would put files beside it that it cannot take away again, or
    # fail. Without a log there is no writer.
    return url.set(database=file.absolute().as_uri(), query={"uri": "true", "immutable": "1"})


def _make_folders(url: URL) -> URL:
    file = _file_of(url)
    if file is None:
        return url
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the store {file} cannot be created, because its folder cannot "
            f"({_why(file.parent, error)}); {ELSEWHERE}"
        ) from None
    return url


def _why(folder: Path, error: OSError) -> str:
    """Name the file that stands where a folder must be: "File exists" alone would puzzle."""
    found = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return f"{found} is a file" if found.is_file() else error.strerror or str(error)


def _wait_for_others(connection: Any, _record: Any) -> None:
    """Wait up to 30,000 ms where another process has locked the file."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.close()


def _share_the_file(connection: Any, _record: Any) -> None:
    """Let readers and a writer work at once, and writers wait for each other."""
    _wait_for_others(connection, _record)
    cursor = connection.cursor()
    _log_ahead(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _log_ahead(cursor: Any) -> None:
    """Turn the write-ahead log on, also when other processes do the same to a new file now.

    SQLite then refuses at once, whatever the timeout. Asking for the write lock does wait.
    """
    for _ in range(LOG_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        else:
            return
    cursor.execute("PRAGMA journal_mode = WAL")
