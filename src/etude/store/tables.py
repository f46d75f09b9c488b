"""How a store looks inside: a few tables, and a curve as one blob per column.

A row per update would take about 20 times as long as a blob. Of the blobs, raw float64 per column
was the fastest: an npz archive per run took 2 times as long to write and 20 times to read, and
compression saved 40 % of the space for 5 times the time.
"""

from dataclasses import fields

import numpy as np
from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

from etude.records import Array, Curve

SCHEMA = 5
"""Version of the tables; raise it with every change to them."""

COLUMNS = tuple(field.name for field in fields(Curve))


class Number(TypeDecorator[float]):
    """A float that may be nan, which SQLite keeps as NULL; infinities are kept as they are.

    SQLite also forgets the sign of -0.0 here. The columns of a curve are kept bit for bit.
    """

    impl = Double
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:  # noqa: ARG002 - SQLAlchemy's signature
        """Give the float that the database kept."""
        return float("nan") if value is None else value


class Numbers(TypeDecorator[Array]):
    """A column of a curve, as the raw bytes of little-endian float64."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Array | None, dialect: Dialect) -> bytes:  # noqa: ARG002 - SQLAlchemy's signature
        """Give the bytes of an array."""
        return np.asarray(value, dtype="<f8").tobytes()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Array:  # noqa: ARG002 - SQLAlchemy's signature
        """Give the array of the bytes, with memory of its own."""
        return np.frombuffer(value or b"", dtype="<f8").astype(np.float64)


metadata = MetaData()

meta = Table(
    "etude_meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Integer, nullable=False),
)

runs = Table(
    "etude_runs",
    metadata,
    Column("number", Integer, primary_key=True),  # order of arrival, which no clock can upset
    Column("id", String(40), nullable=False, unique=True),
    Column("key", String(64), nullable=False, index=True),
    Column("created", String(40), nullable=False),
    Column("task", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("planned", BigInteger, nullable=False),
    Column("updates", BigInteger, nullable=False),
    Column("loss", Number),
    Column("metric", Number),
    Column("seconds", Number),
    Column("settings", Text, nullable=False),
)

choices = Table(  # what was chosen by timing, so that the same command chooses the same again
    "etude_choices",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("choice", Text, nullable=False),
)

checkpoints = Table(  # where runs that are trained together stand, until they have ended
    "etude_checkpoints",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("first", String(64), nullable=False, index=True),  # key of the first of the runs
    Column("members", Text, nullable=False),
    Column("kept", String(40), nullable=False),
    Column("content", LargeBinary, nullable=False),
)

progress = Table(  # what a learner did; the newest entry under a key counts
    "etude_progress",
    metadata,
    Column("kind", String(40), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("at", String(40), nullable=False),
    Column("content", Text, nullable=False),
)

curves = Table(  # apart from the runs, so that listing them reads no blob
    "etude_curves",
    metadata,
    Column("run", String(40), ForeignKey("etude_runs.id"), primary_key=True),
    *(Column(name, Numbers) for name in COLUMNS),  # NULL where an older étude had no such column
)
