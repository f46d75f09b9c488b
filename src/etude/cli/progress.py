"""The live progress of a comparison: runs done, the best so far, failures, time left."""

import math
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from etude.cli.screen import screen
from etude.records import Outcome, Run
from etude.report.words import several
from etude.training import Pool


class Progress:
    """Listens to a comparison and shows it on standard error; a context manager."""

    def __init__(self, *, quiet: bool, metric: str) -> None:
        self._quiet = quiet
        self._by_loss = metric == "loss"
        self._sign = 1.0
        self._updates = 0
        self._bars: _Bars | None = None
        self._best: Run | None = None
        self._outcomes: Counter[Outcome] = Counter()
        self._console = screen(stderr=True)

    def __enter__(self) -> Self:
        """Show nothing yet: the number of runs is not known."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the progress away."""
        if self._bars:
            self._bars.stop()

    def begin(self, runs: int, updates: int, pool: Pool, *, maximize: bool) -> None:
        """Hear that so many runs, each of so many updates, are about to be trained."""
        self._sign = -1.0 if maximize else 1.0
        if updates != self._updates:
            self._best = None  # short copies of runs compare only with copies of the same length
        self._updates = updates
        if self._quiet or not runs:
            return
        if self._bars is None:
            self._bars = _Bars(self._console, pool)
            self._bars.start()
        self._bars.expect(runs, updates)

    def ended(self, run: Run, *, reused: bool) -> None:
        """Hear of a run that ended, or that the store already had."""
        self._outcomes[run.outcome] += 1
        if self._best is None or self._badness(run) < self._badness(self._best):
            self._best = run
        if self._bars and not reused:
            self._bars.ended(self._so_far())

    def decided(self, sentence: str) -> None:
        """Hear what was decided."""
        if not self._quiet:
            self._console.print(Text(sentence, style="dim"))

    def _value(self, run: Run) -> float:
        return run.loss if self._by_loss else run.metric

    def _badness(self, run: Run) -> float:
        value = self._sign * self._value(run)
        return value if math.isfinite(value) else math.inf

    def _so_far(self) -> str:
        dead = self._outcomes[Outcome.COLLAPSED]
        gone = self._outcomes[Outcome.DIVERGED]
        best = self._best
        value = "" if best is None else f"{self._value(best):.4g}"
        name = "" if best is None else best.strategy
        return f"collapsed {dead}, diverged {gone}\nbest so far {value}  {name}"


class _Bars(Bars):
    """One bar over all updates of all runs; the count beside it is of runs."""

    def __init__(self, console: Console, pool: Pool) -> None:
        # rich draws once while it is being made.
        self._pool = pool
        self._total = self._ended = 0
        self._words = ""
        super().__init__(
            TextColumn("training"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[runs]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            transient=True,
        )
        self._bar = self.add_task("", total=0, runs="")

    def expect(self, runs: int, updates: int) -> None:
        """Make the bar longer by so many runs."""
        self._total += runs
        done = self.tasks[0].total or 0
        self.update(self._bar, total=done + runs * updates, runs=self._count())

    def ended(self, words: str) -> None:
        """Count one run, and show these words under the bar."""
        self._ended += 1
        self._words = words
        self.update(self._bar, runs=self._count())

    def get_renderables(self) -> Iterable[RenderableType]:
        """Read how far the workers are, each time the bar is drawn."""
        for task in self.tasks:
            self.update(task.id, completed=self._pool.updates_done)
        yield from super().get_renderables()
        if self._words:
            yield Text(self._words, no_wrap=True, overflow="ellipsis")

    def _count(self) -> str:
        return f"{self._ended} of {several(self._total, 'run')}"
