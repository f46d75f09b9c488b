"""The schedulers that share an optimizer: their multipliers multiply, whoever stepped last.

torch lets schedulers run beside one another on one optimizer. Those that compute from the last lr
then multiply, and those that compute from the peak silently overwrite the others. With all lrs
computed from the peak, the product has to be made in one place: here.
"""

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from torch import Tensor
from torch.optim import Optimizer

if TYPE_CHECKING:
    from etude.compat.closed_form import ClosedForm


class Shared:
    """One optimizer's schedulers, none of which it keeps alive, and its count of updates."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.updates = 0
        self._schedulers: list[ref[ClosedForm]] = []
        self._written = (0, 0)
        optimizer.register_step_pre_hook(self._before_step)
        optimizer.register_step_post_hook(self._after_step)
        optimizer.register_load_state_dict_post_hook(self.write)

    def add(self, scheduler: "ClosedForm") -> None:
        """Let a scheduler take part."""
        if scheduler not in self.alive:
            self._schedulers.append(ref(scheduler))

    def remove(self, scheduler: "ClosedForm") -> None:
        """Let a scheduler take part no more."""
        self._schedulers = [other for other in self._schedulers if other() is not scheduler]

    @property
    def alive(self) -> list["ClosedForm"]:
        """Those that take part and that somebody still holds."""
        found = [reference() for reference in self._schedulers]
        return [scheduler for scheduler in found if scheduler is not None]

    def lrs(self, optimizer: Optimizer, *, without: "ClosedForm | None" = None) -> list[float]:
        """Give each group's lr: what the schedulers say together; empty when there are none.

        Args:
            optimizer: The optimizer.
            without: A scheduler to leave out of it.
        """
        self.take_in_new_groups(optimizer)
        schedulers = [each for each in self.alive if each is not without]
        return product([(each, each.position) for each in schedulers]) if schedulers else []

    def write(self, optimizer: Optimizer) -> None:
        """Set each group's lr.

        Where all only react to a metric, the lr stays: it may have been set by hand, and they
        write it themselves when they lower it.
        """
        schedulers = self.alive
        if all(scheduler.reactive for scheduler in schedulers):
            return
        for group, lr in zip(optimizer.param_groups, self.lrs(optimizer), strict=True):
            set_lr(group, lr)
        for scheduler in schedulers:
            scheduler.write_momentum()
        self._written = (len(schedulers), len(optimizer.param_groups))

    def take_in_new_groups(self, optimizer: Optimizer) -> None:
        """Let each scheduler take in the groups that were added to the optimizer.

        Raises:
            ValueError: Groups were removed, or a new one's settings are not known.
        """
        groups = optimizer.param_groups
        for scheduler in self.alive:
            if len(groups) < len(scheduler.base_lrs):
                raise ValueError(
                    f"param groups must not be removed, had {len(scheduler.base_lrs)}, got "
                    f"{len(groups)}; build the scheduler anew"
                )
            for group in groups[len(scheduler.base_lrs) :]:
                scheduler.adopt(group)

    def _before_step(self, optimizer: Optimizer, *_: Any) -> None:
        if self._written != (len(self.alive), len(optimizer.param_groups)):
            self.write(optimizer)

    def _after_step(self, *_: Any) -> None:
        self.updates += 1


def product(at: list[tuple["ClosedForm", float]]) -> list[float]:
    """Give each group's lr by several schedulers, each at its own update.

    The one that says absolute lrs leads (the last, if several do), else the first; the multipliers
    of the others follow.
    """
    leads = [pair for pair in at if pair[0].absolute]
    lead, t = leads[-1] if leads else at[0]
    lrs = lead.lr_at(t)
    for other, t in at:
        if other is not lead:
            lrs = [lr * m for lr, m in zip(lrs, other.multipliers_at(t), strict=True)]
    return lrs


def set_lr(group: dict[str, Any], lr: float) -> None:
    """Set a group's lr; a tensor is filled in place, so that compiled code keeps it."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(lr)
    else:
        group["lr"] = lr


_OF: WeakKeyDictionary[Optimizer, Shared] = WeakKeyDictionary()


def shared_by(optimizer: Optimizer) -> Shared:
    """Give what an optimizer's schedulers share."""
    if optimizer not in _OF:
        _OF[optimizer] = Shared(optimizer)
    return _OF[optimizer]
