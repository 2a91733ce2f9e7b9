# SPDX-License-Identifier: BSD-3-Clause
"""Wrong input to dense routines: one named error on every rank, before any work."""

import matrass as mt
import numpy as np
import pytest
from reference import raised_together

pytestmark = [pytest.mark.ranks(1, 2, 5, 6), pytest.mark.time_limit(120)]
la = mt.linalg
SQUARE = ("cholesky", "eigh", "eigvals", "inv", "det", "slogdet")
ALL = (*SQUARE, "lu", "qr", "svd", "pinv", "matrix_rank", "cond")


def place(grid, x, layout="VC,STAR"):
    return mt.from_global(grid, np.asarray(x), layout=layout, root=None)


@pytest.mark.parametrize("routine", SQUARE)
def test_not_square(comm, routine):
    A = place(mt.Grid(comm), np.ones((7, 5)))
    error = raised_together(comm, lambda: getattr(la, routine)(A))
    assert isinstance(error, mt.ShapeError)
    assert str(error).startswith(f"{routine}: A must be square")
    assert "(7, 5)" in str(error)


@pytest.mark.parametrize("routine", ALL)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(comm, routine, bad):
    """One element, which one rank alone sees."""
    x = np.eye(70) + np.ones((70, 70))
    x[65, 3] = bad
    A = place(mt.Grid(comm), x)
    error = raised_together(comm, lambda: getattr(la, routine)(A))
    assert isinstance(error, mt.InvalidArgument)
    assert "at (65, 3)" in str(error)
    turned = raised_together(comm, lambda: getattr(la, routine)(place(mt.Grid(comm), x.T).T))
    assert "at (65, 3)" in str(turned)


@pytest.mark.parametrize("routine", ALL)
def test_no_matrix(comm, routine):
    error = raised_together(comm, lambda: getattr(la, routine)(np.eye(3)))
    assert isinstance(error, mt.InvalidArgument)
    assert "from_global" in str(error)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_not_positive_definite(comm, dtype):
    for order in (1, 5, 66, 100):
        x = np.eye(100, dtype=dtype)
        x[order - 1, order - 1] = -1
        A, B = place(mt.Grid(comm), x), place(mt.Grid(comm), np.ones((100, 2), dtype))
        for call in (
            lambda a=A: la.cholesky(a),
            lambda a=A: la.cholesky(a, lower=False),
            lambda a=A, b=B: la.solve(a, b, "pos"),
        ):
            error = raised_together(comm, call)
            assert isinstance(error, mt.NotPositiveDefiniteError)
            assert isinstance(error, np.linalg.LinAlgError)
            assert f"order {order} " in str(error)


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_singular(comm, dtype):
    for pivot in (1, 64, 100):
        x = np.triu(np.ones((100, 100), dtype))
        x[pivot - 1, pivot - 1 :] = 0
        A, B = place(mt.Grid(comm), x), place(mt.Grid(comm), np.ones((100, 2), dtype))
        for call in (lambda a=A, b=B: la.solve(a, b), lambda a=A: la.inv(a)):
            error = raised_together(comm, call)
            assert isinstance(error, mt.SingularError)
            assert isinstance(error, np.linalg.LinAlgError)
            assert f"pivot {pivot} " in str(error)
        assert la.det(A) == 0
        assert la.cond(A, 1) == np.inf
        U = la.lu(A).U.numpy(None)
        assert U[pivot - 1, pivot - 1] == 0


def test_systems_that_do_not_fit(comm):
    grid = mt.Grid(comm)
    A = place(grid, np.eye(6))
    other = mt.Grid(comm, (1, 1))
    for B, kind, text in (
        (place(grid, np.ones((5, 2))), mt.ShapeError, "6 and 5"),
        (place(grid, np.ones((6, 2), "float32")), mt.DTypeError, "float32"),
        (np.ones((6, 2)), mt.InvalidArgument, "DistMatrix"),
        (place(grid, np.full((6, 2), np.nan)), mt.InvalidArgument, "solve: B must be finite"),
    ):
        error = raised_together(comm, lambda b=B: la.solve(A, b))
        assert isinstance(error, kind)
        assert text in str(error)
    if comm.size > 1:
        error = raised_together(comm, lambda: la.solve(A, place(other, np.ones((6, 2)))))
        assert isinstance(error, mt.InvalidArgument)
        assert "grid" in str(error)


@pytest.mark.parametrize(
    "call",
    [
        lambda A: la.qr(A, "full"),
        lambda A: la.qr(A, "r", certify=True),
        lambda A: la.svd(A, compute_uv=False, certify=True),
        lambda A: la.eigh(A, "X"),
        lambda A: la.solve(A, A, "spd"),
        lambda A: la.cond(A, 3),
        lambda A: la.cond(A, True),
        lambda A: la.pinv(A, -1),
        lambda A: la.pinv(A, "small"),
        lambda A: la.matrix_rank(A, 1.0, rtol=1.0),
        lambda A: la.cond(A[:0, :0]),
    ],
)
def test_wrong_choices(comm, call):
    A = place(mt.Grid(comm), np.eye(6))
    assert isinstance(raised_together(comm, lambda: call(A)), mt.InvalidArgument)


@pytest.mark.ranks(2, 5)
def test_arguments_that_differ(comm):
    A = place(mt.Grid(comm), np.eye(6))
    last = comm.rank == comm.size - 1
    for call in (
        lambda: la.cholesky(A, lower=last),
        lambda: la.qr(A, "r" if last else "reduced"),
        lambda: la.svd(A, full_matrices=last),
        lambda: la.svd(A) if last else la.lu(A),
        lambda: la.solve(A, A, "pos" if last else "gen"),
    ):
        assert isinstance(raised_together(comm, call), mt.InvalidArgument)
