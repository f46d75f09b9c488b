"""What the linter found, for machines: JSON, GitHub's annotations, SARIF 2.1.0."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from etude._version import __version__
from etude.linter.files import Linted
from etude.linter.record import Remark
from etude.linter.rules import RULES
from etude.records import Level
from etude.report.linted import shown

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SARIF_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.HINT: "note"}
_GITHUB_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.HINT: "notice"}


def to_json(many: Sequence[Linted], least: Level) -> str:
    """Write remarks and failures as JSON."""
    return json.dumps(
        {
            "remarks": [_plain(remark) for remark in shown(many, least)],
            "failures": [
                {"path": each.path, "message": each.failure} for each in many if each.failure
            ],
        },
        indent=2,
    )


def _plain(remark: Remark) -> dict[str, Any]:
    found = asdict(remark)
    place: dict[str, int] = found.pop("place")
    found["fixable"] = found.pop("fix") is not None
    return {**found, **place}


def to_github(many: Sequence[Linted], least: Level) -> str:
    """Write workflow commands, which GitHub shows beside the lines of a pull request."""
    lines = [_annotation(remark) for remark in shown(many, least)]
    lines += [
        f"::error file={_property(each.path)}::{_data('cannot be linted: ' + each.failure)}"
        for each in many
        if each.failure
    ]
    return "\n".join(lines)


def _annotation(remark: Remark) -> str:
    place = remark.place
    column = f",col={place.column},endColumn={place.end_column}"
    where = f"file={_property(remark.path)},line={place.line},endLine={place.end_line}"
    if place.line == place.end_line:
        where += column
    title = _property(f"{remark.code} {remark.name}")
    said = _data(f"{remark.message}; {remark.remedy}")
    return f"::{_GITHUB_LEVELS[remark.level]} {where},title={title}::{said}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def to_sarif(many: Sequence[Linted], least: Level) -> str:
    """Write SARIF 2.1.0, which code scanners read."""
    remarks = shown(many, least)
    codes = sorted({remark.code for remark in remarks})
    failures = [each for each in many if each.failure]
    run = {
        "tool": {
            "driver": {
                "name": "etude lint",
                "version": __version__,
                "rules": [_rule(code) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not failures,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": each.failure},
                        "locations": [{"physicalLocation": _artifact(each.path)}],
                    }
                    for each in failures
                ],
            }
        ],
        "results": [_result(remark, codes) for remark in remarks],
    }
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(code: str) -> dict[str, Any]:
    rule = RULES[code]
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.page, "markdown": rule.page},
    }


def _result(remark: Remark, codes: list[str]) -> dict[str, Any]:
    place = remark.place
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    return {
        "ruleId": remark.code,
        "ruleIndex": codes.index(remark.code),
        "level": _SARIF_LEVELS[remark.level],
        "message": {"text": f"{remark.message}; {remark.remedy}"},
        "locations": [{"physicalLocation": {**_artifact(remark.path), "region": region}}],
    }


def _artifact(path: str) -> dict[str, Any]:
    absolute = PurePath(path).is_absolute()
    uri = Path(path).as_uri() if absolute else quote(PurePath(path).as_posix())
    return {"artifactLocation": {"uri": uri}}
