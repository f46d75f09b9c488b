import json

import pytest

from etude.errors import ScheduleError
from etude.schedules import cosine, from_json, multistep, parse, points, warmup


def test_json_holds_the_kind_and_what_is_not_usual():
    assert cosine().to_json() == {"kind": "cosine"}
    assert cosine("80%", end=0.1).to_json() == {"kind": "cosine", "length": "80%", "end": 0.1}
    assert multistep([3, "60%"]).to_json() == {"kind": "multistep", "milestones": [3, "60%"]}
    assert points([(0, 0.1), ("50%", 1)]).to_json() == {
        "kind": "points",
        "points": [[0, 0.1], ["50%", 1.0]],
    }
    assert (warmup(3) >> 2 * cosine()).to_json() == {
        "kind": "sequence",
        "parts": [
            {"kind": "warmup", "length": 3},
            {
                "kind": "product",
                "factors": [{"kind": "constant", "value": 2.0}, {"kind": "cosine"}],
            },
        ],
    }


def test_json_reads_back_after_a_trip_through_text():
    schedule = parse("warmup 5% -> (step 30 gamma=0.5 -> linear 3ep) * 0.5")
    assert from_json(json.loads(json.dumps(schedule.to_json()))) == schedule


def test_usual_values_may_be_written_out():
    assert from_json({"kind": "cosine", "length": None, "end": 0}) == cosine()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("cosine", "must be an object with a kind, got 'cosine'"),
        ({}, "must be an object with a kind"),
        ({"kind": "cosin"}, "unknown kind of schedule 'cosin'; did you mean 'cosine'"),
        ({"kind": 3}, "unknown kind of schedule 3; known are constant, linear"),
        ({"kind": "cosine", "ends": 1}, "cosine has no 'ends'; did you mean 'end'"),
        ({"kind": "step"}, "step needs every"),
        ({"kind": "cosine", "end": "0.1"}, "cosine end must be a finite number >= 0, got '0.1'"),
        ({"kind": "sequence"}, "a sequence in JSON must have a list of parts and no more"),
        ({"kind": "product", "factors": [], "x": 1}, "must have a list of factors and no more"),
        ({"kind": "sequence", "parts": [{"kind": "cosine"}]}, "parts must be at least 2, got 1"),
        ({"kind": "window", "of": {"kind": "cosine"}}, "must have of, start and stop"),
        ({"kind": "window", "of": {"kind": "step", "every": 3}, "start": 0, "stop": "a"}, "2:5"),
    ],
)
def test_json_that_is_no_schedule_is_refused(data, message):
    with pytest.raises(ScheduleError, match=message):
        from_json(data)
