"""Finds logs under a path and tells their formats by content: one run, or a folder of many."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from etude.errors import EtudeError, LogError
from etude.readers import (
    huggingface,
    keras,
    lightning,
    mlflow,
    mmlab,
    plain,
    stored,
    tables,
    tensorboard,
    ultralytics,
    wandb,
    wandb_csv,
)
from etude.readers.columns import Override, to_log
from etude.readers.series import Raw
from etude.readers.text import head, text
from etude.records import Log

FORMS = (
    tensorboard.FORM,
    wandb.FORM,
    wandb_csv.FORM,
    mlflow.FORM,
    huggingface.FORM,
    lightning.FORM,
    keras.FORM,
    ultralytics.FORM,
    mmlab.FORM,
    plain.CSV,
    plain.JSONL,
    stored.FORM,
)
"""Names of the formats, as `--format` takes them."""

_TEXTS = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".log", ".txt", ".db", ".wandb"})
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
_MOST = 20_000
"""Files of a folder that are looked at."""
_DUPLICATES = frozenset({"wandb-summary.json", "wandb-metadata.json", "package.json"})


@dataclass(frozen=True, slots=True)
class Found:
    """Logs under a path, and what could not be read, one sentence each."""

    logs: tuple[Log, ...]
    unread: tuple[str, ...] = ()


Told = Callable[[str], None]
"""Told the name of each log before it is read."""


def read(
    path: str | Path,
    *,
    override: Override | None = None,
    form: str | None = None,
    tell: Told = lambda _: None,
) -> Found:
    """Read the runs that lie under a path.

    Args:
        path: a log, or a folder in which logs are looked for.
        override: columns that are not to be guessed.
        form: the format, one of `FORMS`; None tells it by content.
        tell: told what is read next.

    Raises:
        LogError: there is none, or the only one cannot be read.
    """
    path, chosen = Path(path).expanduser(), override or Override()
    if _is_file(path):
        tell(path.name)
        return Found(tuple(_logs_of(path, chosen, form)))
    if not os.path.isdir(path):  # noqa: PTH112 - it never raises, Path.is_dir does
        raise LogError(f"a log must be a file or folder that is there, but {path} is not")
    if mlflow.claims(path):
        return Found((to_log(mlflow.read(path), chosen),))
    return _folder(path, chosen, form, tell)


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - it never raises, Path.is_file does


def _folder(folder: Path, override: Override, form: str | None, tell: Told) -> Found:
    logs, unread, events = list[Log](), list[str](), dict[Path, list[Path]]()
    for place in _candidates(folder):
        tell(str(place.relative_to(folder)))
        try:
            if place.is_dir():
                logs.append(to_log(mlflow.read(place), override))
            elif tensorboard.claims(head(place)):
                events.setdefault(place.parent, []).append(place)
            elif place.suffix in _TEXTS:
                logs.extend(_logs_of(place, override, form))
        except EtudeError as error:
            unread.append(str(error))
    for parent, paths in events.items():
        try:
            logs.append(to_log(tensorboard.read(paths, parent.name), override))
        except EtudeError as error:
            unread.append(str(error))
    if not logs:
        why = f"; the first of {len(unread)} files says: {unread[0]}" if unread else ""
        raise LogError(f"a folder must have a log of losses in it, but {folder} has none{why}")
    return Found(tuple(_named_apart(_longest(logs), folder)), tuple(unread))


def _candidates(folder: Path) -> Iterator[Path]:
    """Give folders of MLflow runs and all files, in order; links are not followed."""
    count = 0
    for root, folders, files in os.walk(folder):
        here = Path(root)
        if mlflow.claims(here):
            folders.clear()
            yield here
            continue
        folders[:] = sorted(n for n in folders if n not in _SKIPPED and not n.startswith("."))
        for name in sorted(files):
            count += 1
            if count > _MOST:
                raise LogError(
                    f"a folder of logs must have at most {_MOST:,} files, but {folder} has more;"
                    " name one further down"
                )
            place = here / name
            if name not in _DUPLICATES and not name.startswith(".") and _is_file(place):
                yield place


def _logs_of(path: Path, override: Override, form: str | None) -> Iterator[Log]:
    start = head(path)
    if form == stored.FORM or (form is None and stored.claims(start)):
        yield from stored.read(path)
        return
    if not start:
        raise LogError(f"{path} must have a log in it, but it is empty")
    for raw in _raws(path, start, override, form):
        yield to_log(raw, override)


def _raws(path: Path, start: bytes, override: Override, form: str | None) -> Sequence[Raw]:
    if form == tensorboard.FORM or (form is None and tensorboard.claims(start)):
        return [tensorboard.read([path], path.parent.name)]
    if form == wandb.FORM or (form is None and wandb.claims(start)):
        return wandb.read(path, override.step)
    if form == mlflow.FORM:
        raise LogError(f"an MLflow run must be its folder, with meta.yaml in it; {path} is a file")
    content = text(path)
    if form in {huggingface.FORM, mmlab.FORM, plain.JSONL} or (
        form is None and content.lstrip()[:1] in {"{", "["}
    ):
        return _json(path, content, override, form)
    return _csv(path, content, override, form)


def _json(path: Path, content: str, override: Override, form: str | None) -> Sequence[Raw]:
    whole = plain.document(content)
    if huggingface.claims(whole):
        return huggingface.read(path, whole, override.step)
    if form == huggingface.FORM:
        raise LogError(f"a trainer's state must be JSON with a log_history, but {path} is not")
    rows, bad = plain.rows_of(whole), 0
    if rows is None:
        rows, bad = plain.lines_of(content, path)
    if form == mmlab.FORM or (form is None and mmlab.claims(rows)):
        raws = mmlab.read(path, rows, override.step)
    else:
        raws = plain.read_lines(path, rows, override.step)
    return [
        _noted(raw, f"{bad} lines are not JSON and were left out") if bad else raw for raw in raws
    ]


def _noted(raw: Raw, note: str) -> Raw:
    return replace(raw, notes=(*raw.notes, note))


def _csv(path: Path, content: str, override: Override, form: str | None) -> Sequence[Raw]:
    table, step = tables.parse(content, path), override.step
    if step is not None and step not in table.header:
        raise LogError(
            f"--step must name a column of the log, got {step!r}; it has"
            f" {', '.join(table.header[:12])}"
        )
    readers: tuple[tuple[str, bool, Callable[..., list[Raw]]], ...] = (
        (ultralytics.FORM, ultralytics.claims(table.header), ultralytics.read),
        (wandb_csv.FORM, wandb_csv.claims(table.header), wandb_csv.read),
        (lightning.FORM, lightning.claims(table.header, path), lightning.read),
        (keras.FORM, keras.claims(table.header), keras.read),
    )
    for name, claimed, reader in readers:
        if form == name or (form is None and claimed):
            return reader(path, table, step)
    return plain.read_table(path, table, step)


def _longest(logs: Sequence[Log]) -> list[Log]:
    """Keep one log of those that a Trainer leaves at each checkpoint: the longest has them all."""
    kept: dict[tuple[str, str], Log] = {}
    for log in logs:
        place = Path(log.path)
        above = place.parent
        checkpoint = log.form == huggingface.FORM and above.name.startswith("checkpoint-")
        key = (str(above.parent), "") if checkpoint else (log.path, log.name)
        other = kept.get(key)
        if other is None or log.curve.update.size > other.curve.update.size:
            kept[key] = log
    return list(kept.values())


def _named_apart(logs: Sequence[Log], folder: Path) -> Iterator[Log]:
    """Name runs by where they lie, where their own names are alike."""
    names = [log.name for log in logs]
    for log in logs:
        if names.count(log.name) < 2:  # noqa: PLR2004 - itself
            yield log
            continue
        place = Path(log.path)
        inside = place.relative_to(folder) if place.is_relative_to(folder) else place
        yield replace(log, name=str(inside))
