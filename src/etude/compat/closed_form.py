"""What all drop-in classes share: the lr is a function of the update, not of the last lr.

torch computes most lrs from the lr of the update before. Whatever disturbs that one value (an
order of loading, a scheduler inside another, a step too many) stays wrong for the rest of the run.
Here every write computes each group's lr anew from its peak and the update's index.
"""

import copy
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import EPOCH_DEPRECATION_WARNING, LRScheduler

from etude.compat.sharing import shared_by

_NOT_SAVED = {"optimizer", "_updates", "_owned"}
_MOVES = {"last_epoch", "base_lrs"}
"""What a load brings back; all else are settings, and those of the new object count."""


class ClosedForm(LRScheduler):
    """A torch scheduler whose lrs are a function of the update's index.

    For a schedule of your own, define `_get_closed_form_lr()`: each group's lr from `base_lrs` and
    `last_epoch`. Stepping, resuming, composition and `lr_at` follow from it.

    Several on one optimizer multiply: each group has its peak times all their multipliers.

    Attributes:
        base_lrs: Each group's peak, absolute.
        last_epoch: Index of the next update (or epoch, where it is stepped by epochs), from 0.
    """

    absolute = False
    """Whether it says the lr itself and not a multiple of the group's peak."""
    reactive = False
    """Whether it only answers to what it is told, and has no lr of its own for an update."""
    _owned = False
    _updates = 0

    def lr_at(self, t: float) -> list[float]:
        """Give each group's lr at update t by this scheduler alone; nothing moves."""
        kept, self.last_epoch = self.last_epoch, t  # pyright: ignore[reportAttributeAccessIssue]
        try:
            return [float(lr) for lr in self._get_closed_form_lr()]
        finally:
            self.last_epoch = kept

    def _get_closed_form_lr(self) -> list[Any]:
        # Those that define `lr_at` answer by it, as torch's own do; a user's defines this.
        if type(self).lr_at is ClosedForm.lr_at:
            raise NotImplementedError(
                f"{type(self).__name__} must define _get_closed_form_lr(): "
                "each group's lr from base_lrs and last_epoch"
            )
        return self.lr_at(self.position)

    def multipliers_at(self, t: float) -> list[float]:
        """Give what each group's lr is multiplied by at update t where another one leads."""
        lrs = zip(self.lr_at(t), self.base_lrs, strict=True)
        return [lr / float(peak) if peak else 1.0 for lr, peak in lrs]

    @property
    def position(self) -> float:
        """Where in the schedule the next update is: `last_epoch`, and for some a fraction."""
        return self.last_epoch

    def get_lr(self) -> list[float | Tensor]:
        """Give each group's lr as it is now: this is what the next update uses."""
        together = shared_by(self.optimizer).lrs(self.optimizer)
        return list(together or self.lr_at(self.position))

    def step(self, epoch: float | None = None) -> None:
        """Go on by one update (or epoch), or to `epoch`, which torch deprecates.

        A call after an update that a gradient scaler left out changes nothing. It is recognised
        by gradients that are not finite and no `optimizer.step()` since the last call.
        """
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        self._advance(epoch)

    def _advance(self, epoch: float | None) -> None:
        if epoch is None and self._update_was_left_out():
            return
        self._warn_of_wrong_order()
        self._move(self.position + 1 if epoch is None else epoch)
        self._step_count += 1
        self._write()

    def _initial_step(self) -> None:
        """Set the optimizer to the first update, or to the one after `last_epoch`."""
        self.base_lrs = [float(lr) for lr in self.base_lrs]
        self._step_count = 1
        self._attach()
        self._move(self.last_epoch + 1)
        self._write()

    def _attach(self) -> None:
        shared = shared_by(self.optimizer)
        self._updates = shared.updates
        if not self._owned:
            shared.add(self)

    def _owned_by_another(self) -> None:
        """Leave the writing to a scheduler that has this one as a part."""
        self._owned = True
        shared_by(self.optimizer).remove(self)

    def _move(self, t: float) -> None:
        self.last_epoch = t  # pyright: ignore[reportAttributeAccessIssue] - step(2.5) is torch's

    def _write(self) -> None:
        shared_by(self.optimizer).write(self.optimizer)
        self._last_lr = [
            group["lr"].clone() if isinstance(group["lr"], Tensor) else group["lr"]
            for group in self.optimizer.param_groups
        ]

    def write_momentum(self) -> None:
        """Set what else follows the schedule; nothing, unless a class was asked to."""

    def adopt(self, group: dict[str, Any]) -> None:
        """Take in a group that was added to the optimizer."""
        self.base_lrs.append(float(group.setdefault("initial_lr", float(group["lr"]))))

    def _update_was_left_out(self) -> bool:
        before, self._updates = self._updates, shared_by(self.optimizer).updates
        if before != self._updates:
            return False
        groups = self.optimizer.param_groups
        return any(_overflowed(weight) for group in groups for weight in group["params"])

    def _warn_of_wrong_order(self) -> None:
        called = shared_by(self.optimizer).updates or getattr(self.optimizer, "_opt_called", False)
        if self._step_count == 1 and not called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first lr "
                "of the schedule goes unused. Call `optimizer.step()` first.",
                UserWarning,
                stacklevel=4,
            )

    def state_dict(self) -> dict[str, Any]:
        """Give where the schedule is, and its settings; a copy."""
        return copy.deepcopy(self._kept())

    def _kept(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in _NOT_SAVED}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Go on where a state stopped, at once and in any order with the optimizer's own state.

        The state is only read. It may be torch's own of the same class. The settings are those
        that this object was built with; where the saved ones differ, a warning says so.

        Raises:
            ValueError: The state is another class's or has another number of param groups.
        """
        self._restore(state_dict)
        changed = self._changed(state_dict)
        if changed:
            warnings.warn(
                f"{type(self).__name__} goes on with its own settings where the state was saved "
                f"with others: {', '.join(changed)}",
                UserWarning,
                stacklevel=2,
            )
        self._write()

    def _restore(self, state: Mapping[str, Any]) -> None:
        if "last_epoch" not in state:
            raise ValueError(
                f"the state must be one of a {type(self).__name__}, got the keys {sorted(state)}"
            )
        if not self.absolute:
            self._restore_peaks(state)
        self._step_count = int(state["last_epoch"]) + 1
        self._move(state["last_epoch"])

    def _restore_peaks(self, state: Mapping[str, Any]) -> None:
        shared_by(self.optimizer).take_in_new_groups(self.optimizer)
        saved = [float(lr) for lr in state.get("base_lrs", self.base_lrs)]
        if len(saved) != len(self.base_lrs):
            raise ValueError(
                f"the state has {len(saved)} param groups, the optimizer {len(self.base_lrs)}; "
                "add the missing groups before loading"
            )
        self.base_lrs = list(saved)

    def _changed(self, state: Mapping[str, Any]) -> list[str]:
        """Say which settings differ from the saved ones."""
        mine = self._kept()
        shown = [key for key in mine if key not in _MOVES and not key.startswith("_")]
        return [
            f"{key}={mine[key]!r} (saved {state[key]!r})"
            for key in shown
            if key in state and _differ(mine[key], state[key])
        ]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up a copy's or a pickle's contents and its place at the optimizer."""
        self.__dict__.update(state)
        self._attach()


class Multiplier(ClosedForm):
    """A scheduler that is one multiplier of every group's peak."""

    def multiplier(self, t: float) -> float:
        """Give the multiplier of update t."""
        raise NotImplementedError

    def lr_at(self, t: float) -> list[float]:
        """Give each group's lr at update t by this scheduler alone."""
        multiplier = self.multiplier(t)
        return [peak * multiplier for peak in self.base_lrs]  # pyright: ignore[reportReturnType]

    def multipliers_at(self, t: float) -> list[float]:
        """Give the multiplier for each group."""
        return [self.multiplier(t)] * len(self.base_lrs)


def common(name: str, values: list[Any]) -> Any:
    """Give the one value that all groups have, for a group that was added later.

    Raises:
        ValueError: The groups have different ones.
    """
    if any(value is not values[0] and value != values[0] for value in values):
        raise ValueError(
            f"a param group was added, and the others have different {name}, so that its own is "
            f"not known; append it to the scheduler's {name} before the next step"
        )
    return values[0]


def _overflowed(weight: Tensor) -> bool:
    grad = weight.grad
    if grad is None:
        return False
    values = grad.coalesce().values() if grad.is_sparse else grad
    return not bool(torch.isfinite(values).all())


def _differ(mine: Any, saved: Any) -> bool:
    try:
        return bool(mine != saved)
    except (RuntimeError, ValueError):  # tensors of several elements have no one truth
        return False
