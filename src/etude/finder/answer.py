"""From a search that is done to what is said about it."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from etude.finder import ramp
from etude.finder.ladder import Search
from etude.finder.look import look
from etude.finder.pick import failure, over_seeds
from etude.jobs import Job
from etude.records import LrRange, Measured, Run, Trial
from etude.report.words import several
from etude.strategies import Strategy
from etude.tasks import Prepared

RAMP_RULE = "minimum"
"""The rule of the range test whose answer is its suggestion."""


def read_ladder(search: Search, spec: str | None, *, diagnose: bool) -> LrRange:
    """Read a search that is done; `diagnose` looks at curvature and noise too."""
    found = search.picked()
    if found is None:
        return _range(search, spec, notes=(_why_nothing(search),))
    of_seeds = [each for seed in search.job.seeds if (each := search.picked(seed))]
    suggestion = _two_digits(found.suggestion)
    fails = failure(search.trials)
    best = search.family.with_lr(suggestion)
    short, long = search.lengths
    stability = noise = trouble = None
    if diagnose:
        stability, noise, trouble = look(
            _with_batch(search), best, updates=long, horizon=search.job.updates, failure=fails
        )
    return replace(
        _range(search, spec, suggestion=suggestion, notes=_notes(search, trouble)),
        suggestion=over_seeds(suggestion, [each.suggestion for each in of_seeds]),
        low=over_seeds(min(found.low, suggestion), [each.low for each in of_seeds]),
        high=over_seeds(found.high, [each.high for each in of_seeds]),
        failure=fails,
        of_seeds=tuple(each.suggestion for each in of_seeds),
        best=tuple(
            (updates, math.exp(seen.best))
            for updates in (short, long)
            if (seen := search.seen(updates)) is not None
        ),
        stability=stability,
        noise=noise,
    )


def _range(
    search: Search, spec: str | None, *, suggestion: float | None = None, notes: Sequence[str] = ()
) -> LrRange:
    """Give what is known without a suggestion, and the code of one."""
    best = None if suggestion is None else search.family.with_lr(suggestion)
    job = search.job
    return LrRange(
        optimizer=search.family.label,
        schedule=str(search.family.schedule),
        batch_size=job.batch_size(search.family),
        updates=job.updates,
        suggestion=None,
        low=None,
        high=None,
        failure=None,
        strategy="" if best is None else str(best),
        code="" if best is None else _code(best, job, spec),
        start=float(np.mean(list(search.starts.values()))) if search.starts else math.nan,
        best=(),
        trials=tuple(sorted(search.trials, key=lambda t: (t.updates, t.lr, t.seed))),
        cost=sum(trial.updates for trial in search.trials),
        notes=tuple(notes),
    )


def _code(best: Strategy, job: Job, spec: str | None) -> str:
    return best.code(
        updates=job.updates,
        task=spec,
        seed=job.seeds[0],
        epoch=job.epoch(best),
        batch_size=job.batch_size(best),
        device=str(job.prepared.device),
    )


def _with_batch(search: Search) -> Prepared:
    """Give the task with the search's batch size, which the noise of its gradients depends on."""
    prepared = search.job.prepared
    size = search.job.batch_size(search.family)
    return replace(prepared, task=replace(prepared.task, batch_size=size))


def _notes(search: Search, trouble: str | None) -> list[str]:
    """Say what a reader must know of a range."""
    short, long = search.lengths
    notes = [] if trouble is None else [trouble]
    seen = search.seen(long)
    if seen is not None and not seen.closed_above and failure(search.trials) is None:
        notes.append("no rate that was tried was too high, so the range may reach further up")
    if search.job.updates > long:
        notes.append(
            f"measured on copies of {short:,} and {several(long, 'update')}, and moved to"
            f" {search.job.updates:,}"
        )
    return notes


def _why_nothing(search: Search) -> str:
    if not search.trials:
        return "nothing was trained"
    lrs = [trial.lr for trial in search.trials]
    return (
        f"no rate from {min(lrs):.2g} to {max(lrs):.2g} brought the validation loss below that of"
        " the untrained model"
    )


def read_ramp(search: Search, spec: str | None) -> LrRange:
    """Read the range tests of a search's seeds."""
    text = str(ramp.ramp_of(search.family))
    runs = [run for run in search.job.runs if run.strategy == text]
    ramps = [ramp.read(run) for run in runs]
    said = [each for each in map(ramp.suggestions, ramps) if each]
    if not said:
        return _range(search, spec, notes=("the loss blew up at once, so nothing is read off",))
    rules = {rule: _middle([each[rule] for each in said]) for rule in said[0]}
    blown = [each.blown_up for each in ramps if each.blown_up is not None]
    suggestion = _two_digits(rules[RAMP_RULE].value)
    search.trials.extend(_trial(run, end) for run, end in zip(runs, ramps, strict=True))
    return replace(
        _range(search, spec, suggestion=suggestion),
        suggestion=replace(rules[RAMP_RULE], value=suggestion),
        failure=_middle(blown) if blown else None,
        rules=rules,
        start=float(np.mean([run.curve.val_loss[0] for run in runs])),
        notes=(
            f"the range test's {RAMP_RULE} rule; it knows neither schedule nor length of a run",
        ),
    )


def _trial(run: Run, read: ramp.Ramp) -> Trial:
    return Trial(float(read.lr[-1]), run.seed, run.planned, run.loss, run.outcome)


def _middle(rates: Sequence[float]) -> Measured:
    return over_seeds(math.exp(float(np.mean(np.log(rates)))), rates)


def _two_digits(lr: float) -> float:
    """Write an lr with two digits, rounded to the safe side, down."""
    unit = 10.0 ** (math.floor(math.log10(lr)) - 1)
    return float(f"{math.floor(lr / unit + 1e-9) * unit:.2g}")
