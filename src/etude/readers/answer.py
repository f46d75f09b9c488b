"""`etude.diagnose`: from a path, a run or a curve to what is wrong with it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from etude.diagnosis import diagnose_log, read_sweep
from etude.errors import EtudeError, LogError
from etude.readers import find, stored
from etude.readers.columns import Override
from etude.readers.find import FORMS, Found, Told
from etude.records import Curve, Diagnosis, Log, Run

Source = str | Path | Curve | Run | Log


def diagnose(
    source: Source | Sequence[Source],
    *,
    loss: str | None = None,
    lr: str | None = None,
    step: str | None = None,
    form: str | None = None,
    chance: float | None = None,
    store: str | None = None,
    tell: Told = lambda _: None,
) -> Diagnosis:
    """Say what is wrong with runs: symptoms with their evidence, remedies, and what is undecided.

    Args:
        source: logs of other tools, folders of them, ids of runs in the store, runs or curves;
            one or several. Several runs at several lrs also give a sweep reading.
        loss: the log's column of training losses; None guesses it.
        lr: the log's column of the lr; None guesses it.
        step: the log's column that counts updates; None guesses it.
        form: the logs' format, one of `etude.readers.FORMS`; None tells it by content.
        chance: loss of the best constant answer: ln C for C classes, var(y) for a squared error.
        store: where runs named by id are kept; None is the user's own store.
        tell: told what is read next.

    Raises:
        LogError: a source is not there, cannot be read or has no losses; of several, all.
        StoreError: the store cannot be read or has no such run; of several, all.
    """
    _check(form, chance)
    several = [source] if isinstance(source, Source) else list(source)
    if not several:
        raise LogError("a diagnosis needs at least one log, run or curve; none was given")
    override = Override(loss, lr, step)
    found, failed = list[Found](), list[EtudeError]()
    for each in several:
        try:
            found.append(_read(each, override, form, store, tell))
        except EtudeError as error:
            failed.append(error)
    if not found:
        raise failed[0]
    logs = [
        log if chance is None else replace(log, chance=chance) for one in found for log in one.logs
    ]
    logs = _named_apart(logs)
    runs = tuple(map(diagnose_log, logs))
    sweep = read_sweep(logs) if len(logs) > 1 else None
    unread = tuple(said for one in found for said in one.unread)
    return Diagnosis(runs, sweep, unread, tuple(map(str, failed)))


def _named_apart(logs: list[Log]) -> list[Log]:
    """Name runs by their paths where several sources name them alike, as `version_0`."""
    names = [log.name for log in logs]
    return [
        replace(log, name=log.path) if log.path and names.count(log.name) > 1 else log
        for log in logs
    ]


def _check(form: str | None, chance: float | None) -> None:
    if form is not None and form not in FORMS:
        raise LogError(f"--format must be one of {', '.join(FORMS)}, got {form!r}")
    if chance is not None and not 0 < chance < float("inf"):
        raise LogError(f"--chance must be a loss above 0, got {chance:g}")


def _read(
    source: Source, override: Override, form: str | None, store: str | None, tell: Told
) -> Found:
    if isinstance(source, Log):
        return Found((source,))
    if isinstance(source, Run):
        return Found((_of_run(source),))
    if isinstance(source, Curve):
        return Found((Log("curve", "", "curve", source),))
    if not os.path.exists(source) and stored.looks_like_id(str(source)):  # noqa: PTH110 - never raises
        return Found(tuple(stored.read(store, [str(source)])))
    return find.read(source, override=override, form=form, tell=tell)


def _of_run(run: Run) -> Log:
    return Log(f"{run.strategy} seed {run.seed}", run.id, "run", run.curve)


def stored_logs(store: str | None) -> Iterator[Log]:
    """Give all runs of a store.

    Raises:
        StoreError: it cannot be read.
    """
    return stored.read(store)
