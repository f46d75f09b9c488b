import copy
import gc
import json
import math
import pickle
import weakref

import pytest
import torch
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import LRScheduler

from etude.errors import ScheduleError
from etude.integrations.torch import Scheduler
from etude.schedules import cosine, function, linear, multistep, parse, step, warmup

SCHEDULE = parse("warmup 3 -> cosine 7 to 0.1")


def weight():
    return torch.nn.Parameter(torch.ones(2))


def sgd(*peaks, **options):
    return SGD([{"params": [weight()], "lr": lr} for lr in peaks], lr=1.0, **options)


def lrs(optimizer):
    return [float(group["lr"]) for group in optimizer.param_groups]


def advance(optimizer, scheduler, count):
    for _ in range(count):
        optimizer.step()
        scheduler.step()


def at(t, *peaks, schedule=SCHEDULE):
    return [peak * schedule(t) for peak in peaks]


def test_it_is_a_torch_scheduler_and_each_group_follows_its_own_peak():
    optimizer = sgd(0.1, 0.01)
    scheduler = Scheduler(optimizer, SCHEDULE)
    assert isinstance(scheduler, LRScheduler)
    for t in range(15):
        assert lrs(optimizer) == scheduler.get_last_lr() == scheduler.get_lr() == at(t, 0.1, 0.01)
        assert scheduler.last_epoch == t
        advance(optimizer, scheduler, 1)
    assert scheduler.base_lrs == [0.1, 0.01]


def test_total_binds_the_schedule():
    scheduler = Scheduler(sgd(1.0), warmup("10%") >> cosine(), total=100)
    assert scheduler.schedule == warmup(10) >> cosine(90)


def test_a_schedule_that_is_not_bound_is_refused_before_the_optimizer_is_touched():
    optimizer = sgd(0.1)
    with pytest.raises(ScheduleError, match=r"does not know its updates yet: call .bind\(total\)"):
        Scheduler(optimizer, warmup("10%") >> cosine())
    assert lrs(optimizer) == [0.1]
    assert "initial_lr" not in optimizer.param_groups[0]


def test_what_is_no_schedule_or_no_policy_is_refused():
    with pytest.raises(
        ScheduleError, match="must be an étude schedule or controller, got 'cosine'"
    ):
        Scheduler(sgd(0.1), "cosine")
    with pytest.raises(ScheduleError, match="on_mismatch must be error, saved or new, got 'old'"):
        Scheduler(sgd(0.1), SCHEDULE, on_mismatch="old")


@pytest.mark.parametrize("stop", [0, 1, 2, 3, 9, 10, 11])
@pytest.mark.parametrize("scheduler_first", [True, False])
@pytest.mark.parametrize("load_scheduler_first", [True, False])
@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_resume_is_exact_in_any_order(stop, scheduler_first, load_scheduler_first, kind):
    def new():
        groups = [{"params": [weight()], "lr": 0.1}, {"params": [weight()], "lr": 0.02}]
        return kind(groups, lr=1.0)

    optimizer = new()
    scheduler = Scheduler(optimizer, SCHEDULE)
    advance(optimizer, scheduler, stop)
    saved, state = copy.deepcopy(optimizer.state_dict()), scheduler.state_dict()

    optimizer = new()
    if not scheduler_first:
        optimizer.load_state_dict(saved)
    scheduler = Scheduler(optimizer, SCHEDULE)
    if load_scheduler_first:
        scheduler.load_state_dict(state)
    if scheduler_first:
        optimizer.load_state_dict(saved)
    if not load_scheduler_first:
        scheduler.load_state_dict(state)
    for t in range(stop, 14):
        assert lrs(optimizer) == scheduler.get_last_lr() == at(t, 0.1, 0.02)
        advance(optimizer, scheduler, 1)


@pytest.mark.parametrize("schedule", [step(4), multistep([4, 8]), parse("restarts 4 mult=2")])
def test_resume_on_a_boundary_applies_nothing_twice(schedule):
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, schedule)
    advance(optimizer, scheduler, 4)
    saved, state = optimizer.state_dict(), scheduler.state_dict()
    optimizer = sgd(0.1)
    optimizer.load_state_dict(saved)
    scheduler = Scheduler(optimizer, schedule)
    scheduler.load_state_dict(state)
    assert lrs(optimizer) == at(4, 0.1, schedule=schedule)


def test_an_optimizer_state_from_before_the_scheduler_does_not_lose_the_peak():
    optimizer = sgd(0.1)
    plain = optimizer.state_dict()  # without initial_lr
    scheduler = Scheduler(optimizer, SCHEDULE)
    advance(optimizer, scheduler, 5)
    optimizer.load_state_dict(plain)
    assert lrs(optimizer) == at(5, 0.1)
    assert optimizer.param_groups[0]["initial_lr"] == 0.1


def test_a_peak_that_an_earlier_scheduler_left_is_kept_and_can_be_set():
    optimizer = sgd(0.1)
    advance(optimizer, Scheduler(optimizer, SCHEDULE), 9)
    assert lrs(optimizer) != [0.1]
    assert Scheduler(optimizer, SCHEDULE).base_lrs == [0.1]
    resumed = sgd(0.3)
    resumed.load_state_dict(optimizer.state_dict())
    assert Scheduler(resumed, SCHEDULE).base_lrs == [0.1]
    resumed.param_groups[0]["initial_lr"] = 0.02
    assert Scheduler(resumed, SCHEDULE).base_lrs == [0.02]
    assert lrs(resumed) == at(0, 0.02)


def test_the_state_is_plain_and_survives_json_torch_save_and_a_second_load(tmp_path):
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, SCHEDULE)
    advance(optimizer, scheduler, 4)
    state = scheduler.state_dict()
    assert state == {
        "version": 1,
        "schedule": SCHEDULE.to_json(),
        "last_epoch": 4,
        "base_lrs": [0.1],
    }
    torch.save(state, tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    assert loaded == json.loads(json.dumps(state)) == state
    for _ in range(2):
        before = copy.deepcopy(loaded)
        Scheduler(sgd(0.1), SCHEDULE).load_state_dict(loaded)
        assert loaded == before


def test_training_on_does_not_change_a_saved_state():
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, SCHEDULE)
    state = scheduler.state_dict()
    resumed = Scheduler(sgd(0.1), SCHEDULE)
    resumed.load_state_dict(state)
    before = copy.deepcopy(state)
    for each in (scheduler, resumed):
        each.optimizer.add_param_group({"params": [weight()], "lr": 0.5})
        advance(each.optimizer, each, 3)
    assert state == before


def test_a_state_saved_with_another_schedule_is_refused():
    state = Scheduler(sgd(0.1), SCHEDULE).state_dict()
    scheduler = Scheduler(sgd(0.1), cosine(20))
    message = r"another schedule \(warmup 3 -> cosine 7 end=0.1\) than this one \(cosine 20\)"
    with pytest.raises(ScheduleError, match=message):
        scheduler.load_state_dict(state)
    assert scheduler.last_epoch == 0


@pytest.mark.parametrize("optimizer_last", [True, False])
@pytest.mark.parametrize(
    ("policy", "schedule", "peak"), [("saved", SCHEDULE, 0.1), ("new", linear(20), 0.3)]
)
def test_a_policy_says_which_schedule_goes_on(policy, schedule, peak, optimizer_last):
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, SCHEDULE)
    advance(optimizer, scheduler, 5)
    saved, state = optimizer.state_dict(), scheduler.state_dict()

    optimizer = sgd(0.3)
    scheduler = Scheduler(optimizer, linear(20), on_mismatch=policy)
    if not optimizer_last:
        optimizer.load_state_dict(saved)
    scheduler.load_state_dict(state)
    if optimizer_last:
        optimizer.load_state_dict(saved)
    assert scheduler.schedule == schedule
    for t in range(5, 9):
        assert lrs(optimizer) == [peak * schedule(t)]
        advance(optimizer, scheduler, 1)


def test_a_schedule_without_a_name_is_saved_as_none_and_never_taken_for_the_same():
    unnamed = function(lambda t: 1 / (t + 1))
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, unnamed)
    advance(optimizer, scheduler, 3)
    state = scheduler.state_dict()
    assert state["schedule"] is None
    with pytest.raises(ScheduleError, match=r"a function without an import name\) than this one"):
        Scheduler(sgd(0.1), unnamed).load_state_dict(state)
    with pytest.raises(ScheduleError, match=r"on_mismatch=\"saved\" needs"):
        Scheduler(sgd(0.1), unnamed, on_mismatch="saved").load_state_dict(state)
    resumed = sgd(0.1)
    Scheduler(resumed, unnamed, on_mismatch="new").load_state_dict(state)
    assert lrs(resumed) == [0.1 / 4]


def test_a_state_of_another_class_or_of_other_groups_is_refused():
    scheduler = Scheduler(sgd(0.1), SCHEDULE)
    other = torch.optim.lr_scheduler.StepLR(sgd(0.1), 3).state_dict()
    with pytest.raises(ScheduleError, match="must be one that étude's Scheduler saved"):
        scheduler.load_state_dict(other)
    with pytest.raises(ScheduleError, match="the state has 2 param groups, the optimizer 1"):
        scheduler.load_state_dict(Scheduler(sgd(0.1, 0.2), SCHEDULE).state_dict())
    assert scheduler.last_epoch == 0


def test_a_tensor_lr_is_filled_in_place_and_rounded_once():
    lr = torch.tensor(0.1)
    optimizer = SGD([weight()], lr=lr)
    scheduler = Scheduler(optimizer, SCHEDULE)
    peak = float(torch.tensor(0.1))
    for t in range(12):
        assert optimizer.param_groups[0]["lr"] is lr
        assert float(lr) == float(torch.tensor(peak * SCHEDULE(t)))
        advance(optimizer, scheduler, 1)
    last = scheduler.get_last_lr()[0]
    assert last is not lr
    last.fill_(9.0)
    assert float(lr) == float(torch.tensor(peak * SCHEDULE(12)))
    scheduler.load_state_dict(scheduler.state_dict() | {"last_epoch": 3})
    assert optimizer.param_groups[0]["lr"] is lr
    assert float(lr) == float(torch.tensor(peak * SCHEDULE(3)))


def test_a_float32_lr_does_not_drift():
    schedule = cosine(10_000, end=0.1)
    lr = torch.tensor(0.1)
    optimizer = SGD([weight()], lr=lr)
    scheduler = Scheduler(optimizer, schedule)
    scheduler.load_state_dict(scheduler.state_dict() | {"last_epoch": 9_990})
    advance(optimizer, scheduler, 9)
    assert float(lr) == float(torch.tensor(float(torch.tensor(0.1)) * schedule(9_999)))


def test_a_group_that_is_added_follows_from_its_very_next_update():
    used = []
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, SCHEDULE)
    advance(optimizer, scheduler, 6)
    optimizer.add_param_group({"params": [weight()], "lr": 0.5})
    optimizer.register_step_pre_hook(lambda *_: used.append(lrs(optimizer)))
    advance(optimizer, scheduler, 2)
    assert used == [at(6, 0.1, 0.5), at(7, 0.1, 0.5)]
    assert lrs(optimizer) == scheduler.get_last_lr() == at(8, 0.1, 0.5)
    assert scheduler.base_lrs == [0.1, 0.5]


def test_a_group_that_is_added_with_a_tensor_lr_keeps_its_tensor():
    lr = torch.tensor(0.5, dtype=torch.float64)
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, SCHEDULE)
    advance(optimizer, scheduler, 2)
    optimizer.add_param_group({"params": [weight()], "lr": lr})
    scheduler.step()
    assert optimizer.param_groups[1]["lr"] is lr
    assert lrs(optimizer) == at(3, 0.1, 0.5)


def test_a_run_with_an_added_group_resumes():
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, SCHEDULE)
    optimizer.add_param_group({"params": [weight()], "lr": 0.5})
    advance(optimizer, scheduler, 4)
    saved, state = optimizer.state_dict(), scheduler.state_dict()
    optimizer = sgd(0.1, 0.5)
    scheduler = Scheduler(optimizer, SCHEDULE)
    scheduler.load_state_dict(state)
    optimizer.load_state_dict(saved)
    assert lrs(optimizer) == at(4, 0.1, 0.5)


def test_a_removed_group_is_refused():
    optimizer = sgd(0.1, 0.2)
    scheduler = Scheduler(optimizer, SCHEDULE)
    del optimizer.param_groups[1]
    with pytest.raises(ScheduleError, match="param groups must not be removed, had 2, got 1"):
        optimizer.step()
    with pytest.raises(ScheduleError, match="param groups must not be removed, had 2, got 1"):
        scheduler.step()


def test_momentum_and_betas_are_not_touched():
    optimizer = sgd(0.1, momentum=0.7)
    advance(optimizer, Scheduler(optimizer, parse("one-cycle 9")), 5)
    assert optimizer.param_groups[0]["momentum"] == 0.7
    adam = AdamW([weight()], lr=0.1, betas=(0.8, 0.9))
    advance(adam, Scheduler(adam, parse("one-cycle 9")), 5)
    assert adam.param_groups[0]["betas"] == (0.8, 0.9)


def test_a_skipped_update_is_handled_as_in_torch():
    # the scaler skips the optimizer when the gradient is not finite; the caller then skips step()
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, SCHEDULE)
    scaler = torch.amp.GradScaler("cpu")
    parameter = optimizer.param_groups[0]["params"][0]
    for factor in (1.0, math.inf, 1.0):
        optimizer.zero_grad()
        scale = scaler.get_scale()
        scaler.scale((parameter * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        if scaler.get_scale() >= scale:
            scheduler.step()
    assert scheduler.last_epoch == 2
    assert lrs(optimizer) == at(2, 0.1)


def test_it_does_not_outlive_its_last_reference_in_the_optimizer_s_hooks():
    optimizer = sgd(0.1)
    reference = weakref.ref(Scheduler(optimizer, SCHEDULE))
    gc.collect()
    assert reference() is None
    optimizer.add_param_group({"params": [weight()], "lr": 0.5})
    optimizer.step()
    assert optimizer.param_groups[1]["lr"] == 0.5


def test_it_can_be_pickled():
    optimizer = sgd(0.1)
    scheduler = Scheduler(optimizer, SCHEDULE)
    copied = pickle.loads(pickle.dumps(scheduler))
    assert copied.state_dict() == scheduler.state_dict()
