"""Matrix products of many lanes with the bits that each lane would have by itself.

A processor's library has several kernels, which sum in several orders: for a batch of products
and for one, for small matrices and for large ones, for numbers that begin at a multiple of 16
bytes and for others. Which is taken when no manual says, and it differs between processors. So
it is tried out, once for each layout: all lanes at once where that gives each its own bits, else
one after the other.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from etude.training.recording import Layout

Product = Callable[..., Tensor]
_ALIGNMENT = 64
"""A tensor of its own begins at a multiple of so many bytes."""
_DRAWN = 10_007
"""Numbers that are drawn; a prime, so that no row is repeated before all were drawn."""


def product_for(left: Layout, right: Layout) -> Product:
    """Give what multiplies each lane's matrices, [lanes, n, k] x [lanes, k, m] -> [lanes, n, m]."""
    return _quickest(_PRODUCTS, left, right)


def affine_for(bias: Layout, left: Layout, right: Layout) -> Product:
    """Give what does each lane's linear layer, [lanes, 1, m] + [lanes, n, k] x [lanes, k, m]."""
    return _quickest(_AFFINE, bias, left, right)


def _each_product(left: Tensor, right: Tensor) -> Tensor:
    return torch.stack([_own(a) @ _own(b) for a, b in zip(left, right, strict=True)])


def _each_affine(bias: Tensor, left: Tensor, right: Tensor) -> Tensor:
    lanes = zip(bias, left, right, strict=True)
    return torch.stack([torch.addmm(c[0], _own(a), _own(b)) for c, a, b in lanes])


def _summed_after(bias: Tensor, left: Tensor, right: Tensor) -> Tensor:
    return bias + torch.bmm(left, right)


_PRODUCTS: tuple[Product, ...] = (torch.bmm, _each_product)
_AFFINE: tuple[Product, ...] = (torch.baddbmm, _summed_after, _each_affine)
"""Ways to compute the same, the quickest first; the last one has a lane's own bits."""


def _own(matrix: Tensor) -> Tensor:
    """Give a lane's matrix as it would lie in memory by itself: densely, and aligned."""
    turned = matrix.stride(0) < matrix.stride(1)
    rows = matrix.t() if turned else matrix
    # A trace keeps what is done here, and other lanes may lie elsewhere.
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    if tracing or not rows.is_contiguous() or rows.data_ptr() % _ALIGNMENT:
        rows = rows.clone(memory_format=torch.contiguous_format)
    return rows.t() if turned else rows


@cache
def _quickest(ways: tuple[Product, ...], *layouts: Layout) -> Product:
    """Give the first way that has the bits of the last one, on numbers drawn at random.

    A single lane's bits depend on where it lies in memory, so it is moved by the last one.
    """
    if layouts[0][1][0] == 1:
        return ways[-1]
    drawn = [_drawn(layout, seed) for seed, layout in enumerate(layouts)]
    wanted = ways[-1](*drawn)
    return next(way for way in ways if way is ways[-1] or torch.equal(way(*drawn), wanted))


def _drawn(layout: Layout, seed: int) -> Tensor:
    dtype, shape, strides = layout
    room = 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    few = torch.randn(_DRAWN, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    return few.repeat(-(-room // _DRAWN))[:room].as_strided(shape, strides)
