"""Keys are what the engine measures: a spoilt key is caught."""

import pytest

from etude.curriculum.check import problems
from etude.curriculum.loader import load
from etude.curriculum.prove import _far, prove, record, run_experiment

MYTH, LINE = "myths/slow-is-sure.md", "experiments/line.yaml"


def test_a_true_course_is_proved(folder):
    proved = prove(load(folder))
    assert proved.problems == ()
    assert {name: answer.holds for name, answer in proved.answers.items()} == {
        "line/high-falls": True,
        "line/high-lower": True,
        "line/low-lower": False,
    }
    assert proved.answers["line/high-falls"].sentence.startswith("ends at 0.")


def test_a_key_that_is_moved_to_another_option_is_caught(spoil):
    spoil(MYTH, "- [ ] Yes", "- [x] Yes")
    course = load(spoil(MYTH, "- [x] No", "- [ ] No"))
    first, second = prove(course).problems
    assert str(first).startswith(f"{MYTH}:9: this stands on line/low-lower, which does not hold")
    assert "marked wrong, but its claim line/high-lower holds" in str(second)


def test_a_check_that_stops_being_true_is_caught_with_all_that_stands_on_it(spoil):
    course = load(spoil(LINE, "below: 0.5", "below: 1e-30"))
    told = [str(problem) for problem in prove(course).problems]
    assert [text.split(" ")[0] for text in told] == [f"{LINE}:10:", f"{MYTH}:19:"]


def test_a_right_option_without_a_claim_is_caught_without_running(spoil):
    course = load(spoil(MYTH, "  - claim: line/high-lower\n", "  - proof: line/high-falls\n"))
    assert any("right option needs a claim" in str(problem) for problem in problems(course))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("line/high-falls", "line/high-fall", "unknown check of line 'high-fall'; did you mean"),
        ("line/high-falls", "lime/high-falls", "unknown experiment 'lime'; did you mean 'line'"),
        ("proof: line/high-falls\n", "", "'## Reality' must end with proof:"),
        ("  - claim: line/low-lower\n", "", "an option needs a claim:, a proof: or unproved:"),
    ],
)
def test_evidence_that_is_missing_or_misspelt_is_caught_without_running(spoil, old, new, said):
    told = [str(problem) for problem in problems(load(spoil(MYTH, old, new)))]
    assert any(said in text for text in told), told


def test_an_unknown_task_or_optimizer_is_caught_without_running(spoil):
    spoil(LINE, "task: seed-line", "task: sed-line")
    told = "\n".join(str(problem) for problem in problems(load(spoil(LINE, "sgd", "sgf"))))
    assert "did you mean 'seed-line'?" in told


def test_recorded_numbers_are_quoted_and_their_drift_is_told(spoil, folder):
    course = load(folder)
    record(course, prove(course))
    text = load(spoil(MYTH, "a share", "{{line/high-falls}}")).item("slow-is-sure")
    assert "ends at 0." in text.section("Reality").prose.markdown
    file = folder / "recorded.json"
    value = course_value(load(folder))
    file.write_text(file.read_text().replace(str(value), "0.4999"), encoding="utf-8")
    (drift,) = prove(load(folder)).drifted
    assert str(drift).startswith(f"{LINE}:10: recorded 0.5, now")


@pytest.mark.parametrize(
    ("before", "now", "far"),
    [
        (0.5, 0.55, False),
        (0.5, 0.8, True),
        ((0.1, 0.05), (0.1, 0.05), False),
        ((0.1, 0.05), (0.1, 0.1), True),
        ((0.1,), (0.1, 0.1), True),
        ("ValueError", "ValueError", False),
        ("ValueError", "TypeError", True),
        (0.5, "none", True),
    ],
)
def test_lists_and_texts_drift_too(before, now, far):
    assert _far(before, now) is far


def course_value(course):
    return course.recorded.values["line/high-falls"].value


def test_only_what_an_item_needs_is_run(folder):
    heard = []
    course = load(folder)
    prove(course, names=["slow-is-sure"], listen=lambda experiment, _: heard.append(experiment.id))
    assert heard == ["line"]


def test_slow_experiments_are_run_when_asked_for(spoil):
    course = load(spoil(LINE, "task: seed-line", "task: seed-line\nspeed: slow"))
    assert prove(course).answers == {}
    assert prove(course, names=["line"]).answers
    assert prove(course, speeds=("fast", "slow")).answers


def test_pitfalls_must_run_both_of_their_programs(folder):
    (folder / "pitfalls").mkdir()
    (folder / "pitfalls" / "fall.md").write_text(PITFALL, encoding="utf-8")
    told = [str(problem) for problem in problems(load(folder))]
    assert any("no proof runs the code under '## Wrong'" in text for text in told)
    (folder / "experiments" / "fall.yaml").write_text(FALL, encoding="utf-8")
    course = load(folder)
    assert problems(course) == []
    answers = run_experiment(course, course.experiments["fall"])
    assert {name: answer.holds for name, answer in answers.items()} == {"w": True, "r": True}


PITFALL = """\
---
kind: pitfall
title: Falling
source: new
concept: step-size
---
## Wrong
```python
print("loss", 1 / 0)
```

## Right
```python
print("loss", 0.5)
```

## Cause
Haste.
proof: fall/w, fall/r
"""
FALL = """\
id: fall
title: Falling
snippets:
  - {label: wrong, item: fall, section: Wrong}
  - {label: right, item: fall, section: Right}
checks:
  - {id: w, snippet: wrong, measure: raises, equals: ZeroDivisionError, says: it raises}
  - {id: r, snippet: right, measure: printed, name: loss, equals: 0.5, says: it prints}
"""
