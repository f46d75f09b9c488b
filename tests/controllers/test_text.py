import pytest

from etude.controllers import careful_warmup, from_json, greedy, parse, plateau, spike
from etude.schedules import cosine, warmup

FALL = warmup(5) >> cosine(9)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cosine 10", cosine(10)),
        ("2 * cosine 10", 2 * cosine(10)),
        ("plateau * spike", plateau() * spike()),
        ("plateau 0.5 patience=3", 1.0 * plateau(0.5, patience=3)),
        ("plateau factor=50% mode=max", 1.0 * plateau(0.5, mode="max")),
        ("cosine 10 * greedy max=2 * spike", cosine(10) * greedy(max=2) * spike()),
        ("warmup 5 -> cosine 9 * plateau", FALL * plateau()),
        ("(warmup 5 -> cosine 9) * plateau groups=1,2", FALL * plateau(groups=[1, 2])),
        ("0.5 * cosine 10 * careful-warmup 5%", 0.5 * cosine(10) * careful_warmup("5%")),
    ],
)
def test_what_is_read(text, value):
    assert parse(text) == value
    assert parse(str(value)) == value
    assert from_json(value.to_json()) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plateau patienc=3", r"plateau has no 'patienc'; did you mean 'patience'\?"),
        ("plateau patience=x", "expected a number, got 'x'"),
        ("plateau groups=a", "expected indexes of param groups such as 0,2, got 'a'"),
        ("plateau factor=2", "plateau factor must be a finite number > 0 and <= 1, got 2.0"),
        ("cosine * plato", "unknown schedule 'plato'"),
        ("plateau * cosine 3", "expected a controller here: plateau, greedy, spike"),
        ("plateau -> cosine", r"expected \* or the end here"),
        ("cosine 3 *", "expected a schedule's name"),
        ("careful-warmup", "careful-warmup needs length"),
        ("", "expected a schedule's name"),
    ],
)
def test_what_is_wrong_is_shown_where_it_is(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_an_error_points_at_the_character():
    with pytest.raises(ValueError, match=r"known are|did you mean") as caught:
        parse("cosine 10 * plateau foo=3")
    assert str(caught.value).splitlines()[1:] == [
        "  cosine 10 * plateau foo=3",
        "                      ^",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "a schedule in JSON must be an object"),
        ({"kind": "controlled", "schedule": {}}, "must have a schedule and controllers"),
        (
            {
                "kind": "controlled",
                "schedule": {"kind": "constant"},
                "controllers": [{"kind": "x"}],
            },
            "unknown kind of controller 'x'",
        ),
    ],
)
def test_bad_json_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        from_json(data)


def test_only_text_is_read():
    with pytest.raises(ValueError, match="a controller's text must be a string, got 3"):
        parse(3)
