"""`etude.training.lane_optimizers`: what no run shows."""

import pytest
import torch

from etude.training.lane_optimizers import _root


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("eps", [0.0, 1e-10, 1e-8, 1e-3])
def test_a_root_is_changed_only_where_eps_swallows_it(dtype, eps):
    draw = torch.Generator().manual_seed(0)
    # From 0 and what is too small for the type to what is as large as gradients get.
    square = (10 ** (60 * torch.rand(100, 2000, generator=draw) - 50)).double().to(dtype)
    square[:, :100] = 0
    column = torch.full((100, 1), eps, dtype=dtype)
    scale = torch.rand(100, 1, generator=draw, dtype=torch.float64).clamp(min=0.003).to(dtype)
    wanted = (square.sqrt() / scale).add_(column)
    assert torch.equal((_root(square, column * scale) / scale).add_(column), wanted)


def test_nan_and_infinity_stay_what_they_are():
    square = torch.tensor([[torch.nan, torch.inf, 4.0]])
    root = _root(square, torch.tensor([[1e-8]]))
    assert root.isnan().tolist() == [[True, False, False]]
    assert root[0, 1:].tolist() == [torch.inf, 2.0]
