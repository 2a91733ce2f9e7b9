# SPDX-License-Identifier: BSD-3-Clause
"""from_local: fitting arrays are adopted (equal addresses, both ways, lifetimes), others copied."""

import gc
import weakref

import matrass as mt
import numpy as np
import pytest
from reference import DTYPES, LAYOUTS, entries, local_indices, raised_together

M, N, BLOCK = 13, 11, 2

pytestmark = pytest.mark.ranks(1, 2, 3, 6)


def part(grid, layout, dtype="float64", block=BLOCK):
    """This rank's part of `entries`, F order."""
    rows, cols = local_indices(layout, (M, N), (block, block), (grid.shape, grid.order), grid.rank)
    i, j = np.array(rows, dtype=int)[:, None], np.array(cols, dtype=int)[None, :]
    return np.asfortranarray(entries(i, j, M, dtype))


def adopt(grid, local, layout="VC,STAR", block=BLOCK):
    return mt.from_local(grid, local, (M, N), layout=layout, block=block)


def expected(dtype="float64"):
    return entries(np.arange(M)[:, None], np.arange(N)[None, :], M, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_adoption(comm, dtype):
    for layout in LAYOUTS:
        grid = mt.Grid(comm)
        local = part(grid, layout, dtype)
        A = adopt(grid, local if local.size else None, layout)
        assert A.dtype == np.dtype(dtype) or not local.size
        if local.size:
            assert A.local.ctypes.data == local.ctypes.data
            assert np.shares_memory(A.local, local)
        comm.barrier()
        assert np.array_equal(A.numpy(None), expected(dtype))
        local[...] = 5  # seen in the matrix
        comm.barrier()
        assert np.array_equal(A.numpy(None), np.full((M, N), 5, dtype))
        A.local[...] = 6  # seen in the array
        assert (local == 6).all()


def test_dtype_of_ranks_without_a_share(comm):
    """Ranks that give None get the dtype of the others."""
    grid = mt.Grid(comm)
    local = part(grid, "CIRC,CIRC", "complex64")
    A = adopt(grid, local if comm.rank == 0 else None, "CIRC,CIRC")
    assert A.dtype == np.complex64
    assert np.array_equal(A.numpy(None), expected("complex64"))


def test_matrix_keeps_the_array_alive(comm):
    grid = mt.Grid(comm)
    local = part(grid, "VC,STAR")
    alive = weakref.ref(local)
    A = adopt(grid, local)
    kept = local.copy()
    del local
    gc.collect()
    assert alive() is not None or not kept.size
    assert np.array_equal(A.local, kept)
    view, S = A.local, A[0:5]
    del A
    gc.collect()
    assert np.array_equal(view, kept)
    assert np.array_equal(S.numpy(None), expected()[0:5])
    del view, S
    gc.collect()
    assert alive() is None  # and nothing leaks


def test_array_outlives_the_matrix(comm):
    grid = mt.Grid(comm)
    local = part(grid, "VC,STAR")
    kept = local.copy()
    A = adopt(grid, local)
    A.to("MC,MR", block=3)
    del A
    gc.collect()
    assert np.array_equal(local, kept)
    local[...] = 1  # still the user's


def test_views_of_larger_arrays(comm):
    """Rows of a taller F-order array: a leading dimension above the rows, adopted or copied."""
    grid = mt.Grid(comm)
    inner = part(grid, "VC,STAR")
    outer = np.full((inner.shape[0] + 7, inner.shape[1] + 2), -1.0, order="F")
    local = outer[3 : 3 + inner.shape[0], 1 : 1 + inner.shape[1]]
    local[...] = inner
    A = adopt(grid, local)
    assert np.array_equal(A.local, inner)
    assert np.array_equal(A.to("MC,MR", block=1).numpy(None), expected())
    assert np.array_equal((A.T @ A).numpy(None), expected().T @ expected())
    assert (outer[:3] == -1).all()
    assert (outer[3 + inner.shape[0] :] == -1).all()


def c_order(x):
    return np.ascontiguousarray(x)


def read_only(x):
    y = x.copy("F")
    y.flags.writeable = False
    return y


def unaligned(x):
    raw = np.zeros(x.nbytes + 1, dtype=np.uint8)
    y = raw[1:].view(x.dtype).reshape(x.shape, order="F")
    y[...] = x
    assert not y.flags.aligned or not x.size
    return y


def byte_swapped(x):
    return x.astype(x.dtype.newbyteorder())


def backwards(x):
    return np.asfortranarray(x[::-1])[::-1]


def columns_backwards(x):
    return np.asfortranarray(x[:, ::-1])[:, ::-1]


def every_other_row(x):
    return np.repeat(x, 2, axis=0)[::2]


def broadcast(x):
    return np.broadcast_to(x[:1, :1], x.shape)


@pytest.mark.parametrize(
    "form",
    [c_order, read_only, unaligned, byte_swapped, backwards, columns_backwards, every_other_row],
)
@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_other_arrays_are_copied(comm, form, dtype):
    grid = mt.Grid(comm)
    local = form(part(grid, "VC,STAR", dtype))
    before = local.copy()
    A = adopt(grid, local)
    if min(local.shape) > 1:  # a single row or column is in both orders
        assert not np.shares_memory(A.local, local)
        assert A.local.flags.writeable
        assert A.local.flags.aligned
        assert A.local.dtype == np.dtype(dtype)
        A.local[...] = 0
        assert np.array_equal(local, before)
        A.local[...] = before
    assert np.array_equal(A.numpy(None), expected(dtype))


def test_strides_of_zero(comm):
    grid = mt.Grid(comm)
    local = broadcast(part(grid, "VC,STAR"))
    A = adopt(grid, local)
    assert np.array_equal(A.local, local)
    assert not np.shares_memory(A.local, local) or A.local.size <= 1


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda x: x.astype("int64"), mt.DTypeError),
        (lambda x: x.astype("float16"), mt.DTypeError),
        (lambda x: x.astype(object), mt.DTypeError),
        (lambda x: x.astype(np.longdouble), mt.DTypeError),
        (lambda x: x.astype(bool), mt.DTypeError),
        (lambda x: x.ravel(), mt.ShapeError),
        (lambda x: x[..., None], mt.ShapeError),
        (lambda x: np.zeros((x.shape[0] + 1, x.shape[1])), mt.ShapeError),
        (lambda x: x.T.copy(), mt.ShapeError),
        (lambda x: None, mt.ShapeError),
        (lambda x: "abc", mt.InvalidArgument),
    ],
)
def test_wrong_arrays(comm, make, kind):
    """On all ranks, and on one rank alone."""
    grid = mt.Grid(comm)
    for culprits in (range(comm.size), [0]):
        local = part(grid, "VC,STAR")
        given = make(local) if comm.rank in culprits else local
        error = raised_together(comm, lambda x=given: adopt(grid, x))
        assert isinstance(error, kind)
        assert "from_local" in str(error)
    local = part(grid, "VC,STAR")
    assert np.array_equal(adopt(grid, local).numpy(None), expected())  # the world works


@pytest.mark.ranks(2, 6)
def test_dtypes_that_differ_between_ranks(comm):
    grid = mt.Grid(comm)
    local = part(grid, "VC,STAR", "float32" if comm.rank == 1 else "float64")
    error = raised_together(comm, lambda: adopt(grid, local))
    assert isinstance(error, mt.DTypeError)
    assert "float32" in str(error)
    assert "float64" in str(error)
    assert "rank 1" in str(error)


def test_one_array_in_two_matrices(comm):
    grid = mt.Grid(comm)
    local = part(grid, "VC,STAR")
    A, B = adopt(grid, local), adopt(grid, local)
    A.local[...] = 2
    assert (B.local == 2).all()
