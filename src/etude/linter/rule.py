"""What a rule's file uses to say what it found."""

import ast

from etude.linter.record import Fix, Remark, place_of
from etude.records import Level


def error(code: str, node: ast.AST, message: str, remedy: str, fix: Fix | None = None) -> Remark:
    """Report what cannot be meant: both sides of the contradiction are visible."""
    return Remark(code, Level.ERROR, place_of(node), message, remedy, fix)


def warning(code: str, node: ast.AST, message: str, remedy: str, fix: Fix | None = None) -> Remark:
    """Report what is most often a mistake."""
    return Remark(code, Level.WARNING, place_of(node), message, remedy, fix)


def hint(code: str, node: ast.AST, message: str, remedy: str, fix: Fix | None = None) -> Remark:
    """Report what may be worth a thought."""
    return Remark(code, Level.HINT, place_of(node), message, remedy, fix)


def fix(kind: str, node: ast.AST, old: str = "", new: str = "") -> Fix:
    """Describe a rewrite of a node."""
    return Fix(kind, place_of(node), old, new)


def decimal(value: float) -> str:
    """Write a rate or a share: `0.001`, `1e-07`."""
    return f"{value:.3g}"
