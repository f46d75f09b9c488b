"""Runs the lab: the server, the browser, and an end that comes at once when it is asked for."""

import asyncio
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

import uvicorn

from etude.errors import LabError
from etude.lab.app import Lab, facts_of, make_app
from etude.lab.study import study
from etude.lab.workshop import WORKERS, Workshop
from etude.store import Store
from etude.tasks import READY

HOST = "127.0.0.1"
PORT = 7321
"""The port that is tried first; with another one taken, the system gives a free one."""
PATIENCE = 1
"""Seconds that open connections get at the end; streams end by themselves before."""


class _Server(uvicorn.Server):
    """A server that tells open streams to end when it is asked to."""

    def __init__(self, config: uvicorn.Config, lab: Lab) -> None:
        super().__init__(config)
        self._lab = lab

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal, and wake whoever waits for news."""
        super().handle_exit(sig, frame)
        self._lab.closing.set()


def serve(
    *,
    port: int | None = None,
    store: str | None = None,
    tasks: Sequence[str] = (),
    workers: int = WORKERS,
    browser: bool = True,
    say: Callable[[str], object] = print,
) -> None:
    """Serve the lab on this machine only, until Ctrl-C.

    Args:
        port: None takes 7321, or a free one where that is taken.
        store: where runs and progress are kept.
        tasks: the user's own, as `train.py:task`, beside the ready-made ones.
        workers: processes that train.
        browser: open the page.
        say: told where it is.

    Raises:
        LabError: the port cannot be had.
        StoreError: the store cannot be opened.
        TaskError: a task cannot be loaded.
    """
    listening = _listen(port)
    number = listening.getsockname()[1]
    with listening, Store.open(store) as kept:
        facts = facts_of([*tasks, *READY])
        lab = Lab(kept, facts, Workshop(store, workers=workers), study())
        config = uvicorn.Config(
            make_app(lab, number),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=PATIENCE,
            server_header=False,
        )
        address = f"http://{HOST}:{number}/"
        say(f"étude's lab is at {address} (Ctrl-C ends it); progress and runs: {kept.address}")
        if browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        with suppress(KeyboardInterrupt):  # it is how the lab is meant to end
            asyncio.run(_Server(config, lab).serve(sockets=[listening]))


def _listen(port: int | None) -> socket.socket:
    wanted = PORT if port is None else port
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, wanted))
    except OSError as error:
        if port is None:
            listening.bind((HOST, 0))
            return listening
        listening.close()
        raise LabError(
            f"port {wanted} must be free, but {error.strerror}; give another with --port"
        ) from None
    return listening
