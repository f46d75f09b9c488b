"""Where torch is right, étude's classes give torch's lrs: whole runs, drawn settings, every group.

Oracle: torch's own class of the same name, stepped beside.
"""

import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import SGD, Adam
from torch.optim import lr_scheduler as torch_own

from etude.compat import lr_scheduler as ours

NAMES = [name for name in torch_own.__all__ if name != "LRScheduler"]
law = settings(max_examples=60, deadline=None)
UPDATES = 30
DTYPES = [None, torch.float64, torch.float32]
"""Of the lr: a float, or a tensor."""

factors = st.floats(0.05, 1.0)
few = st.integers(1, 12)


def plain(name, *args, **options):
    return lambda lib, optimizer: getattr(lib, name)(optimizer, *args, **options)


def settings_of(name):
    """Settings with which torch is right, as a function from module and optimizer to scheduler."""
    build = {
        "StepLR": st.builds(lambda n, g: plain(name, n, g), few, st.floats(0.1, 2.0)),
        "MultiStepLR": st.builds(
            lambda m, g: plain(name, m, g), st.lists(few, max_size=4), factors
        ),
        "ConstantLR": st.builds(lambda f, n: plain(name, f, n), factors, few),
        "LinearLR": st.builds(lambda a, b, n: plain(name, a, b, n), factors, factors, few),
        "ExponentialLR": st.builds(lambda g: plain(name, g), st.floats(0.5, 1.05)),
        "PolynomialLR": st.builds(lambda n, p: plain(name, n, p), few, st.floats(0.5, 3.0)),
        # torch is right up to T_max
        "CosineAnnealingLR": st.builds(
            lambda n, low: plain(name, n, low), st.integers(UPDATES, 90), st.floats(0, 0.05)
        ),
        "CosineAnnealingWarmRestarts": st.builds(
            lambda n, m, low: plain(name, n, m, low), few, st.integers(1, 3), st.floats(0, 0.05)
        ),
        "LambdaLR": st.builds(
            lambda g: plain(name, [lambda t: g**t, lambda t: 1 / (t + g)]), factors
        ),
        "MultiplicativeLR": st.builds(lambda g: plain(name, lambda t: g + 1 / t), factors),
        "CyclicLR": st.builds(cyclic, few, st.none() | few, st.booleans(), st.integers(0, 3)),
        "OneCycleLR": st.builds(
            one_cycle, st.integers(UPDATES, 60), st.floats(0.1, 0.5), *[st.booleans()] * 3
        ),
        "SequentialLR": st.builds(sequence, factors, few, few),
        "ChainedScheduler": st.builds(chain, factors, few, st.floats(0.5, 1.0)),
    }
    return build[name]


def cyclic(up, down, momentum, kind):
    mode = ["triangular", "triangular2", "exp_range", "triangular"][kind]
    options = {"scale_fn": lambda x: 1 / (1 + x), "scale_mode": "iterations"} if kind == 3 else {}
    gamma = 0.9 if mode == "exp_range" else 1.0
    return plain(
        "CyclicLR", 0.1, [1.0, 0.5], up, down, mode, gamma, cycle_momentum=momentum, **options
    )


def one_cycle(total, rise, linear, momentum, three_phase):
    return plain(
        "OneCycleLR",
        [1.0, 0.5],
        total,
        pct_start=rise,
        anneal_strategy="linear" if linear else "cos",
        cycle_momentum=momentum,
        three_phase=three_phase,
    )


def sequence(start, warm, flat):
    def build(lib, optimizer):
        parts = [
            lib.LinearLR(optimizer, start, total_iters=warm),
            lib.ExponentialLR(optimizer, 0.9),
            lib.StepLR(optimizer, 3),
        ]
        return lib.SequentialLR(optimizer, parts, [warm, warm + flat])

    return build


def chain(start, warm, gamma):
    def build(lib, optimizer):
        parts = [
            lib.LinearLR(optimizer, start, total_iters=warm),
            lib.ExponentialLR(optimizer, gamma),
            lib.CosineAnnealingLR(optimizer, 2 * UPDATES),
        ]
        return lib.ChainedScheduler(parts)

    return build


def two_groups(kind, dtype):
    peaks = [1.0, 0.25]  # exact in float32 too
    groups = [
        {
            "params": [torch.nn.Parameter(torch.zeros(1))],
            "lr": peak if dtype is None else torch.tensor(peak, dtype=dtype),
        }
        for peak in peaks
    ]
    return kind(groups, lr=1.0)


def run(lib, build, kind, dtype):
    optimizer = two_groups(kind, dtype)
    scheduler = build(lib, optimizer)
    rows = []
    for _ in range(UPDATES):
        groups = optimizer.param_groups
        lrs = [float(group["lr"]) for group in groups]
        assert [float(lr) for lr in scheduler.get_last_lr()] == lrs
        rows.append((lrs, [group.get("momentum", group.get("betas", [0])) for group in groups]))
        optimizer.step()
        scheduler.step()
    return [lrs for lrs, _ in rows], [momenta for _, momenta in rows]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ReduceLROnPlateau"])
def test_whole_runs_equal_torch_s(name):
    kinds, dtypes = st.sampled_from([SGD, Adam]), st.sampled_from(DTYPES)

    @law
    @given(settings_of(name), kinds, dtypes)
    def check(build, kind, dtype):
        expected, momenta = run(torch_own, build, kind, dtype)
        found, found_momenta = run(ours, build, kind, dtype)
        close = (
            {"rel": 1e-4, "abs": 1e-6} if dtype is torch.float32 else {"rel": 1e-9, "abs": 1e-12}
        )
        for ours_lrs, torch_lrs in zip(found, expected, strict=True):
            assert ours_lrs == pytest.approx(torch_lrs, **close)
        for mine, theirs in zip(found_momenta, momenta, strict=True):
            for ours_of_group, torch_of_group in zip(mine, theirs, strict=True):
                assert ours_of_group == pytest.approx(torch_of_group, rel=1e-9)

    check()


@law
@given(
    metrics=st.lists(st.floats(0.01, 10), min_size=1, max_size=40),
    mode=st.sampled_from(["min", "max"]),
    scale=st.sampled_from(["rel", "abs"]),
    threshold=st.sampled_from([0.0, 1e-4, 0.1]),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
    least=st.sampled_from([0, 0.01, [0.1, 0.01]]),
)
def test_plateau_equals_torch_s_for_positive_metrics(
    metrics, mode, scale, threshold, patience, cooldown, least
):
    def steps(lib):
        optimizer = two_groups(SGD, None)
        scheduler = lib.ReduceLROnPlateau(
            optimizer, mode, 0.5, patience, threshold, scale, cooldown, least
        )
        rows = []
        for metric in metrics:
            scheduler.step(metric)
            lrs = [group["lr"] for group in optimizer.param_groups]
            rows.append((lrs, scheduler.best, scheduler.num_bad_epochs, scheduler.cooldown_counter))
        return rows

    assert steps(ours) == steps(torch_own)


@pytest.mark.parametrize("name", NAMES)
def test_names_and_signatures_are_torch_s(name):
    mine, theirs = getattr(ours, name), getattr(torch_own, name)
    assert issubclass(mine, theirs)
    assert mine.__name__ == name in ours.__all__

    def parameters(kind):
        found = inspect.signature(kind.__init__).parameters.values()
        return [(p.name, p.default, p.kind) for p in found]

    differ = [
        (a[0], a[1]) for a, b in zip(parameters(mine), parameters(theirs), strict=True) if a != b
    ]
    assert differ in ([], [("cycle_momentum", None)])


WRONG = {
    "ConstantLR": (2.0,),
    "LinearLR": (-0.1,),
    "CosineAnnealingWarmRestarts": (0,),
    "OneCycleLR": (1.0, 0),
    "CyclicLR": (0.1, 1.0, 3, None, "square"),
    "ReduceLROnPlateau": ("least",),
    "SequentialLR": ([], []),
    "LambdaLR": ([],),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.filterwarnings("ignore:CyclicLR leaves", "ignore:OneCycleLR leaves")
def test_wrong_settings_are_refused_as_torch_does(name):
    for lib in (torch_own, ours):
        with pytest.raises(ValueError, match=r"\w"):
            getattr(lib, name)(two_groups(SGD, None), *WRONG[name])


@given(st.floats(0, 200), st.integers(1, 9), st.integers(1, 4))
@settings(max_examples=300, deadline=None)
def test_restarts_at_a_fraction_of_an_epoch_equal_torch_s(epoch, first, mult):
    lrs = []
    for lib in (ours, torch_own):
        optimizer = two_groups(SGD, None)
        scheduler = lib.CosineAnnealingWarmRestarts(optimizer, first, mult, 0.01)
        optimizer.step()
        scheduler.step(epoch)
        lrs.append([group["lr"] for group in optimizer.param_groups])
    size, since = first, epoch
    while since >= size:
        since, size = since - size, size * mult
    if min(since, size - since) < 1e-6:
        return  # on a restart torch's logarithm may take either cycle
    assert lrs[0] == pytest.approx(lrs[1], rel=1e-6, abs=1e-9)
