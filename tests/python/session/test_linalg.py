# SPDX-License-Identifier: BSD-3-Clause
"""mt.linalg and NumPy's manners on handles: the names and the answers of a DistMatrix."""

import matrass as mt
import numpy as np
import pytest

pytestmark = pytest.mark.time_limit(120)
la = mt.linalg


def sample(m, n, dtype="float64"):
    x = np.random.default_rng([m, n]).standard_normal((m, n))
    return x.astype(dtype)


def test_factorisations(session):
    x = sample(40, 40) + 40 * np.eye(40)
    A = session.put(x)
    L = la.cholesky(A @ A.T, certify=True)
    np.testing.assert_allclose(L.to_numpy(), np.linalg.cholesky(x @ x.T), atol=1e-10)
    assert L.certificate.residual < 1e-14
    P, low, up = la.lu(A)
    np.testing.assert_allclose((P @ low @ up).to_numpy(), x, atol=1e-12)
    found = la.qr(A, certify=True)
    assert type(found) is la.QR
    np.testing.assert_allclose((found.Q @ found.R).to_numpy(), x, atol=1e-12)
    assert found.certificate.orthogonality < 1e-14
    U, S, Vt = la.svd(A)
    np.testing.assert_allclose(S, np.linalg.svd(x)[1], rtol=1e-12)
    np.testing.assert_allclose(((U * S[np.newaxis]) @ Vt).to_numpy(), x, atol=1e-12)
    w, V = la.eigh(A + A.T)
    np.testing.assert_allclose(w, np.linalg.eigvalsh(x + x.T), atol=1e-11)
    assert isinstance(V, mt.RemoteMatrix)
    b = sample(40, 3)
    np.testing.assert_allclose(la.solve(A, session.put(b)).to_numpy(), np.linalg.solve(x, b))
    assert la.slogdet(A).logabsdet == pytest.approx(np.linalg.slogdet(x)[1], rel=1e-13)


def test_tall(session):
    x = sample(500, 20)
    A = session.put(x)
    found = la.truncated_svd(A, 5)
    assert type(found) is la.TruncatedSVD
    assert isinstance(found.U, mt.RemoteMatrix)
    assert isinstance(found.S, np.ndarray)
    np.testing.assert_allclose(found.S, np.linalg.svd(x)[1][:5], rtol=1e-10)
    np.testing.assert_allclose(
        ((found.U * found.S[np.newaxis]).T @ A).to_numpy(),
        (found.S**2)[:, np.newaxis] * found.V.to_numpy().T,
        atol=1e-8,
    )
    x_, residuals, rank, _ = la.lstsq(A, session.put(sample(500, 2)))
    expected = np.linalg.lstsq(x, sample(500, 2), rcond=None)
    np.testing.assert_allclose(x_.to_numpy(), expected[0], atol=1e-12)
    np.testing.assert_allclose(residuals, expected[1], rtol=1e-12)
    assert rank == 20
    labels = la.kmeans(A, 3).labels
    assert labels.numpy().shape == (500,)
    assert la.pca(A, 2).scores.shape == (500, 2)


def test_numpys_manners(session):
    x = np.abs(sample(9, 7)) + 0.5
    A = session.put(x)
    for found, expected in (
        (A + 1, x + 1),
        (2 / A, 2 / x),
        (A - A * 2, -x),
        (-A, -x),
        (abs(A - 1), abs(x - 1)),
        (A**2, x**2),
        (np.sqrt(A), np.sqrt(x)),
        (np.maximum(A, 1), np.maximum(x, 1)),
        (A + np.arange(7.0), x + np.arange(7.0)),
        (np.where(A > 1, A, 0), np.where(x > 1, x, 0)),
        (A[2:5, 1:3], x[2:5, 1:3]),
        (A.mean(0), x.mean(0, keepdims=True)),
        (np.sum(A, axis=1), x.sum(1, keepdims=True)),
        (A.T @ A, x.T @ x),
    ):
        np.testing.assert_allclose(found.to_numpy(), expected, rtol=1e-13)
    assert A.sum() == pytest.approx(x.sum(), rel=1e-14)
    assert A[3, 4] == x[3, 4]
    assert (A > 1).sum() == (x > 1).sum()
    np.testing.assert_array_equal((A > 1).to_numpy(), x > 1)
    A += 1
    np.testing.assert_array_equal(A.to_numpy(), x + 1)
    A[0:2, 0:2] = 0
    assert A[1, 1] == 0
    assert len(A) == 9
    assert (A.copy() == A).all()


def test_what_does_not_fit(session):
    A = session.put(np.eye(3))
    with pytest.raises(TypeError):
        A + "x"
    with pytest.raises(TypeError):
        A @ object()
    with pytest.raises(TypeError):
        np.sort(A)
    with pytest.raises(mt.ShapeError):
        A @ session.put(np.ones((4, 1)))


def test_sparse(session):
    sparse = pytest.importorskip("scipy.sparse")

    x = sparse.random(60, 30, 0.1, random_state=0, format="csr")

    def make(grid):
        return mt.from_scipy(grid, x if grid.rank == 0 else None)

    A = session.run(make)
    assert (A.shape, A.nnz) == ((60, 30), x.nnz)
    B = session.put(sample(30, 2))
    np.testing.assert_allclose((A @ B).to_numpy(), x @ sample(30, 2), atol=1e-12)
    np.testing.assert_allclose(A.to_dense().to_numpy(), x.toarray())
    np.testing.assert_allclose(
        la.truncated_svd(A, 3).S, np.linalg.svd(x.toarray())[1][:3], rtol=1e-8
    )
    assert A.T.shape == (30, 60)
