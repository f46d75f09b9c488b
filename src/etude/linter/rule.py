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


def swap(nodes: list[ast.AST], one: ast.stmt | None, other: ast.stmt | None) -> Fix | None:
    """Describe the exchange of two calls that follow each other, on lines of their own."""
    if not isinstance(one, ast.Expr) or not isinstance(other, ast.Expr):
        return None
    for node in nodes:
        for body in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(body, list) and one in body:
                at = body.index(one)
                apart = (one.end_lineno or one.lineno) < other.lineno
                alone = not any(
                    each is not one
                    and each is not other
                    and each.lineno in {one.lineno, one.end_lineno, other.lineno, other.end_lineno}
                    for each in body
                )
                if body[at + 1 : at + 2] == [other] and apart and alone:
                    return fix("swap", one, new=str(other.lineno))
    return None


def decimal(value: float) -> str:
    """Write a rate or a share: `0.001`, `1e-07`."""
    return f"{value:.3g}"
