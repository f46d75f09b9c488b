"""The ladder: a few rates on short copies of the run, more on longer copies where it matters.

Each copy has the whole schedule compressed into it and starts from the same weights as the others
of its seed. All decisions are functions of runs, so a killed search goes on where it was.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from etude.finder.pick import Picked, Valley, pick, safe_below, slope, valley
from etude.jobs import FAILED, Job
from etude.records import Run, Trial
from etude.strategies import Strategy, strategy
from etude.strategies.usual import usual_lrs
from etude.training import Pool

SHARES = (0.05, 0.3)
"""Lengths of the copies, as shares of a run in full."""
LEAST = (20, 120)
"""Shorter copies say nothing, unless the run itself is no longer."""
MOST = (200, 1200)
"""No copies are longer: how the best rate moves with the length is known for a factor of some 20
at best, and more updates would not make it known."""
NOTCHES = 4
"""Rates of the fine grid in a decade; the coarse grid has every second."""
FURTHER = 12
"""Notches that the coarse grid may grow at each end: three decades."""
LOWEST, HIGHEST = -36, 16
"""Ends of all grids, in notches from lr = 1."""


def lengths(updates: int) -> tuple[int, int]:
    """Give the lengths of the short and of the longer copies of a run."""
    short, long = (
        min(updates, most, max(least, round(share * updates)))
        for share, least, most in zip(SHARES, LEAST, MOST, strict=True)
    )
    return (short, long) if short < long else (max(1, long // 4), long)


def rate(notch: int) -> float:
    """Give the lr of a notch, with two digits: 1, 1.8, 3.2, 5.6, 10."""
    return float(f"{10 ** (notch / NOTCHES):.2g}")


def notch(lr: float) -> int:
    """Give the notch nearest to an lr."""
    return round(NOTCHES * math.log10(lr))


def _notches(log_lr: float) -> float:
    return NOTCHES * log_lr / math.log(10)


@dataclass(eq=False, slots=True)
class Search:
    """The search for the peak lr of one optimizer, under one schedule."""

    family: Strategy
    """The strategy at any lr."""
    job: Job
    trials: list[Trial] = field(default_factory=list)
    starts: dict[int, float] = field(default_factory=dict)
    """Validation loss of the untrained model, by seed."""

    @property
    def lengths(self) -> tuple[int, int]:
        """Updates of the short and of the longer copies."""
        return lengths(self.job.updates)

    def wanted(self) -> tuple[int, list[Strategy]] | None:
        """Say what is to be trained next, and for how many updates; None when all is known."""
        for updates, notches in zip(self.lengths, (self._coarse, self._fine), strict=True):
            tried = self._tried(updates)
            further = sorted(set(notches()) - tried)
            within = [each for each in further if LOWEST <= each <= HIGHEST]
            if within:
                return updates, [self.family.with_lr(rate(each)) for each in within]
        return None

    def hear(self, run: Run) -> None:
        """Take in a run of this search."""
        lr = strategy(run.strategy).peak_lr
        self.trials.append(Trial(lr, run.seed, run.planned, run.loss, run.outcome))
        self.starts[run.seed] = float(run.curve.val_loss[0])

    def seen(self, updates: int, seed: int | None = None) -> Valley | None:
        """Give the valley at a length, over all seeds or of one."""
        chosen = [t for t in self._of(updates) if seed is None or t.seed == seed]
        return valley(chosen, self.starts) if chosen else None

    def picked(self, seed: int | None = None) -> Picked | None:
        """Give range and suggestion, over all seeds or of one; None where nothing trains."""
        short, long = self.lengths
        seen = self.seen(long, seed)
        if seen is None:
            return None
        fell = slope(self.seen(short, seed), seen, long / short)
        chosen = [t for t in self.trials if seed is None or t.seed == seed]
        return pick(seen, slope=fell, left=self.job.updates / long, safe=safe_below(chosen))

    def _of(self, updates: int) -> list[Trial]:
        return [trial for trial in self.trials if trial.updates == updates]

    def _tried(self, updates: int) -> set[int]:
        return {notch(trial.lr) for trial in self._of(updates)}

    def _coarse(self) -> Iterator[int]:
        """Give the notches that the short copies need: both ends closed, the cliff narrowed."""
        usual = [notch(lr) for lr in usual_lrs(self.family.label)]
        first, last = usual[0] // 2 * 2, usual[-1] // 2 * 2
        yield from range(first, last + 1, 2)
        tried = self._tried(self.lengths[0])
        if not tried:
            return
        seen, failing = self.seen(self.lengths[0]), self._failing()
        if (seen is None or not seen.closed_below) and min(tried) > first - FURTHER:
            yield from (min(tried) - 2, min(tried) - 4)
        if failing is None and max(tried) < last + FURTHER:
            yield from (max(tried) + 2, max(tried) + 4)
        if failing is not None and failing - 1 > min(tried):
            yield failing - 1

    def _fine(self) -> Iterator[int]:
        """Give the notches that the longer copies need: from below the valley to above it."""
        short, long = self.lengths
        before = self.seen(short)
        if before is None:
            return
        # With small steps progress depends on lr x updates, so the low edge moves down as much.
        low = before.low - math.log(long / short)
        top = self._failing()
        highest = HIGHEST if top is None else top - 1
        first, last = math.floor(_notches(low)), math.ceil(_notches(before.best))
        yield from range(first, min(last, highest) + 1)
        tried, seen = self._tried(long), self.seen(long)
        if not tried:
            return
        if (seen is None or not seen.closed_below) and min(tried) > first - FURTHER:
            yield from (min(tried) - 1, min(tried) - 2)
        if seen is not None and not seen.closed_above and max(tried) < highest:
            yield from (max(tried) + 1, min(max(tried) + 2, highest))
        elif top is not None:
            yield (top + max((each for each in tried if each < top), default=top)) // 2

    def _failing(self) -> int | None:
        """Give the lowest notch at which a run failed, at any length."""
        return min((notch(t.lr) for t in self.trials if t.outcome in FAILED), default=None)


def climb(pool: Pool, searches: Sequence[Search]) -> None:
    """Train what the searches want until they want no more, together where lengths agree."""
    while True:
        wanted: dict[tuple[int, int], list[tuple[Search, list[Strategy]]]] = defaultdict(list)
        for search in searches:
            if (next_one := search.wanted()) is not None:
                updates, strategies = next_one
                wanted[id(search.job), updates].append((search, strategies))
        if not wanted:
            return
        for (_, updates), parts in wanted.items():
            _train(pool, updates, parts)


def _train(pool: Pool, updates: int, parts: Sequence[tuple[Search, list[Strategy]]]) -> None:
    job = parts[0][0].job
    owner = {str(each): search for search, strategies in parts for each in strategies}
    before = len(job.runs)
    try:
        job.train(pool, [each for _, s in parts for each in s], updates=updates)
    finally:
        for run in job.runs[before:]:
            owner[run.strategy].hear(run)
