"""The application: what it holds, which routes it has, and how mistakes are answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from etude.errors import EtudeError, LabError
from etude.lab import pages
from etude.lab.safety import Guard, Token
from etude.lab.setup import Facts
from etude.lab.study import Study
from etude.lab.workshop import Workshop
from etude.records import Diagnosis
from etude.store import Store
from etude.store.progress import Progress

NOT_FOUND = 404
KEPT = 20
"""Logs that are kept in memory."""


@dataclass(eq=False, slots=True)
class Lab:
    """What all routes share."""

    store: Store
    tasks: Mapping[str, Facts]
    workshop: Workshop
    study: Study
    """The course."""
    brought: dict[str, Diagnosis] = field(default_factory=dict[str, Diagnosis])
    """Logs that were read, by their id."""
    token: Token = field(default_factory=Token)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server shuts down, so that open streams end."""
    clock: Callable[[], float] = time.time
    """Seconds, for deadlines: those of a challenge outlive the server."""

    def bring(self, name: str, found: Diagnosis) -> None:
        """Keep what was found in a log, and forget the oldest of many."""
        self.brought[name] = found
        for old in list(self.brought)[:-KEPT]:
            del self.brought[old]

    @property
    def progress(self) -> Progress:
        """What the learner did."""
        return Progress(self.store)


def lab_of(request: Request) -> Lab:
    """Give what a request's routes share."""
    return request.app.state.lab


async def form_of(request: Request) -> FormData:
    """Read a form that carries the token.

    Raises:
        LabError: it does not, or is too large.
    """
    try:
        form = await request.form(max_files=1, max_fields=80, max_part_size=2_000_000)
    except HTTPException as error:
        raise LabError(
            f"a form must be one that a page of this lab sends: {error.detail}"
        ) from None
    lab_of(request).token.check(form.get("token"))
    return form


def texts_of(form: FormData) -> dict[str, str]:
    """Give a form's texts; files are left out."""
    return {name: value for name, value in form.items() if isinstance(value, str)}


def facts_of(names: Sequence[str]) -> dict[str, Facts]:
    """Load tasks for what a page says of them; data are made once more where they are trained."""
    from etude.tasks import load_task

    found = {name: load_task(name) for name in names}
    return {
        name: Facts(name, task.about or name, task.budget, task.batch_size)
        for name, task in found.items()
    }


def make_app(lab: Lab, port: int) -> FastAPI:
    """Give the application, which starts and stops the workshop."""
    from etude.lab.routes import ALL

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        lab.workshop.open()
        yield
        lab.workshop.close()

    app = FastAPI(lifespan=living, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.lab = lab
    app.add_middleware(Guard, port=port)
    for router in ALL:
        app.include_router(router)
    app.add_exception_handler(EtudeError, _mistake)
    app.add_exception_handler(HTTPException, _no_page)
    return app


async def _mistake(request: Request, error: Exception) -> Response:
    return pages.trouble(request, str(error))


async def _no_page(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", NOT_FOUND)
    if status == NOT_FOUND:
        return pages.trouble(request, "there is no such page", status)
    return pages.trouble(request, str(getattr(error, "detail", error)), status)
