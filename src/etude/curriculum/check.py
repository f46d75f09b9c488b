"""Checks a course without running it: names, evidence, tracks. Torch is needed for task names."""

from collections.abc import Iterator

from etude.curriculum.experiments import Experiment
from etude.curriculum.items import AnyItem, Evidence, Option, Pitfall, Proof
from etude.curriculum.loader import Curriculum
from etude.curriculum.places import Place, Problem, unknown
from etude.curriculum.references import code_for, options_of, references
from etude.curriculum.tasks import make_task
from etude.curriculum.track import Track
from etude.errors import ContentError, EtudeError
from etude.strategies import strategy

MUST_BE_PROVED: dict[str, tuple[str, ...]] = {
    "lesson": ("Result", "When it fails", "Note", "Pattern", "Connection", "Point"),
    "question": ("Explanation",),
    "practice": (),
    "interview": ("Short answer", "Full answer"),
    "myth": ("Reality",),
    "pitfall": ("Cause",),
    "fact": ("Measured",),
    "flash": (),
}
"""Headings under which statements stand, by kind."""
PLACEMENT = 10
"""Questions of a placement test."""


def problems(course: Curriculum) -> list[Problem]:
    """Give everything that an author must mend."""
    found = [problem for item in course.items.values() for problem in _of_item(course, item)]
    for experiment in course.experiments.values():
        found += _of_experiment(course, experiment)
    for track in course.tracks.values():
        found += _of_track(course, track)
    return sorted({*found, *_unused(course)}, key=lambda p: (p.place.file, p.place.line))


def _of_item(course: Curriculum, item: AnyItem) -> Iterator[Problem]:
    for proof, _, place in references(item):
        yield from _known(course, proof, place)
    for option in options_of(item):
        yield from _option(option)
    for section in item.sections:
        if section.heading in MUST_BE_PROVED[item.kind]:
            yield from _evidence(section.evidence, section.place, f"'## {section.heading}'")
    for follow_up in getattr(item, "follow_ups", ()):
        yield from _evidence(follow_up.evidence, follow_up.answer.place, "a follow-up")
    if isinstance(item, Pitfall):
        yield from _pitfall(course, item)


def _known(course: Curriculum, proof: Proof, place: Place) -> Iterator[Problem]:
    experiment = course.experiments.get(proof.experiment)
    if experiment is None:
        yield Problem(place, unknown("experiment", proof.experiment, sorted(course.experiments)))
    elif experiment.statement(proof.check) is None:
        names = [check.id for check in (*experiment.checks, *experiment.claims)]
        yield Problem(place, unknown(f"check of {proof.experiment}", proof.check, names))


def _option(option: Option) -> Iterator[Problem]:
    if option.right and not option.claim and not option.evidence.unproved:
        yield Problem(
            option.place, "the right option needs a claim: experiment/check, so that the key is run"
        )
    elif not option.claim and not option.evidence:
        message = "an option needs a claim:, a proof: or unproved: with the reason"
        yield Problem(option.place, message)


def _evidence(evidence: Evidence, place: Place, what: str) -> Iterator[Problem]:
    if not evidence:
        message = f"{what} must end with proof: experiment/check, or unproved: with the reason"
        yield Problem(place, message)


def _pitfall(course: Curriculum, item: Pitfall) -> Iterator[Problem]:
    """Hold that both pieces of code are run, and that a proof looks at each."""
    looked_at: set[str] = set()
    for proof, *_ in references(item):
        check, experiment = course.statement(proof), course.experiments.get(proof.experiment)
        for snippet in experiment.snippets if experiment else ():
            if (
                check
                and snippet.label in (check.snippet, check.against)
                and snippet.item == item.id
            ):
                looked_at.add(snippet.section)
    for missing in {"Wrong", "Right"} - looked_at:
        message = (
            f"no proof runs the code under '## {missing}': an experiment needs a snippet with"
            f" item: {item.id} and section: {missing}"
        )
        yield Problem(item.place, message)


def _of_experiment(course: Curriculum, experiment: Experiment) -> Iterator[Problem]:
    place = course.places[experiment.id]
    for run in experiment.runs:
        try:
            make_task(run.task or experiment.task or "")
            strategy(run.text)
        except EtudeError as error:
            yield Problem(place, f"run {run.label}: {error}")
    for snippet in experiment.snippets:
        try:
            code_for(course, snippet)
        except ContentError as error:
            yield Problem(place, f"snippet {snippet.label}: {error}")


def _of_track(course: Curriculum, track: Track) -> Iterator[Problem]:
    place = course.places[track.id]
    listed = [name for mode in track.modes for name in mode.items]
    for name in (*listed, *track.placement.items):
        if name not in course.items:
            yield Problem(place, unknown("item", name, sorted(course.items)))
    for item in course.items.values():
        if item.concept not in track.concepts:
            yield Problem(item.place, unknown("concept", item.concept, track.concepts))
    modes = [mode.name for mode in track.modes]
    if track.challenge.badge.mode not in modes:
        yield Problem(place, unknown("mode", track.challenge.badge.mode, modes))
    yield from _placement(course, track, place)


def _placement(course: Curriculum, track: Track, place: Place) -> Iterator[Problem]:
    names = track.placement.items
    if len(set(names)) != PLACEMENT:
        message = f"a placement test has {PLACEMENT} different questions, got {len(set(names))}"
        yield Problem(place, message)
    for difficulty in ("easy", "medium", "hard"):
        for name in getattr(track.placement, difficulty):
            item = course.items.get(name)
            if item and (item.choice is None or item.difficulty != difficulty):
                yield Problem(place, f"{name} is not a question of difficulty {difficulty}")


def _unused(course: Curriculum) -> Iterator[Problem]:
    """Find what nobody shows: items in no mode, experiments that no item names."""
    shown = {n for track in course.tracks.values() for mode in track.modes for n in mode.items}
    for item in course.items.values():
        if course.tracks and item.id not in shown:
            yield Problem(item.place, f"{item.id} is in no mode of a track; list it there")
    named = {proof.experiment for item in course.items.values() for proof, *_ in references(item)}
    for name in sorted(course.experiments.keys() - named):
        yield Problem(course.places[name], f"no item names experiment {name}; name it or remove it")
