"""The manual of all rules, written from their own pages.

python -m etude.linter               # prints it
python -m etude.linter docs/lint.md  # puts it into the page; a test holds the page equal
"""

from etude.linter.rules import RULES

_BEGIN, _END = "<!-- rules: python -m etude.linter docs/lint.md -->", "<!-- end of rules -->"


def markdown() -> str:
    """Write a table of all rules, then the page of each."""
    rows = [
        f"| [{rule.code}](#{rule.code.lower()}-{rule.name}) | {rule.name} | {rule.title} |"
        for rule in RULES.values()
    ]
    pages = [f"## {rule.code} {rule.name}\n\n{rule.page}\n" for rule in RULES.values()]
    return "\n".join(["| code | name | what is wrong |", "|---|---|---|", *rows, "", *pages])


def inserted(page: str) -> str:
    """Give the page with the manual between its two marks."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{markdown()}\n{_END}{after}"
