"""The course of étude itself: complete, and true on this machine."""

import re
from collections import Counter
from pathlib import Path

import pytest

from etude.curriculum import load
from etude.curriculum.check import problems
from etude.curriculum.experiments import CODE_MEASURES, RUN_MEASURES
from etude.curriculum.prove import prove
from etude.curriculum.references import references
from etude.curriculum.variants import make

COURSE = load()
FAST = [name for name, each in COURSE.experiments.items() if each.speed == "fast"]
SLOW = [name for name, each in COURSE.experiments.items() if each.speed == "slow"]
VARIED = [item for item in COURSE.of_kind("practice") if item.variants]
DOCS = Path(__file__).parents[2] / "docs" / "curriculum.md"


def test_nothing_is_wrong_with_it():
    assert list(map(str, problems(COURSE))) == []


@pytest.mark.parametrize("name", FAST)
def test_every_key_is_what_the_engine_measures(name):
    proved = prove(COURSE, names=[name])
    assert list(map(str, proved.problems)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_every_key_is_what_the_engine_measures_slowly(name):
    proved = prove(COURSE, names=[name])
    assert list(map(str, proved.problems)) == []


@pytest.mark.parametrize("item", VARIED, ids=lambda item: item.id)
def test_variants_have_one_right_option(item):
    for number in (0, item.variants.count - 1):
        assert sum(option.right for option in make(item, number).choice.options) == 1


def test_every_claim_of_the_sources_is_in_it():
    """Facts 1 to 36 of the inventory, each once; and the parts that the lesson page had."""
    facts = [int(item.id[1:3]) for item in COURSE.of_kind("fact")]
    assert facts == list(range(1, 37))
    parts = Counter(item.part for item in COURSE.of_kind("lesson"))
    whole = {"overview", "model", "hood", "expert", "limits", "production", "connections"}
    assert {part: parts[part] for part in (*whole, "takeaways")} == dict.fromkeys(
        (*whole, "takeaways"), 1
    )
    assert parts["step"] == 7
    assert parts["topic"] >= 12
    kinds = Counter(item.kind for item in COURSE.items.values())
    assert kinds["question"] == 5
    assert kinds["practice"] == 5
    assert kinds["myth"] == 4
    assert kinds["pitfall"] == 3
    (interview,) = COURSE.of_kind("interview")
    assert len(interview.follow_ups) == 8
    assert len(COURSE.item("22-expert-notes").all("Note")) == 3
    assert len(COURSE.item("25-connections").all("Connection")) == 3
    assert len(COURSE.item("26-takeaways").all("Point")) == 5


def test_steps_predict_and_grow():
    steps = [item for item in COURSE.of_kind("lesson") if item.part == "step"]
    levels = ["foundation"] * 2 + ["intermediate"] * 3 + ["advanced", "expert"]
    assert [step.level for step in steps] == levels
    assert all(step.predict for step in steps)


def test_the_track_has_ten_modes_a_placement_test_and_a_badge():
    track = COURSE.tracks["learning-rate"]
    assert len(track.modes) == 10
    assert len(track.placement.items) == 10
    assert (track.challenge.seconds, track.challenge.attempts) == (120, 2)
    assert track.challenge.badge.title == "Learning Rate Mastery"
    assert len(track.mode("challenge").items) == 5


def test_keys_cannot_be_guessed_by_their_place():
    questions = [item.choice.key for item in COURSE.of_kind("question")]
    assert len(set(questions)) > 1


def test_every_quoted_number_is_one_that_a_proof_of_the_item_looks_at():
    """A text may not quote a number that its reader cannot run from there."""
    quote = re.compile(r"\{\{ *([^{}:\s/]+)/")
    for item in COURSE.items.values():
        text = (COURSE.folder / item.place.file).read_text(encoding="utf-8")
        named = {proof.experiment for proof, *_ in references(item)}
        assert set(quote.findall(text)) <= named, item.id


def test_prose_has_no_measured_looking_percentages_of_its_own():
    """Percentages in texts are quoted; the few that are given are shares that define a set-up."""
    allowed = {"20 %", "5 %", "55 %", "95 %"}
    for item in COURSE.items.values():
        text = (COURSE.folder / item.place.file).read_text(encoding="utf-8")
        assert set(re.findall(r"\d+(?:\.\d+)? %", text)) <= allowed, item.id


def test_the_page_lists_the_measures():
    """`python -m pytest` prints the table that the page must have."""
    text = DOCS.read_text(encoding="utf-8")
    for title, measures in (("runs", RUN_MEASURES), ("snippets", CODE_MEASURES)):
        rows = "".join(f"| `{name}` | {about} |\n" for name, about in measures.items())
        assert f"| measure of {title} | |\n|---|---|\n{rows}" in text, rows
