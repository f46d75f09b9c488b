"""The optimizers of `torch.optim` that étude knows, as data: their names, options and checks.

The maths stays torch's own. This table says which options a strategy may set, under which short
name they appear in its text form, and what a sensible value is.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etude.errors import StrategyError

if TYPE_CHECKING:
    from torch import nn, optim

    from etude.strategies.strategy import Strategy

Value = float | bool | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of an optimizer: how it is written, and what its value must be."""

    name: str
    """Name in the text form."""
    keyword: str
    """Name in `torch.optim`."""
    default: Value
    """What torch uses when the option is not given."""
    must: str
    """What must hold, in words."""
    holds: Callable[[Any], bool]

    def check(self, value: Value) -> Value:
        """Give the value as a plain Python one.

        Raises:
            StrategyError: when it is not what the option needs.
        """
        plain = _plain(value)
        if not self.holds(plain):
            raise StrategyError(f"{self.name} must be {self.must}, got {self.name}={value}")
        return plain


@dataclass(frozen=True, slots=True)
class Family:
    """One class of `torch.optim`."""

    name: str
    class_name: str
    options: tuple[Option, ...]

    def option(self, name: str) -> Option:
        """Give the option of that name.

        Raises:
            StrategyError: when the optimizer has none of that name.
        """
        for option in self.options:
            if name in (option.name, option.keyword):
                return option
        known = ", ".join(["lr", *(option.name for option in self.options), "batch", "clip"])
        raise StrategyError(f"{self.name} has no option {name!r}; it takes {known}")


def _plain(value: Any) -> Any:
    """Turn numpy numbers and lists into Python's own, so that equal strategies compare equal."""
    if isinstance(value, (list, tuple)):
        return tuple(float(item) for item in value)
    if isinstance(value, (bool, str)):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _at_least_zero(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _share(value: Any) -> bool:
    return _is_number(value) and 0 <= value < 1


def _two_shares(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_share, value))  # noqa: PLR2004 - beta1 and beta2


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _decay(default: float = 0.0) -> Option:
    return Option("wd", "weight_decay", default, "a finite number >= 0", _at_least_zero)


_MOMENTUM = Option("momentum", "momentum", 0.0, "in [0, 1)", _share)
_NESTEROV = Option("nesterov", "nesterov", default=False, must="true or false", holds=_flag)
_BETAS = Option("betas", "betas", (0.9, 0.999), "two numbers in [0, 1)", _two_shares)
_AMSGRAD = Option("amsgrad", "amsgrad", default=False, must="true or false", holds=_flag)
_ALPHA = Option("alpha", "alpha", 0.99, "in [0, 1)", _share)


def _eps(default: float) -> Option:
    return Option("eps", "eps", default, "a finite number >= 0", _at_least_zero)


OPTIMIZERS: dict[str, Family] = {
    family.name: family
    for family in (
        Family("sgd", "SGD", (_MOMENTUM, _NESTEROV, _decay())),
        Family("adam", "Adam", (_BETAS, _AMSGRAD, _eps(1e-8), _decay())),
        Family("adamw", "AdamW", (_BETAS, _AMSGRAD, _eps(1e-8), _decay(0.01))),
        Family("rmsprop", "RMSprop", (_ALPHA, _MOMENTUM, _eps(1e-8), _decay())),
        Family("adagrad", "Adagrad", (_eps(1e-10), _decay())),
    )
}
"""The optimizers by their names in a strategy's text."""


def build_optimizer(
    strategy: "Strategy", parameters: "Iterable[nn.Parameter]"
) -> "optim.Optimizer":
    """Build the `torch.optim` optimizer of a strategy, its lr at the peak."""
    import torch

    family = OPTIMIZERS[strategy.optimizer]
    optimizer = getattr(torch.optim, family.class_name)
    return optimizer(parameters, lr=strategy.peak_lr, **strategy.torch_options)
