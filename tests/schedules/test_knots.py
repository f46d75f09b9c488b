import numpy as np
import pytest

from etude.errors import ScheduleError
from etude.schedules import points


def test_points_go_along_lines_and_stay_outside():
    values = points([(2, 0.0), (4, 1.0), (8, 0.5)])(np.arange(11))
    np.testing.assert_allclose(
        values, [0, 0, 0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.5, 0.5], rtol=1e-12
    )


def test_two_points_at_one_position_make_a_jump():
    schedule = points([(0, 1.0), (3, 1.0), (3, 0.1), (5, 0.1)])
    np.testing.assert_allclose(schedule(np.arange(6)), [1, 1, 1, 0.1, 0.1, 0.1], rtol=1e-12)
    assert points([(3, 1.0), (3, 0.1)])(0) == 1.0


def test_points_reach_the_last_one_at_the_end_of_the_run():
    schedule = points([(0, 1.0), ("100%", 0.0)]).bind(10)
    assert schedule(5) == pytest.approx(0.5)
    assert schedule(10) == schedule(11) == 0.0


@pytest.mark.parametrize("bad", [[], [(0, 1)], [(0, 1), 3], "0:1", [(0, 1), (1, 2, 3)]])
def test_points_must_be_two_pairs(bad):
    with pytest.raises(ScheduleError, match="must be at least two pairs"):
        points(bad)


def test_points_refuse_bad_pairs():
    with pytest.raises(ScheduleError, match="must be in order, got 5, 2"):
        points([(5, 1), (2, 0)])
    with pytest.raises(ScheduleError, match="value must be a finite number >= 0, got -1"):
        points([(0, 1), (2, -1)])
    with pytest.raises(ScheduleError, match="position must be a span >= 0"):
        points([(-1, 1), (2, 1)])
    with pytest.raises(ScheduleError, match="point at update 200 and needs at least 200 updates"):
        points([(0, 1), (200, 0)]).bind(100)
