"""The drop-in classes that are made of others: one after another, and all at once."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from torch.optim import Optimizer, lr_scheduler

from etude.compat.closed_form import ClosedForm
from etude.compat.sharing import product


class _Composed(ClosedForm):
    """Schedulers that move together; only the whole writes."""

    _schedulers: Sequence[ClosedForm]

    def _initial_step(self) -> None:
        for part in self._schedulers:
            part._owned_by_another()  # noqa: SLF001 - parts are of the same family
        self.base_lrs = list(self._schedulers[0].base_lrs)
        super()._initial_step()

    @property
    def absolute(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether a part says the lr itself."""
        return any(part.absolute for part in self._schedulers)

    def adopt(self, group: dict[str, Any]) -> None:
        """Let each part take in an added group."""
        for part in self._schedulers:
            part.adopt(group)
        super().adopt(group)

    def _kept(self) -> dict[str, Any]:
        parts = [part.state_dict() for part in self._schedulers]
        return super()._kept() | {"_schedulers": parts}

    def _restore(self, state: Mapping[str, Any]) -> None:
        saved = state.get("_schedulers", ())
        if len(saved) != len(self._schedulers):
            raise ValueError(
                f"the state must be one of a {type(self).__name__} of {len(self._schedulers)} "
                f"schedulers, got one of {len(saved)}"
            )
        for part, each in zip(self._schedulers, saved, strict=True):
            part._restore(each)  # noqa: SLF001
        super()._restore({"last_epoch": saved[0]["last_epoch"], **state})

    def _changed(self, state: Mapping[str, Any]) -> list[str]:
        pairs = zip(self._schedulers, state["_schedulers"], strict=True)
        inside = [change for part, saved in pairs for change in part._changed(saved)]  # noqa: SLF001
        return super()._changed(state) + inside


class SequentialLR(_Composed, lr_scheduler.SequentialLR):
    """Run schedulers one after another, each from its own start: torch's SequentialLR.

    Where a part stands follows from `last_epoch` alone, so that parts may be composed themselves.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[Any],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        check_parts(self, optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1 or list(milestones) != sorted(milestones):
            raise ValueError(
                f"milestones must be one less than the schedulers ({len(schedulers)}) and in "
                f"order, got {milestones}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        lr_scheduler.LRScheduler.__init__(self, optimizer, last_epoch)

    def _part(self, t: float) -> tuple[ClosedForm, float]:
        """Give the part that update t falls into, and the update's index within it."""
        index = bisect_right(self._milestones, t)
        return self._schedulers[index], t - (self._milestones[index - 1] if index else 0)

    def lr_at(self, t: float) -> list[float]:
        """Give each group's lr at update t by its part alone."""
        part, within = self._part(t)
        return part.lr_at(within)

    def write_momentum(self) -> None:
        """Let the part that is on its turn set momentum."""
        self._part(self.last_epoch)[0].write_momentum()

    def _move(self, t: float) -> None:
        super()._move(t)
        part, within = self._part(t)
        part._move(within)  # noqa: SLF001

    def _changed(self, state: Mapping[str, Any]) -> list[str]:
        mine, saved = list(self._milestones), list(state.get("_milestones", self._milestones))
        changed = [f"milestones={mine} (saved {saved})"] if mine != saved else []
        return changed + super()._changed(state)


class ChainedScheduler(_Composed, lr_scheduler.ChainedScheduler):
    """Multiply schedulers, all of them: torch's ChainedScheduler, which forgets some."""

    def __init__(self, schedulers: Sequence[Any], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise ValueError("ChainedScheduler expects at least one scheduler, got none")
        optimizer = optimizer or getattr(schedulers[0], "optimizer", None)
        check_parts(self, optimizer, schedulers)
        starts = sorted({part.last_epoch for part in schedulers})
        if len(starts) > 1:
            raise ValueError(
                f"the schedulers must stand at the same update, got {starts}; "
                "give each the same last_epoch"
            )
        self._schedulers = schedulers
        lr_scheduler.LRScheduler.__init__(self, optimizer, starts[0] - 1)  # pyright: ignore[reportArgumentType]

    def lr_at(self, t: float) -> list[float]:
        """Give each group's peak times all parts' multipliers at update t."""
        return product([(part, t) for part in self._schedulers])

    def write_momentum(self) -> None:
        """Let each part set momentum that was asked to."""
        for part in self._schedulers:
            part.write_momentum()

    def _move(self, t: float) -> None:
        super()._move(t)
        for part in self._schedulers:
            part._move(t)  # noqa: SLF001


def check_parts(whole: Any, optimizer: Any, schedulers: Sequence[Any]) -> None:
    """Refuse parts that cannot be composed.

    Raises:
        TypeError: One is no scheduler of this module.
        ValueError: There is none, one waits for a metric, or belongs to another optimizer.
    """
    name = type(whole).__name__
    if not schedulers:
        raise ValueError(f"{name} expects at least one scheduler, got none")
    for index, part in enumerate(schedulers):
        if isinstance(part, lr_scheduler.ReduceLROnPlateau):
            raise ValueError(  # noqa: TRY004 - as torch
                f"{name} cannot give a metric to the ReduceLROnPlateau at index {index}; step it "
                "beside the others, the multipliers of both are multiplied"
            )
        if not isinstance(part, ClosedForm):
            raise TypeError(
                f"{name} takes schedulers of etude.compat.lr_scheduler, got "
                f"{type(part).__module__}.{type(part).__name__} at index {index}"
            )
        if part.optimizer is not optimizer:
            raise ValueError(
                f"{name} expects all schedulers to belong to the same optimizer, and "
                f"{type(part).__name__} at index {index} has another"
            )
