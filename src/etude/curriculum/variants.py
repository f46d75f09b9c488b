"""Makes variants of practice questions; the engine says which option is right."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.curriculum import snippets, trials
from etude.curriculum.experiments import Check, Experiment, RunSpec
from etude.curriculum.items import Choice, Evidence, Option, Practice
from etude.curriculum.judging import judge
from etude.curriculum.markdown import Prose
from etude.curriculum.recorded import Measured
from etude.curriculum.variation import Variants, fill
from etude.errors import ContentError

CLEAR = 1.1
"""The best strategy must beat the next by this factor, or the question has no clear answer."""
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Variant:
    """A question with other numbers, and its computed key."""

    item: str
    number: int
    values: dict[str, float | str]
    choice: Choice


@dataclass(frozen=True, slots=True)
class _Draft:
    text: str
    right: bool
    why: str


def make(item: Practice, number: int) -> Variant:
    """Make a variant; trains or runs code to find its key.

    Args:
        item: a practice question with variants.
        number: which, from 0; beyond the last they begin again.

    Raises:
        ContentError: there are none, or not exactly one option is clearly right.
    """
    spec = item.variants
    if spec is None:
        raise ContentError(f"{item.id} must have '## Variants' to be varied; write them")
    number %= spec.count
    values = spec.values(number)
    drafts = _drafts(spec, values)
    if sum(draft.right for draft in drafts) != 1:
        said = "; ".join(f"{draft.text}: {draft.why}" for draft in drafts)
        raise ContentError(f"{item.place}: variant {number} needs one right option, got {said}")
    random.Random(f"{item.id} {number}").shuffle(drafts)  # noqa: S311 - an order, no secret
    options = tuple(_option(item, place, draft) for place, draft in enumerate(drafts))
    return Variant(item.id, number, values, Choice(_asked(item, spec, values), options))


def _asked(item: Practice, spec: Variants, values: dict[str, float | str]) -> Prose:
    code = f"\n\n```python\n{fill(spec.code, values).strip()}\n```" if spec.code else ""
    return Prose(fill(spec.ask, values) + code, item.place)


def _option(item: Practice, place: int, draft: _Draft) -> Option:
    return Option(
        letter="ABCDEFGH"[place],
        text=Prose(draft.text, item.place),
        right=draft.right,
        why=Prose(draft.why, item.place),
        claim=None,
        evidence=Evidence(),
        place=item.place,
    )


def _drafts(spec: Variants, values: dict[str, float | str]) -> list[_Draft]:
    if spec.code:
        return _outputs(spec, values)
    return _contest(spec, values) if spec.strategies else _statements(spec, values)


def _outputs(spec: Variants, values: dict[str, float | str]) -> list[_Draft]:
    """Give what the code prints, and what others print that prints something else."""

    def printed(code: str) -> str:
        shown = snippets.run_code(fill(code, values), seconds=SECONDS)
        return ", ".join((shown.output or shown.raised).split())

    right = printed(spec.code)
    wrong = [text for text in dict.fromkeys(map(printed, spec.others)) if text != right]
    return [
        _Draft(right, right=True, why="this is what it printed when it was run just now"),
        *(_Draft(text, right=False, why="other code prints this") for text in wrong),
    ]


def _contest(spec: Variants, values: dict[str, float | str]) -> list[_Draft]:
    """Give the strategies; the one that ends best is right, if it is clear."""
    texts = [fill(each.strategy, values) for each in spec.strategies]
    found = _measured(spec, values, texts, spec.measure)
    order = sorted(range(len(texts)), key=lambda n: found[n], reverse=spec.want == "highest")
    best, second = found[order[0]], found[order[1]]
    clear = second > CLEAR * best if spec.want == "lowest" else best > second
    return [
        _Draft(
            fill(each.text, values) or f"`{texts[place]}`",
            right=clear and place == order[0],
            why=f"{spec.measure.replace('_', ' ')} {Measured(found[place]).shown()},"
            f" the mean of {spec.seeds} seeds",
        )
        for place, each in enumerate(spec.strategies)
    ]


def _measured(
    spec: Variants, values: dict[str, float | str], texts: Sequence[str], measure: str
) -> list[float]:
    experiment = Experiment(
        id="variant",
        title="variant",
        task=fill(spec.task, values),
        updates=spec.updates,
        seeds=spec.seeds,
        runs=tuple(RunSpec(label=f"{n}", strategy=text) for n, text in enumerate(texts)),
    )
    check = Check(id="value", run="0", measure=measure, above=0.0, says="", outcome="diverged")
    seen = trials.train(experiment)
    return [float(np.mean(trials.measure(seen[f"{n}"], check))) for n in range(len(texts))]


def _statements(spec: Variants, values: dict[str, float | str]) -> list[_Draft]:
    """Give the statements about one run; those that hold are right."""
    experiment = Experiment(
        id="variant",
        title="variant",
        task=fill(spec.task, values),
        updates=spec.updates,
        seeds=spec.seeds,
        runs=(RunSpec(label="run", strategy=fill(spec.strategy, values)),),
    )
    trial = trials.train(experiment)["run"]
    drafts: list[_Draft] = []
    for each in spec.statements:
        settings = each.model_dump(exclude_none=True, exclude={"text"})
        check = Check(id="value", run="run", says="", **settings)
        found = trials.measure(trial, check)
        measured = judge(check, list(found))
        why = f"{each.measure.replace('_', ' ')}: {measured.shown()}"
        drafts.append(_Draft(fill(each.text, values), right=measured.holds, why=why))
    return drafts
