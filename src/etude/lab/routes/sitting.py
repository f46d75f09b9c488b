"""The challenge and the placement test: questions in a row, with the server's clock."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from etude.curriculum import AnyItem
from etude.errors import LabError
from etude.lab import limits, pages
from etude.lab.app import form_of, lab_of, texts_of
from etude.lab.routes.course import proofs
from etude.lab.study import spent
from etude.lab.turns import Sitting, Turn, sit

router = APIRouter()

TIMERS = {"on": 1, "long": 10, "off": None}
"""What the time for a question is multiplied by."""
BADGE = "badge"
SITTING = "sitting"
"""Kind of a progress entry: a challenge or test, under way or over, by its id."""
READ = 3
"""Lessons that a test's result offers for a concept."""


@router.get("/challenge")
async def rules(request: Request) -> Response:
    """Show the rules, before the start."""
    lab = lab_of(request)
    track = lab.study.track
    return pages.page(
        request,
        "challenge.html",
        track=track,
        count=len(_challenge(request)),
        open=_open(request, "challenge"),
        badge=lab.progress.get(BADGE, track.challenge.badge.title),
    )


@router.get("/placement")
async def placement(request: Request) -> Response:
    """Show what the test is."""
    last = lab_of(request).progress.get("placement", "last")
    return pages.page(request, "placement.html", last=last, open=_open(request, "placement"))


@router.post("/challenge")
async def begin_challenge(request: Request) -> Response:
    """Begin a challenge with the clock that was chosen."""
    form = texts_of(await form_of(request))
    timer = form.get("timer", "on")
    if timer not in TIMERS:
        raise LabError(f"the timer must be on, long or off, got {timer[:20]!r}")
    rules, factor = lab_of(request).study.track.challenge, TIMERS[timer]
    seconds = None if factor is None else rules.seconds * factor
    items = [item.id for item in _challenge(request)]
    return _begin(request, "challenge", items, attempts=rules.attempts, seconds=seconds)


@router.post("/placement")
async def begin_placement(request: Request) -> Response:
    """Begin the test: one attempt for each question, no clock."""
    await form_of(request)
    items = lab_of(request).study.track.placement.items
    return _begin(request, "placement", items, attempts=1, seconds=None)


def _begin(
    request: Request, kind: str, items: Sequence[str], *, attempts: int, seconds: int | None
) -> Response:
    lab = lab_of(request)
    sitting = sit(kind, items, attempts=attempts, seconds=seconds, now=lab.clock())
    _keep(request, sitting)
    return pages.go(f"/{kind}/{sitting.id}/1")


@router.get("/{kind}/{name}/end")
async def end(request: Request, kind: str, name: str) -> Response:
    """Show what came of it."""
    sitting = _sitting(request, kind, name)
    if not sitting.over:
        return pages.go(f"/{kind}/{name}/{sitting.at + 1}")
    return _challenge_end(request, sitting) if kind == "challenge" else _test_end(request, sitting)


@router.get("/{kind}/{name}/{number}")
async def show(request: Request, kind: str, name: str, number: str) -> Response:
    """Show a question; its clock runs from when it is first seen."""
    sitting = _sitting(request, kind, name)
    place = _place(number)
    if not sitting.may_see(place):
        return pages.go(f"/{kind}/{name}/{min(sitting.at, len(sitting.turns) - 1) + 1}")
    now = lab_of(request).clock()
    sitting.turns[place].begin(now, sitting.seconds)
    sitting.settle(now)
    _keep(request, sitting)
    return _question(request, kind, sitting, place)


@router.post("/{kind}/{name}/{number}")
async def answer(request: Request, kind: str, name: str, number: str) -> Response:
    """Take an answer, or show a hint."""
    form = texts_of(await form_of(request))
    sitting, place = _sitting(request, kind, name), _place(number)
    if place != sitting.at:
        return pages.go(f"/{kind}/{name}/{min(sitting.at, len(sitting.turns) - 1) + 1}")
    lab, turn = lab_of(request), sitting.turns[place]
    item = lab.study.course.item(sitting.items[place])
    now = lab.clock()
    turn.begin(now, sitting.seconds)
    trouble = take(turn, item, form)
    if turn.over:
        lab.progress.keep("answer", item.id, {"solved": turn.solved, "tried": turn.tried})
        sitting.settle(now)
    _keep(request, sitting)
    if trouble:
        return _question(request, kind, sitting, place, trouble=trouble)
    return pages.go(f"/{kind}/{name}/{place + 1}#answer")


def take(turn: Turn, item: AnyItem, form: dict[str, str]) -> str:
    """Take what a question's form sent; give what is wrong with it, in a sentence."""
    if form.get("do") == "hint":
        turn.hints = min(turn.hints + 1, len(getattr(item, "hints", ())))
        return ""
    choice = item.choice
    letter = limits.text(form, "choice", most=1)
    if choice is None or not letter:
        return "choose an option first"
    try:
        turn.answer(letter, choice.key, [option.letter for option in choice.options])
    except LabError as error:
        return str(error)
    return ""


def _question(
    request: Request, kind: str, sitting: Sitting, place: int, *, trouble: str = ""
) -> Response:
    lab, turn = lab_of(request), sitting.turns[place]
    item = lab.study.course.item(sitting.items[place])
    last = place + 1 == len(sitting.turns)
    after = f"/{kind}/{sitting.id}/{'end' if last else place + 2}"
    return question(
        request,
        item,
        turn,
        trouble=trouble,
        heading=f"{'Challenge' if kind == 'challenge' else 'Test'}, question {place + 1}"
        f" of {len(sitting.turns)}",
        after=after,
        after_words="See the result" if last else "Next question",
        left=turn.left(lab.clock()),
        quiet=kind == "placement",
    )


def question(
    request: Request, item: AnyItem, turn: Turn, *, trouble: str = "", **names: Any
) -> Response:
    """Show a question as far as it was answered; its key only when it is spent."""
    lab, choice = lab_of(request), item.choice
    wrong = [letter for letter in turn.tried if choice and letter != choice.key]
    shown = spent(lab.study, choice, turn.tried) if choice and turn.over else []
    whys = {option.letter: option.why for option in choice.options} if choice else {}
    return pages.page(
        request,
        "question.html",
        status=422 if trouble else 200,
        item=item,
        choice=choice,
        turn=turn,
        options=shown,
        wrong=wrong,
        why=whys.get(wrong[-1]) if wrong and not turn.over else None,
        proofs=proofs(request, item) if turn.over else [],
        trouble=trouble,
        **{"left": None, "steps": (), "quiet": False} | names,
    )


def _challenge_end(request: Request, sitting: Sitting) -> Response:
    lab = lab_of(request)
    title = lab.study.track.challenge.badge.title
    if sitting.perfect:
        timed = sitting.seconds == lab.study.track.challenge.seconds
        lab.progress.commit(BADGE, title, {"items": list(sitting.items), "timed": timed})
    return pages.page(
        request,
        "challenge_end.html",
        sitting=sitting,
        items=[lab.study.course.item(name) for name in sitting.items],
        title=title,
        seconds=round((sitting.ended or sitting.began) - sitting.began),
    )


def _test_end(request: Request, sitting: Sitting) -> Response:
    lab = lab_of(request)
    items = [lab.study.course.item(name) for name in sitting.items]
    results: dict[str, list[bool]] = {}
    for item, turn in zip(items, sitting.turns, strict=True):
        results.setdefault(item.concept, []).append(turn.solved)
    levels: dict[str, list[bool]] = {}
    for item, turn in zip(items, sitting.turns, strict=True):
        levels.setdefault(item.difficulty, []).append(turn.solved)

    def to_read(concept: str) -> list[AnyItem]:
        return [item for item in lab.study.items("learn") if item.concept == concept][:READ]

    lab.progress.keep("placement", "last", {"solved": sitting.solved, "of": len(items)})
    return pages.page(
        request,
        "placement_end.html",
        sitting=sitting,
        pairs=list(zip(items, sitting.turns, strict=True)),
        concepts=[
            (lab.study.track.concepts.get(name, name), _strength(solved), to_read(name))
            for name, solved in results.items()
        ],
        levels=[(k, sum(v), len(v)) for k, v in levels.items()],
    )


def _strength(solved: list[bool]) -> str:
    return "strong" if all(solved) else "partial" if any(solved) else "weak"


def _challenge(request: Request) -> list[AnyItem]:
    return lab_of(request).study.items("challenge")


def _sitting(request: Request, kind: str, name: str) -> Sitting:
    if kind not in ("challenge", "placement"):
        raise pages.not_found()
    kept = lab_of(request).progress.get(SITTING, name)
    if kept is None or kept["kind"] != kind:
        raise LabError(f"the store must have this {kind}, but it has none; begin a new one")
    return Sitting.from_dict(kept)


def _keep(request: Request, sitting: Sitting) -> None:
    lab_of(request).progress.keep(SITTING, sitting.id, sitting.as_dict())


def _open(request: Request, kind: str) -> Sitting | None:
    """Give the last sitting of a kind, where it is not over."""
    kept = [Sitting.from_dict(each.content) for each in lab_of(request).progress.entries(SITTING)]
    mine = [sitting for sitting in kept if sitting.kind == kind]
    return mine[-1] if mine and not mine[-1].over else None


def _place(number: str) -> int:
    return limits.whole({"question": number}, "question", least=1, most=100, usual=1) - 1
