"""Write a strategy as a PyTorch program: the optimizer, the schedule's formula, the loop.

The schedule's formula in the program is the source of the function that étude itself evaluates,
so that both give the same rates to the last bit.
"""

from typing import TYPE_CHECKING

from etude._version import __version__
from etude.report.words import several
from etude.schedules import Schedule
from etude.strategies.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from etude.strategies.strategy import Strategy

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

import math

import torch
{imports}
torch.set_num_threads(1)  # as étude trains: sums in another order differ in the last bits

{setting}
optimizer = torch.optim.{optimizer}(model.parameters(), {options})


{schedule}

scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, multiplier)


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
    scheduler.step()
    losses.append(loss.item())
    if update % {report} == 0 or update == {last}:
        print(f"update {{update:5d}}  loss {{losses[-1]:.6g}}")
'''


def program(
    strategy: "Strategy",
    schedule: Schedule,
    *,
    updates: int,
    task: str | None,
    seed: int,
    batch_size: int | None,
    device: str,
) -> str:
    """Give the program's text; `schedule` is the strategy's own, bound to the run."""
    if task is None:
        imports, setting = "", _STAND_IN.format(seed=seed, batch=batch_size or 32, device=device)
    else:
        imports = "\nfrom etude.tasks import build_model, load_task, prepare, seed_all, seed_for\n"
        batch = batch_size or "task.batch_size"
        setting = _TASK.format(task=task, seed=seed, batch=batch, device=device)
    return _PROGRAM.format(
        strategy=strategy,
        version=__version__,
        length=several(updates, "update"),
        updates=updates,
        imports=imports,
        setting=setting,
        optimizer=OPTIMIZERS[strategy.optimizer].class_name,
        options=_keywords(strategy),
        schedule=schedule.source("multiplier").removeprefix("import math\n").strip() + "\n",
        clip=_clip(strategy),
        report=max(1, updates // 10),
        last=updates - 1,
    )


def _keywords(strategy: "Strategy") -> str:
    given = {"lr": strategy.peak_lr, **strategy.torch_options}
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def _clip(strategy: "Strategy") -> str:
    if strategy.clip is None:
        return ""
    return f"    torch.nn.utils.clip_grad_norm_(model.parameters(), {strategy.clip!r})\n"
