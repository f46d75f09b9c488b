"""Writes an item as one piece of Markdown, for a terminal."""

from collections.abc import Iterator

from etude.curriculum.items import AnyItem, Choice, Evidence, Fact, Interview, Practice, Question
from etude.curriculum.markdown import Prose


def markdown_of(item: AnyItem, *, keys: bool = False) -> str:
    """Write an item for a reader.

    Args:
        item: the item.
        keys: show which option is right, and why each is.
    """
    return "\n\n".join(_parts(item, keys=keys)) + "\n"


def _parts(item: AnyItem, *, keys: bool) -> Iterator[str]:
    yield f"# {item.title}"
    yield f"*{item.kind}, {item.level}, about {item.concept}; source: {', '.join(item.sources)}*"
    if isinstance(item, Fact):
        yield f"*what is commonly said: {item.verdict}*"
    if item.body:
        yield item.body.markdown
    if item.choice:
        yield _choice(item.choice, ask=item.choice.ask != item.body, keys=keys)
    if isinstance(item, Question | Practice):
        yield _list("Hints", item.hints)
    if isinstance(item, Practice):
        yield _list("Steps", item.steps)
        yield f"**Quick check:** {item.quick_check.markdown}"
        yield _list("Common mistakes", item.mistakes)
    for section in item.sections:
        yield f"## {section.title or section.heading}"
        yield section.prose.markdown
        yield _evidence(section.evidence)
    if isinstance(item, Interview):
        for follow_up in item.follow_ups:
            yield f"### {follow_up.ask}"
            yield follow_up.answer.markdown
            yield _evidence(follow_up.evidence)
    if item.cards:
        yield "## Flash cards"
        yield "\n".join(f"- {card.front.markdown} — {card.back.markdown}" for card in item.cards)


def _choice(choice: Choice, *, ask: bool, keys: bool) -> str:
    lines = [choice.ask.markdown, ""] if ask else []
    for option in choice.options:
        mark = " ✓" if keys and option.right else ""
        lines.append(f"- **{option.letter}**{mark} {option.text.markdown}")
        if keys:
            reasons = (option.why.markdown, _claim(option.claim), _evidence(option.evidence))
            lines += [f"  - {reason}" for reason in reasons if reason]
    return "\n".join(lines)


def _claim(claim: object) -> str:
    return f"claim: {claim}" if claim else ""


def _evidence(evidence: Evidence) -> str:
    if evidence.proofs:
        return f"*proof: {', '.join(map(str, evidence.proofs))}*"
    return f"*not proved: {evidence.unproved}*" if evidence.unproved else ""


def _list(title: str, parts: tuple[Prose, ...]) -> str:
    rows = "\n".join(f"1. {part.markdown}" for part in parts)
    return f"**{title}**\n\n{rows}"
