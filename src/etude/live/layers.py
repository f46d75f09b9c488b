"""The layers of a model, by which a watch tells gradients apart.

A layer is a child of the model; where the model has a single child, a child of that.
"""

from collections.abc import Sequence

import numpy as np
from torch import nn
from torch.optim import Optimizer

from etude.records import Array


class Layers:
    """Knows the layer of each parameter that an optimizer trains."""

    def __init__(self, model: nn.Module, optimizer: Optimizer) -> None:
        self._model, self._optimizer = model, optimizer
        self._names: list[str] = []
        self._of_params: list[int] = []

    def of_params(self) -> list[int]:
        """Give the number of the layer of each parameter, group by group.

        A group may be added while the run goes on, such as of layers that were frozen.
        """
        params = [p for group in self._optimizer.param_groups for p in group["params"]]
        if len(params) != len(self._of_params):
            self._names, self._of_params = _named(self._model, params)
        return self._of_params

    def norms(self, read: Sequence[tuple[int, Array]]) -> dict[str, Array]:
        """Give the norms that were read as a column for each layer, and their `update`s.

        Args:
            read: an update and the norms of the layers that there were then.
        """
        self.of_params()
        table = np.full((len(read), len(self._names)), np.nan)
        for row, (_, norms) in zip(table, read, strict=True):
            row[: len(norms)] = norms
        updates = np.array([update for update, _ in read], dtype=np.float64)
        return {"update": updates, **dict(zip(self._names, table.T.copy(), strict=True))}


def _named(model: nn.Module, params: Sequence[nn.Parameter]) -> tuple[list[str], list[int]]:
    """Name the layers, and give the number of each parameter's."""
    names = {id(p): name for name, p in model.named_parameters()}
    paths = [names.get(id(p), "(elsewhere)").split(".") for p in params]
    while paths and all(len(path) > 2 and path[0] == paths[0][0] for path in paths):  # noqa: PLR2004 - a child and a name must stay
        paths = [path[1:] for path in paths]
    heads = [path[0] for path in paths]
    known = list(dict.fromkeys(heads))
    return known, [known.index(head) for head in heads]
