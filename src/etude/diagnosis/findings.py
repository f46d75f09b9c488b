"""From a curve to findings: asks the rules in their order, and says what the log cannot tell."""

from collections.abc import Container

import numpy as np

from etude.diagnosis.outcome import judge
from etude.diagnosis.rate import read_rate
from etude.diagnosis.rule import Rule, finding, show
from etude.diagnosis.rules import ALWAYS, BROKE, ELSEWHERE, NOT_THE_LR, RATE, drop, restart
from etude.diagnosis.rules.slow import LEAST, late_gains
from etude.diagnosis.view import View, view
from etude.records import Action, Curve, Diagnosed, Finding, Level, Log, Outcome, Reading

_SUREST = list(Level)
_NOISES = 4.0
_ABOUT_THE_LR = ("ED01", "ED02", "ED05", "ED06", "ED08", "ED13", "ED14")
"""Findings whose remedy names the direction in which to move the lr."""


def findings(
    curve: Curve, *, chance: float | None = None, unit: str = "update"
) -> tuple[Finding, ...]:
    """Give what is wrong with a run, the surest first.

    Args:
        curve: what it recorded.
        chance: loss of the best constant predictor, where it is known.
        unit: what its rows count.
    """
    with np.errstate(all="ignore"):  # the numbers of a log may be anything
        return _ask(view(curve, chance=chance, unit=unit))


def broken(curve: Curve) -> tuple[Finding, ...]:
    """Give what has broken a run that still goes on: not finite, or diverging.

    The other rules were measured on whole runs, and part of one may look like a plateau or a rate
    too low. These take about a millisecond.
    """
    with np.errstate(all="ignore"):
        return tuple(_answers(view(curve, chance=None, unit="update"), BROKE))


def diagnose_log(log: Log) -> Diagnosed:
    """Give what is wrong with a run that a log has, what cannot be told, and what was seen."""
    with np.errstate(all="ignore"):
        seen = view(log.curve, chance=log.chance, unit=log.unit)
        found = _ask(seen)
        reading = read_rate(seen, found)
        return Diagnosed(log, found, _undecided(seen, found, reading), _facts(seen), reading)


def _ask(seen: View) -> tuple[Finding, ...]:
    """Ask the rules; those about the lr only where nothing else explains the run."""
    found = _answers(seen, BROKE) + _answers(seen, ALWAYS)
    other = next(filter(None, (_answers(seen, (rule,)) for rule in NOT_THE_LR)), [])
    if not other and not any(each.level is Level.ERROR for each in found):
        other = _answers(seen, RATE)
    found += other
    return tuple(sorted(found, key=lambda each: (_SUREST.index(each.level), each.code)))


def _answers(seen: View, rules: tuple[Rule, ...]) -> list[Finding]:
    pairs = ((rule, rule.look(seen)) for rule in rules)
    return [finding(rule, sign) for rule, sign in pairs if sign is not None]


def _undecided(seen: View, found: tuple[Finding, ...], reading: Reading) -> tuple[str, ...]:
    """Say what this log cannot tell, and what would."""
    said = list[str]()
    told = {each.code: each for each in found}
    other = next((told[rule.code] for rule in ELSEWHERE if rule.code in told), None)
    if seen.few:
        said.append(_too_few(seen.rows))
    elif other is not None:
        said.append(
            f"whether the lr is right cannot be asked before {other.code} ({other.name}) is mended"
        )
    elif reading.action is Action.UNDECIDED and not _rate_told(seen, told):
        said.append(
            "whether the lr is too high or too low cannot be told from this log: log the gain ratio"
            " (`etude.watch`) and the gradient norm, or run a fork test of 60 updates (`--probe`)"
        )
    if not seen.curve.val_loss.size:
        said.append("overfitting cannot be told without a validation loss")
    if not np.isfinite(seen.curve.lr).any():
        said.append("effects of the schedule cannot be told without the lr")
    return tuple(said)


def _too_few(rows: int) -> str:
    if not rows:
        return "without a finite loss there is no trend to see"
    said = "1 row is" if rows == 1 else f"{rows} rows are"
    return f"{said} too few to tell noise from trend: log more often or train longer"


def _rate_told(seen: View, told: Container[str]) -> bool:
    """Is the lr spoken for: by the gain ratio, by a rule, or by having done its work?"""
    if late_gains(seen).size >= LEAST or any(code in told for code in _ABOUT_THE_LR):
        return True
    return judge(seen.curve, chance=seen.chance) is Outcome.CONVERGED


def _facts(seen: View) -> tuple[str, ...]:
    """Say what was seen and is no fault."""
    if not seen.rows:
        return ()
    if seen.rows == 1:
        return (f"loss {show(seen.loss[0])} at {seen.unit} {seen.at[0]:g}, the only row",)
    said = [f"loss from {show(seen.loss[0])} to {show(seen.end)} over {_length(seen)}"]
    outcome = judge(seen.curve, chance=seen.chance)
    said.append(f"as far as its loss tells, the run {_ENDINGS[outcome]}")
    lr = seen.curve.lr[np.isfinite(seen.curve.lr)]
    if lr.size and lr.min() == lr.max():
        said.append(f"lr {show(lr[0])} throughout")
    elif lr.size:
        over = f" over {show(lr.max())}" if lr.max() > max(lr[0], lr[-1]) else ""
        said.append(f"lr from {show(lr[0])}{over} to {show(lr[-1])}")
    said += [told for row in seen.drops if (told := _drop_told(seen, row))]
    said += [told for row in seen.rises if (told := _restart_told(seen, row))]
    return tuple(said)


_ENDINGS = {
    Outcome.CONVERGED: "has converged",
    Outcome.IMPROVING: "was still improving",
    Outcome.STALLED: "has stalled",
    Outcome.COLLAPSED: "has collapsed",
    Outcome.DIVERGED: "has diverged",
}


def _length(seen: View) -> str:
    return f"{seen.unit}s {seen.at[0]:g} to {seen.at[-1]:g}, {seen.rows} rows"


def _drop_told(seen: View, row: int) -> str | None:
    effect = drop.effect(seen, row)
    if effect is None:
        return None
    lr = seen.curve.lr
    start = f"the cut of the lr from {show(lr[row - 1])} to {show(lr[row])} at {seen.unit}"
    if effect.jump < -_NOISES * effect.noise:
        share = show(100 * -np.expm1(effect.jump))
        return f"{start} {seen.at[row]:g} put the loss {share} % below the trend before it"
    if abs(effect.jump) <= _NOISES * effect.noise:
        return f"{start} {seen.at[row]:g} left the loss near the trend before it, on the whole"
    return None


def _restart_told(seen: View, row: int) -> str | None:
    back = restart.came_back(seen, row)
    if back is None or back > 0:
        return None
    return f"after the restart at {seen.unit} {seen.at[row]:g} the loss came below its old level"
