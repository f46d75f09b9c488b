"""Drive other libraries' own schedulers, and keep what they gave for the tests.

    python bench/conventions.py             # writes tests/schedules/conventions/golden.json
    python bench/conventions.py --sweep 200 # compares étude with 200 random settings per scheduler

Needs transformers, timm, optax, keras, deepspeed and megatron-core, all but the first four without
their dependencies; one that is missing keeps its old values. timm, DeepSpeed and Megatron are
imported without the rest of their packages, which is stubbed; the schedulers are their own code.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from conventions_draws import Case, cases

from etude.schedules.conventions import LIBRARIES

GOLDEN = Path(__file__).parents[1] / "tests" / "schedules" / "conventions" / "golden.json"
PACKAGES = {
    "hf": "transformers",
    "timm": "timm",
    "optax": "optax",
    "keras": "keras",
    "deepspeed": "deepspeed",
    "megatron": "megatron-core",
}
"""The package of each library that is tested here; torch itself is tested live, always."""
CASES = 5
RTOL, ATOL = 1e-6, 1e-10


# ---- drivers: settings -> lr of every group at every update, by the library's own code


def installed(library: str) -> bool:
    """Say whether the library's package is there."""
    try:
        importlib.metadata.version(PACKAGES[library])
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def drive(library: str, case: Case) -> list[list[float]]:
    """Give the rate of each group at each update, as a training loop meets them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DRIVERS[library](case)


def _optimizer(lrs: list[float]) -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in lrs]
    return torch.optim.AdamW(groups, lr=lrs[0])


def _loop(optimizer: Any, updates: int, step: Callable[[int], None]) -> list[list[float]]:
    used: list[list[float]] = []
    for t in range(updates):
        used.append([float(group["lr"]) for group in optimizer.param_groups])
        optimizer.step()
        step(t + 1)
    return used


def _hf(case: Case) -> list[list[float]]:
    from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION
    from transformers.trainer_utils import SchedulerType

    optimizer = _optimizer(case["lrs"])
    make = TYPE_TO_SCHEDULER_FUNCTION[SchedulerType(case["name"])]
    scheduler = make(optimizer, **case["settings"])
    return _loop(optimizer, case["updates"], lambda _: scheduler.step())


TIMM = {
    "cosine": "CosineLRScheduler",
    "tanh": "TanhLRScheduler",
    "step": "StepLRScheduler",
    "multistep": "MultiStepLRScheduler",
    "poly": "PolyLRScheduler",
    "wsd": "WSDLRScheduler",
}


def _timm(case: Case) -> list[list[float]]:
    _stub("timm")
    module = importlib.import_module("timm.scheduler." + case["name"] + "_lr")
    optimizer = _optimizer(case["lrs"])
    make = getattr(module, TIMM[case["name"]])
    scheduler = make(optimizer, t_in_epochs=False, **case["settings"])
    return _loop(optimizer, case["updates"], scheduler.step_update)


def _optax(case: Case) -> list[list[float]]:
    import jax
    import optax

    jax.config.update("jax_enable_x64", val=True)
    settings = _nested(case["settings"], lambda name, s: getattr(optax.schedules, name)(**s))
    schedule = getattr(optax.schedules, case["name"])(**settings)
    return [[float(schedule(t))] for t in range(case["updates"])]


def _keras(case: Case) -> list[list[float]]:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    keras.config.set_floatx("float64")
    schedule = getattr(keras.optimizers.schedules, case["name"])(**case["settings"])
    return [[float(schedule(t))] for t in range(case["updates"])]


def _deepspeed(case: Case) -> list[list[float]]:
    _stub("deepspeed", "deepspeed.runtime")
    silent = SimpleNamespace(logger=SimpleNamespace(warning=lambda *_: None))
    sys.modules.setdefault("deepspeed.utils", silent)  # pyright: ignore[reportArgumentType]
    module = importlib.import_module("deepspeed.runtime.lr_schedules")
    optimizer = _optimizer(case["lrs"])
    scheduler = getattr(module, case["name"])(optimizer, **case["settings"])
    return _loop(optimizer, case["updates"], lambda _: scheduler.step())


def _megatron(case: Case) -> list[list[float]]:
    _stub("megatron", "megatron.core")
    silent = SimpleNamespace(log_single_rank=lambda *_: None)
    sys.modules.setdefault("megatron.core.utils", silent)  # pyright: ignore[reportArgumentType]
    module = importlib.import_module("megatron.core.optimizer_param_scheduler")
    settings = dict(case["settings"])
    increment = settings.pop("increment", 1)
    groups = [{"max_lr": lr} for lr in case["lrs"]]
    optimizer = SimpleNamespace(param_groups=groups, step=lambda: None)
    decay = {"start_wd": 0.0, "end_wd": 0.0, "wd_incr_steps": 1, "wd_incr_style": "constant"}
    scheduler = module.OptimizerParamScheduler(
        optimizer, lr_decay_style=case["name"], max_lr=max(case["lrs"]), **settings, **decay
    )
    return _loop(optimizer, case["updates"], lambda _: scheduler.step(increment))


def _stub(*packages: str) -> None:
    """Let a package's scheduler be imported without what the package imports itself."""
    for name in packages:
        if name not in sys.modules:
            root = Path(importlib.metadata.distribution(_package_of(name)).locate_file("."))
            module = ModuleType(name)
            module.__path__ = [str(root.joinpath(*name.split(".")))]
            sys.modules[name] = module


def _package_of(module: str) -> str:
    return "megatron-core" if module.startswith("megatron") else module.partition(".")[0]


def _nested(settings: dict[str, Any], make: Callable[[str, dict[str, Any]], Any]) -> dict[str, Any]:
    """Build schedules within settings, which stand there as [name, settings]; fix JSON's keys."""
    found = dict(settings)
    if "schedules" in found:
        found["schedules"] = [make(name, s) for name, s in found["schedules"]]
    for key in ("boundaries_and_scales",):
        if key in found:
            found[key] = {int(at): scale for at, scale in found[key].items()}
    return found


DRIVERS: dict[str, Callable[[Case], list[list[float]]]] = {
    "hf": _hf,
    "timm": _timm,
    "optax": _optax,
    "keras": _keras,
    "deepspeed": _deepspeed,
    "megatron": _megatron,
}


# ---- étude's side of a case


def ours(library: str, case: Case) -> list[list[float]]:
    """Give étude's rates for a case: each group's peak times its imported schedule."""
    curves = [imported(library, case, group) for group in range(len(case["lrs"]))]
    peaks = [
        found.peak_lr if found.peak_lr is not None else lr
        for found, lr in zip(curves, case["lrs"], strict=True)
    ]
    return [
        [peak * found.schedule(t) for peak, found in zip(peaks, curves, strict=True)]
        for t in range(case["updates"])
    ]


def imported(library: str, case: Case, group: int = 0) -> Any:
    """Import a case's settings for one param group."""
    readers = LIBRARIES[library].readers
    settings = _nested(case["settings"], lambda name, s: readers[name](**s))
    if library == "timm":
        settings["lr"] = case["lrs"][group]
    elif library == "hf" and case["name"] in HF_MINIMA:
        settings["lr"] = case["lrs"][0]  # the optimizer's own lr, whatever the group's
    elif library == "megatron":
        settings["max_lr"] = case["lrs"][group]
    elif library == "deepspeed":
        settings = {k: v[group] if isinstance(v, list) else v for k, v in settings.items()}
    takes_updates = "updates" in _parameters(readers[case["name"]])
    more = {"updates": case["updates"]} if takes_updates else {}
    return readers[case["name"]](**settings, **more)


HF_MINIMA = {"polynomial", "cosine_with_min_lr", "cosine_warmup_with_min_lr"}


def _parameters(function: Callable[..., Any]) -> list[str]:
    import inspect

    return list(inspect.signature(function).parameters)


def worst(library: str, case: Case, values: list[list[float]]) -> float:
    """Give by how much étude's rates miss, in units of what is allowed; at most 1 is right."""
    peak = max(map(max, values)) or 1.0
    return max(
        abs(a - b) / (RTOL * abs(b) + ATOL * peak)
        for left, right in zip(ours(library, case), values, strict=True)
        for a, b in zip(left, right, strict=True)
    )


def golden() -> dict[str, Any]:
    """Give the golden file: per library its version, and its cases with their values."""
    found: dict[str, Any] = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    for library, package in PACKAGES.items():
        if not installed(library):
            print(f"{package} is not installed: {library} keeps its old values")
            continue
        many = []
        for case in cases(library, CASES):
            values = drive(library, case)
            many.append(case | {"values": [[float(f"{v:.12g}") for v in row] for row in values]})
        version = importlib.metadata.version(package)
        found[library] = {"package": package, "version": version, "cases": many}
    return found


def main() -> None:
    """Write the golden file, or compare with many random settings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sweep", type=int, metavar="N", help="compare N settings per scheduler")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.sweep:
        head = '{"regenerate": "python bench/conventions.py",\n'
        parts = [f"{json.dumps(k)}: {_lines(v)}" for k, v in golden().items() if k in PACKAGES]
        GOLDEN.write_text(head + ",\n".join(parts) + "}\n")
        return
    for library in filter(installed, PACKAGES):
        counts: dict[str, list[float]] = {}
        for case in cases(library, arguments.sweep, arguments.seed):
            missed = worst(library, case, drive(library, case))
            counts.setdefault(case["name"], []).append(missed)
            if missed > 1:
                print("WRONG", library, case, f"{missed:.3g}")
        version = importlib.metadata.version(PACKAGES[library])
        for name, many in counts.items():
            right = sum(miss <= 1 for miss in many)
            print(f"{library:9} {version:8} {name:34} {right} of {len(many)} equal")


def _lines(library: dict[str, Any]) -> str:
    """Write a library with one case a line, so that a change shows as one."""
    head = json.dumps({k: v for k, v in library.items() if k != "cases"})[:-1]
    many = ",\n  ".join(json.dumps(case, separators=(",", ":")) for case in library["cases"])
    return f'{head}, "cases": [\n  {many}\n]}}'


if __name__ == "__main__":
    main()
