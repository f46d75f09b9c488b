"""The counting rules have a page each, and their codes are their own."""

import re

from etude.diagnosis import counting, manual


def test_every_rule_is_in_the_table_with_a_page():
    rules = (*counting._OF_RUN, *counting._OF_SCHEDULER)
    codes = [re.match(r"(ED\d\d): ", rule.__doc__)[1] for rule in rules]
    assert sorted(codes) == re.findall(r"^\| (ED\d\d) ", counting.__doc__, flags=re.MULTILINE)
    assert len(set(codes)) == len(codes)
    for rule in rules:
        page = " ".join(rule.__doc__.split())
        assert all(
            part in page
            for part in ("What it sees", "Why it matters", "What to try", "What would refute")
        )


def test_a_run_without_a_plan_gives_no_finding():
    scheduler = counting.SchedulerCounts(
        "CosineAnnealingLR", ours=True, steps=50, early=0, every=1.0, most=1, length=10
    )
    counts = counting.Counts(50, 50, 50, 0, None, None, (scheduler,))
    assert counting.findings(counts) == []


def test_every_code_has_its_page():
    pages = manual.pages()
    assert {f"ED{code}" for code in range(31, 41)} <= set(pages)
    assert set(counting.pages()) == {f"ED{code}" for code in range(31, 41)}
    for code, (title, page) in counting.pages().items():
        assert page.startswith(title), code
        assert page.count("\n\n") == 4, code
