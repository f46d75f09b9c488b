"""What holds for every schedule, each law on 1,000 drawn ones."""

import json
import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from etude.integrations.torch import Scheduler
from etude.schedules import (
    Product,
    Sequence,
    constant,
    cosine,
    cosine_wave,
    cyclic,
    exponential,
    from_json,
    function,
    growth,
    inverse_sqrt,
    inverse_time,
    linear,
    multistep,
    one_cycle,
    one_minus_sqrt,
    parse,
    points,
    polynomial,
    restarts,
    step,
    warmup,
    wsd,
)
from etude.schedules.foreign import (
    Cooldown,
    CosinePower,
    HardRestarts,
    KerasPolynomial,
    KerasRestarts,
    TimmCycles,
    TimmWsd,
)

TOTAL = 100
law = settings(max_examples=1000, deadline=None)

values = st.floats(0, 2)
factors = st.floats(0.01, 1)
periods = st.floats(0.5, 50)
mults = st.sampled_from([1.0, 1.5, 2.0, 3.0]) | st.floats(1.01, 4)
# every unit; of a run of TOTAL updates between 5 and 20 of them, so that three parts and an open
# one fit (epoch = 10 updates, batch = 4 samples, update = 8 tokens)
spans = st.one_of(
    st.integers(5, 20),
    st.floats(0.05, 0.2),
    st.floats(5, 20).map(lambda percent: f"{percent}%"),
    st.floats(0.5, 2).map(lambda epochs: f"{epochs}ep"),
    st.integers(20, 80).map(lambda samples: f"{samples}samples"),
    st.integers(40, 160).map(lambda tokens: f"{tokens}tok"),
)


def bind(schedule, total=TOTAL):
    return schedule.bind(total, epoch=10, batch_size=4, tokens=8)


def family(length):
    """One schedule of any family, of a length drawn from `length`."""
    milestones = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(sorted)
    positions = st.lists(st.integers(0, 5), min_size=2, max_size=4).map(sorted)
    knots = positions.flatmap(lambda at: st.tuples(*(st.tuples(st.just(t), values) for t in at)))
    return st.one_of(
        st.builds(constant, values, length=length),
        st.builds(linear, length, start=values, end=values),
        st.builds(polynomial, length, power=st.floats(0.1, 4), start=values, end=values),
        st.builds(exponential, st.floats(0.001, 10), length=length),
        st.builds(exponential, factors, every=spans, length=length),
        st.builds(step, spans, gamma=factors, length=length),
        st.builds(multistep, milestones, gamma=factors, length=length),
        st.builds(cosine, length, end=values),
        st.builds(
            restarts,
            spans,
            mult=st.sampled_from([1.0, 1.5, 2.0, 3.0]) | st.floats(1, 4),
            decay=factors,
            end=values,
            length=length,
        ),
        st.builds(
            cyclic,
            spans,
            down=st.none() | spans,
            low=st.floats(0, 1),
            mode=st.sampled_from(["triangular", "triangular2"]),
            length=length,
        ),
        st.builds(cyclic, spans, mode=st.just("exp_range"), gamma=factors, length=length),
        st.builds(
            one_cycle,
            length,
            up=st.floats(0.01, 0.5),
            start=st.floats(0, 1),
            end=st.floats(0, 1),
            shape=st.sampled_from(["cosine", "linear"]),
            three_phase=st.booleans(),
        ),
        st.builds(
            warmup,
            spans,
            start=st.none() | st.floats(0.01, 1),
            shape=st.sampled_from(["linear", "cosine", "exponential", "log", "1-sqrt"]),
        ),
        st.builds(one_minus_sqrt, length, end=values),
        st.builds(inverse_sqrt, spans, length=length),
        st.builds(points, knots, length=length),
        st.builds(function, st.sampled_from([math.sqrt, math.atan]), length=length),
        st.builds(cosine_wave, periods, end=values, length=length),
        st.builds(inverse_time, spans, rate=values, stairs=st.booleans(), length=length),
        st.builds(growth, spans, rate=values, stairs=st.booleans(), length=length),
        foreign(length),
    )


def foreign(length):
    """One schedule of a family that only other libraries draw."""
    powers, shapes = st.floats(0.1, 4), st.sampled_from(["power", "exponential"])
    return st.one_of(
        st.builds(Cooldown, length, shapes, powers, st.floats(0.01, 0.9), values),
        st.builds(CosinePower, length, powers, values),
        st.builds(HardRestarts, periods, st.floats(0, 5), length),
        st.builds(
            TimmCycles,
            periods,
            st.sampled_from(["cosine", "polynomial", "tanh"]),
            mults,
            decay=factors,
            limit=st.floats(0, 5),
            k=powers,
            power=powers,
            low=st.floats(-9, 9),
            high=st.floats(-9, 9),
            end=values,
            length=length,
        ),
        st.builds(
            TimmWsd,
            periods,
            periods,
            periods,
            powers,
            st.sampled_from(["linear", "1-sqrt", "cosine", "power", "exponential"]),
            power=powers,
            end=values,
            length=length,
        ),
        st.builds(KerasRestarts, periods, mults, factors, values, length),
        st.builds(KerasPolynomial, periods, powers, values, length),
    )


fixed = family(spans)
opened = family(st.none())
products = st.lists(opened | fixed | values.map(constant), min_size=2, max_size=3).map(
    lambda many: Product(tuple(many))
)
sequences = st.builds(
    lambda before, rest: Sequence((*before, rest)),
    st.lists(fixed | st.builds(lambda a, b: a * b, fixed, fixed), min_size=1, max_size=3),
    opened | products,
)
anything = st.one_of(
    opened,
    fixed,
    products,
    sequences,
    st.builds(lambda a, b: a * b, sequences, opened | values | sequences),
    st.builds(
        lambda whole, start, size: bind(whole)[start : None if size is None else start + size],
        opened | sequences,
        st.integers(0, TOTAL),
        st.none() | st.integers(1, 20),
    ),
    st.builds(
        wsd,
        warmup=spans,
        cooldown=spans,
        shape=st.sampled_from(["1-sqrt", "linear", "cosine", "exponential"]),
        end=st.none() | st.floats(0.01, 1),
    ),
)
bound = anything.map(bind)
updates = st.integers(0, 3 * TOTAL) | st.floats(0, 3 * TOTAL)


@law
@given(bound, updates)
def test_every_multiplier_is_finite_and_not_negative(schedule, t):
    for at in (t, 0, schedule.length - 1, schedule.length):
        assert math.isfinite(schedule(at))
        assert schedule(at) >= 0


@law
@given(bound, st.floats(0, 1e6) | st.integers(0, 10**6))
def test_the_last_value_holds_after_the_end(schedule, later):
    assert schedule.length <= TOTAL
    assert schedule(schedule.length + later) == schedule(schedule.length)


@law
@given(bound, st.lists(updates, min_size=1, max_size=20))
def test_scalar_array_tensor_and_exported_source_agree_to_the_bit(schedule, many):
    names = {}
    exec(schedule.source(), names)
    scalars = [schedule(t) for t in many]
    assert schedule(np.array(many, dtype=np.float64)).tolist() == scalars
    assert schedule(torch.tensor(many, dtype=torch.float64)).tolist() == scalars
    assert [names["multiplier"](t) for t in many] == scalars


@law
@given(anything)
def test_text_reads_back_as_the_same_schedule(schedule):
    assert parse(str(schedule)) == schedule
    assert parse(str(bind(schedule))) == bind(schedule)


@law
@given(anything)
def test_json_reads_back_as_the_same_schedule(schedule):
    assert from_json(json.loads(json.dumps(schedule.to_json()))) == schedule
    assert from_json(json.loads(json.dumps(bind(schedule).to_json()))) == bind(schedule)


@law
@given(anything)
def test_equal_schedules_have_equal_hashes_and_binding_again_changes_nothing(schedule):
    twin = from_json(schedule.to_json())
    assert twin is not schedule
    assert hash(twin) == hash(schedule)
    assert bind(bind(schedule)) == bind(schedule)


def new_optimizer(peaks):
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in peaks]
    return torch.optim.SGD(groups, lr=1.0, momentum=0.9)


def lrs_used(optimizer, scheduler, count):
    used = []
    for _ in range(count):
        used.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return used


peaks = st.lists(st.floats(1e-6, 10), min_size=1, max_size=3)


@law
@given(bound, peaks, st.integers(1, 8))
def test_the_adapter_uses_peak_times_multiplier_to_the_bit(schedule, peaks, count):
    optimizer = new_optimizer(peaks)
    used = lrs_used(optimizer, Scheduler(optimizer, schedule), count)
    assert used == [[peak * schedule(t) for peak in peaks] for t in range(count)]


@law
@given(bound, peaks, st.integers(0, TOTAL + 3), st.sampled_from("ABCDE"))
def test_a_run_resumed_at_any_update_in_any_order_equals_one_uninterrupted(
    schedule, peaks, stop, order
):
    optimizer = new_optimizer(peaks)
    scheduler = Scheduler(optimizer, schedule)
    lrs_used(optimizer, scheduler, stop)
    saved, saved_lrs = optimizer.state_dict(), scheduler.state_dict()
    expected = [[peak * schedule(t) for peak in peaks] for t in range(stop, stop + 3)]

    optimizer = new_optimizer(peaks)
    if order == "A":  # build both, load the optimizer, load the scheduler
        scheduler = Scheduler(optimizer, schedule)
        optimizer.load_state_dict(saved)
        scheduler.load_state_dict(saved_lrs)
    elif order == "B":  # load the optimizer, build the scheduler on it, load that
        optimizer.load_state_dict(saved)
        scheduler = Scheduler(optimizer, schedule)
        scheduler.load_state_dict(saved_lrs)
    elif order == "C":  # build both, load the scheduler, load the optimizer
        scheduler = Scheduler(optimizer, schedule)
        scheduler.load_state_dict(saved_lrs)
        optimizer.load_state_dict(saved)
    elif order == "D":  # the scheduler's state alone
        scheduler = Scheduler(optimizer, schedule)
        scheduler.load_state_dict(saved_lrs)
    else:  # another schedule, that yields to the saved one, which went through JSON
        optimizer.load_state_dict(saved)
        scheduler = Scheduler(optimizer, parse("cosine 3"), on_mismatch="saved")
        scheduler.load_state_dict(json.loads(json.dumps(saved_lrs)))
    assert lrs_used(optimizer, scheduler, 3) == expected
    assert scheduler.last_epoch == stop + 3
