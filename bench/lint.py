"""Measure the linter: what it finds, what it leaves alone, how long it takes; beside other linters.

    python bench/lint.py                                # planted mistakes and their fixed twins
    python bench/lint.py --peers /path/to/venv/bin      # some of them by ruff, TorchFix, dslinter
    python bench/lint.py --time                         # milliseconds a file of 240 lines
    python bench/lint.py --sources .venv/lib/python3.11/site-packages/torch

The corpus is in tests/linter: each mistake in several ways to write a script, each with a twin
in which it is mended, and code that is right and looks wrong; and two rounds of scripts by someone
who had not read the rules. A linter finds a mistake when it
says something of the file (a code that speaks of torch) that it does not say of the twin.
The other linters' own codes for torch are TOR… (TorchFix), and W5517, R5508 and their like
(dslinter); ruff has none, so that all its codes count. dslinter pins an old pylint: install the
three into an environment of their own, with `pip install --no-deps`, and name its bin folder.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "linter"))  # the corpus
from healthy import HEALTHY
from planted import Case, cases
from scripts import Script
from scripts_first import FIRST
from scripts_second import SECOND

import etude
from etude.linter import RULES, lint
from etude.linter.check import parse
from etude.linter.files import lint_files
from etude.records import Level

LINES = 240
Codes = dict[str, set[str]]
"""What a linter says of each file."""


@click.command()
@click.option("--peers", metavar="BIN", help="Folder with ruff, torchfix and pylint with dslinter.")
@click.option("--time", "timed", is_flag=True, help="Time files of 240 lines.")
@click.option("--sources", multiple=True, metavar="FOLDER", help="Lint what is installed there.")
def main(peers: str | None, *, timed: bool, sources: tuple[str, ...]) -> None:
    """Measure what was asked for; the corpus by default."""
    if timed:
        _time()
    elif sources:
        for folder in sources:
            _lint_sources(folder)
    else:
        _corpus(list(cases()), peers)


def _corpus(many: Sequence[Case], peers: str | None) -> None:
    found, alarms = _etude(many)
    print("| rule | level | planted | found | alarms on twins |")
    print("|---|---|---|---|---|")
    for code, rule in RULES.items():
        own = [case for case in many if case.code == code]
        hits = sum(found[id(case)] for case in own)
        level = _level(own[0])
        print(f"| {code} {rule.name} | {level} | {len(own)} | {hits} | {alarms[code]} |")
    errors = [case for case in many if _level(case) is Level.ERROR]
    share = sum(found[id(case)] for case in errors) / len(errors)
    print(f"\nerrors: {len(errors)} planted, recall {100 * share:.1f} %")
    print(f"all: {len(many)} planted, recall {100 * sum(found.values()) / len(many):.1f} %")
    print(f"alarms: {sum(alarms.values())} on {len(many)} fixed twins, ", end="")
    print(f"{sum(len(lint(text)) for text in HEALTHY.values())} on {len(HEALTHY)} healthy files")
    for name, scripts in (("first", FIRST), ("second", SECOND)):
        _strange(name, scripts)
    if peers:
        _beside(list(_some(many)), Path(peers))


def _strange(name: str, scripts: Sequence[Script]) -> None:
    """Say what is seen of a round of scripts by someone who had not read the rules."""
    seen = [each for each in scripts if each.code in {r.code for r in lint(each.wrong)}]
    alarms = sum(r.level is not Level.HINT for each in scripts for r in lint(each.right))
    print(f"{name} round: {len(seen)} of {len(scripts)} seen, {alarms} alarms on their cures")


def _some(many: Sequence[Case]) -> Iterator[Case]:
    """Give three mistakes of each rule: the others need seconds a file."""
    count: Counter[str] = Counter()
    for case in many:
        count[case.code] += 1
        if count[case.code] in {1, 3, 5}:
            yield case


def _level(case: Case) -> Level | None:
    return next((each.level for each in lint(case.wrong) if each.code == case.code), None)


def _etude(many: Sequence[Case]) -> tuple[dict[int, bool], Counter[str]]:
    alarms: Counter[str] = Counter()
    found: dict[int, bool] = {}
    for case in many:
        found[id(case)] = any(each.code == case.code for each in lint(case.wrong))
        alarms.update(each.code for each in lint(case.right))
    return found, alarms


# ---- other linters


def _beside(many: Sequence[Case], folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        for number, case in enumerate(many):
            Path(place, f"m{number:04}_wrong.py").write_text(case.wrong, encoding="utf-8")
            Path(place, f"m{number:04}_right.py").write_text(case.right, encoding="utf-8")
        for name, run in (("ruff", _ruff), ("TorchFix", _torchfix), ("dslinter", _dslinter)):
            began = time.perf_counter()
            try:
                said = run(folder, place)
            except (OSError, ValueError) as error:
                print(f"{name}: does not run ({error})")
                continue
            seconds = time.perf_counter() - began
            hits: defaultdict[str, int] = defaultdict(int)
            which: Counter[str] = Counter()
            for number, case in enumerate(many):
                new = said[f"m{number:04}_wrong"] - said[f"m{number:04}_right"]
                hits[case.code] += bool(new)
                which.update(new)
            total = sum(hits.values())
            print(f"{name}: {total} of {len(many)} found by {dict(which)}, by rule ", end="")
            print({code: count for code, count in hits.items() if count}, f"{seconds:.0f} s")


def _said(lines: Iterator[tuple[str, str]]) -> Codes:
    said: Codes = defaultdict(set)
    for path, code in lines:
        said[Path(path).stem].add(code)
    return said


def _output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def _ruff(folder: Path, place: str) -> Codes:
    words = ("check", "--isolated", "--preview", "--select", "ALL", "--output-format", "json")
    found = json.loads(_output(str(folder / "ruff"), *words, place))
    # Codes of layout and unused names tell two scripts apart, not right from wrong.
    return _said((each["filename"], each["code"]) for each in found if not _layout(each["code"]))


def _layout(code: str | None) -> bool:
    return (
        code is None
        or re.match(r"(D|E|W|I|ANN|ERA|COM|Q|CPY|FBT|F8|ARG|PLR|INP|RUF059)", code) is not None
    )


def _torchfix(folder: Path, place: str) -> Codes:
    text = _output(str(folder / "torchfix"), "--select=ALL", place)
    return _said((path, code) for path, code in re.findall(r"(\S+\.py):\d+:\d+: (\w+)", text))


def _dslinter(folder: Path, place: str) -> Codes:
    enabled = f"--enable={','.join(_DSLINTER)}"
    options = ("--load-plugins=dslinter", "--disable=all", enabled, "--output-format=json")
    files = [str(path) for path in sorted(Path(place).glob("*.py"))]
    found = json.loads(_output(str(folder / "pylint"), *options, *files))
    return _said((each["path"], each["message-id"]) for each in found)


_DSLINTER = ("W5517", "R5508", "W5507", "W5511", "W5512", "W5516", "W5521", "W5514")
"""dslinter's codes for PyTorch."""


# ---- time, and sources


def _time() -> None:
    """Time scripts of 240 lines, a training script and étude's own code, and parsing them alone."""
    own = [
        path.read_text(encoding="utf-8") for path in sorted(Path(etude.__path__[0]).glob("*/*.py"))
    ]
    texts = [_filled(case.right, code) for case, code in zip(cases(), own, strict=False)]
    good = [text for text in texts if _parses(text)]
    linted = [_best(lambda text=text: lint(text)) for text in good]
    parsed = [_best(lambda text=text: parse(text)) for text in good]
    print(f"{len(good)} files of {LINES} lines: median {1e3 * statistics.median(linted):.1f} ms, ")
    print(f"of which parsing is {1e3 * statistics.median(parsed):.1f} ms; CPU time, best of 5")


def _filled(script: str, code: str) -> str:
    """Fill a script up with the beginning of other code that can stand alone."""
    lines = code.splitlines()[: LINES - len(script.splitlines())]
    while lines and not _parses("\n".join(lines)):
        lines.pop()
    text = script + "\n".join(lines)
    return text + "\n#" * (LINES - len(text.splitlines()))


def _parses(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _best(call) -> float:  # noqa: ANN001 - a thunk
    times = []
    for _ in range(5):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


def _lint_sources(folder: str) -> None:
    began, files, failed = time.process_time(), 0, 0
    counts: Counter[str] = Counter()
    for each in lint_files([folder], jobs=1):
        files += 1
        failed += bool(each.failure)
        if each.failure:
            print(f"  {each.path}: {each.failure}")
        for remark, line in zip(each.remarks, each.lines, strict=True):
            counts[str(remark.level)] += 1
            if remark.level is Level.ERROR:
                print(f"  {each.path}:{remark.place.line} {remark.code} {line.strip()}")
    seconds = time.process_time() - began
    print(f"{folder}: {files} files, {failed} refused, {dict(counts)}, ", end="")
    print(f"{1e3 * seconds / max(files, 1):.1f} ms of CPU a file")


if __name__ == "__main__":
    main()
