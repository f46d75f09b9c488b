"""The race: short copies of all strategies, longer ones of the better, and the best in full.

Where it may try only some of them, it first looks which: `etude.race.opening`. Where the user's
budget does not pay for that, a survey finds the finalists: `etude.race.survey`.

A run that is cut off says little about a schedule: at 30 % of its length a cosine is still near
its peak rate. So each rung trains *shortened copies*, with the whole schedule compressed to the
rung's length, and such copies compare fairly between schedules. Two biases are known. The best peak
lr falls as runs get longer, so a rung keeps, beside each good strategy, its neighbour one step
lower on the lr grid. And short runs flatter rates that stay high to the end, so at most half of
what goes on, rounded up, has one.

In full, the finalists are trained with every seed. The lr grid around the leader is made longer
at an edge and finer at the bottom of a parabola, and strategies that tie get further seeds,
paired, until they part or the budget ends.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from etude.jobs import FAILED
from etude.race.area import staying_high
from etude.race.budget import Budget
from etude.race.design import between
from etude.race.exhaustive import EXTENSIONS, beyond, say_at_edge, say_extended
from etude.race.job import Contest
from etude.race.opening import nearby, soundings
from etude.race.survey import Survey
from etude.records import Place
from etude.report.words import several
from etude.strategies import Strategy, strategy
from etude.training import Pool


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder."""

    share: float
    """Length of its runs, as a share of a run in full."""
    seeds: int
    """Seeds of each strategy, at most as many as the comparison has."""
    keep: float
    """Share of all strategies that goes on."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How many go on, and with how many seeds."""

    rungs: tuple[Rung, ...]
    least: int
    """Strategies that go on in any case."""

    def cost(self, strategies: int, seeds: int) -> float:
        """Give about what a race costs, in runs in full, without what it adds at the end."""
        left, runs = strategies, 0.0
        for rung in self.rungs:
            runs += left * rung.share * min(rung.seeds, seeds)
            left = self.kept(rung, strategies)
        return runs + left * seeds

    def kept(self, rung: Rung, strategies: int) -> int:
        """Give how many of the strategies that the first rung had go on from a rung."""
        return max(self.least, round(rung.keep * strategies))


WIDE = Shape((Rung(share=0.1, seeds=2, keep=0.15), Rung(share=0.3, seeds=2, keep=0.07)), least=3)
NARROW = Shape((Rung(share=0.1, seeds=1, keep=0.1), Rung(share=0.3, seeds=1, keep=0.03)), least=2)
"""For a budget that does not pay for a wide race."""
LEAST_UPDATES = 20
"""Shorter copies of a run say nothing."""
SMALL = 6
"""With no more strategies than this a race saves nothing."""
FURTHER_SEEDS = (2, 3)
"""Seeds that tied finalists get beyond those asked for, round by round."""


@dataclass(eq=False, slots=True)
class Ladder:
    """A race under way."""

    job: Contest
    strategies: list[Strategy]
    budget: Budget
    tries: int
    """Strategies that it may try before its finalists."""
    finalists: list[Strategy] = field(default_factory=list)
    duellists: list[Strategy] = field(default_factory=list)
    """What a survey trained in full, with one seed."""
    _shape: Shape = WIDE
    _rungs: list[tuple[int, int, list[Strategy]]] = field(default_factory=list)
    """Number, updates and strategies of each rung that was begun."""

    def climb(self, pool: Pool) -> None:
        """Run the race to its end."""
        few = self.tries < len(self.strategies)
        narrow = self._choose_shape(few=few)
        if few and narrow:
            left = self._surveyed(pool)
        else:
            left = self._climbed(pool, self._opened(pool) if few else list(self.strategies))
        self.finalists = self._affordable_finalists(left)
        self._train(pool, self.finalists, self.job.seeds)
        self._look_around(pool)
        self._settle(pool)

    def _climbed(self, pool: Pool, left: list[Strategy]) -> list[Strategy]:
        """Try strategies rung by rung; give those that go on to the end."""
        entered = len(left)
        for number, rung in enumerate(self._shape.rungs, start=1):
            updates = round(rung.share * self.job.updates)
            if len(left) > SMALL and updates >= LEAST_UPDATES:
                count = self._shape.kept(rung, entered)
                left = self._rung(pool, number, rung, updates, left, count)
        return left

    def _opened(self, pool: Pool) -> list[Strategy]:
        """Sound the valleys of the loss over lr, and pick what else is worth a try."""
        rung = self._shape.rungs[0]
        updates = max(LEAST_UPDATES, round(rung.share * self.job.updates))
        sounded = soundings(self.strategies, self.tries)
        self._train(pool, sounded, self.job.seeds[: rung.seeds], updates)
        ranking = self.job.ranking(sounded, updates)
        left = nearby(self.strategies, sounded, ranking, self.tries)
        self.job.decide(
            f"opening: {len(sounded)} of {len(self.strategies)} strategies sounded the lrs of each"
            f" optimizer; `{ranking[0].strategy}` led; {len(left) - len(sounded)} near the best"
            " were tried too"
        )
        return left

    def _surveyed(self, pool: Pool) -> list[Strategy]:
        """Try some of the strategies; give those that go on to the end."""
        train = partial(self._survey_train, pool)
        return Survey(self.job, self.strategies, self.tries, self.budget, train).finalists()

    def _survey_train(self, pool: Pool, strategies: list[Strategy], updates: int) -> None:
        """Train what a survey wants, with one seed: the copies of a rung, or runs in full."""
        if updates == self.job.updates:
            self.duellists += strategies
        elif any(length == updates for _, length, _ in self._rungs):
            self._rungs[-1][2].extend(strategies)
        else:
            self._rungs.append((len(self._rungs) + 1, updates, [*strategies]))
        self._train(pool, strategies, self.job.seeds[:1], updates)

    def _choose_shape(self, *, few: bool) -> bool:
        """Race narrowly where the user's updates pay for no more, and say whether that is so."""
        entered, seeds = min(self.tries, len(self.strategies)), len(self.job.seeds)
        wide, narrow = (shape.cost(entered, seeds) * self.job.updates for shape in (WIDE, NARROW))
        if not self.budget.asked_for or self.budget.allows(round(wide)):
            return False
        self._shape = NARROW
        saved = f"short copies have one seed and fewer go on: about {narrow:,.0f}"
        if few:
            saved = "a survey settles optimizer, lr and schedule one after the other"
        self.job.decide(
            f"the budget does not pay for a wide race, about {wide:,.0f} updates, so {saved}"
        )
        return True

    def _affordable_finalists(self, left: list[Strategy]) -> list[Strategy]:
        """Leave out finalists that the user's budget does not pay for; one there must be."""
        if not self.budget.asked_for:
            return left
        kept, spent = left[:1], self._missing(left[0])
        for each in left[1:]:
            if self.budget.allows(spent + self._missing(each)):
                kept.append(each)
                spent += self._missing(each)
        if len(kept) < len(left):
            self.job.decide(f"the budget pays for {len(kept)} of {len(left)} finalists in full")
        return kept

    def _missing(self, each: Strategy) -> int:
        """Give the updates that a strategy still needs to be trained in full with every seed."""
        done = [
            r for r in self.job.runs if r.strategy == str(each) and r.planned == self.job.updates
        ]
        return (len(self.job.seeds) - len(done)) * self.job.updates

    def ranking(self) -> list[Place]:
        """Rank what is done: the finalists, then what each rung dropped, the last rung first.

        After an interruption a rung's strategies may be left that it did not drop.
        """
        went_on = list(dict.fromkeys([*self.finalists, *self.duellists]))
        places = self.job.ranking(went_on)
        for number, updates, strategies in reversed(self._rungs):
            known = {place.strategy for place in places}
            kept = {str(each) for each in went_on or strategies}
            ranking = self.job.ranking(strategies, updates)
            places += [
                _left(place, ranking[0], number, dropped=place.strategy not in kept)
                for place in ranking
                if place.strategy not in known
            ]
            went_on = strategies
        return places

    def _rung(
        self,
        pool: Pool,
        number: int,
        rung: Rung,
        updates: int,
        left: list[Strategy],
        count: int,
    ) -> list[Strategy]:
        """Train copies of all that are left; give so many that go on."""
        self._rungs.append((number, updates, left))
        seeds = self.job.seeds[: rung.seeds]
        self._train(pool, left, seeds, updates)
        ranking = self.job.ranking(left, updates)
        high = staying_high(self.job, left)
        kept = [strategy(place.strategy) for place in survivors(ranking, count, high)]
        self.job.decide(
            f"rung {number}: {len(left)} strategies on copies of {updates} updates with"
            f" {several(len(seeds), 'seed')}; {_failures(ranking)};"
            f" {len(kept)} {'goes' if len(kept) == 1 else 'go'} on"
        )
        return kept

    def _train(
        self,
        pool: Pool,
        strategies: Sequence[Strategy],
        seeds: Sequence[int],
        updates: int | None = None,
    ) -> None:
        self.budget.spend(self.job.train(pool, strategies, seeds=seeds, updates=updates))

    def _look_around(self, pool: Pool) -> None:
        """Try lrs beyond an edge of the leader's grid, or between its grid points."""
        for _ in range(EXTENSIONS):
            further = self._further(self.job.ranking(self.finalists))
            if further is None:
                break
            self.finalists.append(further)
            self._train(pool, [further], self.job.seeds)
        say_at_edge(self.job, self.finalists, self._tried(), "at the end of the race")

    def _further(self, ranking: Sequence[Place]) -> Strategy | None:
        affordable = self.budget.allows(len(self.job.seeds) * self.job.updates)
        longer = beyond(ranking, self._tried())
        if longer is None:
            return (self._neighbour(ranking) or self._finer(ranking)) if affordable else None
        # A grid that does not hold the best lr is no answer, so that étude may exceed what it
        # allowed itself, but not what the user did.
        if not affordable and self.budget.asked_for:
            return None
        say_extended(self.job, self.finalists, longer)
        return longer

    def _tried(self) -> list[Strategy]:
        """Give all strategies of the grid, and those that made it longer or finer."""
        return list(dict.fromkeys([*self.strategies, *self.finalists]))

    def _neighbour(self, ranking: Sequence[Place]) -> Strategy | None:
        """Give the leader's next lr on the grid where short copies alone spoke against it."""
        if ranking[0].outcome in FAILED:
            return None
        best = strategy(ranking[0].strategy)
        grid = sorted(s.peak_lr for s in self._tried() if s.with_lr(best.peak_lr) == best)
        full = [s.peak_lr for s in self.finalists if s.with_lr(best.peak_lr) == best]
        at = grid.index(best.peak_lr)
        beside = grid[at + 1 : at + 2] if best.peak_lr == max(full) else []
        if not beside and at and best.peak_lr == min(full):
            beside = [grid[at - 1]]
        for lr in beside:
            self.job.decide(
                f"`{best}` led at the edge of the lrs that were trained in full, so lr={lr!r} of"
                " its grid was trained in full too"
            )
        return best.with_lr(beside[0]) if beside else None

    def _finer(self, ranking: Sequence[Place]) -> Strategy | None:
        if ranking[0].outcome in FAILED or self.job.maximize:
            return None
        further = between(ranking)
        if further is not None:
            self.job.decide(
                f"the losses around `{ranking[0].strategy}` are lowest near"
                f" lr={further.peak_lr!r}, so it was tried too"
            )
        return further

    def _settle(self, pool: Pool) -> None:
        """Give tied finalists further seeds, paired, until they part or the budget ends.

        A leader that falls back leaves ties that had fewer seeds; they get the same ones at last.
        """
        for count in (*FURTHER_SEEDS, 0):
            ranking = self.job.ranking(self.finalists)
            tied = [place for place in ranking if place.tie or place is ranking[0]]
            if len(tied) < 2:  # noqa: PLR2004 - a tie is of two
                return
            seeds = self._affordable(tied, count)
            if seeds:
                had = min(len(place.seeds) for place in tied)
                self._train(pool, [strategy(place.strategy) for place in tied], seeds)
                self.job.decide(
                    f"{len(tied)} finalists tied, so they were trained with"
                    f" {several(len(seeds) - had, 'further seed')} too"
                )

    def _affordable(self, tied: Sequence[Place], count: int) -> list[int]:
        """Give the seeds that tied places have, and up to so many more; none where all have them.

        Fewer where the budget does not allow what is missing; none where nothing can be had.
        """
        used = sorted({seed for place in tied for seed in place.seeds})
        for more in range(count, -1, -1):
            seeds = [*used, *range(used[-1] + 1, used[-1] + 1 + more)]
            missing = sum(len(seeds) - len(place.seeds) for place in tied)
            if missing and self.budget.allows(missing * self.job.updates):
                return seeds
        return []


def survivors(
    ranking: Sequence[Place], count: int, high: Collection[str] = frozenset()
) -> list[Place]:
    """Pick the places that go on: the best, each followed by its neighbour of lower lr.

    A strategy that failed on some seed goes on only as such a neighbour. Where others are left, at
    most half of those that go on, rounded up, are in `high`.
    """
    kept: list[Place] = []
    for place in ranking:
        if place.outcome not in FAILED:
            pair = (place, _one_lower(place, ranking))
            kept += [each for each in pair if each is not None and each not in kept]
    few = [each for each in kept if each.strategy in high][: count - count // 2]
    fair = [each for each in kept if each in few or each.strategy not in high]
    return [*fair, *(each for each in kept if each not in fair)][:count] or list(ranking[:1])


def _one_lower(place: Place, ranking: Sequence[Place]) -> Place | None:
    """Find the same strategy with the next lower lr."""
    lower = [
        each
        for each in ranking
        if (each.optimizer, each.schedule) == (place.optimizer, place.schedule)
        and each.peak_lr < place.peak_lr
    ]
    return max(lower, key=lambda each: each.peak_lr, default=None)


def _left(place: Place, best: Place, number: int, *, dropped: bool) -> Place:
    """Give the place of a strategy that came no further than a rung, with the reason."""
    reason = f"loss {place.loss:.4g} against {best.loss:.4g}"
    if place is best:
        reason = "it led"
    if place.outcome in FAILED:
        reason = str(place.outcome)
    what = "dropped" if dropped else "interrupted"
    note = f"{what} after rung {number}, at update {place.updates} of a copy: {reason}"
    return replace(place, note=note, tie=False)


def _failures(ranking: Sequence[Place]) -> str:
    return " and ".join(f"{sum(p.outcome is o for p in ranking)} {o}" for o in reversed(FAILED))
