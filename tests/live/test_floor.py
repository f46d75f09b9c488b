"""When a run is told to be at its noise floor."""

import torch

from etude.live import law
from etude.live.floor import Floor

TOTAL = 400
SPAN = 2 * law.window(TOTAL)
FLAT = [1.0, 1.1] * (SPAN // 2)


def seen(grads, losses=FLAT):
    floor = Floor(TOTAL)
    for grad in grads:
        floor.add_up([torch.tensor(grad)])
    return floor.met(losses)


def to_and_fro():
    return [[1.0, -1.0] if k % 2 else [-1.0, 1.0] for k in range(SPAN)]


def test_gradients_that_cancel_under_a_flat_loss_are_the_floor():
    assert "|sum|^2 is 0.00" in seen(to_and_fro())


def test_a_flat_loss_with_a_direction_is_not():
    # A rate far too low: the same gradient at each update, |n g|^2 / (n |g|^2) = n.
    assert seen([[1.0, 2.0]] * SPAN) is None


def test_nor_is_a_loss_that_falls():
    assert seen(to_and_fro(), [0.9**k for k in range(SPAN)]) is None


def test_it_judges_whole_spans_and_then_begins_anew():
    floor = Floor(TOTAL)
    told = []
    for k, grad in enumerate(2 * to_and_fro()):
        floor.add_up([torch.tensor(grad)])
        if k % 10 == 9:
            told.append(floor.met(FLAT[:10]))
    assert [place for place, why in enumerate(told) if why] == [SPAN // 10 - 1, 2 * SPAN // 10 - 1]


def test_a_saved_span_goes_on():
    first, second = Floor(TOTAL), Floor(TOTAL)
    grads = [torch.tensor(grad) for grad in to_and_fro()]
    for grad in grads[:20]:
        first.add_up([grad])
    assert first.met(FLAT[:20]) is None
    second.load_state_dict(first.state_dict())
    for floor in (first, second):
        for grad in grads[20:]:
            floor.add_up([grad])
    assert first.met(FLAT[20:]) == second.met(FLAT[20:]) is not None
