"""Bring my run: runs of the store, each with its curve and what is said about it."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from etude.lab import limits, pages
from etude.lab.app import lab_of
from etude.lab.worker import rows_message
from etude.report.words import OUTCOMES
from etude.store import StoredRun

router = APIRouter()

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is said about a run."""

    outcome: str
    sentence: str


def diagnose(stored: StoredRun) -> Diagnosis:
    """Say how a run ended; the place where further rules of the diagnosis belong."""
    outcome = stored.run.outcome
    return Diagnosis(str(outcome), OUTCOMES[outcome])


@router.get("/mine")
async def index(request: Request) -> Response:
    """List the store's last runs."""
    task = limits.text(request.query_params, "task")
    runs = lab_of(request).store.runs(task=task or None, limit=SHOWN)
    return pages.page(request, "mine.html", runs=runs, task=task, shown=SHOWN)


@router.get("/mine/{name}")
async def show(request: Request, name: str) -> Response:
    """Show one run."""
    stored = lab_of(request).store.get(name[:40])
    return pages.page(
        request,
        "run.html",
        stored=stored,
        diagnosis=diagnose(stored),
        rows=_rows(stored),
        lab=_lab(stored, lab_of(request).tasks),
    )


@router.get("/mine/{name}/rows")
async def rows(request: Request, name: str) -> Response:
    """Give a run's curve for the page's chart."""
    stored = lab_of(request).store.get(name[:40])
    return JSONResponse(rows_message("0/0", stored.run.curve))


def _rows(stored: StoredRun) -> list[tuple[int, float, float]]:
    curve = stored.run.curve
    return [
        (int(at), float(loss), float(metric))
        for at, loss, metric in zip(
            curve.eval_update, curve.val_loss, curve.val_metric, strict=True
        )
    ]


def _lab(stored: StoredRun, tasks: Any) -> str:
    """Give the link that repeats a run in the lab; empty where it cannot."""
    from urllib.parse import urlencode

    run = stored.run
    if run.task not in tasks or not limits.FEWEST_UPDATES <= run.planned <= limits.MOST_UPDATES:
        return ""
    pairs = [("task", run.task), ("s", run.strategy), ("updates", str(run.planned)), ("seeds", "3")]
    return f"/lab?{urlencode(pairs)}"
