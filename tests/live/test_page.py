"""What docs/watch.md shows works as it stands there."""

import re
from pathlib import Path

import pytest

from etude.live import law
from etude.live.record import BLOCK
from etude.live.watching import EVERY, GAIN_EVERY

PAGE = (Path(__file__).parents[2] / "docs" / "watch.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_watched_loop_has_the_mistake_that_the_page_names(capsys):
    names = {}
    exec(EXAMPLES[0], names)
    (finding,) = names["watch"].findings
    assert finding.code == "ED33"
    assert f"> {finding.message}\n" in PAGE


def test_the_piloted_loop_runs(capsys):
    names = {}
    exec(EXAMPLES[1], names)
    assert names["pilot"].t == 200
    assert "update 0: range" in capsys.readouterr().out


def test_the_numbers_on_the_page_are_those_of_the_code():
    assert f"every {EVERY}th update" in PAGE
    assert f"every {GAIN_EVERY}th the share" in PAGE
    assert f"once in {BLOCK} updates" in PAGE
    assert f"gain ratio is below {law.GATE}" in PAGE
    assert f"below {law.CANCEL} where" in PAGE
    assert pytest.approx(0.25) == law.HOLD
