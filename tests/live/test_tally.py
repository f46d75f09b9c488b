"""The faults that only counting shows, each in a real loop with torch's own schedulers."""

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import etude

EPOCHS, BATCHES = 10, 12
TOTAL = EPOCHS * BATCHES


@pytest.fixture
def model():
    return nn.Linear(3, 1)


@pytest.fixture
def optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def run(  # the loop of a textbook, with places for its usual faults
    model,
    optimizer,
    scheduler,
    *,
    per="batch",
    order="right",
    accumulate=1,
    scaler=None,
    **watching,
):
    given = {"total": TOTAL // accumulate, "epoch": BATCHES // accumulate} | watching
    with etude.watch(
        model, optimizer, scheduler=scheduler, scaler=scaler, store=False, **given
    ) as watch:
        for _ in range(EPOCHS):
            for k in range(BATCHES):
                loss = model(torch.ones(2, 3)).square().mean() / accumulate
                watch.loss(loss)
                loss.backward()
                due = (k + 1) % accumulate == 0
                if order == "wrong" and due:
                    scheduler.step()
                if due:
                    optimizer.step()
                    optimizer.zero_grad()
                if order == "right" and (per == "micro" or (per == "batch" and due)):
                    scheduler.step()
            if per == "epoch":
                scheduler.step()
    return watch


def codes(watch):
    """What counting showed; the losses of these loops are made up, and rules on curves say so."""
    return [finding.code for finding in watch.findings if finding.code >= "ED31"]


@pytest.mark.filterwarnings("ignore:Detected call")
@pytest.mark.parametrize(
    ("make", "how", "expected"),
    [
        (lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL), {}, []),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL - 1), {}, []),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=TOTAL), {}, []),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS), {"per": "epoch"}, []),
        (lambda o: lr_scheduler.StepLR(o, 3), {"per": "epoch"}, []),
        (lambda o: lr_scheduler.MultiStepLR(o, [5, 8]), {"per": "epoch"}, []),
        (lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=20), {}, []),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL // 3), {"accumulate": 3}, []),
        (
            lambda o: lr_scheduler.SequentialLR(
                o,
                [
                    lr_scheduler.LinearLR(o, 0.1, total_iters=20),
                    lr_scheduler.CosineAnnealingLR(o, 100),
                ],
                [20],
            ),
            {},
            [],
        ),
        (lambda o: etude.Scheduler(o, etude.cosine(), total=TOTAL), {}, []),
        # T_max in epochs, stepped per batch; and the other way round
        (lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS), {}, ["ED33"]),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL), {"per": "epoch"}, ["ED33"]),
        # a length in micro-batches, stepped per update
        (lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL), {"accumulate": 3}, ["ED33"]),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 50), {}, ["ED34"]),
        (lambda o: etude.Scheduler(o, etude.cosine(), total=90), {}, ["ED34"]),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 300), {}, ["ED35"]),
        (lambda o: lr_scheduler.MultiStepLR(o, [100, 150]), {"per": "epoch"}, ["ED35"]),
        (lambda o: lr_scheduler.StepLR(o, 30), {"per": "epoch"}, ["ED35"]),
        (
            lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL // 3),
            {"accumulate": 3, "per": "micro"},
            ["ED36"],
        ),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL), {"per": "never"}, ["ED31"]),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL), {"order": "wrong"}, ["ED32"]),
        # the plan counts micro-batches
        (
            lambda o: lr_scheduler.ExponentialLR(o, 0.99),
            {"accumulate": 3, "total": TOTAL, "epoch": None},
            ["ED40"],
        ),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.99), {"total": 100}, ["ED40"]),
    ],
)
def test_each_fault_is_named_and_nothing_else(model, optimizer, make, how, expected):
    watch = run(model, optimizer, make(optimizer), **how)
    assert codes(watch) == expected
    for finding in watch.findings:
        assert finding.message
        assert finding.remedy
        assert finding.refuted_by


@pytest.mark.filterwarnings("ignore:Detected call")
def test_a_scheduler_of_another_optimizer(model, optimizer):
    other = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    scheduler = lr_scheduler.CosineAnnealingLR(other, TOTAL)
    assert codes(run(model, optimizer, scheduler)) == ["ED37"]


def test_an_lr_that_was_changed_from_outside(model, optimizer):
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, TOTAL)

    class Meddler:
        def __init__(self):
            self.calls = 0

        def __call__(self, *_):
            self.calls += 1
            if self.calls == 40:
                optimizer.param_groups[0]["lr"] = 0.5

    optimizer.register_step_post_hook(Meddler())
    watch = run(model, optimizer, scheduler, per="epoch", total=TOTAL)
    found = {finding.code: finding for finding in watch.findings}
    assert found["ED38"].span[0] == 40
    assert found["ED38"].evidence["updates"] == 8  # until the end of the epoch


def test_a_loaded_state_or_a_controller_is_no_change_from_outside(model, optimizer):
    scheduler = etude.Scheduler(optimizer, etude.cosine() * etude.spike(), total=TOTAL)
    with etude.watch(
        model, optimizer, scheduler=scheduler, total=TOTAL, start=5, store=False
    ) as watch:
        scheduler.load_state_dict(scheduler.state_dict() | {"last_epoch": 5})
        for t in range(5, TOTAL):
            watch.loss(1.0)
            model(torch.ones(2, 3)).sum().backward()
            optimizer.step()
            scheduler.observe(100.0 if t == 50 else 1.0)
            scheduler.step()
    assert scheduler.events
    assert codes(watch) == []


def test_skipped_updates_are_no_wrong_order(model, optimizer):
    # torch itself warns here that the scheduler was stepped first (pytorch issue 44511)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, TOTAL)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    with etude.watch(
        model, optimizer, scheduler=scheduler, scaler=scaler, total=TOTAL, store=False
    ) as watch:
        for _ in range(TOTAL):
            loss = model(100 * torch.ones(2, 3)).square().mean()
            watch.loss(loss)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            scheduler._step_count += 1  # keeps torch's own, false warning out
            scheduler.step()
    assert watch.curve().loss.size < TOTAL
    assert "ED32" not in codes(watch)


@pytest.mark.parametrize("fused", [False, True])
def test_many_skipped_updates_are_told(model, fused):
    optimizer = torch.optim.AdamW(model.parameters(), fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    with etude.watch(model, optimizer, scaler=scaler, store=False) as watch:
        for t in range(100):
            loss = model(torch.ones(2, 3)).square().mean()
            watch.loss(loss)
            optimizer.zero_grad()
            (scaler.scale(loss) * (float("inf") if t % 4 == 0 else 1.0)).backward()
            scaler.step(optimizer)
            scaler.update()
    (finding,) = (each for each in watch.findings if each.code >= "ED31")
    assert finding.code == "ED39"
    assert finding.evidence == {"skipped": 25, "tried": 100}


@pytest.mark.parametrize("fused", [False, True])
def test_the_loss_of_a_skipped_update_is_not_added_to_the_next_ones(model, fused):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    with etude.watch(model, optimizer, scaler=scaler, store=False) as watch:
        for t in range(12):
            loss = model(torch.ones(2, 3)).square().mean()
            watch.loss(loss)
            optimizer.zero_grad()
            (scaler.scale(loss) * (float("inf") if t % 3 == 1 else 1.0)).backward()
            scaler.step(optimizer)
            scaler.update()
    assert watch.curve().loss.tolist() == [loss.item()] * (12 if fused else 8)


def test_findings_arise_while_the_run_goes_on(model, optimizer):
    heard = []
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    run(model, optimizer, scheduler, on_finding=heard.append)
    assert [finding.code for finding in heard] == ["ED33"]
    assert heard[0].span[1] < TOTAL


def test_a_resumed_run_that_is_right_gives_no_finding(model, optimizer):
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, TOTAL)
    for _ in range(50):
        optimizer.step()
        scheduler.step()
    with etude.watch(
        model, optimizer, scheduler=scheduler, total=TOTAL, start=50, store=False
    ) as watch:
        for _ in range(50, TOTAL):
            optimizer.step()
            scheduler.step()
    assert codes(watch) == []


def test_a_lambda_of_transformers_has_its_length(model, optimizer):
    from functools import partial

    def rule(step, *, num_training_steps):
        return max(0.0, 1 - step / num_training_steps)

    scheduler = lr_scheduler.LambdaLR(optimizer, partial(rule, num_training_steps=EPOCHS))
    assert codes(run(model, optimizer, scheduler)) == ["ED33"]
