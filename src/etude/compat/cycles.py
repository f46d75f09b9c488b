"""The drop-in classes that rise again, and may move momentum the other way."""

import math
import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

from torch.optim import Optimizer, lr_scheduler

from etude.compat.closed_form import ClosedForm, common
from etude.compat.shapes import restore_function, saved_function
from etude.schedules.cycles import cyclic_at, one_cycle_at
from etude.schedules.shapes import cosine_at

Lrs = float | list[float]


class CosineAnnealingWarmRestarts(ClosedForm, lr_scheduler.CosineAnnealingWarmRestarts):
    """Fall along half a cosine and restart: torch's class, its cycles counted and not logged."""

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,  # noqa: N803 - torch's names
        T_mult: int = 1,  # noqa: N803
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        super().__init__(optimizer, whole(T_0), whole(T_mult), eta_min, last_epoch)

    @property
    def position(self) -> float:
        """Where in the schedule the next update is, with the fraction of `step(epoch)`."""
        return self.last_epoch + self.T_cur % 1

    def step(self, epoch: float | None = None) -> None:
        """Go on by one, or to `epoch`, which may have a fraction (epoch + batch/batches).

        Raises:
            ValueError: epoch is negative.
        """
        if epoch is not None and epoch < 0:
            raise ValueError(f"epoch must be >= 0, got {epoch}")
        self._advance(epoch)

    def _move(self, t: float) -> None:
        self.last_epoch = math.floor(t)
        self.T_cur, self.T_i = self._cycle(t)  # pyright: ignore[reportAttributeAccessIssue]

    def _cycle(self, t: float) -> tuple[float, int]:
        """Give the updates since the last restart, and its cycle's length."""
        if self.T_mult == 1:
            return t % self.T_0, self.T_0
        size = self.T_0
        while t >= size:
            t -= size
            size *= self.T_mult
        return t, size

    def lr_at(self, t: float) -> list[float]:
        """Give eta_min + (peak - eta_min) (1 + cos(pi x)) / 2, at x of the cycle."""
        height = cosine_at(*self._cycle(t), 0.0)
        return [self.eta_min + (peak - self.eta_min) * height for peak in self.base_lrs]  # pyright: ignore[reportReturnType]

    def _restore(self, state: Mapping[str, Any]) -> None:
        super()._restore(state)
        self._move(state["last_epoch"] + state.get("T_cur", 0) % 1)

    def _changed(self, state: Mapping[str, Any]) -> list[str]:
        moving = {"T_cur", "T_i"}
        return super()._changed({key: state[key] for key in state if key not in moving})


class _WithMomentum(ClosedForm):
    """A cycle that moves momentum (or beta1) the other way, when it is asked to."""

    absolute = True
    cycle_momentum: bool
    base_momentums: list[float]
    max_momentums: list[float]

    def height_at(self, t: float) -> float:
        """Give how far up the way from the lower to the upper lr update t is."""
        raise NotImplementedError

    def write_momentum(self) -> None:
        """Set momentum to max - (max - base) height, where that was asked for."""
        if not self.cycle_momentum:
            return
        height = self.height_at(self.position)
        bounds = zip(self.base_momentums, self.max_momentums, strict=True)
        for group, (low, high) in zip(self.optimizer.param_groups, bounds, strict=True):
            momentum = high - (high - low) * height
            if "betas" in self.optimizer.defaults:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum

    def adopt(self, group: dict[str, Any]) -> None:
        """Take in an added group with what all others have."""
        if self.cycle_momentum:
            for name in ("base_momentums", "max_momentums"):
                values = getattr(self, name)
                if len(values) <= len(self.base_lrs):
                    values.append(common(name, values))
        group["initial_lr"] = self.base_lrs[0]
        super().adopt(group)


class CyclicLR(_WithMomentum, lr_scheduler.CyclicLR):
    """Go up and down between two lrs: torch's CyclicLR; momentum only when asked."""

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Lrs,
        max_lr: Lrs,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        cycle_momentum: bool | None = None,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        asked = asked_for_momentum(self, optimizer, cycle_momentum)
        super().__init__(
            optimizer,
            base_lr,
            max_lr,
            step_size_up,
            step_size_down,
            mode,
            gamma,
            scale_fn,
            scale_mode,
            asked,
            base_momentum,
            max_momentum,
            last_epoch,
        )
        self.base_lrs = [float(lr) for lr in self.base_lrs]
        self.max_lrs = [float(lr) for lr in self.max_lrs]
        self._write()

    def height_at(self, t: float) -> float:
        """Give the triangle's height times its scale, both as in `etude.cyclic`."""
        up = self.step_ratio * self.total_size
        ways = {"up": up, "down": self.total_size - up, "low": 0.0}
        if self._scale_fn_custom is None:
            return cyclic_at(t, **ways, mode=self.mode, gamma=self.gamma)
        cycle = math.floor(1 + t / self.total_size)
        scale = self._scale_fn_custom(cycle if self.scale_mode == "cycle" else t)
        return cyclic_at(t, **ways, mode="triangular", gamma=1.0) * scale

    def lr_at(self, t: float) -> list[float]:
        """Give base_lr + (max_lr - base_lr) height."""
        height = self.height_at(t)
        ends = zip(self.base_lrs, self.max_lrs, strict=True)
        return [float(low + (high - low) * height) for low, high in ends]

    def adopt(self, group: dict[str, Any]) -> None:
        """Take in an added group between the lrs that all others have."""
        if len(self.max_lrs) <= len(self.base_lrs):
            self.max_lrs.append(common("max_lrs", self.max_lrs))
        if len(set(self.base_lrs)) > 1:
            common("base_lrs", self.base_lrs)
        super().adopt(group)

    def _kept(self) -> dict[str, Any]:
        kept = {key: value for key, value in super()._kept().items() if key != "_scale_fn_ref"}
        function = self._scale_fn_custom
        return kept | {"_scale_fn_custom": None if function is None else saved_function(function)}

    def _restore(self, state: Mapping[str, Any]) -> None:
        if self._scale_fn_custom is not None:
            restore_function(self._scale_fn_custom, state.get("_scale_fn_custom"))
        super()._restore(state)


class OneCycleLR(_WithMomentum, lr_scheduler.OneCycleLR):
    """Rise once and fall once: torch's OneCycleLR; momentum only when asked.

    Update total_steps - 1 has the last lr, and it stays there. A phase of no length is skipped.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Lrs,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool | None = None,
        base_momentum: Lrs = 0.85,
        max_momentum: Lrs = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        asked = asked_for_momentum(self, optimizer, cycle_momentum)
        self.pct_start, self.three_phase = pct_start, three_phase
        super().__init__(
            optimizer,
            max_lr,
            whole(total_steps),
            whole(epochs),
            whole(steps_per_epoch),
            pct_start,
            anneal_strategy,
            asked,
            base_momentum,
            max_momentum,
            div_factor,
            final_div_factor,
            three_phase,
            last_epoch,
        )

    def _initial_step(self) -> None:
        groups = self.optimizer.param_groups
        self.max_lrs = [float(group["max_lr"]) for group in groups]
        self.min_lrs = [float(group["min_lr"]) for group in groups]
        if self.cycle_momentum:
            self.base_momentums = [group["base_momentum"] for group in groups]
            self.max_momentums = [group["max_momentum"] for group in groups]
        super()._initial_step()

    def height_at(self, t: float) -> float:
        """Give the height over 0 at both ends, 1 at the peak."""
        return self._cycle(t, start=0.0, end=0.0)

    def _cycle(self, t: float, *, start: float, end: float) -> float:
        return one_cycle_at(
            min(t, self.total_steps - 1),
            length=self.total_steps,
            up=self.pct_start,
            start=start,
            end=end,
            shape="cosine" if self._anneal_func_type == "cos" else "linear",
            three_phase=self.three_phase,
        )

    def lr_at(self, t: float) -> list[float]:
        """Give each group's lr at update t; after the last one it holds."""
        ends = zip(self.base_lrs, self.max_lrs, self.min_lrs, strict=True)
        return [
            peak * self._cycle(t, start=float(start) / peak, end=end / peak) if peak else 0.0
            for start, peak, end in ends
        ]

    def _move(self, t: float) -> None:
        if t > self.total_steps:
            raise ValueError(
                f"Tried to step {t} times: OneCycleLR must not be stepped more often than its "
                f"total_steps={self.total_steps}; give it the run's whole length"
            )
        super()._move(t)

    def adopt(self, group: dict[str, Any]) -> None:
        """Take in an added group between the lrs that all others have."""
        for name in ("max_lrs", "min_lrs"):
            values = getattr(self, name)
            if len(values) <= len(self.base_lrs):
                values.append(common(name, values))
        super().adopt(group)


def asked_for_momentum(scheduler: ClosedForm, optimizer: Optimizer, given: bool | None) -> bool:
    """Say whether momentum is to be cycled; when the user did not say, no, and that is told.

    torch cycles it unless told not to, and overwrites what the user set.
    """
    has_one = {"momentum", "betas"} & set(getattr(optimizer, "defaults", {}))
    if given is None and has_one:
        warnings.warn(
            f"{type(scheduler).__name__} leaves momentum and betas as they are, where torch's "
            "overwrites them; give cycle_momentum=True to cycle them, or False to say no",
            UserWarning,
            stacklevel=3,
        )
    return bool(given)


def whole(value: Any) -> Any:
    """Give an int for any whole number, such as numpy's; others as they are, for torch to judge."""
    try:
        return operator.index(value)
    except TypeError:
        return value
