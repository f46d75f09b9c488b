"""The survey: how a race on a small budget finds finalists among many strategies.

A strategy has an optimizer, a peak lr and a schedule, and short copies tell them apart unequally
well. The loss over log lr is a valley, whose bottom depends on the optimizer most; a schedule moves
it, in so far as it spends more or less of the run at high rates, which its *area* says, the mean
of its multipliers. So the three are settled one after the other:

1. **soundings**: copies of a tenth of the run, at every second peak lr of each optimizer, under one
   schedule, the optimizer's *reference*.
2. **valleys**: copies of three tenths, of the best optimizers around their bottoms: of three, and
   of those that tie with the best.
3. **duel**: where optimizers still tie, one run in full of each at its goal, the peak lr where its
   bottom will be at the end of a run in full, if it goes on falling half as fast as it did.
4. **schedules**: copies of three tenths of the best optimizer under every schedule, each at the
   peak lr with which lr x area is what it is at the bottom.
5. The finalists are the two best schedules at the goal and at the next peak lr: towards the bottom
   of the copies, or the next lower one where this is the goal.

Short copies flatter schedules whose rate stays high (`etude.race.area`): the first of the two is
the best that spends no more at high rates than the reference does.
"""

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median_low

import numpy as np

from etude.diagnosis.valley import bottom, extrapolate
from etude.jobs import FAILED
from etude.race.area import LIKE, alike, area, multipliers
from etude.race.budget import Budget
from etude.race.job import Contest
from etude.report.words import several
from etude.strategies import Strategy

LENGTHS = (0.1, 0.3)
"""Lengths of the copies, as shares of a run in full."""
LEAST = (20, 60)
"""Updates that they have at least, as far as the run has as many."""
LOOKED_AT = 3
"""Optimizers whose valleys are looked at on longer copies, at least."""
BELOW = (2, 1)
"""Peak lrs below its bottom at which the best optimizer's valley is looked at, and any other's."""
TIED = (0.9, 0.95)
"""Share of the best one's fall of the loss, or of its logarithm, with which an optimizer ties with
it, on the short and on the longer copies."""
GROWTH = 2
"""Further peak lrs, where the lowest loss lies at an end of them."""
Train = Callable[[list[Strategy], int], None]
"""Train strategies with the first seed for so many updates."""


def lengths(updates: int) -> tuple[int, int]:
    """Give the updates of the short and of the longer copies of a run."""
    pairs = zip(LENGTHS, LEAST, strict=True)
    short, long = (min(updates, max(least, round(share * updates))) for share, least in pairs)
    return short, long


@dataclass(eq=False)
class Survey:
    """A survey under way."""

    job: Contest
    strategies: Sequence[Strategy]
    tries: int
    """Strategies that it may try."""
    budget: Budget
    train: Train
    _levels: dict[int, dict[Strategy, float]] = field(default_factory=lambda: defaultdict(dict))
    """What was tried, by length of the runs; see `_read`."""
    _starts: dict[int, float] = field(default_factory=dict)
    """Level of the untrained model, by length of the runs."""

    def finalists(self) -> list[Strategy]:
        """Train copies, and give the strategies to train in full, the likeliest first."""
        short, long = lengths(self.job.updates)
        sounded = list(self._soundings())
        self._try(sounded, short, least=len(self._grids))
        before = {label: self._bottom(label, short) for label in self._optimizers(short)}
        self._try(self._near(before)[: max(1, (self.tries - len(sounded)) // 2)], long, least=1)
        for label in self._optimizers(long):
            self._close(label, long)
        bottoms = {label: self._bottom(label, long) for label in self._optimizers(long)}
        # Noise moves bottoms as far as a run's length does: half of a fall is taken to go on.
        halfway = math.sqrt(long * self.job.updates)
        goals = {
            label: extrapolate([(short, before[label]), (long, lr)], halfway)
            for label, lr in bottoms.items()
        }
        leader = self._leader(goals)
        now = bottoms[leader]
        scanned = self._schedules(leader, now)
        schedules = self._best_schedules(leader, scanned)
        self._say(leader, now, goals[leader], schedules)
        return self._around(leader, schedules, goals[leader], now)

    @cached_property
    def _grids(self) -> dict[str, dict[str, list[Strategy]]]:
        """Strategies by optimizer and by schedule, in order of their peak lr."""
        found: dict[str, dict[str, list[Strategy]]] = defaultdict(lambda: defaultdict(list))
        for each in sorted(self.strategies, key=lambda each: each.peak_lr):
            found[each.label][str(each.schedule)].append(each)
        return {label: dict(grid) for label, grid in found.items()}

    @cached_property
    def _reference(self) -> dict[str, str]:
        """The schedule under which an optimizer's valley is looked at.

        Of those that have the most peak lrs and an area like the middle one, it is the one that
        begins lowest: a warmup lets the highest rates show what they can.
        """
        found: dict[str, str] = {}
        for label, grid in self._grids.items():
            most = max(map(len, grid.values()))
            widest = {name: each[0] for name, each in grid.items() if len(each) == most}
            middle = median_low(self._area(each) for each in widest.values())
            usual = {n: s for n, s in widest.items() if alike(self._area(s), middle)}
            found[label] = min(usual, key=lambda name: multipliers(self.job, usual[name])[0])
        return found

    def _soundings(self) -> Iterator[Strategy]:
        """Pick every second peak lr of each optimizer.

        Of many, only so few that half of the tries and of the budget do, but one of each optimizer.
        """
        valleys = [self._grids[label][name] for label, name in self._reference.items()]
        short, _ = lengths(self.job.updates)
        most = max(1, min(self.tries, self._affordable(short)) // 2)
        stride = max(2, -(-sum(map(len, valleys)) // most))
        for valley in valleys:
            yield from valley[min(stride, len(valley)) // 2 :: stride]

    def _try(self, strategies: Iterable[Strategy], updates: int, *, least: int = 0) -> None:
        """Train what was not tried so long, as far as the budget goes; in any case the first."""
        fresh = [each for each in strategies if each not in self._levels[updates]]
        fresh = fresh[: max(least, self._affordable(updates))]
        if fresh:
            self.train(fresh, updates)
            tried = [*self._levels[updates], *fresh]
            levels = self._read(updates)
            self._levels[updates] = {each: levels[str(each)] for each in tried}

    def _read(self, updates: int) -> dict[str, float]:
        """Give the level of each strategy's run of one length: less is better, inf is failed.

        It is the log of the loss, but the loss where some are not positive, and the metric where
        the race is for one.
        """
        job = self.job
        runs = [r for r in job.runs if r.planned == updates and r.seed == job.seeds[0]]
        sign = -1 if job.maximize else 1
        values = {run.strategy: sign * job.quantity(run) for run in runs}
        start = float(np.mean([run.curve.val_loss[0] for run in runs]))
        if job.metric != "loss":
            start = sign * float(np.mean([run.curve.val_metric[0] for run in runs]))
        alive = {run.strategy for run in runs if run.outcome not in FAILED}
        alive = {text for text in alive if math.isfinite(values[text])}
        log = job.metric == "loss" and min([start, *(values[text] for text in alive)]) > 0
        scale = math.log if log else float
        self._starts[updates] = scale(start)
        return {text: scale(v) if text in alive else math.inf for text, v in values.items()}

    def _valley(self, label: str, updates: int) -> list[Strategy]:
        grid = self._grids[label][self._reference[label]]
        return [each for each in grid if each in self._levels[updates]]

    def _optimizers(self, updates: int) -> list[str]:
        """Give the optimizers whose valleys were looked at, the deepest first."""
        seen = [label for label in self._grids if self._valley(label, updates)]
        return sorted(seen, key=lambda label: self._least(label, updates))

    def _least(self, label: str, updates: int) -> float:
        return min(self._levels[updates][each] for each in self._valley(label, updates))

    def _bottom(self, label: str, updates: int) -> float:
        valley = self._valley(label, updates)
        levels = [self._levels[updates][each] for each in valley]
        return bottom([each.peak_lr for each in valley], levels)

    def _near(self, bottoms: Mapping[str, float]) -> list[Strategy]:
        """Give what to look at around the bottoms of the best optimizers, which come first."""
        count = max(LOOKED_AT, len(self._tied(lengths(self.job.updates)[0])))
        below = [BELOW[0], *[BELOW[1]] * (count - 1)]
        pairs = zip(bottoms.items(), below, strict=False)
        return [each for (label, lr), n in pairs for each in self._from(label, lr, below=n)]

    def _leader(self, goals: Mapping[str, float]) -> str:
        """Give the best optimizer; of those that tie, the one whose run in full ends best."""
        long, full = lengths(self.job.updates)[1], self.job.updates
        tied = self._tied(long)
        if len(tied) == 1 or full == long or self._affordable(full) < len(tied):
            return tied[0]
        duellists = [self._matched(each, self._reference[each], goals[each]) for each in tied]
        self._try(duellists, full)
        return min(duellists, key=self._levels[full].__getitem__).label

    def _tied(self, updates: int) -> list[str]:
        """Give the best optimizer on copies of one length, and those that tie with it."""
        share = TIED[lengths(self.job.updates).index(updates)]
        best, *others = self._optimizers(updates)
        start, least = self._starts[updates], self._least(best, updates)
        limit = start - share * (start - least)
        return [best, *(each for each in others if self._least(each, updates) <= limit)]

    def _from(self, label: str, lr: float, *, below: int) -> list[Strategy]:
        """Give the reference at the peak lr nearest to one, and so many below, downwards."""
        grid = self._grids[label][self._reference[label]]
        at = grid.index(_nearest(grid, lr))
        return grid[max(0, at - below) : at + 1][::-1]

    def _close(self, label: str, updates: int) -> None:
        """Look further where the lowest loss lies at an end of what was looked at."""
        grid = self._grids[label][self._reference[label]]
        for _ in range(GROWTH):
            valley = self._valley(label, updates)
            lowest = min(valley, key=self._levels[updates].__getitem__)
            at = grid.index(lowest)
            beside = [at + 1] * (lowest == valley[-1]) + [at - 1] * (lowest == valley[0])
            self._try([grid[n] for n in beside if 0 <= n < len(grid)], updates)

    def _schedules(self, label: str, lr: float) -> list[Strategy]:
        """Try an optimizer's schedules where lr x area is the reference's; give what was tried.

        Where tries or budget end, those with areas most like the reference's were tried.
        """
        _, long = lengths(self.job.updates)
        size = self._area(self._grids[label][self._reference[label]][0])
        matched = [self._matched(label, schedule, lr) for schedule in self._grids[label]]
        matched.sort(key=lambda each: abs(math.log(self._area(each) / size)))
        left = self.tries - len({each for tried in self._levels.values() for each in tried})
        self._try([s for s in matched if s not in self._levels[long]][: max(0, left)], long)
        seen = [each for each in matched if each in self._levels[long]]
        return seen or [self._matched(label, self._reference[label], lr)]

    def _affordable(self, updates: int) -> int:
        """Give how many runs so long the user's budget allows, beside a finalist."""
        if not self.budget.asked_for:
            return sys.maxsize
        left = self.budget.left - len(self.job.seeds) * self.job.updates
        return max(0, left // updates)

    def _matched(self, label: str, schedule: str, lr: float) -> Strategy:
        """Give a schedule at the peak lr where lr x area is the reference's at `lr`."""
        grid = self._grids[label][schedule]
        reference = self._grids[label][self._reference[label]][0]
        return _nearest(grid, lr * self._area(reference) / self._area(grid[0]))

    def _best_schedules(self, label: str, scanned: Sequence[Strategy]) -> list[Strategy]:
        """Give two: the best that spends no more at high rates than the reference, and another."""
        levels = self._levels[lengths(self.job.updates)[1]]
        best = sorted(scanned, key=lambda each: levels.get(each, math.inf))
        limit = LIKE * self._area(self._grids[label][self._reference[label]][0])
        first = next((each for each in best if self._area(each) <= limit), best[0])
        return [first, *(each for each in best if each != first)][:2]

    def _around(
        self, label: str, schedules: Sequence[Strategy], goal: float, now: float
    ) -> list[Strategy]:
        """Give the schedules at the goal, and then at the next peak lr."""
        there, beside = [], []
        for each in schedules:
            grid = self._grids[label][str(each.schedule)]
            at, seen = (
                grid.index(self._matched(label, str(each.schedule), lr)) for lr in (goal, now)
            )
            there.append(grid[at])
            further = at + 1 if seen > at else at - 1
            beside += grid[further : further + 1] if further >= 0 else []
        return [*there, *beside]

    def _say(self, label: str, now: float, goal: float, schedules: Sequence[Strategy]) -> None:
        short, long = lengths(self.job.updates)
        names = " and ".join(f"`{each.schedule}`" for each in schedules)
        copies = f"{len(self._levels[short])} on copies of {several(short, 'update')}"
        if long > short:
            copies += f" and {len(self._levels[long])} on copies of {long}"
        led = f"`{label}` led, best near lr={now:.2g} there and near {goal:.2g} in a run in full"
        if math.isinf(self._least(label, long)):
            led = f"all failed; the lowest lrs of `{label}` are tried in full"
        verb = "goes" if len(schedules) == 1 else "go"
        self.job.decide(
            f"survey: of {len(self.strategies)} strategies, {copies}; {led}; {names} {verb} on"
        )

    def _area(self, each: Strategy) -> float:
        return area(self.job, each)


def _nearest(grid: Sequence[Strategy], lr: float) -> Strategy:
    return min(grid, key=lambda each: abs(math.log(each.peak_lr / lr)))
