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

import numpy as np

from etude.curriculum import recorded, snippets, trials
from etude.curriculum.experiments import Check, Experiment, Snippet, Speed
from etude.curriculum.items import AnyItem, Option, Proof
from etude.curriculum.loader import Curriculum
from etude.curriculum.markdown import code_of
from etude.curriculum.places import Place, Problem
from etude.curriculum.recorded import Measured, Recorded
from etude.diagnosis.statistics import mean_interval
from etude.errors import ContentError

Value = float | str | tuple[float, ...]
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
        return self.check.says.replace("{value}", self.measured.shown())


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


def judge(check: Check, values: Value | list[float]) -> Measured:
    """Say what a check makes of what was measured, and whether it holds.

    Args:
        check: the check.
        values: numbers by seed, or one value of code.
    """
    if not isinstance(values, list):
        return Measured(values, holds=_holds(check, values))
    low, high = mean_interval(values)
    if check.interval:
        mean = float(np.mean(values))
        return Measured(mean, low, high, holds=_interval_holds(check.interval, low, high))
    looked_at = values if check.over == "every" else [_AVERAGES[check.over](values)]
    holds = all(_holds(check, value) for value in looked_at)
    return Measured(_telling(check, looked_at), low, high, holds=holds)


_AVERAGES: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda values: float(np.mean(values)),
    "median": lambda values: float(np.median(values)),
}


def _telling(check: Check, values: Sequence[float]) -> float:
    """Give the one number that says most: the one nearest to breaking the condition."""
    if check.below is not None:
        return float(max(values))
    return float(min(values)) if check.above is not None else float(np.mean(values))


def _interval_holds(wanted: str, low: float, high: float) -> bool:
    if math.isnan(low):
        return False
    return {
        "excludes 0": low > 0 or high < 0,
        "includes 0": low <= 0 <= high,
        "above 0": low > 0,
        "below 0": high < 0,
    }[wanted]


def _holds(check: Check, value: Value) -> bool:
    if check.contains is not None:
        return check.contains in str(value)
    if check.equals is not None:
        return _equal(value, check.equals, check.within)
    if isinstance(value, tuple | str):
        return False
    if check.between is not None:
        return check.between[0] <= value <= check.between[1]
    below = check.below is None or value < check.below
    return below and (check.above is None or value > check.above)


def _equal(value: Value, wanted: Value, within: float) -> bool:
    if isinstance(value, tuple) and isinstance(wanted, tuple):
        pairs = zip(value, wanted, strict=False)
        return len(value) == len(wanted) and all(_equal(a, b, within) for a, b in pairs)
    if isinstance(value, float) and isinstance(wanted, int | float):
        return math.isclose(value, wanted, rel_tol=within, abs_tol=1e-12)
    return str(value).strip() == str(wanted).strip()


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
    wanted = wanted_experiments(course, names)
    answers: dict[str, Answer] = {}
    for name in wanted:
        experiment = course.experiments[name]
        if experiment.speed in speeds:
            found = run_experiment(course, experiment)
            answers |= {str(answer.proof): answer for answer in found.values()}
            listen(experiment, found)
    return Proved(
        answers,
        tuple(_problems(course, answers)),
        tuple(_drifted(course.recorded, answers, course)),
    )


def wanted_experiments(course: Curriculum, names: Iterable[str]) -> list[str]:
    """Give the experiments that items or experiments of these names need; of none, all."""
    found: dict[str, None] = {}
    for name in names:
        if name in course.experiments:
            found[name] = None
        else:
            found |= dict.fromkeys(proof.experiment for proof, *_ in references(course.item(name)))
    return list(found) if list(names) else sorted(course.experiments)


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
    return type(before) is not type(now)


def record(course: Curriculum, proved: Proved) -> Recorded:
    """Give what was recorded before with what was measured now, and write it down."""
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
    (course.folder / recorded.FILE).write_text(recorded.text_of(kept), encoding="utf-8")
    return kept
