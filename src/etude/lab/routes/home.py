"""The first page, and the files that all pages load."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from etude.lab import pages
from etude.lab.app import lab_of

router = APIRouter()


@router.get("/")
async def home(request: Request) -> Response:
    """Show the doors."""
    return pages.page(request, "home.html", ready=lab_of(request).workshop.ready)


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Give a style, a script or a picture."""
    return pages.static(name)
