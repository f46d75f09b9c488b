"""The interview: answer in your own words, then compare; follow-ups one by one."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from etude.curriculum import Interview
from etude.lab import limits, pages
from etude.lab.app import form_of, lab_of, texts_of
from etude.lab.routes.course import proofs
from etude.lab.study import done

router = APIRouter()

KIND = "interview"
LONGEST = 4_000
GRADES = ("missed it", "part of it", "all of it")


@router.get("/interview")
async def index(request: Request) -> Response:
    """List the questions."""
    lab = lab_of(request)
    return pages.page(
        request, "interviews.html", items=lab.study.items(KIND), done=done(lab.progress)
    )


@router.get("/interview/{name}")
async def show(request: Request, name: str) -> Response:
    """Show a question; its answers once there is one's own."""
    item = _item(request, name)
    lab = lab_of(request)
    kept = lab.progress.get(KIND, item.id)
    before, after = lab.study.beside(KIND, item)
    return pages.page(
        request,
        "interview.html",
        item=item,
        kept=kept,
        grades=GRADES,
        longest=LONGEST,
        proofs=proofs(request, item) if kept else [],
        before=before,
        after=after,
    )


@router.post("/interview/{name}")
async def answer(request: Request, name: str) -> Response:
    """Take one's own answer, or one's own grade for it."""
    form = texts_of(await form_of(request))
    item = _item(request, name)
    progress = lab_of(request).progress
    kept = progress.get(KIND, item.id) or {}
    if form.get("do") == "again":
        progress.keep(KIND, item.id, {})
        return pages.go(f"/interview/{item.id}")
    if "grade" in form:
        kept["grade"] = limits.whole(form, "grade", least=0, most=len(GRADES) - 1, usual=0)
    else:
        kept["words"] = limits.text(form, "words", most=LONGEST)
    progress.keep(KIND, item.id, kept)
    return pages.go(f"/interview/{item.id}#answer")


def _item(request: Request, name: str) -> Interview:
    item = lab_of(request).study.item(KIND, name)
    if not isinstance(item, Interview):
        raise pages.not_found()
    return item
