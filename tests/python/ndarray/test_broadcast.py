# SPDX-License-Identifier: BSD-3-Clause
"""Rows, columns and single elements beside matrices: matrices of one row, and arrays."""

import itertools
import operator

import matrass as mt
import numpy as np
import pytest
from beside_numpy import M, N, check, moved, pairs, place, sample
from reference import LAYOUTS, grid_shapes, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 6)


def test_rows_and_columns_of_any_layout(comm):
    x = sample()
    row, col, one = sample(1, N, seed=1), sample(M, 1, seed=2), sample(1, 1, seed=3)
    grids = itertools.cycle(mt.Grid(comm, s, o) for s in grid_shapes(comm.size) for o in "FC")
    starts = itertools.cycle(range(5))
    blocks = itertools.cycle([1, 3, (2, 5), None])
    for layout, grid in zip(LAYOUTS, grids, strict=False):
        A = place(comm, x, layout, next(blocks), grid)
        for z, other in pairs((row, col, one), LAYOUTS, *range(next(starts), 14, 5)):
            B = place(comm, z, other, next(blocks), grid)
            check(A - B, x - z, like=A)
            check(B > A, z > x, like=A)


def test_views_and_blocks(comm):
    x = sample()
    for layout in LAYOUTS:
        A = place(comm, x, layout, 2)
        check(A - A[3], x - x[3], like=A)
        check(A / A[:, 5], x / x[:, 5:6], like=A)
        check(A.T - A.T[2], x.T - x.T[2], like=A.T)
        V, v = A[3:11, 1:6], x[3:11, 1:6]
        check(V * A[0:1, 1:6], v * x[0:1, 1:6], like=V)
        check(V + A[3:11, 6], v + x[3:11, 6:7], like=V)
        check(V.T + V[:, 0:1].T, v.T + v[:, 0:1].T, like=V.T)


def test_arrays_of_every_rank(comm):
    x = sample()
    r, c = sample(1, N, seed=1), sample(M, 1, seed=2)
    for layout in LAYOUTS:
        A = place(comm, x, layout, 2)
        for y in (r[0], r, c, r[:, :1], r[0, :1], r.astype("float32"), np.arange(N), r > 1):
            check(A - y, x - y, like=A)
            check(y * A, y * x, like=A)
            check(y <= A, x >= y, like=A)
            check(A.T + y.T if y.ndim == 2 and len(y) > 1 else A + y,
                  x.T + y.T if y.ndim == 2 and len(y) > 1 else x + y)  # fmt: skip
        B = A.copy()
        B *= r[0]
        B -= c
        assert np.array_equal(B.numpy(None), x * r[0] - c)


def test_outer(comm):
    """Where no operand has the result's shape, it is [MC,MR]."""
    r, c = sample(1, N), sample(M, 1, seed=1)
    for first, second in pairs(LAYOUTS, LAYOUTS, 1, 4, 9):
        R, C = place(comm, r, first), place(comm, c, second, 2)
        check(R * C, r * c)
        check(C <= R, c <= r)
    assert str((R * C).layout) == "[MC,MR]"
    check(R + c, r + c)
    check(c - R, c - r)
    check(C + r[0], c + r)


def test_matrices_of_one_row(comm):
    r, s = sample(1, N), sample(1, N, seed=1)
    for layout in LAYOUTS:
        R = place(comm, r, layout)
        check(R + place(comm, s, layout), r + s, like=R)
        check(R + R[:, 2], r + r[:, 2:3], like=R)
        check(R.T + R.T[1], r.T + r.T[1], like=R.T)


def test_empty(comm):
    for layout in LAYOUTS:
        A = place(comm, np.ones((0, N)), layout)
        check(A + np.ones(N), np.ones((0, N)), like=A)
        check(A + place(comm, np.ones((1, N))), np.ones((0, N)), like=A)
        B = place(comm, np.ones((M, 0)), layout)
        check(B * place(comm, np.ones((M, 1))), np.ones((M, 0)), like=B)
        check(B * place(comm, np.ones((1, 1))), np.ones((M, 0)), like=B)


def test_aligned_vectors_do_not_move(comm):
    x = sample(40, 30)
    for layout, block in itertools.product(LAYOUTS, (2, None)):
        A = place(comm, x, layout, block)
        for V, v in ((A, x), (A.T, x.T), (A[3:33, 5:28], x[3:33, 5:28])):
            mean, sums = V.mean(0), V.sum(1)
            found, sent = moved(lambda V=V, mean=mean, sums=sums: (V - mean) / sums)
            assert not any(sent.values()), (layout, sent)
            expected = (v - v.mean(0)) / v.sum(1, keepdims=True)
            assert np.allclose(found.numpy(None), expected, rtol=1e-12, atol=1e-13)


WRONG = {
    "column": (lambda A: A + A[:, :1].T, "broadcast"),
    "in place": (lambda A: operator.iadd(A[0:1], A[1:3]), "out must have shape"),
    "array": (lambda A: A + np.ones((N, 1)), "broadcast"),
    "empty array": (lambda A: A + np.ones((0, 1)), "broadcast"),
}


@pytest.mark.parametrize(("call", "text"), WRONG.values(), ids=WRONG)
@pytest.mark.ranks(1, 4)
def test_wrong_shapes(comm, call, text):
    A = place(comm, sample())
    error = raised_together(comm, lambda: call(A))
    assert isinstance(error, mt.ShapeError)
    assert text in str(error)
