"""The searchers that étude is measured against, and the space that all of them search.

Each peer trains by the same ordinary PyTorch loop over tensors in memory, with étude's model,
batch size, number of updates, schedules and validation loss, so that only the search differs. It
tells its pruner the validation loss after every epoch. Samplers and pruners keep their defaults.
"""

import logging
import math
import multiprocessing
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from etude.strategies import Strategy, build_optimizer, strategy
from etude.tasks import Prepared

LOWEST = {"sgd": 1e-3, "sgd momentum=0.9": 1e-4, "adam": 1e-5}
"""The lowest peak lr of each optimizer."""
DECADES, LRS = 4, 16
SCHEDULES = {
    "constant": ("constant", "warmup 10% -> constant"),
    "cosine": ("cosine", "warmup 10% -> cosine"),
    "linear": ("linear", "warmup 10% -> linear"),
    "step": ("step 30%", "warmup 10% -> step 30%"),
    "one-cycle": ("one-cycle", "one-cycle up=10%"),
}
"""Each schedule without warmup and with one of 10 %; a one-cycle's usual rise is 30 %."""
CORES = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """What a search is given."""

    prepared: Prepared
    updates: int
    """Length of a run in full."""
    strategies: int
    """How many it may try."""
    seed: int
    """Seeds what the search draws, and the weights and batches of its runs."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to, and what it cost."""

    strategy: str
    updates: int
    """Updates trained."""
    wall: float
    cpu: float
    runners_up: tuple[str, ...] = ()


Search = Callable[[Setting], Found]


def point(optimizer: str, step: int, schedule: str, *, warmup: bool) -> Strategy:
    """Give one strategy of the space; `step` counts up the optimizer's lr grid from 0."""
    lr = LOWEST[optimizer] * 10 ** (DECADES * step / (LRS - 1))
    return strategy(optimizer, lr=float(f"{lr:.3g}"), schedule=SCHEDULES[schedule][warmup])


def every_point() -> list[Strategy]:
    """Give the whole space: 3 optimizers x 16 lrs x 5 schedules x 2 warmups."""
    axes = product(LOWEST, range(LRS), SCHEDULES, (False, True))
    return [point(o, step, s, warmup=w) for o, step, s, w in axes]


@dataclass(slots=True)
class Clock:
    """Wall and CPU seconds of a block."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def clock() -> Iterator[Clock]:
    """Measure a block: wall time, and CPU time of this process and all that it started."""
    measured = Clock()
    wall, cpu = time.perf_counter(), cpu_seconds()
    yield measured
    measured.wall, measured.cpu = time.perf_counter() - wall, cpu_seconds() - cpu


def cpu_seconds() -> float:
    """Add up the CPU time of this process and its descendants, dead ones it waited for included."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        parents[int(file.parent.name)] = int(fields[1])
        ticks[int(file.parent.name)] = sum(map(int, fields[11:15]))
    family, found = {os.getpid()}, 0
    while len(family) > found:
        found = len(family)
        family |= {pid for pid, parent in parents.items() if parent in family}
    return sum(ticks.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")


class PlainRun:
    """An ordinary training loop, an epoch at a time."""

    def __init__(self, prepared: Prepared, tried: Strategy, *, updates: int, seed: int) -> None:
        task = prepared.task
        torch.manual_seed(seed)
        self.updates, self.done, self.epochs = updates, 0, 0
        self._model, self._loss, self._batch = task.model(), task.loss, task.batch_size
        self._size = prepared.train.size
        self._train = prepared.train.take(torch.arange(self._size))
        self._val = prepared.val.take(torch.arange(prepared.val.size))
        epoch = self._size // self._batch
        schedule = tried.bind(updates, epoch=epoch, batch_size=self._batch).schedule
        self._rates = (tried.peak_lr * schedule(np.arange(updates))).tolist()
        self._optimizer = build_optimizer(tried, self._model.parameters())

    @property
    def ended(self) -> bool:
        """Is the budget spent?"""
        return self.done == self.updates

    def epoch(self) -> float:
        """Train one epoch, at most to the end, and give the validation loss; inf for nan."""
        inputs, targets = self._train
        batches = torch.randperm(self._size).split(self._batch)[: self._size // self._batch]
        for batch in batches[: self.updates - self.done]:
            for group in self._optimizer.param_groups:
                group["lr"] = self._rates[self.done]
            self._optimizer.zero_grad()
            self._loss(self._model(inputs[batch]), targets[batch]).backward()
            self._optimizer.step()
            self.done += 1
        self.epochs += 1
        return self.validate()

    def validate(self) -> float:
        """Give the validation loss of the model as it is."""
        inputs, targets = self._val
        self._model.eval()
        with torch.no_grad():
            loss = float(self._loss(self._model(inputs), targets))
        self._model.train()
        return loss if math.isfinite(loss) else math.inf


def epochs_of(setting: Setting) -> int:
    """Give the epochs of a run in full, a last broken one counted as one."""
    prepared = setting.prepared
    return math.ceil(setting.updates / (prepared.train.size // prepared.task.batch_size))


def optuna_search(setting: Setting, *, sampler: str, pruner: str, processes: int = 1) -> Found:
    """Search with Optuna, in this process or in forked ones that share a journal file."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with clock() as measured, tempfile.TemporaryDirectory() as folder:
        storage = _journal(Path(folder) / "journal") if processes > 1 else None
        study = optuna.create_study(study_name="bench", storage=storage)
        share = setting.strategies // processes
        _in_processes(
            processes,
            lambda number: _optimize(setting, storage, study, sampler, pruner, share, number),
        )
        best, trials = study.best_trial, study.get_trials(deepcopy=False)
    updates = sum(trial.user_attrs["updates"] for trial in trials)
    return Found(best.user_attrs["strategy"], updates, measured.wall, measured.cpu)


def _journal(file: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(file)))


def _in_processes(count: int, work: Callable[[int], None]) -> None:
    if count == 1:
        work(0)
        return
    context: Any = multiprocessing.get_context("fork")
    running = [context.Process(target=work, args=(number,)) for number in range(count)]
    for process in running:
        process.start()
    for process in running:
        process.join()


def _optimize(
    setting: Setting, storage: Any, study: Any, sampler: str, pruner: str, trials: int, number: int
) -> None:
    import optuna

    seed = setting.seed + 1000 * number
    if sampler == "tpe":
        # Otherwise processes would try much the same; Optuna's manual asks for it.
        drawn: Any = optuna.samplers.TPESampler(seed=seed, constant_liar=storage is not None)
    else:
        drawn = optuna.samplers.RandomSampler(seed=seed)
    pruners = {
        "none": optuna.pruners.NopPruner,
        "halving": optuna.pruners.SuccessiveHalvingPruner,
        "hyperband": partial(optuna.pruners.HyperbandPruner, max_resource=epochs_of(setting)),
    }
    if storage is None:
        study.sampler, study.pruner = drawn, pruners[pruner]()
    else:
        study = optuna.load_study(
            study_name="bench", storage=storage, sampler=drawn, pruner=pruners[pruner]()
        )
    study.optimize(partial(_objective, setting=setting), n_trials=trials)


def _objective(trial: Any, *, setting: Setting) -> float:
    import optuna

    optimizer = trial.suggest_categorical("optimizer", list(LOWEST))
    tried = point(
        optimizer,
        trial.suggest_int(f"lr of {optimizer}", 0, LRS - 1),
        trial.suggest_categorical("schedule", list(SCHEDULES)),
        warmup=trial.suggest_categorical("warmup", [False, True]),
    )
    trial.set_user_attr("strategy", str(tried))
    run = PlainRun(setting.prepared, tried, updates=setting.updates, seed=setting.seed)
    loss = math.inf
    try:
        while not run.ended:
            loss = run.epoch()
            trial.report(loss, run.epochs)
            if trial.should_prune():
                raise optuna.TrialPruned
    finally:
        trial.set_user_attr("updates", run.done)
    return loss


def ray_search(setting: Setting, *, reuse_actors: bool) -> Found:
    """Search with Ray Tune's ASHA on a Ray of our own; its start is not on the clock."""
    os.environ |= {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listens on the loopback only
        "RAY_AIR_NEW_OUTPUT": "0",
    }
    import ray

    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        ray.init(
            address="local",  # never somebody else's
            num_cpus=CORES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=folder,
        )
        try:
            return _tune(setting, Path(folder) / "results", reuse_actors=reuse_actors)
        finally:
            ray.shutdown()


def _tune(setting: Setting, folder: Path, *, reuse_actors: bool) -> Found:
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.basic_variant import BasicVariantGenerator

    tuner = tune.Tuner(
        tune.with_parameters(_trainable(), setting=setting),
        param_space={
            "optimizer": tune.choice(list(LOWEST)),
            "step": tune.randint(0, LRS),
            "schedule": tune.choice(list(SCHEDULES)),
            "warmup": tune.choice([False, True]),
        },
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            num_samples=setting.strategies,
            scheduler=ASHAScheduler(max_t=epochs_of(setting)),
            search_alg=BasicVariantGenerator(random_state=setting.seed),
            reuse_actors=reuse_actors,
        ),
        run_config=tune.RunConfig(
            storage_path=str(folder),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )
    with clock() as measured:
        results = tuner.fit()
    if results.num_errors:
        raise RuntimeError(f"{results.num_errors} of Ray's trials failed: {results.errors[0]}")
    best = results.get_best_result().metrics or {}
    updates = sum((result.metrics or {})["updates"] for result in results)
    return Found(best["strategy"], updates, measured.wall, measured.cpu)


def _trainable() -> type:
    from ray import tune

    class Lane(tune.Trainable):
        """Ray's class of a run, which an actor can reuse for the next one."""

        def setup(  # pyright: ignore[reportIncompatibleMethodOverride] - by with_parameters
            self, config: dict[str, Any], setting: Setting
        ) -> None:
            torch.set_num_threads(1)
            self._setting = setting
            self.reset_config(config)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            setting = self._setting
            config = dict(new_config)
            tried = point(config.pop("optimizer"), config.pop("step"), **config)
            self._tried = str(tried)
            self._run = PlainRun(
                setting.prepared, tried, updates=setting.updates, seed=setting.seed
            )
            return True

        def step(self) -> dict[str, Any]:
            loss, run = self._run.epoch(), self._run
            return {
                "loss": loss,
                "done": run.ended,
                "updates": run.done,
                "strategy": self._tried,
            }

    return Lane


PEERS: dict[str, Search] = {
    "random search": partial(optuna_search, sampler="random", pruner="none"),
    "Optuna TPE": partial(optuna_search, sampler="tpe", pruner="none"),
    "Optuna TPE + Hyperband": partial(optuna_search, sampler="tpe", pruner="hyperband"),
    "Optuna TPE + halving": partial(optuna_search, sampler="tpe", pruner="halving"),
    "Optuna random + halving": partial(optuna_search, sampler="random", pruner="halving"),
    "Optuna TPE + halving, 2 processes": partial(
        optuna_search, sampler="tpe", pruner="halving", processes=CORES
    ),
    "Ray Tune ASHA, actors reused": partial(ray_search, reuse_actors=True),
}
"""The searchers by their names in the table."""
SLOW: dict[str, Search] = {"Ray Tune ASHA": partial(ray_search, reuse_actors=False)}
"""Those that take minutes."""
