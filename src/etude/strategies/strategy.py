"""The strategy value, and its text form `adamw lr=1e-3 wd=0.01 warmup 5% -> cosine`."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from numbers import Real
from typing import Any, Self

from etude.controllers import Controlled, Controller, as_controlled, from_json, parse
from etude.errors import ScheduleError, StrategyError
from etude.schedules import Schedule, constant
from etude.strategies.optimizers import OPTIMIZERS, Family, Value

_ALIASES = {
    "amsgrad": ("adam", {"amsgrad": True}),
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}),
}
_WORD = re.compile(r"\s*(\S+)")
_SETTING = re.compile(r"([A-Za-z_]+)=(\S*)")


@dataclass(frozen=True, slots=True)
class Strategy:
    """An optimizer, its peak lr and options, and the schedule. Build one with `strategy`."""

    optimizer: str
    """A name in `OPTIMIZERS`."""
    peak_lr: float
    """Absolute lr where the schedule's multiplier is 1."""
    schedule: Schedule | Controlled
    """What multiplies it; a `Controlled` one also answers to the run's own losses."""
    options: tuple[tuple[str, Value], ...] = ()
    """The optimizer's options that differ from torch's defaults, by their text names, in the
    order of `OPTIMIZERS`."""
    batch_size: int | None = None
    """Examples an update; None leaves it to the task."""
    clip: float | None = None
    """Largest 2-norm of the gradient, or None."""

    def __str__(self) -> str:
        """Give the text form, which `strategy` reads back."""
        return f"{self.label_with(f' lr={self.peak_lr!r}')} {self.schedule}"

    @property
    def label(self) -> str:
        """The text form without lr and schedule."""
        return self.label_with("")

    def label_with(self, lr: str) -> str:
        """Give the optimizer and its options, with `lr` written right after the name."""
        parts = [f"{name}={_write(value)}" for name, value in self.options]
        if self.batch_size is not None:
            parts.append(f"batch={self.batch_size}")
        if self.clip is not None:
            parts.append(f"clip={self.clip!r}")
        return " ".join([self.optimizer + lr, *parts])

    @property
    def torch_options(self) -> dict[str, Any]:
        """The options under torch's own names."""
        family = OPTIMIZERS[self.optimizer]
        return {family.option(name).keyword: value for name, value in self.options}

    @property
    def controllers(self) -> tuple[Controller, ...]:
        """What answers to the run's own losses; none where all is known beforehand."""
        return as_controlled(self.schedule).controllers

    def with_lr(self, lr: float) -> Self:
        """Give the same strategy at another peak lr."""
        return replace(self, peak_lr=check_lr(lr))

    def bind(
        self, updates: int, *, epoch: int | None = None, batch_size: int | None = None
    ) -> Self:
        """Give the strategy with its schedule resolved for a run of so many updates.

        Args:
            updates: length of the run.
            epoch: updates in one epoch.
            batch_size: examples an update.
        """
        return replace(
            self, schedule=self.schedule.bind(updates, epoch=epoch, batch_size=batch_size)
        )

    def to_json(self) -> dict[str, Any]:
        """Give the strategy as JSON-ready data."""
        return {
            "optimizer": self.optimizer,
            "peak_lr": self.peak_lr,
            "options": {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in self.options
            },
            "batch_size": self.batch_size,
            "clip": self.clip,
            "schedule": self.schedule.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Strategy":
        """Read what `to_json` wrote."""
        return strategy(
            data["optimizer"],
            lr=data["peak_lr"],
            schedule=from_json(data["schedule"]),
            batch_size=data["batch_size"],
            clip=data["clip"],
            **data["options"],
        )

    def code(
        self,
        *,
        updates: int = 1000,
        task: str | None = None,
        seed: int = 0,
        epoch: int | None = None,
        batch_size: int | None = None,
        device: str = "cpu",
    ) -> str:
        """Write the strategy as a PyTorch program that runs as it stands.

        Args:
            updates: length of the run.
            task: a task's name (`digits`, `train.py:task`); the program then repeats étude's run
                of that task to the last bit on the same machine. None: the program has a
                stand-in model and data to replace.
            seed: the run to repeat.
            epoch: updates in one epoch; needed when the schedule counts epochs.
            batch_size: examples an update, where the strategy does not say; None leaves them to
                the task (32 for the stand-in). Needed when the schedule counts samples.
            device: where the program trains: "cpu", "cuda", ...
        """
        from etude.strategies.code import program

        bound = self.bind(updates, epoch=epoch, batch_size=batch_size)
        batch = self.batch_size or batch_size
        return program(
            self,
            bound.schedule,
            updates=updates,
            task=task,
            seed=seed,
            batch_size=batch,
            device=device,
        )


def strategy(
    text: "str | Strategy",
    *,
    lr: float | None = None,
    schedule: Schedule | Controlled | Controller | str | None = None,
    batch_size: int | None = None,
    clip: float | None = None,
    **options: Any,
) -> Strategy:
    """Build a strategy from text, from keywords, or from both; keywords win.

    Args:
        text: `adamw lr=1e-3 wd=0.01 warmup 5% -> cosine`, or just an optimizer's name. `batch=`
            and `clip=` set the batch size and the gradient's largest norm. Or a strategy.
        lr: peak lr, absolute.
        schedule: a schedule, a controller, a product of them, or its text; `constant` unless
            given.
        batch_size: examples an update.
        clip: largest 2-norm of the gradient.
        **options: the optimizer's options, such as `momentum=0.9` or `weight_decay=0.01`.

    Raises:
        StrategyError: when the text does not parse or a value cannot hold.
    """
    found = _settings_of(text) if isinstance(text, Strategy) else _read(text)
    given = {"lr": lr, "schedule": schedule, "batch": batch_size, "clip": clip}
    settings = {**found.settings, **{k: v for k, v in given.items() if v is not None}}
    if "lr" not in settings:
        raise StrategyError(f"a strategy needs its lr, got {text!r}; add lr=0.001, say")
    peak_lr = check_lr(settings.pop("lr"))
    return Strategy(
        optimizer=found.family.name,
        peak_lr=peak_lr,
        schedule=_check_schedule(settings.pop("schedule", None)),
        batch_size=_check_batch(settings.pop("batch", None)),
        clip=_check_clip(settings.pop("clip", None)),
        options=_check_options(found.family, {**settings, **options}),
    )


def check_lr(lr: Any) -> float:
    """Give the lr as a float.

    Raises:
        StrategyError: unless it is a finite number above 0 (torch accepts 0, nan and inf).
    """
    try:
        value = math.nan if isinstance(lr, (str, bool)) else float(lr)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise StrategyError(f"lr must be a finite number above 0, got lr={lr!r}")
    return value


def _check_schedule(given: Any) -> Schedule | Controlled:
    found = constant() if given is None else parse(given) if isinstance(given, str) else given
    if isinstance(found, Controller):
        return as_controlled(found)
    if not isinstance(found, Schedule | Controlled):
        raise StrategyError(
            f"schedule must be a schedule or its text, such as cosine, got schedule={given!r}"
        )
    return found


def _check_batch(batch: Any) -> int | None:
    if batch is None:
        return None
    if not _is_number(batch) or batch != batch // 1 or batch < 1:
        raise StrategyError(f"batch must be a whole number of at least 1, got batch={batch}")
    return int(batch)


def _check_clip(clip: Any) -> float | None:
    if clip is None:
        return None
    if not _is_number(clip) or clip <= 0:
        raise StrategyError(f"clip must be a finite norm above 0, got clip={clip}")
    return float(clip)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _check_options(family: Family, given: Mapping[str, Any]) -> tuple[tuple[str, Value], ...]:
    named = {family.option(name): value for name, value in given.items()}
    values = {option.name: option.check(value) for option, value in named.items()}
    if values.get("nesterov") and not values.get("momentum"):
        raise StrategyError("nesterov needs a momentum above 0; add momentum=0.9, say")
    return tuple(
        (option.name, values[option.name])
        for option in family.options
        if values.get(option.name, option.default) != option.default
    )


@dataclass(frozen=True, slots=True)
class _Found:
    family: Family
    settings: dict[str, Any]


def _settings_of(given: Strategy) -> _Found:
    settings = {"lr": given.peak_lr, "schedule": given.schedule, **dict(given.options)}
    settings |= {"batch": given.batch_size, "clip": given.clip}
    return _Found(OPTIMIZERS[given.optimizer], settings)


def _read(text: str) -> _Found:
    """Split a strategy's text into the optimizer, its settings and the schedule."""
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - users err
        raise StrategyError(f"a strategy must be a text or a Strategy, got {text!r}")
    name = _WORD.match(text)
    if name is None:
        raise StrategyError("a strategy's text starts with an optimizer, got an empty text")
    family, settings = _read_optimizer(text, name.start(1), name[1])
    at, seen = name.end(), set[str]()
    while (word := _WORD.match(text, at)) and (pair := _SETTING.fullmatch(word[1])):
        if pair[1] in seen:
            raise StrategyError(_pointing(text, word.start(1), f"{pair[1]} is given already"))
        seen.add(pair[1])
        settings[pair[1]] = _read_value(text, word.start(1), pair)
        at = word.end()
    if text[at:].strip():
        _check_no_bare_option(text, at, family)
        try:
            settings["schedule"] = parse(text, start=at)
        except ScheduleError as error:
            raise StrategyError(str(error)) from None
    return _Found(family, settings)


def _check_no_bare_option(text: str, at: int, family: Family) -> None:
    """Say how an option is written where a schedule would begin with its name."""
    word = _WORD.match(text, at)
    for option in family.options:
        if word and word[1].lower() in (option.name, option.keyword):
            value = "true" if isinstance(option.default, bool) else "VALUE"
            message = f"an option is written with its value, {option.name}={value}"
            raise StrategyError(_pointing(text, word.start(1), message))


def _read_optimizer(text: str, at: int, name: str) -> tuple[Family, dict[str, Any]]:
    key, settings = _ALIASES.get(name.lower(), (name.lower(), {}))
    if key not in OPTIMIZERS:
        near = get_close_matches(key, [*OPTIMIZERS, *_ALIASES], n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(OPTIMIZERS)}"
        raise StrategyError(_pointing(text, at, f"no optimizer is called {name!r}; {hint}"))
    return OPTIMIZERS[key], dict(settings)


def _read_value(text: str, at: int, pair: re.Match[str]) -> Any:
    name, value = pair[1], pair[2]
    if value in ("true", "false"):
        return value == "true"
    try:
        numbers = [float(item) for item in value.split(",")]
    except ValueError:
        at += len(name) + 1
        message = f"{name} must be a number, got {name}={value}"
        raise StrategyError(_pointing(text, at, message)) from None
    return tuple(numbers) if len(numbers) > 1 else numbers[0]


def _pointing(text: str, at: int, message: str) -> str:
    return f"{message}\n  {text}\n  {' ' * at}^"


def _write(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(repr, value)) if isinstance(value, tuple) else repr(value)
