"""What is wrong with the way a run uses its scheduler, told by counting calls while it runs.

No look at the code can settle these: whether `T_max=50` means epochs or updates depends on how
often `step` is called, and that shows only in the run. So whoever watches a run counts, and the
rules here compare the counts with the plan. Each rule's docstring is its manual page.

| code | finding | level |
|---|---|---|
| ED31 | scheduler-never-stepped | error |
| ED32 | scheduler-before-optimizer | warning |
| ED33 | schedule-unit-mismatch | error |
| ED34 | schedule-too-short | warning |
| ED35 | schedule-too-long | warning |
| ED36 | stepped-per-micro-batch | error |
| ED37 | scheduler-of-another-optimizer | error |
| ED38 | lr-changed-from-outside | warning |
| ED39 | updates-skipped | warning |
| ED40 | run-off-plan | warning |
"""

import re
from collections.abc import Callable, Iterator
from textwrap import fill

from etude.diagnosis.counts import Counts, SchedulerCounts
from etude.records import Finding, Level

CLOSE = 0.02
"""Lengths that differ by no more than this share, or by one, are the same length: T_max = n - 1
is common."""
TOO_SHORT, TOO_LONG = 0.9, 1.1
"""Shares of the steps that the run will make, outside of which a schedule's length is wrong."""
SURE = 3
"""Steps of a scheduler that show how often it is stepped."""
PATIENCE = 0.5
"""Share of the run after which a scheduler that was never stepped is an error."""
OFTEN = 0.05
"""Share of skipped updates that is worth a word: a loss scale finds its size by some."""

_QUESTIONS = re.compile("(What it sees|Why it matters|What to try|What would refute it): ")


def findings(counts: Counts) -> list[Finding]:
    """Give what is wrong with a run's use of its schedulers, by what was counted so far."""
    found = [rule(counts) for rule in _OF_RUN]
    found += [_first(counts, scheduler) for scheduler in counts.schedulers]
    return [each for each in found if each is not None]


def pages() -> dict[str, tuple[str, str]]:
    """Give each rule's title and manual page, by its code."""
    told = (" ".join((rule.__doc__ or "").split()) for rule in (*_OF_RUN, *_OF_SCHEDULER))
    cut = sorted(text.split(": ", 1) for text in told)
    return {code: _page(text) for code, text in cut}


def _page(text: str) -> tuple[str, str]:
    """Give the title and the page of a rule: a paragraph for each question."""
    title, *parts = (part.strip() for part in _QUESTIONS.split(text))
    said = zip(parts[::2], parts[1::2], strict=True)
    paragraphs = [fill(f"{asked}. {_capital(answer)}", 96) for asked, answer in said]
    return _capital(title), "\n\n".join([_capital(title), *paragraphs])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _first(counts: Counts, scheduler: SchedulerCounts) -> Finding | None:
    """Give the first finding of a scheduler: what comes later in the list follows from it."""
    each: Iterator[Finding | None] = (rule(counts, scheduler) for rule in _OF_SCHEDULER)
    return next((found for found in each if found is not None), None)


def other_optimizer(counts: Counts, scheduler: SchedulerCounts) -> Finding | None:
    """ED37: a scheduler that changes the lr of an optimizer which is not the one that trains.

    What it sees: the scheduler's optimizer is another object. Why it matters: the lr of the run
    stays constant, whatever the scheduler does; often the optimizer was built anew after the
    scheduler. What to try: build the scheduler last. What would refute it: the run has several
    optimizers and this scheduler belongs to another of them.
    """
    if scheduler.ours:
        return None
    return Finding(
        "ED37",
        "scheduler-of-another-optimizer",
        Level.ERROR,
        f"{scheduler.name} drives another optimizer than the one that is watched",
        (0, counts.updates),
        {"steps": scheduler.steps},
        "build the scheduler from the optimizer that trains, after it",
        "the scheduler belongs to a second optimizer of the same run",
    )


def never_stepped(counts: Counts, scheduler: SchedulerCounts) -> Finding | None:
    """ED31: a scheduler whose `step` is never called, so that the lr stays where it began.

    What it sees: no call after one and a half epochs, after half of the run, or at its end. Why it
    matters: a warmup never leaves its first, tiny lr, and no decay comes. What to try: call
    `scheduler.step()` after each `optimizer.step()`, or each epoch, as its length is counted. What
    would refute it: it is meant to be stepped by an event that did not occur yet.
    """
    due = counts.epoch * 1.5 if counts.epoch else (counts.total or float("inf")) * PATIENCE
    if scheduler.steps or not counts.watched or not (counts.ended or counts.updates > due):
        return None
    return Finding(
        "ED31",
        "scheduler-never-stepped",
        Level.ERROR,
        f"{scheduler.name} was not stepped in {counts.watched} updates",
        (0, counts.updates),
        {"updates": counts.watched, "steps": 0},
        "call scheduler.step() after optimizer.step(), once an update or once an epoch",
        "it is stepped by an event that did not occur yet",
    )


def before_optimizer(_: Counts, scheduler: SchedulerCounts) -> Finding | None:
    """ED32: `scheduler.step()` is called before `optimizer.step()`.

    What it sees: a call before the first update was tried. An update that a gradient scaler
    skipped was tried, so that AMP gives no false alarm here, as torch's own warning does. Why it
    matters: the first value of the schedule is never used, and each update has the lr that was
    meant for the next. What to try: swap the two lines. What would refute it: the scheduler was
    moved on purpose, to resume a run.
    """
    if not scheduler.early:
        return None
    return Finding(
        "ED32",
        "scheduler-before-optimizer",
        Level.WARNING,
        f"{scheduler.name} was stepped before the first update, so that the schedule is "
        f"{scheduler.early} ahead",
        (0, 0),
        {"early": scheduler.early},
        "call optimizer.step() first, then scheduler.step()",
        "the scheduler was moved on purpose, to resume a run",
    )


def per_micro_batch(counts: Counts, scheduler: SchedulerCounts) -> Finding | None:
    """ED36: a scheduler that is stepped several times between two updates.

    What it sees: fewer than three quarters of an update to a call. Why it matters: with gradients
    accumulated over k micro-batches the schedule is over after 1/k of the run; prepared schedulers
    of accelerate step once for each process too. What to try: step the scheduler where the
    optimizer is stepped. What would refute it: its length counts micro-batches on purpose.
    """
    crowded = 0.75
    every = scheduler.every
    if every is None or scheduler.steps < SURE or every >= crowded:
        return None
    times = 1 / every if every else float(scheduler.most)
    return Finding(
        "ED36",
        "stepped-per-micro-batch",
        Level.ERROR,
        f"{scheduler.name} is stepped {times:.3g} times at each update: its schedule is over "
        f"after 1/{times:.3g} of the run",
        (0, counts.updates),
        {"steps_per_update": times, "losses_per_update": counts.losses / max(counts.watched, 1)},
        "step the scheduler only where the optimizer is stepped",
        "its length counts micro-batches on purpose",
    )


def unit_mismatch(counts: Counts, scheduler: SchedulerCounts) -> Finding | None:
    """ED33: a length in one unit, stepped in another.

    What it sees: the schedule's length is the run's length in epochs but it is stepped at every
    update, or the other way round, or it counts micro-batches. Why it matters: the schedule is
    over after one epoch (and torch's cosine then climbs up again), or it barely begins. What to
    try: either the length in the unit in which it is stepped, or `step` in the unit of the length.
    What would refute it: the equality of the two lengths is chance.
    """
    expected = _expected(counts, scheduler)
    if expected is None or counts.total is None or scheduler.length is None:
        return None
    if _same(scheduler.length, expected):
        return None
    units = {"updates": float(counts.total)}
    if counts.epoch:
        units["epochs"] = counts.total / counts.epoch
    if counts.losses >= 2 * counts.watched > 0:
        units["micro-batches"] = counts.total * counts.losses / counts.watched
    meant = next((unit for unit, size in units.items() if _same(scheduler.length, size)), None)
    if meant is None:
        return None
    every = scheduler.every or 1.0
    return Finding(
        "ED33",
        "schedule-unit-mismatch",
        Level.ERROR,
        f"{scheduler.name} is {scheduler.length} steps long, which is the run in {meant}, but it "
        f"is stepped every {_updates(every)}: {_steps(expected)} in the run",
        (0, counts.updates),
        {"length": scheduler.length, "expected": expected, "updates_per_step": every},
        f"give its length as {round(expected)}, or step it in {meant}",
        "it is chance that its length is that of the run in another unit",
    )


def too_short(counts: Counts, scheduler: SchedulerCounts) -> Finding | None:
    """ED34: a schedule that ends well before the run.

    What it sees: less than nine tenths of the steps that the run will make. Why it matters: the
    rest trains at the last lr, often 0; torch's CosineAnnealingLR climbs up again and OneCycleLR
    raises an error. What to try: the length that the finding names. What would refute it: the end
    is meant to be held.
    """
    expected = _expected(counts, scheduler)
    length = scheduler.length
    if expected is None or length is None or length >= TOO_SHORT * expected:
        return None
    return Finding(
        "ED34",
        "schedule-too-short",
        Level.WARNING,
        f"{scheduler.name} ends after {_steps(length)}, the run makes {round(expected)}",
        (round(length * (scheduler.every or 1.0)), counts.total or counts.updates),
        {"length": length, "expected": expected},
        f"give the schedule a length of {round(expected)}",
        "its last lr is meant to be held for the rest of the run",
    )


def too_long(counts: Counts, scheduler: SchedulerCounts) -> Finding | None:
    """ED35: a schedule that the run will not finish, or that never acts in it.

    What it sees: more than eleven tenths of the steps that the run will make, or a first milestone
    after its end. Why it matters: the decay, where much of the loss falls, does not come. What to
    try: the length that the finding names. What would refute it: the run is to be continued.
    """
    expected = _expected(counts, scheduler)
    if expected is None:
        return None
    needs = scheduler.acts_at or scheduler.length
    if needs is None or needs <= (expected if scheduler.acts_at else TOO_LONG * expected):
        return None
    what = "changes the lr first after" if scheduler.acts_at else "ends after"
    return Finding(
        "ED35",
        "schedule-too-long",
        Level.WARNING,
        f"{scheduler.name} {what} {_steps(needs)}, the run makes only {round(expected)}",
        (0, counts.total or counts.updates),
        {"length": needs, "expected": expected},
        f"plan it for {_steps(expected)}",
        "the run is to be continued beyond its plan",
    )


def changed_outside(counts: Counts) -> Finding | None:
    """ED38: an lr that no scheduler has set.

    What it sees: an update uses another lr than the given schedulers left. Why it matters: torch's
    recursive schedulers go on from whatever they find, so that one change shifts the whole rest; a
    loaded optimizer state brings its old lr. What to try: let one scheduler set the lr. What would
    refute it: the change is meant, such as a warmup by another library.
    """
    if not counts.changed:
        return None
    return Finding(
        "ED38",
        "lr-changed-from-outside",
        Level.WARNING,
        f"{counts.changed} updates, first update {counts.changed_at}, used an lr that no "
        "scheduler had set",
        (counts.changed_at, counts.updates),
        {"updates": counts.changed},
        "let one scheduler set the lr, and tell the watch of every scheduler there is",
        "the change is meant",
    )


def updates_skipped(counts: Counts) -> Finding | None:
    """ED39: updates that the gradient scaler skips, while the schedule goes on.

    What it sees: more than one in twenty. Why it matters: nothing is learned in them, and a
    warmup that goes on meanwhile is shorter than planned. What to try: bfloat16, a lower lr, or to
    step the scheduler only after updates that were made. What would refute it: they are only the
    first updates, in which the scale finds its size.
    """
    tried = counts.watched + counts.skipped
    if tried < 1 / OFTEN or counts.skipped <= OFTEN * tried:
        return None
    return Finding(
        "ED39",
        "updates-skipped",
        Level.WARNING,
        f"{counts.skipped} of {tried} updates were skipped, because their gradients overflowed",
        (0, counts.updates),
        {"skipped": counts.skipped, "tried": tried},
        "use bfloat16 or a lower lr, and step the scheduler only after updates that were made",
        "they are only the first updates, in which the scale finds its size",
    )


def off_plan(counts: Counts) -> Finding | None:
    """ED40: a run that makes more updates than planned, or far fewer because it accumulates.

    What it sees: more updates than `total`; or, at the end, as many losses as `total` but only a
    part of the updates. Why it matters: schedules are planned for `total`. What to try: the number
    of updates, which is ceil(batches / accumulated) an epoch. What would refute it: the plan was
    meant as an estimate.
    """
    if counts.total is None:
        return None
    told, made = counts.losses, counts.updates
    accumulates = counts.ended and told > 1.5 * counts.watched and _same(told, counts.total)
    if made <= counts.total and not accumulates:
        return None
    message = f"the run made {made} updates, {counts.total} were planned"
    if accumulates:
        message += ": the plan counts micro-batches"
    return Finding(
        "ED40",
        "run-off-plan",
        Level.WARNING,
        message,
        (min(made, counts.total), made),
        {"updates": made, "planned": counts.total, "losses": told},
        "plan with the number of optimizer steps: ceil(batches / accumulated) an epoch",
        "the plan was meant as an estimate",
    )


_OF_RUN: tuple[Callable[[Counts], Finding | None], ...] = (
    changed_outside,
    updates_skipped,
    off_plan,
)
_OF_SCHEDULER: tuple[Callable[[Counts, SchedulerCounts], Finding | None], ...] = (
    other_optimizer,
    never_stepped,
    before_optimizer,
    per_micro_batch,
    unit_mismatch,
    too_short,
    too_long,
)


def _expected(counts: Counts, scheduler: SchedulerCounts) -> float | None:
    """Give the steps that a scheduler will have made when the run ends; None while unknown."""
    if counts.ended and not counts.total:
        return float(scheduler.steps) if scheduler.steps else None
    if not counts.total or scheduler.every is None or scheduler.steps < SURE:
        return None
    return counts.total / max(scheduler.every, 1e-9)


def _same(length: float, other: float) -> bool:
    return abs(length - other) <= max(1.0, CLOSE * other)


def _updates(every: float) -> str:
    return "update" if round(every) == 1 else f"{every:.4g} updates"


def _steps(count: float) -> str:
    return "1 step" if round(count) == 1 else f"{round(count)} steps"
