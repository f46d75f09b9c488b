import numpy as np
import pytest

from etude.errors import ScheduleError
from etude.schedules import growth, inverse_time


def test_inverse_time_halves_after_every_at_rate_1():
    # 1/(1 + t/10): 1, 1/2 at 10, 1/3 at 20, 1/4 at 30
    values = inverse_time(10)(np.array([0, 10, 20, 30]))
    np.testing.assert_allclose(values, [1, 1 / 2, 1 / 3, 1 / 4], rtol=1e-15)


def test_growth_adds_the_rate_every_so_many_updates():
    # 1 + t/10 / 2: 1, 1.05, 1.5 at 10, 2 at 20
    np.testing.assert_allclose(
        growth(10, rate=0.5)(np.array([0, 1, 10, 20])), [1, 1.05, 1.5, 2], rtol=1e-15
    )


@pytest.mark.parametrize(("make", "second"), [(inverse_time, 1 / 2), (growth, 2.0)])
def test_stairs_move_once_every_so_many_updates(make, second):
    schedule = make(10, stairs=True)
    assert schedule(9) == schedule(0) == 1.0
    assert schedule(10) == schedule(19) == second


def test_a_length_holds_the_last_update_s_value():
    assert growth(10, length=5)(100) == growth(10)(4)


def test_a_rate_that_would_overflow_is_refused():
    with pytest.raises(ScheduleError, match="growth rate must be a finite number >= 0 and <= 1e"):
        growth(1, rate=1e10)
