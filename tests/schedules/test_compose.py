import numpy as np
import pytest

from etude.errors import ScheduleError
from etude.schedules import (
    Product,
    Sequence,
    constant,
    cosine,
    exponential,
    linear,
    step,
    warmup,
    wsd,
)


def test_a_sequence_runs_its_parts_one_after_another():
    # warmup 1/2, 1; then a line over 4 from 1 to 0
    values = (warmup(2) >> linear(4))(np.arange(8))
    np.testing.assert_allclose(values, [0.5, 1, 1, 0.75, 0.5, 0.25, 0, 0], rtol=1e-12)


def test_sequences_and_products_are_flat():
    a, b, c = warmup(2), constant(length=3), cosine(4)
    assert (a >> b) >> c == a >> (b >> c) == Sequence((a, b, c))
    assert (a * b) * c == a * (b * c) == Product((a, b, c))
    assert (a >> b >> c).length == 9


def test_a_product_multiplies_update_by_update():
    product = cosine(6) * step(3, gamma=0.5)
    # cosine 1, 3/4 (60 degrees), 1/4 (120 degrees); step 1, 1, 1/2
    np.testing.assert_allclose(product(np.array([0, 2, 4])), [1, 0.75, 0.125], rtol=1e-12)


def test_numbers_multiply_from_either_side():
    assert 2 * cosine(6) == Product((constant(2), cosine(6)))
    assert cosine(6) * 0.5 == Product((cosine(6), constant(0.5)))
    assert np.float64(2) * cosine(6) == 2 * cosine(6)
    with pytest.raises(ScheduleError, match="must be a finite number >= 0, got -1"):
        -1 * cosine(6)


def test_product_binds_tighter_than_sequence():
    assert warmup(2) >> cosine(4) * 0.5 == Sequence((warmup(2), cosine(4) * 0.5))


def test_the_open_part_takes_the_rest_of_the_run():
    assert (warmup("5%") >> cosine()).bind(100) == warmup(5) >> cosine(95)
    assert wsd().bind(100).parts[1] == constant(length=75)
    bound = (warmup(10) >> 2 * cosine()).bind(100)
    assert bound == warmup(10) >> 2 * cosine(90)
    assert bound.length == 100


def test_fractions_are_of_the_whole_run_wherever_they_stand():
    nested = (warmup("10%") >> (step("20%") * cosine()) >> linear("50%")).bind(100)
    assert nested == warmup(10) >> step(20, length=40) * cosine(40) >> linear(50)


def test_a_product_has_the_length_of_its_longest_factor():
    assert (warmup(10) * cosine(80)).length == 80
    assert (0.5 * cosine("80%")).length == cosine("80%").length
    assert (warmup("10%") * cosine("80%") >> linear()).bind(100).parts[1] == linear(20)


def test_a_factor_with_an_end_holds_while_the_others_go_on():
    bound = (warmup(10) * cosine()).bind(100)
    assert bound == warmup(10) * cosine(100)
    assert bound(50) == pytest.approx(0.5)


def test_only_plain_numbers_take_a_share_too():
    assert (constant(0.5) * constant(0.5) >> linear(4)).bind(10)(6) == 1.0
    assert (constant(0.5) * constant(0.5) >> linear(4)).bind(10)(5) == 0.25


def test_two_halves_fit_in_an_odd_run():
    for total in range(2, 40):
        bound = (cosine("50%") >> linear("50%")).bind(total)
        assert bound.length == total


def test_three_thirds_fit_in_any_run():
    thirds = cosine(1 / 3) >> linear(1 / 3) >> linear(1 / 3)
    assert thirds.bind(100).length in {99, 100}
    assert (cosine("0.4%") >> linear("99.6%")).bind(100) == cosine(1) >> linear(99)


def test_a_sequence_shorter_than_the_run_holds_its_last_value():
    bound = (warmup(10) >> cosine(50, end=0.1)).bind(100)
    assert bound.length == 60
    assert bound(60) == bound(99) == pytest.approx(0.1)


@pytest.mark.parametrize("total", [1, 2])
def test_a_run_too_short_for_every_part_is_refused(total):
    with pytest.raises(ScheduleError, match=rf"needs at least 3 updates, the run has {total}"):
        wsd().bind(total)
    assert wsd().bind(3).length == 3


def test_a_sequence_longer_than_the_run_is_refused():
    message = "warmup -> cosine needs at least 10000 updates, the run has 200; give the run more"
    with pytest.raises(ScheduleError, match=message):
        (warmup(500) >> cosine(9500)).bind(200)
    with pytest.raises(ScheduleError, match="needs at least 3 updates, the run has 2"):
        (warmup("1%") >> cosine(2)).bind(2)


def test_two_open_parts_are_refused():
    with pytest.raises(ScheduleError, match=r"only one part .* got 2: constant, cosine; give"):
        constant() >> cosine()


def test_a_composition_needs_two_schedules():
    with pytest.raises(ScheduleError, match="sequence parts must be at least 2, got 1"):
        Sequence((cosine(),))
    with pytest.raises(ScheduleError, match="product factors must be schedules"):
        Product((cosine(), 2))
    with pytest.raises(TypeError, match="unsupported operand"):
        cosine() >> 3


def test_a_part_before_the_last_must_have_an_end():
    assert not (exponential(0.5, every=2) >> cosine(3)).bound
    assert (exponential(0.5, every=2) >> cosine(3)).bind(10).bound


def test_a_window_is_a_stretch_of_a_schedule():
    # a line of 10 from its 2nd update on: 0.8, 0.7, 0.6; then the value before its stop stays
    part = linear(10)[2:5]
    np.testing.assert_allclose(part(np.arange(6)), [0.8, 0.7, 0.6, 0.6, 0.6, 0.6], rtol=1e-12)
    assert part.length == 3
    assert str(part) == "(linear 10)[2:5]"


def test_a_window_without_a_stop_is_open_and_takes_the_rest():
    part = linear(10)[4:]
    assert part.open
    assert part(6) == 0.0
    assert (warmup(2) >> part).bind(7) == warmup(2) >> linear(10)[4:9]


def test_a_window_that_means_nothing_is_refused():
    with pytest.raises(ScheduleError, match=r"0 <= start < stop, got \[5:2\]"):
        linear(10)[5:2]
    with pytest.raises(ScheduleError, match="linear must be bound before a part"):
        linear()[:2]
    for part in (3, slice(0, 4, 2), slice(0.5, 2)):
        with pytest.raises(ScheduleError, match=r"is taken as \[2:5\], in updates, got"):
            linear(10)[part]
    with pytest.raises(ScheduleError, match="needs at least 5 updates, the run has 3"):
        linear(10)[:5].bind(3)


def test_a_schedule_is_not_iterable_though_it_has_windows():
    with pytest.raises(TypeError, match="not iterable"):
        iter(linear(10))
