import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from etude.errors import StoreError
from etude.store import Store, default_url
from etude.store.place import _log_ahead, make_engine, read_address, shown


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("ETUDE_HOME", "XDG_DATA_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


def file_of(url):
    return Path(read_address(url).database)


def test_etude_home_is_where_the_store_lies(home, monkeypatch):
    monkeypatch.setenv("ETUDE_HOME", str(home / "here"))
    assert file_of(default_url()) == home / "here" / "runs.db"


@pytest.mark.parametrize(
    ("platform", "folders"),
    [
        ("linux", (".local", "share", "etude")),
        ("darwin", ("Library", "Application Support", "etude")),
        ("win32", ("AppData", "Roaming", "etude")),
    ],
)
def test_without_etude_home_it_lies_in_the_data_folder_of_the_system(
    home, monkeypatch, platform, folders
):
    monkeypatch.setattr(sys, "platform", platform)
    assert file_of(default_url()) == home.joinpath(*folders, "runs.db")


@pytest.mark.parametrize(("platform", "name"), [("linux", "XDG_DATA_HOME"), ("win32", "APPDATA")])
def test_the_systems_variable_moves_the_data_folder(home, monkeypatch, platform, name):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(name, str(home / "data"))
    assert file_of(default_url()) == home / "data" / "etude" / "runs.db"


def test_none_opens_the_default_and_makes_its_folders(home, monkeypatch):
    monkeypatch.setenv("ETUDE_HOME", str(home / "a? b%20" / "c"))
    with Store.open(None) as store:
        assert store.address == str(home / "a? b%20" / "c" / "runs.db")
    assert (home / "a? b%20" / "c" / "runs.db").is_file()


def test_a_plain_path_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert file_of("some.db") == tmp_path / "some.db"


def test_the_tilde_of_a_plain_path_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert file_of("~/some.db") == tmp_path / "some.db"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_spoken_through_psycopg_three(scheme):
    url = read_address(f"{scheme}://ann@host/runs")
    assert url.drivername == "postgresql+psycopg"


def test_a_password_is_never_shown():
    assert "secret" not in shown(read_address("postgresql://ann:secret@host/runs"))
    with pytest.raises(StoreError, match="cannot be read") as caught:
        read_address("postgresql://ann:secret@host:port/runs")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["", "  "])
def test_an_empty_address_is_refused(address):
    with pytest.raises(StoreError, match="got an empty text"):
        read_address(address)


def test_another_kind_of_database_is_refused():
    with pytest.raises(StoreError, match="SQLite file or a PostgreSQL database, got mysql://"):
        read_address("mysql://host/runs")


def test_a_missing_driver_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)  # None makes its import fail
    with pytest.raises(StoreError, match=r'pip install "psycopg\[binary\]"'):
        make_engine(read_address("postgresql://host/runs"))


def test_an_sqlite_file_is_shared_by_its_settings(tmp_path):
    engine = make_engine(read_address(str(tmp_path / "runs.db")))
    with engine.connect() as connection:
        asked = ("journal_mode", "synchronous", "busy_timeout")
        found = [connection.scalar(text(f"PRAGMA {name}")) for name in asked]
    engine.dispose()
    assert found == ["wal", 1, 30000]  # 1 is NORMAL


class BusyCursor:
    """A cursor of a file that other processes hold for the first few times it is asked."""

    def __init__(self, *, busy):
        self.busy = busy
        self.said = []

    def execute(self, statement):
        self.said.append(statement)
        if "journal_mode" in statement and self.said.count(statement) <= self.busy:
            raise sqlite3.OperationalError("database is locked")


def test_the_log_is_asked_for_again_after_waiting_for_the_other_process():
    cursor = BusyCursor(busy=2)
    _log_ahead(cursor)
    ask, wait = "PRAGMA journal_mode = WAL", ["BEGIN IMMEDIATE", "ROLLBACK"]
    assert cursor.said == [ask, *wait, ask, *wait, ask]


def test_a_file_that_stays_locked_is_an_error_in_the_end():
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        _log_ahead(BusyCursor(busy=1000))


def test_a_postgresql_store_keeps_runs_too(postgresql, make_run):
    with Store.open(postgresql) as store:
        store.add(make_run(1), key="k", settings={})
        assert store.find(["k"])["k"].id == make_run(1).id
