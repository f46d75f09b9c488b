"""`etude lint`: find mistakes with learning rates in training code before it runs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from etude.cli.screen import heard_or_not, screen
from etude.errors import EtudeError
from etude.records import Level

if TYPE_CHECKING:
    from etude.linter.files import Linted

FINDINGS, BAD_INPUT = 1, 2


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATHS...")
@click.option("--select", multiple=True, metavar="CODES", help="Ask only these: LR104,LR11.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Do not ask these.")
@click.option(
    "--level",
    type=click.Choice([str(level) for level in Level]),
    default=str(Level.WARNING),
    show_default=True,
    help="Show what is at least so sure.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="For a reader, a program, GitHub's annotations or a code scanner.",
)
@click.option("--fix", is_flag=True, help="Rewrite what is safe to rewrite, in place.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes.  [default: by files]")
@click.pass_context
def lint(
    ctx: click.Context,
    paths: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    level: str,
    form: str,
    fix: bool,
    jobs: int | None,
) -> None:
    """Find mistakes with learning rates in PATHS: files, folders, notebooks, or - for input.

    A schedule in the wrong unit, stepped in the wrong order or never, an optimizer built twice,
    clipping that clips nothing: what fails without a word. Nothing is run or imported.
    `etude explain LR104` shows a rule's page.

    In code, `# etude: ignore[LR104]` at the end of a line silences a rule there. In
    pyproject.toml, [tool.etude.lint] has select, ignore and per-file.

    Ends with 0 when nothing is found, 1 when there are errors or warnings (hints count with
    --level hint), 2 when a file cannot be linted; the others are linted all the same.
    """
    from etude.linter.files import lint_files

    codes, silent = _codes(select), _codes(ignore)
    if fix:
        _fix(paths, codes, silent)
    least = Level(level)
    found = lint_files(paths, select=codes, ignore=silent, jobs=jobs)
    many = _show_as_found(found, least) if form == "text" else _print(list(found), least, form)
    ctx.exit(_exit_code(many, least))


def _codes(lists: tuple[str, ...]) -> list[str]:
    return [code.strip().upper() for text in lists for code in text.split(",") if code.strip()]


def _fix(paths: tuple[str, ...], codes: list[str], silent: list[str]) -> None:
    from etude.linter.fixing import fix_files

    if "-" in paths:
        raise EtudeError("--fix rewrites files, so that paths must be files or folders, got -")
    with heard_or_not():
        for path, count in fix_files(paths, select=codes, ignore=silent):
            click.echo(f"{path}: {count} rewritten", err=True)


def _show_as_found(found: "Iterable[Linted]", least: Level) -> "list[Linted]":
    from etude.report.linted import show_linted, summary

    many: list[Linted] = []
    console = screen(highlight=False, markup=False, emoji=False)
    for each in found:
        many.append(each)
        show_linted(each, console, least)
    console.print(summary(many, least), soft_wrap=True)
    return many


def _print(many: "list[Linted]", least: Level, form: str) -> "list[Linted]":
    from etude.report import linted_machine

    writers = {
        "json": linted_machine.to_json,
        "github": linted_machine.to_github,
        "sarif": linted_machine.to_sarif,
    }
    text = writers[form](many, least)
    if text:
        click.echo(text)
    return many


def _exit_code(many: "list[Linted]", least: Level) -> int:
    """Hints count only for those who asked for them."""
    from etude.report.linted import at_least

    if any(each.failure for each in many):
        return BAD_INPUT
    counted = least if least is Level.HINT else Level.WARNING
    found = any(at_least(remark, counted) for each in many for remark in each.remarks)
    return FINDINGS if found else 0
