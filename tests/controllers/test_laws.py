"""What holds for every controller, on drawn observations."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etude.controllers import (
    Controlled,
    careful_warmup,
    controller_from_json,
    from_json,
    greedy,
    parse,
    plateau,
    spike,
)
from etude.schedules import constant, cosine, warmup

law = settings(max_examples=300, deadline=None)

few = st.integers(0, 4)
factors = st.floats(0.05, 0.95)
modes, scales = st.sampled_from(["min", "max"]), st.sampled_from(["rel", "abs"])
watched = st.sampled_from(["metric", "loss"])
groups = st.none() | st.lists(st.integers(0, 3), min_size=1, max_size=3)
either = {"watches": watched, "groups": groups}
controllers = st.one_of(
    st.builds(
        plateau,
        factors,
        patience=few,
        mode=modes,
        scale=scales,
        threshold=st.floats(0, 0.2),
        cooldown=few,
        min=st.floats(0, 0.5),
        **either,
    ),
    st.builds(
        greedy,
        factors,
        patience=few,
        mode=modes,
        scale=scales,
        cooldown=few,
        settle=few,
        window=st.integers(1, 3),
        min=st.floats(0.01, 1),
        max=st.floats(1, 20),
        **either,
    ),
    st.builds(
        spike,
        factors,
        action=st.sampled_from(["lower", "stop"]),
        ratio=st.floats(1.1, 4),
        cooldown=few,
        min=st.floats(0, 0.5),
        **either,
    ),
    st.builds(careful_warmup, st.integers(1, 20), hold=few, ratio=st.floats(1.1, 4), **either),
)
losses = st.floats(1e-6, 1e6) | st.sampled_from([0.0, math.nan, math.inf, -math.inf, 1.0, 1e300])
observations = st.lists(losses, max_size=60)


def through_json(state):
    return type(state).from_json(json.loads(json.dumps(state.to_json(), allow_nan=False)))


@law
@given(controllers, observations)
def test_a_state_survives_json_after_every_step_and_the_multiplier_stays_in_bounds(law, values):
    state = kept = law.start()
    lowest = 0 if getattr(law, "action", "lower") == "stop" else getattr(law, "min", 0)
    for value in values:
        state, why = law.step(state, value)
        kept, again = law.step(through_json(kept), value)
        assert (kept, again) == (state, why)
        assert min(lowest, 1) <= state.multiplier <= getattr(law, "max", 1)


@law
@given(controllers, observations)
def test_the_same_observations_give_the_same_state(law, values):
    runs = []
    for _ in range(2):
        state = law.start()
        for value in values:
            state, _ = law.step(state, value)
        runs.append(state)
    assert runs[0] == runs[1]


@law
@given(controllers)
def test_text_and_json_give_the_same_controller(law):
    assert parse(str(law)) == Controlled(constant(), (law,))
    assert controller_from_json(json.loads(json.dumps(law.to_json()))) == law


@law
@given(st.lists(controllers, min_size=1, max_size=3), st.booleans())
def test_text_and_json_give_the_same_product(laws, with_schedule):
    schedule = warmup("5%") >> cosine() if with_schedule else constant()
    product = Controlled(schedule, tuple(laws))
    assert parse(str(product)) == product
    assert from_json(json.loads(json.dumps(product.to_json()))) == product


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: plateau(1.0), "plateau factor must be < 1, got 1; try 0.1"),
        (lambda: plateau(0.0), "plateau factor must be a finite number > 0 and <= 1, got 0.0"),
        (lambda: plateau(patience=1.5), "plateau patience must be a whole number >= 0, got 1.5"),
        (lambda: plateau(patience=-1), "must be a whole number >= 0, got -1"),
        (lambda: plateau(patience=True), "must be a whole number >= 0, got True"),
        (lambda: plateau(mode="least"), "plateau mode must be one of min, max; got 'least'"),
        (lambda: plateau(min=2), "plateau min must be a finite number >= 0 and <= 1, got 2"),
        (lambda: plateau(threshold=math.nan), "threshold must be a finite number >= 0, got nan"),
        (lambda: plateau(watches="lr"), "watches must be one of metric, loss; got 'lr'"),
        (lambda: plateau(groups=[-1]), r"must be indexes of param groups, from 0; got \[-1\]"),
        (lambda: plateau(groups=[]), "must be indexes of param groups"),
        (lambda: greedy(1.0), "greedy factor must be < 1"),
        (lambda: greedy(max=0.5), "greedy max must be a finite number >= 1, got 0.5"),
        (lambda: greedy(window=0), "greedy window must be a whole number >= 1, got 0"),
        (lambda: spike(1.0), "spike factor must be < 1"),
        (lambda: spike(action="wait"), "spike action must be one of lower, stop; got 'wait'"),
        (lambda: spike(ratio=1.0), "spike ratio must be a finite number > 1, got 1.0"),
        (lambda: spike(window=5), "spike window must be a whole number >= 10, got 5"),
        (lambda: careful_warmup(0), "careful-warmup length must be a span > 0"),
    ],
)
def test_bad_options_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
