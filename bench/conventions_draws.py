"""Random settings of every scheduler that `conventions.py` compares, the same for the same seed."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from etude.schedules.conventions import LIBRARIES

Case = dict[str, Any]
"""{name, settings, lrs, updates, values}: settings as the library takes them, lrs of the param
groups, values [updates, groups] that the optimizer had at each update."""
Draw = Callable[[random.Random, list[float]], tuple[dict[str, Any], int]]
"""Draws settings and about where their schedule ends."""


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


def _hf_settings(name: str) -> Draw:
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
            settings |= {
                "lr_end": dice.choice([1e-7, 0.1 * lrs[0]]),
                "power": dice.choice([1, 2, 0.5]),
            }
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


def _timm_settings(name: str) -> Draw:
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
            settings |= {
                "decay_t": dice.randint(1, 9),
                "decay_rate": dice.choice([0.1, 0.7, 1, 1.1]),
            }
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


def _optax_settings(
    name: str,
) -> Draw:
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
        rate = dice.choice([0.5, 0.9, 1.1, 1.0])
        return {
            "transition_steps": dice.randint(1, 8),
            "decay_rate": rate,
            "transition_begin": dice.choice([0, 3]),
            "staircase": dice.random() < 0.5,
        }

    def draw(dice: random.Random, lrs: list[float]) -> tuple[dict[str, Any], int]:
        peak, steps = lrs[0], dice.randint(8, 30)
        scales = {
            str(at): dice.choice([0.1, 0.5, 2, 0]) for at in sorted(dice.sample(range(1, 30), 3))
        }
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
                    [
                        "linear_schedule",
                        {"init_value": 0, "end_value": peak, "transition_steps": 9},
                    ],
                    ["cosine_decay_schedule", {"init_value": 2 * peak, "decay_steps": steps}],
                    ["constant_schedule", {"value": peak / 3}],
                ],
                "boundaries": [dice.randint(1, 9), dice.randint(10, 40)],
            },
        }[name]
        return settings, 40

    return draw


def _keras_settings(
    name: str,
) -> Draw:
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
) -> Draw:
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
) -> Draw:
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
                "lr_wsd_decay_style": dice.choice(
                    ["linear", "cosine", "exponential", "minus_sqrt"]
                ),
            }
        return settings, total

    return draw


def _draws(library: str, draw: Callable[[str], Draw]) -> dict[str, Draw]:
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
