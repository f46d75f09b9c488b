"""Watch a training loop of the user's own: record its curve, and say what is wrong with it.

    watch = etude.watch(model, optimizer, total=updates, scheduler=scheduler)
    ...
        watch.loss(loss, lambda: criterion(model(inputs), targets))
        optimizer.step()
    ...
    watch.close()

The watch hangs on the optimizer's own hooks. It changes nothing: a watched run has the bits of an
unwatched one, in weights, optimizer, buffers and random state. And it makes the host wait for the
device only once in a block of updates.
"""

import atexit
import math
import time
import weakref
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from etude.errors import WatchError
from etude.integrations.tensorboard import Board
from etude.live.keep import keep, record_run
from etude.live.layers import Layers
from etude.live.line import Line
from etude.live.meter import Again, Meter
from etude.live.record import BLOCK, Record, Waiting
from etude.live.tally import Tally
from etude.live.telling import Teller
from etude.records import Array, Curve, Finding, Run
from etude.store import Store

EVERY = 40
"""Updates between two that are measured, by default; see `bench/watch.py`."""
GAIN_EVERY = 80
"""Updates between two whose gain is measured, by default: each takes one more forward pass."""


class Watch:
    """Looks on while a loop trains. Make one with `etude.watch`."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        *,
        tally: Tally,
        scaler: Any,
        total: int | None,
        epoch: int | None,
        every: int,
        gain_every: int,
        line: Line,
        board: Board | None,
        on_finding: Callable[[Finding], None] | None,
        name: str,
        seed: int,
        store: Any,
    ) -> None:
        self._optimizer, self._scaler = optimizer, scaler
        self._tally, self._line, self._board = tally, line, board
        self._total, self._epoch = total, epoch
        self._every, self._gain_every = every, gain_every
        self._teller = Teller(line, on_finding)
        self._name, self._seed, self._store = name, seed, store
        self._strategy = f"{type(optimizer).__name__.lower()} lr={_lr(optimizer):g}"
        self._layers = Layers(model, optimizer)
        self._record, self._meter = Record(Waiting(tally.updates)), Meter(model, optimizer)
        self._run: Run | None = None
        self._loss: Tensor | None = None
        self._again: list[Again] = []
        self._norm: Any = None
        self._due = self._gain_due = self._measuring = False
        self._told_all = True
        self._began = time.perf_counter()
        self._undo = self._attach()
        self._prepare()
        self._at_exit = _close_at_exit(self)

    @property
    def findings(self) -> list[Finding]:
        """What is wrong so far, by what was read so far."""
        return self._teller.findings

    def _attach(self) -> list[Callable[[], None]]:
        before = self._optimizer.register_step_pre_hook(self._before)
        after = self._optimizer.register_step_post_hook(self._after)
        undo = [before.remove, after.remove, self._meter.replay.close]
        if self._scaler is not None:
            step = self._scaler.step

            def counted(optimizer: Any, *args: Any, **kwargs: Any) -> Any:
                ours, updates = optimizer is self._optimizer, self._tally.updates
                self._tally.attempts += ours
                found = step(optimizer, *args, **kwargs)
                if ours and self._tally.updates == updates:
                    self._prepare()  # it was skipped: its losses are not those of the next update
                return found

            self._scaler.step = counted
            undo.append(lambda: delattr(self._scaler, "step"))
        return undo

    def loss(self, loss: Any, again: Again | None = None) -> None:
        """Tell the loss of a batch, before `optimizer.step()`.

        Tell the very loss that `backward` is called on. Where gradients are accumulated tell each
        micro-batch's: the loss of the update is their sum.

        Args:
            loss: a scalar tensor, or a number.
            again: computes this loss once more, without gradient: `lambda: criterion(model(x), y)`.
                It is called right after the update, when a gain ratio is due. Without it there are
                no gain ratios.
        """
        self._tally.losses += 1
        told = loss.detach().clone() if isinstance(loss, Tensor) else torch.tensor(float(loss))
        self._loss = told if self._loss is None else self._loss + told
        if again is not None and self._gain_due:
            self._again.append(again)

    def clipped(self, norm: Any) -> None:
        """Tell the norm that `clip_grad_norm_` gave, before `optimizer.step()`.

        The gradient norm and the gain ratio are then those of the whole gradient.
        """
        self._norm = norm

    def evaluation(self, loss: float, metric: float = math.nan, spread: float = math.nan) -> None:
        """Tell an evaluation on validation data, of the weights as they are now.

        Args:
            loss: validation loss.
            metric: validation metric.
            spread: standard deviation of the predictions over inputs, averaged over outputs; it
                shows a collapse to a constant answer.
        """
        values = (float(self._tally.updates), float(loss), float(metric), float(spread))
        self._record.evaluations.append(values)
        if self._board:
            named = {"val_loss": values[1], "val_metric": values[2]}
            self._board.write(self._tally.updates, named)

    def curve(self) -> Curve:
        """Give what was recorded so far; this waits for the device."""
        self._read()
        return self._record.curve()

    def layers(self) -> dict[str, Array]:
        """Give the gradient norm of each layer at the measured updates, and their `update`s.

        A layer is a child of the model; where the model has a single child, a child of that.
        """
        self._read()
        return self._layers.norms(self._record.layers)

    def lrs(self) -> Array:
        """Give the lr of each param group at each update, [updates, groups].

        It is nan before a group was added.
        """
        self._read()
        return self._record.group_lrs()

    def detach(self) -> None:
        """Take the watch off the optimizer; what was recorded stays."""
        for undo in self._undo:
            undo()
        self._undo = []
        self._line.close()

    def close(self) -> Run:
        """End the watch: judge the run, keep it in the store, and give it.

        Further calls give the same run.
        """
        if self._run is not None:
            return self._run
        self.detach()
        atexit.unregister(self._at_exit)
        self._read(ended=True)
        self._run = record_run(
            self._record.curve(),
            name=self._name,
            strategy=self._strategy,
            seed=self._seed,
            planned=self._total or self._tally.updates,
            updates=self._tally.updates,
            seconds=time.perf_counter() - self._began,
        )
        if self._board:
            self._board.close()
        if self._store is not False and self._run.curve.loss.size:
            keep(self._run, self._store, self.findings)
        return self._run

    def __enter__(self) -> Self:
        """Give the watch itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the watch."""
        self.close()

    def _prepare(self) -> None:
        """Make ready for the next update, and say whether it will be measured."""
        self._loss, self._norm, self._measuring = None, None, False
        update, had_gain = self._tally.updates, self._gain_due
        self._gain_due = bool(self._gain_every) and update % self._gain_every == 0
        self._due = self._gain_due or (bool(self._every) and update % self._every == 0)
        if had_gain:
            self._again.clear()
            self._meter.replay.close()
        if self._gain_due:
            self._meter.replay.note()

    def _before(self, _: Any, args: Any, kwargs: Any) -> Any:
        """Look at the run before an update; a closure is wrapped, for only it has the loss."""
        self._tally.before_update(scaled=self._scaler is not None)
        optimizer, *given = args  # torch gives the hook what `step` got, itself included
        closure = kwargs.get("closure", given[0] if given else None)
        if not callable(closure):
            self._measure()
            return None
        if "closure" in kwargs:
            return args, {**kwargs, "closure": self._heard(closure)}
        return (optimizer, self._heard(closure), *given[1:]), kwargs

    def _heard(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        """Hear the first loss of a step; a line search then asks for many."""

        def heard() -> Any:
            told = self._loss
            loss = closure()
            if not self._measuring:
                if self._loss is told is None and loss is not None:
                    self.loss(loss)
                self._measure()
                self._meter.replay.close()
            return loss

        return heard

    def _measure(self) -> None:
        self._measuring = True
        if self._due:
            self._meter.before(zeros=self._gain_due)

    def _after(self, *_: Any) -> None:
        """Look at the run after an update."""
        waiting = self._record.waiting
        if self._due:
            measured = self._meter.after(self._loss, self._again, self._norm)
            if measured is not None:
                waiting.measured.append((len(waiting.losses), measured))
        waiting.lrs.append([_kept(group["lr"]) for group in self._optimizer.param_groups])
        waiting.losses.append(_MISSING if self._loss is None else self._loss)
        self._told_all &= self._loss is not None
        overflow = getattr(self._optimizer, "found_inf", None)
        if isinstance(overflow, Tensor):
            waiting.overflows.append(overflow.clone())
        self._tally.updates += 1
        self._prepare()
        if len(waiting.losses) >= BLOCK:
            self._read()

    def _read(self, *, ended: bool = False) -> None:
        """Read a block from the device, and let everyone know."""
        overflown, rows = self._record.read(self._layers.of_params())
        self._tally.overflown += overflown
        if self._board:
            self._write(self._board, rows)
        if len(rows) or ended:
            counts = self._tally.counts(self._total, self._epoch, ended=ended)
            self._teller.look(self._record, counts, known=self._told_all, ended=ended)
        if len(rows) and self._line.shown:
            self._line.show(self._tally.updates, _last(self._record), len(self.findings))

    def _write(self, board: Board, rows: Array) -> None:
        names = ("lr", "loss", "grad_norm", "update_ratio")
        for row in rows:
            if not math.isnan(row[3]):  # this update was measured
                board.write(int(row[0]), dict(zip(names, map(float, row[1:]), strict=True)))


_MISSING = torch.tensor(math.nan)


def watch(
    model: nn.Module,
    optimizer: Optimizer,
    *,
    total: int | None = None,
    epoch: int | None = None,
    scheduler: Any = None,
    scaler: Any = None,
    start: int = 0,
    every: int = EVERY,
    gain_every: int = GAIN_EVERY,
    live: bool | None = None,
    tensorboard: Any = None,
    on_finding: Callable[[Finding], None] | None = None,
    name: str | None = None,
    seed: int = 0,
    store: Store | str | bool | None = None,
) -> Watch:
    """Watch a training loop; close the watch at its end, or use it as a context manager.

    Args:
        model: the model that trains.
        optimizer: its optimizer.
        total: updates planned; with it schedules and calls are compared.
        epoch: updates in an epoch, with which lengths in epochs are recognised.
        scheduler: the scheduler, or a list of all that set the lr.
        scaler: the `GradScaler`, with which skipped updates are counted.
        start: updates that were done before, in a run that was resumed.
        every: updates between two whose norms are measured; 0: none.
        gain_every: updates between two whose gain ratio and zeros are measured; 0: none.
        live: show a line on standard error; None: where that is a terminal.
        tensorboard: a folder or a `SummaryWriter` that gets the measured updates.
        on_finding: called with each finding as it arises.
        name: the run's task in the store; None: the model's class.
        seed: the run's seed, for the store.
        store: where the run is kept: an open store, its address, None for your own, False for
            nowhere.

    Raises:
        WatchError: a number is out of range, a scheduler counts no steps, or TensorBoard is asked
            for and not installed.
    """
    for label, value, least in (
        ("total", total, 1),
        ("epoch", epoch, 1),
        ("start", start, 0),
        ("every", every, 0),
        ("gain_every", gain_every, 0),
    ):
        if value is not None and (not isinstance(value, int) or value < least):
            raise WatchError(f"{label} must be a whole number from {least} on, got {value!r}")
    schedulers = scheduler if isinstance(scheduler, list | tuple) else [scheduler]
    given = [each for each in schedulers if each is not None]
    return Watch(
        model,
        optimizer,
        tally=Tally(optimizer, given, start),
        scaler=scaler,
        total=total,
        epoch=epoch,
        every=every,
        gain_every=gain_every,
        board=None if tensorboard is None else Board(tensorboard),
        line=Line(wanted=live, total=total),
        on_finding=on_finding,
        name=name or type(model).__name__,
        seed=seed,
        store=store,
    )


def _last(record: Record) -> dict[str, float]:
    """Give the last value of each signal, for the live line."""
    row = record.blocks[-1] if record.blocks else None
    if row is None:
        return {}
    measured = row[row[:, 3] == row[:, 3]]
    values = {"loss": float(row[-1, 2]), "lr": float(row[-1, 1])}
    if len(measured):
        values |= {"gradient": float(measured[-1, 3]), "update/weight": float(measured[-1, 4])}
    return values | ({"gain": record.gains[-1][1]} if record.gains else {})


def _close_at_exit(watch: Watch) -> Callable[[], None]:
    """Close a watch that nobody closed when Python ends, so that its run is kept."""
    reference = weakref.ref(watch)

    def close() -> None:
        living = reference()
        if living is not None:
            living.close()

    atexit.register(close)
    return close


def _kept(lr: Any) -> Any:
    return lr.detach().clone() if isinstance(lr, Tensor) else lr


def _lr(optimizer: Optimizer) -> float:
    return float(optimizer.param_groups[0]["lr"])
