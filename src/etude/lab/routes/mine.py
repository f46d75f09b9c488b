"""Bring my run: a log of any common tool or a run of the store, its curve and its findings."""

import asyncio
import math
import secrets
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import UploadFile

from etude.errors import EtudeError, LabError, LogError
from etude.lab import limits, pages
from etude.lab.app import form_of, lab_of, texts_of
from etude.lab.worker import rows_message
from etude.readers import diagnose
from etude.records import Diagnosed, Diagnosis
from etude.store import StoredRun

router = APIRouter()

SHOWN = 50
LONGEST_NAME = 80
"""Characters of a log's name that are kept."""


@router.get("/mine")
async def index(request: Request) -> Response:
    """List the store's last runs, beside the form for a log."""
    task = limits.text(request.query_params, "task")
    runs = lab_of(request).store.runs(task=task or None, limit=SHOWN)
    return pages.page(request, "mine.html", runs=runs, task=task, shown=SHOWN)


@router.post("/mine")
async def bring(request: Request) -> Response:
    """Read a log that was sent."""
    form = await form_of(request)
    log = form.get("log")
    if not isinstance(log, UploadFile) or not log.filename:
        raise LabError("a log must be a file, got none; choose one first")
    chance = limits.real(texts_of(form), "chance", least=1e-12, most=1e12)
    found = await asyncio.to_thread(_read, log.filename, await log.read(), chance)
    name = secrets.token_urlsafe(9)
    lab_of(request).bring(name, found)
    return pages.go(f"/mine/log/{name}")


def _read(name: str, content: bytes, chance: float | None) -> Diagnosis:
    """Diagnose a file's content; its name tells some formats, so it is kept, without its path."""
    with TemporaryDirectory() as folder:
        place = f"{folder}/{_plain(name)}"
        Path(place).write_bytes(content)
        try:
            return diagnose(place, chance=chance)
        except EtudeError as error:  # the sender knows no such folder
            raise LogError(str(error).replace(f"{folder}/", "")) from None


def _plain(name: str) -> str:
    last = PurePath(name.replace("\\", "/")).name.lstrip(".")
    kept = "".join(each for each in last if each.isalnum() or each in "._- ")
    return kept[-LONGEST_NAME:].strip() or "log"


@router.get("/mine/log/{name}")
async def log(request: Request, name: str) -> Response:
    """Show what was found in a log."""
    found, number = _brought(request, name)
    diagnosed = found.runs[number]
    return pages.page(
        request,
        "log.html",
        found=found,
        number=number,
        diagnosed=diagnosed,
        length=_length(diagnosed),
    )


@router.get("/mine/log/{name}/rows")
async def log_rows(request: Request, name: str) -> Response:
    """Give a log's curve for the page's chart."""
    found, number = _brought(request, name)
    return JSONResponse(rows_message("0/0", found.runs[number].log.curve))


def _brought(request: Request, name: str) -> tuple[Diagnosis, int]:
    found = lab_of(request).brought.get(name)
    if found is None:
        raise pages.not_found()
    most = len(found.runs) - 1
    return found, limits.whole(request.query_params, "run", least=0, most=most, usual=0)


def _length(diagnosed: Diagnosed) -> int:
    """Give the updates, or epochs, that a curve spans."""
    curve = diagnosed.log.curve
    ends = [float(at[-1]) for at in (curve.update, curve.eval_update) if at.size]
    return math.ceil(max(ends, default=0)) + 1


@router.get("/mine/{name}")
async def show(request: Request, name: str) -> Response:
    """Show one run of the store."""
    stored = lab_of(request).store.get(name[:40])
    found = await asyncio.to_thread(diagnose, stored.run, chance=stored.settings.get("chance"))
    return pages.page(
        request,
        "run.html",
        stored=stored,
        diagnosed=found.runs[0],
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
    run = stored.run
    if run.task not in tasks or not limits.FEWEST_UPDATES <= run.planned <= limits.MOST_UPDATES:
        return ""
    pairs = [("task", run.task), ("s", run.strategy), ("updates", str(run.planned)), ("seeds", "3")]
    return f"/lab?{urlencode(pairs)}"
