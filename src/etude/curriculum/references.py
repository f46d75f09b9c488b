"""What items name: proofs and claims, and the code that snippets take from them."""

from collections.abc import Iterator, Sequence

from etude.curriculum.experiments import Snippet
from etude.curriculum.items import AnyItem, Option, Proof
from etude.curriculum.loader import Curriculum
from etude.curriculum.markdown import code_of
from etude.curriculum.places import Place
from etude.errors import ContentError


def references(item: AnyItem) -> Iterator[tuple[Proof, bool | None, Place]]:
    """Go through what an item names: the proof, what must become of it, and where.

    True: it must hold, False: it must fail. A claim's key is the option's.
    """
    for option in options_of(item):
        if option.claim:
            yield option.claim, option.right, option.place
        for proof in option.evidence.proofs:
            yield proof, True, option.place
    for section in item.sections:
        for proof in section.evidence.proofs:
            yield proof, True, section.place
    for follow_up in getattr(item, "follow_ups", ()):
        for proof in follow_up.evidence.proofs:
            yield proof, True, follow_up.answer.place


def options_of(item: AnyItem) -> Sequence[Option]:
    """Give an item's options, if it asks anything."""
    return item.choice.options if item.choice else ()


def code_for(course: Curriculum, snippet: Snippet) -> str:
    """Give the code of a snippet; what an item shows, where it says so.

    Raises:
        ContentError: the item has no such code.
    """
    code = snippet.code
    if snippet.item is not None:
        item = course.item(snippet.item)
        section = item.section(snippet.section) if snippet.section else None
        prose = section.prose if section else item.body
        code = code_of(prose)
        if code is None or (snippet.section and section is None):
            where = f"under '## {snippet.section}'" if snippet.section else "in its body"
            raise ContentError(f"{item.place}: expected a fenced block of code {where}")
    return "\n".join(filter(None, (snippet.before, code, snippet.after)))
