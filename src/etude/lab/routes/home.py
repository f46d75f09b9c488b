"""The first page, and the files that all pages load."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from etude.lab import pages
from etude.lab.app import lab_of
from etude.lab.routes.recall import deck_of
from etude.lab.routes.sitting import BADGE
from etude.lab.study import done

router = APIRouter()


@router.get("/")
async def home(request: Request) -> Response:
    """Show the doors; to who was here before, first where to go on."""
    lab, deck = lab_of(request), deck_of(request)
    stands = done(lab.progress)
    asking = [item for item in lab.study.items("learn") if item.choice]
    return pages.page(
        request,
        "home.html",
        back=bool(stands) or deck.seen > 0,
        following=next((item for item in asking if item.id not in stands), None),
        cards=len(deck.due) if deck.seen else 0,
        badges=[each.key for each in lab.progress.entries(BADGE)],
        facts=len(lab.study.items("facts")),
    )


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Give a style, a script or a picture."""
    return pages.static(name)
