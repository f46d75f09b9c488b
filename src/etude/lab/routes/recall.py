"""Recall: flash cards that come back before they are forgotten, by the FSRS schedule."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fsrs import Card as Memory
from fsrs import Rating, Scheduler

from etude.curriculum import Card
from etude.errors import LabError
from etude.lab import limits, pages
from etude.lab.app import form_of, lab_of, texts_of

router = APIRouter()

KIND = "card"
NEW_A_DAY = 20
"""New cards that a day brings at most."""
SCHEDULER = Scheduler(enable_fuzzing=False)


@dataclass(frozen=True, slots=True)
class Deck:
    """The cards as they stand."""

    due: list[Card]
    """Those to be recalled now: first those that were seen, then new ones."""
    seen: int
    total: int
    next: datetime | None
    """When the next one comes back, where none is due."""


@router.get("/recall")
async def show(request: Request) -> Response:
    """Show the next card's front, or its back where that was asked for."""
    deck = deck_of(request)
    card = deck.due[0] if deck.due else None
    back = bool(card) and request.query_params.get("show") == card.id
    return pages.page(
        request,
        "recall.html",
        deck=deck,
        card=card,
        back=back,
        waits=_waits(request, card) if card and back else [],
        next=_in_words(deck.next - datetime.now(UTC)) if deck.next else "",
    )


@router.post("/recall")
async def grade(request: Request) -> Response:
    """Take a grade from 1 (again) to 4 (easy)."""
    form = texts_of(await form_of(request))
    name = limits.text(form, "card")
    if name not in {card.id for card in lab_of(request).study.course.cards}:
        raise LabError("a grade must be for a card of this course; reload the page")
    rating = Rating(limits.whole(form, "grade", least=1, most=4, usual=1))
    progress = lab_of(request).progress
    memory, _ = SCHEDULER.review_card(_memory(progress.get(KIND, name)), rating)
    progress.keep(KIND, name, {**memory.to_dict(), "began": _began(progress.get(KIND, name))})
    return pages.go("/recall")


def deck_of(request: Request) -> Deck:
    """Give the cards as they stand now."""
    lab = lab_of(request)
    kept = {each.key: each.content for each in lab.progress.entries(KIND)}
    now, today = datetime.now(UTC), datetime.now(UTC).date().isoformat()
    cards = lab.study.course.cards
    seen = [card for card in cards if card.id in kept]
    when = {card.id: datetime.fromisoformat(kept[card.id]["due"]) for card in seen}
    due = sorted((card for card in seen if when[card.id] <= now), key=lambda card: when[card.id])
    begun = sum(each.get("began") == today for each in kept.values())
    new = [card for card in cards if card.id not in kept][: max(0, NEW_A_DAY - begun)]
    later = [each for each in when.values() if each > now]
    return Deck([*due, *new], len(seen), len(cards), min(later, default=None))


def _memory(kept: dict[str, Any] | None) -> Memory:
    if not kept:
        return Memory(card_id=1)
    known: Any = {name: value for name, value in kept.items() if name != "began"}
    return Memory.from_dict(known)


def _began(kept: dict[str, Any] | None) -> str:
    return kept["began"] if kept else datetime.now(UTC).date().isoformat()


def _waits(request: Request, card: Card) -> list[tuple[int, str, str]]:
    """Give what each grade would lead to: its number, its word, when the card comes back."""
    kept, now = lab_of(request).progress.get(KIND, card.id), datetime.now(UTC)
    found = []
    for rating in Rating:
        memory, _ = SCHEDULER.review_card(_memory(kept), rating, now)
        found.append((rating.value, rating.name, _in_words(memory.due - now)))
    return found


def _in_words(wait: timedelta) -> str:
    minutes = max(1, round(wait.total_seconds() / 60))
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 24 else f"{round(hours / 24)} d"  # noqa: PLR2004 - a day
