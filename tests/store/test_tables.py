import numpy as np
import pytest
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from etude.store import tables


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda d: d.name)
@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_said_to_every_database(table, dialect):
    assert f"CREATE TABLE {table.name}" in str(CreateTable(table).compile(dialect=dialect))


def test_numbers_are_kept_in_full_width_on_postgresql():
    said = str(CreateTable(tables.runs).compile(dialect=postgresql.dialect()))
    assert "loss DOUBLE PRECISION" in said
    assert "seed BIGINT" in said


def test_a_column_is_kept_as_little_endian_float64():
    # 1.0 is sign 0, exponent 0x3ff, fraction 0 (IEEE 754): 3f f0 00 ... with the big end first
    kept = tables.Numbers().process_bind_param(np.array([1.0], dtype=">f4"), sqlite.dialect())
    assert kept == bytes.fromhex("000000000000f03f")


def test_a_column_that_is_read_back_can_be_written_to():
    read = tables.Numbers().process_result_value(np.ones(2).tobytes(), sqlite.dialect())
    read[0] = 2.0
    assert read.tolist() == [2.0, 1.0]
