"""The steps of training in a form that runs: replayed as recorded, or compiled.

Exact steps repeat the operations of ordinary training, so that a lane's bits are an ordinary
run's. Fast steps are compiled: operations are joined, which moves last bits, as torch's own
`fused=True` does. On a GPU both are captured in a CUDA graph.
"""

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from etude.training.capture import captured
from etude.training.functional import Network, compile_step, replayed
from etude.training.lane_optimizers import Kind, update
from etude.training.recording import Step, interpreted


class Steps:
    """Steps of one network, made when first needed and kept by the number of lanes.

    Args:
        network: the task's functions.
        fast: compile? Where no compiler works, the steps are replayed instead.
    """

    def __init__(self, network: Network, *, fast: bool) -> None:
        self.network = network
        self.fast = fast
        self.trouble: str | None = None
        """Why steps that should be are not compiled."""
        self._made: dict[Hashable, Step] = {}

    def gradient(self, *tensors: Tensor) -> Sequence[Tensor]:
        """Do `Network.gradient`."""
        key = "gradient", len(tensors[0])
        if key not in self._made and not self.fast and not tensors[0].is_cuda:
            replay = replayed(self.network.gradient, *tensors)
            self._made[key] = interpreted(replay, *tensors)
        return self._step(key, self.network.gradient, tensors)(*tensors)

    def predict(self, *tensors: Tensor) -> Sequence[Tensor]:
        """Do `Network.predict`; too seldom to be worth compiling."""
        return self._seldom("predict", self.network.predict, tensors)

    def forward(self, *tensors: Tensor) -> Sequence[Tensor]:
        """Do `Network.forward`; too seldom to be worth compiling."""
        return self._seldom("forward", self.network.forward, tensors)

    def _seldom(self, name: str, step: Step, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        key = name, tensors[0].shape, tensors[-1].shape
        if key not in self._made:
            self._made[key] = replayed(step, *tensors)
        return self._made[key](*tensors)

    def update(
        self,
        kind: Kind,
        weights: Tensor,
        gradient: Tensor,
        memory: Sequence[Tensor],
        columns: Tensor,
    ) -> None:
        """Do one update of an optimizer, in place."""
        if not self.fast and not weights.is_cuda:
            update(kind, weights, gradient, memory, columns, self.norm)
            return

        def step(weights: Tensor, *rest: Tensor) -> tuple[()]:
            *memory, gradient, columns = rest
            update(kind, weights, gradient, memory, columns, self.norm)
            return ()

        tensors = weights, *memory, gradient, columns
        self._step((kind, len(weights)), step, tensors, in_place=1 + len(memory))(*tensors)

    def losses(self, losses: Tensor, outputs: Sequence[Tensor], batch: Sequence[Tensor]) -> Tensor:
        """Give the losses to record, [lanes]: those of `gradient`, or their exact bits."""
        by_themselves = not self.fast and not losses.is_cuda
        return self.network.losses(outputs, batch) if by_themselves else losses

    def norm(self, rows: Tensor) -> Tensor:
        """Give the 2-norm of each row, [lanes, weights] -> [lanes]."""
        return torch.linalg.vector_norm(rows, dim=1) if self.fast else self.network.norm(rows)

    def _step(
        self, key: Hashable, step: Step, tensors: Sequence[Tensor], *, in_place: int = 0
    ) -> Step:
        if key not in self._made:
            made = self._make(step, tensors)
            on_gpu = tensors[0].is_cuda
            self._made[key] = captured(made, *tensors, in_place=in_place) if on_gpu else made
        return self._made[key]

    def _make(self, step: Step, tensors: Sequence[Tensor]) -> Step:
        # Making a step runs it; in-place steps must not change the lanes then.
        example = [tensor.clone() for tensor in tensors]
        if self.fast and self.trouble is None:
            try:
                return compile_step(step, *example)
            except Exception as error:  # noqa: BLE001 - compilers fail in many ways; speed is all that is lost
                self.trouble = f"{type(error).__name__}: {error}"
        return replayed(step, *example)
