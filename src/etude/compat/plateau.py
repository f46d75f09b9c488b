"""The drop-in class that reacts to a metric."""

from collections.abc import Mapping
from typing import Any, Literal, SupportsFloat

from torch.optim import Optimizer, lr_scheduler

from etude.compat.closed_form import ClosedForm
from etude.compat.sharing import set_lr, shared_by
from etude.controllers.base import improves


class ReduceLROnPlateau(ClosedForm, lr_scheduler.ReduceLROnPlateau):
    """Lower the lr when a metric stops improving: torch's ReduceLROnPlateau.

    Better is better for negative metrics too, and nan or infinity never is. Its reductions are
    multipliers, which other schedulers on the optimizer do not overwrite. Where there is none, the
    lr is only touched when it is lowered, so that it may also be set by hand.

    Attributes:
        factors: What each group's lr is multiplied by, of all reductions so far.
    """

    reactive = True

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(
            optimizer, mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps
        )
        self.base_lrs, self.factors, self._step_count = [], [], 1
        for group in optimizer.param_groups:
            self.adopt(group)
        self._attach()

    def adopt(self, group: dict[str, Any]) -> None:
        """Take in a group that was added to the optimizer."""
        super().adopt(group)
        self.factors.append(1.0)

    def lr_at(self, t: float) -> list[float]:  # noqa: ARG002 - it depends on the metric only
        """Give each group's peak times its reductions so far."""
        return [
            float(peak) * factor for peak, factor in zip(self.base_lrs, self.factors, strict=True)
        ]

    def multipliers_at(self, t: float) -> list[float]:  # noqa: ARG002
        """Give each group's reductions so far."""
        return list(self.factors)

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take in a metric, and lower the lr when it has not improved for too long."""
        lr_scheduler.ReduceLROnPlateau.step(self, metrics, epoch)

    def _is_better(self, a: float, best: float) -> bool:
        known = None if best in (float("inf"), -float("inf")) else best
        return improves(
            a, known, mode=self.mode, threshold=self.threshold, scale=self.threshold_mode
        )

    def _reduce_lr(self, epoch: int) -> None:
        shared = shared_by(self.optimizer)
        shared.take_in_new_groups(self.optimizer)
        super()._reduce_lr(epoch)
        self._take_factors_from_lrs()

    def _take_factors_from_lrs(self) -> None:
        """Let the reductions be what makes the lrs of now from those of the others."""
        others = shared_by(self.optimizer).lrs(self.optimizer, without=self) or self.base_lrs
        for i, (group, other) in enumerate(zip(self.optimizer.param_groups, others, strict=True)):
            if other:
                self.factors[i] = float(group["lr"]) / float(other)

    def _restore(self, state: Mapping[str, Any]) -> None:
        if not {"best", "num_bad_epochs", "cooldown_counter"} <= set(state):
            raise ValueError(
                f"the state must be one of a ReduceLROnPlateau, got the keys {sorted(state)}"
            )
        super()._restore(state)
        for name in ("best", "num_bad_epochs", "cooldown_counter"):
            setattr(self, name, state[name])
        if "factors" not in state:  # a state of torch's: the lr in the optimizer is all there is
            self._take_factors_from_lrs()
            return
        self.factors = list(state["factors"])
        if all(other.reactive for other in shared_by(self.optimizer).alive):
            for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                set_lr(group, float(lr))

    def _changed(self, state: Mapping[str, Any]) -> list[str]:
        moving = {"best", "num_bad_epochs", "cooldown_counter", "factors"}
        return super()._changed({key: state[key] for key in state if key not in moving})
