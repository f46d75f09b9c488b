"""What docs/controllers.md shows works as it stands there."""

import re
from pathlib import Path

import etude
from etude.controllers import parse
from etude.controllers.text import CONTROLLERS

PAGE = (Path(__file__).parents[2] / "docs" / "controllers.md").read_text(encoding="utf-8")


def test_the_example_runs():
    names = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[0], names)
    scheduler = names["scheduler"]
    assert scheduler.last_epoch == 300
    assert all(scheduler.events)


def test_the_text_is_the_example():
    text = re.search(r"`(warmup [^`]*)`", PAGE)[1]
    expected = etude.warmup("5%") >> etude.cosine()
    assert parse(text) == expected * etude.plateau(0.5, patience=2) * etude.spike(0.5)


def test_every_controller_is_on_the_page_and_public():
    for kind in CONTROLLERS:
        name = kind.replace("-", "_")
        assert f"`{name}(" in PAGE
        assert name in etude.__all__
