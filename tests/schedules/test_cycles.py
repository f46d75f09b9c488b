import math

import numpy as np
import pytest
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    OneCycleLR,
)

from etude.errors import ScheduleError
from etude.schedules import cosine_wave, cyclic, one_cycle, restarts


@pytest.mark.parametrize(("mult", "end"), [(1, 0.0), (2, 0.1), (3, 0.0)])
def test_restarts_equal_torch(torch_multipliers, mult, end):
    def make(optimizer):
        return CosineAnnealingWarmRestarts(optimizer, T_0=7, T_mult=mult, eta_min=end)

    ours = restarts(7, mult=mult, end=end)(np.arange(100))
    np.testing.assert_allclose(ours, torch_multipliers(make, 100), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("mult", range(1, 11))
@pytest.mark.parametrize("period", range(1, 30))
def test_every_restart_is_exactly_at_the_peak(period, mult):
    # a logarithm of t loses some of these: with period 1 and mult 10, update 111
    schedule = restarts(period, mult=mult)
    start = 0
    for cycle in range(6):
        assert schedule(start) == 1.0
        start += period * mult**cycle


def test_restarts_with_a_fractional_multiplier_restart_on_whole_updates():
    # 10, 15, 22.5 -> 23: peaks at 0, 10, 25 and 48
    schedule = restarts(10, mult=1.5)
    assert [t for t in range(60) if schedule(t) == 1.0] == [0, 10, 25, 48]


def test_restarts_lower_their_peaks_above_the_end():
    # the height above end = 0.2 halves: 0.2 + 0.8, 0.2 + 0.4, 0.2 + 0.2
    values = restarts(5, decay=0.5, end=0.2)(np.array([0, 5, 10]))
    np.testing.assert_allclose(values, [1.0, 0.6, 0.4], rtol=1e-12)


def test_restarts_cut_at_a_restart_do_not_hold_at_a_new_peak():
    cut = restarts(5, length=10)
    assert cut(10) == cut(1000) == cut(9) == pytest.approx(math.cos(math.pi * 0.4) ** 2)


@pytest.mark.parametrize("mode", ["triangular", "triangular2", "exp_range"])
@pytest.mark.parametrize(("up", "down"), [(4, 4), (3, 8), (5, 1)])
def test_cyclic_equals_torch(torch_multipliers, mode, up, down):
    gamma = 0.97 if mode == "exp_range" else 1.0

    def make(optimizer):
        return CyclicLR(
            optimizer,
            base_lr=0.1,
            max_lr=1.0,
            step_size_up=up,
            step_size_down=down,
            mode=mode,
            gamma=gamma,
            cycle_momentum=False,
        )

    ours = cyclic(up, down=down, low=0.1, mode=mode, gamma=gamma)(np.arange(60))
    np.testing.assert_allclose(ours, torch_multipliers(make, 60), rtol=1e-12)


def test_cyclic_goes_down_as_it_went_up_when_not_told():
    np.testing.assert_allclose(
        cyclic(2, low=0.0)(np.arange(6)), [0, 0.5, 1, 0.5, 0, 0.5], rtol=1e-12
    )


def test_cyclic_refuses_what_its_mode_does_not_use():
    with pytest.raises(ScheduleError, match="gamma is for mode=exp_range, got mode=triangular "):
        cyclic(5, gamma=0.9)
    with pytest.raises(ScheduleError, match="mode must be one of triangular, triangular2, exp"):
        cyclic(5, mode="square")
    with pytest.raises(ScheduleError, match="low must be a finite number >= 0 and <= 1, got 2"):
        cyclic(5, low=2)


@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize(("name", "shape"), [("cos", "cosine"), ("linear", "linear")])
@pytest.mark.parametrize(("length", "up"), [(10, 0.3), (25, 0.3), (40, 0.5), (33, 0.2)])
def test_one_cycle_equals_torch(torch_multipliers, length, up, name, shape, three_phase):
    def make(optimizer):
        return OneCycleLR(
            optimizer,
            max_lr=1.0,
            total_steps=length,
            pct_start=up,
            anneal_strategy=name,
            three_phase=three_phase,
            cycle_momentum=False,
        )

    ours = one_cycle(length, up=up, shape=shape, three_phase=three_phase)(np.arange(length))
    np.testing.assert_allclose(ours, torch_multipliers(make, length), rtol=1e-12, atol=1e-15)


def test_one_cycle_holds_after_its_last_update():
    # torch bounces up, or below zero, one update after the end
    schedule = one_cycle(10)
    assert schedule(9) == schedule(10) == schedule(11) == pytest.approx(4e-6, rel=1e-12, abs=0)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("up", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("three_phase", [False, True])
def test_one_cycle_on_a_tiny_run_starts_at_its_peak(length, up, three_phase):
    schedule = one_cycle(length, up=up, three_phase=three_phase)
    values = schedule(np.arange(length + 2))
    assert np.isfinite(values).all()
    if up * length <= 1:
        assert values[0] == 1.0
    if length > 1:
        assert values[-1] == values[length - 1] == pytest.approx(4e-6, rel=1e-12, abs=0)


def test_one_cycle_refuses_a_third_phase_after_the_run():
    with pytest.raises(ScheduleError, match=r"up must be <= 0.5 with three_phase, got 0.6"):
        one_cycle(10, up=0.6, three_phase=True)
    with pytest.raises(ScheduleError, match="three_phase must be true or false, got 1"):
        one_cycle(10, three_phase=1)


def test_restarts_refuse_a_shrinking_period_and_a_growing_peak():
    with pytest.raises(ScheduleError, match=r"mult must be a finite number >= 1, got 0.5"):
        restarts(10, mult=0.5)
    with pytest.raises(ScheduleError, match="decay must be a finite number > 0 and <= 1, got 2"):
        restarts(10, decay=2)


@pytest.mark.parametrize(("half", "end"), [(7, 0.0), (7, 0.1), (1, 0.0)])
def test_a_cosine_wave_equals_torch_also_where_it_climbs(torch_multipliers, half, end):
    def make(optimizer):
        return CosineAnnealingLR(optimizer, T_max=half, eta_min=end)

    ours = cosine_wave(half, end=end)(np.arange(40))
    np.testing.assert_allclose(ours, torch_multipliers(make, 40), rtol=1e-9, atol=1e-12)


def test_a_cosine_wave_is_exactly_at_its_bottom_and_at_its_top():
    assert [cosine_wave(7, end=0.1)(t) for t in (0, 7, 14, 7007)] == [1.0, 0.1, 1.0, 0.1]
