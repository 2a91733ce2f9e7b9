# SPDX-License-Identifier: BSD-3-Clause
"""A.numpy() on one rank or on all, and A.tiles() with its way back through from_tiles."""

import itertools

import matrass as mt
import numpy as np
import pytest
from reference import DTYPES, LAYOUTS, REPLICATED, entries, raised_together, whole

pytestmark = pytest.mark.ranks(1, 2, 3, 6)


def make(comm, shape, dtype="float64", layout="MC,MR", block=2):
    f = lambda i, j: entries(i, j, shape[0], dtype)  # noqa: E731
    return mt.from_function(mt.Grid(comm), shape, f, layout=layout, block=block, dtype=dtype)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_numpy_on_each_root(comm, layout):
    roots = itertools.cycle(range(comm.size))
    for dtype, shape in itertools.product(DTYPES, [(9, 7), (1, 1), (0, 4), (4, 0), (2, 30)]):
        A = make(comm, shape, dtype, layout)
        expected = whole(*shape, dtype)
        root = next(roots)
        x = A.numpy(root=root)
        assert (x is None) == (comm.rank != root)
        everywhere = A.numpy(root=None)
        for y in filter(lambda a: a is not None, (x, everywhere)):
            assert y.dtype == np.dtype(dtype)
            assert y.shape == shape
            assert y.flags.f_contiguous
            assert y.flags.writeable
            assert np.array_equal(y, expected)


def test_numpy_is_by_default_on_rank_0(comm):
    assert (make(comm, (3, 3)).numpy() is None) == (comm.rank != 0)


@pytest.mark.parametrize("layout", ["MC,MR", "STAR,STAR", "CIRC,CIRC", "VC,STAR"])
def test_numpy_is_a_copy(comm, layout):
    A = make(comm, (9, 7), layout=layout)
    x = A.numpy(root=None)
    x[...] = -1
    assert np.array_equal(A.numpy(root=None), whole(9, 7))


@pytest.mark.ranks(1, 2, 6)
def test_wrong_root(comm):
    A = make(comm, (3, 3))
    for root in (comm.size, -1, 1000):
        error = raised_together(comm, lambda r=root: A.numpy(root=r))
        assert isinstance(error, mt.InvalidArgument)
        assert f"got {root}" in str(error)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tiles_are_views_of_the_right_rectangles(comm, layout):
    for shape, block in itertools.product([(9, 7), (1, 1), (0, 4), (20, 3)], [1, 3, (2, 5), None]):
        A = make(comm, shape, layout=layout, block=block)
        covered = set()
        for i0, j0, tile in A.tiles():
            rows, cols = tile.shape
            i, j = np.arange(i0, i0 + rows)[:, None], np.arange(j0, j0 + cols)[None, :]
            assert np.array_equal(tile, entries(i, j, shape[0], "float64"))
            assert np.shares_memory(tile, A.local)
            places = set(itertools.product(range(i0, i0 + rows), range(j0, j0 + cols)))
            assert not places & covered
            covered |= places
        assert covered == set(itertools.product(A.local_rows.tolist(), A.local_cols.tolist()))


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in REPLICATED])
def test_tiles_there_and_back(comm, layout):
    for dtype, block in zip(DTYPES, [1, 3, (2, 5), None], strict=True):
        A = make(comm, (13, 11), dtype, layout, block)
        for target in ("MC,MR", "VC,STAR", layout):
            B = mt.from_tiles(A.grid, A.tiles(), A.shape, layout=target, block=2)
            assert B.dtype == np.dtype(dtype)
            assert np.array_equal(B.numpy(None), whole(13, 11, dtype))


def test_tiles_of_views(comm):
    A = make(comm, (13, 11), block=3)
    for V, x in [(A.T, whole(13, 11).T), (A[2:9, 4:11], whole(13, 11)[2:9, 4:11])]:
        for i0, j0, tile in V.tiles():
            rows, cols = tile.shape
            assert np.array_equal(tile, x[i0 : i0 + rows, j0 : j0 + cols])
        B = mt.from_tiles(A.grid, V.tiles(), V.shape)
        assert np.array_equal(B.numpy(None), x)
