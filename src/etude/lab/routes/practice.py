"""Practice: problems without a clock, solved step by step, and new ones with other numbers."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from etude.curriculum import Practice
from etude.errors import LabError
from etude.lab import limits, pages
from etude.lab.app import form_of, lab_of, texts_of
from etude.lab.experiments import ENDED, FAILED
from etude.lab.orders import Variation
from etude.lab.routes.sitting import question, take
from etude.lab.study import done
from etude.lab.turns import Turn

router = APIRouter()

KIND = "practice"
ATTEMPTS = 2
MOST_VARIANTS = 10_000


@router.get("/practice")
async def index(request: Request) -> Response:
    """List the problems."""
    lab = lab_of(request)
    items = lab.study.items("practice")
    return pages.page(request, "practice.html", items=items, done=done(lab.progress))


@router.get("/practice/{name}")
async def show(request: Request, name: str) -> Response:
    """Show a problem, or one of its variants."""
    item, number = _item(request, name), _number(dict(request.query_params))
    if number is None:
        return _show(request, item, None)
    lab, order = lab_of(request), Variation(item.id, number)
    trial = lab.workshop.find(order.id)
    if trial is None or trial.state != ENDED:
        failed = trial is not None and trial.state == FAILED
        return pages.page(
            request, "variant.html", item=item, order=order, trial=trial, failed=failed
        )
    return _show(request, item, number)


@router.post("/practice/{name}")
async def answer(request: Request, name: str) -> Response:
    """Take an answer, show a hint or a step, begin again, or make a variant."""
    form = texts_of(await form_of(request))
    lab, item, number = lab_of(request), _item(request, name), _number(form)
    do = form.get("do", "answer")
    if do == "variant":
        following = 0 if number is None else number + 1
        lab.workshop.run(Variation(item.id, following))
        return pages.go(f"/practice/{item.id}?variant={following}")
    key, turn = _key(item, number), _turn(request, item, number)
    asked = _varied(request, item, number)
    trouble = ""
    if do == "again":
        turn = Turn(ATTEMPTS)
    elif do == "step":
        turn.steps = min(turn.steps + 1, len(item.steps))
    else:
        trouble = take(turn, asked, form)
    lab.progress.keep(KIND, key, turn.as_dict())
    if turn.over and number is None:
        lab.progress.keep("answer", item.id, {"solved": turn.solved, "tried": turn.tried})
    if trouble:
        return _show(request, item, number, trouble=trouble)
    return pages.go(f"/practice/{item.id}{'' if number is None else f'?variant={number}'}#answer")


def _show(request: Request, item: Practice, number: int | None, *, trouble: str = "") -> Response:
    study = lab_of(request).study
    items = study.items("practice")
    place = [each.id for each in items].index(item.id)
    after = items[place + 1].id if place + 1 < len(items) else ""
    variant = "" if number is None else f", variant {number + 1}"
    turn = _turn(request, item, number)
    return question(
        request,
        _varied(request, item, number),
        turn,
        trouble=trouble,
        heading=f"Practice {place + 1}/{len(items)}{variant}",
        after=f"/practice/{after}",
        after_words="Next problem" if after else "All problems",
        practice=True,
        number=number,
        steps=item.steps if number is None else (),
        varies=item.variants is not None,
    )


def _varied(request: Request, item: Practice, number: int | None) -> Practice:
    """Give the problem as it is asked: as written, or with a variant's numbers."""
    if number is None:
        return item
    trial = lab_of(request).workshop.find(Variation(item.id, number).id)
    if trial is None or trial.state != ENDED:
        raise LabError("a variant must be made before it is answered; ask for it again")
    variant: Any = trial.answer
    return replace(item, answer=variant.choice)


def _turn(request: Request, item: Practice, number: int | None) -> Turn:
    kept = lab_of(request).progress.get(KIND, _key(item, number))
    return Turn.from_dict(kept) if kept else Turn(ATTEMPTS)


def _key(item: Practice, number: int | None) -> str:
    return item.id if number is None else f"{item.id}~{number}"


def _item(request: Request, name: str) -> Practice:
    item = lab_of(request).study.item("practice", name)
    if not isinstance(item, Practice):
        raise pages.not_found()
    return item


def _number(given: dict[str, str]) -> int | None:
    if not given.get("variant"):
        return None
    return limits.whole(given, "variant", least=0, most=MOST_VARIANTS, usual=0)
