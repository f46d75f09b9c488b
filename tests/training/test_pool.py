"""`etude.training.pool`: the same runs in workers, and workers that die."""

import io
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from etude.errors import EtudeError, TaskError
from etude.records import Curve
from etude.strategies import strategy
from etude.tasks import Task, load_task, prepare
from etude.training import Engine, Plan, Pool
from etude.training import pool as pool_module
from etude.training import run as run_module
from etude.training.checkpoints import read_checkpoint
from etude.training.prefix import Branch, cost, groups
from etude.training.run import train

PLANS = [
    Plan(strategy(text), seed)
    for text in ("sgd lr=0.1", "adamw lr=0.01 one-cycle", "sgd lr=1e30")
    for seed in (0, 1)
]


@pytest.fixture(scope="module")
def digits():
    return prepare(load_task("digits"))


def key(run):
    return run.strategy, run.seed


def collect(pool, plans=PLANS):
    return {key(run): run for run in pool.train(plans, updates=40)}


def test_workers_give_the_same_bits_as_this_process(digits):
    with Pool(digits, workers=2) as pool:
        apart = collect(pool)
        assert pool.updates_done == 40 * len(PLANS)
    with Pool(digits, workers=0) as pool:
        here = collect(pool)
    assert set(apart) == set(here) == {(str(p.strategy), p.seed) for p in PLANS}
    for name, run in apart.items():
        assert run.id == here[name].id
        for column in Curve.__dataclass_fields__:
            first, second = getattr(run.curve, column), getattr(here[name].curve, column)
            assert np.array_equal(first, second, equal_nan=True)


def test_a_worker_that_died_between_jobs_is_replaced(digits):
    with Pool(digits, workers=1) as pool:
        first = collect(pool, PLANS[:1])
        (worker,) = pool._workers
        worker.process.kill()
        worker.process.join()
        assert collect(pool, PLANS[:1]).keys() == first.keys()


def test_spawned_workers_find_the_task_by_its_name(digits, monkeypatch):
    monkeypatch.setattr(pool_module.sys, "platform", "darwin")
    with Pool(digits, workers=1, spec="digits") as pool:
        (run,) = pool.train(PLANS[:1], updates=5)
    assert run.id == train(digits, PLANS[0], updates=5).id


def test_where_torch_sees_a_gpu_workers_are_spawned_with_the_batch_size_asked_for(
    digits, monkeypatch
):
    monkeypatch.setattr(pool_module.torch.cuda, "is_available", lambda: True)
    small = prepare(replace(digits.task, batch_size=16))
    with Pool(small, workers=1, spec="digits") as pool:
        assert pool._context.get_start_method() == "spawn"
        (run,) = pool.train(PLANS[:1], updates=5)
    assert run.id == train(small, PLANS[0], updates=5).id


def test_without_a_name_there_are_no_spawned_workers(digits, monkeypatch):
    monkeypatch.setattr(pool_module.sys, "platform", "darwin")
    with Pool(digits, workers=2) as pool:
        assert pool.size == 0
        assert len(list(pool.train(PLANS[:1], updates=5))) == 1


class Fragile(nn.Linear):
    """Kills its process when trained with a target above 0 while the file is absent."""

    def forward(self, inputs):
        if self.training and self.marker and os.getpid() != self.home:
            try:
                descriptor = os.open(self.marker, os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                return super().forward(inputs)
            os.close(descriptor)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(inputs)


def fragile_task(marker, kind=Fragile):
    def model():
        made = kind(2, 1)
        made.marker, made.home = str(marker), home
        return made

    home = os.getpid()
    inputs = torch.ones(8, 2)
    return prepare(
        Task(
            model=model,
            loss=nn.functional.mse_loss,
            train=(inputs, inputs[:, :1]),
            batch_size=4,
            name="fragile",
        )
    )


def test_a_worker_that_dies_is_replaced_and_its_run_trained_again(tmp_path):
    prepared = fragile_task(tmp_path / "died")
    with Pool(prepared, workers=2) as pool:
        runs = list(pool.train(PLANS[:4], updates=5))
    assert (tmp_path / "died").exists()
    assert sorted(map(key, runs)) == sorted((str(p.strategy), p.seed) for p in PLANS[:4])


class Counting(nn.Linear):
    """Writes a byte for each training step, and kills its process at the 31st, once."""

    def forward(self, inputs):
        if self.training and self.marker and os.getpid() != self.home:
            with Path(self.marker).open("ab") as file:
                file.write(b".")
                steps = file.tell()
            if steps == 31:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(inputs)


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_the_runs_of_a_dead_worker_go_on_from_their_last_checkpoint(
    tmp_path, monkeypatch, differences, seconds
):
    monkeypatch.setattr(run_module, "CHECKPOINT_SECONDS", seconds)
    texts = ("sgd lr=0.01 momentum=0.9", "sgd lr=0.01 momentum=0.9 constant -> linear 50%")
    plans = [Plan(strategy(text), 0) for text in texts]
    prepared = fragile_task(tmp_path / "steps", Counting)
    with Pool(prepared, workers=1) as pool:
        runs = {key(run): run for run in pool.train(plans, updates=40)}
    steps = (tmp_path / "steps").stat().st_size
    (group,) = groups(prepared, plans, 40)
    again = steps - cost(group, 40)
    # A checkpoint every second update at most, of one run or of two.
    assert 1 <= again <= 4 if seconds == 0 else again == 31
    with Pool(prepared, workers=0) as pool:
        for run in pool.train(plans, updates=40):
            assert not differences(run.curve, runs[key(run)].curve)


class Shelf:
    """Checkpoints that outlive a pool, as a job's store keeps them."""

    def __init__(self, until=None):
        self.kept, self.dropped, self.until = {}, [], until

    def find(self, plans):
        return {g: kept for g, kept in self.kept.items() if any(b.plan in plans for b in g)}

    def keep(self, group, checkpoint):
        self.kept[group] = checkpoint
        if self.until is not None and read_checkpoint(checkpoint, group).update >= self.until:
            raise KeyboardInterrupt

    def drop(self, group):
        self.kept.pop(group, None)
        self.dropped.append(group)


ENGINES = [Engine(), Engine("stacked", lanes=4)]
SHARING = [
    Plan(strategy(f"{text} {schedule}"), seed)
    for text in ("sgd lr=0.1 momentum=0.9", "sgd lr=1e30")
    for schedule in ("constant", "constant -> linear 50%")
    for seed in (0, 1)
]


@pytest.fixture
def left_behind(digits, monkeypatch):
    """Trains in a pool that Ctrl-C ends; gives what was kept, and the updates trained."""

    def interrupt(plans, engine, workers, until=20):
        monkeypatch.setattr(run_module, "CHECKPOINT_SECONDS", -1.0)
        shelf = Shelf(until)
        with Pool(digits, workers=workers, engine=engine) as pool, pytest.raises(KeyboardInterrupt):
            list(pool.train(plans, updates=40, checkpoints=shelf))
        shelf.until = None
        return shelf, pool.trained

    return interrupt


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_another_pool_goes_on_from_what_an_interrupted_one_kept(
    digits, left_behind, engine, workers
):
    with Pool(digits, workers=0, engine=engine) as pool:
        expected = collect(pool, SHARING)
        whole = pool.trained
    shelf, before = left_behind(SHARING, engine, workers)
    assert shelf.kept
    begun = sum(read_checkpoint(kept, group).update for group, kept in shelf.kept.items())
    with Pool(digits, workers=workers, engine=engine) as pool:
        runs = {key(run): run for run in pool.train(SHARING, updates=40, checkpoints=shelf)}
        assert pool.updates_done == 40 * len(SHARING)
        assert whole - before <= pool.trained <= whole - begun
    assert {name: run.id for name, run in runs.items()} == {n: r.id for n, r in expected.items()}
    for name, run in runs.items():
        for column in Curve.__dataclass_fields__:
            first, second = getattr(run.curve, column), getattr(expected[name].curve, column)
            assert np.array_equal(first, second, equal_nan=True)
    assert not shelf.kept
    assert sum(map(len, shelf.dropped)) == len(SHARING)


def test_a_group_is_taken_up_as_it_was_though_some_of_its_runs_are_known(digits, left_behind):
    shelf, _ = left_behind(SHARING, ENGINES[1], 0)
    (group,) = shelf.kept
    known, missing = group[0].plan, [branch.plan for branch in group[1:]]
    with Pool(digits, workers=0, engine=ENGINES[1]) as pool:
        runs = list(pool.train(missing, updates=40, checkpoints=shelf))
    assert (str(known.strategy), known.seed) not in map(key, runs)
    assert len(runs) == len(missing)
    assert shelf.dropped == [group]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_checkpoint_that_cannot_be_read_is_as_good_as_none(digits, left_behind, workers):
    shelf, _ = left_behind(PLANS[:2], ENGINES[1], 0)
    ((group, kept),) = shelf.kept.items()
    other = replace(read_checkpoint(kept, group), cohort={"written by": "other code"})
    with Pool(digits, workers=0) as pool:
        expected = {run.id for run in collect(pool, PLANS[:2]).values()}
    for damaged in (b"", kept[: len(kept) // 2], b"no zip", pickle.dumps(1), other.as_bytes(group)):
        shelf.kept = {group: damaged}
        with Pool(digits, workers=workers, engine=ENGINES[1]) as pool:
            runs = list(pool.train(PLANS[:2], updates=40, checkpoints=shelf))
            assert (pool.trained, pool.updates_done) == (80, 80)
        assert {run.id for run in runs} == expected


class Hostile:
    """Unpickled, it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_reading_a_checkpoint_runs_no_code(tmp_path):
    group = (Branch(PLANS[0], None, 0),)
    planted = io.BytesIO()
    torch.save((1, {0: 0}, {"runs": Hostile(tmp_path / "ran")}), planted)
    for content in (pickle.dumps(Hostile(tmp_path / "ran")), planted.getvalue()):
        assert read_checkpoint(content, group) is None
    assert not list(tmp_path.iterdir())
    torch.load(io.BytesIO(planted.getvalue()), weights_only=False)[2]["runs"].close()
    assert list(tmp_path.iterdir())  # it would have been


def test_only_what_was_trained_is_counted(digits):
    with Pool(digits, workers=0) as pool:
        runs = collect(pool, SHARING)
    alive = [run for run in runs.values() if run.updates == 40]
    ended = [run for run in runs.values() if run.updates < 40]
    # Of two that live the second is trained from where they part: the linear half begins at the
    # full rate, so that they have 20 + 1 updates in common.
    assert len(alive) == len(ended) == 4
    # One that diverges ends at its next evaluation, after 20 updates, before the two part.
    assert pool.trained == 2 * (40 + 19) + 2 * 20


def test_workers_that_keep_dying_end_with_one_sentence(tmp_path):
    # The marker cannot be made, so every try dies... in a folder that does not exist os.open
    # raises instead; a task error names it.
    prepared = fragile_task(tmp_path / "no" / "folder")
    with (
        Pool(prepared, workers=1) as pool,
        pytest.raises(TaskError, match="must train to its end, but fragile raised"),
    ):
        list(pool.train(PLANS[:1], updates=5))


def test_a_run_that_kills_every_worker_is_given_up(digits, monkeypatch):
    monkeypatch.setattr(pool_module, "train_group", lambda *_, **__: os._exit(3))
    with (
        Pool(digits, workers=1) as pool,
        pytest.raises(EtudeError, match="2 died with exit code 3"),
    ):
        list(pool.train(PLANS[:1], updates=5))


PARENT = """
import os
from etude.strategies import strategy
from etude.tasks import load_task, prepare
from etude.training import Engine, Plan, Pool

with Pool(prepare(load_task("digits")), workers=2) as pool:
    print(*(worker.process.pid for worker in pool._workers), flush=True)
    list(pool.train([Plan(strategy("sgd lr=0.1"), seed) for seed in range(2)], updates=3000))
"""


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads Linux's list of processes")
def test_workers_end_when_their_parent_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True
    ) as parent:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(workers) == 2
    for _ in range(600):
        if not any(map(is_alive, workers)):
            return
        time.sleep(0.1)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    pytest.fail("workers outlived their parent by a minute")


def test_workers_compile_where_their_parent_compiled_before():
    code = (
        "import torch; torch.compile(lambda x: x.sin() + 1)(torch.ones(8)); import etude;"
        "compared = etude.compare('noisy-bowl', ['sgd lr=0.1', 'sgd lr=0.01'], updates=20, seeds=1,"
        " exhaustive=True, workers=1, engine='fast'); print(compared.settings['engine']['name'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert ended.stdout.strip() == "fast"
