# SPDX-License-Identifier: BSD-3-Clause
"""A.descriptor: the nine integers, and that ScaLAPACK itself finds the elements by them."""

import ctypes
import math
from pathlib import Path

import matrass as mt
import numpy as np
import pytest
from reference import ADDRESSABLE, REPLICATED, grid_shapes, places, raised_together, whole

pytestmark = pytest.mark.ranks(1, 2, 3, 6)

DTYPE, CTXT, M, N, MB, NB, RSRC, CSRC, LLD = range(9)


def scalapack():
    """The ScaLAPACK that the matrices' contexts belong to."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return ctypes.CDLL(next(line.split()[-1] for line in maps if "scalapack" in line))


def element_by_scalapack(A, i, j):
    """``A[i, j]`` by PDELGET, on the ranks of the context; None on the others."""
    descriptor = np.array(A.descriptor, dtype=np.intc)
    if descriptor[CTXT] == -1:
        return None
    alpha = ctypes.c_double(math.nan)
    ia, ja = (ctypes.c_int(o + k) for o, k in zip(A.origin, (i, j), strict=True))
    # A slice is described from the start of the block in which it begins.
    inside = [(o - 1) * bool(len(r) and r[0] == 0) for o, r in zip(A.origin, parts(A), strict=True)]
    address = A.local.ctypes.data - 8 * (inside[0] + inside[1] * int(descriptor[LLD]))
    scalapack().pdelget_(
        b"A",
        b" ",
        ctypes.byref(alpha),
        ctypes.c_void_p(address),
        ctypes.byref(ia),
        ctypes.byref(ja),
        descriptor.ctypes.data_as(ctypes.c_void_p),
    )
    return alpha.value


def parts(A):
    return A.local_rows, A.local_cols


@pytest.mark.parametrize("layout", ADDRESSABLE)
def test_nine_integers(comm, layout):
    for shape in grid_shapes(comm.size):
        for order in "FC":
            grid = mt.Grid(comm, shape, order)
            for extents, block in [((7, 5), 2), ((100, 90), (3, 64)), ((1, 1), 64), ((0, 4), 1)]:
                A = mt.DistMatrix(grid, extents, layout=layout, block=block)
                d = A.descriptor
                assert len(d) == 9
                assert all(isinstance(value, int) for value in d)
                assert d[DTYPE] == 1
                assert d[CTXT] >= 0
                assert (d[M], d[N]) == extents
                assert (d[MB], d[NB]) == A.block
                assert (d[RSRC], d[CSRC]) == (0, 0)
                assert d[LLD] >= max(1, len(A.local_rows))
                assert A.origin == (1, 1)


@pytest.mark.parametrize("layout", ADDRESSABLE)
def test_scalapack_finds_the_elements(comm, layout):
    for shape in grid_shapes(comm.size):
        for order in "FC":
            grid = mt.Grid(comm, shape, order)
            A = mt.from_function(grid, (7, 6), lambda i, j: i + 7 * j, layout=layout, block=2)
            for i, j in [(0, 0), (6, 5), (3, 4), (1, 5)]:
                assert element_by_scalapack(A, i, j) == i + 7 * j


@pytest.mark.parametrize("layout", ADDRESSABLE)
def test_scalapack_finds_the_elements_of_slices(comm, layout):
    grid = mt.Grid(comm)
    A = mt.from_function(grid, (9, 8), lambda i, j: i + 9 * j, layout=layout, block=3)
    for i0, j0 in [(3, 3), (0, 6), (1, 0), (4, 5), (8, 7)]:
        S = A[i0:, j0:]
        rows, cols = 9 - i0, 8 - j0
        for i, j in [(0, 0), (rows - 1, cols - 1), (rows // 2, cols // 2)]:
            assert element_by_scalapack(S, i, j) == (i0 + i) + 9 * (j0 + j)


@pytest.mark.ranks(3, 6)
def test_ranks_beyond_the_grid_are_not_on_the_context(comm):
    A = mt.DistMatrix(mt.Grid(comm, (1, comm.size - 1)), (5, 5), block=2)
    beyond = comm.rank == comm.size - 1
    assert (A.descriptor[CTXT] == -1) == beyond
    assert A.descriptor[LLD] >= 1


@pytest.mark.parametrize("layout", REPLICATED)
def test_replicated_parts_have_none(comm, layout):
    for shape in grid_shapes(comm.size):
        grid = mt.Grid(comm, shape)
        A = mt.DistMatrix(grid, (5, 4), layout=layout, block=2)
        if math.prod(places(dist, shape) for dist in layout.split(",")) == comm.size:
            continue  # nothing is replicated on this grid
        error = raised_together(comm, lambda a=A: a.descriptor)
        assert type(error) is mt.LayoutError
        assert layout in str(error)


def test_transposed_views_have_none(comm):
    A = mt.DistMatrix(mt.Grid(comm), (5, 4), block=2)
    error = raised_together(comm, lambda: A.T.descriptor)
    assert type(error) is mt.LayoutError
    assert A.T.T.descriptor == A.descriptor
    assert A.T.copy().descriptor[M : N + 1] == (4, 5)


@pytest.mark.ranks(1, 2)
def test_what_does_not_fit_scalapack(comm):
    grid = mt.Grid(comm)
    for arguments in (
        {"shape": (2**33, 0)},
        {"shape": (0, 2**33)},
        {"shape": (3, 3), "block": 2**40},
    ):
        A = mt.DistMatrix(grid, **arguments)
        error = raised_together(comm, lambda a=A: a.descriptor)
        assert isinstance(error, mt.InvalidArgument)
        assert "32-bit" in str(error)


def test_contexts_are_kept(comm):
    """One BLACS context for a kind of grid: a thousand matrices do not take a thousand."""
    grid = mt.Grid(comm)
    seen = {mt.DistMatrix(grid, (4, k), block=2).descriptor[CTXT] for k in range(200)}
    assert len(seen) == 1


def test_matrix_of_scalapack_norm(comm):
    """PDLANGE with the descriptor gives the largest element."""
    A = mt.from_global(mt.Grid(comm), whole(20, 30) if comm.rank == 0 else None, block=(3, 4))
    pdlange = scalapack().pdlange_
    pdlange.restype = ctypes.c_double
    descriptor = np.array(A.descriptor, dtype=np.intc)
    m, n, one = ctypes.c_int(20), ctypes.c_int(30), ctypes.c_int(1)
    work = np.zeros(100)
    largest = pdlange(
        b"M",
        *(ctypes.byref(x) for x in (m, n)),
        A.local.ctypes.data_as(ctypes.c_void_p),
        *(ctypes.byref(x) for x in (one, one)),
        descriptor.ctypes.data_as(ctypes.c_void_p),
        work.ctypes.data_as(ctypes.c_void_p),
    )
    assert largest == 599.0
