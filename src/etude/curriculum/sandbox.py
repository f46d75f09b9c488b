"""The process that runs snippets: imports torch once, then does each piece in a fork of itself.

Run as `python -m etude.curriculum.sandbox`. It reads a line of JSON, a piece of code, and answers
with a line: what was printed, raised and warned. Where the system cannot fork it does one piece
and ends. A first line, null, is answered when all is imported.
"""

import contextlib
import io
import json
import os
import sys
import warnings
from typing import TextIO


def main() -> None:
    """Answer until there is nothing more to read."""
    _import_everything()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a piece prints past Python must not get among the answers
    forks = hasattr(os, "fork")
    for line in sys.stdin:
        code = json.loads(line)
        if code is None:
            _answer({}, answers)
        elif forks:
            _in_fork(code, answers)
        else:
            _answer(execute(code), answers)
            return


def _import_everything() -> None:
    """Import what torch imports at its first step, and étude, so that no piece pays for it."""
    import torch

    import etude.training  # noqa: F401

    torch.set_num_threads(1)
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([weight])
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    weight.sum().backward()
    optimizer.step()


def _in_fork(code: str, answers: TextIO) -> None:
    child = os.fork()
    if child == 0:
        _answer(execute(code), answers)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        _answer({"output": "", "raised": "Crash", "message": f"status {status}"}, answers)


def _answer(shown: dict[str, object], answers: TextIO) -> None:
    answers.write(json.dumps(shown) + "\n")
    answers.flush()


def execute(code: str) -> dict[str, object]:
    """Run a piece of code as a program; torch's seed is 0."""
    import torch

    torch.manual_seed(0)
    output, raised, message = io.StringIO(), "", ""
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(output):
        warnings.simplefilter("always")
        try:
            exec(compile(code, "snippet", "exec"), {"__name__": "__main__"})  # noqa: S102 - the course's own code
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is what was shown
            raised, message = type(error).__name__, str(error)
    warned = [str(each.message) for each in caught]
    return {"output": output.getvalue(), "raised": raised, "message": message, "warned": warned}


if __name__ == "__main__":
    main()
