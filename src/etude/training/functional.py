"""A task's training step as a function of stacked tensors, for many lanes at once.

`torch.func` turns the model into a function of its weights and `vmap` into one of many weights.
That costs half a millisecond a step in dispatch, so the step is recorded once, as the list of
tensor operations it comes down to, and the list is replayed: the same operations, the same bits,
no wrapping. The compiler takes the same list.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.func import functional_call, grad_and_value, vmap

from etude.tasks import Prepared, build_model
from etude.tasks.trees import leaves, map_tensors
from etude.training.dropout import Masks
from etude.training.products import affine_for, product_for
from etude.training.recording import LAYOUT, Layout, Step, record, without_advice


class Network:
    """The model, loss and metric of a task as functions of stacked tensors.

    A lane's trained parameters lie side by side in one row, in the order of `model.parameters()`;
    what is not trained (buffers, frozen parameters) are its extras.

    Args:
        prepared: a task whose data are in memory.
        trained: names of the parameters that get a gradient.
        batch_size: examples an update.
    """

    def __init__(self, prepared: Prepared, trained: Sequence[str], batch_size: int) -> None:
        self._task = prepared.task
        self.model = build_model(prepared.task, 0).to(prepared.device).eval()
        parameters = dict(self.model.named_parameters())
        self.trained = list(trained)
        self._shapes = {name: parameters[name].shape for name in trained}
        self._sizes = [shape.numel() for shape in self._shapes.values()]
        self.buffers = [name for name, _ in self.model.named_buffers()]
        """Names of the extras that a training step may change; they come first."""
        self.extras = self.buffers + [name for name in parameters if name not in self._shapes]
        self.fewest = 1
        """Lanes that a chunk must have for a lane's bits to be the same in any chunk."""
        self.exact = True
        """Do replayed steps give the gradients of ordinary ones, to the bit?"""
        self.masks = Masks(self.model)
        self._tree = prepared.train.take(torch.arange(batch_size))
        inputs = self._tree[0]
        self._inputs = len(list(leaves(inputs)))
        with torch.no_grad():
            self._prediction = self.model(inputs)
            with self._training():
                self._output = self.model(inputs)

    def row(self, model: nn.Module) -> tuple[Tensor, list[Tensor]]:
        """Give a model's trained parameters as one row, [weights], and copies of its extras."""
        values = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        weights = torch.cat([values[name].detach().flatten() for name in self._shapes])
        return weights, [values[name].detach().clone() for name in self.extras]

    def gradient(self, weights: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        """Compute each lane's loss and gradient on its own batch.

        Args:
            weights: [lanes, weights].
            *rest: the extras, the dropout masks, and the tensors of the batch's inputs and
                targets, each [lanes, ...].

        Returns:
            The gradient, [lanes, weights]; the losses, [lanes]; the buffers after the step; the
            tensors of the model's outputs.
        """
        cut = len(self.extras), len(self.extras) + len(self.masks.needed)
        extras, masks, batch = rest[: cut[0]], rest[cut[0] : cut[1]], rest[cut[1] :]
        with self._training(), without_advice():
            gradients, (losses, (buffers, outputs)) = vmap(
                grad_and_value(self._loss, has_aux=True)
            )(self._views(weights), extras, masks, batch)
        joined = torch.cat([gradients[name].flatten(1) for name in self._shapes], dim=1)
        return joined, losses, *buffers, *outputs

    def forward(self, weights: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        """Compute each lane's loss on its own batch as `gradient` does, without a gradient.

        Returns:
            The losses, [lanes]; the tensors of the model's outputs.
        """
        cut = len(self.extras), len(self.extras) + len(self.masks.needed)
        extras, masks, batch = rest[: cut[0]], rest[cut[0] : cut[1]], rest[cut[1] :]
        with self._training(), torch.no_grad(), without_advice():
            losses, (_, outputs) = vmap(self._loss)(self._views(weights), extras, masks, batch)
        return losses, *outputs

    def losses(self, outputs: Sequence[Tensor], batch: Sequence[Tensor]) -> Tensor:
        """Compute each lane's loss of its outputs by itself, [lanes].

        `vmap` sums in another order than torch's own losses, which moves a loss's last bit (its
        gradient's not).
        """
        targets = batch[self._inputs :]
        pairs = zip(zip(*outputs, strict=True), zip(*targets, strict=True), strict=True)
        return torch.stack(
            [
                self._task.loss(rebuilt(self._output, output), rebuilt(self._tree[1], target))
                for output, target in pairs
            ]
        )

    def predict(self, weights: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        """Compute each lane's outputs in evaluation mode.

        Args:
            weights: [lanes, weights].
            *rest: the extras, and the tensors of the lanes' inputs, each [lanes, ...].

        Returns:
            The tensors of the outputs, which `outputs` puts together.
        """
        cut = len(self.extras)

        def one(
            trained: dict[str, Tensor], extras: Sequence[Tensor], inputs: Sequence[Tensor]
        ) -> list[Tensor]:
            values = self._values(trained, extras)
            output = functional_call(self.model, values, (rebuilt(self._tree[0], inputs),))
            return list(leaves(output))

        with torch.no_grad(), without_advice():
            return tuple(vmap(one)(self._views(weights), rest[:cut], rest[cut:]))

    def outputs(self, tensors: Sequence[Tensor]) -> Any:
        """Put together what `predict` gave."""
        return rebuilt(self._prediction, tensors)

    @property
    def sizes(self) -> Sequence[int]:
        """Number of weights of each trained parameter, in the order of a row."""
        return self._sizes

    def norm(self, rows: Tensor) -> Tensor:
        """Give the 2-norm of each row, [lanes, weights] -> [lanes].

        It is the norm of the parameters' norms: so torch computes it, and so the bits agree.
        """
        parts = [torch.linalg.vector_norm(part, dim=1) for part in rows.split(self._sizes, dim=1)]
        return torch.linalg.vector_norm(torch.stack(parts, dim=1), dim=1)

    def _views(self, weights: Tensor) -> dict[str, Tensor]:
        parts = weights.split(self._sizes, dim=1)
        shaped = zip(self._shapes.items(), parts, strict=True)
        return {
            name: part.unflatten(1, shape or (1,)).view(-1, *shape)
            for (name, shape), part in shaped
        }

    def _values(self, trained: dict[str, Tensor], extras: Sequence[Tensor]) -> dict[str, Tensor]:
        return {**trained, **dict(zip(self.extras, extras, strict=True))}

    def _loss(
        self,
        trained: dict[str, Tensor],
        extras: Sequence[Tensor],
        masks: Sequence[Tensor],
        batch: Sequence[Tensor],
    ) -> tuple[Tensor, tuple[list[Tensor], list[Tensor]]]:
        inputs, targets = rebuilt(self._tree, batch)
        count = len(self.buffers)
        # The model changes its buffers in place; the ones given must stay as they are.
        extras = [*(buffer.clone() for buffer in extras[:count]), *extras[count:]]
        self.masks.serve(masks)
        output = functional_call(self.model, self._values(trained, extras), (inputs,))
        return self._task.loss(output, targets), (extras[:count], list(leaves(output)))

    @contextmanager
    def _training(self) -> Iterator[None]:
        self.model.train()
        try:
            yield
        finally:
            self.model.eval()


def rebuilt(tree: Any, tensors: Sequence[Tensor]) -> Any:
    """Give a tree of the same form with these tensors, in the order of `leaves`."""
    if isinstance(tree, Tensor):  # by far the most common
        return tensors[0]
    in_turn = iter(tensors)
    return map_tensors(lambda _: next(in_turn), tree)


def replayed(step: Step, *example: Tensor) -> Step:
    """Record a step and give what replays it on tensors of the same shapes.

    The first tensor has a row for each lane. Operations whose bits in a batch are not those of a
    lane by itself are replayed lane by lane.
    """
    if example[0].is_cuda:  # a GPU promises no bits, and lane by lane it would idle
        return record(step, *example)
    change = partial(_with_the_bits_of_a_lane, lanes=len(example[0]))
    return record(step, *example, change=change)


def _with_the_bits_of_a_lane(node: Any, lanes: int) -> None:
    """Make a recorded operation give each lane the bits that it would have by itself."""
    if node.target is _ATEN.bmm.default:
        node.target = product_for(*_layouts(node.args))
        node.meta[_PRODUCT] = True
    elif node.target is _ATEN.add.Tensor and (parts := _affine_parts(node)):
        node.target, node.args = affine_for(*_layouts(parts)), parts
    elif node.target in _SUMS:
        node.args = (node.target, *node.args)
        node.target = _in_order
    elif node.target in _NORMS:
        node.args = (node.target, lanes, *node.args)
        node.target = _one_by_one


def _affine_parts(node: Any) -> tuple[Any, ...] | None:
    """Find bias, inputs and weights where a sum is that of a linear layer.

    `vmap` makes of `addmm(bias, inputs, weights)` a product and `1 * bias`; nothing that a user
    writes comes down to that factor.
    """
    bias, product = node.args[:2]
    scaled, multiplied = _unviewed(bias), _unviewed(product)
    if not (isinstance(scaled, fx.Node) and isinstance(multiplied, fx.Node)):
        return None
    is_linear = scaled.target is _ATEN.mul.Scalar and scaled.args[1] == 1
    return (bias, *multiplied.args) if is_linear and _PRODUCT in multiplied.meta else None


def _layouts(nodes: Sequence[Any]) -> Iterator[Layout]:
    return (node.meta[LAYOUT] for node in nodes)


def _unviewed(node: Any) -> Any:
    while isinstance(node, fx.Node) and node.target in _VIEWS:
        node = node.args[0]
    return node


_ATEN = torch.ops.aten
_VIEWS = (_ATEN.view.default, _ATEN._unsafe_view.default)  # noqa: SLF001 - an operation's name
_SUMS = (_ATEN.sum.dim_IntList, _ATEN.mean.dim)
_PRODUCT = "product"
"""Marks an operation as the product of each lane's matrices."""
_NORMS = (_ATEN.native_batch_norm.default, _ATEN.native_batch_norm_backward.default)


def _in_order(operation: Callable[..., Tensor], values: Tensor, *how: Any, **more: Any) -> Tensor:
    """Sum values that lie lane after lane.

    Where lanes are interleaved, blocks of columns that are summed together cross their borders.
    """
    return operation(values.contiguous(), *how, **more)


def _one_by_one(operation: Callable[..., Any], lanes: int, *given: Any) -> tuple[Any, ...]:
    """Normalise each lane's channels, which `vmap` lays side by side, by themselves."""

    def parts(value: Any) -> Sequence[Any]:
        if not isinstance(value, Tensor):
            return [value] * lanes
        if value.ndim == 1:
            return value.tensor_split(lanes)  # views: running statistics change in place
        return [part.contiguous() for part in value.tensor_split(lanes, dim=1)]

    answers = [operation(*mine) for mine in zip(*map(parts, given), strict=True)]
    columns = zip(*answers, strict=True)
    return tuple(None if c[0] is None else torch.cat(c, min(c[0].ndim - 1, 1)) for c in columns)


def compile_step(step: Step, *example: Tensor) -> Step:
    """Compile a step for tensors of the shapes of the example.

    Raises:
        Exception: whatever the compiler raises where there is none, or where it fails.
    """
    with without_advice(), torch.no_grad():
        from torch.fx.experimental.proxy_tensor import make_fx

        graph: Any = make_fx(step)(*example)
        # Without torch.compile's guards, which check on each call what is fixed here.
        compiled = torch._inductor.compile(graph, list(example))  # noqa: SLF001 - documented, though underscored
        return cast("Step", compiled)
