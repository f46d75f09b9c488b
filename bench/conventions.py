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
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

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
Case = dict[str, Any]
"""{library, name, settings, lrs, updates, values}: settings as the library takes them, lrs of the
param groups, values [updates, groups] that the optimizer had at each update."""


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

    jax.config.update("jax_enable_x64", True)
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


# ---- cases: random settings, the same for the same seed


def cases(library: str, count: int, seed: int = 0) -> Iterator[Case]:
    """Draw so many settings of every scheduler of a library, driven well past their end."""
    draws = SETTINGS[library]
    for name, draw in draws.items():
        dice = random.Random(f"{library} {name} {seed}")
        for _ in range(count):
            lrs = [dice.choice([1.0, 0.3, 3e-4]), dice.choice([0.1, 2e-3])]
            settings, end = draw(dice, lrs)
            one_group = library in {"optax", "keras"}
            yield {
                "name": name,
                "settings": settings,
                "lrs": lrs[:1] if one_group else lrs,
                "updates": int(end * 1.5) + 4,
            }


def _hf_settings(name: str) -> Callable[[random.Random, list[float]], tuple[dict[str, Any], int]]:
    def draw(dice: random.Random, lrs: list[float]) -> tuple[dict[str, Any], int]:
        warm, total = dice.choice([0, 1, 2, 3, 7]), dice.randint(8, 40)
        settings: dict[str, Any] = {"num_warmup_steps": warm, "num_training_steps": total}
        if name == "constant":
            settings = {}
        if name in {"constant_with_warmup", "inverse_sqrt"}:
            del settings["num_training_steps"]
        if name == "inverse_sqrt" and (warm == 0 or dice.random() < 0.5):
            settings["timescale"] = dice.randint(max(warm, 1), 30)
        if "cosine" in name:
            settings["num_cycles"] = dice.choice([0.5, 1, 2, 0.7, 3])
        if name == "polynomial":
            settings |= {"lr_end": dice.choice([1e-7, 0.1 * lrs[0]]), "power": dice.choice([1, 2, 0.5])}
        if "min_lr" in name:
            absolute = {"min_lr": dice.choice([0, 0.2]) * lrs[0]}
            settings |= dice.choice([absolute, {"min_lr_rate": 0.1}])
        if name == "cosine_warmup_with_min_lr":
            settings["warmup_lr_rate"] = dice.choice([None, 0.05, 0.5])
        if name == "warmup_stable_decay":
            settings |= {
                "num_decay_steps": dice.choice([0, 1, 5]) if warm < 3 else 1,
                "warmup_type": dice.choice(["linear", "cosine", "1-sqrt"]),
                "decay_type": dice.choice(["linear", "cosine", "1-sqrt"]),
                "min_lr_ratio": dice.choice([0, 0.1]),
                "num_cycles": dice.choice([0.5, 0.5, 1.5]),
            }
        return settings, total

    return draw


def _timm_settings(name: str) -> Callable[[random.Random, list[float]], tuple[dict[str, Any], int]]:
    def draw(dice: random.Random, lrs: list[float]) -> tuple[dict[str, Any], int]:
        total = dice.randint(8, 30)
        settings: dict[str, Any] = {
            "warmup_t": dice.choice([0, 1, 3, 5]),
            "warmup_lr_init": dice.choice([0, 0.05]) * min(lrs),
        }
        if name != "wsd":
            settings["warmup_prefix"] = dice.random() < 0.5
        if name in {"cosine", "tanh", "poly"}:
            settings |= {
                "t_initial": total,
                "lr_min": dice.choice([0, 0.01]) * min(lrs),
                "cycle_mul": dice.choice([1, 1, 2, 1.5, 3]),
                "cycle_decay": dice.choice([1, 0.5]),
                "cycle_limit": dice.choice([1, 2, 3]),
            }
        if name in {"cosine", "poly"}:
            settings["k_decay"] = dice.choice([1, 1, 0.8, 2])
        if name == "poly":
            settings["power"] = dice.choice([0.5, 1, 2])
        if name == "tanh":
            settings |= {"lb": dice.choice([-7, -3.0]), "ub": dice.choice([3, 4.0])}
        if name == "step":
            settings |= {"decay_t": dice.randint(1, 9), "decay_rate": dice.choice([0.1, 0.7, 1, 1.1])}
        if name == "multistep":
            at = sorted(dice.sample(range(1, total), 3))
            settings |= {"decay_t": at, "decay_rate": dice.choice([0.1, 0.5])}
        if name == "wsd":
            settings |= {
                "t_initial": total,
                "decay_t": dice.choice([1, 5, total]),
                "lr_min": dice.choice([0, 0.02]) * min(lrs),
                "stable_fn": dice.choice(["constant", "rsqrt", "power"]),
                "stable_timescale": 6,
                "stable_power": dice.choice([0.3, 1]),
                "decay_fn": dice.choice(["linear", "1-sqrt", "cosine", "power", "exp"]),
                "decay_power": dice.choice([0.5, 2]),
                "decay_ratio": dice.choice([0.1, 0.5]),
            }
        return settings, settings["warmup_t"] + 3 * total

    return draw


def _optax_settings(name: str) -> Callable[[random.Random, list[float]], tuple[dict[str, Any], int]]:  # noqa: C901
    def cosine(dice: random.Random, peak: float) -> dict[str, Any]:
        return {
            "init_value": dice.choice([0, 0.2, 1.2]) * peak,
            "peak_value": peak,
            "warmup_steps": dice.choice([0, 1, 4]),
            "decay_steps": dice.randint(8, 20),
            "end_value": dice.choice([0, 0.1]) * peak,
            "exponent": dice.choice([1, 2, 0.5]),
        }

    def decay(dice: random.Random) -> dict[str, Any]:
        rate = dice.choice([0.5, 0.9, 1.1])
        return {
            "transition_steps": dice.randint(1, 8),
            "decay_rate": rate,
            "transition_begin": dice.choice([0, 3]),
            "staircase": dice.random() < 0.5,
        }

    def draw(dice: random.Random, lrs: list[float]) -> tuple[dict[str, Any], int]:
        peak, steps = lrs[0], dice.randint(8, 30)
        scales = {str(at): dice.choice([0.1, 0.5, 2, 0]) for at in sorted(dice.sample(range(1, 30), 3))}
        ends = {"init_value": peak, "end_value": dice.choice([0, 0.1, 2]) * peak}
        if dice.random() < 0.3:
            ends = {"init_value": 0.0, "end_value": peak}
        begin = {"transition_steps": steps, "transition_begin": dice.choice([0, 4])}
        one = {"transition_steps": steps, "peak_value": peak, "div_factor": dice.choice([25, 5])}
        half = dice.choice([{}, {"end_value": dice.choice([0.3, 1.3]) * peak}])
        settings: dict[str, Any] = {
            "constant_schedule": {"value": peak},
            "polynomial_schedule": ends | begin | {"power": dice.choice([0.5, 2, 1])},
            "linear_schedule": ends | begin,
            "piecewise_constant_schedule": {"init_value": peak, "boundaries_and_scales": scales},
            "piecewise_interpolate_schedule": {
                "interpolate_type": dice.choice(["linear", "cosine"]),
                "init_value": peak,
                "boundaries_and_scales": scales,
            },
            "exponential_decay": {"init_value": peak} | decay(dice) | half,
            "cosine_decay_schedule": {
                "init_value": peak,
                "decay_steps": steps,
                "alpha": dice.choice([0, 0.1]),
                "exponent": dice.choice([1, 2, 0.5]),
            },
            "linear_onecycle_schedule": one | {"pct_final": dice.choice([0.85, 0.7])},
            "cosine_onecycle_schedule": one | {"pct_start": dice.choice([0.3, 0.5])},
            "warmup_constant_schedule": {
                "init_value": dice.choice([0, 0.3]) * peak,
                "peak_value": peak,
                "warmup_steps": dice.choice([1, 5]),
            },
            "warmup_cosine_decay_schedule": cosine(dice, peak),
            "warmup_exponential_decay_schedule": {
                "init_value": dice.choice([0, 0.3]) * peak,
                "peak_value": peak,
                "warmup_steps": dice.choice([0, 4]),
            }
            | decay(dice)
            | half,
            "sgdr_schedule": {"cosine_kwargs": [cosine(dice, peak), cosine(dice, peak / 2)]},
            "join_schedules": {
                "schedules": [
                    ["linear_schedule", {"init_value": 0, "end_value": peak, "transition_steps": 9}],
                    ["cosine_decay_schedule", {"init_value": 2 * peak, "decay_steps": steps}],
                    ["constant_schedule", {"value": peak / 3}],
                ],
                "boundaries": [dice.randint(1, 9), dice.randint(10, 40)],
            },
        }[name]
        return settings, 40

    return draw


def _keras_settings(name: str) -> Callable[[random.Random, list[float]], tuple[dict[str, Any], int]]:
    def draw(dice: random.Random, lrs: list[float]) -> tuple[dict[str, Any], int]:
        rate, steps = {"initial_learning_rate": lrs[0]}, dice.randint(2, 20)
        stairs = {"staircase": dice.random() < 0.5}
        settings: dict[str, Any] = {
            "ExponentialDecay": rate
            | {"decay_steps": steps, "decay_rate": dice.choice([0.5, 0.9, 1.05])}
            | stairs,
            "PiecewiseConstantDecay": {
                "boundaries": sorted(dice.sample(range(1, 25), 2)),
                "values": [lrs[0], dice.choice([0.5, 2]) * lrs[0], 0.1 * lrs[0]],
            },
            "PolynomialDecay": rate
            | {
                "decay_steps": steps,
                "end_learning_rate": dice.choice([0, 0.1]) * lrs[0],
                "power": dice.choice([0.5, 1, 2]),
                "cycle": dice.random() < 0.5,
            },
            "InverseTimeDecay": rate
            | {"decay_steps": steps, "decay_rate": dice.choice([0.5, 2])}
            | stairs,
            "CosineDecay": {
                "initial_learning_rate": dice.choice([0, 0.1, 1.5]) * lrs[0],
                "decay_steps": steps,
                "alpha": dice.choice([0, 0.1]),
                "warmup_target": lrs[0],
                "warmup_steps": dice.choice([1, 4]),
            }
            if dice.random() < 0.7
            else rate | {"decay_steps": steps, "alpha": 0.05},
            "CosineDecayRestarts": rate
            | {
                "first_decay_steps": steps,
                "t_mul": dice.choice([1.0, 2.0, 1.5, 3.0]),
                "m_mul": dice.choice([1.0, 0.7]),
                "alpha": dice.choice([0, 0.1]),
            },
        }[name]
        return settings, 60

    return draw


def _deepspeed_settings(
    name: str,
) -> Callable[[random.Random, list[float]], tuple[dict[str, Any], int]]:
    def draw(dice: random.Random, lrs: list[float]) -> tuple[dict[str, Any], int]:
        warm, total = dice.choice([1, 2, 3, 8]), dice.randint(6, 30)
        rise: dict[str, Any] = {
            "warmup_num_steps": warm,
            "warmup_type": dice.choice(["log", "linear"]),
        }
        rates = {"warmup_min_lr": [dice.choice([0, 0.1]) * lr for lr in lrs], "warmup_max_lr": lrs}
        settings: dict[str, Any] = {
            "WarmupLR": rise | rates,
            "WarmupDecayLR": rise | rates | {"total_num_steps": total},
            "WarmupCosineLR": rise
            | {
                "total_num_steps": total,
                "warmup_min_ratio": dice.choice([0, 0.1]),
                "cos_min_ratio": dice.choice([0, 0.001]),
            },
            "LRRangeTest": {
                "lr_range_test_min_lr": lrs,
                "lr_range_test_step_size": dice.randint(1, 9),
                "lr_range_test_step_rate": dice.choice([1, 0.3]),
                "lr_range_test_staircase": dice.random() < 0.5,
            },
            "OneCycle": {
                "cycle_min_lr": [0.1 * lr for lr in lrs],
                "cycle_max_lr": lrs,
                "decay_lr_rate": dice.choice([0, 0.5]),
                "cycle_first_step_size": dice.randint(1, 12),
                "cycle_second_step_size": dice.choice([None, 1, 7]),
                "cycle_first_stair_count": dice.choice([0, 0, 3, 5]),
                "cycle_second_stair_count": dice.choice([None, 0, 4]),
                "decay_step_size": dice.choice([0, 5]),
            },
        }[name]
        return settings, total

    return draw


def _megatron_settings(
    name: str,
) -> Callable[[random.Random, list[float]], tuple[dict[str, Any], int]]:
    def draw(dice: random.Random, lrs: list[float]) -> tuple[dict[str, Any], int]:
        warm, total, size = dice.choice([0, 1, 4]), dice.randint(8, 40), dice.choice([1, 1, 16])
        low = dice.choice([0, 0.1]) * min(lrs)
        settings: dict[str, Any] = {
            "lr_decay_steps": total * size,
            "lr_warmup_steps": warm * size,
            "min_lr": low,
            "init_lr": dice.choice([0, low]),
            "increment": size,
        }
        if name == "WSD":
            settings |= {
                "wsd_decay_steps": dice.randint(1, total - warm) * size,
                "lr_wsd_decay_style": dice.choice(["linear", "cosine", "exponential", "minus_sqrt"]),
            }
        return settings, total

    return draw


def _draws(
    library: str, draw: Callable[[str], Callable[..., tuple[dict[str, Any], int]]]
) -> dict[str, Callable[..., tuple[dict[str, Any], int]]]:
    refused = {"plateau", "reduce_lr_on_plateau", "greedy"}
    own = {"keras": {"constant"}}.get(library, set())
    return {n: draw(n) for n in LIBRARIES[library].readers if n not in refused | own}


SETTINGS = {
    "hf": _draws("hf", _hf_settings),
    "timm": _draws("timm", _timm_settings),
    "optax": _draws("optax", _optax_settings),
    "keras": _draws("keras", _keras_settings),
    "deepspeed": _draws("deepspeed", _deepspeed_settings),
    "megatron": _draws("megatron", _megatron_settings),
}


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
