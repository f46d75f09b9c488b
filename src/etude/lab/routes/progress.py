"""What was done so far, by concept; to take away as JSON, and to forget."""

from collections import Counter
from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from etude._version import __version__
from etude.lab import pages
from etude.lab.app import form_of, lab_of, texts_of
from etude.lab.routes.sitting import BADGE
from etude.lab.study import calibration, done

router = APIRouter()


@router.get("/progress")
async def show(request: Request) -> Response:
    """Show it."""
    lab = lab_of(request)
    stands = done(lab.progress)
    counts: dict[str, Counter[str]] = {name: Counter() for name in lab.study.track.concepts}
    for item in lab.study.course.items.values():
        if item.choice or item.kind == "interview":  # the others ask nothing
            counts.setdefault(item.concept, Counter())[stands.get(item.id, "open")] += 1
    cards = {each.key.partition("#")[0] for each in lab.progress.entries("card")}
    for name in cards & set(lab.study.course.items):
        counts[lab.study.course.item(name).concept]["recalled"] += 1
    return pages.page(
        request,
        "progress.html",
        concepts=[(lab.study.track.concepts.get(name, name), c) for name, c in counts.items()],
        calibration=calibration(lab.progress),
        badges=lab.progress.entries(BADGE),
        any=bool(lab.progress.entries()),
    )


@router.get("/progress/export")
async def export(request: Request) -> Response:
    """Give all of it as a file."""
    lab = lab_of(request)
    data = {"etude": __version__, "entries": [asdict(each) for each in lab.progress.entries()]}
    named = {"Content-Disposition": 'attachment; filename="etude-progress.json"'}
    return JSONResponse(data, headers=named)


@router.post("/progress")
async def reset(request: Request) -> Response:
    """Forget it; runs stay."""
    form = texts_of(await form_of(request))
    if form.get("sure") == "yes":
        lab_of(request).progress.forget()
    return pages.go("/progress")
