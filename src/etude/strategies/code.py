"""Write a strategy as a PyTorch program: the optimizer, the schedule's formula, the loop.

The schedule's formula in the program is the source of the function that étude itself evaluates,
so that both give the same rates to the last bit. A schedule with controllers has no formula: its
program drives étude's own `Scheduler`.
"""

from typing import TYPE_CHECKING

from etude._version import __version__
from etude.controllers import Controlled, as_controlled
from etude.report.words import several
from etude.schedules import Schedule
from etude.strategies.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from etude.strategies.strategy import Strategy

LOOKS = 20
"""Evaluations of a run that has a controller, one at each twentieth; fewer where it is shorter."""

_STAND_IN = """\
# A stand-in that runs: put your own model, loss and data here.
torch.manual_seed({seed})
model = torch.nn.Linear(1, 1).to({device!r})
loss_function = torch.nn.functional.mse_loss
inputs = torch.linspace(-1, 1, 256, device={device!r}).unsqueeze(1)
targets = 2 * inputs + 1
size, batch_size = len(inputs), {batch}


def take(index):
    return inputs[index], targets[index]


shuffle = torch.Generator().manual_seed({seed})
"""

_TASK = """\
# Model, loss and data of the task {task}, started as étude started seed {seed}.
prepared = prepare(load_task({task!r}), device={device!r})
task, take, size = prepared.task, prepared.train.take, prepared.train.size
model = build_model(task, seed={seed}).to(prepared.device)
loss_function = task.loss
batch_size = {batch}
shuffle = torch.Generator().manual_seed(seed_for(task.name, {seed}, "batches"))
seed_all(seed_for(task.name, {seed}, "dropout"))
"""

_PROGRAM = '''\
"""{strategy}

{length}; written by étude {version}.
"""

{math}import torch
{imports}
torch.set_num_threads(1)  # as étude trains: sums in another order differ in the last bits

{setting}
optimizer = torch.optim.{optimizer}(model.parameters(), {options})
{scheduler}

def batches():
    """Shuffle the examples anew each epoch; leave out the last, smaller batch."""
    while True:
        order = torch.randperm(size, generator=shuffle)
        for start in range(0, size - batch_size + 1, batch_size):
            yield take(order[start : start + batch_size])


losses = []
for update, (batch, target) in zip(range({updates}), batches()):
    optimizer.zero_grad()
    loss = loss_function(model(batch), target)
    loss.backward()
{clip}    optimizer.step()
{observe}    scheduler.step()
    losses.append(loss.item())
    if update % {report} == 0 or update == {last}:
        print(f"update {{update:5d}}  loss {{losses[-1]:.6g}}")
'''


_OPEN_LOOP = """

{schedule}

scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, multiplier)
"""

_CLOSED_LOOP = """
scheduler = Scheduler(optimizer, parse({schedule!r}))
"""

_LOOKS = """\
looks = {{round({updates} * k / {looks}) for k in range(1, {looks} + 1)}}
"""

_VALIDATE = '''

def validate():
    """Give the validation {which} as étude measures it."""
    with seeded(seed_for(task.name, {seed}, "evaluation")):
        return evaluate(model, prepared).{which}
'''

_VALIDATE_STAND_IN = '''

def validate():
    """Give the validation {which} that the controllers watch: put your own here."""
    with torch.no_grad():
        return loss_function(model(inputs), targets).item()
'''

_SEE_LOSS = """\
    scheduler.observe(loss)
"""

_SEE_METRIC = """\
    if update + 1 in looks:
        scheduler.observe(metric=validate())
"""


def program(
    strategy: "Strategy",
    schedule: Schedule | Controlled,
    *,
    updates: int,
    task: str | None,
    seed: int,
    batch_size: int | None,
    device: str,
) -> str:
    """Give the program's text; `schedule` is the strategy's own, bound to the run."""
    if task is None:
        setting = _STAND_IN.format(seed=seed, batch=batch_size or 32, device=device)
    else:
        batch = batch_size or "task.batch_size"
        setting = _TASK.format(task=task, seed=seed, batch=batch, device=device)
    plan = as_controlled(schedule)
    drive = _open_loop(plan.schedule)
    if plan.controllers:
        drive = _closed_loop(plan, updates=updates, task=task, seed=seed)
    return _PROGRAM.format(
        strategy=strategy,
        version=__version__,
        length=several(updates, "update"),
        updates=updates,
        math="" if plan.controllers else "import math\n\n",
        imports=_imports(task, plan),
        setting=setting,
        optimizer=OPTIMIZERS[strategy.optimizer].class_name,
        options=_keywords(strategy),
        scheduler=drive,
        clip=_clip(strategy),
        observe=_observe(plan),
        report=max(1, updates // 10),
        last=updates - 1,
    )


def _imports(task: str | None, plan: Controlled) -> str:
    lines = list[str]()
    if plan.controllers:
        lines += ["from etude import Scheduler", "from etude.controllers import parse"]
    if task is not None:
        names = "build_model, load_task, prepare, seed_all, seed_for"
        looks = _watches(plan, "metric")
        lines.append(f"from etude.tasks import {names}{', seeded' if looks else ''}")
        lines += ["from etude.training.signals import evaluate"] if looks else []
    return "".join(["\n", *(f"{line}\n" for line in lines)]) if lines else ""


def _open_loop(schedule: Schedule) -> str:
    source = schedule.source("multiplier").removeprefix("import math\n").strip()
    return _OPEN_LOOP.format(schedule=source + "\n")


def _closed_loop(plan: Controlled, *, updates: int, task: str | None, seed: int) -> str:
    made = _CLOSED_LOOP.format(schedule=str(plan))
    if not _watches(plan, "metric"):
        return made
    which = "metric" if any(law.maximizes for law in plan.controllers) else "loss"
    validate = _VALIDATE_STAND_IN if task is None else _VALIDATE
    looks = _LOOKS.format(updates=updates, looks=min(LOOKS, updates))
    return made + looks + validate.format(which=which, seed=seed)


def _observe(plan: Controlled) -> str:
    """Let the controllers see what they watch, when étude lets them."""
    watched = {"loss": _SEE_LOSS, "metric": _SEE_METRIC}
    return "".join(line for what, line in watched.items() if _watches(plan, what))


def _watches(plan: Controlled, watched: str) -> bool:
    return any(law.watches == watched for law in plan.controllers)


def _keywords(strategy: "Strategy") -> str:
    given = {"lr": strategy.peak_lr, **strategy.torch_options}
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def _clip(strategy: "Strategy") -> str:
    if strategy.clip is None:
        return ""
    return f"    torch.nn.utils.clip_grad_norm_(model.parameters(), {strategy.clip!r})\n"
