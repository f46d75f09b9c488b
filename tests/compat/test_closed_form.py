import copy
import gc
import json
import math
import pickle
import weakref

import pytest
import torch
from torch.optim import SGD
from torch.optim import lr_scheduler as torch_own

from etude.compat import lr_scheduler as ours

pytestmark = pytest.mark.filterwarnings("error")


def weight():
    return torch.nn.Parameter(torch.ones(1))


def sgd(*peaks, **options):
    return SGD([{"params": [weight()], "lr": lr} for lr in peaks or (1.0,)], lr=1.0, **options)


def lrs(optimizer):
    return [float(group["lr"]) for group in optimizer.param_groups]


def advance(optimizer, scheduler, count):
    for _ in range(count):
        optimizer.step()
        scheduler.step()


def halving(t):
    return 0.5**t


def shrinking(t):
    return 1 - 1 / (t + 1)


KINDS = {
    "step": lambda o: ours.StepLR(o, 3, 0.5),
    "multistep": lambda o: ours.MultiStepLR(o, [3, 6], 0.5),
    "constant": lambda o: ours.ConstantLR(o, 0.5, 3),
    "linear": lambda o: ours.LinearLR(o, 0.0, total_iters=6),
    "exponential": lambda o: ours.ExponentialLR(o, 0.9),
    "polynomial": lambda o: ours.PolynomialLR(o, 9, 2.0),
    "cosine": lambda o: ours.CosineAnnealingLR(o, 9, 0.01),
    "restarts": lambda o: ours.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "lambda": lambda o: ours.LambdaLR(o, halving),
    "multiplicative": lambda o: ours.MultiplicativeLR(o, shrinking),
    "cyclic": lambda o: ours.CyclicLR(o, 0.1, 1.0, 3, 2, cycle_momentum=True),
    "one-cycle": lambda o: ours.OneCycleLR(o, 1.0, 12, cycle_momentum=True),
    "sequential": lambda o: ours.SequentialLR(
        o, [ours.LinearLR(o, 0.1, total_iters=3), ours.CosineAnnealingLR(o, 6)], [3]
    ),
    "chained": lambda o: ours.ChainedScheduler([ours.LinearLR(o, 0.1), ours.StepLR(o, 3)]),
    "nested": lambda o: ours.SequentialLR(
        o,
        [
            ours.ChainedScheduler(
                [ours.LinearLR(o, 0.1, total_iters=2), ours.ExponentialLR(o, 0.9)]
            ),
            ours.SequentialLR(
                o, [ours.StepLR(o, 2), ours.OneCycleLR(o, 2.0, 9, cycle_momentum=True)], [3]
            ),
        ],
        [4],
    ),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def state_of(optimizer):
    return [(group["lr"], group["momentum"]) for group in optimizer.param_groups]


def reference(kind):
    optimizer = sgd(1.0, 0.1, momentum=0.3)
    scheduler = KINDS[kind](optimizer)
    rows = []
    for _ in range(12):
        rows.append(state_of(optimizer))
        advance(optimizer, scheduler, 1)
    return rows


@kinds
@pytest.mark.parametrize(
    "order",
    [
        "built, optimizer, scheduler",
        "optimizer, built, scheduler",
        "built, scheduler, optimizer",
        "built, scheduler",
    ],
)
def test_resume_is_exact_at_every_update_in_any_order(kind, order):
    expected = reference(kind)
    for stop in range(12):
        optimizer = sgd(1.0, 0.1, momentum=0.3)
        scheduler = KINDS[kind](optimizer)
        advance(optimizer, scheduler, stop)
        saved, state = copy.deepcopy(optimizer.state_dict()), scheduler.state_dict()

        optimizer = sgd(1.0, 0.1, momentum=0.3)
        for act in order.split(", "):
            if act == "optimizer":
                optimizer.load_state_dict(saved)
            elif act == "built":
                scheduler = KINDS[kind](optimizer)
            else:
                scheduler.load_state_dict(state)
        for t in range(stop, 12):
            assert state_of(optimizer) == expected[t], (stop, t)
            advance(optimizer, scheduler, 1)


@kinds
def test_any_update_can_be_asked_for_and_nothing_moves(kind):
    optimizer = sgd(1.0, 0.1, momentum=0.3)
    scheduler = KINDS[kind](optimizer)
    before = (scheduler.state_dict(), state_of(optimizer))
    asked = [scheduler.lr_at(t) for t in range(12)]
    assert (scheduler.state_dict(), state_of(optimizer)) == before
    for t in range(12):
        assert lrs(optimizer) == asked[t] == scheduler.get_last_lr() == scheduler.get_lr()
        assert scheduler.last_epoch == t
        advance(optimizer, scheduler, 1)


@kinds
def test_a_state_is_a_copy_and_is_only_read(kind):
    optimizer = sgd(1.0)
    scheduler = KINDS[kind](optimizer)
    advance(optimizer, scheduler, 2)
    state = scheduler.state_dict()
    before = copy.deepcopy(state)
    scheduler.load_state_dict(state)
    optimizer.add_param_group({"params": [weight()], "lr": 0.5})
    advance(optimizer, scheduler, 2)
    assert state == before


@kinds
def test_a_copy_and_a_pickle_go_on_alone(kind):
    optimizer = sgd(1.0, 0.1, momentum=0.3)
    scheduler = KINDS[kind](optimizer)
    advance(optimizer, scheduler, 4)
    expected = reference(kind)
    for again in (copy.deepcopy(scheduler), pickle.loads(pickle.dumps(scheduler))):
        assert again.optimizer is not optimizer
        for t in range(4, 12):
            assert state_of(again.optimizer) == expected[t]
            advance(again.optimizer, again, 1)
    assert state_of(optimizer) == expected[4]


@kinds
def test_a_tensor_lr_stays_the_same_tensor(kind):
    lr = torch.tensor(1.0)
    optimizer = SGD([weight()], lr=lr, momentum=0.3)
    scheduler = KINDS[kind](optimizer)
    for t in range(6):
        assert optimizer.param_groups[0]["lr"] is lr
        assert float(lr) == float(torch.tensor(scheduler.lr_at(t)[0]))
        advance(optimizer, scheduler, 1)
    last = scheduler.get_last_lr()[0]
    last.fill_(9.0)
    assert float(lr) != 9.0


def test_schedulers_on_one_optimizer_multiply_whoever_steps_last():
    optimizer = sgd(1.0, 0.1)
    falling = ours.LambdaLR(optimizer, halving)
    stairs = ours.StepLR(optimizer, 2, 0.1)
    for t in range(6):
        assert lrs(optimizer) == pytest.approx([p * 0.5**t * 0.1 ** (t // 2) for p in (1.0, 0.1)])
        optimizer.step()
        for scheduler in (falling, stairs) if t % 2 else (stairs, falling):
            scheduler.step()


def test_an_absolute_lr_leads_and_the_others_multiply_it():
    optimizer = sgd(0.5)
    halved = ours.LambdaLR(optimizer, lambda _: 0.5)
    cycle = ours.CyclicLR(optimizer, 0.1, 1.0, 2, cycle_momentum=False)
    alone = cycle.lr_at(1)
    optimizer.step()
    cycle.step()
    halved.step()
    assert lrs(optimizer) == [alone[0] / 2]


def test_one_that_nobody_holds_has_no_part():
    optimizer = sgd()
    scheduler = ours.LambdaLR(optimizer, halving)
    advance(optimizer, scheduler, 3)
    reference = weakref.ref(scheduler)
    scheduler = ours.StepLR(optimizer, 10)
    gc.collect()
    assert reference() is None
    used = []
    optimizer.register_step_pre_hook(lambda *_: used.append(lrs(optimizer)[0]))
    advance(optimizer, scheduler, 2)
    assert used == [1.0, 1.0]


def test_plateau_alone_leaves_what_is_set_by_hand_and_reduces_from_there():
    optimizer = sgd()
    scheduler = ours.ReduceLROnPlateau(optimizer, patience=0)
    scheduler.step(1.0)
    optimizer.param_groups[0]["lr"] = 0.5
    scheduler.step(0.5)
    optimizer.step()
    assert lrs(optimizer) == [0.5]
    scheduler.step(0.5)
    assert lrs(optimizer) == [0.05]
    optimizer.add_param_group({"params": [weight()], "lr": 2.0})
    scheduler.step(0.6)
    assert lrs(optimizer) == pytest.approx([0.005, 0.2])
    assert scheduler.get_lr() == lrs(optimizer)


@pytest.mark.parametrize("optimizer_first", [True, False])
def test_plateau_resumes(optimizer_first):
    optimizer = sgd(1.0, 0.1)
    scheduler = ours.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.05, 0.01])
    for metric in (1.0, 2.0, 0.5, 2.0):
        scheduler.step(metric)
    assert lrs(optimizer) == pytest.approx([0.05, 0.01])
    saved, state = optimizer.state_dict(), json.loads(json.dumps(scheduler.state_dict()))
    new = sgd(1.0, 0.1)
    again = ours.ReduceLROnPlateau(new, patience=0, min_lr=[0.05, 0.01])
    if optimizer_first:
        new.load_state_dict(saved)
    again.load_state_dict(state)
    if not optimizer_first:
        new.load_state_dict(saved)
    assert lrs(new) == lrs(optimizer)
    assert (again.best, again.last_epoch) == (0.5, 4)


def test_plateau_keeps_its_reductions_beside_a_schedule_that_resumes():
    def build(optimizer):
        return ours.CosineAnnealingLR(optimizer, 10), ours.ReduceLROnPlateau(optimizer, patience=0)

    optimizer = sgd()
    fall, plateau = build(optimizer)
    advance(optimizer, fall, 3)
    plateau.step(1.0)
    plateau.step(1.0)
    advance(optimizer, fall, 1)
    assert lrs(optimizer) == pytest.approx([0.1 * fall.lr_at(4)[0]])
    states = optimizer.state_dict(), fall.state_dict(), plateau.state_dict()
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)):
        new = sgd()
        parts = (new, *build(new))
        for i in order:
            parts[i].load_state_dict(states[i])
        assert lrs(new) == pytest.approx(lrs(optimizer))


@pytest.mark.parametrize("metric", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_takes_nothing_for_better_that_is_not_finite(metric, mode):
    optimizer = sgd()
    scheduler = ours.ReduceLROnPlateau(optimizer, mode, patience=0)
    scheduler.step(1.0)
    scheduler.step(metric)
    assert (scheduler.best, lrs(optimizer)) == (1.0, [0.1])


BESIDE = {
    "step": (lambda lib, o: lib.StepLR(o, 2, 0.5)),
    "cosine": (lambda lib, o: lib.CosineAnnealingLR(o, 12)),
    "multistep": (lambda lib, o: lib.MultiStepLR(o, [2, 4])),
    "lambda": (lambda lib, o: lib.LambdaLR(o, halving)),
    "restarts": (lambda lib, o: lib.CosineAnnealingWarmRestarts(o, 2, 2)),
    "cyclic": (lambda lib, o: lib.CyclicLR(o, 0.1, 1.0, 3, cycle_momentum=False)),
    "one-cycle": (lambda lib, o: lib.OneCycleLR(o, 1.0, 20, cycle_momentum=False)),
    "sequential": (
        lambda lib, o: lib.SequentialLR(o, [lib.LinearLR(o, 0.1), lib.CosineAnnealingLR(o, 9)], [5])
    ),
    "chained": (lambda lib, o: lib.ChainedScheduler([lib.LinearLR(o, 0.1), lib.StepLR(o, 4)])),
}


@pytest.mark.parametrize("kind", BESIDE)
def test_a_state_that_torch_saved_goes_on(kind):
    optimizer = sgd(1.0, 0.1)
    scheduler = BESIDE[kind](torch_own, optimizer)
    advance(optimizer, scheduler, 7)
    new = sgd(1.0, 0.1)
    again = BESIDE[kind](ours, new)
    again.load_state_dict(scheduler.state_dict())
    new.load_state_dict(optimizer.state_dict())
    for _ in range(4):
        assert lrs(new) == pytest.approx(lrs(optimizer))
        advance(optimizer, scheduler, 1)
        advance(new, again, 1)


def test_a_plateau_state_that_torch_saved_goes_on():
    optimizer = sgd()
    scheduler = torch_own.ReduceLROnPlateau(optimizer, patience=0)
    for metric in (1.0, 2.0):
        scheduler.step(metric)
    new = sgd()
    again = ours.ReduceLROnPlateau(new, patience=0)
    new.load_state_dict(optimizer.state_dict())
    again.load_state_dict(scheduler.state_dict())
    assert (lrs(new), again.factors, again.best) == ([0.1], [0.1], 1.0)
    again.step(3.0)
    assert lrs(new) == pytest.approx([0.01])


def test_a_callable_object_is_saved_and_restored():
    class Decay:
        def __init__(self, gamma):
            self.gamma = gamma

        def __call__(self, t):
            return self.gamma**t

    optimizer = sgd()
    scheduler = ours.LambdaLR(optimizer, Decay(0.5))
    advance(optimizer, scheduler, 2)
    again = ours.LambdaLR(sgd(), Decay(0.9))
    again.load_state_dict(scheduler.state_dict())
    assert again.lr_lambdas[0].gamma == 0.5
    assert lrs(again.optimizer) == [0.25]


def test_another_class_s_state_and_other_groups_are_refused():
    scheduler = ours.StepLR(sgd(), 3)
    with pytest.raises(ValueError, match="the state must be one of a StepLR, got the keys"):
        scheduler.load_state_dict({"gamma": 0.1})
    with pytest.raises(ValueError, match="the state has 2 param groups, the optimizer 1; add the"):
        scheduler.load_state_dict(ours.StepLR(sgd(1.0, 0.1), 3).state_dict())
    with pytest.raises(ValueError, match="must be one of a ReduceLROnPlateau"):
        ours.ReduceLROnPlateau(sgd()).load_state_dict(scheduler.state_dict())
    chain = ours.ChainedScheduler([scheduler])
    with pytest.raises(ValueError, match="a ChainedScheduler of 1 schedulers, got one of 0"):
        chain.load_state_dict(scheduler.state_dict())


def test_a_warning_names_the_settings_that_differ():
    state = ours.StepLR(sgd(), 3, 0.5).state_dict()
    scheduler = ours.StepLR(sgd(), 4, 0.5)
    with pytest.warns(UserWarning, match=r"with others: step_size=4 \(saved 3\)$"):
        scheduler.load_state_dict(state)
    optimizer = sgd()
    parts = [ours.ConstantLR(optimizer), ours.StepLR(optimizer, 3)]
    state = ours.SequentialLR(optimizer, parts, [2]).state_dict()
    other = sgd()
    parts = [ours.ConstantLR(other), ours.StepLR(other, 5)]
    scheduler = ours.SequentialLR(other, parts, [4])
    with pytest.warns(UserWarning, match=r"milestones=\[4\] .*step_size=5 \(saved 3\)"):
        scheduler.load_state_dict(state)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda o: ours.SequentialLR(o, [], []), "at least one scheduler"),
        (lambda o: ours.ChainedScheduler([]), "at least one scheduler"),
        (
            lambda o: ours.SequentialLR(o, [ours.StepLR(o, 1), ours.StepLR(o, 1)], []),
            "one less than the schedulers",
        ),
        (
            lambda o: ours.SequentialLR(o, [ours.StepLR(o, 1)] * 3, [4, 2]),
            "in order, got \\[4, 2\\]",
        ),
        (
            lambda o: ours.ChainedScheduler([ours.ReduceLROnPlateau(o)]),
            "cannot give a metric to the ReduceLROnPlateau at index 0",
        ),
        (
            lambda o: ours.ChainedScheduler([ours.StepLR(o, 1), ours.StepLR(sgd(), 1)]),
            "StepLR at index 1 has another",
        ),
        (lambda o: ours.ChainedScheduler([stepped(o), ours.StepLR(o, 1)]), "got \\[0, 2\\]"),
    ],
)
def test_what_cannot_be_composed_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build(sgd())


def stepped(optimizer):
    scheduler = ours.StepLR(optimizer, 1)
    advance(optimizer, scheduler, 2)
    return scheduler


def test_torch_s_own_schedulers_are_no_parts():
    optimizer = sgd()
    with pytest.raises(TypeError, match=r"got torch\.optim\.lr_scheduler\.StepLR at index 0"):
        ours.ChainedScheduler([torch_own.StepLR(optimizer, 3)])


def test_a_step_beyond_one_cycle_s_length_is_refused():
    optimizer = sgd()
    scheduler = ours.OneCycleLR(optimizer, 1.0, 3, cycle_momentum=False)
    advance(optimizer, scheduler, 3)
    with pytest.raises(ValueError, match="Tried to step 4 times: OneCycleLR must not be stepped"):
        advance(optimizer, scheduler, 1)


def test_momentum_that_is_not_cycled_is_told_once():
    optimizer = sgd()
    with pytest.warns(UserWarning, match="OneCycleLR leaves momentum and betas as they are"):
        ours.OneCycleLR(optimizer, 1.0, 10)
    without = torch.optim.Adagrad([weight()], lr=1.0)
    ours.OneCycleLR(without, 1.0, 10)
    with pytest.raises(ValueError, match="must support momentum"):
        ours.OneCycleLR(without, 1.0, 10, cycle_momentum=True)


def test_a_first_step_before_the_optimizer_s_warns_and_a_plot_without_training_is_possible():
    scheduler = ours.StepLR(sgd(), 2)
    with pytest.warns(UserWarning, match="before `optimizer.step\\(\\)`"):
        scheduler.step()
    for _ in range(3):
        scheduler.step()
    assert scheduler.last_epoch == 4


def test_stepping_to_an_epoch_warns_as_in_torch():
    scheduler = stepped(sgd())
    with pytest.warns(UserWarning, match="The epoch parameter"):
        scheduler.step(1)
    assert lrs(scheduler.optimizer) == [0.1]


def test_restarts_resume_at_a_fraction_of_an_epoch():
    optimizer = sgd()
    scheduler = ours.CosineAnnealingWarmRestarts(optimizer, 2, 2)
    optimizer.step()
    scheduler.step(4.5)
    again = ours.CosineAnnealingWarmRestarts(sgd(), 2, 2)
    again.load_state_dict(scheduler.state_dict())
    assert (again.last_epoch, again.T_cur, again.T_i) == (4, 2.5, 4)
    assert lrs(again.optimizer) == lrs(optimizer)
    scheduler.step()
    assert (scheduler.last_epoch, scheduler.T_cur, scheduler.T_i) == (5, 3.5, 4)


def test_a_left_out_update_is_recognised_by_its_gradient_only():
    optimizer = sgd()
    scheduler = ours.ExponentialLR(optimizer, 0.5)
    parameter = optimizer.param_groups[0]["params"][0]
    parameter.grad = torch.ones(1)
    advance(optimizer, scheduler, 1)
    scheduler.step()  # another process's update, as in Accelerate
    assert scheduler.last_epoch == 2
    parameter.grad = torch.full((1,), math.nan)
    scheduler.step()
    assert scheduler.last_epoch == 2
    advance(optimizer, scheduler, 1)  # the optimizer did step, whatever came of it
    assert scheduler.last_epoch == 3
    parameter.grad = torch.sparse_coo_tensor([[0]], [math.inf], (1,), check_invariants=True)
    scheduler.step()
    assert scheduler.last_epoch == 3


@kinds
def test_a_group_that_is_added_follows(kind):
    optimizer = sgd(momentum=0.3)
    scheduler = KINDS[kind](optimizer)
    advance(optimizer, scheduler, 2)
    optimizer.add_param_group({"params": [weight()], "lr": 0.5})
    used = []
    optimizer.register_step_pre_hook(lambda *_: used.append(lrs(optimizer)))
    advance(optimizer, scheduler, 3)
    assert used == [scheduler.lr_at(t) for t in (2, 3, 4)]
    assert len(scheduler.base_lrs) == 2
    again = sgd(1.0, 0.5, momentum=0.3)
    KINDS[kind](again).load_state_dict(scheduler.state_dict())
    assert lrs(again) == pytest.approx(lrs(optimizer))


def test_a_group_whose_function_is_not_known_is_refused():
    optimizer = sgd(1.0, 0.1)
    scheduler = ours.LambdaLR(optimizer, [halving, lambda _: 1.0])
    optimizer.add_param_group({"params": [weight()], "lr": 0.5})
    with pytest.raises(ValueError, match="have different lr_lambdas, so that its own is not known"):
        optimizer.step()
    scheduler.lr_lambdas.append(halving)
    advance(optimizer, scheduler, 1)
    assert lrs(optimizer) == [0.5, 0.1, 0.25]
    del optimizer.param_groups[2]
    with pytest.raises(ValueError, match="param groups must not be removed, had 3, got 2"):
        optimizer.step()


def test_torch_s_importable_names_are_all_there():
    assert set(torch_own.__all__) | {"ClosedForm"} == set(ours.__all__)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("StepLR", {"step_size": 2}),
        ("MultiStepLR", {"milestones": [1, 4]}),
        ("ExponentialLR", {"gamma": 0.5}),
        ("ConstantLR", {"total_iters": 3}),
        ("LinearLR", {"total_iters": 3}),
        ("PolynomialLR", {"total_iters": 4, "power": 2}),
        ("CosineAnnealingLR", {"T_max": 5}),
    ],
)
def test_the_closed_form_that_torch_has_is_answered_as_torch_answers(name, settings):
    answers = []
    for lib in (torch_own, ours):
        optimizer = sgd(0.1)
        scheduler = getattr(lib, name)(optimizer, **settings)
        mine = []
        for _ in range(6):
            mine += scheduler._get_closed_form_lr()
            advance(optimizer, scheduler, 1)
        answers.append(mine)
    assert answers[1] == pytest.approx(answers[0], rel=1e-12)
