"""Can a task be trained in lanes? Try it: one stacked step against ordinary ones.

`vmap` refuses what looks at a tensor's values (`if loss > 1`, `.item()`) or draws at random, and
a recorded step would repeat for ever what the model's Python code did once. What passes here
trains as it would by itself; for the rest there is one sentence that says why not.
"""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from etude.errors import EtudeError
from etude.strategies import Strategy
from etude.tasks import Prepared, build_model, seed_for, seeded
from etude.tasks.data import Resident
from etude.tasks.trees import leaves
from etude.training.course import batch_size_for
from etude.training.dropout import Masks
from etude.training.functional import Network, replayed

TOLERANCE = 1e-5
"""Largest relative difference of a stacked step from an ordinary one."""
CHUNK_BYTES = {"cpu": 10e6, "cuda": 2e9}
"""What a chunk's tensors may take, so that a step's data stay in the cache of a core; a GPU wants
enough to do instead."""
MOST_LANES = {"cpu": 64, "cuda": 256}
_SEEDS = (0, 1)


def why_not_stacked(prepared: Prepared, strategy: Strategy) -> str | None:
    """Say in one sentence why a strategy cannot be trained in lanes; None when it can."""
    try:
        network_for(prepared, batch_size_for(prepared, strategy))
    except EtudeError as error:
        return str(error)
    return None


def network_for(prepared: Prepared, batch_size: int) -> Network:
    """Give a task's stacked functions, after a trial against ordinary steps.

    Raises:
        EtudeError: when the task cannot be stacked; the message says why.
    """
    try:
        return _tried(prepared, batch_size)
    except _Unfit as why:
        reason = str(why)
    except Exception as error:  # noqa: BLE001 - a user's model may raise anything under vmap
        said = str(error).strip().split("\n", 1)[0]
        reason = f"its step raised {type(error).__name__}: {said}"
    raise EtudeError(f"{prepared.task.name} cannot be trained in lanes: {reason}")


def chunk_for(prepared: Prepared, batch_size: int) -> int:
    """Choose the lanes of a chunk: as many as stay in the cache together, from 1 to `MOST_LANES`.

    A lane holds its weights, their gradient and two tensors of the optimizer, and whatever the
    backward pass needs of the forward pass.
    """
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.nbytes
        return tensor

    model = build_model(prepared.task, 0).to(prepared.device)
    with saved_tensors_hooks(note, lambda tensor: tensor):
        _ordinary_step(prepared, model, 0, batch_size)
    weights = sum(value.nbytes for value in model.parameters())
    activations = sum(saved.values())
    place = "cpu" if prepared.device.type == "cpu" else "cuda"
    lanes = CHUNK_BYTES[place] // (4 * weights + activations)
    return int(min(max(lanes, 1), MOST_LANES[place]))


class _Unfit(Exception):  # noqa: N818 - an answer, not an error
    """Why a task cannot be stacked."""


def _tried(prepared: Prepared, batch_size: int) -> Network:
    if not (isinstance(prepared.train, Resident) and isinstance(prepared.val, Resident)):
        raise _Unfit("its data do not lie in memory, they are read batch by batch")
    models = [build_model(prepared.task, seed).to(prepared.device) for seed in _SEEDS]
    network = Network(prepared, _trained(prepared, batch_size), batch_size)
    starts = [network.row(model) for model in models]
    masks = [network.masks.draw(_dropout_generator(prepared, seed)) for seed in _SEEDS]
    batches = [list(leaves(_batch(prepared, seed, batch_size))) for seed in _SEEDS]
    lanes = zip(starts, masks, batches, strict=True)
    rows = [[weights, *extras, *drawn, *batch] for (weights, extras), drawn, batch in lanes]
    with _nothing_drawn(), _nothing_counted(network.model):
        stacked = [torch.stack(column) for column in zip(*rows, strict=True)]
        step = replayed(network.gradient, *stacked)
        answers = step(*stacked)
        # A loss that raises on nan, as `nn.BCELoss` does, would end all lanes where one diverges.
        step(stacked[0] * math.nan, *stacked[1:])
        network.predict(*stacked[: 1 + len(network.extras)], *_val_inputs(prepared))
    alone = [tensor[:1] for tensor in stacked]
    lonely = replayed(network.gradient, *alone)(*alone)
    if not torch.equal(lonely[0][0], answers[0][0]):
        network.fewest = 2  # convolutions of one group have their own kernels
    for lane, (model, seed) in enumerate(zip(models, _SEEDS, strict=True)):
        if prepared.device.type != "cpu":  # torch's dropout draws otherwise there
            Masks(model).serve(masks[lane])
        loss = _ordinary_step(prepared, model, seed, batch_size)
        expected = [_gradient_row(network, model), loss, *network.row(model)[1]]
        kept = 2 + len(network.buffers)
        for ours, theirs in zip(answers[:kept], expected[:kept], strict=True):
            _compare(ours[lane], theirs)
        network.exact &= torch.equal(answers[0][lane], expected[0])
    return network


def _trained(prepared: Prepared, batch_size: int) -> list[str]:
    """Name the parameters that a gradient reaches; torch's optimizers leave the others alone."""
    model = build_model(prepared.task, _SEEDS[0]).to(prepared.device)
    _ordinary_step(prepared, model, _SEEDS[0], batch_size)
    trained = {name: p for name, p in model.named_parameters() if p.grad is not None}
    dtypes = {str(value.dtype) for value in trained.values()}
    if len(dtypes) > 1:
        raise _Unfit(f"its parameters are of several types, {', '.join(sorted(dtypes))}")
    return list(trained)


def _ordinary_step(prepared: Prepared, model: nn.Module, seed: int, batch_size: int) -> Tensor:
    """Do forward and backward as an ordinary run does; give the loss."""
    inputs, targets = _batch(prepared, seed, batch_size)
    with seeded(seed_for(prepared.task.name, seed, "dropout")), torch.enable_grad():
        loss = prepared.task.loss(model.train()(inputs), targets)
        loss.backward()
    return loss.detach()


def _batch(prepared: Prepared, seed: int, batch_size: int) -> tuple[Any, Any]:
    places = (torch.arange(batch_size) + seed * batch_size) % prepared.train.size
    return prepared.train.take(places)


def _val_inputs(prepared: Prepared) -> list[Tensor]:
    """Give a validation input to each lane."""
    inputs, _ = prepared.val.take(torch.arange(1))
    return [tensor.expand(len(_SEEDS), *tensor.shape) for tensor in leaves(inputs)]


def _dropout_generator(prepared: Prepared, seed: int) -> Generator:
    value = seed_for(prepared.task.name, seed, "dropout")
    return Generator(prepared.device).manual_seed(value)


def _gradient_row(network: Network, model: nn.Module) -> Tensor:
    grads = {name: p.grad for name, p in model.named_parameters()}
    return torch.cat(
        [grad.flatten() for name in network.trained if (grad := grads[name]) is not None]
    )


def _compare(ours: Tensor, theirs: Tensor) -> None:
    ours, theirs = ours.double(), theirs.double()
    off = float(torch.linalg.vector_norm(ours - theirs))
    size = float(torch.linalg.vector_norm(theirs))
    if not off <= TOLERANCE * size:
        raise _Unfit(f"its stacked step differs from an ordinary one by {off / size:.1g} relative")


@contextmanager
def _nothing_drawn() -> Iterator[None]:
    """Refuse a step that draws from Python's or numpy's generators: it would repeat its draw."""
    before = _generators()
    yield
    if before != _generators():
        raise _Unfit("its model draws from Python's or numpy's random generator in each step")


def _generators() -> tuple[Any, str]:
    legacy = np.random.get_state()  # noqa: NPY002 - users' code draws from it
    return random.getstate(), str(
        [part if isinstance(part, str | int | float) else part.tolist() for part in legacy]
    )


@contextmanager
def _nothing_counted(model: nn.Module) -> Iterator[None]:
    """Refuse a model that keeps numbers in Python: a recorded step would not change them."""
    before = _numbers(model)
    yield
    changed = sorted(name for name, value in _numbers(model).items() if before.get(name) != value)
    if changed:
        raise _Unfit(f"its model changes {changed[0]} in each step, which is not a tensor")


def _numbers(model: nn.Module) -> dict[str, Any]:
    kinds = int | float | str
    return {
        f"{prefix}.{name}".lstrip("."): value
        for prefix, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, kinds)
    }
