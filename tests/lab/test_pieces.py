"""`etude.lab.pieces`: fields become étude's own text, and what is drawn is the schedule itself."""

import pytest

pytest.importorskip("fastapi", reason="needs the extra learn")

from etude.errors import EtudeError, LabError
from etude.lab.pieces import FRESH, KINDS, USUAL, fresh, pieces_of, read_pieces, sketch, text_of
from etude.schedules.text import parse


def design(*texts, updates=1000, peak_lr=0.1):
    return read_pieces(texts, updates=updates, peak_lr=peak_lr)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_begins_as_something_that_can_be_drawn(kind):
    drawn = sketch(design(FRESH.get(kind, kind), "cosine" if kind == "warmup" else "constant 10%"))
    assert len(drawn.x) == len(drawn.y) == 400


@pytest.mark.parametrize("kind", KINDS)
def test_fields_written_back_give_the_same_piece(kind):
    (piece,) = design(FRESH.get(kind, kind)).pieces
    again = text_of(kind, {field.name: field.value for field in piece.fields})
    assert str(parse(again)) == piece.text


def test_the_values_are_the_schedules_own():
    drawn = sketch(design(*USUAL, updates=100, peak_lr=0.5))
    bound = parse("warmup 5% -> constant -> 1-sqrt 20%").bind(100)
    assert drawn.y == [float(f"{0.5 * bound(t):.6g}") for t in range(100)]
    assert drawn.bounds == [5, 80]


def test_a_whole_text_becomes_pieces():
    assert pieces_of("warmup 5% -> constant -> 1-sqrt 20%") == list(USUAL)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [USUAL, ("warmup 5%",), ("cosine",), ("constant 50%",)])
def test_every_kind_may_follow(kind, before):
    texts = [*before, fresh(kind, before)]
    assert len(sketch(design(*texts)).bounds) == len(before)


def test_what_would_surprise_is_said():
    assert "never reaches the peak" in sketch(design("linear start=0.5")).warnings[0]


def test_the_code_runs_and_gives_the_same_rates():
    torch = pytest.importorskip("torch")
    drawn = sketch(design(*USUAL, updates=50))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    names = {"optimizer": optimizer}
    exec(drawn.code, names)
    rates = []
    for _ in range(50):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        names["scheduler"].step()
    assert rates == pytest.approx(drawn.y, rel=1e-5)


@pytest.mark.parametrize(
    "texts",
    [
        (),
        ("cosine",) * 7,
        ("warmup 5% -> cosine",),
        ("function os:getcwd",),
        ("cosine * 2",),
        ("nothing",),
    ],
)
def test_what_is_no_list_of_pieces_is_refused(texts):
    with pytest.raises(EtudeError):
        design(*texts)


def test_a_kind_that_is_not_offered_is_refused():
    with pytest.raises(LabError, match="one of warmup"):
        text_of("function", {"function": "os:getcwd"})
