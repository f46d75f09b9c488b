"""How each kind of fix changes a syntax tree of libcst."""

from collections.abc import Sequence

import libcst as cst
from libcst.metadata import CodeRange, PositionProvider

from etude.linter.record import Fix, Place

_Body = Sequence[cst.BaseStatement]


class Rewriter(cst.CSTTransformer):
    """Applies fixes to the nodes at their places."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, fixes: list[Fix]) -> None:
        super().__init__()
        self.applied = 0
        self._fixes: dict[tuple[str, Place], Fix] = {}
        for each in fixes:
            self._fixes.setdefault((each.kind, each.place), each)

    def _take(self, kind: str, node: cst.CSTNode) -> Fix | None:
        """Give the fix of a kind for a node, once."""
        found = self.get_metadata(PositionProvider, node, None)
        if not isinstance(found, CodeRange):
            return None
        start, end = found.start, found.end
        place = Place(start.line, start.column + 1, end.line, end.column + 1)
        fix = self._fixes.pop((kind, place), None)
        self.applied += fix is not None
        return fix

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:  # noqa: N802 - libcst's name
        """Rename a keyword."""
        place = self._arg_place(original_node)
        fix = None if place is None else self._fixes.pop(("rename-keyword", place), None)
        if fix is None:
            return updated_node
        self.applied += 1
        return updated_node.with_changes(keyword=cst.Name(fix.new))

    def _arg_place(self, node: cst.Arg) -> Place | None:
        """Give an argument's place without its comma, as `ast` has it."""
        if node.keyword is None:
            return None
        first = self.get_metadata(PositionProvider, node.keyword, None)
        last = self.get_metadata(PositionProvider, node.value, None)
        if not isinstance(first, CodeRange) or not isinstance(last, CodeRange):
            return None
        start = first.start
        for kind, place in self._fixes:
            same = (place.line, place.column) == (start.line, start.column + 1)
            if kind == "rename-keyword" and same:
                return place
        return None

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802 - libcst's name
        """Rename a method, or add a keyword."""
        renamed = self._take("rename-method", original_node)
        if renamed is not None and isinstance(updated_node.func, cst.Attribute):
            function = updated_node.func.with_changes(attr=cst.Name(renamed.new))
            updated_node = updated_node.with_changes(func=function)
        added = self._take("add-keyword", original_node)
        return updated_node if added is None else _with_keyword(updated_node, added)

    def leave_SimpleString(  # noqa: N802 - libcst's name
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        """Replace what a string says, within its own quotes."""
        fix = self._take("replace-string", original_node)
        if fix is None:
            return updated_node
        quote = updated_node.quote
        return updated_node.with_changes(value=f"{updated_node.prefix}{quote}{fix.new}{quote}")

    def leave_IndentedBlock(  # noqa: N802 - libcst's name
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.BaseSuite:
        """Swap statements and insert some."""
        return updated_node.with_changes(body=self._body(original_node.body, updated_node.body))

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:  # noqa: N802 - libcst's name
        """Do the same at the top level."""
        return updated_node.with_changes(body=self._body(original_node.body, updated_node.body))

    def _body(self, original: _Body, updated: _Body) -> list[cst.BaseStatement]:
        lines = [self._line(each) for each in original]
        body = list(updated)
        for kind, place in list(self._fixes):
            if kind not in {"swap", "insert-before"} or place.line not in lines:
                continue
            at = lines.index(place.line)
            if not isinstance(body[at], cst.SimpleStatementLine):
                continue
            fix = self._fixes.pop((kind, place))
            if kind == "insert-before":
                body[at : at + 1] = _after_inserted(body[at], fix.new)
                lines.insert(at, -1)
                self.applied += 1
            elif at + 1 < len(body) and lines[at + 1] == int(fix.new):
                body[at : at + 2] = _swapped(body[at], body[at + 1])
                self.applied += 1
        return body

    def _line(self, node: cst.BaseStatement) -> int:
        found = self.get_metadata(PositionProvider, node, None)
        return found.start.line if isinstance(found, CodeRange) else -1


def _with_keyword(call: cst.Call, fix: Fix) -> cst.Call:
    """Add a keyword at the end, in the layout of the arguments that are there."""
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    added = cst.Arg(cst.parse_expression(fix.new), keyword=cst.Name(fix.old), equal=equal)
    if not call.args:
        return call.with_changes(args=[added])
    last = call.args[-1]
    if isinstance(last.comma, cst.Comma):
        added = added.with_changes(comma=last.comma)
    else:
        added = added.with_changes(whitespace_after_arg=last.whitespace_after_arg)
        last = last.with_changes(whitespace_after_arg=cst.SimpleWhitespace(""))
    last = last.with_changes(comma=cst.Comma(whitespace_after=_between(call)))
    return call.with_changes(args=[*call.args[:-1], last, added])


def _between(call: cst.Call) -> cst.BaseParenthesizableWhitespace:
    """Give what stands between two arguments: a line each, where the first begins one."""
    before = call.whitespace_before_args
    several = isinstance(call.args[-1].comma, cst.Comma)
    if several and isinstance(before, cst.ParenthesizedWhitespace):
        first = cst.TrailingWhitespace(newline=before.first_line.newline)
        return before.with_changes(first_line=first)
    return cst.SimpleWhitespace(" ")


def _after_inserted(statement: cst.BaseStatement, code: str) -> list[cst.BaseStatement]:
    """Put a line before a statement; what stood above the statement stays above both."""
    above = getattr(statement, "leading_lines", ())
    inserted = cst.parse_statement(code).with_changes(leading_lines=above)
    return [inserted, statement.with_changes(leading_lines=[])]


def _swapped(one: cst.BaseStatement, other: cst.BaseStatement) -> list[cst.BaseStatement]:
    """Exchange two statements: comments go with them, blank lines stay where they are."""
    if not isinstance(one, cst.SimpleStatementLine) or not isinstance(
        other, cst.SimpleStatementLine
    ):
        return [one, other]
    first = [*_blank(one), *_commented(other)]
    second = [*_blank(other), *_commented(one)]
    return [other.with_changes(leading_lines=first), one.with_changes(leading_lines=second)]


def _blank(statement: cst.SimpleStatementLine) -> list[cst.EmptyLine]:
    return [line for line in statement.leading_lines if line.comment is None]


def _commented(statement: cst.SimpleStatementLine) -> list[cst.EmptyLine]:
    return [line for line in statement.leading_lines if line.comment is not None]
