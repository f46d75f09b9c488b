"""What the experiments last measured: the numbers that the texts quote.

No author types a measured number. A text writes `{{experiment/check}}` and shows what
`etude curriculum prove --record` put into `recorded.json`; `prove` measures again and says where
the two have come apart. `{{.../...:%}}` shows a share as a percentage, `:p` a difference of shares
in percentage points, `:+` a sign, `:ci` the 95 % interval.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from etude.curriculum.places import Place, Problem
from etude.errors import ContentError, brief
from etude.report.files import write_text_atomically

FILE = "recorded.json"
_VALUE = re.compile(r"\{value(?::([%p+]+))?\}")
_QUOTE = re.compile(r"\{\{ *([^{}:\s/]+/[^{}:\s]+)(?::([%p+ci]+))? *\}\}")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one check or claim measured, over its seeds."""

    value: float | tuple[float, ...] | str
    """A number (of several seeds what the check looks at: the worst, mean or median); a list or
    a text where code was run."""
    low: float = math.nan
    """Where the 95 % interval over seeds begins; nan where there is none."""
    high: float = math.nan
    holds: bool = True

    def shown(self, how: str = "") -> str:
        """Write it for a reader; `how` as in the module's text."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, tuple):
            return ", ".join(_number(value, how) for value in self.value)
        if "ci" in how:
            bare = how.replace("p", "")
            scale = 100 if bare != how else 1
            return f"[{_number(scale * self.low, bare)}, {_number(scale * self.high, bare)}]"
        return _number(self.value, how)

    def said(self, sentence: str) -> str:
        """Put it where a sentence has `{value}`, or `{value:how}`."""
        return _VALUE.sub(lambda found: self.shown(found[1] or ""), sentence)

    def interval(self, sentence: str) -> str:
        """Write the interval in the unit in which the sentence has the value."""
        found = _VALUE.search(sentence)
        how = (found[1] or "") if found else ""
        return self.shown(f"{how.replace('+', '')}ci")


@dataclass(frozen=True, slots=True)
class Recorded:
    """All that was measured, and with what."""

    values: Mapping[str, Measured] = field(default_factory=dict[str, Measured])
    """By `experiment/check`."""
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    """`date` and the versions of etude, torch and Python."""


def _number(value: float, how: str) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    sign = "+" if "+" in how else ""
    if "%" in how:
        return f"{_digits(100 * value, sign)} %"
    if "p" in how:
        return f"{_digits(100 * value, sign)} points"
    return _digits(value, sign)


def _digits(value: float, sign: str) -> str:
    """Write three digits, without an exponent from 0.0001 to a million."""
    if value == 0:
        return f"{sign}0"
    size = abs(value)
    if not 1e-4 <= size < 1e6:  # noqa: PLR2004 - beyond that zeros must be counted
        mantissa, _, power = f"{value:{sign}.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(power)}"
    places = max(0, 2 - math.floor(math.log10(size)))
    text = f"{value:{sign}.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read(folder: Path) -> Recorded:
    """Read what was recorded; nothing where there is no such file.

    Raises:
        ContentError: the file is not what `write` writes.
    """
    try:
        data: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        values = {name: _measured(row) for name, row in data["values"].items()}
        return Recorded(values, data["about"])
    except FileNotFoundError:
        return Recorded()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ContentError(
            f"{folder / FILE} must be what etude curriculum prove --record writes, but reading it"
            f" raised {brief(error)}; remove it and record again"
        ) from None


def write(folder: Path, recorded: Recorded) -> None:
    """Write what was recorded, whole or not at all.

    Raises:
        ContentError: the folder cannot be written.
    """
    try:
        write_text_atomically(str(folder / FILE), text_of(recorded))
    except OSError as error:
        raise ContentError(
            f"{folder} must be a folder that can be written, but it cannot ({error.strerror});"
            " copy the content and name it with --content"
        ) from None


def _measured(row: Mapping[str, Any]) -> Measured:
    value = row["value"]
    if isinstance(value, list):
        value = tuple(map(float, value))
    elif isinstance(value, str) and row.get("number"):
        value = float(value)
    return Measured(
        value, float(row.get("low", "nan")), float(row.get("high", "nan")), row["holds"]
    )


def text_of(recorded: Recorded) -> str:
    """Write the file's text: one line a value, so that a change shows in a diff."""
    rows = [
        f"    {json.dumps(name)}: {json.dumps(_row(each), ensure_ascii=False)}"
        for name, each in sorted(recorded.values.items())
    ]
    about = json.dumps(dict(recorded.about))
    return '{\n  "about": ' + about + ',\n  "values": {\n' + ",\n".join(rows) + "\n  }\n}\n"


def _row(each: Measured) -> dict[str, Any]:
    row: dict[str, Any] = {"value": each.value, "holds": each.holds}
    if isinstance(each.value, float):
        row["value"] = float(f"{each.value:.6g}")
        if not math.isfinite(each.value):  # JSON has no such numbers
            row |= {"value": str(each.value), "number": True}
    if math.isfinite(each.low):
        row |= {"low": float(f"{each.low:.6g}"), "high": float(f"{each.high:.6g}")}
    return row


def quote(text: str, recorded: Recorded, place: Place) -> tuple[str, list[Problem]]:
    """Put measured values where a text asks for them; say which there are none of."""
    problems: list[Problem] = []

    def value(found: re.Match[str]) -> str:
        each = recorded.values.get(found[1])
        if each is None:
            line = place.line + text.count("\n", 0, found.start())
            message = f"nothing was recorded for {found[1]}; run etude curriculum prove --record"
            problems.append(Problem(place.at(line), message))
            return "(not measured yet)"
        return each.shown(found[2] or "")

    return _QUOTE.sub(value, text), problems
