import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, SequentialLR

import etude
from etude.errors import ScheduleError
from etude.schedules import parse

RUN = 40


def optimizer_of(*lrs):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in lrs]
    return SGD(groups, lr=lrs[0], momentum=0.9)


@pytest.mark.parametrize("peaks", [(0.3,), (0.3, 0.02)])
@pytest.mark.parametrize(
    "text",
    [
        "constant",
        "warmup 3 -> cosine to 0.1",
        "warmup 5% -> constant -> linear 20%",
        "wsd",
        "one-cycle",
        "cyclic 3 down=5",
        "restarts 3 mult=2 end=0.1",
        "0.5 * step 7",
        "warmup 5 start=0 -> inverse-sqrt 5",
    ],
)
def test_it_gives_the_schedule_s_rates_in_every_group(text, peaks):
    schedule, optimizer = parse(text).bind(RUN), optimizer_of(*peaks)
    scheduler = etude.to_torch(schedule, optimizer)
    assert isinstance(scheduler, LRScheduler)
    for t in range(RUN):
        rates = [group["lr"] for group in optimizer.param_groups]
        assert rates == pytest.approx([p * schedule(t) for p in peaks], rel=1e-6, abs=1e-10)
        optimizer.step()
        scheduler.step()
    scheduler.state_dict()


def test_it_is_torch_s_own_class_where_one_fits():
    schedule = parse("warmup 3 -> cosine to 0.1").bind(RUN)
    assert type(etude.to_torch(schedule, optimizer_of(0.3))) is SequentialLR
    assert type(etude.to_torch(schedule, optimizer_of(0.3, 0.1))) is LambdaLR  # eta_min is absolute


@pytest.mark.parametrize("text", ["warmup 3 -> cosine", "step 7", "restarts 3 mult=2", "one-cycle"])
def test_what_went_to_torch_comes_back(text):
    schedule = parse(text).bind(RUN)
    found = etude.from_torch(etude.to_torch(schedule, optimizer_of(0.3)))
    for t in range(RUN):
        assert found.lrs(t) == pytest.approx([0.3 * schedule(t)], rel=1e-9, abs=1e-12)


def test_an_unbound_schedule_is_refused_before_the_optimizer_is_touched():
    optimizer = optimizer_of(0.3)
    with pytest.raises(ScheduleError, match=r"call .bind"):
        etude.to_torch(parse("cosine"), optimizer)
    assert "initial_lr" not in optimizer.param_groups[0]
