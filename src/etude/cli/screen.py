"""What is said to a reader who may stop listening, as `head` does after some lines.

That is no mistake. rich and click would both end the program there, with the exit code 1; a
comparison has files to write and a verdict to give, so here it goes on in silence.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def screen(**options: Any) -> "Console":
    """Give a console of rich that falls silent when nobody listens any more."""
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            _silence(self.file)

    return Screen(**options)


@contextmanager
def heard_or_not() -> Iterator[None]:
    """Leave unsaid what nobody listens to; what was still in a buffer is said here."""
    try:
        yield
    except BrokenPipeError:
        pass
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BrokenPipeError:
                _silence(stream)


def _silence(stream: IO[str]) -> None:
    """Lead a stream into nothing; what its buffer holds would otherwise fail again at the exit."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
