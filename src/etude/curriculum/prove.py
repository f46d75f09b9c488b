"""Proves a course: runs its experiments and compares what they say with every key.

An answer key is not typed truth here. The right option's claim must hold when it is measured, each
wrong option's claim must fail, and every check that any item names must hold.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version
from typing import Any

from etude.curriculum import recorded, snippets, trials, variants
from etude.curriculum.experiments import Check, Experiment, Speed
from etude.curriculum.items import Practice, Proof
from etude.curriculum.judging import Value, judge
from etude.curriculum.loader import Curriculum
from etude.curriculum.places import Problem
from etude.curriculum.recorded import Measured, Recorded
from etude.curriculum.references import code_for, references
from etude.errors import ContentError

DRIFT = 0.25
"""A number that moved by more than this share of itself no longer is what a text quotes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What measuring said of one check or claim."""

    proof: Proof
    check: Check
    measured: Measured

    @property
    def holds(self) -> bool:
        """Does its sentence hold?"""
        return self.measured.holds

    @property
    def sentence(self) -> str:
        """The sentence, with what was measured."""
        return self.measured.said(self.check.says)


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof of a course found."""

    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    """By `experiment/check`."""
    problems: tuple[Problem, ...] = ()
    """Keys and checks that do not hold."""
    drifted: tuple[Problem, ...] = ()
    """Quoted numbers that are not what was measured now."""


def run_experiment(course: Curriculum, experiment: Experiment) -> dict[str, Answer]:
    """Run an experiment and answer its checks and claims, by their ids."""
    seen: dict[str, Any] = dict(trials.train(experiment)) if experiment.runs else {}
    for each in experiment.snippets:
        code = code_for(course, each)
        seen[f"code {each.label}"] = snippets.run_code(code, seconds=each.seconds)
    statements = (*experiment.checks, *experiment.claims)
    return {
        check.id: Answer(Proof(experiment.id, check.id), check, judge(check, _values(check, seen)))
        for check in statements
    }


def _values(check: Check, seen: dict[str, Any]) -> Value | list[float]:
    """Give what is judged: numbers by seed for runs, one value for code."""
    names = [check.run or check.snippet or "", check.against]
    if check.snippet:
        found = [snippets.measure(seen[f"code {name}"], check) for name in names if name]
        return found[0] if len(found) == 1 else _compare(check, found[0], found[1])
    first, *others = (trials.measure(seen[name], check) for name in names if name)
    if not others:
        return list(first)
    return [float(_compare(check, a, b)) for a, b in zip(first, others[0], strict=True)]


def _compare(check: Check, value: Any, other: Any) -> float:
    if check.compare == "ratio":
        return value / other if other else math.inf
    return value - other


def prove(
    course: Curriculum,
    *,
    names: Iterable[str] = (),
    speeds: Iterable[Speed] = ("fast",),
    listen: Callable[[Experiment, dict[str, Answer]], None] = lambda *_: None,
) -> Proved:
    """Run experiments and compare keys and checks with what they measured.

    Args:
        course: the course.
        names: items or experiments; none means all.
        speeds: which experiments are run.
        listen: hears of each experiment as it ends.

    Raises:
        ContentError: there is no such item or experiment.
    """
    named, allowed = list(names), list(speeds)
    answers: dict[str, Answer] = {}
    for name in wanted_experiments(course, named):
        experiment = course.experiments[name]
        if experiment.speed in allowed or name in named:
            found = run_experiment(course, experiment)
            answers |= {str(answer.proof): answer for answer in found.values()}
            listen(experiment, found)
    return Proved(
        answers,
        (*_problems(course, answers), *_variant_problems(course, named, every="slow" in allowed)),
        tuple(_drifted(course.recorded, answers, course)),
    )


def wanted_experiments(course: Curriculum, names: Sequence[str]) -> list[str]:
    """Give the experiments that items or experiments of these names need; of none, all."""
    if not names:
        return sorted(course.experiments)
    found: dict[str, None] = {}
    for name in names:
        if name in course.experiments:
            found[name] = None
        else:
            found |= dict.fromkeys(proof.experiment for proof, *_ in references(course.item(name)))
    return list(found)


def _problems(course: Curriculum, answers: dict[str, Answer]) -> Iterator[Problem]:
    for answer in answers.values():
        checks = course.experiments[answer.proof.experiment].checks
        if answer.check in checks and not answer.holds:
            place = course.places[str(answer.proof)]
            yield Problem(place, f"this check does not hold: {answer.sentence} ({_seen(answer)})")
    for item in course.items.values():
        for proof, must, place in references(item):
            answer = answers.get(str(proof))
            if answer and answer.holds != must:
                yield Problem(place, _key_message(answer, must=bool(must)))


def _variant_problems(
    course: Curriculum, names: Sequence[str], *, every: bool
) -> Iterator[Problem]:
    """Make variants of practice questions: the first and the last, or all."""
    for item in course.items.values():
        if not isinstance(item, Practice) or item.variants is None:
            continue
        if names and item.id not in names:
            continue
        count = item.variants.count
        for number in range(count) if every else sorted({0, count - 1}):
            try:
                variants.make(item, number)
            except ContentError as error:
                yield Problem(item.place, str(error))


def _key_message(answer: Answer, *, must: bool) -> str:
    name, seen = answer.proof, _seen(answer)
    if must:
        return f"this stands on {name}, which does not hold: {answer.sentence} ({seen})"
    return f"this option is marked wrong, but its claim {name} holds: {answer.sentence} ({seen})"


def _seen(answer: Answer) -> str:
    interval = answer.measured.shown("ci") if math.isfinite(answer.measured.low) else ""
    return f"measured {answer.measured.shown()} {interval}".strip()


def _drifted(known: Recorded, answers: dict[str, Answer], course: Curriculum) -> Iterator[Problem]:
    for name, answer in answers.items():
        before = known.values.get(name)
        if before is not None and _far(before.value, answer.measured.value):
            now = answer.measured.shown()
            yield Problem(course.places[name], f"recorded {before.shown()}, now {now}")


def _far(before: Value, now: Value) -> bool:
    if isinstance(before, float) and isinstance(now, float):
        if math.isfinite(before) and math.isfinite(now):
            return abs(now - before) > DRIFT * max(abs(before), abs(now), 1e-6)
        return before != now and not (math.isnan(before) and math.isnan(now))
    if isinstance(before, tuple) and isinstance(now, tuple):
        return len(before) != len(now) or any(map(_far, before, now))
    return before != now


def record(course: Curriculum, proved: Proved) -> Recorded:
    """Give what was recorded before with what was measured now, and write it down.

    Raises:
        ContentError: the folder cannot be written.
    """
    known = {
        f"{experiment.id}/{check.id}"
        for experiment in course.experiments.values()
        for check in (*experiment.checks, *experiment.claims)
    }
    values = {name: each for name, each in course.recorded.values.items() if name in known}
    values |= {name: answer.measured for name, answer in proved.answers.items()}
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "etude": version("etude"),
        "torch": version("torch"),
        "python": python_version(),
    }
    kept = Recorded(values, about)
    recorded.write(course.folder, kept)
    return kept
