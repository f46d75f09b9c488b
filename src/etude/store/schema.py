"""The tables of a database: made where there are none, completed where an older étude made them."""

from sqlalchemy import DDL, Connection, Engine, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable

from etude.errors import StoreError
from etude.store import tables
from etude.store.place import ELSEWHERE


def version_of(engine: Engine) -> int | None:
    """Give the schema's version; None where there are no tables of étude's."""
    if not inspect(engine).has_table(tables.meta.name):
        return None
    with engine.connect() as connection:
        return connection.scalar(select(tables.meta.c.value))


def prepare(engine: Engine, address: str) -> None:
    """Create the tables where there are none, and hold that this étude can write them.

    Raises:
        StoreError: a newer étude wrote them.
    """
    version = version_of(engine) or create(engine)
    refuse_newer(version, address)
    upgrade(engine, version)
    with engine.connect() as connection:  # fails now, not after an hour of training
        connection.execute(update(tables.meta).values(value=tables.meta.c.value))
        connection.rollback()


def create(engine: Engine) -> int:
    """Create the tables and give their version, even when another process does the same now."""
    try:
        with engine.begin() as connection:
            _create_missing(connection)
            connection.execute(insert(tables.meta).values(name="schema", value=tables.SCHEMA))
    except DBAPIError:
        version = version_of(engine)
        if version is None:
            raise
        return version
    return tables.SCHEMA


def refuse_newer(version: int, address: str) -> None:
    """Hold that this étude knows all that is in a store.

    Raises:
        StoreError: a newer étude wrote it.
    """
    if version > tables.SCHEMA:
        raise StoreError(
            f"the store {address} must have schema {tables.SCHEMA} or older, but a newer "
            f"étude wrote it (schema {version}); upgrade étude or {ELSEWHERE}"
        )


def upgrade(engine: Engine, version: int) -> None:
    """Add what an older étude did not know."""
    if version < tables.SCHEMA:
        with engine.begin() as connection:
            _create_missing(connection)
            _add_missing_columns(connection)
            connection.execute(update(tables.meta).values(value=tables.SCHEMA))


def _create_missing(connection: Connection) -> None:
    for table in tables.metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))


def _add_missing_columns(connection: Connection) -> None:
    """Give the curves of an older étude the columns that it did not record yet."""
    table = tables.curves
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    quote = connection.dialect.identifier_preparer.quote
    for column in table.columns:
        if column.name not in there:
            kind = column.type.compile(connection.dialect)
            connection.execute(
                DDL(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(column.name)} {kind}")
            )
