"""Learn, predict, myths, pitfalls, facts: what is read, most of it after a prediction."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from etude.curriculum import AnyItem, Mode
from etude.lab import limits, pages
from etude.lab.app import form_of, lab_of, texts_of
from etude.lab.orders import Replay
from etude.lab.study import (
    CONFIDENCES,
    PREDICTION,
    VERDICTS,
    calibration,
    done,
    parts,
    predict,
    sentences,
    spent,
)

router = APIRouter()


SKIPS = {"learn": True, "predict": False, "myths": False, "pitfalls": True, "facts": True}
"""Modes in which items are read, and whether one may read on without a prediction."""


@router.get("/{mode}", name="index")
async def index(request: Request, mode: str) -> Response:
    """List a mode's items."""
    found, study = _mode(request, mode), lab_of(request).study
    progress = lab_of(request).progress
    return pages.page(
        request,
        "index.html",
        mode=found,
        groups=list(parts(study.items(found.name))),
        done=done(progress),
        calibration=calibration(progress) if found.name == "predict" else [],
        verdicts=VERDICTS,
    )


@router.get("/{mode}/{name}")
async def show(request: Request, mode: str, name: str) -> Response:
    """Show an item: its question first, all of it once that is answered."""
    found = _mode(request, mode)
    return _item(request, found, lab_of(request).study.item(found.name, name))


@router.post("/{mode}/{name}")
async def answer(request: Request, mode: str, name: str) -> Response:
    """Commit a prediction, or read on without one."""
    form = texts_of(await form_of(request))
    found, lab = _mode(request, mode), lab_of(request)
    item = lab.study.item(found.name, name)
    letter = limits.text(form, "choice", most=1) or None
    if form.get("do") == "skip" and SKIPS[found.name]:
        letter = None
    elif letter is None:
        return _item(request, found, item, trouble="choose an option first", status=422)
    confidence = limits.whole(form, "confidence", least=50, most=100, usual=70)
    predict(lab.progress, item, letter=letter, confidence=confidence)
    return pages.go(f"/{found.name}/{item.id}#answer")


def _mode(request: Request, name: str) -> Mode:
    if name not in SKIPS:
        raise pages.not_found()
    return lab_of(request).study.mode(name)


def _item(
    request: Request, mode: Mode, item: AnyItem, *, trouble: str = "", status: int = 200
) -> Response:
    lab = lab_of(request)
    kept = lab.progress.get(PREDICTION, item.id)
    before, after = lab.study.beside(mode.name, item)
    open_ = item.choice is None or kept is not None
    return pages.page(
        request,
        "item.html",
        status=status,
        mode=mode,
        skip=SKIPS[mode.name],
        item=item,
        kept=kept,
        open=open_,
        options=_options(request, item, kept),
        proofs=proofs(request, item) if open_ else [],
        before=before,
        after=after,
        confidences=CONFIDENCES,
        verdicts=VERDICTS,
        trouble=trouble,
    )


def _options(request: Request, item: AnyItem, kept: dict[str, Any] | None) -> list[Any]:
    if item.choice is None or kept is None:
        return []
    return spent(lab_of(request).study, item.choice, [kept["choice"]])


def proofs(request: Request, item: AnyItem) -> list[dict[str, Any]]:
    """Give the experiments that an item stands on, each with what it says."""
    lab = lab_of(request)
    found: list[dict[str, Any]] = []
    for experiment in lab.study.evidence(item):
        trial = lab.workshop.find(Replay(experiment.id).id)
        found.append(
            {
                "experiment": experiment,
                "trial": trial,
                "said": sentences(lab.study, experiment, trial, named_by=item),
                "recorded": lab.study.course.recorded.about.get("date", ""),
            }
        )
    return found
