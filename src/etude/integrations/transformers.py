"""The schedules of transformers, read from the lambdas that they are made of.

`transformers.get_scheduler` gives torch's LambdaLR over a partial function; its name and its
settings say which schedule it is. transformers itself is not needed.
"""

from collections.abc import Callable
from functools import partial

from etude.schedules.conventions import Imported, hf

_HF: dict[str, Callable[..., Imported]] = {
    "_get_constant_schedule_with_warmup_lr_lambda": hf.constant_with_warmup,
    "_get_linear_schedule_with_warmup_lr_lambda": hf.linear_schedule,
    "_get_cosine_with_hard_restarts_schedule_with_warmup_lr_lambda": hf.cosine_with_restarts,
    "_get_polynomial_decay_schedule_with_warmup_lr_lambda": hf.polynomial_schedule,
    "_get_inverse_sqrt_schedule_lr_lambda": hf.inverse_sqrt_schedule,
    "_get_cosine_with_min_lr_schedule_with_warmup_lr_rate_lambda": hf.cosine_warmup_with_min_lr,
    "_get_wsd_scheduler_lambda": hf.warmup_stable_decay,
}


def of_lambda(rule: Callable[[int], float]) -> Imported | None:
    """Read a lambda of a LambdaLR; None where it is not one of transformers' own."""
    inner = rule.func if isinstance(rule, partial) else rule
    if not str(getattr(inner, "__module__", "")).startswith("transformers."):
        return None
    name: str = getattr(inner, "__name__", "")
    settings = dict(rule.keywords) if isinstance(rule, partial) else {}
    if name == "_get_constant_lambda":
        return hf.constant_schedule()
    if name == "_get_cosine_schedule_with_warmup_lr_lambda":
        low = settings.get("min_lr_rate", 0.0)
        read = hf.cosine_with_min_lr if low else hf.cosine_schedule
        return read(**{k: v for k, v in settings.items() if k != "min_lr_rate" or low})
    if "lr_init" in settings:
        settings["lr"] = settings.pop("lr_init")
    return _HF[name](**settings) if name in _HF else None
