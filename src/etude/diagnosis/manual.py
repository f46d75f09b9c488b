"""The manual pages of all rules: those that read a curve, and those that count a run's calls."""

from etude.diagnosis import counting, rules


def pages() -> dict[str, tuple[str, str]]:
    """Give each rule's title and manual page, by its code."""
    return {**rules.pages(), **counting.pages()}
