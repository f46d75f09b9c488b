"""An experiment of the course: what it says, and a button that runs it again."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from etude.curriculum.references import code_for
from etude.lab import limits, pages
from etude.lab.app import form_of, lab_of, texts_of
from etude.lab.experiments import FAILED
from etude.lab.orders import Replay
from etude.lab.study import sentences

router = APIRouter()


@router.get("/experiment/{name}")
async def show(request: Request, name: str) -> Response:
    """Show an experiment."""
    lab = lab_of(request)
    experiment = lab.study.course.experiment(name)
    order = Replay(experiment.id)
    trial = lab.workshop.find(order.id)
    return pages.page(
        request,
        "experiment.html",
        experiment=experiment,
        trial=trial,
        failed=trial is not None and trial.state == FAILED,
        order=order,
        said=sentences(lab.study, experiment, trial),
        recorded=lab.study.course.recorded.about.get("date", ""),
        items=lab.study.of_experiment.get(experiment.id, []),
        back=_back(request.query_params.get("back", "")),
        links=[_link(run.task or experiment.task, run.text) for run in experiment.runs],
        codes=[(each.label, code_for(lab.study.course, each)) for each in experiment.snippets],
    )


@router.post("/experiment/{name}")
async def run(request: Request, name: str) -> Response:
    """Run it, also where it was run before."""
    form = texts_of(await form_of(request))
    lab = lab_of(request)
    experiment = lab.study.course.experiment(name)
    lab.workshop.again(Replay(experiment.id))
    back = _back(limits.text(form, "back"))
    return pages.go(f"/experiment/{experiment.id}?{urlencode({'back': back})}")


def _back(path: str) -> str:
    """Give a path of this server to go back to; empty where it is none."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain and len(path) <= limits.LONGEST_TEXT else ""


def _link(task: str | None, strategy: str) -> str:
    return f"/lab?{urlencode([('task', task or ''), ('s', strategy)])}"
