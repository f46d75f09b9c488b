"""YAML as authors mean it, and mistakes by line."""

import pytest

from etude.curriculum.experiments import Experiment
from etude.curriculum.places import Place, Refused
from etude.curriculum.plain_yaml import build, read

PLACE = Place("experiments/x.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("2:00", "2:00"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("true", True),
        ("001", "001"),
        ("10", 10),
        ("-.5", -0.5),
        (".inf", float("inf")),
        ("2026-11-28", "2026-11-28"),
        ("1_000", "1_000"),
        ("~", None),
        ("[1e-3, 1]", (1e-3, 1)),
        ("'1e-5'", "1e-5"),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    data, _ = read(f"key: {text}", PLACE)
    assert data == {"key": value}
    assert type(data["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3", 3, "'a' is given twice"),
        ("a: [1, 2", 1, "not YAML"),
        ("a: 1\n  b: 2", 2, "not YAML"),
    ],
)
def test_what_is_no_yaml_is_told_by_line(text, line, said):
    with pytest.raises(Refused) as refused:
        read(text, PLACE)
    (problem,) = refused.value.problems
    assert problem.place == Place(PLACE.file, line)
    assert said in problem.message


GOOD = """\
id: x
title: X
task: seed-line
runs:
  - {label: a, strategy: sgd lr=0.1}
checks:
  - {id: c, run: a, measure: final_loss, below: 1, says: s}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("title: X", "titel: X", 2, "unknown key 'titel'; did you mean 'title'?"),
        ("title: X", "title: 3", 2, "title"),
        ("title: X\n", "", 1, "'title' is missing"),
        ("below: 1", "belov: 1", 7, "did you mean 'below'?"),
        ("below: 1", "below: low", 7, "below"),
        ("below: 1, ", "", 7, "exactly one of"),
        ("below: 1", "below: 1, above: 0", 7, "exactly one of"),
        ("final_loss", "finalloss", 7, "unknown measure 'finalloss'"),
        ("run: a", "run: b", 1, "no run 'b'; there are: a"),
        ("final_loss", "share", 7, "measure share needs outcome"),
        ("label: a", "label: a, seeds: 0", 5, "seeds"),
        ("strategy: sgd lr=0.1", "lr: 0.1, strategy: sgd lr=1", 5, "either strategy or"),
        ("task: seed-line\n", "", 1, "no task"),
    ],
)
def test_misfits_are_told_by_line_with_what_is_allowed(old, new, line, said):
    text = GOOD.replace(old, new)
    with pytest.raises(Refused) as refused:
        build(Experiment, *read(text, PLACE), PLACE)
    told = [(p.place.line, p.message) for p in refused.value.problems]
    assert any(at == line and said in message for at, message in told), told


def test_a_run_may_be_written_as_optimizer_lr_and_schedule():
    text = GOOD.replace("strategy: sgd lr=0.1", "optimizer: adam, lr: 1e-3, schedule: cosine")
    experiment = build(Experiment, *read(text, PLACE), PLACE)
    assert experiment.runs[0].text == "adam lr=0.001 cosine"
