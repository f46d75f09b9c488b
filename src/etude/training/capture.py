"""CUDA graphs: a whole step of a GPU is started with one call.

A step of stacked lanes is some hundred kernels of a few microseconds each. Starting them one by
one from Python takes several times as long as they run, so the step is captured once, and its
graph is replayed.
"""

import torch

from etude.training.recording import Step

_WARM_UPS = 3  # libraries choose their kernels and memory in the first calls, which no graph holds


def captured(step: Step, *example: torch.Tensor, in_place: int = 0) -> Step:
    """Capture a step for tensors of the shapes of the example, which lie on a GPU.

    A graph reads and writes fixed places in memory, so what it is given is copied there first.
    Its answers lie in fixed places too: use them before the next call, or copy them.

    Args:
        step: does the same operations whatever the numbers in its tensors.
        example: tensors to capture with; they are left as they are.
        in_place: how many of the first tensors the step changes in place.
    """
    held = [tensor.clone() for tensor in example]
    here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
    aside.wait_stream(here)
    with torch.no_grad(), torch.cuda.stream(aside):
        for _ in range(_WARM_UPS):
            step(*held)
    here.wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad(), torch.cuda.graph(graph):
        answers = step(*held)

    def replay(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.no_grad():
            for place, tensor in zip(held, tensors, strict=True):
                place.copy_(tensor)
            graph.replay()
            for place, tensor in zip(held[:in_place], tensors, strict=False):
                tensor.copy_(place)
        return tuple(answers)

    return replay
