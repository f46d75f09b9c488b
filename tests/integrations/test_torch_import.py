"""Living torch schedulers read at any update, against the same object driven on."""

import copy
import warnings
from functools import partial

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from torch.optim.swa_utils import SWALR

import etude
from etude.errors import ScheduleError
from etude.integrations import torch_import
from etude.integrations.torch_import import from_torch
from etude.schedules import cosine, warmup

PEAKS = (1.0, 0.03)
RUN = 40


def optimizer_of(*lrs):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(3))], "lr": lr} for lr in lrs]
    return SGD(groups, lr=lrs[0], momentum=0.9)


def lrs(optimizer):
    return [float(group["lr"]) for group in optimizer.param_groups]


def advance(scheduler, count=1):
    for _ in range(count):
        scheduler.optimizer.step()
        scheduler.step()


class Own(LRScheduler):
    """A user's class: no closed form is known of it."""

    def get_lr(self):
        return [lr * 0.9 for lr in self.base_lrs] if self.last_epoch % 3 else self.base_lrs


def chained_onto_linear(o):
    return SequentialLR(o, [LinearLR(o, 0.1, total_iters=3), CosineAnnealingLR(o, 20, 0.001)], [3])


MAKE = {
    "LambdaLR": lambda o: LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (t + 1)]),
    "MultiplicativeLR": lambda o: MultiplicativeLR(o, lambda t: 1 - 1 / (t + 2)),
    "StepLR": lambda o: StepLR(o, 4, 0.3),
    "MultiStepLR": lambda o: MultiStepLR(o, [3, 9, 9], 0.5),
    "ConstantLR": lambda o: ConstantLR(o, 0.3, 5),
    "LinearLR": lambda o: LinearLR(o, 0.1, 0.8, 9),
    "ExponentialLR": lambda o: ExponentialLR(o, 0.9),
    "growing ExponentialLR": lambda o: ExponentialLR(o, 1.1),
    "PolynomialLR": lambda o: PolynomialLR(o, 20, 2),
    "CosineAnnealingLR": lambda o: CosineAnnealingLR(o, 15, eta_min=0.01),
    "CosineAnnealingWarmRestarts": lambda o: CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "CyclicLR": lambda o: CyclicLR(o, [0.1, 0.01], [1.0, 0.2], 3, 5, mode="triangular2"),
    "CyclicLR exp_range": lambda o: CyclicLR(o, 0.1, 1.0, 3, mode="exp_range", gamma=0.95),
    "OneCycleLR": lambda o: OneCycleLR(o, [1.0, 0.2], total_steps=RUN),
    "OneCycleLR three_phase": lambda o: OneCycleLR(o, 1.0, total_steps=RUN, three_phase=True),
    "SWALR": lambda o: SWALR(o, [0.01, 0.5], 9),
    "SWALR linear": lambda o: SWALR(o, 0.01, 9, "linear"),
    "SequentialLR": chained_onto_linear,
    "SequentialLR of three": lambda o: SequentialLR(
        o, [ConstantLR(o, 0.5, 2), StepLR(o, 3), CosineAnnealingWarmRestarts(o, 5)], [4, 12]
    ),
    "SequentialLR at 0": lambda o: SequentialLR(
        o, [LinearLR(o, 0.1, total_iters=3), ExponentialLR(o, 0.9)], [0]
    ),
    "SequentialLR with OneCycleLR": lambda o: SequentialLR(
        o, [LinearLR(o, 0.1, total_iters=3), OneCycleLR(o, 0.7, total_steps=RUN)], [3]
    ),
    "SequentialLR with LambdaLR": lambda o: SequentialLR(
        o, [LinearLR(o, 0.1, total_iters=3), LambdaLR(o, lambda t: 0.5**t)], [3]
    ),
    "ChainedScheduler": lambda o: ChainedScheduler([ExponentialLR(o, 0.9), StepLR(o, 3, 0.5)]),
    "ChainedScheduler with cosine": lambda o: ChainedScheduler(
        [LinearLR(o, 0.1, total_iters=3), CosineAnnealingLR(o, 9)]
    ),
    "ChainedScheduler that ignores": lambda o: ChainedScheduler(
        [ExponentialLR(o, 0.5), LambdaLR(o, lambda t: 1 / (1 + t))]
    ),
}
TABULATED = {
    "a class of one's own": Own,
    "ChainedScheduler of two kinds": lambda o: ChainedScheduler(
        [LambdaLR(o, lambda t: 0.9**t), ExponentialLR(o, 0.9)]
    ),
    "ChainedScheduler of cosines": lambda o: ChainedScheduler(
        [CosineAnnealingLR(o, RUN, 0.01), ExponentialLR(o, 0.9)]
    ),
    "SequentialLR in first place": lambda o: SequentialLR(
        o, [chained_onto_linear(o), ExponentialLR(o, 0.9)], [9]
    ),
    "SequentialLR with MultiplicativeLR": lambda o: SequentialLR(
        o, [LinearLR(o, 0.1, total_iters=3), MultiplicativeLR(o, lambda _: 0.9)], [5]
    ),
    "CyclicLR with a scale of one's own": lambda o: CyclicLR(
        o, 0.1, 1.0, 3, scale_fn=lambda n: 1 / n
    ),
}


def assert_goes_on_as(found, scheduler, start, stop):
    for t in range(start, stop):
        assert found.lrs(t) == pytest.approx(lrs(scheduler.optimizer), rel=1e-6, abs=1e-10), t
        if t < stop - 1:
            advance(scheduler)


@pytest.mark.parametrize("stop", [0, 1, 3, 4, 11, 25])
@pytest.mark.parametrize("name", MAKE)
def test_a_living_scheduler_gives_the_same_rates_in_every_group(name, stop):
    scheduler = MAKE[name](optimizer_of(*PEAKS))
    advance(scheduler, stop)
    before = copy.deepcopy(lrs(scheduler.optimizer))
    found = from_torch(scheduler, updates=RUN if "growing" in name else None)
    assert (found.t, lrs(scheduler.optimizer)) == (stop, before)
    assert_goes_on_as(found, scheduler, stop, RUN)


def test_every_class_of_torch_is_read_or_refused():
    read = {kind.__name__ for kind in torch_import._READERS}
    living = {
        name
        for name, kind in vars(torch.optim.lr_scheduler).items()
        if isinstance(kind, type) and issubclass(kind, LRScheduler)
    }
    assert living - read == {"LRScheduler", "_LRScheduler", "ReduceLROnPlateau"}
    assert {name.split()[-1] for name in MAKE} >= read - {"Scheduler", "ChainedScheduler"} - {
        "SequentialLR"
    }


@pytest.mark.filterwarnings("ignore:Detected call")  # torch's own, of a nested SequentialLR
@pytest.mark.parametrize("stop", [0, 4])
@pytest.mark.parametrize("name", TABULATED)
def test_what_has_no_closed_form_is_tabulated_from_a_copy(name, stop):
    scheduler = TABULATED[name](optimizer_of(*PEAKS))
    advance(scheduler, stop)
    with pytest.raises(ScheduleError, match="has no closed form; give the length of the run"):
        from_torch(scheduler)
    momenta = [group["momentum"] for group in scheduler.optimizer.param_groups]
    found = from_torch(scheduler, updates=RUN)
    assert momenta == [group["momentum"] for group in scheduler.optimizer.param_groups]
    assert "tabulated up to update 40" in found.differences(RUN)[-1]
    assert found.groups[0].schedule(10_000) == found.groups[0].schedule(RUN - 1)
    assert_goes_on_as(found, scheduler, stop, RUN)


def test_a_composition_that_torch_cannot_step_is_refused_with_torch_s_reason():
    o = optimizer_of(1.0)
    inner = ChainedScheduler([ExponentialLR(o, 0.9), StepLR(o, 2)])
    scheduler = SequentialLR(o, [LinearLR(o, 0.1, total_iters=3), inner], [3])
    with pytest.raises(ScheduleError, match=r"torch itself fails at update 3.*NotImplemented"):
        from_torch(scheduler, updates=9)


def test_negative_rates_that_torch_sets_are_refused():
    o = optimizer_of(*PEAKS)
    chained = ChainedScheduler([CosineAnnealingLR(o, 9, 0.01), ExponentialLR(o, 0.9)])
    with pytest.raises(ScheduleError, match=r"torch itself sets the rate -0.0.* at update"):
        from_torch(chained, updates=RUN)


def test_plateau_is_refused_and_points_to_the_controllers():
    with pytest.raises(ScheduleError, match=r"follows a metric.*it is a controller"):
        from_torch(ReduceLROnPlateau(optimizer_of(1.0)))
    with pytest.raises(ScheduleError, match="from_torch takes a torch scheduler, got 3"):
        from_torch(3)


def test_growth_needs_the_length_of_the_run():
    with pytest.raises(ScheduleError, match="grows for ever"):
        from_torch(ExponentialLR(optimizer_of(1.0), 1.1))


def test_a_rate_that_is_not_the_schedule_s_is_said():
    # the state alone, as in pytorch#29697: a recursive class goes on from the wrong rate
    saved = StepLR(optimizer_of(1.0), 4, 0.1)
    advance(saved, 9)
    resumed = StepLR(optimizer_of(1.0), 4, 0.1)
    resumed.load_state_dict(saved.state_dict())
    found = from_torch(resumed)
    assert found.lrs(9) == pytest.approx([0.01])
    said = found.differences(RUN)[-1]
    assert "has lr 1 at update 9 where the schedule says 0.01" in said
    assert from_torch(saved).differences(RUN) == ()


def test_what_torch_does_otherwise_is_said():
    said = from_torch(OneCycleLR(optimizer_of(1.0), 1.0, total_steps=RUN)).differences(RUN)
    assert any("takes one step more" in sentence for sentence in said)
    assert any("cycles momentum" in sentence for sentence in said)
    said = from_torch(CosineAnnealingLR(optimizer_of(1.0), 9)).differences(RUN)
    assert any("rises again after its end at update 9" in sentence for sentence in said)


def test_groups_with_one_schedule_share_it_and_others_do_not():
    found = from_torch(StepLR(optimizer_of(*PEAKS), 4))
    assert str(found.schedule) == "step 4"
    assert [group.peak_lr for group in found.groups] == list(PEAKS)
    with pytest.raises(ScheduleError, match=r"have different schedules; take them from .groups"):
        _ = from_torch(CosineAnnealingLR(optimizer_of(*PEAKS), 9, 0.01)).schedule


@pytest.mark.parametrize("stop", [0, 7])
@pytest.mark.parametrize("name", ["StepLR", "SequentialLR", "CosineAnnealingLR", "LambdaLR"])
def test_etude_goes_on_where_torch_was(name, stop):
    scheduler = MAKE[name](optimizer_of(*PEAKS))
    advance(scheduler, stop)
    twin = MAKE[name](optimizer_of(*PEAKS))
    advance(twin, stop)
    taken = from_torch(scheduler).attach()
    assert isinstance(taken, etude.Scheduler) == (name == "StepLR")
    for _ in range(stop, RUN):
        assert lrs(taken.optimizer) == pytest.approx(lrs(twin.optimizer), rel=1e-6, abs=1e-10)
        advance(taken)
        advance(twin)
    assert taken.state_dict()["last_epoch"] == RUN


def test_etude_s_own_scheduler_is_read_too():
    schedule = warmup(3) >> cosine(9)
    scheduler = etude.Scheduler(optimizer_of(*PEAKS), schedule)
    advance(scheduler, 4)
    found = from_torch(scheduler)
    assert (found.schedule, found.t) == (schedule, 4)
    assert_goes_on_as(found, scheduler, 4, 20)


def rule_like(name):
    """Give a function that looks like transformers' own of that name."""

    def rule(step, **settings):
        raise AssertionError("its settings are read, it is not called")

    rule.__module__, rule.__name__ = "transformers.optimization", name
    return rule


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("_get_constant_lambda", None, "constant"),
        (
            "_get_linear_schedule_with_warmup_lr_lambda",
            {"num_warmup_steps": 3, "num_training_steps": 10},
            "warmup 3 start=0 -> linear 7",
        ),
        (
            "_get_cosine_schedule_with_warmup_lr_lambda",
            {"num_warmup_steps": 3, "num_training_steps": 10, "num_cycles": 0.5},
            "warmup 3 start=0 -> cosine-wave 7",
        ),
        (
            "_get_cosine_schedule_with_warmup_lr_lambda",
            {
                "num_warmup_steps": 3,
                "num_training_steps": 10,
                "num_cycles": 0.5,
                "min_lr_rate": 0.1,
            },
            "warmup 3 start=0 -> cosine-wave 7 end=0.1",
        ),
        (
            "_get_polynomial_decay_schedule_with_warmup_lr_lambda",
            {
                "num_warmup_steps": 0,
                "num_training_steps": 10,
                "lr_end": 0.1,
                "power": 2.0,
                "lr_init": 1.0,
            },
            "polynomial 10 power=2 end=0.1",
        ),
    ],
)
def test_a_schedule_of_transformers_is_read_from_its_lambda(name, settings, text):
    rule = rule_like(name)
    scheduler = LambdaLR(optimizer_of(1.0), lambda _: 1.0)
    scheduler.lr_lambdas = [rule if settings is None else partial(rule, **settings)]
    found = torch_import._READERS[LambdaLR](scheduler, 0, None)
    assert str(found.schedule) == text
    assert found.library == "hf"


def test_transformers_own_schedulers_are_read_by_name():
    optimization = pytest.importorskip("transformers.optimization", reason="needs transformers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for make, settings in (
            (optimization.get_cosine_schedule_with_warmup, (3, 20)),
            (optimization.get_inverse_sqrt_schedule, (3,)),
            (optimization.get_wsd_schedule, (3, 5, 20)),
            (optimization.get_cosine_with_hard_restarts_schedule_with_warmup, (3, 20, 2)),
        ):
            scheduler = make(optimizer_of(*PEAKS), *settings)
            advance(scheduler, 5)
            found = from_torch(scheduler)
            assert found.groups[0].library == "hf"
            assert_goes_on_as(found, scheduler, 5, RUN)
