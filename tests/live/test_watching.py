"""A watch changes nothing, and records what happened."""

import copy
import math
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

import etude
from etude.errors import WatchError
from etude.records import Outcome
from etude.store import Store

UPDATES = 90
INPUTS = torch.randn(256, 20, generator=torch.Generator().manual_seed(0))
LABELS = INPUTS[:, :5].argmax(1)


def network():
    """Has what leaves traces: BatchNorm's statistics, and dropout's draws."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(20, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(32, 5),
    )


def batch(t, size=32):
    draw = torch.Generator().manual_seed(t)
    places = torch.randint(0, len(INPUTS), (size,), generator=draw)
    return INPUTS[places], LABELS[places]


def loss_of(model, t):
    inputs, labels = batch(t)
    return functional.cross_entropy(model(inputs), labels)


@dataclass(eq=False)
class Ended:
    """All that a run leaves behind."""

    model: dict
    optimizer: dict
    random: torch.Tensor

    def same_as(self, other):
        return (
            all(torch.equal(a, other.model[n]) for n, a in self.model.items())
            and torch.equal(self.random, other.random)
            and same(self.optimizer, other.optimizer)
        )


def same(a, b):
    """Compare trees of tensors bit by bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def left_by(model, optimizer):
    return Ended(
        copy.deepcopy(model.state_dict()),
        copy.deepcopy(optimizer.state_dict()),
        torch.get_rng_state(),
    )


def weights_of(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()]).double()


def plain_loop(model, optimizer, watch):
    for t in range(UPDATES):
        loss = loss_of(model, t)
        optimizer.zero_grad()
        loss.backward()
        if watch:
            watch.loss(loss, lambda t=t: loss_of(model, t))
        optimizer.step()


def accumulating_loop(model, optimizer, watch):
    for t in range(UPDATES):
        optimizer.zero_grad()
        for part in range(3):
            loss = loss_of(model, 3 * t + part) / 3
            loss.backward()
            if watch:
                watch.loss(loss, lambda k=3 * t + part: loss_of(model, k) / 3)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        if watch:
            watch.clipped(norm)
        optimizer.step()


def closure_loop(model, optimizer, watch):
    for t in range(UPDATES // 3):

        def closure(t=t):
            optimizer.zero_grad()
            loss = loss_of(model, t)
            loss.backward()
            return loss

        optimizer.step(closure)


def amp_loop(model, optimizer, watch):
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=20)
    if watch:
        watch = etude.watch(model, optimizer, scaler=scaler, every=5, gain_every=5, store=False)
    for t in range(UPDATES):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of(model, t)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        if watch:
            watch.loss(loss, lambda t=t: loss_of(model, t))
        scaler.step(optimizer)
        scaler.update()
    if watch:
        watch.close()


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)


def grouped(model):
    return torch.optim.AdamW(
        [
            {"params": model[0].parameters(), "lr": 1e-2},
            {"params": [*model[1].parameters(), *model[4].parameters()], "lr": 3e-3},
        ]
    )


def tensor_lr(model):
    return torch.optim.Adam(model.parameters(), lr=torch.tensor(1e-2))


def fused(model):
    return torch.optim.AdamW(model.parameters(), lr=1e-2, fused=True)


def lbfgs(model):
    return torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=3)


@pytest.mark.parametrize(
    ("loop", "make"),
    [
        (plain_loop, sgd),
        (plain_loop, grouped),
        (plain_loop, tensor_lr),
        (plain_loop, fused),
        (accumulating_loop, sgd),
        (closure_loop, lbfgs),
        (closure_loop, sgd),
        (amp_loop, grouped),
        (amp_loop, fused),
    ],
)
def test_a_watched_run_has_the_bits_of_an_unwatched_one(loop, make):
    ends = []
    for watched in (False, True):
        model = network()
        optimizer = make(model)
        torch.manual_seed(7)
        watch = None
        if watched:
            watch = etude.watch(model, optimizer, every=2, gain_every=4, store=False)
        loop(model, optimizer, watch)
        if watch:
            watch.close()
        ends.append(left_by(model, optimizer))
    assert ends[0].same_as(ends[1])


def test_it_records_what_happened():
    model = network()
    optimizer = sgd(model)
    watch = etude.watch(model, optimizer, total=UPDATES, every=1, gain_every=3, store=False)
    losses, norms, ratios = [], [], []
    for t in range(UPDATES):
        loss = loss_of(model, t)
        optimizer.zero_grad()
        loss.backward()
        watch.loss(loss, lambda t=t: loss_of(model, t))
        before = weights_of(model)
        losses.append(loss.item())
        grads = torch.cat([p.grad.flatten() for p in model.parameters()])
        norms.append(float(grads.double().norm()))
        optimizer.step()
        after = weights_of(model)
        ratios.append(float((after - before).norm() / before.norm()))
    curve = watch.curve()
    assert curve.update.tolist() == list(range(UPDATES))
    assert curve.loss.tolist() == losses
    assert set(curve.lr) == {0.1}
    np.testing.assert_allclose(curve.grad_norm, norms, rtol=1e-5)
    np.testing.assert_allclose(curve.update_ratio, ratios, rtol=1e-4)
    assert curve.gain_update.tolist() == list(range(0, UPDATES, 3))
    parts = watch.layers()
    assert list(parts) == ["update", "0", "1", "4"]
    total = np.sqrt(parts["0"] ** 2 + parts["1"] ** 2 + parts["4"] ** 2)
    np.testing.assert_allclose(total, norms, rtol=1e-5)


def test_the_gain_ratio_of_a_parabola_is_1_minus_half_the_lr():
    # L = w^2 / 2, g = w, dw = -lr w: L(w) - L(w + dw) = w^2 (lr - lr^2 / 2), -g dw = lr w^2
    for lr in (0.01, 0.5, 1.0, 1.5):
        point = nn.Linear(1, 1, bias=False)
        optimizer = torch.optim.SGD(point.parameters(), lr=lr)
        watch = etude.watch(point, optimizer, gain_every=1, store=False)
        with torch.no_grad():
            point.weight.fill_(3.0)

        def loss(point=point):
            return 0.5 * point.weight.square().sum()

        told = loss()
        told.backward()
        watch.loss(told, loss)
        optimizer.step()
        assert watch.curve().gain_ratio[0] == pytest.approx(1 - lr / 2, abs=1e-4)
        watch.close()


def test_with_dropout_the_second_pass_has_the_first_ones_draws():
    # At a tiny lr the loss is a line, so that rho is 1; with other masks it would be anything.
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    watch = etude.watch(model, optimizer, gain_every=1, store=False)
    plain_loop(model, optimizer, watch)
    np.testing.assert_allclose(watch.curve().gain_ratio, 1.0, atol=0.05)


def test_a_decrease_that_rounding_hides_has_no_ratio():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
    watch = etude.watch(model, optimizer, gain_every=1, store=False)
    plain_loop(model, optimizer, watch)
    assert np.isnan(watch.curve().gain_ratio).all()


def test_a_clipped_gradient_is_told():
    seen = []
    for tell in (False, True):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        watch = etude.watch(model, optimizer, every=1, gain_every=1, store=False)
        loss = loss_of(model, 0)
        loss.backward()
        watch.loss(loss, lambda model=model: loss_of(model, 0))
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        if tell:
            watch.clipped(norm)
        optimizer.step()
        curve = watch.curve()
        seen.append((curve.grad_norm[0], float(norm)))
        if tell:  # about 5e-6 of a loss near 1.6 was gained, of which float32 keeps two digits
            assert curve.grad_norm[0] == pytest.approx(float(norm), rel=1e-4)
    assert seen[0][0] == pytest.approx(0.01, rel=1e-3)


def test_micro_batches_add_up():
    model = network()
    optimizer = sgd(model)
    watch = etude.watch(model, optimizer, every=1, gain_every=1, store=False)
    torch.manual_seed(7)
    accumulating_loop(model, optimizer, watch)
    assert len(watch.curve().loss) == UPDATES
    assert np.median(watch.curve().gain_ratio) == pytest.approx(0.9, abs=0.2)


def test_a_closure_tells_its_first_loss():
    model = network()
    optimizer = lbfgs(model)
    watch = etude.watch(model, optimizer, every=1, store=False)
    torch.manual_seed(7)
    closure_loop(model, optimizer, watch)
    curve = watch.curve()
    assert len(curve.loss) == UPDATES // 3
    assert np.isfinite(curve.loss).all()
    assert np.isfinite(curve.grad_norm).all()


def test_zero_gradients_show():
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))
    with torch.no_grad():
        model[0].bias.fill_(-100.0)  # every unit of the layer is dead
    optimizer = sgd(model)
    watch = etude.watch(model, optimizer, gain_every=1, store=False)
    loss = loss_of(model, 0)
    loss.backward()
    watch.loss(loss)
    optimizer.step()
    assert watch.curve().zero_share.tolist() == [1.0]
    assert math.isnan(watch.curve().gain_ratio[0])


def test_each_groups_lr_is_kept():
    model = network()
    optimizer = grouped(model)
    watch = etude.watch(model, optimizer, store=False)
    plain_loop(model, optimizer, watch)
    assert watch.lrs().shape == (UPDATES, 2)
    assert watch.lrs()[0].tolist() == [1e-2, 3e-3]


def test_a_group_that_is_added_on_the_way_is_measured_from_then_on():
    model = network()
    optimizer = torch.optim.SGD(model[0].parameters(), lr=1e-2)
    watch = etude.watch(model, optimizer, every=1, store=False)
    plain_loop(model, optimizer, watch)
    optimizer.add_param_group({"params": list(model[4].parameters()), "lr": 1e-3})
    plain_loop(model, optimizer, watch)
    norms, lrs = watch.layers(), watch.lrs()
    assert list(norms) == ["update", "0", "4"]
    assert np.isnan(norms["4"]).sum() == np.isnan(lrs[:, 1]).sum() == UPDATES
    assert lrs[-1].tolist() == [1e-2, 1e-3]
    assert (norms["4"][UPDATES:] > 0).all()


def test_the_model_has_a_hook_only_where_a_gain_is_due():
    model = network()
    optimizer = sgd(model)
    watch = etude.watch(model, optimizer, gain_every=10, store=False)
    hooked = []
    for t in range(21):
        hooked.append(bool(model._forward_pre_hooks))
        loss = loss_of(model, t)
        loss.backward()
        watch.loss(loss, lambda t=t: loss_of(model, t))
        optimizer.step()
    assert np.flatnonzero(hooked).tolist() == [0, 10, 20]
    assert watch.curve().gain_update.tolist() == [0, 10, 20]


class _Reads(TorchDispatchMode):
    """Counts what makes the host wait for a device: numbers read out of tensors."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        reads = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default}
        self.count += func in reads
        return func(*args, **(kwargs or {}))


def test_nothing_is_read_from_the_device_within_a_block():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=torch.tensor(0.1), momentum=0.9)
    reads = {}
    for watched in (False, True):
        watch = None
        if watched:
            watch = etude.watch(model, optimizer, every=1, gain_every=1, store=False)
        with _Reads() as counter:
            for t in range(20):
                loss = loss_of(model, t)
                optimizer.zero_grad()
                loss.backward()
                if watch:
                    watch.loss(loss, lambda t=t: loss_of(model, t))
                optimizer.step()
        reads[watched] = counter.count
    assert reads[True] == reads[False]


def test_detach_and_close_leave_no_hook():
    model = network()
    optimizer = sgd(model)
    scaler = torch.amp.GradScaler("cpu")
    watch = etude.watch(model, optimizer, scaler=scaler, store=False)
    assert optimizer._optimizer_step_pre_hooks
    watch.close()
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert not model._forward_pre_hooks
    assert "step" not in vars(scaler)


def test_the_run_goes_to_the_store(tmp_path):
    model = network()
    optimizer = sgd(model)
    with etude.watch(model, optimizer, total=UPDATES, name="mine", seed=3) as watch:
        plain_loop(model, optimizer, watch)
        watch.evaluation(0.5, 0.9)
    run = watch.close()
    assert run is watch.close()
    assert run.outcome in {Outcome.CONVERGED, Outcome.IMPROVING}
    with Store.open() as store:
        (stored,) = store.runs()
        kept = store.get(stored.run.id)
    assert (stored.run.task, stored.run.seed, stored.run.strategy) == ("mine", 3, "sgd lr=0.1")
    assert (stored.run.loss, stored.run.metric) == (0.5, 0.9)
    assert kept.run.curve.loss.tolist() == run.curve.loss.tolist()
    assert stored.settings["findings"] == []


def test_a_store_that_fails_does_not_end_the_program(tmp_path):
    model = network()
    optimizer = sgd(model)
    watch = etude.watch(model, optimizer, store=str(tmp_path))
    plain_loop(model, optimizer, watch)
    with pytest.warns(UserWarning, match="was not kept"):
        watch.close()


def test_tensorboard_gets_the_measured_updates(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from torch.utils.tensorboard import SummaryWriter  # noqa: F401

    model = network()
    optimizer = sgd(model)
    with etude.watch(model, optimizer, every=10, tensorboard=tmp_path, store=False) as watch:
        plain_loop(model, optimizer, watch)
        watch.evaluation(0.5)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    scalars = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
    assert set(scalars) == {"lr", "loss", "grad_norm", "update_ratio", "val_loss"}
    assert [each.step for each in scalars["loss"]] == list(range(0, UPDATES, 10))


def test_own_writers_stay_open():
    class Writer:
        def __init__(self):
            self.tags = []

        def add_scalar(self, tag, value, step):
            self.tags.append(tag)

        def flush(self):
            self.tags.append("flushed")

    writer = Writer()
    model = network()
    optimizer = sgd(model)
    with etude.watch(model, optimizer, tensorboard=writer, store=False) as watch:
        plain_loop(model, optimizer, watch)
    assert writer.tags[-1] == "flushed"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"total": 0}, "total must be a whole number from 1 on, got 0"),
        ({"every": -1}, "every must be"),
        ({"gain_every": 2.5}, "gain_every must be"),
        ({"scheduler": object()}, "must count its steps in last_epoch"),
    ],
)
def test_bad_values_are_refused(given, message):
    model = network()
    with pytest.raises(WatchError, match=message):
        etude.watch(model, sgd(model), **given)


def test_an_unwatched_loss_is_missing_not_wrong():
    model = network()
    optimizer = sgd(model)
    watch = etude.watch(model, optimizer, store=False)
    functional.cross_entropy(model(batch(0)[0]), batch(0)[1]).backward()
    optimizer.step()
    assert math.isnan(watch.curve().loss[0])
    watch.close()
    assert watch.findings == []


def test_a_run_that_breaks_is_told_at_once():
    heard = []
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e30)
    with etude.watch(model, optimizer, total=1000, on_finding=heard.append, store=False) as watch:
        plain_loop(model, optimizer, watch)
        assert [finding.code for finding in heard] == ["ED01"]
    assert heard[0].span[0] < 5


def test_rules_are_asked_less_and_less_often(monkeypatch):
    from etude.live import telling, watching

    asked, block = [], 5
    monkeypatch.setattr(watching, "BLOCK", block)
    monkeypatch.setattr(telling, "broken", lambda curve: asked.append(curve.loss.size) or ())
    model = nn.Linear(1, 1)
    optimizer = sgd(model)
    with etude.watch(model, optimizer, every=0, gain_every=0, store=False) as watch:
        for _ in range(100 * block):
            watch.loss(1.0)
            optimizer.step()
        blocks = np.array(asked) // block
        watch.loss(math.nan)
        for _ in range(block):
            optimizer.step()
            watch.loss(1.0)
    assert blocks[0] == 1
    assert (np.diff(blocks) >= np.maximum(4, 0.1 * blocks[:-1])).all()
    assert len(blocks) < 25
    assert asked[-1] == 101 * block  # at once, for the block had a loss that is not finite


def test_the_line_shows_where_the_run_is_and_what_is_wrong(capsys):
    from etude.live import line as module

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e30)
    with etude.watch(model, optimizer, total=1000, live=True, store=False) as watch:
        plain_loop(model, optimizer, watch)
    shown = capsys.readouterr()
    assert "ED01" in shown.err
    assert shown.out == ""
    text = module.line(120, 1000, {"loss": 0.5, "lr": 0.01, "gain": math.nan}, 2)
    assert text == "update 120/1,000 · loss 0.5 · lr 0.01 · 2 findings"


def test_it_is_silent_where_nobody_sits_at_a_terminal(capsys):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e30)
    with etude.watch(model, optimizer, store=False) as watch:
        plain_loop(model, optimizer, watch)
    assert watch.findings
    assert capsys.readouterr() == ("", "")
