"""Measure étude's race: against other searchers, and with `--judge` against the exhaustive way.

The searchers take turns in one run, so that a busy moment of the machine hits all alike, each in
a process of its own that is forked with everything imported. What a search chose is trained anew
on fresh seeds, because the loss that a search itself saw is the luckiest of many.
"""

import math
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from random import Random
from statistics import mean, median
from typing import Any

import click
import torch
from peers import CORES, PEERS, SLOW, Found, PlainRun, Search, Setting, clock, every_point

from etude import compare
from etude.race import default_strategies
from etude.race.ranking import rank
from etude.records import Comparison
from etude.store import Store
from etude.strategies import Strategy, strategy
from etude.tasks import Prepared, load_task, prepare

BUDGET = "31runs"
"""What étude's race may cost: its short copies and finalists take about as much, and further seeds
for those that tie get what is left."""
SEEDS = 3
"""Seeds of a comparison."""
FIFTH, FEW_SEEDS = 5, 1
"""A narrow race may cost a fifth of what training its strategies in full with one seed would."""
FRESH = 1000
"""The first of the seeds on which a choice is retested."""
TOP = 5
"""Places of the exhaustive ranking that may be the reference."""
LOSS_SEEN = 1e-12
"""Losses are compared as ratios; below this they are rounding errors of 0."""


def etude_search(
    setting: Setting, *, exhaustive: bool = False, budget: str | None = None, seeds: int = SEEDS
) -> Found:
    """Search with étude: choose what to try out of the space, or train a random sample in full."""
    space = every_point()
    sample = Random(setting.seed).sample(space, setting.strategies)
    with clock() as measured:
        # The task and not what was prepared of it: étude's probe is on the clock.
        comparison = compare(
            setting.prepared.task,
            sample if exhaustive else space,
            updates=setting.updates,
            seeds=seeds_of(setting.seed)[:seeds],
            exhaustive=exhaustive,
            tries=None if exhaustive else setting.strategies,
            budget=budget,
        )
    best, *others = [place.strategy for place in comparison.ranking]
    trained = comparison.cost["trained"]
    return Found(best, trained, measured.wall, measured.cpu, tuple(others[: TOP - 1]))


def narrow_search(setting: Setting) -> Found:
    """Search with étude on a fifth of the updates of a search without pruning."""
    return etude_search(setting, budget=f"{setting.strategies / FIFTH}runs", seeds=FEW_SEEDS)


def seeds_of(first: int) -> range:
    """Give a comparison's seeds."""
    return range(first, first + SEEDS)


SEARCHERS: dict[str, Search] = {
    "étude": partial(etude_search, budget=BUDGET),
    "étude, a fifth": narrow_search,
    "étude --exhaustive": partial(etude_search, exhaustive=True),
    **PEERS,
}


@dataclass(slots=True)
class Row:
    """What one searcher did in all repeats."""

    found: list[Found] = field(default_factory=list)
    regrets: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """Median wall time."""
        return median(each.wall for each in self.found)


@dataclass(frozen=True, slots=True)
class Retest:
    """Trains strategies on fresh seeds, and asks the store first."""

    prepared: Prepared
    updates: int
    seeds: int
    store: Store | None

    def loss(self, text: str) -> float:
        """Give the mean final validation loss over the fresh seeds; inf where one has none."""
        runs = self.compare([strategy(text)], range(FRESH, FRESH + self.seeds)).runs
        loss = mean(run.loss for run in runs)
        return loss if math.isfinite(loss) else math.inf

    def compare(self, chosen: Sequence[Strategy], seeds: Sequence[int]) -> Comparison:
        """Train strategies in full."""
        return compare(
            self.prepared,
            chosen,
            updates=self.updates,
            seeds=seeds,
            exhaustive=True,
            store=self.store,
        )


def apart(work: Callable[[], Found]) -> Found:
    """Call a function in a forked process, and give what it returns."""
    context: Any = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, work))
    process.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        answer = RuntimeError(f"the process of {work} died")
    process.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(pipe: Connection, work: Callable[[], Any]) -> None:
    try:
        pipe.send(work())
    except Exception as error:  # noqa: BLE001 - the parent raises it
        pipe.send(error)


def contest(
    retest: Retest,
    searchers: dict[str, Search],
    *,
    strategies: int,
    repeats: int,
    first_seed: int = 0,
    known: Sequence[str] = (),
) -> str:
    """Let all search, retest what they chose, and give the table.

    Args:
        retest: trains on fresh seeds.
        searchers: who searches, by name.
        strategies: how many each may try.
        repeats: how often each searches.
        first_seed: of the first repeat; each further one begins 10 later.
        known: strategies that may be the reference besides those that the searches came upon.
    """
    rows = {name: Row() for name in searchers}
    for repeat in range(repeats):
        setting = Setting(
            retest.prepared, retest.updates, strategies, seed=first_seed + 10 * repeat
        )
        for name, search in searchers.items():
            found = apart(partial(search, setting))
            rows[name].found.append(found)
            click.echo(f"{repeat + 1}: {name} {found.wall:.2f} s, {found.strategy}", err=True)
    every = [found for row in rows.values() for found in row.found]
    candidates = {s for each in every for s in (each.strategy, *each.runners_up)} | {*known}
    losses = {text: retest.loss(text) for text in sorted(candidates)}
    best = min(losses, key=losses.__getitem__)
    for row in rows.values():
        row.regrets = [losses[found.strategy] / losses[best] - 1 for found in row.found]
    caption = _caption(retest, strategies, repeats, first_seed, grid=bool(known))
    return "\n".join([*_table(rows), "", f"{caption} (`{best}`, {losses[best]:.4g})."])


def grid_top(retest: Retest) -> list[str]:
    """Train the whole space in full, and give the best."""
    ranking = retest.compare(every_point(), seeds_of(0)).ranking
    return [place.strategy for place in ranking[:TOP]]


def _table(rows: dict[str, Row]) -> Iterator[str]:
    optuna = [row.wall for name, row in rows.items() if name in PEERS and "Ray" not in name]
    fastest = min(optuna, default=float("nan"))
    yield (
        "| searcher | wall, s: median (range) | CPU, s | updates trained"
        " | regret: median | worst | wall / fastest Optuna |"
    )
    yield "|---|---|---|---|---|---|---|"
    for name, row in rows.items():
        walls = [found.wall for found in row.found]
        yield (
            f"| {name} | {row.wall:.2f} ({min(walls):.2f}-{max(walls):.2f})"
            f" | {median(found.cpu for found in row.found):.2f}"
            f" | {median(found.updates for found in row.found):,.0f}"
            f" | {median(row.regrets):.1%} | {max(row.regrets):.1%} | {row.wall / fastest:.2f} |"
        )


def _caption(retest: Retest, strategies: int, repeats: int, first_seed: int, *, grid: bool) -> str:
    whole = ", and of the whole space's" if grid else ""
    return (
        f"{retest.prepared.task.name}: {strategies} strategies a search out of"
        f" {len(every_point())}, runs of {retest.updates} updates, {repeats} repeats that take"
        f" turns, from seed {first_seed} in tens, {len(os.sched_getaffinity(0))} cores"
        f" (load {os.getloadavg()[0]:.1f} at the end). étude trains each with {SEEDS} seeds"
        f" ({FEW_SEEDS} where it may cost a fifth of {strategies} runs) on all cores, the others"
        f" with one seed in one process, unless the name says otherwise; Ray on {CORES} actors."
        f" Imports and Ray's start are off the clock; étude's probe of the task and its workers'"
        f" fork, and the start of Ray's actors, are on it. Updates that runs"
        f" share count once. Regret: the choice, trained anew on {retest.seeds} fresh seeds,"
        f" against the best of all choices, of the exhaustive rankings' first {TOP}{whole}"
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the exhaustive comparison says about a race."""

    agrees: bool
    share: float
    regret: float


def judge(retest: Retest, repeat: int) -> Verdict:
    """Race the usual strategies and compare them exhaustively, with the same seeds.

    The race agrees when the exhaustive comparison's seeds show no difference between its winner
    and the exhaustive one, or show it to be the better.
    """
    seeds, chosen = seeds_of(10 * repeat), default_strategies()
    slow = retest.compare(chosen, seeds)
    fast = compare(retest.prepared, chosen, updates=retest.updates, seeds=seeds)
    winners = [strategy(each.ranking[0].strategy) for each in (slow, fast)]
    # One at a time: strategies of one family would make their grid longer.
    runs = [run for each in dict.fromkeys(winners) for run in retest.compare([each], seeds).runs]
    places = rank(winners, runs, quantity=lambda run: run.loss, maximize=False)
    texts = [str(each) for each in winners]
    losses = [max(retest.loss(text), LOSS_SEEN) for text in texts]
    return Verdict(
        agrees=places[0].strategy == texts[1] or places[-1].tie,
        share=fast.cost["updates"] / slow.cost["updates"],
        regret=losses[1] / losses[0] - 1,
    )


def judgement(retest: Retest, repeats: int) -> str:
    """Judge the races on one task and give its row."""
    verdicts = [judge(retest, repeat) for repeat in range(repeats)]
    shares, regrets = [v.share for v in verdicts], [v.regret for v in verdicts]
    return (
        f"| {retest.prepared.task.name} | {sum(v.agrees for v in verdicts)} of {repeats}"
        f" | {median(shares):.0%} ({max(shares):.0%})"
        f" | {median(regrets):+.1%} ({max(regrets):+.1%}) |"
    )


def _names(_: click.Context, __: click.Parameter, text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@click.command()
@click.option("--tasks", callback=_names, default="digits,digits-cnn,characters", show_default=True)
@click.option("--strategies", default=64, show_default=True, help="How many a search may try.")
@click.option("--repeats", default=5, show_default=True)
@click.option("--first-seed", default=0, show_default=True, help="Of the first repeat.")
@click.option("--updates", type=int, help="Length of a run.  [default: the task's budget]")
@click.option("--retest", "fresh", default=10, show_default=True, help="Fresh seeds of a choice.")
@click.option("--store", "file", help="An SQLite file that keeps retests for the next time.")
@click.option("--only", callback=_names, default="", help="Only searchers so named.")
@click.option("--without", callback=_names, default="", help="No searchers so named.")
@click.option("--slow", is_flag=True, help="Ray Tune without reuse of actors too: minutes.")
@click.option("--grid", is_flag=True, help="Train the whole space for the reference: minutes.")
@click.option("--judge", "judging", is_flag=True, help="Race against exhaustive.")
def main(
    tasks: list[str],
    strategies: int,
    repeats: int,
    first_seed: int,
    updates: int | None,
    fresh: int,
    file: str | None,
    only: list[str],
    without: list[str],
    slow: bool,
    grid: bool,
    judging: bool,
) -> None:
    """Print one Markdown table per task, or with --judge one for all."""
    if first_seed + 10 * repeats > FRESH:
        raise click.UsageError(
            f"searches must keep to seeds below {FRESH}, where those of the retests begin, got"
            f" --first-seed {first_seed} --repeats {repeats}"
        )
    torch.set_num_threads(1)
    searchers = {
        name: search
        for name, search in (SEARCHERS | (SLOW if slow else {})).items()
        if (not only or any(part in name for part in only))
        and not any(part in name for part in without)
    }
    store = Store.open(file) if file else None
    if judging:
        click.echo("| task | agrees | updates: median (most) | fresh loss: median (worst) |")
        click.echo("|---|---|---|---|")
    for name in tasks:
        prepared = prepare(load_task(name))
        retest = Retest(prepared, updates or prepared.task.budget, fresh, store)
        if judging:
            click.echo(judgement(retest, repeats))
            continue
        _warm_up(prepared)
        known = grid_top(retest) if grid else ()
        table = contest(
            retest,
            searchers,
            strategies=strategies,
            repeats=repeats,
            first_seed=first_seed,
            known=known,
        )
        click.echo(f"\n{table}")


def _warm_up(prepared: Prepared) -> None:
    """Let torch and Optuna import and set up here what forked processes then find ready."""
    import optuna.storages.journal  # noqa: F401

    PlainRun(prepared, every_point()[0], updates=20, seed=0).epoch()


if __name__ == "__main__":
    main()
