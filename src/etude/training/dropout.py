"""Dropout whose masks come from outside the model, so that each lane can have its own.

An ordinary run's `nn.Dropout` draws from the process's generator while the model runs. Lanes run
together and there is one such generator; so the layers are swapped for ones that take a mask, and
the masks are drawn beforehand as `nn.Dropout` draws them, from each run's own generator.
"""

from collections.abc import Iterable

import torch
from torch import Generator, Tensor, nn


class Masks:
    """Hands masks to the dropout layers of a model, in the order in which they run.

    Making one swaps the model's `nn.Dropout` layers. Until masks are served, the layers note what
    they would need instead.
    """

    def __init__(self, model: nn.Module) -> None:
        self.needed: list[tuple[float, Tensor]] = []
        """For each use of a layer in a forward pass the probability that a value stays, and an
        empty tensor like the layer's input. Its memory layout matters as well as its shape: it
        decides which value gets which of the numbers drawn."""
        self._served: list[Tensor] | None = None
        for module in list(model.modules()):
            for name, child in module.named_children():
                if type(child) is nn.Dropout:  # a subclass may draw otherwise
                    setattr(module, name, _MaskedDropout(child, self).train(child.training))

    def serve(self, masks: Iterable[Tensor]) -> None:
        """Give the masks of the next forward pass."""
        self._served = list(masks)

    def take(self, keep: float, inputs: Tensor) -> Tensor:
        """Give the mask that is next in turn."""
        if self._served is None:
            self.needed.append((keep, torch.empty_like(inputs, requires_grad=False)))
            return torch.ones_like(inputs)
        return self._served.pop(0)

    def draw(self, generator: Generator) -> list[Tensor]:
        """Draw the masks of one training step: 0 or 1 / keep, each shaped like its input.

        These are the operations of torch's dropout on a CPU, and so its bits.
        """
        return [
            torch.empty_like(like).bernoulli_(keep, generator=generator).div_(keep)
            for keep, like in self.needed
        ]


class _MaskedDropout(nn.Module):
    def __init__(self, layer: nn.Dropout, masks: Masks) -> None:
        super().__init__()
        self._drop = layer.p
        self._inplace = layer.inplace
        self._masks = masks

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or self._drop == 0:
            return inputs
        # torch draws nothing where all is dropped.
        mask = self._masks.take(1 - self._drop, inputs) if self._drop < 1 else 0.0
        return inputs.mul_(mask) if self._inplace else inputs * mask
