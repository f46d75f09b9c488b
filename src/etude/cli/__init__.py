"""The command line: each command parses, calls one function and shows the answer.

Commands import what they need when they run, so that `etude --help` starts at once.
"""

import shlex
from importlib import import_module
from typing import Any

import click

from etude._version import __version__
from etude.cli.screen import heard_or_not
from etude.errors import EtudeError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell gives it."""

_COMMANDS = {
    "compare": "etude.cli.compare",
    "find": "etude.cli.find",
    "diagnose": "etude.cli.diagnose",
    "explain": "etude.cli.explain",
    "schedule": "etude.cli.schedule",
    "lint": "etude.cli.lint",
    "tasks": "etude.cli.tasks",
    "runs": "etude.cli.runs",
    "learn": "etude.cli.learn",
    "curriculum": "etude.cli.curriculum",
}


class _UserMistake(click.ClickException):
    exit_code = 2


class _Etude(click.Group):
    """A group that loads its commands lazily and turns a user's mistake into exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        module = _COMMANDS.get(cmd_name)
        return getattr(import_module(module), cmd_name) if module else None

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        line = shlex.join(["etude", *args])
        return super().make_context(info_name, args, parent, obj=line, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with heard_or_not():
                return super().invoke(ctx)
        except EtudeError as error:
            raise _UserMistake(str(error)) from error
        except KeyboardInterrupt as interrupt:
            said = str(interrupt) or "interrupted before there was anything to keep"
            click.echo(said, err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=_Etude, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="etude")
def main() -> None:
    """Find the learning rate and the schedule for a PyTorch model, and why.

    Start with `etude compare digits`, then `etude compare train.py:task`.
    """
