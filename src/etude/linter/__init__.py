"""Finds mistakes with learning rates in training code, before it runs.

`check.lint` takes a text, `files.lint_files` files and folders. An `Interpreter` walks through the
code once, `Facts` answers what rules ask, and each file of `rules` is one rule. Nothing here runs
or imports what it reads, or torch.
"""

from etude.linter.check import lint
from etude.linter.record import Fix, Place, Remark
from etude.linter.rules import RULES, Rule, pages

__all__ = ["RULES", "Fix", "Place", "Remark", "Rule", "lint", "pages"]
