"""`etude.finder.sharpness`: the largest eigenvalue, against dense eigenvalues and closed forms."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from etude.finder.sharpness import hessian, largest_eigenvalue, sharpness, trained
from etude.tasks import Task, build_model, prepare, quadratic


def mlp():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()


def small_task():
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(40, 4, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, 3, (40,), generator=generator)
    return prepare(
        Task(mlp, functional.cross_entropy, (inputs, targets), val=(inputs, targets), batch_size=8)
    )


@pytest.mark.parametrize("dim", [1, 2, 5, 40, 200])
def test_lanczos_finds_the_largest_eigenvalue_of_a_dense_matrix(dim):
    generator = torch.Generator().manual_seed(dim)
    half = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    matrix = half + half.T
    start = torch.randn(dim, generator=generator, dtype=torch.float64)
    found = largest_eigenvalue(lambda v: matrix @ v, start)
    truth = float(torch.linalg.eigvalsh(matrix)[-1])
    assert found.value == pytest.approx(truth, rel=1e-3)
    assert abs(found.value - truth) <= found.error + 1e-9 * abs(truth)
    assert found.products <= min(dim, 100)


def test_the_largest_is_meant_and_not_the_one_of_largest_size():
    values = torch.tensor([-100.0, 1.0, 2.0], dtype=torch.float64)
    found = largest_eigenvalue(lambda v: values * v, torch.ones(3, dtype=torch.float64))
    assert found.value == pytest.approx(2.0)


def test_a_matrix_that_is_not_finite_ends_the_search():
    found = largest_eigenvalue(lambda v: v * torch.nan, torch.ones(4, dtype=torch.float64))
    assert math.isnan(found.value)


def test_products_are_those_of_the_dense_hessian():
    prepared = small_task()
    model = build_model(prepared.task, 0)
    product, dim, like = hessian(prepared, model)
    names = [name for name, _ in model.named_parameters()]
    flat = torch.cat([w.detach().reshape(-1) for w in trained(model)])

    def loss(vector):
        parts = torch.split(vector, [w.numel() for w in trained(model)])
        shaped = {n: p.view_as(w) for n, p, w in zip(names, parts, trained(model), strict=True)}
        inputs, targets = prepared.train.tensors
        return functional.cross_entropy(
            torch.func.functional_call(model, shaped, (inputs,)), targets
        )

    dense = torch.autograd.functional.hessian(loss, flat)
    vector = torch.randn(dim, generator=torch.Generator().manual_seed(0), dtype=like.dtype)
    assert torch.allclose(product(vector), dense @ vector, atol=1e-10)
    top = float(torch.linalg.eigvalsh(dense)[-1])
    assert sharpness(prepared, model).value == pytest.approx(top, rel=1e-3)


def test_a_preconditioner_gives_the_eigenvalues_of_p_inverse_h():
    prepared = small_task()
    model = build_model(prepared.task, 0)
    generator = torch.Generator().manual_seed(1)
    scale = [torch.rand(w.shape, generator=generator).double() + 0.5 for w in trained(model)]
    product, dim, _ = hessian(prepared, model)
    dense = torch.stack([product(row) for row in torch.eye(dim, dtype=torch.float64)])
    diagonal = torch.cat([part.reshape(-1) for part in scale])
    top = torch.linalg.eigvals(dense / diagonal[:, None]).real.max()
    assert sharpness(prepared, model, preconditioner=scale).value == pytest.approx(
        float(top), rel=1e-3
    )


def test_the_quadratic_task_has_its_largest_curvature():
    # Curvatures run from 1/condition to 1.
    prepared = prepare(quadratic(condition=50))
    assert sharpness(prepared, build_model(prepared.task, 0)).value == pytest.approx(1, rel=1e-3)


def test_weight_decay_adds_to_the_curvature():
    prepared = prepare(quadratic())
    model = build_model(prepared.task, 0)
    assert sharpness(prepared, model, decay=0.5).value == pytest.approx(1.5, rel=1e-3)


def test_a_loss_that_is_linear_in_the_weights_has_none():
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    linear = Task(
        partial(nn.Linear, 3, 1), lambda out, _: out.mean(), (inputs, inputs[:, :1]), batch_size=4
    )
    prepared = prepare(linear)
    assert sharpness(prepared, build_model(linear, 0)).value == 0
