"""One lab for the session: a server with its workers and a store of its own."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

START = 600
"""Seconds after which a lab that does not answer has failed: a guard against waiting for ever."""


@dataclass
class Lab:
    """A lab that runs."""

    port: int
    process: subprocess.Popen
    store: Path

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def workers(self):
        """Process ids of the processes that train."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = [int(pid) for pid in children.read_text().split()]
        return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def end(self):
        """End it as the system would; what it said is read, so that no pipe stays open."""
        self.process.terminate()
        self.process.communicate(timeout=START)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(store, *, warm=False):
    """Start a lab and wait until it answers; or, warm, until its worker has loaded torch."""
    port = free_port()
    command = [sys.executable, "-m", "etude", "learn", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--store", str(store), "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    lab = Lab(port, process, store)
    end = time.monotonic() + START
    while True:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"{lab.url}/lab/ready", timeout=START) as said,
        ):
            if json.load(said)["ready"] or not warm:
                return lab
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise RuntimeError(process.communicate()[0])
        time.sleep(0.1)


@pytest.fixture
def start_lab():
    """The function that starts a further lab, for a test that may end it."""
    running = []

    def start(store):
        running.append(started(store))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.end()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    found = started(tmp_path_factory.mktemp("lab") / "runs.db", warm=True)
    yield found
    found.end()
