"""Guesses which series of a log is the loss, the lr and so on, and says what was guessed.

A name is cut into words; `train/loss_step`, `Loss/train` and `training loss` then read alike.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from etude.errors import LogError
from etude.readers.series import Raw, Series
from etude.records import Array, Curve, Log

_VAL = frozenset({"val", "valid", "validation", "eval", "evaluation", "test", "dev", "heldout"})
_TRAIN = frozenset({"train", "training", "tr"})
_LOSS = frozenset({"loss", "losses", "nll", "xent", "crossentropy", "objective", "cost"})
_SECOND_LOSS = frozenset({"mse", "rmse", "mae", "ce", "bce", "perplexity", "ppl"})
_METRIC = frozenset({"acc", "accuracy", "f1", "auc", "auroc", "map", "map50", "iou", "r2", "top1"})
_PLAIN = frozenset({"total", "metrics", "metric", "history", "log", "main", "scalar", "scalars"})
_SHOWN = 12

_NEVER = math.inf
Score = Callable[[frozenset[str]], float]
"""How ill words fit a column, 0 at best."""


@dataclass(frozen=True, slots=True)
class Override:
    """Names that the user gave; they are not guessed."""

    loss: str | None = None
    lr: str | None = None
    step: str | None = None


def words_of(name: str) -> tuple[str, ...]:
    """Cut a name into lower-case words."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return tuple(word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word)


def _loss(words: frozenset[str]) -> float:
    if words & _VAL or words & {"lr", "scale"}:
        return _NEVER
    if words & _LOSS:
        return 0
    return 10 if words & _SECOND_LOSS else _NEVER


def _val_loss(words: frozenset[str]) -> float:
    if not words & _VAL or not words & (_LOSS | _SECOND_LOSS):
        return _NEVER
    return (0 if words & _LOSS else 10) + 0.5 * ("test" in words)


def _lr(words: frozenset[str]) -> float:
    named = "lr" in words or {"learning", "rate"} <= words or "learningrate" in words
    return 0 if named else _NEVER


def _grad_norm(words: frozenset[str]) -> float:
    named = "norm" in words and words & {"grad", "gradient", "gradients"}
    return 0 if named or words & {"gradnorm", "gnorm"} else _NEVER


def _val_metric(words: frozenset[str]) -> float:
    return 0 if words & _VAL and words & _METRIC else _NEVER


def _exactly(*names: str) -> Score:
    wanted = frozenset(names)
    return lambda words: 0 if wanted <= words else _NEVER


_WANTED: dict[str, Score] = {
    "loss": _loss,
    "lr": _lr,
    "grad_norm": _grad_norm,
    "update_ratio": _exactly("update", "ratio"),
    "val_loss": _val_loss,
    "val_metric": _val_metric,
    "gain_ratio": _exactly("gain", "ratio"),
    "zero_share": _exactly("zero", "share"),
}
_KNOWN = _LOSS | _TRAIN | _VAL | _PLAIN | {"lr", "learning", "rate", "grad", "gradient", "norm"}


def guess(series: Mapping[str, Series], override: Override) -> dict[str, str]:
    """Give the series that each column of a curve is read from, where there is one.

    Raises:
        LogError: a name that was given is none of the log's.
    """
    found: dict[str, str] = {}
    for column, score in _WANTED.items():
        named = getattr(override, column, None)
        if named is not None:
            found[column] = _named(named, series, column)
            continue
        free = [name for name in series if name not in found.values()]
        scores = {name: _score(name, score) for name in free}
        best = min(scores, key=lambda name: (scores[name], -series[name].at.size), default=None)
        if best is not None and scores[best] < _NEVER:
            found[column] = best
    return found


def _score(name: str, score: Score) -> float:
    """Add to a score what tells a part, a layer, a later param group or a mean over an epoch."""
    words = words_of(name)
    extra = sum(0.6 if word.isdigit() else 1.0 for word in words if word not in _KNOWN)
    last = re.search(r"(\d{1,2})$", name)
    group = 0.01 * int(last[1]) if last else 0.0
    spans = 0.25 * ("epoch" in words) - 0.9 * ("step" in words)
    return score(frozenset(words)) + extra + group + spans


def _named(name: str, series: Mapping[str, Series], column: str) -> str:
    if name not in series:
        raise LogError(
            f"--{column} must name a column of the log, got {name!r}; it has {listed(series)}"
        )
    return name


def listed(names: Mapping[str, Series]) -> str:
    """List names, the first few."""
    shown = list(names)[:_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{', '.join(shown)}{more}"


def to_log(raw: Raw, override: Override) -> Log:
    """Make a run of its series.

    Raises:
        LogError: it has neither a training nor a validation loss.
    """
    found = guess(raw.series, override)
    if not raw.series:
        raise LogError(
            f"a log must have columns of numbers (CSV, JSON lines or a tool's own format), but"
            f" {raw.path} has none"
        )
    if "loss" not in found and "val_loss" not in found:
        raise LogError(
            f"a log must have a column of losses, but {raw.path} has {listed(raw.series)};"
            " name one with --loss"
        )
    curve, notes = _curve({column: raw.series[name] for column, name in found.items()})
    left = tuple(name for name in raw.series if name not in found.values())
    columns = dict(found) | ({"step": raw.step} if raw.step else {})
    lr = raw.lr if math.isfinite(raw.lr) else lr_in_name(f"{raw.path} {raw.name}")
    return Log(
        name=raw.name,
        path=raw.path,
        form=raw.form,
        curve=curve,
        columns=columns,
        left=left,
        unit=raw.unit,
        lr=lr,
        notes=(*raw.notes, *notes),
    )


def lr_in_name(name: str) -> float:
    """Read the lr that people write into names of runs: `lr0.001`, `lr=1e-3`, `lr_3e-4`."""
    found = re.findall(r"(?<![a-z])lr[_=:-]?(\d+(?:\.\d+)?(?:e-?\d+)?)", name.lower())
    return float(found[-1]) if found else math.nan


def _curve(columns: Mapping[str, Series]) -> tuple[Curve, tuple[str, ...]]:
    resumed = list[str]()
    tidy = {name: _in_order(series, resumed) for name, series in columns.items()}
    nothing = Series(np.empty(0), np.empty(0))
    loss, val = tidy.get("loss", nothing), tidy.get("val_loss", nothing)
    gain, zero = tidy.get("gain_ratio", nothing), tidy.get("zero_share", nothing)
    gains = Series(np.union1d(gain.at, zero.at), np.empty(0))
    curve = Curve(
        update=loss.at,
        lr=_held(loss.at, tidy.get("lr", nothing)),
        loss=loss.values,
        grad_norm=_matched(loss.at, _seen(tidy.get("grad_norm", nothing))),
        update_ratio=_matched(loss.at, tidy.get("update_ratio", nothing)),
        eval_update=val.at,
        val_loss=val.values,
        val_metric=_matched(val.at, tidy.get("val_metric", nothing)),
        val_spread=np.full(val.at.size, np.nan),
        gain_update=gains.at,
        gain_ratio=_matched(gains.at, gain),
        zero_share=_matched(gains.at, zero),
    )
    return curve, tuple(dict.fromkeys(resumed))


def _seen(series: Series) -> Series:
    """Give norms of which one that was logged as nan is infinite: nan is what was not logged."""
    return Series(series.at, np.where(np.isnan(series.values), np.inf, series.values))


def _in_order(series: Series, notes: list[str]) -> Series:
    """Give a series whose steps grow; where a resumed run went back, what came later counts."""
    at, values = series.at, series.values
    keep = np.isfinite(at)
    at, values = at[keep], values[keep]
    if at.size and (np.diff(at) <= 0).any():
        if (np.diff(at) < 0).any():
            notes.append("steps go back, as after a resume; of each step the last row counts")
        last = np.minimum.accumulate(at[::-1])[::-1]
        later = np.append(last[1:], np.inf)
        keep = at < later
        at, values = at[keep], values[keep]
    return Series(at, values)


def _held(at: Array, series: Series) -> Array:
    """Read a series at other steps: the last value before, or the first of all."""
    if not series.at.size:
        return np.full(at.size, np.nan)
    place = np.searchsorted(series.at, at, side="right") - 1
    return series.values[np.maximum(place, 0)]


def _matched(at: Array, series: Series) -> Array:
    """Read a series at just these steps; nan where it has none of them."""
    values = np.full(at.size, np.nan)
    _, places, rows = np.intersect1d(at, series.at, return_indices=True)
    values[places] = series.values[rows]
    return values
