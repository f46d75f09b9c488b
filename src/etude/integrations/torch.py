"""A schedule, with or without controllers, as a torch scheduler.

The lr of every param group is always its own peak times `schedule(t)` times the multipliers of
its controllers: nothing is accumulated, so the state is one integer (and theirs), and a run
resumes exactly whatever was built or loaded first.
"""

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakMethod

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from etude.controllers import Controlled, Controller, Event, Loop, as_controlled, from_json
from etude.errors import ScheduleError
from etude.schedules import Schedule

_VERSION = 1
_KEYS = {"version", "schedule", "last_epoch", "base_lrs"}
_WITH_CONTROLLERS = _KEYS | {"states", "events"}
_UNNAMED = "a function without an import name"


class Scheduler(LRScheduler):
    """Drive an optimizer's lr: the group's peak * schedule(t) * its controllers' multipliers.

    Use it like any torch scheduler: `optimizer.step()`, then `scheduler.step()`, after every
    update. A group's peak is its lr when the scheduler (or, later, the group) is made, unless an
    earlier scheduler or a loaded state left one under torch's name for it, `initial_lr`: the lr
    is then somewhere on its way down. Set `group["initial_lr"]` for another peak. A group that is
    added later follows the schedule from its first update on. A tensor lr is filled in place.
    Momentum and betas are not touched.

    Controllers want to be told something: a metric by `step(metric)`, where each step is an epoch,
    or by `observe(metric=...)` at any time; the loss of every update by `observe(loss)`.

    Args:
        optimizer: The optimizer.
        schedule: A schedule, a controller, or a product of them; it must be bound, or `total`
            given.
        total: Updates of the run, to bind the schedule to.
        on_mismatch: What to do when a state is loaded that another schedule saved: `error`;
            `saved`, go on with that schedule; `new`, go on with this one and this one's peaks.

    Attributes:
        schedule: The bound schedule.
        loop: The controllers with their states and events.
        last_epoch: Index t of the next update (torch's name for it).
        base_lrs: The peak lr of each group.

    Raises:
        ScheduleError: The schedule is none, or not bound.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Schedule | Controller | Controlled,
        *,
        total: int | None = None,
        on_mismatch: str = "error",
    ) -> None:
        given = as_controlled(schedule)
        if on_mismatch not in {"error", "saved", "new"}:
            raise ScheduleError(f"on_mismatch must be error, saved or new, got {on_mismatch!r}")
        self._use(given if total is None else given.bind(total))
        self.schedule(0)  # refuses one that is not bound before the optimizer is touched
        self.on_mismatch = on_mismatch
        super().__init__(optimizer)
        self.base_lrs = [float(peak) for peak in self.base_lrs]
        optimizer.register_step_pre_hook(_weakly(self._adopt_new_groups))
        optimizer.register_load_state_dict_post_hook(_weakly(self._write))

    def _use(self, plan: Controlled) -> None:
        self.schedule = plan.schedule
        self.loop = Loop(plan.controllers)

    @property
    def events(self) -> tuple[Event, ...]:
        """What the controllers did, in order."""
        return tuple(self.loop.events)

    @property
    def stopped(self) -> bool:
        """Whether a controller has stopped training: its multiplier is 0 for good."""
        return self.loop.stopped

    def step(self, metric: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Go on to the next update.

        Args:
            metric: For the controllers that watch one; of the update, or epoch, just done. Without
                controllers it is what torch calls epoch, and deprecates.

        Raises:
            ScheduleError: No controller watches a metric.
        """
        if metric is not None and self.loop.controllers:
            self.loop.observe(self.last_epoch, "metric", metric)
            metric = None
        super().step(metric)

    def observe(self, loss: Any = None, *, metric: Any = None) -> None:
        """Tell the controllers something; the lr is at once what they make of it.

        Args:
            loss: The loss of the update just done, before `step`.
            metric: A metric, where it does not come with a `step`.

        Raises:
            ScheduleError: No controller watches it, or its rule cannot use the value.
        """
        for watched, value in (("loss", loss), ("metric", metric)):
            if value is not None:
                self.loop.observe(self.last_epoch, watched, value)
        self._write()

    def get_lr(self) -> list[float | Tensor]:
        """Give each group's lr at update `last_epoch`, float64."""
        groups = self.optimizer.param_groups
        if len(groups) < len(self.base_lrs):
            raise ScheduleError(
                f"param groups must not be removed, had {len(self.base_lrs)}, got {len(groups)}; "
                "build a new Scheduler"
            )
        for group in groups[len(self.base_lrs) :]:
            # torch keeps a peak under this name
            self.base_lrs.append(float(group.setdefault("initial_lr", float(group["lr"]))))
        multiplier = self.schedule(self.last_epoch)
        return [
            float(peak) * multiplier * self.loop.multiplier(i)
            for i, peak in enumerate(self.base_lrs)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Give the state: the schedule in JSON, `last_epoch` and the peaks; plain numbers.

        With controllers also their states and events.

        The schedule is None where it holds a function that no module has under a name (a
        lambda): then a load cannot know that it is the same, and is a mismatch.
        """
        state = {
            "version": _VERSION,
            "schedule": _spec(self._plan),
            "last_epoch": self.last_epoch,
            "base_lrs": [float(peak) for peak in self.base_lrs],
        }
        return state | (self.loop.to_json() if self.loop.controllers else {})

    @property
    def _plan(self) -> Schedule | Controlled:
        controllers = self.loop.controllers
        return Controlled(self.schedule, controllers) if controllers else self.schedule

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Go on where a saved state stopped; the optimizer has the right lr at once.

        Args:
            state_dict: What `state_dict` gave; it is only read. With `on_mismatch="saved"` its
                schedule may name a function, which is imported: load only what you trust.

        Raises:
            ScheduleError: The state is another class's, has another number of param groups, or
                was saved with another schedule (see `on_mismatch`).
        """
        self._check(state_dict)
        saved, ours = state_dict["schedule"], _spec(self._plan)
        same = saved is not None and saved == ours
        if not same and self.on_mismatch == "error":
            raise ScheduleError(_differs(saved, self._plan))
        if saved is None and self.on_mismatch == "saved":
            raise ScheduleError(
                'on_mismatch="saved" needs a schedule in the state, and it was saved with '
                f'{_UNNAMED}; build the Scheduler with that function and on_mismatch="new"'
            )
        if not same and self.on_mismatch == "saved":
            self._use(as_controlled(from_json(saved)))
        if same or self.on_mismatch == "saved":
            self.base_lrs = list(state_dict["base_lrs"])
            self.loop.restore(state_dict)
        self.last_epoch = int(state_dict["last_epoch"])
        self._step_count = self.last_epoch + 1  # as if this object had made the steps
        self._write()

    def _check(self, state: Mapping[str, Any]) -> None:
        if set(state) not in (_KEYS, _WITH_CONTROLLERS) or state["version"] != _VERSION:
            raise ScheduleError(
                f"the state must be one that étude's Scheduler saved (version {_VERSION}), "
                f"got the keys {sorted(map(str, state))}"
            )
        ours, saved = len(self.optimizer.param_groups), len(state["base_lrs"])
        if ours != saved:
            raise ScheduleError(
                f"the state has {saved} param groups, the optimizer {ours}; "
                "add the missing groups before loading"
            )

    def _adopt_new_groups(self) -> None:
        if len(self.optimizer.param_groups) != len(self.base_lrs):
            self._write()

    def _write(self) -> None:
        for group, lr, peak in zip(
            self.optimizer.param_groups, self.get_lr(), self.base_lrs, strict=True
        ):
            group["initial_lr"] = peak
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(lr)
            else:
                group["lr"] = lr
        self._last_lr = [_copied(group["lr"]) for group in self.optimizer.param_groups]


def _copied(lr: float | Tensor) -> float | Tensor:
    return lr.clone() if isinstance(lr, Tensor) else lr


def _weakly(method: Callable[[], None]) -> Callable[..., None]:
    """Make a hook that calls the method while its object lives, and does not keep it alive."""
    reference = WeakMethod(method)

    def hook(*_: Any) -> None:
        living = reference()
        if living is not None:
            living()

    return hook


def _spec(schedule: Schedule | Controlled) -> dict[str, Any] | None:
    try:
        return schedule.to_json()
    except ScheduleError:
        return None


def _differs(saved: Any, ours: Schedule | Controlled) -> str:
    there = _UNNAMED if saved is None else str(from_json(saved))
    here = _UNNAMED if _spec(ours) is None else str(ours)
    return (
        f"the state was saved with another schedule ({there}) than this one ({here}); give the "
        'same one, or build the Scheduler with on_mismatch="saved" or "new"'
    )
