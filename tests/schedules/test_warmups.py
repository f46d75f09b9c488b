import math

import numpy as np
import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import LinearLR

from etude.errors import ScheduleError
from etude.schedules import (
    constant,
    cosine,
    exponential,
    linear,
    one_minus_sqrt,
    warmup,
    wsd,
)


def test_warmup_moves_at_once_and_peaks_on_its_last_update():
    np.testing.assert_allclose(warmup(4)(np.arange(6)), [0.25, 0.5, 0.75, 1, 1, 1], rtol=1e-12)


def test_warmup_with_a_start_begins_there_as_in_torch():
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = LinearLR(optimizer, start_factor=0.1, total_iters=9)
    ours = warmup(9, start=0.1)
    for t in range(15):
        assert ours(t) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12, abs=0)
        optimizer.step()
        scheduler.step()


def test_warmup_can_start_at_zero():
    np.testing.assert_allclose(warmup(4, start=0)(np.arange(6)), [0, 0.25, 0.5, 0.75, 1, 1])


def test_cosine_warmup_has_the_values_of_known_angles():
    # (1 - cos(pi x)) / 2 at x = 1/3, 2/3, 1 without a start; at 0, 1/3, 2/3 of the way from 0.2
    np.testing.assert_allclose(
        warmup(3, shape="cosine")(np.arange(4)), [0.25, 0.75, 1, 1], rtol=1e-12
    )
    np.testing.assert_allclose(
        warmup(3, start=0.2, shape="cosine")(np.arange(4)), [0.2, 0.4, 0.8, 1], rtol=1e-12
    )


def test_exponential_warmup_multiplies_by_one_factor():
    # from 0.01: 0.01**(1 - x), x = 1/2 and 1; from 0.001 by 10 each
    np.testing.assert_allclose(
        warmup(2, shape="exponential")(np.arange(3)), [0.1, 1, 1], rtol=1e-12
    )
    np.testing.assert_allclose(
        warmup(3, start=0.001, shape="exponential")(np.arange(5)),
        [0.001, 0.01, 0.1, 1, 1],
        rtol=1e-12,
    )


@pytest.mark.parametrize("shape", ["linear", "cosine", "exponential"])
@pytest.mark.parametrize("start", [None, 0.1, 0.7])
def test_warmup_reaches_the_peak_exactly(shape, start):
    for length in (1, 2, 3, 7, 49):
        assert warmup(length, start=start, shape=shape)(length) == 1.0


def test_warmup_refuses_what_cannot_be():
    with pytest.raises(ScheduleError, match="start must be > 0 with shape=exponential, got 0"):
        warmup(5, start=0, shape="exponential")
    with pytest.raises(ScheduleError, match="start must be a finite number >= 0 and <= 1, got 2"):
        warmup(5, start=2)
    with pytest.raises(ScheduleError, match="shape must be one of linear, cosine, exponential"):
        warmup(5, shape="steep")
    with pytest.raises(ScheduleError, match="warmup length must be a span > 0"):
        warmup(0)


def test_wsd_is_a_sequence_of_three():
    assert wsd() == warmup("5%") >> constant() >> one_minus_sqrt("20%")
    assert wsd(shape="linear", end=0.1) == warmup("5%") >> constant() >> linear("20%", end=0.1)
    assert wsd(warmup=9, cooldown=7, shape="cosine") == warmup(9) >> constant() >> cosine(7)
    exponential_end = warmup("5%") >> constant() >> exponential(0.01, length="20%")
    assert wsd(shape="exponential") == exponential_end


def test_wsd_has_its_corners_where_it_should():
    # 5 % of 100 up, 75 % level, 20 % down: 1 - sqrt(5/20) = 1/2 at update 85
    schedule = wsd().bind(100)
    np.testing.assert_allclose(
        schedule(np.array([0, 4, 5, 79, 80, 85, 100])), [0.2, 1, 1, 1, 1, 0.5, 0], rtol=1e-12
    )


def test_wsd_refuses_what_cannot_be():
    with pytest.raises(ScheduleError, match="wsd shape must be one of 1-sqrt, linear, cosine, exp"):
        wsd(shape="sqrt")
    with pytest.raises(ScheduleError, match="wsd cooldown must be a span"):
        wsd(cooldown=0)
    with pytest.raises(ScheduleError, match="gamma must be a finite number > 0, got 0"):
        wsd(shape="exponential", end=0)


def test_a_log_warmup_rises_with_the_logarithm_of_time():
    # with a start: log(t + 1)/log(W + 1); without: one update ahead, so that W - 1 has the peak
    values = [warmup(3, start=0.0, shape="log")(t) for t in range(5)]
    assert values == pytest.approx([0, math.log(2) / math.log(4), math.log(3) / math.log(4), 1, 1])
    values = [warmup(3, shape="log")(t) for t in range(4)]
    assert values == pytest.approx([math.log(2) / math.log(4), math.log(3) / math.log(4), 1, 1])


def test_a_1_sqrt_warmup_mirrors_the_cooldown():
    rise, fall = warmup(8, start=0.0, shape="1-sqrt"), one_minus_sqrt(8)
    for t in range(9):
        assert rise(t) == pytest.approx(fall(8 - t), rel=1e-15)
