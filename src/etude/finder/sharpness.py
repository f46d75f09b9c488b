"""The largest curvature of the loss: the top eigenvalue of its Hessian, without the Hessian.

A Hessian-vector product costs about two gradients. Lanczos' method gets the largest eigenvalue from
some twenty of them, where power iteration needs a hundred.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from etude.tasks import Prepared, seed_for

EXAMPLES = 512
"""Examples that the Hessian is of: fewer show a larger curvature than all have."""
MOST_PRODUCTS = 100
TOLERANCE = 1e-4
"""Relative error at which Lanczos' method stops."""

Product = Callable[[Tensor], Tensor]
"""A symmetric matrix, as the function v -> A v of vectors [dim]."""


@dataclass(frozen=True, slots=True)
class Eigenvalue:
    """The largest eigenvalue of a symmetric matrix, as far as it was approached."""

    value: float
    error: float
    """Some eigenvalue lies no further from `value` than this."""
    products: int
    """Products with the matrix that it took."""


def largest_eigenvalue(product: Product, start: Tensor) -> Eigenvalue:
    """Find the largest eigenvalue by Lanczos' method with full reorthogonalisation.

    After k steps the matrix, seen from the Krylov space of the start vector, is tridiagonal
    [k, k]; its largest eigenvalue t approaches that of the matrix from below, and
    beta_k |last entry of its eigenvector| bounds the distance of t from an eigenvalue (Parlett,
    The Symmetric Eigenvalue Problem, 1980, section 13.2). Orthogonalising twice against all
    earlier vectors keeps copies of found eigenvalues away.

    Args:
        product: the matrix.
        start: where to begin, [dim]; best random, since it must not be orthogonal to the answer.
    """
    basis = [start / torch.linalg.vector_norm(start)]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        image = product(basis[-1])
        diagonal.append(float(basis[-1] @ image))
        known = torch.stack(basis)
        for _ in range(2):
            image = image - known.T @ (known @ image)
        beta = float(torch.linalg.vector_norm(image))
        value, last = _top(diagonal, beside)
        error = beta * last
        count = len(diagonal)
        enough = error <= TOLERANCE * abs(value) or not error < float("inf")
        if enough or count == min(MOST_PRODUCTS, len(start)):
            return Eigenvalue(value, error, count)
        beside.append(beta)
        basis.append(image / beta)


def _top(diagonal: Sequence[float], beside: Sequence[float]) -> tuple[float, float]:
    """Give the largest eigenvalue of a tridiagonal matrix, and its vector's last entry's size."""
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    if beside:
        off = torch.tensor(beside, dtype=torch.float64)
        matrix = matrix + torch.diag(off, 1) + torch.diag(off, -1)
    if not torch.isfinite(matrix).all():
        return float("nan"), float("inf")
    values, vectors = torch.linalg.eigh(matrix)
    return float(values[-1]), abs(float(vectors[-1, -1]))


def sharpness(
    prepared: Prepared,
    model: nn.Module,
    *,
    decay: float = 0.0,
    preconditioner: Sequence[Tensor] | None = None,
) -> Eigenvalue:
    """Compute the largest eigenvalue of the Hessian of the training loss, or of P^-1 H.

    P^-1 H has the eigenvalues of the symmetric P^-1/2 H P^-1/2, which is what is used. The loss
    is that of evenly spread training examples, with the model as it trains (one dropout mask).

    Args:
        prepared: the task.
        model: the model, with its weights; buffers such as running means are moved by one pass.
        decay: weight decay that the optimizer adds to the gradient, and so to the curvature.
        preconditioner: the diagonal P, a tensor of each trained parameter's shape; None is 1.
    """
    product, dim, like = hessian(prepared, model)
    root = None if preconditioner is None else _flat(preconditioner).rsqrt()

    def matrix(vector: Tensor) -> Tensor:
        scaled = vector if root is None else root * vector
        image = product(scaled) + decay * scaled
        return image if root is None else root * image

    generator = torch.Generator().manual_seed(seed_for(prepared.task.name, 0, "sharpness"))
    start = torch.randn(dim, generator=generator, dtype=like.dtype).to(like.device)
    return largest_eigenvalue(matrix, start)


def hessian(prepared: Prepared, model: nn.Module) -> tuple[Product, int, Tensor]:
    """Give the Hessian of a model's training loss as a product, its size, and a tensor like it.

    H v is the gradient of (g . v) for the gradient g (Pearlmutter 1994, "Fast exact
    multiplication by the Hessian"); the graph of g is kept, so each product is one backward pass.
    """
    weights = trained(model)
    index = spread_out(prepared.train.size, max(EXAMPLES, prepared.task.batch_size))
    inputs, targets = prepared.train.take(index)
    model.train()
    with torch.enable_grad():
        loss = prepared.task.loss(model(inputs), targets)
        slope = _flat(torch.autograd.grad(loss, weights, create_graph=True, materialize_grads=True))

    def product(vector: Tensor) -> Tensor:
        if not slope.requires_grad:  # a loss that is linear in the weights has no curvature
            return torch.zeros_like(vector)
        parts = torch.autograd.grad(slope, weights, vector, retain_graph=True, allow_unused=True)
        if all(part is None for part in parts):
            # What torch gives, instead of an error, for a once_differentiable function.
            raise RuntimeError("some operation of the model has no second derivative")
        both = zip(parts, weights, strict=True)
        return _flat([torch.zeros_like(w) if p is None else p.detach() for p, w in both])

    return product, slope.numel(), slope.detach()


def trained(model: nn.Module) -> list[nn.Parameter]:
    """Give the parameters that an optimizer changes."""
    return [weight for weight in model.parameters() if weight.requires_grad]


def spread_out(size: int, most: int) -> Tensor:
    """Give at most so many places, evenly spread over `size` examples."""
    return torch.linspace(0, size - 1, min(size, most), dtype=torch.float64).round().long()


def _flat(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])
