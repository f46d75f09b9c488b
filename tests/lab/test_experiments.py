"""`etude.lab.experiments`: events in order, from any place, without a lost or doubled one."""

import asyncio
import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra learn")

from etude.lab.experiments import ENDED, FAILED, Experiment
from etude.lab.setup import Setup
from etude.lab.worker import rows_message
from etude.records import Curve

SETUP = Setup("digits", ("sgd lr=0.1 constant",), 1, 100)


def played(scene):
    """Run a scene in a thread of its own: the browser of other tests keeps a loop in this one."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, scene).result()


async def heard(experiment, after=-1, closing=None):
    closing = closing or asyncio.Event()
    return [pair async for pair in experiment.follow(after, closing)]


def rows(number):
    return {"type": "rows", "runs": [{"run": "0/0", "rows": {"from": number, "loss": [1.0]}}]}


def test_who_comes_late_hears_all_and_who_comes_back_hears_the_rest():
    async def scene():
        experiment = Experiment(SETUP)
        experiment.begin()
        early = asyncio.create_task(heard(experiment))
        for number in range(5):
            experiment.hear(rows(number))
            await asyncio.sleep(0)
        experiment.hear({"type": "answer", "answer": "the answer"})
        return await early, await heard(experiment), await heard(experiment, after=3), experiment

    early, late, rest, experiment = played(scene())
    assert early == late
    assert [number for number, _ in late] == list(range(7))
    assert rest == late[4:]
    assert (experiment.state, experiment.answer) == (ENDED, "the answer")
    assert late[-1][1] == {"type": "answer"}


def test_a_stream_ends_when_the_server_closes():
    async def scene():
        experiment, closing = Experiment(SETUP), asyncio.Event()
        experiment.begin()
        listening = asyncio.create_task(heard(experiment, closing=closing))
        await asyncio.sleep(0)
        closing.set()
        return await asyncio.wait_for(listening, 10)

    assert [event["type"] for _, event in played(scene())] == ["begun"]


def test_what_failed_says_why():
    async def scene():
        experiment = Experiment(SETUP)
        experiment.hear({"type": "failed", "message": "the worker died"})
        return experiment, await heard(experiment)

    experiment, events = played(scene())
    assert (experiment.state, experiment.trouble) == (FAILED, "the worker died")
    assert events[-1][1]["message"] == "the worker died"


def test_no_event_holds_what_json_cannot():
    async def scene():
        experiment = Experiment(SETUP)
        experiment.begin()
        experiment.hear({"type": "ended", "run": "0/0", "outcome": "diverged", "loss": math.nan})
        return await heard_until(experiment, 2)

    async def heard_until(experiment, count):
        return experiment.events[:count]

    curve = Curve(update=np.arange(3.0), loss=np.array([1.0, np.inf, np.nan]))
    events = [*played(scene()), rows_message("0/0", curve)]
    text = json.dumps(events, allow_nan=False)
    assert json.loads(text)[-1]["rows"]["loss"] == [1.0, None, None]


def test_a_message_says_where_its_rows_begin():
    curve = Curve(update=np.arange(5.0), loss=np.arange(5.0) / 3)
    message = rows_message("1/2", curve, {"rows": 3, "evaluations": 0, "gains": 0}.__getitem__)
    assert message["run"] == "1/2"
    assert message["rows"]["from"] == 3
    assert message["rows"]["update"] == [3, 4]
    assert message["rows"]["loss"] == [1.0, 1.33333]
    assert "evaluations" not in message
