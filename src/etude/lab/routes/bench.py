"""The strategy lab: a setup, its runs as they come, the verdict, and forks from any point."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.datastructures import FormData, QueryParams

from etude.errors import EtudeError, LabError
from etude.lab import limits, pages
from etude.lab.app import form_of, lab_of
from etude.lab.experiments import ENDED, FAILED, Experiment
from etude.lab.setup import SEEDS, SHORTEST_FORK, Setup, read_setup
from etude.report import probed, rungs
from etude.report.html import rows
from etude.strategies import strategy
from etude.strategies.optimizers import OPTIMIZERS

router = APIRouter()

GUESS = "guess"
"""Kind of a progress entry: which strategy was expected to win, by the experiment's id."""
EXAMPLES = (
    "sgd momentum=0.9 lr=0.1 warmup 5% -> cosine",
    "sgd momentum=0.9 lr=0.1 constant",
    "adamw lr=0.01 warmup 5% -> cosine",
)
"""What the form holds when a person comes without a link."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form, as it was typed."""

    task: str
    strategies: list[str]
    seeds: str
    updates: str
    batch: str
    optimizer: str = "sgd"
    lr: str = "0.1"
    schedule: str = "constant"


@router.get("/lab")
async def show(request: Request) -> Response:
    """Show the setup of the link, and its experiment where there is one."""
    given = request.query_params
    if not given.getlist("s"):
        return _form(request, _typed(given, list(EXAMPLES)))
    try:
        setup = read_setup(given, given.getlist("s"), lab_of(request).tasks)
    except EtudeError as error:
        return _form(request, _typed(given, given.getlist("s")), trouble=str(error))
    experiment = lab_of(request).workshop.find(setup.id)
    return _form(request, _typed_of(setup), setup=setup, experiment=experiment)


@router.post("/lab")
async def change(request: Request) -> Response:
    """Take the form: run it, or add or remove a strategy."""
    form = await form_of(request)
    do = str(form.get("do", "run"))
    texts = [str(each) for each in form.getlist("s")]
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    try:
        if do == "add":
            texts.append(str(strategy(limits.no_code(_from_fields(given)))))
        elif do.startswith("remove-"):
            texts = [each for place, each in enumerate(texts) if str(place) != do[7:]]
        setup = read_setup(given, texts, lab_of(request).tasks)
        if do == "run":
            _expect(request, setup, given)
            _run(request, setup)
    except EtudeError as error:
        return _form(request, _typed(form, texts), trouble=str(error), status=422)
    return pages.go(f"{setup.link}#result" if do == "run" else setup.link)


@router.post("/lab/fork")
async def fork(request: Request) -> Response:
    """Run a fork test of one run of a comparison."""
    form = await form_of(request)
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    setup = read_setup(given, [str(each) for each in form.getlist("s")], lab_of(request).tasks)
    if setup.fork is None:
        raise LabError("a fork test must say from which update it starts; fill that in")
    _run(request, setup)
    return pages.go(f"{setup.link}#result")


@router.post("/lab/stop")
async def stop(request: Request) -> Response:
    """Give an experiment up."""
    form = await form_of(request)
    workshop, name = lab_of(request).workshop, limits.text(_texts(form), "id")
    experiment = workshop.find(name)
    if experiment is None or not isinstance(experiment.order, Setup):
        raise LabError("an experiment to stop must be one of this server; reload the page")
    workshop.stop(name)
    return pages.go(experiment.order.link)


@router.get("/lab/stream/{name}", response_class=EventSourceResponse)
async def stream(
    request: Request,
    name: str,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Tell the events of an experiment from the one after the last that was heard."""
    lab = lab_of(request)
    experiment = lab.workshop.find(name)
    after = int(last_event_id) if last_event_id and last_event_id.isdecimal() else -1
    if experiment is None:
        yield ServerSentEvent(data={"type": "gone"}, event="gone")
        return
    async for number, event in experiment.follow(after, lab.closing):
        yield ServerSentEvent(data=event, id=str(number))


@router.get("/lab/ready")
async def ready(request: Request) -> Response:
    """Say whether a worker waits for orders."""
    return JSONResponse({"ready": lab_of(request).workshop.ready})


@router.get("/lab/code")
async def code(request: Request) -> Response:
    """Give one strategy of a setup as a PyTorch program."""
    given = request.query_params
    lab = lab_of(request)
    setup = read_setup(given, given.getlist("s"), lab.tasks)
    last = max(len(setup.strategies) - 1, 0)
    place = limits.whole(given, "place", least=0, most=last, usual=0)
    if not setup.strategies:
        raise LabError("code needs a strategy, got none; add one")
    each = setup.parsed()[place]
    # A ready-made task's name makes a program that repeats the run; epochs need the data's size.
    batch = each.batch_size or setup.batch_size or lab.tasks[setup.task].batch_size
    text = each.code(updates=setup.updates, task=setup.task, batch_size=batch)
    return PlainTextResponse(text)


def _expect(request: Request, setup: Setup, given: dict[str, str]) -> None:
    """Keep which strategy is expected to win, for ever; not once it can be known."""
    words, known = limits.text(given, "guess"), lab_of(request).workshop.find(setup.id)
    if words and not (known and known.over):
        expected = str(strategy(limits.no_code(words)))
        if expected in setup.strategies:
            lab_of(request).progress.commit(GUESS, setup.id, {"strategy": expected})


def _run(request: Request, setup: Setup) -> None:
    if not setup.strategies:
        raise LabError("an experiment needs at least one strategy, got none; add one")
    for each in setup.parsed():
        batch = each.batch_size or setup.batch_size or lab_of(request).tasks[setup.task].batch_size
        each.bind(setup.updates, epoch=setup.updates, batch_size=batch)  # says what does not fit
    lab_of(request).workshop.run(setup)


def _form(
    request: Request,
    typed: Typed,
    *,
    setup: Setup | None = None,
    experiment: Experiment | None = None,
    trouble: str = "",
    status: int = 200,
) -> Response:
    return pages.page(
        request,
        "bench.html",
        status=status,
        typed=typed,
        setup=setup,
        experiment=experiment,
        trouble=trouble,
        tasks=lab_of(request).tasks,
        optimizers=list(OPTIMIZERS),
        most=limits,
        ready=lab_of(request).workshop.ready,
        last_fork=setup.updates - SHORTEST_FORK if setup else 0,
        shortest_fork=SHORTEST_FORK,
        probed=probed,
        expected=_expected(request, setup),
        **_answered(setup, experiment),
    )


def _expected(request: Request, setup: Setup | None) -> str:
    kept = lab_of(request).progress.get(GUESS, setup.id) if setup else None
    return kept["strategy"] if kept else ""


def _answered(setup: Setup | None, experiment: Experiment | None) -> dict[str, Any]:
    """Give what the verdict's card says."""
    nothing: dict[str, Any] = {"failed": experiment is not None and experiment.state == FAILED}
    nothing |= {"comparison": None, "ranking": [], "fork": None}
    if setup is None or experiment is None or experiment.state != ENDED:
        return nothing
    if setup.fork is not None:
        return nothing | {"fork": experiment.answer}
    comparison = experiment.answer
    ranking = list(rows(comparison, rungs.finalists(comparison)))
    return nothing | {"comparison": comparison, "ranking": ranking}


def _typed(given: FormData | QueryParams, texts: list[str]) -> Typed:
    known = _texts(given)
    names = ("optimizer", "lr", "schedule")
    return Typed(
        task=known.get("task", "digits"),
        strategies=texts,
        seeds=known.get("seeds", str(SEEDS)),
        updates=known.get("updates", ""),
        batch=known.get("batch", ""),
        **{name: known[name] for name in names if name in known},
    )


def _typed_of(setup: Setup) -> Typed:
    batch = "" if setup.batch_size is None else str(setup.batch_size)
    return Typed(setup.task, list(setup.strategies), str(setup.seeds), str(setup.updates), batch)


def _texts(given: FormData | QueryParams) -> dict[str, str]:
    return {name: value for name, value in given.items() if isinstance(value, str)}


def _from_fields(given: dict[str, str]) -> str:
    """Write the fields for one more strategy as its text."""
    optimizer = limits.text(given, "optimizer", usual="sgd")
    schedule = limits.text(given, "schedule", usual="constant")
    return f"{optimizer} lr={limits.text(given, 'lr', most=40)} {schedule}"
