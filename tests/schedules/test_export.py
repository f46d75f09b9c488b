import math

import pytest

from etude.errors import ScheduleError
from etude.schedules import cosine, function, multistep, parse, warmup


def run(source, name="multiplier"):
    names = {}
    exec(compile(source, "exported", "exec"), names)
    return names[name]


def test_the_source_of_a_sequence_is_a_page_to_keep():
    assert (
        parse("warmup 50 -> 0.5 * cosine 950 to 0.1").source()
        == '''\
import math


def linear_warmup_at(t: float, length: int, start: float, lead: int) -> float:
    """Rise from start to 1 along a line."""
    return start + (1 - start) * (t + lead) / length


def cosine_at(t: float, length: int, end: float) -> float:
    """Fall from 1 to end along half a cosine, over length updates."""
    # sin² of half the angle left is (1 + cos) / 2 without its loss of digits near the end
    return end + (1 - end) * math.sin(math.pi / 2 * (length - t) / length) ** 2


def multiplier(t: float) -> float:
    """Give the multiplier of update t, from 0: warmup 50 -> 0.5 * cosine 950 end=0.1."""
    if t < 50:
        return linear_warmup_at(min(t, 49), length=50, start=0.0, lead=1)
    return 0.5 * cosine_at(min(t - 50, 950), length=950, end=0.1)
'''
    )


def test_a_sequence_within_a_product_becomes_a_function_of_its_own():
    schedule = parse("(warmup 5 -> cosine 20) * (constant 7 -> linear 9) * 2")
    source = schedule.source("lr_factor")
    assert "return lr_factor_1(t) * lr_factor_2(t) * 2.0" in source
    factor = run(source, "lr_factor")
    assert [factor(t) for t in range(40)] == [schedule(t) for t in range(40)]


def test_a_function_is_imported():
    source = (warmup(4) >> function(math.sqrt)).source()
    assert source.startswith("import math\n")
    assert "return math.sqrt(t - 4)" in source
    assert run(source)(13) == 3.0


def test_source_that_needs_no_import_has_none():
    assert not multistep([3, 7]).source().startswith("import")


def test_a_schedule_that_is_not_bound_has_no_source():
    with pytest.raises(ScheduleError, match=r"call .bind\(total\)"):
        cosine().source()


@pytest.mark.parametrize("name", ["", "two words", "cosine_at", "class"])
def test_a_name_that_cannot_be_defined_is_refused(name):
    with pytest.raises(ScheduleError, match="the function's name must"):
        cosine(3).source(name)
