"""Made-up comparisons whose numbers follow from a formula, so that every test sees the same."""

from dataclasses import replace
from itertools import chain, product

import numpy as np
import pytest

from etude.records import Comparison, Curve, Outcome, Place, Run, Winner

UPDATES = 400
CHANCE = 2.3026  # ln 10: ten classes, all equally likely
BEST_LR = {"sgd momentum=0.9": 0.1, "adamw": 0.01}
FLOORS = {"constant": 0.098, "cosine": 0.071, "warmup 5% -> cosine": 0.068, "step 30%": 0.081}
LRS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
SEEDS = (0, 1, 2)
T_POINTS = {2: 12.706, 3: 4.303, 5: 2.776}
"""The 97.5 % point of Student's t for so many seeds less one degree of freedom, any table."""
RUNGS = ((40, 6), (120, 4))
"""Updates of a rung's copies in the made-up race, and how many strategies go on."""

CODE = """\
import torch

model = make_model()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=400)  # wider than eighty

for inputs, targets in batches:
    loss = torch.nn.functional.cross_entropy(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()  # </script> <b> & co. must survive the page
"""


def made_up_comparison(*, seeds=SEEDS, winner=True, complete=True, copies=1):
    """Give 2 optimizers x 4 schedules x 6 lrs x the seeds, with failures above the best lr."""
    families = [
        (f"{optimizer}{' ' + 'n' * extra if extra else ''}", schedule)
        for extra in range(copies)
        for optimizer, schedule in product(BEST_LR, FLOORS)
    ]
    asked = [(*family, lr) for family in families for lr in LRS]
    groups = [[_run(*strategy, seed) for seed in seeds] for strategy in asked]
    places = [_place(*pair) for pair in zip(asked, groups, strict=True)]
    ranking = list(_compared_with_first(sorted(zip(places, groups, strict=True), key=_by_loss)))
    return Comparison(
        task={
            "name": "digits",
            "about": "8 x 8 images of handwritten digits, a small MLP",
            "metric": "accuracy",
            "maximize": True,
            "chance": CHANCE,
            "sizes": {"train": 1437, "val": 360},
        },
        settings={
            "ranked_by": "loss",
            "updates": UPDATES,
            "seeds": list(seeds),
            "batch_size": 64,
            "device": "cpu",
            "command": "etude compare digits --seeds 3 --html report.html",
        },
        versions={"etude": "0.1.0", "torch": "2.13.0", "python": "3.11.7"},
        ranking=tuple(ranking),
        runs=tuple(run for group in groups for run in group),
        winner=Winner(strategy=ranking[0].strategy, code=CODE) if winner else None,
        decisions=(
            "400 updates: the budget of digits.",
            "sgd was best at its highest lr, so its grid was extended and <more> runs were made.",
        ),
        complete=complete,
    )


def _by_loss(pair):
    place, _ = pair
    return (not np.isfinite(place.loss), place.loss, place.strategy)


def _text(optimizer, schedule, lr):
    return f"{optimizer} lr={lr:g} {schedule}"


def made_up_race(*, complete=True, in_full=True):
    """Give the same strategies in a race: two rungs with 2 seeds, finalists with 3 to 5.

    Without `in_full` it is one that was interrupted before a finalist was done.
    """
    whole = made_up_comparison(complete=complete and in_full, winner=in_full)
    left = [(p.optimizer, p.schedule, p.peak_lr) for p in whole.ranking]
    dropped, all_runs = [], []
    for number, (updates, kept) in enumerate(RUNGS, 1):
        ranking, runs = _race(left, updates, lambda _: SEEDS[:2])
        left = [(p.optimizer, p.schedule, p.peak_lr) for p in ranking[:kept]]
        out = ranking[kept:] if in_full or number < len(RUNGS) else ranking
        dropped = [_dropped(place, ranking[0], number) for place in out] + dropped
        all_runs += runs
    finalists, runs = _race(left, UPDATES, lambda place: (*SEEDS, 3, 4) if place < 3 else SEEDS)
    ranking = (*(finalists if in_full else ()), *dropped)
    runs = (*all_runs, *(runs if in_full else ()))
    updates = sum(run.planned for run in runs)
    return replace(
        whole,
        ranking=ranking,
        runs=runs,
        winner=Winner(strategy=ranking[0].strategy, code=CODE) if in_full else None,
        cost={
            "runs": len(runs),
            "updates": updates,
            "reused": 0,
            "trained": updates,
            "exhaustive": len(whole.runs) * UPDATES,
        },
    )


def _race(strategies, updates, seeds_of):
    groups = [
        [_run(*strategy, seed, updates) for seed in seeds_of(number)]
        for number, strategy in enumerate(strategies)
    ]
    pairs = [(_place(*pair), pair[1]) for pair in zip(strategies, groups, strict=True)]
    return list(_compared_with_first(sorted(pairs, key=_by_loss))), list(chain(*groups))


def _dropped(place, best, number):
    failed = place.outcome in (Outcome.COLLAPSED, Outcome.DIVERGED)
    reason = str(place.outcome) if failed else f"loss {place.loss:.4g} against {best.loss:.4g}"
    note = f"dropped after rung {number}, at update {place.updates} of a copy: {reason}"
    return replace(place, tie=False, note=note)


def _run(optimizer, schedule, lr, seed, updates=UPDATES):
    base = optimizer.split(" n")[0]
    decades = np.log10(lr / BEST_LR[base])
    noise = np.random.default_rng([seed, round(lr * 1000), len(optimizer), len(schedule)])
    outcome = _outcome(base, decades)
    curve = _curve(outcome, schedule, lr, decades, noise, updates)
    loss = float(curve.val_loss[-1])
    return Run(
        id=f"{_text(optimizer, schedule, lr)}/{seed}/{updates}",
        task="digits",
        strategy=_text(optimizer, schedule, lr),
        seed=seed,
        outcome=outcome,
        planned=updates,
        updates=int(curve.eval_update[-1]) if outcome is Outcome.DIVERGED else updates,
        loss=loss,
        metric=float(curve.val_metric[-1]),
        seconds=1.5,
        curve=curve,
    )


def _outcome(base, decades):
    if decades > 0.9:
        return Outcome.COLLAPSED if base == "adamw" else Outcome.DIVERGED
    if base.startswith("sgd") and decades > 0.4:
        return Outcome.DIVERGED
    return Outcome.IMPROVING if decades < -1.4 else Outcome.CONVERGED


def _curve(outcome, schedule, lr, decades, noise, updates):
    update = np.arange(0.0, updates, 2)
    loss = _losses(outcome, schedule, decades, update) * noise.lognormal(0, 0.08, update.size)
    evaluated = np.arange(0.0, updates + 1, updates // 20)
    val = 1.05 * _losses(outcome, schedule, decades, evaluated)
    val *= noise.lognormal(0, 0.03, evaluated.size)
    if outcome is Outcome.DIVERGED:
        end = min(60 + 20 * int(noise.integers(0, 3)), updates)
        update, loss = update[update <= end], loss[update <= end]
        evaluated, val = evaluated[evaluated <= end], val[evaluated <= end]
        loss[-1] = val[-1] = np.nan
    return Curve(
        update=update,
        lr=lr * _multiplier(schedule, update / updates),
        loss=loss,
        grad_norm=np.ones_like(update),
        update_ratio=np.full_like(update, 1e-3),
        eval_update=evaluated,
        val_loss=val,
        val_metric=np.where(np.isfinite(val), 1 - 0.39 * np.minimum(val, CHANCE), np.nan),
        val_spread=np.ones_like(evaluated),
    )


def _losses(outcome, schedule, decades, update):
    if outcome is Outcome.DIVERGED:
        return CHANCE * np.exp(update / 8.0)
    if outcome is Outcome.COLLAPSED:
        return CHANCE + 4 * np.exp(-update / 6.0)
    floor = FLOORS[schedule] * (1 + 3 * decades**2)
    return floor + (CHANCE - floor) * np.exp(-update / (25 * 10 ** (0.5 * abs(decades))))


def _multiplier(schedule, done):
    cosine = 0.5 * (1 + np.cos(np.pi * done))
    shapes = {
        "constant": np.ones_like(done),
        "cosine": cosine,
        "warmup 5% -> cosine": np.minimum((done + 0.0025) / 0.05, cosine),
        "step 30%": 0.1 ** np.floor(done / 0.3),
    }
    return shapes[schedule]


def _place(strategy, runs):
    optimizer, schedule, lr = strategy
    return Place(
        strategy=_text(*strategy),
        optimizer=optimizer,
        peak_lr=lr,
        schedule=schedule,
        outcome=runs[0].outcome,
        loss=float(np.mean([run.loss for run in runs])),
        metric=float(np.mean([run.metric for run in runs])),
        interval=(np.nan, np.nan),
        tie=False,
        seeds=tuple(run.seed for run in runs),
        updates=runs[0].planned,
    )


def _compared_with_first(pairs):
    """Fill in the paired intervals: mean difference -+ t x its standard error."""
    first = {run.seed: run.loss for run in pairs[0][1]}
    for number, (place, runs) in enumerate(pairs):
        gaps = np.array([run.loss - first[run.seed] for run in runs if run.seed in first])
        if number == 0:
            interval = (0.0, 0.0)
        elif len(gaps) < 2 or not np.isfinite(gaps).all():
            interval = (np.nan, np.nan)
        else:
            half = T_POINTS[len(gaps)] * gaps.std(ddof=1) / np.sqrt(len(gaps))
            interval = (float(gaps.mean() - half), float(gaps.mean() + half))
        values = {name: getattr(place, name) for name in Place.__dataclass_fields__}
        yield Place(**values | {"interval": interval, "tie": interval[0] <= 0 <= interval[1]})


@pytest.fixture(scope="session")
def comparison():
    """The whole comparison: 48 strategies with 3 seeds each."""
    return made_up_comparison()


@pytest.fixture(scope="session")
def race():
    """A race of the same 48 strategies: 4 finalists, and what two rungs dropped."""
    return made_up_race()


@pytest.fixture(scope="session")
def make_race():
    """The function that makes it, for an interrupted one."""
    return made_up_race


@pytest.fixture(scope="session")
def make_comparison():
    """The function that makes it, for other seeds, no winner and so on."""
    return made_up_comparison
