"""The schedule designer: pieces with fields, drawn as they are, with warnings and code."""

from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from etude.errors import EtudeError
from etude.lab import limits, pages
from etude.lab.app import form_of
from etude.lab.pieces import (
    KINDS,
    MOST_PIECES,
    USUAL,
    Design,
    fresh,
    pieces_of,
    read_pieces,
    sketch,
    text_of,
)
from etude.report.words import number

router = APIRouter()


@router.get("/design")
async def show(request: Request) -> Response:
    """Show the schedule of the link; `text` may hold a whole one."""
    given = request.query_params
    try:
        words = limits.text(given, "text")
        texts = pieces_of(words) if words else given.getlist("p") or list(USUAL)
        return _page(request, _read(given, texts))
    except EtudeError as error:
        return _page(request, _read({}, list(USUAL)), trouble=str(error), status=422)


@router.post("/design")
async def change(request: Request) -> Response:
    """Take the form: draw it, or add, remove or move a piece."""
    form = await form_of(request)
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    do = given.get("do", "draw")
    try:
        texts = _texts(given)
        if do == "add":
            texts.append(fresh(given.get("kind", "cosine"), texts))
        elif do.startswith("remove-") and len(texts) > 1:
            texts = [each for place, each in enumerate(texts) if str(place) != do[7:]]
        elif do.startswith("up-") and do[3:].isdecimal() and 0 < int(do[3:]) < len(texts):
            texts.insert(int(do[3:]) - 1, texts.pop(int(do[3:])))
        design = _read(given, texts)
        sketch(design)
    except EtudeError as error:
        return _page(request, _fallback(given), trouble=str(error), status=422)
    return pages.go(_link(design))


@router.get("/design/data")
async def data(request: Request) -> Response:
    """Give the sketch of what stands in the form, for a page that draws while one types."""
    given = dict(request.query_params)
    try:
        design = _read(given, _texts(given))
        return JSONResponse(asdict(sketch(design)) | {"link": _link(design), "lab": _lab(design)})
    except EtudeError as error:
        return JSONResponse({"trouble": str(error)})  # a sentence to show, no failure


def _texts(given: Mapping[str, str]) -> list[str]:
    """Write the pieces of a form's fields: `kind0`, `0-length`, `kind1` and so on."""
    found = []
    for place in range(MOST_PIECES + 1):
        kind = given.get(f"kind{place}")
        if kind is None:
            break
        mine = f"{place}-"
        fields = {
            name.removeprefix(mine): limits.text(given, name, most=60)
            for name in given
            if name.startswith(mine)
        }
        changed = kind != given.get(f"was{place}", kind)
        found.append(text_of(kind, {} if changed else fields))
    return found


def _read(given: Mapping[str, str], texts: list[str]) -> Design:
    updates = limits.whole(given, "updates", least=10, most=100_000, usual=1_000)
    peak = limits.real(given, "lr", least=1e-8, most=1e3)
    return read_pieces(texts, updates=updates, peak_lr=0.1 if peak is None else peak)


def _fallback(given: Mapping[str, str]) -> Design:
    try:
        return _read({}, _texts(given))
    except EtudeError:
        return _read({}, list(USUAL))


def _link(design: Design) -> str:
    pairs = [("p", piece.text) for piece in design.pieces]
    pairs += [("updates", str(design.updates)), ("lr", f"{design.peak_lr:g}")]
    return f"/design?{urlencode(pairs)}"


def _lab(design: Design) -> str:
    """Give the link that runs it beside a constant rate."""
    lr = f"{design.peak_lr:g}"
    pairs = [("task", "digits"), ("s", f"sgd momentum=0.9 lr={lr} {design.text}")]
    pairs += [("s", f"sgd momentum=0.9 lr={lr} constant")]
    if design.updates <= limits.MOST_UPDATES:
        pairs += [("updates", str(design.updates))]
    return f"/lab?{urlencode(pairs)}"


def _page(request: Request, design: Design, *, trouble: str = "", status: int = 200) -> Response:
    try:
        drawn = sketch(design)
    except EtudeError as error:
        drawn, trouble, status = sketch(_read({}, list(USUAL))), trouble or str(error), 422
    return pages.page(
        request,
        "design.html",
        status=status,
        design=design,
        drawn=drawn,
        kinds=KINDS,
        most=MOST_PIECES,
        trouble=trouble,
        lab=_lab(design),
        rows=_rows(drawn.x, drawn.y),
    )


def _rows(x: list[int], y: list[float]) -> list[tuple[int, str]]:
    every = max(1, len(x) // 12)
    kept = sorted({*range(0, len(x), every), len(x) - 1})
    return [(x[place], number(y[place])) for place in kept]
