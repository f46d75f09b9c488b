import math

import pytest

from etude.controllers import careful_warmup
from etude.schedules import constant, warmup


def run(law, values):
    state, multipliers, reasons = law.start(), [], []
    for value in values:
        multipliers.append(state.multiplier)
        state, why = law.step(state, value)
        reasons.append(why)
    return [*multipliers, state.multiplier], reasons


def test_calm_training_gives_the_plain_warmup():
    plain = warmup(20)
    multipliers, reasons = run(careful_warmup(20), [1.0] * 25)
    assert multipliers == pytest.approx([plain(t) for t in range(26)])
    assert [t for t, why in enumerate(reasons) if why] == [18]
    assert reasons[18] == "the warmup is complete"


def test_it_waits_while_the_loss_jumps_and_hold_updates_more():
    # stable 0..11: 12 done; 12, 13 jump; 14, 15 are held; 16 goes on
    losses = [1.0] * 12 + [9.0] * 2 + [1.0] * 10
    multipliers, reasons = run(careful_warmup(20, hold=2), losses)
    assert multipliers[11:18] == [12 / 20] + [13 / 20] * 5 + [14 / 20]
    assert reasons[12] == "held, the loss 9 is 9 times its usual 1"
    assert reasons[13] is None  # said already


def test_what_is_not_finite_is_a_jump_from_the_start():
    multipliers, _ = run(careful_warmup(4, hold=0), [math.nan, math.inf, 1.0, 1.0])
    assert multipliers == [0.25, 0.25, 0.25, 0.5, 0.75]


def test_when_complete_it_looks_no_more():
    multipliers, reasons = run(careful_warmup(1), [math.nan, 1.0])
    assert multipliers == [1, 1, 1]
    assert reasons == [None, None]


def test_a_length_in_percent_is_bound_with_the_schedule():
    product = constant() * careful_warmup("10%")
    assert not product.bound
    with pytest.raises(ValueError, match=r"careful-warmup does not know its updates yet"):
        product.controllers[0].start()
    assert product.bind(200).controllers == (careful_warmup(20),)
    assert product.bind(200).bound
