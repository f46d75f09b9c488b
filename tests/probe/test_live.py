"""`etude.probe` on a live run: the verdict, and a run that goes on to the bit."""

import copy
import itertools
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import etude
from etude.errors import ProbeError
from etude.probe import probe
from etude.records import Action


class Live:
    """A user's own loop: a small network with dropout and batch statistics."""

    def __init__(self, optimizer=None, seed=0):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(1)
        self.inputs = torch.randn(256, 8, generator=generator)
        self.targets = self.inputs[:, :1] - self.inputs[:, 1:2] ** 2
        self.model = nn.Sequential(
            nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1)
        )
        make = optimizer or (lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9))
        self.optimizer = make(self.model.parameters())
        self.loader = DataLoader(
            TensorDataset(self.inputs, self.targets),
            batch_size=16,
            shuffle=True,
            generator=torch.Generator().manual_seed(2),
        )
        self.losses = []

    def loss(self, batch):
        return nn.functional.mse_loss(self.model(batch[0]), batch[1])

    def train(self, epochs=1):
        for _ in range(epochs):
            for batch in self.loader:
                self.losses.append(
                    self.optimizer.step(lambda batch=batch: self.closure(batch)).item()
                )

    def closure(self, batch):
        self.optimizer.zero_grad()
        value = self.loss(batch)
        value.backward()
        return value

    def everything(self):
        return copy.deepcopy(
            [
                self.model.state_dict(),
                self.optimizer.state_dict(),
                [p.grad for p in self.model.parameters()],
                torch.get_rng_state(),
                np.random.get_state(),  # noqa: NPY002 - what users draw from
                random.getstate(),
                self.loader.generator.get_state(),
            ]
        )


def same(first, second):
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, np.ndarray):
        return np.array_equal(first, second)
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


OPTIMIZERS = {
    "momentum": None,
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
    "amsgrad, a tensor lr": lambda p: torch.optim.Adam(p, lr=torch.tensor(0.01), amsgrad=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.001, momentum=0.9),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("epochs", [0, 1])
def test_a_probe_leaves_every_bit_of_a_run_as_it_was(name, epochs):
    live = Live(OPTIMIZERS[name])
    live.train(epochs)
    before = live.everything()
    probe(live.model, live.optimizer, loss=live.loss, batches=live.loader, updates=12)
    assert same(before, live.everything())


def test_losses_after_a_probe_are_those_of_an_undisturbed_run():
    runs = []
    for looks in (False, True):
        live = Live()
        live.train()
        if looks:
            probe(live.model, live.optimizer, loss=live.loss, batches=live.loader, updates=12)
        live.train()
        runs.append(live.losses)
    assert runs[0] == runs[1]


def scaled(live, scaler, batch, *, clip=None):
    """One update of a loop in mixed precision."""
    value = live.loss(batch)
    live.optimizer.zero_grad()
    scaler.scale(value).backward()
    if clip is not None:
        scaler.unscale_(live.optimizer)
        nn.utils.clip_grad_norm_(live.model.parameters(), clip)
    scaler.step(live.optimizer)
    scaler.update()
    return value.item()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("clip", [None, 0.5])
def test_the_fork_at_one_is_the_run_with_its_scaler(fused, clip):
    live = Live(lambda p: torch.optim.AdamW(p, lr=0.01, fused=fused))
    # the first scales overflow, and then the scale grows every other update until it does again
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126, growth_interval=2)
    watch = etude.watch(live.model, live.optimizer, scaler=scaler, store=False)
    torch.optim.lr_scheduler.StepLR(live.optimizer, 1)  # etude: ignore[LR102]
    batches = list(itertools.islice(live.loader, 12))
    for batch in batches[:6]:
        scaled(live, scaler, batch, clip=clip)
    before = [*live.everything(), copy.deepcopy(scaler.state_dict()), watch.curve().loss.size]
    answer = probe(
        live.model,
        live.optimizer,
        loss=live.loss,
        batches=batches[6:],
        updates=6,
        clip=clip,
        scaler=scaler,
    )
    assert same(before, [*live.everything(), scaler.state_dict(), watch.curve().loss.size])
    (own,) = (fork for fork in answer.forks if fork.factor == 1)
    losses = [scaled(live, scaler, batch, clip=clip) for batch in batches[6:]]
    assert list(own.loss) == losses


def test_a_probe_between_unscale_and_step_leaves_that_as_it_was():
    live = Live()
    scaler = torch.amp.GradScaler("cpu")
    batches = list(live.loader)
    scaled(live, scaler, batches[0])
    scaler.scale(live.loss(batches[1])).backward()
    scaler.unscale_(live.optimizer)
    before = live.everything()
    probe(live.model, live.optimizer, loss=live.loss, batches=batches, updates=6, scaler=scaler)
    assert same(before, live.everything())
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(live.optimizer)
    scaler.step(live.optimizer)
    scaler.update()


def test_an_unused_scaler_stays_unused():
    live = Live()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    live.optimizer.zero_grad()
    probe(live.model, live.optimizer, loss=live.loss, batches=live.loader, updates=6, scaler=scaler)
    assert scaler.state_dict() == torch.amp.GradScaler("cpu", init_scale=2.0**10).state_dict()


def test_tensors_keep_their_identity():
    live = Live()
    live.train()
    buffers = [state["momentum_buffer"] for state in live.optimizer.state.values()]
    grads = [p.grad for p in live.model.parameters()]
    probe(live.model, live.optimizer, loss=live.loss, batches=live.loader, updates=6)
    now = [state["momentum_buffer"] for state in live.optimizer.state.values()]
    assert all(a is b for a, b in zip(buffers, now, strict=True))
    assert all(a is p.grad for a, p in zip(grads, live.model.parameters(), strict=True))


def test_hooks_and_schedulers_see_no_fork():
    live = Live()
    seen = []
    live.optimizer.register_step_post_hook(lambda *_: seen.append(1))
    scheduler = torch.optim.lr_scheduler.StepLR(live.optimizer, 1)  # etude: ignore[LR102]
    count = live.optimizer._opt_called if hasattr(live.optimizer, "_opt_called") else None
    probe(live.model, live.optimizer, loss=live.loss, batches=live.loader, updates=6)
    assert seen == []
    assert scheduler.last_epoch == 0
    assert getattr(live.optimizer, "_opt_called", None) == count
    live.train()
    assert len(seen) == len(live.loader)


def test_the_fork_at_one_is_the_run_itself():
    live = Live()
    batches = list(itertools.islice(live.loader, 8))
    state = torch.get_rng_state()
    answer = probe(live.model, live.optimizer, loss=live.loss, batches=batches, updates=8)
    torch.set_rng_state(state)
    live.loader = batches
    live.train()
    (own,) = (fork for fork in answer.forks if fork.factor == 1)
    assert list(own.loss) == live.losses


@pytest.mark.parametrize(
    ("lr", "action"), [(1e-4, Action.RAISE), (0.03, Action.KEEP), (1e3, Action.LOWER)]
)
def test_the_verdict_is_that_of_the_rates_themselves(lr, action):
    live = Live(lambda p: torch.optim.SGD(p, lr=lr))
    answer = probe(live.model, live.optimizer, loss=live.loss, batches=live.loader)
    assert answer.action is action, answer.sentence


def test_a_dead_network_is_not_the_rate():
    live = Live()
    for weight in live.model.parameters():
        nn.init.zeros_(weight)
    live.targets -= live.targets.mean()
    live.loader = [(live.inputs, live.targets)]
    answer = probe(live.model, live.optimizer, loss=live.loss, batches=live.loader)
    assert answer.action is Action.NOT_RATE


def test_batches_that_the_run_would_lose_are_refused():
    live = Live()

    def ask(batches, **options):
        return probe(live.model, live.optimizer, loss=live.loss, batches=batches, **options)

    with pytest.raises(ProbeError, match="islice"):
        ask(iter(live.loader))
    with pytest.raises(ProbeError, match="at least one batch"):
        ask([])
    with pytest.raises(ProbeError, match="at least 6 updates"):
        ask(live.loader, updates=2)
    with pytest.raises(ProbeError, match="positive"):
        ask(live.loader, factors=[0.1, -1])


def test_a_loss_that_raises_leaves_the_run_as_it_was():
    live = Live()
    live.train()
    before = live.everything()
    calls = []

    def loss(batch):
        calls.append(1)
        if len(calls) > 30:
            raise ValueError("mine")
        return live.loss(batch)

    with pytest.raises(ValueError, match="mine"):
        probe(live.model, live.optimizer, loss=loss, batches=live.loader, updates=12)
    assert same(before, live.everything())
