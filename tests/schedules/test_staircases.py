import numpy as np
import pytest
from torch.optim.lr_scheduler import MultiStepLR, StepLR

from etude.errors import ScheduleError
from etude.schedules import multistep, step


def test_step_equals_torch(torch_multipliers):
    expected = torch_multipliers(lambda o: StepLR(o, step_size=4, gamma=0.3), 30)
    np.testing.assert_allclose(step(4, gamma=0.3)(np.arange(30)), expected, rtol=1e-12)


def test_step_drops_on_the_update_itself():
    np.testing.assert_array_equal(step(3, gamma=0.5)(np.arange(7)), [1, 1, 1, 0.5, 0.5, 0.5, 0.25])


def test_multistep_equals_torch_also_for_a_milestone_that_comes_twice(torch_multipliers):
    expected = torch_multipliers(lambda o: MultiStepLR(o, [3, 7, 7, 20], gamma=0.3), 30)
    ours = multistep([3, 7, 7, 20], gamma=0.3)
    np.testing.assert_allclose(ours(np.arange(30)), expected, rtol=1e-12)


def test_a_step_cut_to_a_length_holds_its_last_update():
    cut = step(3, gamma=0.5, length=6)
    assert cut(5) == cut(6) == cut(100) == 0.5


def test_milestones_in_percent_are_of_the_whole_run():
    assert multistep(["30%", "60%"]).bind(10).milestones == (3, 6)


@pytest.mark.parametrize("gamma", [0, -0.1, 1.1, float("nan")])
def test_a_gamma_that_does_not_drop_is_refused(gamma):
    with pytest.raises(ScheduleError, match="gamma must be a finite number > 0 and <= 1, got"):
        step(3, gamma=gamma)
    with pytest.raises(ScheduleError, match="gamma must be a finite number > 0 and <= 1, got"):
        multistep([3], gamma=gamma)


def test_milestones_must_be_in_order():
    with pytest.raises(ScheduleError, match="milestones must be in order, got 6, 3"):
        multistep([6, 3])
    with pytest.raises(ScheduleError, match="at least one position"):
        multistep([])
    with pytest.raises(ScheduleError, match=r"must be in order, got 20, 10"):
        multistep([20, "50%"]).bind(20)


def test_a_milestone_that_never_comes_is_refused():
    with pytest.raises(ScheduleError, match="milestone at update 60 and needs at least 61 updates"):
        multistep([30, 60]).bind(60)
    assert multistep([30, 60]).bind(61)(60) == pytest.approx(0.01)
