# SPDX-License-Identifier: BSD-3-Clause
"""pca of sparse matrices against NumPy's SVD of the centred dense one, and the dense pca."""

import matrass as mt
import numpy as np
import pytest
import scipy.sparse
from known_svd import check_sign_rule, default_tol, eps_of, wide
from reference import DTYPES, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 5, 6)

pca = mt.linalg.pca


def samples(m, n, dtype):
    """Columns of falling weight: singular values with gaps. Positive means, empty rows."""
    rng = np.random.default_rng([3, m, n])
    x = np.where(rng.random((m, n)) < 0.2, 1 + rng.standard_normal((m, n)), 0)
    if np.dtype(dtype).kind == "c":
        x = x * (1 + 0.5j * rng.standard_normal((m, n)))
    x[m // 3] = 0
    return scipy.sparse.csr_matrix((x * 0.9 ** np.arange(n)).astype(dtype))


def check(x, found, k):
    """Values are NumPy's, vectors are singular vectors of the centred matrix, scores are theirs."""
    m = x.shape[0]
    tol = 2 * default_tol(x.dtype)
    y = wide(x.toarray())
    mean = y.mean(axis=0)
    assert np.abs(found.mean - mean).max() <= 10 * eps_of(x.dtype) * np.abs(y).max()
    y = y - mean
    s = np.linalg.svd(y, compute_uv=False)
    assert np.abs(found.singular_values - s[:k]).max() <= tol * s[0]
    V, scores = wide(found.components.numpy(None)), wide(found.scores.numpy(None))
    check_sign_rule(V, eps_of(x.dtype))
    assert np.abs(V.conj().T @ V - np.eye(k)).max() <= 100 * eps_of(x.dtype)
    assert np.linalg.norm(y @ V - scores, axis=0).max() <= tol * s[0]
    u = scores / found.singular_values
    assert np.linalg.norm(y.conj().T @ u - V * found.singular_values, axis=0).max() <= tol * s[0]
    assert np.allclose(found.explained_variance, s[:k] ** 2 / (m - 1), rtol=1e-3)
    ratio = s[:k] ** 2 / np.sum(s**2)
    assert np.allclose(found.explained_variance_ratio, ratio, rtol=1e-3)
    assert (found.residual <= tol * s[0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["auto", "lanczos", "randomized", "gram"])
def test_methods(comm, dtype, method):
    grid = mt.Grid(comm)
    for m, n, k, block in [(403, 90, 4, None), (90, 310, 3, 2), (60, 23, 9, 1), (9, 4, 3, None)]:
        x = samples(m, n, dtype)
        check(x, pca(mt.from_scipy(grid, x, block=block), k, method=method), k)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_views_are_as_the_dense_ones(comm, dtype):
    grid = mt.Grid(comm)
    for shape in [(203, 60), (60, 203)]:
        x = samples(*shape, dtype)
        A = mt.from_scipy(grid, x, block=3)
        for a, y in ((A, x), (A.T, x.T), (A.H, x.conj().T), (A.conj(), x.conj())):
            found = pca(a, 4)
            check(y.tocsr(), found, 4)
            dense = pca(mt.from_global(grid, y.toarray(), root=None), 4)
            assert np.allclose(found.mean, dense.mean, rtol=0, atol=1e-13)
            for name in ("explained_variance", "explained_variance_ratio", "singular_values"):
                ours, theirs = getattr(found, name), getattr(dense, name)
                assert np.allclose(ours, theirs, rtol=1e-9)
                assert ours.dtype == theirs.dtype
            for name in ("components", "scores"):
                assert getattr(found, name).shape == getattr(dense, name).shape
                assert getattr(found, name).layout == getattr(dense, name).layout


@pytest.mark.ranks(1, 3)
@pytest.mark.time_limit(180)
def test_many_columns(comm):
    """Beyond dense n x n matrices: residuals against SciPy's products, A stays sparse."""
    rng = np.random.default_rng(8)
    m, n, count = 12_000, 9_000, 60_000
    i, j = rng.integers(0, m, count), rng.integers(0, n, count)
    v = (1 + rng.standard_normal(count)) / (1 + 0.01 * j)
    x = scipy.sparse.coo_matrix((v, (i, j)), shape=(m, n)).tocsr()
    for y in (x, x.T.tocsr()):
        mean = np.asarray(y.mean(axis=0)).ravel()
        found = pca(mt.from_scipy(mt.Grid(comm), y), 4)
        V, s = found.components.numpy(None), found.singular_values
        scores = found.scores.numpy(None)
        assert np.linalg.norm(y @ V - mean @ V - scores, axis=0).max() <= 3e-10 * s[0]
        adjoint = y.T @ scores - np.outer(mean, scores.sum(axis=0))
        assert np.linalg.norm(adjoint / s - V * s, axis=0).max() <= 3e-10 * s[0]
        squares = y.multiply(y).sum() - y.shape[0] * np.sum(mean**2)
        assert np.allclose(found.explained_variance_ratio, s**2 / squares, rtol=1e-9)


def test_the_same_rows_have_no_variance(comm):
    grid = mt.Grid(comm)
    for m, n in [(8, 3), (3, 8), (2, 1), (5, 1)]:
        x = scipy.sparse.csr_matrix(np.tile(np.arange(n, dtype=float), (m, 1)))
        found = pca(mt.from_scipy(grid, x), 1)
        assert found.singular_values[0] <= 1e-13
        assert np.allclose(found.mean, np.arange(n))
    zero = pca(mt.from_coo(grid, [], [], [], (30, 20)), 2)
    assert zero.singular_values.tolist() == [0, 0]
    assert zero.explained_variance_ratio.tolist() == [0, 0]


@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm):
    grid = mt.Grid(comm)
    x = samples(60, 40, "float64")
    A = mt.from_scipy(grid, x)

    def wrong(words, call):
        error = raised_together(comm, call)
        assert type(error) is mt.InvalidArgument, error
        assert words in str(error)

    wrong("pca: k must be between 1 and min(m, n) = 40: got 41", lambda: pca(A, 41))
    wrong("pca: method tsqr", lambda: pca(A, 2, method="tsqr"))
    wrong("pca: A must have at least 2 rows", lambda: pca(mt.from_scipy(grid, x[:1]), 1))
    wrong("4096", lambda: pca(mt.from_coo(grid, [], [], [], (9000, 5000)), 2, method="gram"))
    y = x.tolil()
    y[31, 14] = np.nan
    B = mt.from_scipy(grid, y.tocsr())
    wrong("pca: A must be finite: got NaN or infinity at (31, 14)", lambda: pca(B, 2))
    wrong("pca: A must be finite: got NaN or infinity at (14, 31)", lambda: pca(B.T, 2))
