"""Record the tensor operations of a step once, to replay them without what stood around them.

`torch.func` sends each operation through several layers of dispatch; for a small network that
costs more than the operations. What arrives at the bottom is a flat list of ordinary tensor
operations, the same for every batch. Replaying the list gives the same operations and the same
bits. Starting an operation from Python still costs more than a small one takes, so a list that is
replayed each update goes to TorchScript's interpreter, where that can do it.
"""

import math
import operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

Step = Callable[..., Sequence[Tensor]]
"""A function of tensors that gives tensors."""

Layout = tuple[torch.dtype, torch.Size, tuple[int, ...]]
"""How a tensor's numbers lie in memory: their type, their shape and their strides."""

LAYOUT = "layout"
"""Where a recorded operation keeps the layout of what it gave."""


def record(
    step: Step, *example: Tensor, change: Callable[[fx.Node], None] = lambda _: None
) -> Step:
    """Record the operations that a step comes down to, and give what replays them.

    Args:
        step: does the same operations whatever the numbers in its tensors.
        example: tensors to record with, of the shapes of those to come; what the step does in
            place changes them.
        change: may change each recorded operation before it is replayed.

    Raises:
        RuntimeError: when an operation reads a number out of a tensor or draws one at random,
            which a replay would repeat for ever.
    """
    recorder = _Recorder(example)
    with without_advice(), torch.no_grad(), recorder:
        answers = step(*example)
    return recorder.finish(answers, change)


def interpreted(replay: Step, *example: Tensor) -> Step:
    """Give what replays a step that changes none of its tensors without Python.

    TorchScript is deprecated, and its tracer refuses some operations (a convolution's backward
    pass): where it fails, or gives other bits, Python goes on.

    Args:
        replay: what `record` gave.
        example: tensors of the shapes of those to come.
    """

    def tuple_of(*tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(replay(*tensors))

    try:
        with without_advice(), torch.no_grad():
            traced: Any = torch.jit.trace(tuple_of, tuple(example), check_trace=False)
            pairs = zip(_unoptimized(traced, *example), replay(*example), strict=True)
            alike = all(_alike(*pair) for pair in pairs)
    except Exception:  # noqa: BLE001 - only speed is lost
        return replay
    return partial(_unoptimized, traced) if alike else replay


def _alike(first: Tensor, second: Tensor) -> bool:
    numbers = (each.nan_to_num(0.0, math.inf, -math.inf) for each in (first, second))
    return torch.equal(first.isnan(), second.isnan()) and torch.equal(*numbers)


def _unoptimized(traced: Any, *tensors: Tensor) -> Sequence[Tensor]:
    """Do a traced step as it is: optimizing it takes as long as a hundred calls, and saves none."""
    with torch.jit.optimized_execution(should_optimize=False):  # pyright: ignore[reportPrivateImportUsage]
        return traced(*tensors)


class _Recorder(TorchDispatchMode):
    """Writes each operation down as a node of a graph."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self._root = nn.Module()
        self._graph = fx.Graph()
        self._nodes: dict[int, fx.Node] = {}
        self._alive: list[Tensor] = []  # an id is a tensor's own only while it lives
        for number, tensor in enumerate(inputs):
            self._know(tensor, self._graph.placeholder(f"x{number}"))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.Tag.data_dependent_output in func.tags:
            raise RuntimeError(f"{func} reads a number out of a tensor")
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise RuntimeError(f"{func} draws at random")
        shown = tree_map_only(Tensor, self._node, (args, kwargs or {}))
        answer = func(*args, **(kwargs or {}))
        node = self._graph.call_function(func, *shown)
        if isinstance(answer, Tensor):
            self._know(answer, node)
        else:
            for place, part in enumerate(answer):
                if isinstance(part, Tensor):
                    self._know(part, self._graph.call_function(operator.getitem, (node, place)))
        return answer

    def finish(self, answers: Sequence[Tensor], change: Callable[[fx.Node], None]) -> Step:
        """Give what replays the graph, without what nothing depends on."""
        self._graph.output(tuple(map(self._node, answers)))
        for node in self._graph.nodes:
            change(node)
            if _changes_nothing(node):
                node.replace_all_uses_with(node.args[0])
        self._graph.eliminate_dead_code()
        return fx.GraphModule(self._root, self._graph).forward

    def _know(self, tensor: Tensor, node: fx.Node) -> None:
        node.meta[LAYOUT] = tensor.dtype, tensor.shape, tensor.stride()
        self._nodes[id(tensor)] = node
        self._alive.append(tensor)

    def _node(self, tensor: Tensor) -> fx.Node:
        if id(tensor) not in self._nodes:  # it was there before the step: a constant
            name = f"constant{len(self._alive)}"
            self._root.register_buffer(name, tensor)
            self._know(tensor, self._graph.get_attr(name))
        return self._nodes[id(tensor)]


def _changes_nothing(node: fx.Node) -> bool:
    """Does an operation give what it was given? `vmap` leaves many such views."""
    given = node.args[0] if node.target in _RESHAPED else None
    return isinstance(given, fx.Node) and given.meta[LAYOUT] == node.meta[LAYOUT]


_ATEN = torch.ops.aten
_RESHAPED = (_ATEN.view.default, _ATEN._unsafe_view.default, _ATEN.expand.default)  # noqa: SLF001 - an operation's name


@contextmanager
def without_advice() -> Iterator[None]:
    """Silence torch's advice on speed, such as on operations that `vmap` does one by one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
