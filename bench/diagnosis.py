"""Measure diagnosis: is a run's lr too low, right or too high?

    python bench/diagnosis.py                   # train the runs (kept in .diagnosis), then measure
    python bench/diagnosis.py --fit             # and write the models that étude ships

The first takes about ten minutes of one core, most of them for characters and the CNN; with the
runs kept it takes one.

The runs and their counterfactual labels are those of `diagnosis_runs.py`. Whole tasks are held out:
a reading of a task's runs comes from models that saw none of that task, nor of its family. Beside
it stand published rules, restated from their documents
with their own thresholds. What counts:

- balanced accuracy: the mean of the recalls of raise, keep and lower;
- opposite: says raise where lower is right, or the reverse;
- false alarms: healthy runs (keep) for which it says raise or lower, of all healthy runs;
- covered: runs for which it says anything; right: how many of these.
"""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # the machine's other users would only make threads wait

import click
import numpy as np
import torch
from diagnosis_runs import FACTORS, FORK_AT, TASKS, Trace, broken_traces, traces

from etude.diagnosis.action import (
    ACTIONS,
    FEATURES,
    Model,
    by_rule,
    expanded,
    models,
    read_action,
)
from etude.diagnosis.features import gain_features, loss_features
from etude.diagnosis.forks import Forks, Verdict, agreed, judge_forks
from etude.records import Action, Array, Curve, Reading

LEAST = {
    "loss and gain": {"raise": 0.9, "keep": 0.5, "lower": 0.9},
    "loss": {"raise": 0.9, "keep": 0.97, "lower": 0.97},
}
"""Probability from which each action is given. These were chosen with the table in view; the row
"limits held out too" is with limits that were chosen without a run of the family."""
CHANGE, KEEP = (0.8, 0.85, 0.9, 0.93, 0.96), (0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
"""What that row chooses from: the limit of raise and of lower, and that of keep."""
RIGHT, ALARMS = 0.93, 0.02
"""How often a reading must be right, and how seldom alarm, with limits so chosen."""
PENALTY = {"loss and gain": 0.1, "loss": 0.3}
"""Inverse strength of the penalty on weights, as scikit-learn counts it."""
MODEL = Path(__file__).parent.parent / "src/etude/diagnosis/action.json"

Said = Mapping[int, Action]
"""What was said of each trace, by its place."""


def curve_of(trace: Trace) -> Curve:
    """Give a trace as the record that étude reads."""
    update = np.arange(trace.loss.size, dtype=float)
    return Curve(
        update=update,
        lr=np.full(trace.loss.size, trace.lr),
        loss=trace.loss,
        grad_norm=trace.grad_norm,
        update_ratio=trace.update_ratio,
        gain_update=trace.gain_update,
        gain_ratio=trace.gain,
        zero_share=trace.zeros,
    )


def forks_of(trace: Trace) -> Forks | None:
    """Give a trace's forks; None where it was not finite before them."""
    if trace.loss.size <= FORK_AT or not np.isfinite(trace.loss[:FORK_AT]).all():
        return None
    return Forks(FACTORS[1:], trace.forks[1:], trace.forks[0], trace.fork_zeros[1:])


# Fitting


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """What is known of all traces."""

    traces: list[Trace]
    curves: list[Curve]
    rules: dict[str, list[Reading | None]]
    """What a rule says to what a model is given; None where the model must."""
    rows: dict[str, Array]
    """Features and their products, for each model [traces, features and products]."""
    labels: Array
    families: Array

    def where(self, families: Sequence[str]) -> list[int]:
        """Give the places of the families' traces."""
        return np.flatnonzero(np.isin(self.families, families)).tolist()


def read(runs: list[Trace]) -> Data:
    """Compute all features once."""
    curves = [curve_of(run) for run in runs]
    rules = {
        "loss and gain": [by_rule(curve) for curve in curves],
        "loss": [by_rule(without_gains(curve)) for curve in curves],
    }
    rows = {
        name: np.array(
            [
                expanded([0.0] * len(features) if rule else _values(curve, features))
                for curve, rule in zip(curves, rules[name], strict=True)
            ]
        )
        for name, features in FEATURES.items()
    }
    return Data(
        runs,
        curves,
        rules,
        rows,
        np.array([run.label for run in runs]),
        np.array([run.family for run in runs]),
    )


def without_gains(curve: Curve) -> Curve:
    """Give what most logs hold: no gain ratio, no gradients."""
    nothing = np.empty(0)
    return replace(curve, gain_update=nothing, gain_ratio=nothing, zero_share=nothing)


def _values(curve: Curve, features: Sequence[str]) -> list[float]:
    found = loss_features(curve.loss) | gain_features(curve.gain_ratio)
    return [found[name] for name in features]


def fit(data: Data, name: str, families: Sequence[str], *, least: dict[str, float]) -> Model:
    """Fit a model to the runs of some families; each family and each label counts as much."""
    from sklearn.linear_model import LogisticRegression

    kept = [place for place in data.where(families) if data.rules[name][place] is None]
    rows, labels = data.rows[name][kept], data.labels[kept]
    mean, scale = rows.mean(0), rows.std(0) + 1e-9
    pairs = [f"{f} {label}" for f, label in zip(data.families[kept], labels, strict=True)]
    counts = {pair: pairs.count(pair) for pair in set(pairs)}
    weight = np.array([1 / math.sqrt(counts[pair]) for pair in pairs])
    fitted = LogisticRegression(C=PENALTY[name], max_iter=5000).fit(
        np.clip((rows - mean) / scale, -4, 4), labels, sample_weight=weight / weight.mean()
    )
    order = [fitted.classes_.tolist().index(action.value) for action in ACTIONS]
    return Model(FEATURES[name], mean, scale, fitted.coef_[order], fitted.intercept_[order], least)


def chances(model: Model, rows: Array) -> Array:
    """Give the probability of each action, [runs, actions]."""
    scores = np.clip((rows - model.mean) / model.scale, -4, 4) @ model.weights.T + model.bias
    shares = np.exp(scores - scores.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def held_out(data: Data, name: str, families: Sequence[str]) -> tuple[list[int], Array]:
    """Give the runs of some families that no rule answers, and their chances from the others."""
    places: list[int] = []
    found: list[Array] = []
    for family in families:
        others = [each for each in families if each != family]
        mine = [place for place in data.where([family]) if data.rules[name][place] is None]
        places += mine
        found.append(chances(fit(data, name, others, least={}), data.rows[name][mine]))
    return places, np.concatenate(found)


# Saying


def readings(data: Data, name: str) -> tuple[Said, Said, Said]:
    """Read each run by models that saw no run of its family.

    Returns:
        What is said always, where it is sure, and where it is sure by limits that were chosen
        without a run of the family.
    """
    ruled = {place: rule.action for place, rule in enumerate(data.rules[name]) if rule is not None}
    every = sorted(set(data.families))
    places, found = held_out(data, name, every)
    told = dict(zip(places, found, strict=True))

    def given(least: dict[str, float], among: Sequence[str]) -> Said:
        return {
            place: ruled[place] if place in ruled else spoken(told[place], least)
            for place in data.where(among)
        }

    strange: dict[int, Action] = {}
    for family in every:
        others = [each for each in every if each != family]
        best = max((limited(data, given, c, k, others) for c in CHANGE for k in KEEP), key=_first)
        strange |= given(best[1], [family])
    return given(dict.fromkeys(LEAST[name], 0.0), every), given(LEAST[name], every), strange


def spoken(chances: Array, least: dict[str, float]) -> Action:
    """Give the likeliest action, where it is likely enough."""
    action = ACTIONS[int(chances.argmax())]
    return action if chances.max() >= least[action.value] else Action.UNDECIDED


def limited(
    data: Data,
    given: Callable[[dict[str, float], Sequence[str]], Said],
    change: float,
    keep: float,
    families: Sequence[str],
) -> tuple[float, dict[str, float]]:
    """Give how much is covered with these limits, 0 where too little is right, and the limits."""
    least = {"raise": change, "keep": keep, "lower": change}
    score = measured(data, given(least, families))
    good = score.right >= RIGHT and score.alarms <= ALARMS
    return (score.covered if good else 0.0), least


def _first(pair: tuple[float, dict[str, float]]) -> float:
    return pair[0]


def verdicts(data: Data) -> list[Verdict]:
    """Judge the forks of each run."""
    return [
        judge_forks(
            forks_of(run),
            start=run.start,
            alive=bool(run.zeros.size and run.zeros[0] < 1),
        )
        for run in data.traces
    ]


# Published rules


def rule(low: float, high: float, of: Callable[[Trace], float]) -> Callable[[Trace], Action]:
    """Say raise below a range and lower above it, or where it is not finite."""

    def judge(trace: Trace) -> Action:
        value = of(trace)
        if not value <= high:
            return Action.LOWER
        return Action.RAISE if value < low else Action.KEEP

    return judge


def _ratio(trace: Trace) -> float:
    return float(np.median(trace.update_ratio))


def _nan(trace: Trace) -> Action:
    return Action.KEEP if np.isfinite(trace.loss).all() else Action.LOWER


def _spikes(trace: Trace) -> Action:
    loss = trace.loss
    for t in range(2, loss.size):
        mean = loss[max(0, t - 10) : t].mean()
        if loss[t] > loss[t - 1] and abs(loss[t] - mean) >= 2.0 * mean:
            return Action.LOWER
    return _nan(trace)


def _autotrainer(trace: Trace) -> Action:
    finite = np.isfinite(trace.loss).all()
    return Action.LOWER if not finite or trace.loss.max() >= 1e3 else Action.KEEP


def _plateau(trace: Trace) -> Action:
    """Restate torch's ReduceLROnPlateau on means of ten updates: patience 10, threshold 1e-4."""
    best, bad = math.inf, 0
    for first in range(0, trace.loss.size - 9, 10):
        mean = trace.loss[first : first + 10].mean()
        best, bad = (mean, 0) if mean < best * (1 - 1e-4) else (best, bad + 1)
        if bad > 10:
            return Action.LOWER
    return _nan(trace)


def _not_decreasing(trace: Trace) -> Action:
    """SageMaker's LossNotDecreasing names no side; a loss that does not fall is read as too low."""
    loss = trace.loss[::10]
    return Action.RAISE if (np.diff(loss) >= 0).any() else Action.KEEP


RULES: dict[str, Callable[[Trace], Action]] = {
    "not finite, nothing else": _nan,
    "SageMaker WeightUpdateRatio 1e-8 to 10": rule(1e-8, 10, _ratio),
    "SageMaker LossNotDecreasing, 10 steps": _not_decreasing,
    "UMLAUT lr 1e-7 to 0.01": rule(1e-7, 0.01, lambda trace: trace.lr),
    "DeepDiagnosis update ratio 1e-5 to 0.1": rule(1e-5, 0.1, _ratio),
    "update ratio near 1e-3 (3e-4 to 3e-3)": rule(3e-4, 3e-3, _ratio),
    "Lightning spike, 2 x mean of 10": _spikes,
    "AutoTrainer loss rules (nan, 1e3)": _autotrainer,
    "ReduceLROnPlateau, patience 10": _plateau,
}


# Counting


@dataclass(frozen=True, slots=True)
class Score:
    """How good what was said is."""

    balanced: float
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    covered: float
    right: float
    opposite: int
    alarms: float
    """False alarms per healthy run."""


def measured(data: Data, said: Said) -> Score:
    """Compare what was said with the labels."""
    places = sorted(said)
    label = data.labels[places]
    given = np.array([said[place].value for place in places])
    decided = given != Action.UNDECIDED.value
    right = given == label
    sides = {Action.RAISE.value, Action.LOWER.value}
    opposite = [{said, true} == sides for said, true in zip(given, label, strict=True)]
    healthy = label == Action.KEEP.value
    names = [action.value for action in ACTIONS]
    recall = tuple(float(right[label == name].mean()) for name in names)
    precision = tuple(
        float(right[given == name].mean()) if (given == name).any() else math.nan for name in names
    )
    return Score(
        float(np.mean(recall)),
        recall,
        precision,
        float(decided.mean()),
        float(right[decided].mean()) if decided.any() else math.nan,
        sum(opposite),
        float((decided & ~right)[healthy].mean()),
    )


HEAD = (
    f"{'':44} {'balanced':>8} {'recall r/k/l':>15} {'precision r/k/l':>16}"
    f" {'covered':>8} {'right':>6} {'opposite':>12} {'alarms':>7}"
)


def line(name: str, score: Score, count: int) -> str:
    """Write a row of the table."""
    opposite = f"{score.opposite} ({score.opposite / count:.1%})"
    recall = "/".join(f"{value:.2f}" for value in score.recall)
    precision = "/".join(f"{value:.2f}" for value in score.precision)
    return (
        f"{name:44} {score.balanced:8.3f} {recall:>15} {precision:>16}"
        f" {score.covered:8.1%} {score.right:6.1%} {opposite:>12} {score.alarms:7.1%}"
    )


def interval(data: Data, said: Said, value: Callable[[Score], float]) -> str:
    """Give a 95 % bootstrap interval of a score over cells, the task, optimizer and seed."""
    cells: dict[tuple[str, str, int], list[int]] = {}
    for place, run in enumerate(data.traces):
        cells.setdefault((run.task, run.optimizer, run.seed), []).append(place)
    draw = np.random.default_rng(0)
    names = list(cells)
    values = []
    for _ in range(400):
        places = [p for n in draw.integers(len(names), size=len(names)) for p in cells[names[n]]]
        again = replace(data, labels=data.labels[places])
        values.append(value(measured(again, {k: said[p] for k, p in enumerate(places)})))
    low, high = np.nanquantile(values, [0.025, 0.975])
    return f"{low:.3f} to {high:.3f}"


@click.command()
@click.option("--folder", default=".diagnosis", show_default=True, help="Where runs are kept.")
@click.option("--tasks", default=",".join(TASKS), help="Which, separated by commas.")
@click.option("--fit", "write", is_flag=True, help="Write the models that étude ships.")
def main(folder: str, tasks: str, write: bool) -> None:
    torch.set_num_threads(1)
    data = read(traces(Path(folder), tasks.split(",")))
    count = len(data.traces)
    amounts = {name: int((data.labels == name).sum()) for name in ("raise", "keep", "lower")}
    print(f"{count} runs of {len(set(data.families))} families: {amounts}\n\n{HEAD}")
    for name, judge in RULES.items():
        said = {place: judge(run) for place, run in enumerate(data.traces)}
        print(line(name, measured(data, said), count))
    shown: dict[str, Said] = {}
    for name in FEATURES:
        always, surely, strange = readings(data, name)
        shown |= {f"étude, {name}": always, f"étude, {name}, where sure": surely}
        if name == "loss and gain":
            shown["étude, the same, limits held out too"] = strange
    tested = verdicts(data)
    sure = shown["étude, loss and gain, where sure"]
    shown["étude, fork test"] = {place: each.action for place, each in enumerate(tested)}
    shown["étude, fork test and reading"] = {
        place: agreed(each, _reading(sure[place])).action for place, each in enumerate(tested)
    }
    shown["étude, fork test where the reading is not sure"] = {
        place: each.action if sure[place] is Action.UNDECIDED else sure[place]
        for place, each in enumerate(tested)
    }
    for name, said in shown.items():
        score = measured(data, said)
        print(line(name, score, count))
        print(
            f"{'':6}95 % interval: balanced {interval(data, said, lambda s: s.balanced)},"
            f" right {interval(data, said, lambda s: s.right)}"
        )
    _by_task(data, shown)
    if write:
        _write(data)
        models.cache_clear()
    _not_the_rate(Path(folder))


def _reading(action: Action) -> Reading:
    return Reading(action, 1.0, "", "", {})


def _by_task(data: Data, shown: Mapping[str, Said]) -> None:
    names = ["étude, loss and gain", "étude, loss and gain, where sure", "étude, fork test"]
    print(f"\n{'held out':16} {'balanced':>8} {'covered, right':>18} {'forks covered, right':>22}")
    for family in sorted(set(data.families)):
        places = data.where([family])
        part = replace(data, labels=data.labels[places])
        always, sure, forks = (
            measured(part, {k: shown[name][p] for k, p in enumerate(places)}) for name in names
        )
        print(
            f"{family:16} {always.balanced:8.3f} {sure.covered:9.0%} {sure.right:8.1%}"
            f" {forks.covered:13.0%} {forks.right:8.1%}"
        )


def _not_the_rate(folder: Path) -> None:
    runs = broken_traces(folder)
    read_as = [read_action(curve_of(run)).action for run in runs]
    alive = [bool(run.zeros.size and run.zeros[0] < 1) for run in runs]
    forked = [
        judge_forks(forks_of(run), start=run.start, alive=one).action
        for run, one in zip(runs, alive, strict=True)
    ]
    for name, said in (("reading", read_as), ("fork test", forked)):
        counts = {action.value: said.count(action) for action in dict.fromkeys(said)}
        print(f"\nnot the rate, {len(runs)} runs with no gradient, {name}: {counts}", end="")
    print()


def _write(data: Data) -> None:
    written, every = {}, sorted(set(data.families))
    for name in FEATURES:
        model = fit(data, name, every, least=LEAST[name])
        arrays = {"mean": model.mean, "scale": model.scale}
        parts = {key: [float(f"{v:.6g}") for v in value] for key, value in arrays.items()}
        parts["weights"] = [[float(f"{v:.6g}") for v in row] for row in model.weights]
        parts["bias"] = [float(f"{v:.6g}") for v in model.bias]
        written[name] = {"features": model.features, "least": model.least, **parts}
    content = {"made by": "python bench/diagnosis.py --fit", "models": written}
    MODEL.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten: {MODEL.name}")


if __name__ == "__main__":
    main()
