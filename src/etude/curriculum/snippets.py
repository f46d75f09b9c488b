"""Runs pieces of code in processes of their own, with a time limit, and keeps what they show.

What a reader sees is what runs: a pitfall's wrong code must really go wrong.
"""

import atexit
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from etude.curriculum.experiments import Check

TIMEOUT = "Timeout"
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|inf|nan)\b")


@dataclass(frozen=True, slots=True)
class Printed:
    """What a piece of code showed."""

    output: str
    raised: str = ""
    """Name of the exception that ended it; `Timeout` where it took too long; else empty."""
    message: str = ""
    """What the exception said."""
    warned: tuple[str, ...] = ()


def run_code(code: str, *, seconds: int) -> Printed:
    """Run a piece of code as a program of its own; torch's seed is 0 and it has one thread."""
    with _SANDBOX.lock:
        return _SANDBOX.run(code, seconds)


class _Sandbox:
    """Keeps the process that runs pieces of code, and starts another when it had to be ended."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str, seconds: int) -> Printed:
        process = self._alive()
        late = threading.Event()

        def end() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            answer = self._ask(process, code)
        finally:
            timer.cancel()
        if late.is_set() or not answer:
            self.stop()  # it may be dying still, and would be asked again
        if late.is_set():
            return Printed("", TIMEOUT, f"it must end within {seconds} seconds")
        if not answer:
            return Printed("", "Crash", "the process died")
        shown = json.loads(answer)
        return Printed(
            shown["output"], shown["raised"], shown["message"], tuple(shown.get("warned", ()))
        )

    def _ask(self, process: "subprocess.Popen[str]", code: str | None) -> str:
        if process.stdin is None or process.stdout is None:
            return ""
        try:
            process.stdin.write(json.dumps(code) + "\n")
            process.stdin.flush()
            return process.stdout.readline()
        except BrokenPipeError:
            return ""

    def _alive(self) -> "subprocess.Popen[str]":
        """Give a process that has imported torch, so that no piece pays for that."""
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "etude.curriculum.sandbox"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
            self._ask(self._process, None)
        return self._process

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            _kill(self._process)
            self._process.communicate()
            self._process = None


def _kill(process: "subprocess.Popen[str]") -> None:
    """End the process and the forks of it that run a piece."""
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


_SANDBOX = _Sandbox()
atexit.register(_SANDBOX.stop)


def measure(printed: Printed, check: Check) -> float | str | tuple[float, ...]:
    """Give what a check of code looks at."""
    texts = {
        "output": printed.output,
        "raises": printed.raised or "none",
        "warns": "; ".join(printed.warned),
    }
    if check.measure in texts:
        return texts[check.measure]
    values = numbers(printed.output, check.name or "")
    if check.measure == "values":
        return tuple(values)
    if check.measure == "rises":
        return float(sum(later > before for before, later in pairwise(values)))
    if not values:
        return math.nan
    return values[-1] if check.measure == "printed" else values[-1] / (values[0] or math.nan)


def numbers(output: str, name: str) -> Sequence[float]:
    """Give the last number of each line that begins with a name, `name 0.5` or `name: 0.5`."""
    found = []
    for line in output.splitlines():
        if not re.match(rf"{re.escape(name)}(?![\w.])" if name else "", line):
            continue
        values = _NUMBER.findall(line[len(name) :])
        found += [float(values[-1])] if values else []
    return found
