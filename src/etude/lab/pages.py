"""Turns what the rooms below say into pages: the templates, the tabs, the answers to mistakes."""

from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException

from etude._version import __version__
from etude.errors import LabError
from etude.report import diagnosis_words, words
from etude.report.parts import ticked

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_SHARED = ("report.css", "charts.js", "reading.js", "copy.js", "uPlot.iife.min.js", "uPlot.min.css")
"""Files of the report that the lab's pages use as they are."""


@cache
def templates() -> Environment:
    """Give the environment of all templates; what they name must be there, and is escaped."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("etude.lab"), PackageLoader("etude.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = _unbroken
    environment.filters["prose"] = _prose
    environment.filters["words"] = _inline
    environment.filters["ticked"] = ticked
    environment.globals.update(version=__version__, words=words, reading=diagnosis_words)
    return environment


def _unbroken(text: str) -> Markup:
    """Keep the arrow of a strategy's text in one piece where its line breaks."""
    return escape(text).replace("-&gt;", Markup('<span class="whole">-&gt;</span>'))


def _prose(piece: Any) -> Markup:
    """Give a piece of the course as HTML; its renderer shows raw HTML and does not obey it."""
    html = piece.html.replace("<pre>", '<pre tabindex="0" role="region" aria-label="Code">')
    html = html.replace(" %", "&nbsp;%")  # a number and its unit stay on one line
    return Markup(html)  # noqa: S704 - the renderer escaped it


def _inline(piece: Any) -> Markup:
    return Markup(piece.inline)  # noqa: S704 - the renderer escaped it


def page(request: Request, template: str, *, status: int = 200, **names: Any) -> HTMLResponse:
    """Fill in a page's template."""
    lab = request.app.state.lab
    html = (
        templates()
        .get_template(template)
        .render(
            path=request.url.path,
            token=lab.token.value,
            store=lab.store.address,
            modes=lab.study.track.modes,
            **names,
        )
    )
    return HTMLResponse(html, status_code=status)


def trouble(request: Request, sentence: str, status: int = 422) -> HTMLResponse:
    """Give the page that says what went wrong."""
    return page(request, "trouble.html", status=status, sentence=sentence)


def not_found() -> HTTPException:
    """Give what is raised where there is no such page."""
    return HTTPException(404)


def go(path: str) -> RedirectResponse:
    """Answer a form: see the page there."""
    return RedirectResponse(path, status_code=303)


def static(name: str) -> Response:
    """Give one of the files that pages load.

    Raises:
        LabError: there is none of that name.
    """
    kind = _TYPES.get(name[name.rfind(".") :])
    package = "etude.report" if name in _SHARED else "etude.lab"
    file = files(package).joinpath("static", name)
    if kind is None or "/" in name or not file.is_file():
        raise LabError(f"no file is called {name!r}")
    return Response(file.read_bytes(), media_type=kind)
