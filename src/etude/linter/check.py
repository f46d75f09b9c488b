"""From a source text to remarks: parse, interpret, ask the rules, drop what is to be ignored."""

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace

from etude.errors import SourceError
from etude.linter.facts import Facts
from etude.linter.record import Remark, in_characters, lines_of
from etude.linter.rules import RULES

# A file without any of these words has nothing that a rule asks about.
_RELEVANT = re.compile(r"optim|sched|TrainingArguments|warm_?up", re.IGNORECASE)
_IGNORE = re.compile(r"#\s*etude:\s*ignore(?:\[(?P<codes>[^\]]*)\])?", re.IGNORECASE)


def lint(source: str, *, path: str = "", codes: Iterable[str] | None = None) -> tuple[Remark, ...]:
    r"""Find mistakes with learning rates in training code, in the order of its lines.

        >>> import etude
        >>> [found] = etude.lint("import torch\ntorch.optim.SGD(p, learning_rate=1)")
        >>> found.code, found.place.line, found.remedy
        ('LR101', 2, 'write lr=')

    Args:
        source: Python code.
        path: The file that it comes from, for the remarks.
        codes: The rules to ask; all where it is left out.

    Raises:
        SourceError: The text is no Python code, or is nested too deeply to be followed.
    """
    if not _RELEVANT.search(source):
        parse(source)
        return ()
    asked = RULES if codes is None else {code: RULES[code] for code in codes}
    tree = parse(source)
    try:
        facts = Facts(tree, source)
        found = [remark for rule in asked.values() for remark in rule.check(facts)]
    except RecursionError:
        raise SourceError("it is nested too deeply to be followed") from None
    lines = lines_of(source)
    unique = dict.fromkeys(found)
    ignored = _ignored(source, tree)
    for line in _expected_to_fail(facts.nodes_of(ast.With)):
        ignored.setdefault(line, set()).add("")
    return tuple(
        _complete(remark, path, lines)
        for remark in sorted(unique, key=_order)
        if not _is_ignored(remark, ignored)
    )


def _complete(remark: Remark, path: str, lines: list[str]) -> Remark:
    """Add what a rule need not know."""
    fix = remark.fix
    if fix is not None:
        fix = replace(fix, place=in_characters(fix.place, lines))
    place = in_characters(remark.place, lines)
    return replace(remark, path=path, name=RULES[remark.code].name, place=place, fix=fix)


def parse(source: str) -> ast.Module:
    """Parse Python code; what is none gives one sentence that says where and why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(source)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise SourceError(f"{where}it is not Python code ({error.msg})") from None
    except ValueError as error:
        raise SourceError(f"it is not Python code ({error})") from None
    except (RecursionError, MemoryError):
        raise SourceError("it is nested too deeply to be parsed") from None


def _order(remark: Remark) -> tuple[int, int, str]:
    return remark.place.line, remark.place.column, remark.code


def _ignored(source: str, tree: ast.Module) -> dict[int, set[str]]:
    """Give the codes that comments silence, by line; the empty code stands for all.

    A comment counts for every line of the innermost statement that it stands in.
    """
    if "etude:" not in source:
        return {}
    found: dict[int, set[str]] = {}
    for line, codes in _comments(source):
        for each in _lines_of_statement(tree, line):
            found.setdefault(each, set()).update(codes)
    return found


def _expected_to_fail(nodes: list[ast.With]) -> Iterator[int]:
    """Give the lines of tests in which an error or a warning is expected."""
    for node in nodes:
        calls = [item.context_expr for item in node.items]
        names = {getattr(call.func, "attr", "") for call in calls if isinstance(call, ast.Call)}
        if names & _EXPECTING:
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


_EXPECTING = {"raises", "warns", "assertRaises", "assertRaisesRegex", "assertWarns"}


def _comments(source: str) -> Iterator[tuple[int, set[str]]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            match = _IGNORE.search(token.string) if token.type == tokenize.COMMENT else None
            if match is not None:
                given = match["codes"]
                codes = {""} if given is None else {code.strip() for code in given.split(",")}
                yield token.start[0], codes
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return


def _lines_of_statement(tree: ast.Module, line: int) -> range:
    """Give the lines of the shortest simple statement that has a line in it."""
    best = range(line, line + 1)
    shortest = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            if line in lines and (not shortest or len(lines) < shortest):
                best, shortest = lines, len(lines)
    return best


def _is_ignored(remark: Remark, ignored: dict[int, set[str]]) -> bool:
    codes = ignored.get(remark.place.line, set())
    return "" in codes or remark.code in codes
