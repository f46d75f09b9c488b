import math
import pickle
import subprocess
import sys
from copy import deepcopy
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

from etude.errors import ScheduleError
from etude.schedules import cosine, parse, step, warmup


def test_schedules_are_values():
    assert cosine(5) == cosine(5) != cosine(6)
    assert len({cosine(5), cosine(5), warmup(5), warmup(5) >> cosine(5)}) == 3
    with pytest.raises(FrozenInstanceError):
        cosine(5).end = 1.0


def test_a_schedule_survives_pickle_and_copy():
    schedule = warmup("5%") >> cosine(end=0.1) * 0.5
    assert pickle.loads(pickle.dumps(schedule)) == schedule == deepcopy(schedule)


def test_arrays_keep_their_shape_and_are_float64():
    values = cosine(10)(np.arange(6, dtype=np.int32).reshape(2, 3))
    assert values.shape == (2, 3)
    assert values.dtype == np.float64
    assert cosine(10)(np.array([], dtype=int)).shape == (0,)
    assert cosine(10)(np.array(5)).shape == ()


def test_tensors_keep_their_shape_and_are_float64():
    values = cosine(10)(torch.arange(6).reshape(2, 3))
    assert values.dtype == torch.float64
    assert values.tolist() == cosine(10)(np.arange(6).reshape(2, 3)).tolist()
    assert cosine(10)(torch.empty(0)).shape == (0,)


@pytest.mark.parametrize("t", [-1, -1e-9, math.nan, math.inf, 2.0**54])
def test_a_bad_index_is_refused_alone_and_in_arrays(t):
    for given in (t, np.array([0.0, t]), torch.tensor([0.0, t], dtype=torch.float64)):
        with pytest.raises(ScheduleError, match=r"t must be an update's index from 0 to 2\*\*53"):
            cosine(10)(given)


@pytest.mark.parametrize("t", ["3", None, [0, 1]])
def test_what_is_no_index_is_refused(t):
    with pytest.raises(ScheduleError, match="t must be a number, a numpy array or a torch tensor"):
        cosine(10)(t)


def test_a_schedule_that_needs_its_length_says_so():
    for schedule in (cosine(), cosine("5%"), warmup("5%") >> cosine(), 2 * cosine()):
        assert not schedule.bound
        with pytest.raises(ScheduleError, match=r"does not know its updates yet: call .bind"):
            schedule(0)


def test_an_endless_schedule_needs_no_length():
    assert step(3).bound
    assert (warmup(2) >> 0.5 * step(3))(2) == 0.5


def test_bind_gives_an_open_schedule_the_whole_run():
    assert cosine().bind(100) == cosine(100)
    assert cosine("30%").bind(100) == cosine(30)
    assert cosine("3ep").bind(100, epoch=20) == cosine(60)
    assert cosine("64samples").bind(100, batch_size=2) == cosine(32)
    assert cosine("1e3tok").bind(100, tokens=20) == cosine(50)
    assert step("10%").bind(50).every == 5
    assert cosine(7).bind(100).bind(200) == cosine(7)


def test_a_schedule_longer_than_the_run_is_refused():
    with pytest.raises(ScheduleError, match="cosine needs at least 300 updates, the run has 200"):
        cosine(300).bind(200)
    with pytest.raises(ScheduleError, match="cosine needs at least 60 updates, the run has 50"):
        cosine("3ep").bind(50, epoch=20)


def test_schedules_import_no_torch():
    code = "import etude.schedules, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_module_s_own_example_holds():
    schedule = (warmup("5%") >> cosine()).bind(1000)
    assert schedule == parse("warmup 5% -> cosine").bind(1000)
    assert [schedule(t) for t in (0, 49, 1000, 2000)] == [0.02, 1.0, 0.0, 0.0]
