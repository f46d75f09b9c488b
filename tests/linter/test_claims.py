"""What the pages say of torch, and the numbers in messages, done with torch."""

import math
import warnings

import pytest
import torch
from torch.optim import SGD, Adam, lr_scheduler

from etude.linter import lint
from etude.linter.interpreter import Interpreter
from etude.linter.rates import multiplier


def optimizer(cls=SGD, **settings):
    return cls([torch.nn.Parameter(torch.zeros(1))], **{"lr": 1.0, **settings})


def rates(own, scheduler, count):
    """Give the rate that each update uses."""
    used = []
    for _ in range(count):
        used.append(own.param_groups[0]["lr"])
        own.step()
        scheduler.step()
    return used


def message(source):
    return next(iter(lint(source))).message


def scheduler_of(text):
    import ast

    run = Interpreter()
    run.run(ast.parse(f"from torch.optim.lr_scheduler import *\n{text}"), [])
    return run.created[-1]


@pytest.mark.parametrize(
    ("text", "make"),
    [
        ("CosineAnnealingLR(o, T_max=7)", lambda o: lr_scheduler.CosineAnnealingLR(o, 7)),
        ("StepLR(o, 3, gamma=0.5)", lambda o: lr_scheduler.StepLR(o, 3, 0.5)),
        ("MultiStepLR(o, [2, 5])", lambda o: lr_scheduler.MultiStepLR(o, [2, 5])),
        ("ExponentialLR(o, 0.9)", lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
        ("LinearLR(o, 0.1, total_iters=4)", lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=4)),
        ("PolynomialLR(o, 6, power=2)", lambda o: lr_scheduler.PolynomialLR(o, 6, 2)),
    ],
)
def test_numbers_in_messages_are_torchs(text, make):
    own = optimizer()
    used = rates(own, make(own), 20)
    scheduler = scheduler_of(text)
    assert [multiplier(scheduler, t) for t in range(20)] == pytest.approx(used, abs=1e-12)


def test_a_cosine_per_batch_is_back_at_its_peak_as_the_message_says():
    said = message(
        "from torch.optim import SGD\nfrom torch.optim.lr_scheduler import CosineAnnealingLR\n"
        "o = SGD(p, lr=0.1)\ns = CosineAnnealingLR(o, T_max=30)\n"
        "for epoch in range(30):\n    for x in loader:\n        o.zero_grad()\n"
        "        f(x).backward()\n        o.step()\n        s.step()\n"
    )
    assert "0 after 30 batches, and back at 100 % of its peak after 60" in said
    own = optimizer()
    used = rates(own, lr_scheduler.CosineAnnealingLR(own, 30), 61)
    assert used[30] == pytest.approx(0, abs=1e-12)
    assert used[60] == pytest.approx(1)


def test_lr102_without_step_the_rate_stays():
    own = optimizer()
    lr_scheduler.StepLR(own, 1)
    for _ in range(5):
        own.step()
    assert own.param_groups[0]["lr"] == 1.0


def test_lr103_the_wrong_order_loses_a_step():
    own = optimizer(lr=0.1)
    scheduler = lr_scheduler.StepLR(own, 2, 0.5)
    used = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(4):
            scheduler.step()
            used.append(own.param_groups[0]["lr"])
            own.step()
    assert used == [0.1, 0.05, 0.05, 0.025]
    right = optimizer(lr=0.1)
    assert rates(right, lr_scheduler.StepLR(right, 2, 0.5), 4) == [0.1, 0.1, 0.05, 0.05]


def test_lr105_a_late_group_breaks_lambda_lr():
    own = optimizer()
    scheduler = lr_scheduler.LambdaLR(own, lambda t: 1.0)
    own.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))]})
    own.step()
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        scheduler.step()


def test_lr106_a_line_converges_with_zero_grad_and_swings_without():
    def final(*, zero):
        torch.manual_seed(0)
        model = torch.nn.Linear(1, 1)
        own = SGD(model.parameters(), lr=0.05)
        x, y = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0], [4.0], [6.0]])
        losses = []
        for _ in range(300):
            if zero:
                own.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x), y)
            loss.backward()
            own.step()
            losses.append(loss.item())
        return losses

    assert final(zero=True)[-1] < 0.001
    swings = final(zero=False)
    assert not max(swings[-50:]) < max(swings[:50])


def test_lr107_a_rising_accuracy_is_no_progress_in_mode_min():
    own = optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(own, patience=5)
    for epoch in range(7):
        scheduler.step(0.5 + epoch / 20)
    assert own.param_groups[0]["lr"] == pytest.approx(0.1)
    with pytest.raises(TypeError):
        scheduler.step()


def test_lr108_one_cycle_needs_its_length_and_overruns():
    with pytest.raises(ValueError, match="total_steps"):
        lr_scheduler.OneCycleLR(optimizer(momentum=0.9), 1.0)
    own = optimizer(momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(own, 1.0, 10, anneal_strategy="linear")
    used = rates(own, scheduler, 10)
    assert own.param_groups[0]["lr"] == pytest.approx(-0.143, abs=1e-3)
    assert min(used) > 0
    with pytest.raises(ValueError, match="Tried to step"):
        scheduler.step()


def test_lr109_adams_first_step_is_the_rate_whatever_the_gradient():
    for gradient in (1e-3, 1.0, 1000.0):
        parameter = torch.nn.Parameter(torch.zeros(1))
        parameter.grad = torch.full((1,), gradient)
        Adam([parameter], lr=0.01).step()
        assert parameter.item() == pytest.approx(-0.01, rel=1e-4)


def test_lr114_the_scale_is_65536_at_first():
    assert torch.amp.GradScaler("cpu").get_scale() == 65536.0
    assert pytest.approx(1.5e-5, rel=0.02) == 1 / 65536


def test_lr116_get_lr_says_the_next_rate():
    own = optimizer(lr=0.1)
    scheduler = lr_scheduler.StepLR(own, 2, 0.1)
    rates(own, scheduler, 2)  # now at 0.01
    with pytest.warns(UserWarning, match="get_last_lr"):
        assert scheduler.get_lr() == [pytest.approx(0.001)]
    assert own.param_groups[0]["lr"] == pytest.approx(0.01)
    with pytest.warns(UserWarning, match="epoch"):
        scheduler.step(3)


def test_lr120_what_is_left_of_the_rate():
    assert round(100 * 0.95**30) == 21
    assert pytest.approx(0.6, abs=0.05) == 100 * 0.95**100
    assert pytest.approx(0.02) == 0.001 / (1 - 0.95)


def test_lr122_torch_has_no_warmup_class():
    assert not [name for name in dir(lr_scheduler) if "warmup" in name.lower()]


def test_lr123_momentum_and_rate_are_overwritten():
    own = optimizer(Adam, lr=0.1, betas=(0.8, 0.99))
    lr_scheduler.OneCycleLR(own, max_lr=0.1, total_steps=10)
    assert own.param_groups[0]["betas"][0] == 0.95
    assert own.param_groups[0]["lr"] == pytest.approx(0.1 / 25)
    plain = optimizer(momentum=0.0)
    lr_scheduler.OneCycleLR(plain, max_lr=1.0, total_steps=10)
    assert plain.param_groups[0]["momentum"] == 0.95
    other = optimizer(momentum=0.0)
    lr_scheduler.CyclicLR(other, 0.1, 1.0)
    assert other.param_groups[0]["momentum"] == 0.9


def test_lr124_the_decay_in_a_chain_has_no_effect():
    own = optimizer()
    chain = lr_scheduler.ChainedScheduler(
        [lr_scheduler.ExponentialLR(own, 0.5), lr_scheduler.LambdaLR(own, lambda t: 1.0)]
    )
    assert rates(own, chain, 5) == [1.0] * 5


def test_lr125_two_that_multiply():
    own = optimizer(lr=0.1)
    one, two = lr_scheduler.StepLR(own, 2, 0.5), lr_scheduler.StepLR(own, 2, 0.5)
    used = []
    for _ in range(5):
        used.append(own.param_groups[0]["lr"])
        own.step()
        one.step()
        two.step()
    assert used == pytest.approx([0.1, 0.1, 0.025, 0.025, 0.00625])


@pytest.mark.parametrize(
    ("make", "for_ever"),
    [
        (lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=10), True),
        (lambda o: lr_scheduler.ConstantLR(o, 0.1, total_iters=10), True),
        (lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (t + 1)), False),
        (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 20, cycle_momentum=False), False),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 4, cycle_momentum=False), False),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 20), False),
        (lambda o: lr_scheduler.StepLR(o, 2), None),
        (lambda o: lr_scheduler.MultiStepLR(o, [2, 7]), None),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.9), None),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 20), None),
    ],
)
def test_lr126_building_after_loading_spoils_the_rate(make, for_ever):
    own = optimizer()
    scheduler = make(own)
    rates(own, scheduler, 5)
    saved, state = own.state_dict(), scheduler.state_dict()
    true = rates(own, scheduler, 4)
    late = optimizer()
    late.load_state_dict(saved)
    built = make(late)
    built.load_state_dict(state)
    used = rates(late, built, 4)
    wrong = [not math.isclose(a, b) for a, b in zip(used, true, strict=True)]
    assert (
        wrong == {True: [True] * 4, False: [True, False, False, False], None: [False] * 4}[for_ever]
    )


def test_lr127_a_negative_metric_gets_worse_and_counts_as_better():
    own = optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(own, patience=0, threshold=0.1)
    scheduler.step(-1.0)
    scheduler.step(-0.95)
    assert scheduler.best == -0.95
    assert own.param_groups[0]["lr"] == 1.0


def test_lr128_what_torch_refuses_and_what_it_takes():
    with pytest.raises(ValueError, match="learning rate"):
        optimizer(lr=-1.0)
    with pytest.raises(TypeError):
        optimizer(lr="0.01")
    for lr in (0.0, math.nan, math.inf):
        optimizer(lr=lr)


def test_lr130_a_rate_in_a_lambda_is_there_twice():
    base = 0.001
    own = optimizer(lr=base)
    scheduler = lr_scheduler.LambdaLR(own, lambda epoch: base * 0.97**epoch)
    assert rates(own, scheduler, 2) == pytest.approx([1e-6, 0.97e-6])
    said = message(
        "import torch\nbase = 1e-3\nown = torch.optim.SGD(p, lr=base)\n"
        "s = torch.optim.lr_scheduler.LambdaLR(own, lambda t: base * 0.97**t)"
    )
    assert "where 0.001 is meant, the rate is 1e-06" in said
