"""Puts the answer of a search for the lr into words, the same in the terminal and on the page."""

import math

from etude.records import Found, LrRange, Measured, Outcome
from etude.report.words import MISSING, several


def rate(value: float) -> str:
    """Write an lr, or another number that is known to two digits."""
    if math.isnan(value):
        return MISSING
    return "∞" if math.isinf(value) else format(value, ".2g")


def interval(measured: Measured | None) -> str:
    """Write an interval: `0.10 to 0.14`."""
    if measured is None or (math.isnan(measured.low) and math.isnan(measured.high)):
        return "no interval"
    return f"{rate(measured.low)} to {rate(measured.high)}"


def headline(found: Found) -> tuple[str, str]:
    """Give the answer as one sentence in two parts: the first suggestion, and what follows it."""
    task = found.task["name"]
    usable = suggested(found)
    if not usable:
        return "", f"No usable learning rate was found on {task}."
    first = usable[0]
    said = f"is where to start on {task}{_fails(first)}."
    if len(usable) > 1:
        said += f" {several(len(usable) - 1, 'further suggestion')} below."
    return first.strategy, said


def suggested(found: Found) -> list[LrRange]:
    """Give the ranges that have a suggestion, those at the task's own batch size first."""
    usual = found.settings.get("batch_size")
    known = [each for each in found.ranges if each.suggestion]
    return sorted(known, key=lambda each: each.batch_size != usual)


def _fails(each: LrRange) -> str:
    if each.failure is None:
        return "; nothing failed up to the highest rate tried"
    return f"; from {rate(each.failure.value)} on training starts to fail"


def usable_range(each: LrRange) -> str:
    """Write where a rate is usable."""
    if each.low is None or each.high is None:
        return MISSING
    return f"{rate(each.low.value)} to {rate(each.high.value)}"


def what_intervals_are(found: Found) -> str:
    """Say what the numbers of the table are."""
    count = len(found.settings["seeds"])
    over = several(count, "seed")
    if found.settings["method"] == "ramp":
        return f"Suggestion: the range test's rule, with its 95% t interval over {over}."
    return (
        f"Suggestion and ends of the range with their 95% t intervals over {over}. Usable: at least"
        " 92.5% of the best rate's fall of the log loss. Fails: the lowest rate at which a copy"
        " diverged or collapsed, between the highest at which none and the lowest at which all did."
    )


def cost_in_words(found: Found) -> str:
    """Say what the search took, beside a run in full."""
    cost, updates = found.cost, found.settings["updates"]
    said = f"{several(cost['runs'], 'short run')}, {several(cost['updates'], 'update')} in all"
    if updates:
        said += f": as much as {cost['updates'] / updates:.1f} runs of {several(updates, 'update')}"
    if cost["reused"]:
        said += f"; {several(cost['reused'], 'run')} came from the store"
    return f"{said}."


def beside(each: LrRange) -> list[str]:
    """Say what was measured beside the range: curvature, noise, other rules, notes."""
    found = list(each.notes)
    if len(each.best) > 1:
        (short, first), (long, second) = each.best
        found.append(
            f"the best rate was {rate(first)} on copies of {short:,} updates and {rate(second)} on"
            f" copies of {long:,}"
        )
    found += [
        f"the {rule} rule says {rate(m.value)} ({interval(m)})" for rule, m in each.rules.items()
    ]
    if each.stability is not None:
        found.append(f"curvature: {each.stability.sentence}")
    if each.noise is not None:
        said = ", ".join(
            f"{_scale(scale)} after {updates:,}"
            for updates, scale in zip(each.noise.updates, each.noise.scale, strict=True)
        )
        found.append(f"gradient noise scale in examples, after updates of one copy: {said}")
    return [f"{sentence[0].upper()}{sentence[1:]}".rstrip(".") + "." for sentence in found]


def _scale(scale: Measured) -> str:
    if math.isinf(scale.low):
        return "too large to be measured"
    low, high = _examples(scale.low), _examples(scale.high)
    return f"{_examples(scale.value)} ({low} to {high})"


def _examples(count: float) -> str:
    return f"{float(f'{count:.2g}'):,.0f}" if math.isfinite(count) else "∞"


def named(each: LrRange, found: Found) -> str:
    """Name a range: its optimizer, and the batch size where several were asked for."""
    if not found.settings.get("batch_sizes") or "batch=" in each.optimizer:
        return each.optimizer
    return f"{each.optimizer} batch={each.batch_size}"


def loss_by_lr(each: LrRange, updates: int) -> list[tuple[float, float]]:
    """Give each lr's mean loss at a length, ascending; infinite where a copy failed."""
    losses: dict[float, list[float]] = {}
    for trial in each.trials:
        if trial.updates == updates:
            lost = trial.outcome in (Outcome.DIVERGED, Outcome.COLLAPSED)
            value = math.inf if lost or not math.isfinite(trial.loss) else trial.loss
            losses.setdefault(trial.lr, []).append(value)
    return [(lr, sum(values) / len(values)) for lr, values in sorted(losses.items())]
