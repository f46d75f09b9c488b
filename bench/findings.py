"""Measure the rules: false alarms on healthy runs, and how often each planted fault is seen.

    python bench/findings.py                          # all of it, some minutes
    python bench/findings.py --real FOLDER            # published loss curves as well
    python bench/findings.py --keep curves            # train once, judge again after a change
    python bench/findings.py --quick                  # one seed

Three kinds of runs:

- *Grids* of lrs, trained by étude's own engine as `etude compare` does, with what such a run
  records. Labels are counterfactual: of all runs of the same task, optimizer and seed, a run is
  healthy when it made 80 % of the way in log loss that the best made and ends within a tenth of
  the best validation loss that any of them ever had; at a lower lr than the best one's and with
  less than half of the way it is too low, at a higher one too high.
- *Planted faults* in a plain loop that also measures the gain ratio and the zero gradients, each
  beside a healthy control of the same task, optimizer and seed.
- With --real, published loss curves of language models, all taken to be healthy.

A false alarm is a finding of level error or warning on a healthy run. Intervals are Wilson's, 95 %.
"""

import math
import pickle
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import click
import numpy as np
import torch
from sklearn.datasets import make_friedman1
from torch import Tensor, nn
from torch.nn import functional

from etude import Task, compare
from etude.diagnosis import diagnose_log, findings
from etude.errors import EtudeError
from etude.readers import read
from etude.records import Action, Curve, Finding, Level, Log, Run
from etude.store import Store
from etude.strategies import strategy
from etude.tasks import load_task

LRS = {
    "sgd momentum=0.9": (1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0, 3.0),
    "adamw": (1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 0.03, 0.1, 1.0),
}
SCHEDULES = ("constant", "warmup 5% -> cosine", "step 50%")
SEEDS = {"digits": 2, "diabetes": 2, "friedman": 2, "characters": 1}
"""Tasks of the grids, and with how many seeds."""
READ = ("healthy", "lr too low", "lr too high")
"""Grid labels that say what a log should say about the lr."""
HEALTHY, WITHIN, BAD = 0.8, 0.9, 0.5
FLOOR = 1e-3
"""Share of the loss at the start under which log losses are alike."""
UPDATES = 600
BATCH = 32
EVERY = 10
"""Updates between two measurements of the gain ratio."""
EVALUATE = 20


def friedman() -> Task:
    """Friedman's first function of ten inputs, with noise."""
    inputs, targets = friedman_data()
    return Task(
        regressor, functional.mse_loss, (inputs, targets), batch_size=BATCH, updates=UPDATES,
        name="friedman",
    )  # fmt: skip


def friedman_data() -> tuple[Tensor, Tensor]:
    x, y = make_friedman1(2500, noise=1.0, random_state=0)
    inputs = torch.tensor(2 * x - 1).float()
    return inputs, torch.tensor((y - y.mean()) / y.std()).float().unsqueeze(1)


def regressor() -> nn.Module:
    return network(10, 1)


def network(width: int, outputs: int, depth: int = 2, unit: type[nn.Module] = nn.ReLU) -> nn.Module:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(width, 64), unit()]
        width = 64
    return nn.Sequential(*layers, nn.Linear(width, outputs))


# -- grids --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Labelled:
    """A curve, what is known of it, and what is wrong with it."""

    group: str
    label: str
    curve: Curve
    chance: float | None

    def found(self) -> tuple[Finding, ...]:
        return findings(self.curve, chance=self.chance)

    def said(self) -> Action:
        """Give what the log says about the lr."""
        log = Log(self.group, "", "curve", self.curve, chance=self.chance)
        return diagnose_log(log).reading.action


def grid(name: str, seeds: int, store: Store | None) -> list[Labelled]:
    """Train a task at every lr with every schedule, and label the runs by each other."""
    texts = [f"{o} lr={lr:g} {s}" for o, lrs in LRS.items() for lr in lrs for s in SCHEDULES]
    task = friedman() if name == "friedman" else load_task(name)
    answer = compare(task, texts, seeds=seeds, exhaustive=True, workers=1, store=store)
    chance = answer.task.get("chance")
    groups: dict[tuple[str, int], list[Run]] = defaultdict(list)
    for run in answer.runs:
        groups[run.strategy.split()[0], run.seed].append(run)
    return [
        Labelled(name, label, run.curve, chance)
        for runs in groups.values()
        for run, label in zip(runs, labels(runs), strict=True)
    ]


def labels(runs: Sequence[Run]) -> Iterator[str]:
    start = float(np.median([run.curve.loss[0] for run in runs]))
    ends = [log_end(run.curve, start) for run in runs]
    best_lr = strategy(runs[int(np.argmin(ends))].strategy).peak_lr
    first = float(np.median([run.curve.val_loss[0] for run in runs]))
    lowest = min(np.nanmin(run.curve.val_loss) for run in runs)
    for run, end in zip(runs, ends, strict=True):
        share = (math.log(start) - end) / (math.log(start) - min(ends))
        val = (first - run.loss) / (first - lowest)
        lr = strategy(run.strategy).peak_lr
        if share >= HEALTHY:
            yield "healthy" if val >= WITHIN else "overfit"
        elif share < BAD:
            yield "lr too low" if lr < best_lr else "lr too high"
        else:
            yield "between"


def log_end(curve: Curve, start: float) -> float:
    """Give the log loss at the end; infinite where the run broke."""
    if not np.isfinite(curve.loss).all():
        return math.inf
    return math.log(max(float(np.median(curve.loss[-len(curve.loss) // 10 :])), FLOOR * start))


# -- planted faults -----------------------------------------------------------------------------


@dataclass
class Case:
    """One run of the plain loop, to be spoilt."""

    inputs: Tensor
    targets: Tensor
    val: tuple[Tensor, Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]
    model: nn.Module
    optimizer: str
    lr: float
    chance: float
    seed: int
    batch: int = BATCH
    updates: int = UPDATES
    schedule: Callable[[int], float] = lambda _: 1.0
    corrupt: frozenset[int] = field(default=frozenset())
    """Updates whose batch is corrupt."""


def case(task: str, optimizer: str, seed: int) -> Case:
    """Give a healthy run: a rate from the middle of the usable range, warmup and cosine."""
    torch.manual_seed(seed)
    if task == "digits":
        ready = load_task("digits")
        (inputs, targets), val, loss = ready.train, ready.val, functional.cross_entropy
        if val is None:
            inputs, targets, val = inputs[:1400], targets[:1400], (inputs[1400:], targets[1400:])
        chance, model = math.log(10), network(inputs.shape[1], 10)
    else:
        x, y = friedman_data()
        (inputs, targets), val = (x[:2000], y[:2000]), (x[2000:], y[2000:])
        chance = float((val[1] - targets.mean()).square().mean())
        model, loss = regressor(), functional.mse_loss
    lr = {"sgd": 0.03, "adamw": 0.003}[optimizer]
    made = Case(inputs, targets, val, loss, model, optimizer, lr, chance, seed)
    made.schedule = lambda t: min((t + 1) / 30, 0.5 * (1 + math.cos(math.pi * t / made.updates)))
    return made


def too_high(c: Case) -> None:
    c.lr *= 30 if c.optimizer == "sgd" else 100
    c.schedule = lambda _: 1.0


def too_low(c: Case) -> None:
    c.lr /= 100
    c.schedule = lambda _: 1.0


def spikes(c: Case) -> None:
    c.corrupt = frozenset({200, 290, 380, 470})


def broken_batch(c: Case) -> None:
    c.corrupt = frozenset({-300})


def no_warmup(c: Case) -> None:
    """At thirty times the rate the run survives, if at all, after an explosion."""
    c.lr *= 30
    c.schedule = lambda t: 0.5 * (1 + math.cos(math.pi * t / c.updates))


def zero_init(c: Case) -> None:
    for parameter in c.model.parameters():
        nn.init.zeros_(parameter)


def dead_relu(c: Case) -> None:
    nn.init.constant_(c.model[0].bias, -100.0)


def shuffled(c: Case) -> None:
    c.targets = c.targets[torch.randperm(len(c.targets))]
    c.lr *= 5


def huge_inputs(c: Case) -> None:
    c.inputs, c.val = 1000 * c.inputs, (1000 * c.val[0], c.val[1])


def wide_init(c: Case) -> None:
    for parameter in c.model.parameters():
        nn.init.normal_(parameter, std=1.5)


def overfit(c: Case) -> None:
    c.inputs, c.targets = c.inputs[:64], c.targets[:64]
    noise = torch.randn(c.targets.shape) if c.targets.is_floating_point() else None
    if noise is None:
        wrong = torch.randint(0, 10, c.targets.shape)
        c.targets = torch.where(torch.rand(c.targets.shape) < 0.3, wrong, c.targets)
    else:
        c.targets = c.targets + noise
    c.schedule = lambda _: 1.0


def early_drop(c: Case) -> None:
    c.schedule = lambda t: 1.0 if t < c.updates // 6 else 0.01


def costly_restart(c: Case) -> None:
    """The last cycle begins, at three times the rate, shortly before the end."""
    c.lr *= 3
    c.schedule = lambda t: 0.5 * (1 + math.cos(math.pi * (t % 570) / 570))


def noisy(c: Case) -> None:
    c.batch, c.lr = 1, c.lr / 100
    c.schedule = lambda _: 1.0


def diverging(c: Case) -> None:
    """The rate grows without end from the middle on."""
    c.schedule = lambda t: 1.0 if t < c.updates // 2 else 1.02 ** (t - c.updates // 2)


def saturated(c: Case) -> None:
    """A deep sigmoid network of wide weights: hardly any gradient comes through."""
    c.model = network(c.inputs.shape[1], c.model[-1].out_features, 6, nn.Sigmoid)
    for parameter in c.model.parameters():
        nn.init.normal_(parameter, std=0.02)


FAULTS: dict[str, tuple[Callable[[Case], None], tuple[str, ...]]] = {
    "lr x30 or x100": (too_high, ("ED01", "ED02", "ED06", "ED09", "ED12", "ED14")),
    "lr / 100": (too_low, ("ED05",)),
    "four corrupt batches": (spikes, ("ED03",)),
    "one batch of nan": (broken_batch, ("ED01",)),
    "lr x30 without warmup": (no_warmup, ("ED09", "ED14", "ED01", "ED02")),
    "lr grows without end": (diverging, ("ED01", "ED02", "ED06", "ED12", "ED14")),
    "all weights zero": (zero_init, ("ED17",)),
    "first layer's ReLUs off": (dead_relu, ("ED17",)),
    "sigmoids, six layers": (saturated, ("ED07", "ED13", "ED17", "ED05")),
    "inputs x1000": (huge_inputs, ("ED16",)),
    "initial weights x12": (wide_init, ("ED16",)),
    "shuffled targets": (shuffled, ("ED18",)),
    "64 examples, a third wrong": (overfit, ("ED11",)),
    "lr cut at a sixth": (early_drop, ("ED08", "ED05")),
    "restart before the end": (costly_restart, ("ED10", "ED02")),
    "batch of 1, lr / 100": (noisy, ("ED15", "ED05")),
}
"""A fault, and the codes any of which is the right answer."""


def train(c: Case) -> Curve:
    """Train as a user's loop does, and record all that étude's rules can use."""
    generator = torch.Generator().manual_seed(c.seed)
    parameters = list(c.model.parameters())
    made = {"sgd": lambda: torch.optim.SGD(parameters, c.lr, momentum=0.9),
            "adamw": lambda: torch.optim.AdamW(parameters, c.lr)}  # fmt: skip
    optimizer = made[c.optimizer]()
    rows, evaluations, gains = [], [], []
    for t in range(c.updates):
        if t % EVALUATE == 0:
            evaluations.append((t, *evaluated(c)))
        for group in optimizer.param_groups:
            group["lr"] = c.lr * c.schedule(t)
        place = torch.randint(len(c.inputs), (c.batch,), generator=generator)
        x, y = c.inputs[place], c.targets[place]
        if t in c.corrupt:
            x = 5 * x[torch.randperm(len(x))]
        if -t in c.corrupt and t:
            x = x * math.nan
        rows.append((t, c.lr * c.schedule(t), *updated(c, optimizer, x, y, t, gains)))
        if not math.isfinite(rows[-1][2]):
            break
    evaluations.append((len(rows), *evaluated(c)))
    return Curve(*columns(rows, 5), *columns(evaluations, 4), *columns(gains, 3))


def updated(
    c: Case, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, t: int, gains: list
) -> tuple[float, float, float]:
    """Do one update; give the loss, the gradient's norm and the update ratio."""
    parameters = list(c.model.parameters())
    optimizer.zero_grad()
    loss = c.loss(c.model(x), y)
    loss.backward()
    grads = [p.grad for p in parameters]
    norm = torch.stack([g.norm() for g in grads]).norm().item()
    before = [p.detach().clone() for p in parameters]
    optimizer.step()
    moves = [p.detach() - b for p, b in zip(parameters, before, strict=True)]
    moved = torch.stack([m.norm() for m in moves]).norm().item()
    weight = torch.stack([b.norm() for b in before]).norm().item()
    if t % EVERY == 0:
        promised = -sum(float((g * m).sum()) for g, m in zip(grads, moves, strict=True))
        with torch.no_grad():
            gained = loss.item() - c.loss(c.model(x), y).item()
        zeros = max(float((g == 0).float().mean()) for g in grads)
        gains.append((t, gained / promised if promised else math.nan, zeros))
    return loss.item(), norm, moved / weight if weight else math.nan


@torch.no_grad()
def evaluated(c: Case) -> tuple[float, float, float]:
    output = c.model(c.val[0])
    spread = output.double().std(dim=0, correction=0).mean().item()
    return c.loss(output, c.val[1]).item(), math.nan, spread


def columns(rows: list, count: int) -> Iterator[np.ndarray]:
    yield from np.array(rows, dtype=float).reshape(-1, count).T.copy()


def planted(seeds: int, keep: Path | None) -> list[Labelled]:
    """Train every fault, and as many controls; or take what was trained before."""
    made: list[Labelled] = []
    for task, optimizer, seed in product(("digits", "friedman"), ("sgd", "adamw"), range(seeds)):
        file = keep / f"{task}-{optimizer}-{seed}.pickle" if keep else None
        if file and file.exists():
            made += pickle.loads(file.read_bytes())
            continue
        some = spoilt_and_healthy(task, optimizer, seed)
        if file:
            file.write_bytes(pickle.dumps(some))
        click.echo(f"planted: {task}, {optimizer}, seed {seed}", err=True)
        made += some
    return made


def spoilt_and_healthy(task: str, optimizer: str, seed: int) -> list[Labelled]:
    made: list[Labelled] = []
    for fault, (spoil, _) in FAULTS.items():
        spoilt = case(task, optimizer, seed)
        spoil(spoilt)
        made.append(Labelled(task, fault, train(spoilt), spoilt.chance))
    return made + healthy(task, list(controls(task, optimizer, seed)))


def healthy(task: str, cases: Sequence[Case]) -> list[Labelled]:
    """Train controls; one is healthy by the same measure as in a grid, others are left out."""
    curves = [train(each) for each in cases]
    start = float(np.median([curve.loss[0] for curve in curves]))
    ends = [log_end(curve, start) for curve in curves]
    least = math.log(start) - HEALTHY * (math.log(start) - min(ends))
    return [
        Labelled(task, "healthy", curve, each.chance)
        for each, curve, end in zip(cases, curves, ends, strict=True)
        if end <= least
    ]


def controls(task: str, optimizer: str, seed: int) -> Iterator[Case]:
    """Give runs meant to be healthy: as many as there are faults, by seed, rate and schedule."""
    cuts = (lambda t: 1.0 if t < 400 else 0.1, lambda _: 1.0)
    for number in range(len(FAULTS)):
        control = case(task, optimizer, 1000 + 100 * seed + number)
        control.lr *= (0.5, 1.0, 2.0)[number % 3]
        if number % 4 > 1:
            control.schedule = cuts[number % 2]
        yield control


# -- the table ----------------------------------------------------------------------------------


def real(folder: Path) -> list[Labelled]:
    """Read published curves; a cooldown that holds only its end is a run that begins late."""
    made: list[Labelled] = []
    for path in sorted(folder.rglob("loss_curves/**/*.csv")):
        try:
            made += [Labelled("real", "healthy", log.curve, None) for log in read(path).logs]
        except EtudeError:
            continue  # a schedule or a list of files
    return made


def wilson(count: int, of: int) -> str:
    """Give a share with its 95 % interval."""
    if not of:
        return "–"
    z, p = 1.96, count / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    low, high = max(0, middle - half), min(1, middle + half)
    return f"{count} of {of} ({100 * low:.0f} to {100 * high:.0f} %)"


def sure(found: Sequence[Finding]) -> list[str]:
    return [each.code for each in found if each.level is not Level.HINT]


def report(
    grids: Sequence[Labelled], faults: Sequence[Labelled], curves: Sequence[Labelled]
) -> None:
    click.echo("\n| healthy runs | false alarms | which |\n|---|---|---|")
    for title, runs in (
        ("étude's engine, lr grids", grids),
        ("plain loop, all signals", faults),
        ("published language models", curves),
    ):
        healthy = [sure(run.found()) for run in runs if run.label == "healthy"]
        which = Counter(code for codes in healthy for code in codes)
        said = ", ".join(f"{code} {count}" for code, count in sorted(which.items()))
        click.echo(f"| {title} | {wilson(sum(map(bool, healthy)), len(healthy))} | {said} |")
    click.echo("\n| grid label | any finding | by code |\n|---|---|---|")
    for label in ("lr too low", "lr too high", "overfit", "between"):
        row([run.found() for run in grids if run.label == label], label)
    readings(grids, curves)
    click.echo("\n| planted fault | named | any finding | by code |\n|---|---|---|---|")
    for fault, (_, codes) in FAULTS.items():
        found = [run.found() for run in faults if run.label == fault]
        named = sum(any(each.code in codes for each in one) for one in found)
        row(found, f"{fault} | {wilson(named, len(found))}")


def readings(grids: Sequence[Labelled], curves: Sequence[Labelled]) -> None:
    """Show what the logs alone say about the lr."""
    actions = list(Action)
    heads = ["cannot tell" if each is Action.UNDECIDED else str(each) for each in actions]
    click.echo(f"\n| the log alone | {' | '.join(heads)} |\n|---|{'---|' * len(actions)}")
    parts = {label: [run for run in grids if run.label == label] for label in READ}
    for title, runs in {**parts, "published language models": curves}.items():
        counts = Counter(run.said() for run in runs)
        click.echo(f"| {title} | {' | '.join(str(counts[each]) for each in actions)} |")


def row(found: Sequence[Sequence[Finding]], title: str) -> None:
    by_code = Counter(each.code for one in found for each in one)
    said = ", ".join(f"{code} {count}" for code, count in sorted(by_code.items()))
    click.echo(f"| {title} | {sum(map(bool, found))} of {len(found)} | {said} |")


@click.command()
@click.option("--real", "folder", type=click.Path(exists=True, path_type=Path))
@click.option("--keep", type=click.Path(path_type=Path), help="Folder that keeps all curves.")
@click.option("--seeds", default=2, show_default=True, help="Seeds of the planted faults.")
@click.option("--quick", is_flag=True, help="One seed of everything.")
@click.option("--only", type=click.Choice(["grids", "faults", "real"]))
def main(folder: Path | None, keep: Path | None, seeds: int, quick: bool, only: str | None) -> None:
    """Measure false alarms and detection; see the module's text."""
    torch.set_num_threads(1)
    grids, faults = list[Labelled](), list[Labelled]()
    if keep:
        keep.mkdir(exist_ok=True)
    kept = Store.open(str(keep / "grids.db")) if keep else None
    if only in (None, "grids"):
        for name, count in SEEDS.items():
            grids += grid(name, 1 if quick else count, kept)
            click.echo(f"grid: {name}", err=True)
    if only in (None, "faults"):
        faults = planted(1 if quick else seeds, keep)
    report(grids, faults, real(folder) if folder else [])


if __name__ == "__main__":
    main()
