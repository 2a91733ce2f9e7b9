# SPDX-License-Identifier: BSD-3-Clause
"""tall_qr, lstsq, ridge, leverage_scores against NumPy, and matmul of tall matrices in place."""

import itertools

import matrass as mt
import numpy as np
import pytest
from known_svd import eps_of, far_from_orthonormal, random_array, wide, with_spectrum
from reference import DTYPES, LAYOUTS, grid_shapes, raised_together

pytestmark = pytest.mark.ranks(1, 2, 3, 6)


def place(grid, x, layout="VC,STAR", block=None):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


def check_qr(x, q, r):
    m, n = x.shape
    bound = 20 * max(n, 1) * eps_of(x.dtype)
    r = r.numpy(None)
    assert r.shape == (n, n)
    assert (np.tril(r, -1) == 0).all()
    assert (np.diag(r).real >= 0).all()
    assert (np.diag(r).imag == 0).all()
    r = wide(r)
    size = np.linalg.norm(x)
    if q is None:
        assert np.linalg.norm(r.conj().T @ r - wide(x).conj().T @ wide(x)) <= bound * size**2
        return
    assert str(q.layout) == "[VC,STAR]"
    q = wide(q.numpy(None))
    assert q.shape == (m, n)
    assert np.linalg.norm(q @ r - x) <= bound * size
    assert n == 0 or far_from_orthonormal(q) <= bound


@pytest.mark.time_limit(120)
@pytest.mark.parametrize("dtype", DTYPES)
def test_qr(comm, dtype):
    for shape, (m, n) in itertools.product(
        grid_shapes(comm.size), [(40, 7), (7, 7), (1, 1), (5, 0), (0, 0), (31, 1)]
    ):
        grid = mt.Grid(comm, shape)
        x = random_array(m, n, dtype, 1).astype(dtype)
        for layout, method in zip(LAYOUTS, itertools.cycle(("auto", "cholesky", "tsqr"))):
            a = place(grid, x, layout, 3)
            check_qr(x, *mt.linalg.tall_qr(a, method=method))
        r = mt.linalg.tall_qr(a, "r")
        assert isinstance(r, mt.DistMatrix)
        check_qr(x, None, r)


def test_qr_keeps_rows_where_they_are(comm):
    grid = mt.Grid(comm)
    x = random_array(50, 4, "float64", 1)
    for block in (1, 3, None):
        a = place(grid, x, block=block)
        q = mt.linalg.tall_qr(a).Q
        assert q.block[0] == a.block[0]
        assert (q.local_rows == a.local_rows).all()


def test_qr_of_ill_conditioned_matrices(comm):
    grid = mt.Grid(comm)
    for condition in (1e3, 1e7, 1e12, np.inf):
        s = [1, 0.5, 1 / condition, 0.2 / condition]
        x = with_spectrum(300, 4, s, "float64")
        found = mt.linalg.tall_qr(place(grid, x), certify=True)
        check_qr(x, *found)
        assert found.certificate.residual <= 1e-15 * 20
        assert found.certificate.orthogonality <= 1e-15 * 20
        alone = mt.linalg.tall_qr(place(grid, x), "r", certify=True)
        assert alone.Q is None
        assert alone.certificate.orthogonality is None
        assert alone.certificate.residual <= 1e-15 * 20


def check_lstsq(x, y, found, rcond=None):
    expected = np.linalg.lstsq(wide(x), wide(y), rcond=rcond)
    eps, real = eps_of(x.dtype), x.real.dtype
    assert found.rank == expected[2]
    assert isinstance(found.rank, int)
    assert found.residuals.shape == expected[1].shape
    assert found.s.shape == expected[3].shape
    assert found.residuals.dtype == found.s.dtype == real
    assert str(found.x.layout) == "[STAR,STAR]"
    top = expected[3][0] if len(expected[3]) else 0.0
    assert np.allclose(found.s, expected[3], rtol=0, atol=(2 * eps + 1e-14) * top)
    # The matrices' condition numbers are below 10.
    got = found.x.numpy(None)
    size = max(np.linalg.norm(expected[0]), np.linalg.norm(y)) + 1e-300
    assert got.shape == expected[0].shape
    assert np.linalg.norm(got - expected[0]) <= (4 * eps + 1e-12) * size
    assert np.allclose(found.residuals, expected[1], rtol=4 * eps + 1e-12)


@pytest.mark.time_limit(120)
@pytest.mark.parametrize("dtype", DTYPES)
def test_lstsq(comm, dtype):
    """Every layout on both sides; shapes with nothing in them, too."""
    grid = mt.Grid(comm)
    layouts = itertools.cycle(zip(LAYOUTS, reversed(LAYOUTS), strict=True))
    for (m, n), k in itertools.product(
        [(60, 5), (5, 60), (6, 6), (1, 1), (7, 1), (1, 7), (4, 0), (0, 4), (0, 0)], (1, 0, 9)
    ):
        s = 1 / (1 + np.arange(min(m, n)))
        x = with_spectrum(m, n, s, dtype) if min(m, n) else np.zeros((m, n), dtype)
        y = random_array(m, k, dtype, 2).astype(dtype)
        for _ in range(3):
            la, lb = next(layouts)
            found = mt.linalg.lstsq(place(grid, x, la, 2), place(grid, y, lb, 3))
            if n == 0:  # NumPy's residuals of no unknowns differ between versions
                assert found.x.shape == (0, k)
                continue
            check_lstsq(x, y, found)


def test_lstsq_without_full_rank(comm):
    grid = mt.Grid(comm)
    for m, n in ((80, 6), (6, 80), (6, 6)):
        x = with_spectrum(m, n, [3, 2, 1, 0, 0, 0], "float64")
        y = random_array(m, 2, "float64", 3)
        found = mt.linalg.lstsq(place(grid, x), place(grid, y), certify=True)
        assert found.rank == 3
        check_lstsq(x, y, found)
        # One column twice: exactly dependent.
        x[:, 1] = x[:, 0]
        check_lstsq(x, y, mt.linalg.lstsq(place(grid, x), place(grid, y), 1e-10), 1e-10)
    x, y = with_spectrum(80, 4, [4, 3, 2, 1], "float64"), random_array(80, 1, "float64", 3)
    for rcond in (0.3, 0.6, 0.9, 1.0, 2.0, 0, -1):
        check_lstsq(x, y, mt.linalg.lstsq(place(grid, x), place(grid, y), rcond), rcond)


def test_lstsq_certificate(comm):
    grid = mt.Grid(comm)
    x, y = random_array(90, 5, "complex128", 1), random_array(90, 2, "complex128", 2)
    found = mt.linalg.lstsq(place(grid, x), place(grid, y), certify=True)
    assert isinstance(found, tuple)
    assert len(found) == 4
    assert isinstance(found.certificate, mt.linalg.Certificate)
    assert found.certificate.residual <= 1e-14
    assert found.certificate.orthogonality is None
    assert mt.linalg.lstsq(place(grid, x), place(grid, y)).certificate is None


@pytest.mark.time_limit(120)
@pytest.mark.parametrize("method", ["auto", "cholesky", "svd", "tsqr", "cg"])
def test_ridge(comm, method):
    grid = mt.Grid(comm)
    for dtype, (m, n) in itertools.product(DTYPES, [(70, 5), (5, 70), (6, 6), (1, 3)]):
        x = with_spectrum(m, n, 1 / (1 + np.arange(min(m, n))), dtype)
        y = random_array(m, 3, dtype, 2).astype(dtype)
        for alpha in (0.5, np.array([0.1, 2, 0.3]), [1, 2, 3]):
            found = mt.linalg.ridge(place(grid, x, "MC,MR", 2), place(grid, y), alpha, method)
            X, alphas = wide(x), np.broadcast_to(alpha, 3)
            gram = X.conj().T @ X
            expected = np.stack(
                [
                    np.linalg.solve(gram + one * np.eye(n), X.conj().T @ wide(y)[:, j])
                    for j, one in enumerate(alphas)
                ],
                axis=1,
            )
            tol = 1e-3 if eps_of(dtype) > 1e-10 else 1e-7
            tol = tol if method == "cg" else 8 * eps_of(dtype) + 1e-12
            assert np.linalg.norm(found.numpy(None) - expected) <= tol * np.linalg.norm(expected)
    certified = mt.linalg.ridge(place(grid, x), place(grid, y), 0.5, "svd", certify=True)
    assert certified.certificate.residual <= 1e-5  # of the last dtype, complex128
    assert len(certified) == 1


def test_leverage_scores(comm):
    grid = mt.Grid(comm)
    for dtype in DTYPES:
        x = random_array(120, 6, dtype, 1).astype(dtype)
        u = np.linalg.svd(wide(x), full_matrices=False)[0]
        for rank in (None, 2):
            scores = mt.linalg.leverage_scores(place(grid, x, "MC,MR", 4), rank=rank)
            assert scores.shape == (120, 1)
            expected = (np.abs(u[:, : rank or 6]) ** 2).sum(axis=1)
            assert np.allclose(scores.numpy(None)[:, 0], expected, atol=200 * eps_of(dtype))
        a = place(grid, x)
        scores = mt.linalg.leverage_scores(a, "sketch", seed=3)
        assert (scores.local_rows == a.local_rows).all()
        quotient = scores.numpy(None)[:, 0].real / (np.abs(u) ** 2).sum(axis=1)
        assert (quotient > 0.4).all()
        assert (quotient < 2.5).all()


def test_products_in_place(comm):
    """A.T @ B is replicated, A @ small keeps the rows of A."""
    grid = mt.Grid(comm)
    for dtype in DTYPES:
        x, y, z = (random_array(*s, dtype, 4).astype(dtype) for s in ((300, 5), (300, 3), (5, 4)))
        a, b, c = place(grid, x), place(grid, y), place(grid, z, "MC,MR", 2)
        tol = 700 * eps_of(dtype)
        for found, expected in ((a.T @ b, x.T @ y), (a.H @ a, x.conj().T @ x)):
            if found is not None and (dtype[0] == "f" or comm.size == 1):
                assert str(found.layout) == "[STAR,STAR]"
            assert np.allclose(found.numpy(None), expected, atol=tol)
        rows = a @ c
        assert str(rows.layout) == "[VC,STAR]"
        assert (rows.local_rows == a.local_rows).all()
        assert np.allclose(rows.numpy(None), x @ z, atol=tol)
        gram = mt.linalg.matmul(a, a, transpose_a="C")
        assert str(gram.layout) == "[STAR,STAR]"
        assert np.allclose(gram.numpy(None), x.conj().T @ x, atol=tol)


def square(g):
    return mt.DistMatrix(g, (6, 3), layout="VC,STAR")


def with_nan(g):
    return place(g, np.array([[1.0, 2], [np.nan, 1], [3, 4]]))


WRONG = {
    "wide": (lambda g: mt.linalg.tall_qr(square(g).T), mt.ShapeError),
    "nan": (lambda g: mt.linalg.tall_qr(with_nan(g)), mt.InvalidArgument),
    "mode": (lambda g: mt.linalg.tall_qr(square(g), "complete"), mt.InvalidArgument),
    "qr method": (lambda g: mt.linalg.tall_qr(square(g), method="lu"), mt.InvalidArgument),
    "ndarray": (lambda g: mt.linalg.tall_qr(np.ones((3, 2))), mt.InvalidArgument),
    "b ndarray": (lambda g: mt.linalg.lstsq(square(g), np.ones((6, 2))), mt.InvalidArgument),
    "rows": (lambda g: mt.linalg.lstsq(square(g), square(g).T), mt.ShapeError),
    "dtype": (lambda g: mt.linalg.lstsq(square(g), square(g).astype("float32")), mt.DTypeError),
    "rcond": (lambda g: mt.linalg.lstsq(square(g), square(g), "a"), mt.InvalidArgument),
    "rcond nan": (lambda g: mt.linalg.lstsq(square(g), square(g), np.nan), mt.InvalidArgument),
    "lstsq nan": (lambda g: mt.linalg.lstsq(with_nan(g), with_nan(g)), mt.InvalidArgument),
    "alpha": (lambda g: mt.linalg.ridge(square(g), square(g), -1), mt.InvalidArgument),
    "alphas": (lambda g: mt.linalg.ridge(square(g), square(g), [1, 2]), mt.InvalidArgument),
    "alpha type": (lambda g: mt.linalg.ridge(square(g), square(g), "x"), mt.InvalidArgument),
    "ridge method": (lambda g: mt.linalg.ridge(square(g), square(g), 1, "lu"), mt.InvalidArgument),
    "tol": (lambda g: mt.linalg.ridge(square(g), square(g), tol=2), mt.InvalidArgument),
    "steps": (lambda g: mt.linalg.ridge(square(g), square(g), max_steps=0), mt.InvalidArgument),
    "rank": (lambda g: mt.linalg.leverage_scores(square(g), rank=4), mt.InvalidArgument),
    "rank 0": (lambda g: mt.linalg.leverage_scores(square(g), rank=0), mt.InvalidArgument),
    "leverage": (lambda g: mt.linalg.leverage_scores(square(g), "x"), mt.InvalidArgument),
    "seed": (lambda g: mt.linalg.leverage_scores(square(g), seed=-1), mt.InvalidArgument),
    "zero": (lambda g: mt.linalg.leverage_scores(square(g), "sketch"), mt.SingularError),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm, name):
    call, kind = WRONG[name]
    grid = mt.Grid(comm)
    assert isinstance(raised_together(comm, lambda: call(grid)), kind)


@pytest.mark.ranks(2, 3)
def test_what_ranks_give_differently(comm):
    grid = mt.Grid(comm)
    a = place(grid, random_array(30, 3, "float64", 1))
    mine = comm.rank + 1.0
    for call in (
        lambda: mt.linalg.ridge(a, a, mine),
        lambda: mt.linalg.lstsq(a, a, mine / 10),
        lambda: mt.linalg.tall_qr(a, "r" if comm.rank else "reduced"),
        lambda: mt.linalg.leverage_scores(a, seed=comm.rank),
    ):
        assert isinstance(raised_together(comm, call), mt.InvalidArgument)
