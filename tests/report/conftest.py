"""A made-up comparison whose numbers follow from a formula, so that every test sees the same."""

from itertools import product

import numpy as np
import pytest

from etude.records import Comparison, Curve, Outcome, Place, Run, Winner

UPDATES = 400
CHANCE = 2.3026  # ln 10: ten classes, all equally likely
BEST_LR = {"sgd momentum=0.9": 0.1, "adamw": 0.01}
FLOORS = {"constant": 0.098, "cosine": 0.071, "warmup 5% -> cosine": 0.068, "step 30%": 0.081}
LRS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
SEEDS = (0, 1, 2)
T_OF_2 = 4.303  # the 97.5 % point of Student's t with two degrees of freedom, any table

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


def _run(optimizer, schedule, lr, seed):
    base = optimizer.split(" n")[0]
    decades = np.log10(lr / BEST_LR[base])
    noise = np.random.default_rng([seed, round(lr * 1000), len(optimizer), len(schedule)])
    outcome = _outcome(base, decades)
    curve = _curve(outcome, schedule, lr, decades, noise)
    loss = float(curve.val_loss[-1])
    return Run(
        id=f"{_text(optimizer, schedule, lr)}/{seed}",
        task="digits",
        strategy=_text(optimizer, schedule, lr),
        seed=seed,
        outcome=outcome,
        planned=UPDATES,
        updates=int(curve.eval_update[-1]) if outcome is Outcome.DIVERGED else UPDATES,
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


def _curve(outcome, schedule, lr, decades, noise):
    update = np.arange(0.0, UPDATES, 2)
    loss = _losses(outcome, schedule, decades, update) * noise.lognormal(0, 0.08, update.size)
    evaluated = np.arange(0.0, UPDATES + 1, 20)
    val = 1.05 * _losses(outcome, schedule, decades, evaluated)
    val *= noise.lognormal(0, 0.03, evaluated.size)
    if outcome is Outcome.DIVERGED:
        end = 60 + 20 * int(noise.integers(0, 3))
        update, loss = update[update <= end], loss[update <= end]
        evaluated, val = evaluated[evaluated <= end], val[evaluated <= end]
        loss[-1] = val[-1] = np.nan
    return Curve(
        update=update,
        lr=lr * _multiplier(schedule, update / UPDATES),
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
    )


def _compared_with_first(pairs):
    """Fill in the paired intervals: mean difference -+ t x its standard error."""
    first = np.array([run.loss for run in pairs[0][1]])
    for number, (place, runs) in enumerate(pairs):
        gaps = np.array([run.loss for run in runs]) - first
        if number == 0:
            interval = (0.0, 0.0)
        elif len(gaps) < 2 or not np.isfinite(gaps).all():
            interval = (np.nan, np.nan)
        else:
            half = T_OF_2 * gaps.std(ddof=1) / np.sqrt(len(gaps))
            interval = (float(gaps.mean() - half), float(gaps.mean() + half))
        values = {name: getattr(place, name) for name in Place.__dataclass_fields__}
        yield Place(**values | {"interval": interval, "tie": interval[0] <= 0 <= interval[1]})


@pytest.fixture(scope="session")
def comparison():
    """The whole comparison: 48 strategies with 3 seeds each."""
    return made_up_comparison()


@pytest.fixture(scope="session")
def make_comparison():
    """The function that makes it, for other seeds, no winner and so on."""
    return made_up_comparison
