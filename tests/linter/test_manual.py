"""The docs page is what the rules say."""

import re
from pathlib import Path

from etude.linter import RULES, manual

PAGE = Path(__file__).parents[2] / "docs" / "lint.md"


def test_the_page_of_the_docs_is_up_to_date():
    page = PAGE.read_text(encoding="utf-8")
    assert manual.inserted(page) == page, "python -m etude.linter docs/lint.md"


def test_every_rule_has_its_heading_and_its_row():
    page = PAGE.read_text(encoding="utf-8")
    for rule in RULES.values():
        assert f"\n## {rule.code} {rule.name}\n" in page
        assert f"](#{rule.code.lower()}-{rule.name})" in page
    assert len(re.findall(r"^## LR\d{3}", page, re.MULTILINE)) == len(RULES)
