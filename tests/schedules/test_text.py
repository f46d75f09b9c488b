import math

import pytest

from etude.errors import ScheduleError
from etude.schedules import (
    constant,
    cosine,
    cyclic,
    exponential,
    function,
    inverse_sqrt,
    linear,
    multistep,
    one_cycle,
    one_minus_sqrt,
    parse,
    points,
    polynomial,
    restarts,
    step,
    warmup,
    wsd,
)

CANONICAL = {
    "constant": constant(),
    "constant 20% value=0.5": constant(0.5, length="20%"),
    "linear 100 start=0.5 end=0.1": linear(100, start=0.5, end=0.1),
    "polynomial power=2": polynomial(power=2),
    "cosine": cosine(),
    "cosine 80% end=0.1": cosine("80%", end=0.1),
    "1-sqrt 20%": one_minus_sqrt("20%"),
    "exponential gamma=0.01": exponential(0.01),
    "exponential gamma=0.95 every=1ep": exponential(0.95, every="1ep"),
    "inverse-sqrt 100": inverse_sqrt(100),
    "step 30% gamma=0.5": step("30%", gamma=0.5),
    "multistep 30%,60% gamma=0.2": multistep(["30%", "60%"], gamma=0.2),
    "restarts 10% mult=2 decay=0.9": restarts("10%", mult=2, decay=0.9),
    "cyclic 5% down=6% low=0.2 mode=triangular2": cyclic(
        "5%", down="6%", low=0.2, mode="triangular2"
    ),
    "one-cycle up=0.4 three_phase=true": one_cycle(up=0.4, three_phase=True),
    "warmup 5%": warmup("5%"),
    "warmup 5% start=0.1 shape=cosine": warmup("5%", start=0.1, shape="cosine"),
    "points 0:0.1,50%:1,100%:0": points([(0, 0.1), ("50%", 1), ("100%", 0)]),
    "function math:sqrt": function(math.sqrt),
    "0.5 * cosine": 0.5 * cosine(),
    "warmup 5% -> cosine": warmup("5%") >> cosine(),
    "warmup 5% -> (warmup 10 -> cosine) * 1e-5 * step 3": warmup("5%")
    >> (warmup(10) >> cosine()) * 1e-5 * step(3),
}


@pytest.mark.parametrize("text", CANONICAL)
def test_a_schedule_is_written_and_read_in_its_canonical_form(text):
    assert str(CANONICAL[text]) == text
    assert parse(text) == CANONICAL[text]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("cosine to 0.1", cosine(end=0.1)),
        ("cosine 80% to 10%", cosine("80%", end=0.1)),
        ("cosine end=10%", cosine(end=0.1)),
        ("cosine length=80%", cosine("80%")),
        ("  warmup 5%>>cosine ", warmup("5%") >> cosine()),
        ("warmup 5%->cosine", warmup("5%") >> cosine()),
        ("((cosine))", cosine()),
        ("0.5", constant(0.5)),
        ("multistep 30% 60% gamma=0.2", multistep(["30%", "60%"], gamma=0.2)),
        ("multistep 30%, 60%", multistep(["30%", "60%"])),
        ("multistep gamma=0.2 30%", multistep(["30%"], gamma=0.2)),
        ("points 0:1 100%:0", points([(0, 1), ("100%", 0)])),
        ("wsd", wsd()),
        (
            "wsd warmup=2% cooldown=100 shape=linear to 0.1",
            wsd(warmup="2%", cooldown=100, shape="linear", end=0.1),
        ),
        ("warmup 5%\n-> cosine", warmup("5%") >> cosine()),
        ("cosine 0.8", cosine("80%")),
    ],
)
def test_text_by_hand_may_be_freer(text, meant):
    assert parse(text) == meant


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("warmup 5% -> cosin\n             ^", "unknown schedule 'cosin'; did you mean 'cosine'?"),
        ("sgd\n^", "unknown schedule 'sgd'; known are constant, linear"),
        ("\n^", "expected a schedule's name, a number or ("),
        ("cosine ->\n         ^", "expected a schedule's name, a number or ("),
        ("cosine )\n       ^", "expected ->, * or the end here"),
        ("(cosine\n       ^", "expected ) here"),
        ("cosine end=-1\n           ^", "cosine end must be a finite number >= 0, got -1"),
        ("cosine end=x\n           ^", "expected a number, got 'x'"),
        ("cosine end=\n           ^", "expected a value for cosine end"),
        ("cosine to\n         ^", "expected a value for cosine end"),
        ("cosine ends=1\n       ^", "cosine has no 'ends'; did you mean 'end'?"),
        ("step 30 to 0.1\n        ^", "step has no 'end'"),
        ("cosine 5% 6%\n          ^", "cosine has its length already"),
        ("cosine 5days\n       ^", "cosine length must be a span > 0"),
        ("cosine 200%\n       ^", "cosine length must be a span > 0"),
        ("step\n^", "step needs every"),
        ("2 * step gamma=0.5\n    ^", "step needs every"),
        ("one-cycle three_phase=1\n                      ^", "expected true or false, got '1'"),
        ("wsd 5%\n    ^", "wsd takes key=value: warmup, cooldown, shape, end"),
        ("points 0\n       ^", "expected points as 0:0.1,50%:1, got '0'"),
        ("points 0:x,3:1\n       ^", "expected a number, got 'x'"),
        ("cosine -> linear\n^", "only one part of a sequence may leave its length open"),
        ("function os:nope\n         ^", "expected an importable"),
        ("(" * 60 + "\n" + " " * 50 + "^", "expected at most 50 open brackets"),
    ],
)
def test_text_that_does_not_parse_points_at_the_character(text, message):
    given, caret = text.split("\n")
    with pytest.raises(ScheduleError) as caught:
        parse(given)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(f"\n  {given}\n  {caret}")


def test_an_error_in_the_tail_of_a_longer_text_points_into_the_whole():
    text = "adamw lr=1e-3 warmup 5% -> cosin"
    with pytest.raises(ScheduleError) as caught:
        parse(text, start=text.index("warmup"))
    assert str(caught.value).endswith(f"\n  {text}\n  {' ' * text.index('cosin')}^")
    assert parse("adamw lr=1e-3 cosine", start=14) == cosine()


def test_what_is_no_text_is_refused():
    with pytest.raises(ScheduleError, match="a schedule's text must be a string, got 3"):
        parse(3)


def test_a_window_reads_as_a_slice():
    assert parse("(cosine 10)[2:5]") == cosine(10)[2:5]
    assert parse("( cosine 10 ) [ : 5 ] -> linear 3") == cosine(10)[:5] >> linear(3)
    assert parse("2 * (cosine 10)[2:]") == 2 * cosine(10)[2:]


@pytest.mark.parametrize(
    ("text", "why", "at"),
    [
        ("(cosine 10)[2", "expected a window such as [2:5] here", 11),
        ("(cosine 10)[a:2]", "expected a window such as [2:5] here", 11),
        ("(cosine 10)[5:2]", "a window must have 0 <= start < stop", 0),
        ("warmup 2 -> (cosine)[:2]", "cosine must be bound before", 12),
    ],
)
def test_a_bad_window_is_pointed_at(text, why, at):
    with pytest.raises(ScheduleError) as caught:
        parse(text)
    message, shown, pointer = str(caught.value).splitlines()
    assert why in message
    assert (shown.strip(), pointer.index("^") - 2) == (text, at)
