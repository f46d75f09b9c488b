"""`etude.race.budget`: what a race may cost."""

import pytest

from etude.errors import CompareError
from etude.race.budget import Budget, read_budget


@pytest.mark.parametrize(
    ("text", "updates"),
    [("20000", 20000), ("2e4", 20000), ("20000updates", 20000), ("40runs", 4000), ("1 run", 100)],
)
def test_updates_and_runs_are_read(text, updates):
    assert read_budget(text, run=100, exhaustive=10**6).updates == updates


def test_unless_told_it_is_a_quarter_of_the_exhaustive_comparison_but_at_least_a_run():
    assert read_budget(None, run=100, exhaustive=18_000).updates == 4500
    assert read_budget(None, run=100, exhaustive=100).updates == 100


def test_spent_updates_count():
    budget = Budget(1000)
    budget.spend(900)
    assert budget.allows(100)
    assert not budget.allows(101)


def test_seconds_end_a_race():
    assert read_budget("90s", run=100, exhaustive=1).allows(10**9)
    assert not Budget(float("inf"), seconds=-1.0).allows(1)


@pytest.mark.parametrize("text", ["", "much", "-5", "40 hours", "50", "0s", "0.0 s"])
def test_a_budget_that_cannot_hold_is_refused(text):
    with pytest.raises(CompareError, match="budget"):
        read_budget(text, run=100, exhaustive=1000)
