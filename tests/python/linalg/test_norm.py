# SPDX-License-Identifier: BSD-3-Clause
"""Norms against NumPy: all layouts and views, NaN, infinity, the ends of the exponent range."""

import itertools
import math

import matrass as mt
import numpy as np
import pytest
from reference import DTYPES, LAYOUTS, raised_together

ORDERS = (None, "fro", 1, -1, np.inf, -np.inf, "max")

pytestmark = pytest.mark.ranks(1, 2, 3, 6)


def reference(x, order):
    if order == "max":
        return np.abs(x).max()
    return np.linalg.norm(x.astype(np.result_type(x.dtype, np.float64)), order)


def sample(m, n, dtype):
    rng = np.random.default_rng(m + n)
    x = rng.standard_normal((m, n))
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal((m, n))
    return x.astype(dtype)


def place(comm, x, layout="MC,MR", block=3):
    return mt.from_global(mt.Grid(comm), x, layout=layout, block=block, root=None)


@pytest.mark.parametrize("dtype", DTYPES)
def test_against_numpy(comm, dtype):
    """Relative error at most (m + n) eps: sums of at most m n squares, of m or n moduli."""
    x = sample(13, 11, dtype)
    bound = (13 + 11) * np.finfo(dtype).eps
    for layout, order in zip(LAYOUTS, itertools.cycle(ORDERS), strict=False):
        A = place(comm, x, layout)
        value = mt.linalg.norm(A, order)
        assert isinstance(value, float)
        assert abs(value - reference(x, order)) <= bound * reference(x, order)
        assert len(set(comm.allgather(value))) == 1  # the same bits on every rank
    for order in ORDERS:
        assert abs(A.norm(order) - reference(x, order)) <= bound * reference(x, order)


def test_views(comm):
    x = sample(13, 11, "complex128")
    A = place(comm, x)
    bound = (13 + 11) * np.finfo("float64").eps
    views = [
        (A.T, x.T),
        (A.H, x.conj().T),
        (A[2:9, 3:10], x[2:9, 3:10]),
        (A[2:9, 3:10].T, x[2:9, 3:10].T),
        (A.T[1:7, 5:6], x.T[1:7, 5:6]),
        (A.to("STAR,VR")[4:, :2], x[4:, :2]),
    ]
    for (V, y), order in itertools.product(views, ORDERS):
        assert abs(V.norm(order) - reference(y, order)) <= bound * reference(y, order)


@pytest.mark.parametrize("layout", ["MC,MR", "VC,STAR", "STAR,STAR", "MD,STAR"])
def test_nan(comm, layout):
    for place_of_nan in [(0, 0), (12, 10), (6, 5)]:
        x = sample(13, 11, "float64")
        x[place_of_nan] = np.nan
        for order in ORDERS:
            assert math.isnan(place(comm, x, layout).norm(order))
    z = sample(13, 11, "complex64")
    z[3, 4] = complex(0, np.nan)
    for order in ORDERS:
        assert math.isnan(place(comm, z, layout).norm(order))


def test_infinity(comm):
    x = np.ones((13, 11))
    x[7, 2] = -np.inf
    A = place(comm, x)
    for order in (None, "fro", 1, np.inf, "max"):
        assert A.norm(order) == np.inf
    assert A.norm(-1) == 13.0
    assert A.norm(-np.inf) == 11.0
    z = np.ones((13, 11), "complex128")
    z[7, 2] = complex(-np.inf, 1)
    assert place(comm, z).norm() == np.inf
    assert place(comm, z).norm("max") == np.inf


def test_infinity_and_nan(comm):
    x = np.ones((13, 11))
    x[0, 0], x[12, 10] = np.inf, np.nan
    for order in (None, 1, np.inf, "max"):
        assert math.isnan(place(comm, x).norm(order))


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e307, 5e-324, 1e-310])
def test_ends_of_the_range(comm, scale):
    """Squares would overflow or vanish; exact: 3, 4 and zeros give 5."""
    x = np.zeros((13, 11))
    x[1, 2], x[11, 9] = 3 * scale, -4 * scale
    A = place(comm, x, block=2)
    for value in (A.norm(), A.norm("fro"), A.to("VC,STAR").norm(), A.T.norm()):
        assert math.isclose(value, 5 * scale, rel_tol=4 * np.finfo("float64").eps, abs_tol=5e-324)
    assert A.norm("max") == 4 * scale
    assert A.norm(1) == 4 * scale
    z = x * 1j
    assert math.isclose(
        place(comm, z).norm(), 5 * scale, rel_tol=4 * np.finfo("float64").eps, abs_tol=5e-324
    )


def test_range_of_float32(comm):
    for scale in (1e30, 1e-30):
        x = np.zeros((13, 11), "float32")
        x[1, 2], x[11, 9] = 3 * scale, 4 * scale
        assert math.isclose(place(comm, x).norm(), 5 * scale, rel_tol=1e-6)


def test_large_and_tiny_together(comm):
    x = np.full((13, 11), 1e-200)
    x[5, 5] = 1e200
    assert place(comm, x).norm() == 1e200


def test_zero_and_one(comm):
    for order in ORDERS:
        assert mt.DistMatrix(mt.Grid(comm), (5, 4)).norm(order) == 0.0
        assert place(comm, np.array([[-3.0]])).norm(order) == 3.0


def test_empty(comm):
    """As NumPy where NumPy has a value: 0 for the Frobenius norm."""
    for shape in [(0, 5), (5, 0), (0, 0)]:
        A = mt.DistMatrix(mt.Grid(comm), shape)
        assert A.norm() == 0.0
        assert A.norm("fro") == 0.0


def test_replicas_count_once(comm):
    x = np.ones((4, 9))
    for layout in LAYOUTS:
        assert place(comm, x, layout).norm() == 6.0
        assert place(comm, x, layout).norm(1) == 4.0
        assert place(comm, x, layout).norm(np.inf) == 9.0


@pytest.mark.parametrize("order", [2, -2, "nuc", "x", 3, 0])
@pytest.mark.ranks(1, 3)
def test_wrong_orders(comm, order):
    A = mt.DistMatrix(mt.Grid(comm), (5, 4))
    error = raised_together(comm, lambda: A.norm(order))
    assert isinstance(error, mt.InvalidArgument)
    assert str(error).startswith("norm: ")
    assert f"got {order!r}" in str(error)


@pytest.mark.ranks(1, 2)
def test_what_is_no_matrix(comm):
    error = raised_together(comm, lambda: mt.linalg.norm(np.ones((3, 3))))
    assert isinstance(error, mt.InvalidArgument)


@pytest.mark.ranks(2, 3)
def test_orders_that_differ_between_ranks(comm):
    A = mt.DistMatrix(mt.Grid(comm), (5, 4))
    error = raised_together(comm, lambda: A.norm(1 if comm.rank == 0 else "fro"))
    assert isinstance(error, mt.InvalidArgument)
