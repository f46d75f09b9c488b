"""`etude curriculum`: write, check, prove and preview the course's items."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etude.cli.screen import screen

if TYPE_CHECKING:
    from etude.curriculum.experiments import Experiment
    from etude.curriculum.prove import Answer, Proved

_content = click.option(
    "--content", metavar="DIR", help="A folder of content; left out, the course of étude itself."
)


@click.group()
def curriculum() -> None:
    """Write, check, prove and preview the course; docs/curriculum.md says how."""


@curriculum.command()
@click.argument("kind")
@click.argument("name")
@_content
def new(kind: str, name: str, content: str | None) -> None:
    """Start a lesson, question, practice, interview, myth, pitfall, fact, flash or experiment."""
    from etude.curriculum import CONTENT
    from etude.curriculum.scaffold import start

    path = start(kind, name, CONTENT if content is None else Path(content))
    click.echo(f"written: {path}\nnext: edit it, then etude curriculum check")


@curriculum.command()
@_content
def check(content: str | None) -> None:
    """Read everything and say what is wrong, by file and line; nothing is run."""
    from etude.curriculum.check import problems
    from etude.curriculum.loader import load_all
    from etude.report.words import several

    course, found = load_all(content)
    found = sorted({*found, *problems(course)}, key=lambda p: (p.place.file, p.place.line))
    for problem in found:
        click.echo(str(problem))
    if found:
        click.echo(f"{several(len(found), 'problem')} to mend", err=True)
        raise SystemExit(1)
    click.echo(
        f"{several(len(course.items), 'item')}, {several(len(course.cards), 'card')} and"
        f" {several(len(course.experiments), 'experiment')}: nothing wrong"
    )


@curriculum.command()
@click.argument("names", nargs=-1)
@click.option("--slow", is_flag=True, help="Also what takes minutes.")
@click.option("--record", is_flag=True, help="Keep what is measured, for the texts to quote.")
@click.option(
    "--json", "json_file", metavar="FILE", help="Write all answers; - is standard output."
)
@_content
def prove(
    names: tuple[str, ...],
    slow: bool,
    record: bool,
    json_file: str | None,
    content: str | None,
) -> None:
    """Run experiments and compare every answer key with them.

    NAMES are items or experiments; without any all are proved, but for the slow ones.
    """
    from etude.cli.output import check_files, keeping_clear, write
    from etude.curriculum.loader import load, load_all
    from etude.curriculum.prove import prove as proving
    from etude.curriculum.prove import record as recording

    check_files(json_file, None)
    course = load_all(content)[0] if record else load(content)
    quiet = json_file == "-"

    def listen(experiment: "Experiment", answers: "dict[str, Answer]") -> None:
        if not quiet:
            _show_answers(experiment, answers)

    with keeping_clear(json_file):
        speeds = ("fast", "slow") if slow else ("fast",)
        proved = proving(course, names=names, speeds=speeds, listen=listen)
    if record:
        recording(course, proved)
    write(json_file, None, quiet=True, show=lambda _: None, data=lambda: _as_json(proved), page=str)
    for problem in proved.problems:
        click.echo(str(problem), err=quiet)
    if not record:
        for problem in proved.drifted:
            click.echo(f"{problem}; --record keeps it", err=True)
    _conclude(proved)


def _conclude(proved: "Proved") -> None:
    from etude.report.words import several

    count = several(len(proved.answers), "statement")
    if proved.problems:
        click.echo(f"{count} measured, {several(len(proved.problems), 'problem')}", err=True)
        raise SystemExit(1)
    click.echo(f"{count} measured: every key and check holds", err=True)


def _show_answers(experiment: "Experiment", answers: "dict[str, Answer]") -> None:
    from rich.text import Text

    console = screen(highlight=False)
    console.print(Text(experiment.title, style="bold"), Text(f"({experiment.id})", style="dim"))
    claims = {check.id for check in experiment.claims}
    for answer in answers.values():
        word = ("true" if answer.holds else "false") if answer.check.id in claims else ""
        mark = "·" if word else "✓" if answer.holds else "✗"
        console.print(Text(f"  {mark} {answer.sentence}{f' ({word})' if word else ''}"))


def _as_json(proved: "Proved") -> dict[str, Any]:
    from etude.records import finite

    answers = {
        name: {
            "holds": answer.holds,
            "says": answer.sentence,
            "value": finite(answer.measured.value)
            if isinstance(answer.measured.value, float)
            else answer.measured.value,
            "interval": [finite(answer.measured.low), finite(answer.measured.high)],
        }
        for name, answer in proved.answers.items()
    }
    return {"answers": answers, "problems": [str(problem) for problem in proved.problems]}


@curriculum.command()
@click.argument("name")
@click.option("--keys", is_flag=True, help="Show which option is right, and why.")
@_content
def preview(name: str, keys: bool, content: str | None) -> None:
    """Show an item as a learner reads it."""
    from rich.markdown import Markdown

    from etude.curriculum.loader import load_all
    from etude.curriculum.preview import markdown_of

    course, problems = load_all(content)
    for problem in problems:
        click.echo(str(problem), err=True)
    screen().print(Markdown(markdown_of(course.item(name), keys=keys)))
