import math
import random

import pytest

from etude.controllers import spike


def run(law, values):
    state, reasons = law.start(), []
    for value in values:
        state, why = law.step(state, value)
        reasons.append(why)
    return state, reasons


def test_the_rule_by_hand():
    calm = [math.e**0.1, math.e**-0.1] * 10  # log losses ±0.1: median 0 of an even window, MAD 0.1
    law = spike(ratio=1.5, spread=8.0)
    edge = math.exp(0.8)  # 8 MAD; log 1.5 is 0.405
    assert run(law, [*calm, edge * 0.999])[1][-1] is None
    state, reasons = run(law, [*calm, edge * 1.001])
    assert reasons[-1] == "the loss 2.228 is 2.23 times its usual 1"
    assert state.multiplier == 0.5
    wide = spike(ratio=3.0)  # log 3 is more than 8 MAD
    assert run(wide, [*calm, 2.9])[1][-1] is None
    assert run(wide, [*calm, 3.1])[1][-1] is not None


def test_ten_losses_must_have_been_seen():
    assert run(spike(), [1.0] * 9 + [100.0])[0].multiplier == 1
    assert run(spike(), [1.0] * 10 + [100.0])[0].multiplier == 0.5


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_a_spike_from_the_start_and_is_not_remembered(value):
    state, reasons = run(spike(), [value])
    assert (state.multiplier, state.recent) == (0.5, ())
    assert reasons == [f"the loss is {value}"]


def test_a_spike_that_lasts_lowers_once_a_cooldown_until_min():
    law = spike(cooldown=3, min=0.2, ratio=1.5)
    state, reasons = run(law, [1.0] * 50 + [10.0] * 9)
    assert [why is not None for why in reasons[50:]] == [True, *[False] * 3] * 2 + [True]
    assert state.multiplier == 0.2


def test_a_new_level_becomes_the_usual_one():
    _, reasons = run(spike(cooldown=0), [1.0] * 50 + [10.0] * 60)
    assert sum(why is not None for why in reasons[:80]) == 7  # to 0.01
    assert not any(reasons[80:])


def test_stop_is_for_good():
    state, reasons = run(spike(action="stop", cooldown=0), [1.0] * 20 + [9.0] + [1.0] * 30 + [9.0])
    assert state.multiplier == 0
    assert [t for t, why in enumerate(reasons) if why] == [20]


def test_noise_and_falling_losses_are_no_spikes():
    draws = random.Random(0)
    losses = [math.exp(-t / 300 + draws.gauss(0, 0.3)) for t in range(3000)]
    assert not any(run(spike(), losses)[1])


def test_the_loss_s_unit_does_not_matter():
    draws = random.Random(1)
    losses = [math.exp(draws.gauss(0, 0.3)) * (20 if t % 70 == 69 else 1) for t in range(300)]
    _, reasons = run(spike(), losses)
    _, scaled = run(spike(), [loss * 1e6 for loss in losses])
    fired = [t for t, why in enumerate(reasons) if why]
    assert fired == [t for t, why in enumerate(scaled) if why]
    assert fired == [69, 139, 209, 279]


def test_zero_is_calm_and_negative_losses_are_refused():
    state, reasons = run(spike(), [1.0] * 20 + [0.0])
    assert (reasons[-1], len(state.recent)) == (None, 20)
    with pytest.raises(ValueError, match="spike compares logarithms and needs losses >= 0, got -1"):
        spike().step(state, -1.0)
