"""The adapter with controllers: it feeds them, multiplies with them, and resumes them."""

import copy
import json
import math
import pickle

import pytest
import torch
from torch.optim import SGD

from etude import Scheduler, careful_warmup, cosine, greedy, plateau, spike, warmup
from etude.errors import ScheduleError

FALL = cosine(20, end=0.1)


def weight():
    return torch.nn.Parameter(torch.ones(2))


def sgd(*peaks):
    return SGD([{"params": [weight()], "lr": lr} for lr in peaks or (1.0,)], lr=1.0)


def lrs(optimizer):
    return [float(group["lr"]) for group in optimizer.param_groups]


def test_a_controller_alone_needs_no_schedule():
    optimizer = sgd(1.0, 0.1)
    scheduler = Scheduler(optimizer, plateau(0.5, patience=0))
    for metric in (3.0, 2.0, 2.5, 2.4):
        optimizer.step()
        scheduler.step(metric)
    assert lrs(optimizer) == scheduler.get_last_lr() == [0.25, 0.025]
    assert [str(event) for event in scheduler.events] == [
        "update 2: plateau 1 -> 0.5, 1 observations without improving on 2",
        "update 3: plateau 0.5 -> 0.25, 1 observations without improving on 2",
    ]


def test_schedule_and_controllers_multiply_at_every_update():
    optimizer = sgd(1.0, 0.1)
    scheduler = Scheduler(optimizer, FALL * plateau(0.5, patience=0) * spike(0.1))
    expected = 1.0
    for t in range(15):
        assert lrs(optimizer) == pytest.approx([p * FALL(t) * expected for p in (1.0, 0.1)])
        optimizer.step()
        scheduler.observe(math.nan if t == 5 else 1.0)
        expected *= 0.1 if t == 5 else 1
        assert lrs(optimizer)[0] == pytest.approx(FALL(t) * expected)  # at once
        if t % 5 == 4:
            scheduler.observe(metric=1.0)
            expected *= 0.5 if t > 4 else 1
        scheduler.step()
    assert [(event.update, event.controller) for event in scheduler.events] == [
        (5, "spike"),
        (9, "plateau"),
        (14, "plateau"),
    ]


def test_each_group_has_the_controllers_that_steer_it():
    optimizer = sgd(1.0, 1.0, 1.0)
    product = plateau(0.5, patience=0, groups=[0]) * plateau(0.1, patience=0, groups=[1, 3])
    scheduler = Scheduler(optimizer, product)
    scheduler.observe(metric=1.0)
    scheduler.observe(metric=1.0)
    assert lrs(optimizer) == [0.5, 0.1, 1.0]
    optimizer.add_param_group({"params": [weight()], "lr": 2.0})
    optimizer.step()
    assert lrs(optimizer) == [0.5, 0.1, 1.0, 0.2]


def losses_of(t):
    return math.nan if t == 17 else 30.0 if t in {12, 25} else 2.0 + math.sin(t)


PLANS = {
    "plateau": FALL * plateau(0.5, patience=1, cooldown=1),
    "greedy": greedy(0.5, patience=1, window=2),
    "spike": FALL * spike(0.5, cooldown=3),
    "careful": FALL * careful_warmup(10, hold=3),
    "all": FALL * plateau(0.5, patience=1) * greedy(0.9, patience=0) * spike() * careful_warmup(8),
}


def train(optimizer, scheduler, start, stop):
    rows = []
    watched = {law.watches for law in scheduler.loop.controllers}
    for t in range(start, stop):
        rows.append(lrs(optimizer))
        optimizer.step()
        if "loss" in watched:
            scheduler.observe(losses_of(t))
        scheduler.step(losses_of(t) if "metric" in watched and t % 2 else None)
    return rows


@pytest.mark.parametrize("stop", [0, 1, 13, 18, 26])
@pytest.mark.parametrize("order", ["oss", "sos", "so", "s"])
@pytest.mark.parametrize("plan", PLANS)
def test_resume_is_exact_in_any_order(plan, order, stop):
    optimizer = sgd(1.0, 0.1)
    scheduler = Scheduler(optimizer, PLANS[plan])
    expected = train(optimizer, scheduler, 0, 30)
    events = scheduler.events
    assert events

    optimizer = sgd(1.0, 0.1)
    scheduler = Scheduler(optimizer, PLANS[plan])
    train(optimizer, scheduler, 0, stop)
    saved = copy.deepcopy(optimizer.state_dict())
    state = json.loads(json.dumps(scheduler.state_dict(), allow_nan=False))

    optimizer = sgd(1.0, 0.1)
    scheduler = Scheduler(optimizer, PLANS[plan])
    for act in order:
        (optimizer if act == "o" else scheduler).load_state_dict(saved if act == "o" else state)
    assert train(optimizer, scheduler, stop, 30) == expected[stop:]
    assert scheduler.events == events


def test_a_state_with_other_controllers_is_refused_or_follows_the_policy():
    optimizer = sgd()
    scheduler = Scheduler(optimizer, FALL * plateau(0.5, patience=0))
    for _ in range(3):
        scheduler.observe(metric=1.0)
    state = scheduler.state_dict()
    other = Scheduler(sgd(), FALL * spike())
    with pytest.raises(ScheduleError, match=r"cosine 20 end=0.1 \* plateau .* \* spike\)"):
        other.load_state_dict(state)
    with pytest.raises(ScheduleError, match=r"than this one \(cosine 20 end=0.1\)"):
        Scheduler(sgd(), FALL).load_state_dict(state)
    saved = Scheduler(sgd(), FALL * spike(), on_mismatch="saved")
    saved.load_state_dict(state)
    assert (lrs(saved.optimizer), saved.events) == ([0.25], scheduler.events)
    new = Scheduler(sgd(), FALL * spike(), on_mismatch="new")
    new.load_state_dict(state)
    assert (lrs(new.optimizer), new.events) == ([1.0], ())


def test_a_schedule_s_state_is_what_it_was_without_controllers():
    assert set(Scheduler(sgd(), FALL).state_dict()) == {
        "version",
        "schedule",
        "last_epoch",
        "base_lrs",
    }


def test_an_observation_that_nobody_watches_is_refused():
    scheduler = Scheduler(sgd(), FALL * spike())
    with pytest.raises(ScheduleError, match=r"no controller watches a metric \(spike watches the"):
        scheduler.step(1.0)
    assert scheduler.last_epoch == 0
    with pytest.raises(ScheduleError, match=r"watches a loss \(there is none\)"):
        Scheduler(sgd(), FALL).observe(1.0)
    for value in ("low", torch.ones(3), [1.0]):
        with pytest.raises(ScheduleError, match="a loss must be one number, got"):
            scheduler.observe(value)
    both = Scheduler(sgd(), spike(watches="metric"))
    both.optimizer.step()
    both.step(torch.tensor(1.0))
    assert both.last_epoch == 1


def test_stop_is_told():
    optimizer = sgd()
    scheduler = Scheduler(optimizer, FALL * spike(action="stop"))
    assert not scheduler.stopped
    scheduler.observe(math.inf)
    assert scheduler.stopped
    assert lrs(optimizer) == [0.0]


def test_a_tensor_lr_is_filled_in_place_and_total_binds():
    lr = torch.tensor(1.0)
    optimizer = SGD([weight()], lr=lr)
    scheduler = Scheduler(optimizer, (warmup("50%") >> cosine()) * careful_warmup("10%"), total=40)
    assert scheduler.schedule == warmup(20) >> cosine(20)
    optimizer.step()
    scheduler.observe(1.0)
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr
    assert float(lr) == pytest.approx(2 / 20 * 2 / 4)


def test_what_is_not_bound_is_refused_before_the_optimizer_is_touched():
    optimizer = sgd(0.1)
    with pytest.raises(ScheduleError, match="careful-warmup does not know its updates"):
        Scheduler(optimizer, careful_warmup("10%"))
    assert "initial_lr" not in optimizer.param_groups[0]


def test_a_pickle_goes_on():
    scheduler = Scheduler(sgd(), plateau(0.5, patience=0))
    scheduler.optimizer.step()
    scheduler.step(1.0)
    scheduler.step(1.0)
    again = pickle.loads(pickle.dumps(scheduler))
    again.step(1.0)
    assert lrs(again.optimizer) == [0.25]
    assert lrs(scheduler.optimizer) == [0.5]
