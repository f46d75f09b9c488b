"""Vendored files are what their VENDOR.md says; whoever edits one by hand is told here."""

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import pytest

SHIPPED = files("etude.report").joinpath("static")
FOR_TESTS = Path(__file__).parent / "assets"
ROW = re.compile(r"^\| (\S+) \| (\S+) \| ([\d.]+) \| (\S+) \| ([0-9a-f]{64}) \|$", re.MULTILINE)


@pytest.mark.parametrize("folder", [SHIPPED, FOR_TESTS], ids=["shipped", "for tests"])
def test_each_vendored_file_has_the_hash_that_is_written_down(folder):
    rows = ROW.findall(folder.joinpath("VENDOR.md").read_text("utf-8"))
    assert rows
    for name, _, _, _, expected in rows:
        assert hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() == expected, name


def test_no_file_of_others_is_left_out():
    pages = {"report.js", "schedules.js", "found.js", "diagnosis.js"}
    ours = {"charts.js", "reading.js", "copy.js", *pages, "report.css", "VENDOR.md"}
    rows = ROW.findall(SHIPPED.joinpath("VENDOR.md").read_text("utf-8"))
    assert {entry.name for entry in SHIPPED.iterdir()} - ours == {row[0] for row in rows}
