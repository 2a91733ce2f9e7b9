# SPDX-License-Identifier: BSD-3-Clause
"""Grids that some ranks are not on: these hold nothing, and know every scalar all the same."""

import matrass as mt
import numpy as np
import pytest
from beside_numpy import check, pairs, place, sample
from reference import LAYOUTS, raised_together

pytestmark = pytest.mark.ranks(2, 5, 6)


def grids(comm):
    shapes = {2: [(1, 1)], 5: [(2, 2), (1, 3)], 6: [(2, 2), (5, 1)]}[comm.size]
    return [mt.Grid(comm, shape, order) for shape, order in zip(shapes * 2, "FCCF", strict=False)]


def test_elements_rows_and_columns(comm):
    x, y = sample(), sample(seed=1)
    for grid, (first, second) in pairs(
        grids(comm), pairs(LAYOUTS, LAYOUTS, 0, 3), *range(0, 28, 3)
    ):
        A, B = place(comm, x, first, 2, grid), place(comm, y, second, 3, grid)
        check(A - B, x - y, like=A)
        check(A * B[2], x * y[2], like=A)
        check(A[:, 3] < B, x[:, 3:4] < y)
        check(mt.where(A > B, A, 0.0), np.where(x > y, x, 0.0), like=A)
        A += B
        assert np.array_equal(A.numpy(None), x + y)


def test_reductions(comm):
    x = sample()
    for grid, layout in pairs(grids(comm), LAYOUTS, *range(0, 14, 3)):
        A = place(comm, x, layout, 2, grid)
        assert len(set(comm.allgather(float(A.sum())))) == 1
        assert np.isclose(A.std(), x.std(), rtol=1e-14)
        assert A.max() == x.max()
        assert A.argmin() == x.argmin()
        assert (A > 2).sum() == (x > 2).sum()
        check(A.max(0), x.max(0, keepdims=True))
        check((A > 2).any(1), (x > 2).any(1, keepdims=True))
        assert np.allclose((A - A.mean(0)).numpy(None), x - x.mean(0), rtol=1e-12, atol=1e-13)


def test_random(comm):
    whole = mt.random.normal(mt.Grid(comm), (13, 7), 3).numpy(None)
    for grid in grids(comm):
        A = mt.random.normal(grid, (13, 7), 3, layout="VR,STAR", block=2)
        assert np.array_equal(A.numpy(None), whole)


def test_two_grids(comm):
    one, other = mt.Grid(comm), mt.Grid(comm, (1, 1))
    A, B = place(comm, sample(), grid=one), place(comm, sample(), grid=other)
    for call in (
        lambda: A + B,
        lambda: A > B,
        lambda: mt.where(A > 0, A, B),
        lambda: np.add(A, 1, out=B),
    ):
        error = raised_together(comm, call)
        assert isinstance(error, mt.InvalidArgument)
        assert "share one process grid" in str(error)
