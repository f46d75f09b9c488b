"""Forks of a run that was saved: a checkpoint of model and optimizer, as most loops write them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim

from etude.diagnosis.forks import Forks
from etude.errors import ProbeError, brief
from etude.probe.live import fork_live
from etude.probe.trained import Untrained, untrained
from etude.strategies import OPTIMIZERS, Strategy, build_optimizer
from etude.tasks import Prepared, build_model, plain_arithmetic, seed_for
from etude.tasks.seeds import seeded
from etude.training.course import batch_size_for
from etude.training.order import BatchOrder

_MODELS = ("model", "model_state_dict", "state_dict")
_OPTIMIZERS = ("optimizer", "optimizer_state_dict")
_UPDATES = ("update", "updates", "step", "global_step", "iteration")


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """What a checkpoint holds."""

    model: dict[str, Any]
    """State of the model."""
    optimizer: dict[str, Any] | None
    """State of the optimizer."""
    update: int | None
    """Updates done, where it says so."""


def read_checkpoint(path: str | Path) -> Saved:
    """Read a checkpoint; no code in it is run (`weights_only=True`).

    Raises:
        ProbeError: when there is none, or it does not hold the state of a model.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ProbeError(f"a checkpoint must be a file, but there is no {path}") from None
    except Exception as error:  # noqa: BLE001 - damaged files raise anything
        raise ProbeError(
            f"{path} must hold only tensors and plain values, so that no code of it is run, but it"
            f" cannot be read so ({brief(error)}); save torch.save({{'model':"
            " model.state_dict(), 'optimizer': optimizer.state_dict()}, path)"
        ) from None
    if not isinstance(content, Mapping):
        raise ProbeError(f"{path} must hold a dict of states, it holds {type(content).__name__}")
    model = next((content[key] for key in _MODELS if isinstance(content.get(key), Mapping)), None)
    if model is None and content and all(isinstance(v, Tensor) for v in content.values()):
        model = content
    if model is None:
        raise ProbeError(
            f"{path} must hold the model's state_dict under {', '.join(map(repr, _MODELS))},"
            f" it holds {', '.join(map(repr, content)) or 'nothing'}"
        )
    optimizer = next((content[k] for k in _OPTIMIZERS if isinstance(content.get(k), Mapping)), None)
    update = next((content[k] for k in _UPDATES if isinstance(content.get(k), int)), None)
    return Saved(dict(model), None if optimizer is None else dict(optimizer), update)


def optimizer_of(saved: Saved, given: Strategy | None, path: str | Path) -> tuple[str, Strategy]:
    """Give a saved optimizer's name and the strategy that it belongs to.

    Where a strategy is given its lr and options count, as when a run is forked; else those of the
    checkpoint.

    Raises:
        ProbeError: when there is neither, or the optimizer is none that étude knows.
    """
    if given is not None:
        return str(given), given
    groups = (saved.optimizer or {}).get("param_groups") or []
    if not groups:
        raise ProbeError(
            f"{path} must hold the optimizer's state too, or its strategy must be given,"
            " such as 'adamw lr=0.001'"
        )
    name = _name(groups[0])
    from etude.strategies import strategy

    chosen = strategy(name, lr=float(groups[0]["lr"]))
    return f"{name} lr={chosen.peak_lr:.6g}", chosen


def _name(group: Mapping[str, Any]) -> str:
    """Tell an optimizer by the options that torch keeps of it."""
    if "betas" in group and "amsgrad" in group:
        return "adamw" if group.get("decoupled_weight_decay", True) else "adam"
    known = {"nesterov": "sgd", "alpha": "rmsprop", "lr_decay": "adagrad"}
    for option, name in known.items():
        if option in group:
            return name
    raise ProbeError(
        f"the optimizer must be one of {', '.join(OPTIMIZERS)}; the checkpoint's has the options"
        f" {', '.join(map(str, group))}"
    )


def fork_saved(
    prepared: Prepared,
    saved: Saved,
    strategy: Strategy,
    *,
    updates: int,
    factors: Sequence[float],
    seed: int,
    keeps_options: bool,
) -> tuple[Forks, float, Untrained]:
    """Train forks of a saved run; give them, its lr, and what the untrained model does.

    Args:
        prepared: the task.
        saved: its checkpoint.
        strategy: of the run.
        updates: of each fork.
        factors: multiples of the lr.
        seed: of the batches.
        keeps_options: take lr and options from the checkpoint, not from the strategy?
    """
    task = prepared.task
    model = build_model(task, seed).to(prepared.device)
    _load(model, saved.model)
    optimizer = build_optimizer(strategy, model.parameters())
    if saved.optimizer is not None:
        _load_memory(optimizer, saved.optimizer, keeps_options=keeps_options)
    batch_size = batch_size_for(prepared, strategy)
    order = BatchOrder(prepared.train.size, batch_size, seed_for(task.name, seed, "batches"))
    batches = [prepared.train.take(order.draw()) for _ in range(updates)]
    with seeded(seed_for(task.name, seed, "dropout")), plain_arithmetic():
        forks = fork_live(
            model.train(),
            optimizer,
            lambda batch: task.loss(model(batch[0]), batch[1]),
            batches,
            factors,
            clip=strategy.clip,
        )
    start = untrained(prepared, strategy, seed, range(updates))
    return forks, float(optimizer.param_groups[0]["lr"]), start


def _load(model: nn.Module, state: dict[str, Any]) -> None:
    try:
        model.load_state_dict(state)
    except Exception as error:  # noqa: BLE001 - a user's model may load as it likes
        said = str(error).replace("\n\t", " ").replace("\n", " ")
        raise ProbeError(
            f"the checkpoint must fit the task's model, it does not: {said[:300]}"
        ) from None


def _load_memory(optimizer: optim.Optimizer, state: dict[str, Any], *, keeps_options: bool) -> None:
    own = optimizer.state_dict()["param_groups"]
    groups = state["param_groups"] if keeps_options else own
    try:
        optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
    except Exception as error:  # noqa: BLE001 - an optimizer's own state may be anything
        raise ProbeError(
            f"the checkpoint's optimizer must fit the strategy, it does not ({brief(error)})"
        ) from None
