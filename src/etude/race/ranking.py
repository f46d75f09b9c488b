"""Rank strategies by their runs, paired by seed, and say which differences are shown."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from etude.diagnosis import end_level, judge
from etude.diagnosis.statistics import mean_interval
from etude.records import Outcome, Place, Run
from etude.strategies import Strategy

Quantity = Callable[[Run], float]


def judge_together(runs: Sequence[Run], chance: float | None) -> list[Run]:
    """Give the runs with outcomes that know how low the training loss can get on this task."""
    levels = [end_level(run.curve) for run in runs]
    best = min((level for level in levels if math.isfinite(level)), default=None)
    return [replace(run, outcome=judge(run.curve, chance=chance, best=best)) for run in runs]


def rank(
    strategies: Sequence[Strategy], runs: Sequence[Run], *, quantity: Quantity, maximize: bool
) -> list[Place]:
    """Rank the strategies that have runs, best first.

    A strategy with a diverged run comes after all without one, and then one with a collapsed
    run: a mean over its seeds would hide the failure. The interval of each is a 95 % t interval
    of its paired differences from the first.
    """
    by_strategy: dict[str, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.seed):
        by_strategy[run.strategy].append(run)
    places = [_place(s, by_strategy[str(s)]) for s in strategies if str(s) in by_strategy]
    values = {
        text: {run.seed: quantity(run) for run in group} for text, group in by_strategy.items()
    }
    failures = {text: _failures(group) for text, group in by_strategy.items()}
    healthy = {text for text, failed in failures.items() if not any(failed)}
    means = _means_without_seed_effects(values, healthy)
    sign = -1.0 if maximize else 1.0
    places.sort(key=lambda place: (failures[place.strategy], sign * means[place.strategy]))
    return [
        _against(place, first, values, may_tie=failures[place.strategy] == failures[first.strategy])
        for first in places[:1]
        for place in places
    ]


def _place(strategy: Strategy, runs: Sequence[Run]) -> Place:
    return Place(
        strategy=str(strategy),
        optimizer=strategy.label,
        peak_lr=strategy.peak_lr,
        schedule=str(strategy.schedule),
        outcome=common_outcome(runs),
        loss=float(np.mean([run.loss for run in runs])),
        metric=float(np.mean([run.metric for run in runs])),
        interval=(0.0, 0.0),
        tie=False,
        seeds=tuple(run.seed for run in runs),
        updates=runs[0].planned,
    )


def common_outcome(runs: Sequence[Run]) -> Outcome:
    """Give the commonest outcome; of two as common, the worse."""
    counts = Counter(run.outcome for run in runs)
    order = list(Outcome)
    return max(counts, key=lambda outcome: (counts[outcome], order.index(outcome)))


def _failures(runs: Sequence[Run]) -> tuple[int, int]:
    outcomes = [run.outcome for run in runs]
    return outcomes.count(Outcome.DIVERGED), outcomes.count(Outcome.COLLAPSED)


def _means_without_seed_effects(
    values: Mapping[str, Mapping[int, float]], healthy: Collection[str]
) -> dict[str, float]:
    """Give each strategy's mean as if all had the same seeds; infinite where it has none.

    Finalists of a race may have more seeds than others, and some seeds are easier. The effect of
    a seed is its mean over the strategies that have the most seeds, less their overall mean. With
    the same seeds for all this is the plain mean, but for a constant. A strategy that failed has
    no say in it: 1e19 less its mean leaves nothing of the digits of others.
    """
    some = {text: mine for text, mine in values.items() if text in healthy} or values
    most = max((len(mine) for mine in some.values()), default=0)
    full = [m for m in some.values() if len(m) == most and np.isfinite(list(m.values())).all()]
    # After an interruption as many seeds may be other seeds.
    full = [m for m in full if m.keys() == full[0].keys()]
    overall = float(np.mean([list(mine.values()) for mine in full])) if full else 0.0
    effects = {
        seed: float(np.mean([m[seed] for m in full])) - overall
        for seed in (full[0] if full else ())
    }
    means = {
        text: float(np.mean([value - effects.get(seed, 0.0) for seed, value in mine.items()]))
        for text, mine in values.items()
    }
    return {text: mean if math.isfinite(mean) else math.inf for text, mean in means.items()}


def _against(
    place: Place, winner: Place, values: Mapping[str, Mapping[int, float]], *, may_tie: bool
) -> Place:
    if place is winner:
        return place
    mine, best = values[place.strategy], values[winner.strategy]
    low, high = mean_interval([mine[seed] - best[seed] for seed in mine if seed in best])
    # A failed run is worse whatever the interval says; without one nothing else surely is.
    tie = low <= 0 <= high or (math.isnan(low) and math.isfinite(place.loss))
    return replace(place, interval=(low, high), tie=tie and may_tie)
