import pytest

from etude.controllers import Controlled, as_controlled, plateau, spike
from etude.schedules import constant, cosine, warmup

FALL = cosine(10)


def test_any_order_of_factors_gives_schedule_and_controllers():
    expected = Controlled(FALL, (plateau(), spike()))
    assert FALL * plateau() * spike() == expected
    assert plateau() * FALL * spike() == expected
    assert plateau() * spike() * FALL == expected
    assert FALL * (plateau() * spike()) == expected


def test_numbers_and_schedules_multiply_the_schedule():
    assert 0.5 * plateau() == Controlled(constant(0.5), (plateau(),))
    assert plateau() * FALL * warmup(3) == Controlled(FALL * warmup(3), (plateau(),))
    assert (plateau() * 0.5 * FALL).schedule(0) == 0.5


@pytest.mark.parametrize("other", ["cosine", None, [1]])
def test_other_things_do_not_multiply(other):
    for factor in (FALL, plateau(), FALL * plateau()):
        with pytest.raises(TypeError):
            factor * other


def test_a_schedule_or_a_controller_alone_has_both_parts():
    assert as_controlled(FALL) == Controlled(FALL, ())
    assert as_controlled(plateau()) == Controlled(constant(), (plateau(),))
    assert as_controlled(FALL * spike()) == FALL * spike()
    with pytest.raises(ValueError, match="must be an étude schedule or controller, got 'cosine'"):
        as_controlled("cosine")


def test_bind_binds_the_schedule():
    product = (warmup("10%") >> cosine()) * plateau()
    assert not product.bound
    assert product.bind(100) == Controlled(warmup(10) >> cosine(90), (plateau(),))
