"""Writes a diagnosis as one HTML file that needs no network, the spans marked on the curves."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from etude.diagnosis import pages
from etude.records import Array, Diagnosed, Diagnosis
from etude.report import diagnosis_words as words
from etude.report.figures import numbers
from etude.report.parts import render

DRAWN = 24
"""Runs whose curves are drawn, those with findings first."""
POINTS = 600
"""Points that a line keeps at most."""


def diagnosis_page(diagnosis: Diagnosis, *, command: str | None = None) -> str:
    """Give the diagnosis as a self-contained HTML page."""
    order = sorted(range(len(diagnosis.runs)), key=lambda i: not diagnosis.runs[i].findings)
    drawn = sorted(order[:DRAWN])
    codes = sorted({finding.code for finding in diagnosis.findings})
    return render(
        "diagnosis.html",
        scripts=("charts.js", "reading.js", "diagnosis.js"),
        data={"runs": [_payload(diagnosis.runs[i], i) for i in drawn]},
        diagnosis=diagnosis,
        words=words,
        manual={code: _page(pages()[code][1]) for code in codes},
        drawn=drawn,
        command=command,
        sources=[(run.log.name, f"{run.log.path} ({run.log.form})") for run in diagnosis.runs],
    )


def _page(text: str) -> dict[str, Any]:
    """Cut a rule's manual page into its title and its paragraphs, each with what it begins with."""
    title, *paragraphs = text.split("\n\n")
    cut = [paragraph.replace("\n", " ").partition(". ") for paragraph in paragraphs]
    return {"title": title, "paragraphs": [(lead, rest) for lead, _, rest in cut]}


def _payload(run: Diagnosed, index: int) -> dict[str, Any]:
    curve = run.log.curve
    return {
        "id": index,
        "unit": run.log.unit,
        "train": _line(curve.update, curve.loss),
        "val": _line(curve.eval_update, curve.val_loss),
        "lr": _line(curve.update, curve.lr) if np.isfinite(curve.lr).any() else _NOTHING,
        "spans": [
            {"code": each.code, "from": each.span[0], "to": each.span[1], "level": str(each.level)}
            for each in run.findings
        ],
    }


_NOTHING: Mapping[str, list[float | None]] = {"x": [], "y": []}


def _line(at: Array, values: Array) -> Mapping[str, list[float | None]]:
    """Give a line of few points that keeps its extremes: of each stretch the lowest and highest."""
    if at.size <= POINTS:
        kept = np.arange(at.size)
    else:
        edges = np.linspace(0, at.size, POINTS // 2 + 1).astype(int)
        finite = np.where(np.isfinite(values), values, np.inf)
        parts = [(a, finite[a:b]) for a, b in pairwise(edges)]
        ends = [a + f(part) for a, part in parts for f in (np.argmin, np.argmax)]
        kept = np.unique([0, *ends, at.size - 1])
    return {"x": numbers(at[kept]), "y": numbers(values[kept])}
