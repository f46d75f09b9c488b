"""The drop-in classes that are one curve: their closed forms are the rules of `etude.schedules`.

Each is a subclass of torch's class of that name, whose constructor and attributes it keeps.
"""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch.optim import Optimizer, lr_scheduler

from etude.compat.closed_form import ClosedForm, Multiplier, common
from etude.schedules.shapes import cosine_at, exponential_at, linear_at, polynomial_at
from etude.schedules.staircases import multistep_at, step_at


class StepLR(Multiplier, lr_scheduler.StepLR):
    """Multiply by gamma every step_size updates: torch's StepLR in closed form."""

    def multiplier(self, t: float) -> float:
        """Give gamma**floor(t/step_size)."""
        return step_at(t, self.step_size, self.gamma)


class MultiStepLR(Multiplier, lr_scheduler.MultiStepLR):
    """Multiply by gamma at each milestone: torch's MultiStepLR in closed form."""

    def multiplier(self, t: float) -> float:
        """Give gamma**(number of milestones <= t)."""
        return multistep_at(t, tuple(self.milestones.elements()), self.gamma)


class ConstantLR(Multiplier, lr_scheduler.ConstantLR):
    """Multiply by factor for total_iters updates: torch's ConstantLR in closed form."""

    def multiplier(self, t: float) -> float:
        """Give factor before total_iters, then 1."""
        return self.factor if t < self.total_iters else 1.0


class LinearLR(Multiplier, lr_scheduler.LinearLR):
    """Go from start_factor to end_factor along a line: torch's LinearLR in closed form.

    start_factor may be 0, which torch's recursion cannot leave.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        for name, factor in {"start_factor": start_factor, "end_factor": end_factor}.items():
            if not 0 <= factor <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {factor!r}")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        lr_scheduler.LRScheduler.__init__(self, optimizer, last_epoch)  # not LinearLR's checks

    def multiplier(self, t: float) -> float:
        """Give start_factor (1 - x) + end_factor x, with x = t/total_iters, at most 1."""
        if t >= self.total_iters:
            return self.end_factor
        return linear_at(t, self.total_iters, self.start_factor, self.end_factor)


class ExponentialLR(Multiplier, lr_scheduler.ExponentialLR):
    """Multiply by gamma at every update: torch's ExponentialLR in closed form."""

    def multiplier(self, t: float) -> float:
        """Give gamma**t."""
        return exponential_at(t, self.gamma, 1)


class PolynomialLR(Multiplier, lr_scheduler.PolynomialLR):
    """Fall to 0 as a power of the time left: torch's PolynomialLR in closed form."""

    def multiplier(self, t: float) -> float:
        """Give (1 - t/total_iters)**power, and 0 from total_iters on."""
        if t >= self.total_iters:
            return 0.0
        return polynomial_at(t, self.total_iters, self.power, 1.0, 0.0)


class CosineAnnealingLR(ClosedForm, lr_scheduler.CosineAnnealingLR):
    """Fall to eta_min along half a cosine, and stay: torch's CosineAnnealingLR climbs again."""

    def lr_at(self, t: float) -> list[float]:
        """Give eta_min + (peak - eta_min) (1 + cos(pi t/T_max)) / 2, and eta_min from T_max on."""
        height = cosine_at(t, self.T_max, 0.0) if t < self.T_max else 0.0
        return [self.eta_min + (peak - self.eta_min) * height for peak in self.base_lrs]  # pyright: ignore[reportReturnType]


class _Functions(ClosedForm):
    """A scheduler that asks the user's functions, one for each group.

    The state names the functions and keeps their last values, so that a load can tell when the
    function is another one. Callable objects are saved and restored by their `__dict__`.
    """

    lr_lambdas: list[Callable[[int], float]]

    def factors_at(self, t: float) -> list[float]:
        """Give each group's multiplier at update t."""
        raise NotImplementedError

    def lr_at(self, t: float) -> list[float]:
        """Give each group's peak times its multiplier at update t."""
        factors = self.factors_at(t)
        return [peak * factor for peak, factor in zip(self.base_lrs, factors, strict=True)]  # pyright: ignore[reportReturnType]

    def multipliers_at(self, t: float) -> list[float]:
        """Give each group's multiplier at update t."""
        return self.factors_at(t)

    def adopt(self, group: dict[str, Any]) -> None:
        """Take in an added group under the function that all others have."""
        if len(self.lr_lambdas) <= len(self.base_lrs):
            self.lr_lambdas.append(common("lr_lambdas", self.lr_lambdas))
        super().adopt(group)

    def _kept(self) -> dict[str, Any]:
        return super()._kept() | {
            "lr_lambdas": [saved_function(function) for function in self.lr_lambdas],
            "_factors": self.factors_at(self.position),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        for function, saved in zip(self.lr_lambdas, state.get("lr_lambdas", []), strict=False):
            restore_function(function, saved)
        super()._restore(state)

    def _changed(self, state: Mapping[str, Any]) -> list[str]:
        names = [saved_function(function) for function in self.lr_lambdas]
        pairs = zip(names, state.get("lr_lambdas", []), strict=False)
        changed = [f"{mine} (saved {saved})" for mine, saved in pairs if _renamed(mine, saved)]
        now, then = self.factors_at(self.position), state.get("_factors")
        if not changed and then is not None and then != now:
            changed = [f"functions that give {now} at update {self.position} (saved: {then})"]
        return changed


class LambdaLR(_Functions, lr_scheduler.LambdaLR):
    """Multiply each group's peak by a function of the update: torch's LambdaLR."""

    def factors_at(self, t: float) -> list[float]:
        """Give each group's function's value at t."""
        return [function(t) for function in self.lr_lambdas]  # pyright: ignore[reportArgumentType]


class MultiplicativeLR(_Functions, lr_scheduler.MultiplicativeLR):
    """Multiply by a function's value at every update: torch's MultiplicativeLR in closed form."""

    def factors_at(self, t: float) -> list[float]:
        """Give the product of each group's function's values at 1, 2, ... t."""
        return [self._grown(i, int(t)) for i in range(len(self.lr_lambdas))]

    def _grown(self, group: int, t: int) -> float:
        """Give one group's product; what was multiplied last time is not multiplied again."""
        known: dict[int, tuple[int, float]] = self.__dict__.setdefault("_products", {})
        done, value = known.get(group, (0, 1.0))
        if done > t:
            done, value = 0, 1.0
        for k in range(done + 1, t + 1):
            value *= self.lr_lambdas[group](k)
        known[group] = (t, value)
        return value

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.__dict__.pop("_products", None)  # of a callable object as it was
        super()._restore(state)

    def _kept(self) -> dict[str, Any]:
        return {key: value for key, value in super()._kept().items() if key != "_products"}


def saved_function(function: Callable[..., Any]) -> Any:
    """Give what a state keeps of a function: its name and options, or an object's contents."""
    if isinstance(function, partial):
        given = [repr(value) for value in function.args]
        given += [f"{key}={value!r}" for key, value in sorted(function.keywords.items())]
        return f"{saved_function(function.func)}({', '.join(given)})"
    if hasattr(function, "__qualname__"):
        return f"{function.__module__}.{function.__qualname__}"
    return dict(function.__dict__)


def restore_function(function: Callable[..., Any], saved: Any) -> None:
    """Give a callable object back its saved contents; functions have none."""
    if isinstance(saved, Mapping) and not isinstance(saved_function(function), str):
        function.__dict__.update(copy.deepcopy(dict(saved)))


def _renamed(mine: Any, saved: Any) -> bool:
    """Say whether both are names, and different; torch's own states keep none."""
    return isinstance(mine, str) and isinstance(saved, str) and mine != saved
