"""A corpus of planted mistakes and their fixed twins.

A plant is what is wrong, and what is right, in parts of a training script; a scaffold puts the parts
together: flat, in a function, in several, in a class, under other names of the modules, and as a
notebook. What the scaffolds cannot hold is written out in `written.py`.
"""

# ruff: noqa: E501 - a line of a plant is a line of a script

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from written import WRITTEN

Lines = tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """The parts of a script that is fine as it is."""

    setup: Lines = ()
    build: Lines = ("optimizer = optim.SGD(model.parameters(), lr=0.1)",)
    schedule: Lines = ("scheduler = lr_scheduler.StepLR(optimizer, step_size=10)",)
    begin: Lines = ()
    batch: Lines = (
        "optimizer.zero_grad()",
        "loss = loss_of(model(inputs), targets)",
        "loss.backward()",
        "optimizer.step()",
    )
    after_batch: Lines = ()
    epoch: Lines = ("scheduler.step()",)


@dataclass(frozen=True)
class Plant:
    """A mistake and its cure."""

    code: str
    name: str
    wrong: Parts
    right: Parts
    fixable: bool = False
    """`--fix` mends it."""


@dataclass(frozen=True)
class Case:
    """A script with a mistake, and its twin without."""

    code: str
    name: str
    wrong: str
    right: str
    fixable: bool = False


FINE = Parts()
BATCH = FINE.batch


def plant(code: str, name: str, wrong: dict, right: dict | None = None, *, fixable: bool = False):
    """Describe a plant by what differs from a script that is fine."""
    cure = replace(FINE, **(right if right is not None else {}))
    return Plant(code, name, replace(FINE, **wrong), cure, fixable)


def _per_batch(*schedule: str) -> dict:
    return {"schedule": schedule, "batch": (*BATCH, "scheduler.step()"), "epoch": ()}


def _per_epoch(*schedule: str) -> dict:
    return {"schedule": schedule}


def _built(text: str) -> dict:
    return {"build": (f"optimizer = {text}",)}


_SCALED = (
    "optimizer.zero_grad()",
    "scaler.scale(loss_of(model(inputs), targets)).backward()",
)
_CLIP = "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"
_SCALER = "scaler = torch.amp.GradScaler('cuda')"
_PLATEAU = "scheduler = lr_scheduler.ReduceLROnPlateau(optimizer)"
_LOADED = "optimizer.load_state_dict(saved['optimizer'])"
_LOADED_S = "scheduler.load_state_dict(saved['scheduler'])"
_COSINE = "scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max={})"
_CYCLE = "scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, {})"
_MOMENTUM = "optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)"
_ACCUMULATED = (
    "loss = loss_of(model(inputs), targets) / 4",
    "loss.backward()",
    "if (i + 1) % 4 == 0:",
    "    optimizer.step()",
    "    optimizer.zero_grad()",
)

_LAMBDA = {"build": ("optimizer = optim.SGD(model.parameters(), lr=base)",)}

PLANTS = (
    plant("LR101", "learning_rate", _built("optim.Adam(model.parameters(), learning_rate=1e-3)"),
          _built("optim.Adam(model.parameters(), lr=1e-3)"), fixable=True),
    plant("LR101", "rate", _built("optim.SGD(model.parameters(), rate=0.1, momentum=0.9)"),
          _built("optim.SGD(model.parameters(), lr=0.1, momentum=0.9)"), fixable=True),
    plant("LR101", "t_max", _per_epoch("scheduler = lr_scheduler.CosineAnnealingLR(optimizer, t_max=30)"),
          _per_epoch(_COSINE.format(30)), fixable=True),
    plant("LR102", "step", {"epoch": ()}),
    plant("LR102", "cosine", {"schedule": (_COSINE.format("epochs"),), "epoch": ()},
          _per_epoch(_COSINE.format("epochs"))),
    plant("LR103", "same-loop", {"batch": (*BATCH[:3], "scheduler.step()", "optimizer.step()"),
          "schedule": ("scheduler = lr_scheduler.LambdaLR(optimizer, rule)",), "epoch": ()},
          _per_batch("scheduler = lr_scheduler.LambdaLR(optimizer, rule)"), fixable=True),
    plant("LR103", "epoch-start", {"begin": ("scheduler.step()",), "epoch": ()}),
    plant("LR104", "cosine-per-batch", _per_batch(_COSINE.format("epochs")),
          _per_batch(_COSINE.format("epochs * len(loader)"))),
    plant("LR104", "len-per-epoch", _per_epoch(_COSINE.format("len(loader)")),
          _per_epoch(_COSINE.format("epochs"))),
    plant("LR104", "one-cycle-per-epoch", {"build": (_MOMENTUM,),
          "schedule": (_CYCLE.format("epochs=epochs, steps_per_epoch=len(loader)"),)},
          {"build": (_MOMENTUM,), **_per_batch(
              _CYCLE.format("epochs=epochs, steps_per_epoch=len(loader)"))}),
    plant("LR104", "milestones", _per_batch(
              "scheduler = lr_scheduler.MultiStepLR(optimizer, milestones=[10, 20])"),
          _per_epoch("scheduler = lr_scheduler.MultiStepLR(optimizer, milestones=[10, 20])")),
    plant("LR104", "warmup-steps", _per_epoch(
              "scheduler = get_cosine_schedule_with_warmup(optimizer, 100, epochs * len(loader))"),
          _per_batch("scheduler = get_cosine_schedule_with_warmup(optimizer, 100, epochs * len(loader))")),
    plant("LR105", "rebuilt", {"begin": (), "schedule": (
              "scheduler = lr_scheduler.StepLR(optimizer, step_size=10)",
              "optimizer = optim.SGD(model.parameters(), lr=0.01)")}),
    plant("LR105", "late-group", {"schedule": (
              "scheduler = lr_scheduler.LambdaLR(optimizer, rule)",
              "optimizer.add_param_group({'params': head.parameters()})")},
          {"schedule": ("optimizer.add_param_group({'params': head.parameters()})",
                        "scheduler = lr_scheduler.LambdaLR(optimizer, rule)")}),
    plant("LR106", "none", {"batch": BATCH[1:]}),
    plant("LR106", "momentum", {"build": (_MOMENTUM,), "batch": BATCH[1:]},
          {"build": (_MOMENTUM,), "batch": (*BATCH[1:], "optimizer.zero_grad()")}),
    plant("LR107", "no-metric", {"schedule": (_PLATEAU,)},
          {"schedule": (_PLATEAU,), "epoch": ("scheduler.step(evaluate(model))",)}),
    plant("LR107", "accuracy", {"schedule": (_PLATEAU,),
          "epoch": ("val_acc = evaluate(model)", "scheduler.step(val_acc)")},
          {"schedule": ("scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode='max')",),
           "epoch": ("val_acc = evaluate(model)", "scheduler.step(val_acc)")}, fixable=True),
    plant("LR107", "per-batch", {"schedule": (_PLATEAU,), "batch": (*BATCH, "scheduler.step(loss)"),
          "epoch": ()}, {"schedule": (_PLATEAU,), "epoch": ("scheduler.step(loss)",)}),
    plant("LR108", "no-length", {"build": (_MOMENTUM,), **_per_batch(
              "scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1)")},
          {"build": (_MOMENTUM,), **_per_batch(_CYCLE.format("total_steps=epochs * len(loader)"))}),
    plant("LR108", "overrun", {"build": (_MOMENTUM,), **_per_batch(
              _CYCLE.format("epochs=10, steps_per_epoch=len(loader)"))},
          {"build": (_MOMENTUM,), **_per_batch(
              _CYCLE.format("epochs=epochs, steps_per_epoch=len(loader)"))}),
    plant("LR108", "accumulated", {"build": (_MOMENTUM,), "schedule": (
              _CYCLE.format("total_steps=epochs * len(loader)"),),
          "batch": (*_ACCUMULATED, "    scheduler.step()"), "epoch": ()},
          {"build": (_MOMENTUM,), "schedule": (
              _CYCLE.format("total_steps=epochs * len(loader) // 4"),),
           "batch": (*_ACCUMULATED, "    scheduler.step()"), "epoch": ()}),
    plant("LR109", "in-epoch", {"schedule": (), "epoch": (), "build": (),
          "begin": ("optimizer = optim.SGD(model.parameters(), lr=0.1)",)},
          {"schedule": (), "epoch": ()}),
    plant("LR110", "sgd", _built("optim.SGD(model.parameters(), lr=5.0)")),
    plant("LR110", "adam", _built("optim.AdamW(model.parameters(), lr=0.1)"),
          _built("optim.AdamW(model.parameters(), lr=3e-4)")),
    plant("LR111", "swapped", _built("optim.SGD(model.parameters(), 0.9, 0.01)"),
          _built("optim.SGD(model.parameters(), 0.01, 0.9)")),
    plant("LR112", "resumed", {"schedule": (*FINE.schedule, _LOADED),
          "epoch": ("scheduler.step()", "torch.save({'optimizer': optimizer.state_dict()}, 'a.pt')")},
          {"schedule": (*FINE.schedule, _LOADED, _LOADED_S), "epoch": ("scheduler.step()",
           "torch.save({'optimizer': optimizer.state_dict(), 's': scheduler.state_dict()}, 'a.pt')")}),
    plant("LR113", "after-step", {"batch": (*BATCH, _CLIP)},
          {"batch": (*BATCH[:3], _CLIP, BATCH[3])}, fixable=True),
    plant("LR113", "before-backward", {"batch": (*BATCH[:2], _CLIP, *BATCH[2:])},
          {"batch": (*BATCH[:3], _CLIP, BATCH[3])}),
    plant("LR114", "scaled", {"setup": (_SCALER,), "batch": (
              *_SCALED, _CLIP, "scaler.step(optimizer)", "scaler.update()")},
          {"setup": (_SCALER,), "batch": (*_SCALED, "scaler.unscale_(optimizer)", _CLIP,
              "scaler.step(optimizer)", "scaler.update()")}, fixable=True),
    plant("LR115", "each-batch", {"batch": (*_ACCUMULATED, "scheduler.step()"), "epoch": (),
          "schedule": ("scheduler = lr_scheduler.LambdaLR(optimizer, rule)",)},
          {"batch": (*_ACCUMULATED, "    scheduler.step()"), "epoch": (),
           "schedule": ("scheduler = lr_scheduler.LambdaLR(optimizer, rule)",)}),
    plant("LR116", "get_lr", {"epoch": ("scheduler.step()", "print(scheduler.get_lr())")},
          {"epoch": ("scheduler.step()", "print(scheduler.get_last_lr())")}, fixable=True),
    plant("LR116", "epoch", {"epoch": ("scheduler.step(epoch)",)}),
    plant("LR117", "never", _per_epoch(
              "scheduler = lr_scheduler.MultiStepLR(optimizer, milestones=[100, 150])"),
          _per_epoch("scheduler = lr_scheduler.MultiStepLR(optimizer, milestones=[15, 25])")),
    plant("LR117", "wraps", _per_epoch(_COSINE.format(5)), _per_epoch(_COSINE.format(30))),
    plant("LR117", "too-long", _per_epoch(_COSINE.format("2 * epochs")), _per_epoch(_COSINE.format("epochs"))),
    plant("LR120", "exponential", _per_batch("scheduler = lr_scheduler.ExponentialLR(optimizer, 0.9)"),
          _per_epoch("scheduler = lr_scheduler.ExponentialLR(optimizer, 0.9)")),
    plant("LR120", "stairs", _per_batch("scheduler = lr_scheduler.StepLR(optimizer, 10, gamma=0.1)"),
          _per_epoch("scheduler = lr_scheduler.StepLR(optimizer, 10, gamma=0.1)")),
    plant("LR121", "encoder", {"setup": ("layer = torch.nn.TransformerEncoderLayer(32, 4)",),
          **_built("optim.Adam(model.parameters(), lr=5e-3)")},
          {"setup": ("layer = torch.nn.TransformerEncoderLayer(32, 4)",),
           **_built("optim.Adam(model.parameters(), lr=5e-4)")}),
    plant("LR122", "warmup", {"schedule": ("scheduler = lr_scheduler.WarmUpLR(optimizer, 500)",)}),
    plant("LR122", "case", _built("optim.Adamw(model.parameters(), lr=1e-3)"),
          _built("optim.AdamW(model.parameters(), lr=1e-3)")),
    plant("LR123", "betas", {**_built("optim.Adam(model.parameters(), lr=0.1 / 100, betas=(0.8, 0.99))"),
          **_per_batch("scheduler = lr_scheduler.OneCycleLR(optimizer, 1e-3, epochs * len(loader))")},
          {**_built("optim.Adam(model.parameters(), lr=1e-3)"),
           **_per_batch("scheduler = lr_scheduler.OneCycleLR(optimizer, 1e-3, epochs * len(loader))")}),
    plant("LR123", "no-momentum", _per_batch(_CYCLE.format("total_steps=epochs * len(loader)")),
          {"build": (_MOMENTUM,), **_per_batch(_CYCLE.format("total_steps=epochs * len(loader)"))}),
    plant("LR124", "lambda", {"schedule": ("scheduler = lr_scheduler.ChainedScheduler([",
          "    lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.LambdaLR(optimizer, rule)])")},
          {"schedule": ("scheduler = lr_scheduler.ChainedScheduler([",
          "    lr_scheduler.LambdaLR(optimizer, rule), lr_scheduler.ExponentialLR(optimizer, 0.9)])")}),
    plant("LR125", "plateau", {"schedule": (_PLATEAU, "warmup = lr_scheduler.LambdaLR(optimizer, rule)"),
          "epoch": ("warmup.step()", "scheduler.step(evaluate(model))")},
          {"schedule": (_PLATEAU,), "epoch": ("scheduler.step(evaluate(model))",)}),
    plant("LR126", "linear", {"schedule": (_LOADED,
              "scheduler = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10)", _LOADED_S)},
          {"schedule": ("scheduler = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10)",
              _LOADED, _LOADED_S)}),
    plant("LR127", "negated", {"schedule": (_PLATEAU,), "epoch": ("scheduler.step(-evaluate(model))",)},
          {"schedule": ("scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, 'max')",),
           "epoch": ("scheduler.step(evaluate(model))",)}),
    plant("LR128", "string", _built("optim.SGD(model.parameters(), lr='0.1')")),
    plant("LR128", "negative", _built("optim.SGD(model.parameters(), lr=-0.1)")),
    plant("LR130", "lambda", {"setup": ("base = 0.1",), **_LAMBDA, "schedule": (
              "scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: base * 0.9**t)",)},
          {"setup": ("base = 0.1",), **_LAMBDA, "schedule": (
              "scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: 0.9**t)",)}),
    plant("LR130", "sum", {"setup": ("base = 0.1",), **_LAMBDA, "schedule": (
              "scheduler = lr_scheduler.LambdaLR(optimizer, lr_lambda=lambda t: 1e-5 + 0.5 * (base - 1e-5) * (1 + math.cos(t)))",)},
          {"setup": ("base = 0.1",), **_LAMBDA, "schedule": (
              "scheduler = lr_scheduler.LambdaLR(optimizer, lr_lambda=lambda t: (1e-5 + 0.5 * (base - 1e-5) * (1 + math.cos(t))) / base)",)}),
    plant("LR130", "function", {"setup": ("base = 0.1",), **_LAMBDA, "schedule": (
              "def decayed(t):", "    rate = base * 0.1 ** (t // 30)", "    return max(rate, 1e-6)",
              "scheduler = lr_scheduler.LambdaLR(optimizer, decayed)")},
          {"setup": ("base = 0.1",), **_LAMBDA, "schedule": (
              "def decayed(t):", "    rate = base * 0.1 ** (t // 30)", "    return max(rate, 1e-6) / base",
              "scheduler = lr_scheduler.LambdaLR(optimizer, decayed)")}),
    plant("LR129", "adam", {**_built("optim.Adam(model.parameters(), lr=1e-3)"),
          "schedule": (), "epoch": ()}, {"schedule": (), "epoch": ()}),
    plant("LR129", "adamw", {**_built("optim.AdamW(model.parameters(), lr=3e-4)"),
          "schedule": (), "epoch": ()}, {"schedule": (), "epoch": ()}),
)  # fmt: skip


def _indented(lines: Lines, depth: int) -> list[str]:
    return [" " * 4 * depth + line for line in lines]


_HEAD = (
    "import torch",
    "import torch.optim as optim",
    "from torch.optim import lr_scheduler",
    "from transformers import get_cosine_schedule_with_warmup",
    "",
)
_LOOP = "for i, (inputs, targets) in enumerate(loader):"


def _loops(parts: Parts, depth: int, batch: list[str] | None = None) -> list[str]:
    inner = _indented(parts.batch, depth + 2) if batch is None else batch
    return [
        *_indented(("for epoch in range(epochs):",), depth),
        *_indented(parts.begin, depth + 1),
        *(_indented((_LOOP,), depth + 1) if batch is None else []),
        *inner,
        *_indented(parts.epoch, depth + 1),
    ]


def flat(parts: Parts) -> str:
    """Write a script from top to bottom."""
    return _text(["epochs = 30", *parts.setup, *parts.build, *parts.schedule, *_loops(parts, 0)])


def one_function(parts: Parts) -> str:
    """Write a script with all in one function, and settings behind a flag."""
    body = [*parts.setup, *parts.build, *parts.schedule]
    return _text([
        "def main(model, loader, epochs=30):",
        *_indented(tuple(body), 1),
        *_loops(parts, 1),
        "",
        "if __name__ == '__main__':",
        "    main(make_model(), make_loader())",
    ])  # fmt: skip


def two_functions(parts: Parts) -> str:
    """Write the loop over batches as a function that gets what it needs as arguments."""
    extra = ", scaler" if parts.setup and "scaler" in parts.setup[0] else ""
    returns = ["    return loss"] if any("loss = " in line for line in parts.batch) else []
    own = "scheduler" if any("scheduler" in line for line in parts.schedule) else "None"
    given = "optimizer" if parts.build else ("optimizer" if parts.begin else "None")
    call = f"loss = train_epoch(model, loader, {given}, {own}{extra})"
    return _text([
        f"def train_epoch(model, loader, optimizer, scheduler{extra}):",
        f"    {_LOOP}",
        *_indented(parts.batch, 2),
        *returns,
        "",
        "def main(args):",
        "    model, loader, epochs = make_model(), make_loader(), 30",
        *_indented((*parts.setup, *parts.build, *parts.schedule), 1),
        *_loops(parts, 1, _indented((call,), 2)),
    ])  # fmt: skip


def builders(parts: Parts) -> str:
    """Build optimizer and scheduler in a function that returns them."""
    own = "scheduler" if any("scheduler" in line for line in parts.schedule) else "None"
    given = "optimizer" if parts.build else "None"
    names = ["optimizer", "scheduler", *(["scaler"] if "scaler" in "".join(parts.setup) else [])]
    return _text([
        "def build(model, loader, epochs):",
        *_indented((*parts.setup, *parts.build, *parts.schedule), 1),
        f"    return {', '.join([given, own, *names[2:]])}",
        "",
        "def run(model, loader, epochs: int = 30):",
        f"    {', '.join(names)} = build(model, loader, epochs)",
        *_loops(parts, 1),
        "",
        "run(make_model(), make_loader())",
    ])  # fmt: skip


def in_a_class(parts: Parts) -> str:
    """Write a trainer class."""
    return _text([
        "class Trainer:",
        "    def __init__(self, model, loader):",
        "        self.model, self.loader, self.epochs = model, loader, 30",
        *_owned(_indented((*parts.setup, *parts.build, *parts.schedule), 2)),
        "",
        "    def train_one_epoch(self):",
        *_owned(_indented((_LOOP,), 2)),
        *_owned(_indented(parts.batch, 3)),
        "        return 0" if "loss = " not in "".join(parts.batch) else "        return loss",
        "",
        "    def fit(self):",
        *_owned(_indented(("for epoch in range(epochs):",), 2)),
        *_owned(_indented(parts.begin, 3)),
        "            loss = self.train_one_epoch()",
        *_owned(_indented(parts.epoch, 3)),
    ])  # fmt: skip


_OWN = re.compile(
    r"(?<![\w.'\"])(optimizer|scheduler|scaler|model|loader|epochs|warmup)\b(?!\s*=[^=]*\))"
)


def _owned(lines: list[str]) -> list[str]:
    """Turn names into attributes of self, but not keywords."""
    return [
        re.sub(r"(?<=[(,]\s)self\.(\w+)=(?!=)", r"\1=",
               re.sub(r"(?<=\()self\.(\w+)=(?!=)", r"\1=", _PLAIN.sub(r"self.\1", line)))
        for line in lines
    ]  # fmt: skip


_PLAIN = re.compile(
    r"(?<![\w.'\"])(optimizer|scheduler|scaler|model|loader|epochs|warmup)(?=\b(?!['\"]))"
)


def aliased(parts: Parts) -> str:
    """Import the same under other names."""
    text = one_function(parts)
    text = text.replace("import torch.optim as optim", "from torch import optim as o")
    text = text.replace(
        "from torch.optim import lr_scheduler", "import torch.optim.lr_scheduler as sch"
    )
    text = re.sub(r"(?<![\w.])optim\.", "o.", text)
    return re.sub(r"(?<![\w.])lr_scheduler\.", "sch.", text)


def direct(parts: Parts) -> str:
    """Import classes by name, and count epochs with a progress bar."""
    text = flat(parts)
    classes = sorted(set(re.findall(r"(?<![\w.])(?:optim|lr_scheduler)\.(\w+)", text)))
    text = re.sub(r"(?<![\w.])(optim|lr_scheduler)\.(?=\w+\()", "", text)
    optimizers = [name for name in classes if not name.endswith(("LR", "Scheduler", "Plateau"))]
    others = [name for name in classes if name not in optimizers]
    text = text.replace(
        "import torch.optim as optim", f"from torch.optim import {', '.join(optimizers)}"
    )
    text = text.replace(
        "from torch.optim import lr_scheduler",
        "import tqdm\n"
        + (f"from torch.optim.lr_scheduler import {', '.join(others)}" if others else ""),
    )
    return text.replace("range(epochs)", "tqdm.tqdm(range(epochs))")


SCAFFOLDS: dict[str, Callable[[Parts], str]] = {
    each.__name__: each
    for each in (flat, one_function, two_functions, builders, in_a_class, aliased, direct)
}
_LEFT_OUT = {
    ("LR109", "builders"),  # nothing to build before the loop
    ("LR125", "builders"),  # a builder returns one scheduler
    ("LR129", "builders"),  # both speak of a scheduler, where the rule is silent
    ("LR129", "two_functions"),
}


def _text(lines: list[str]) -> str:
    return "\n".join([*_HEAD, *lines]) + "\n"


def cases() -> Iterator[Case]:
    """Give every plant in every scaffold, and what is written out."""
    for each in PLANTS:
        for name, scaffold in SCAFFOLDS.items():
            if (each.code, name) in _LEFT_OUT:
                continue
            yield Case(
                each.code,
                f"{each.name}-{name}",
                scaffold(each.wrong),
                scaffold(each.right),
                each.fixable,
            )
    yield from (Case(*each) for each in WRITTEN)
