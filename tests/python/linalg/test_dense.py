# SPDX-License-Identifier: BSD-3-Clause
"""Dense factorisations: residuals over grids, layouts, blocks, shapes, scalars and spectra.

Bounds are those of SLATE's and DLA-Future's testers: ``||A - product|| <= c n eps ||A||`` and
``||I - Q^H Q|| <= c n eps`` with a small c.
"""

import matrass as mt
import numpy as np
import pytest
from dense_checks import C, close, orthonormal, place, setting, sizes
from known_svd import eps_of, random_array, with_spectrum
from reference import DTYPES, grid_shapes

pytestmark = [pytest.mark.ranks(1, 2, 4, 5, 6), pytest.mark.time_limit(240)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_cholesky(comm, dtype):
    draw, grids = setting(comm, dtype, "cholesky")
    for n in sizes(comm):
        y = random_array(n, n, dtype, n)
        x = (y @ y.conj().T + n * np.eye(n)).astype(dtype)
        for lower in (True, False):
            keep, other = (np.tril, np.triu) if lower else (np.triu, np.tril)
            garbage = (keep(x) + np.nan * other(np.ones_like(x), 1 if lower else -1)).astype(dtype)
            garbage[keep(np.ones(x.shape, bool))] = x[keep(np.ones(x.shape, bool))]
            L = mt.linalg.cholesky(place(draw.choice(grids), garbage, draw), lower)
            l = L.numpy(None)  # noqa: E741
            assert np.array_equal(l, keep(l))
            close(l @ l.conj().T if lower else l.conj().T @ l, x, n)
            close(l, np.linalg.cholesky(x) if lower else np.linalg.cholesky(x).conj().T, 10 * n)


@pytest.mark.parametrize("dtype", DTYPES)
def test_lu(comm, dtype):
    draw, grids = setting(comm, dtype, "lu")
    for n in sizes(comm):
        for shape in ((n, n), (n + 7, n), (n, n + 70)):
            x = random_array(*shape, dtype, n).astype(dtype)
            A = place(draw.choice(grids), x, draw)
            P, L, U = (m.numpy(None) for m in mt.linalg.lu(A))
            k = min(shape)
            assert L.shape == (shape[0], k)
            assert U.shape == (k, shape[1])
            assert np.array_equal(np.tril(L, -1) + np.eye(*L.shape), L)
            assert np.array_equal(np.triu(U), U)
            assert np.abs(L).max() <= np.sqrt(2) + 1e-5  # pivots by |re| + |im|
            assert sorted(P.argmax(0)) == list(range(shape[0]))
            assert P.sum() == shape[0]
            close(P @ L @ U, x, n)
            indices = mt.linalg.lu(A, p_indices=True)
            close(indices.L.numpy(None)[indices.P] @ indices.U.numpy(None), x, n)


@pytest.mark.parametrize("dtype", DTYPES)
def test_qr(comm, dtype):
    draw, grids = setting(comm, dtype, "qr")
    for n in sizes(comm):
        for m in (n, n + 3, 2 * n + 1, max(1, n // 2)):
            x = random_array(m, n, dtype, n).astype(dtype)
            k = min(m, n)
            A = place(draw.choice(grids), x, draw)
            for mode, q_cols, r_rows in (("reduced", k, k), ("complete", m, m)):
                Q, R = (f.numpy(None) for f in mt.linalg.qr(A, mode))
                assert Q.shape == (m, q_cols)
                assert R.shape == (r_rows, n)
                assert np.array_equal(np.triu(R), R)
                assert np.all(np.diag(R).real >= 0)
                assert np.all(np.abs(np.diag(R).imag) <= eps_of(dtype) * np.abs(np.diag(R)))
                close(Q @ R, x, max(m, n))
                orthonormal(Q)
            close(mt.linalg.qr(A, "r").numpy(None), R[:k], max(m, n))


@pytest.mark.parametrize("dtype", DTYPES)
def test_svd(comm, dtype):
    draw, grids = setting(comm, dtype, "svd")
    for n in sizes(comm):
        for m in (n, n + 3, 2 * n + 1, max(1, n // 2)):
            x = random_array(m, n, dtype, n).astype(dtype)
            k = min(m, n)
            A = place(draw.choice(grids), x, draw)
            expected = np.linalg.svd(x.astype(np.result_type(dtype, np.float64)), compute_uv=False)
            U, S, Vt = mt.linalg.svd(A)
            U, Vt = U.numpy(None), Vt.numpy(None)
            assert (U.shape, S.shape, Vt.shape) == ((m, k), (k,), (k, n))
            assert S.dtype == np.finfo(dtype).dtype
            assert np.all(np.diff(S) <= 0)
            assert np.abs(S - expected).max() <= C * max(m, n) * eps_of(dtype) * expected[0]
            close((U * S) @ Vt, x, max(m, n))
            orthonormal(U)
            orthonormal(Vt.conj().T)
            at = np.argmax(np.abs(Vt) > (1 - 2e-4) * np.abs(Vt).max(1, keepdims=True), 1)
            first = np.take_along_axis(Vt, at[:, None], 1)
            assert np.all(first.real > 0)
            alone = mt.linalg.svd(A, compute_uv=False)
            assert np.abs(alone - expected).max() <= C * max(m, n) * eps_of(dtype) * expected[0]
        F = mt.linalg.svd(A, full_matrices=True)
        U, Vt = F.U.numpy(None), F.Vt.numpy(None)
        assert (U.shape, Vt.shape) == ((m, m), (n, n))
        orthonormal(U)
        orthonormal(Vt)
        close((U[:, :k] * F.S) @ Vt[:k], x, max(m, n))


@pytest.mark.parametrize("dtype", DTYPES)
def test_eigh(comm, dtype):
    draw, grids = setting(comm, dtype, "eigh")
    for n in (*sizes(comm), 3, 30, 85):  # few rows: where ScaLAPACK's sort had too little memory
        y = random_array(n, n, dtype, n)
        x = (y + y.conj().T).astype(dtype)
        for uplo, keep in (("L", np.tril), ("U", np.triu)):
            kept = keep(np.ones(x.shape, bool))
            garbage = np.where(kept, x, np.nan).astype(dtype)
            w, V = mt.linalg.eigh(place(draw.choice(grids), garbage, draw), uplo)
            v = V.numpy(None)
            assert w.dtype == np.finfo(dtype).dtype
            assert np.all(np.diff(w) >= 0)
            expected = np.linalg.eigvalsh(x.astype(np.result_type(dtype, np.float64)))
            assert np.abs(w - expected).max() <= C * n * eps_of(dtype) * np.abs(expected).max()
            close(x @ v, v * w, n)
            orthonormal(v)


@pytest.mark.parametrize("dtype", DTYPES)
def test_eigvals(comm, dtype):
    """Normal matrices: their eigenvalues are well conditioned."""
    draw, grids = setting(comm, dtype, "eigvals")
    for n in sizes(comm):
        q = np.linalg.qr(random_array(n, n, dtype, n))[0]
        angle = 2.5 * np.arange(1, n + 1) / n
        if np.dtype(dtype).kind == "c":
            exact = (1 + np.arange(n) / n) * np.exp(1j * angle)
            d = np.diag(exact)
        else:  # rotations by `angle`, and a real one
            d, exact = np.zeros((n, n)), np.zeros(n, complex)
            for k in range(0, n - 1, 2):
                c, s = np.cos(angle[k]), np.sin(angle[k])
                d[k : k + 2, k : k + 2] = [[c, s], [-s, c]]
                exact[k : k + 2] = np.exp(1j * angle[k]), np.exp(-1j * angle[k])
            if n % 2:
                d[-1, -1] = exact[-1] = 2
        w = mt.linalg.eigvals(place(draw.choice(grids), (q @ d @ q.conj().T).astype(dtype), draw))
        assert w.dtype == np.result_type(dtype, np.complex64)
        left = list(exact)
        for value in w:  # each belongs to one of its own
            at = int(np.argmin(np.abs(np.array(left) - value)))
            assert abs(left[at] - value) <= 20 * n * eps_of(dtype)
            left.pop(at)


SPECTRA = {
    "condition 1": np.ones,
    "condition 1e7": lambda p: 10.0 ** np.linspace(0, -7, p),
    "condition 1e14": lambda p: 10.0 ** np.linspace(0, -14, p),
    "half of the rank": lambda p: np.where(np.arange(p) < (p + 1) // 2, 1.0, 0.0),
    "one cluster": lambda p: np.where(np.arange(p) < p // 2, 1.0, 1e-5),
    "large": lambda p: 1e30 * 10.0 ** np.linspace(0, -3, p),
    "small": lambda p: 1e-30 * 10.0 ** np.linspace(0, -3, p),
}


@pytest.mark.ranks(1, 2, 4)
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("dtype", DTYPES)
def test_spectra(comm, dtype, spectrum):
    """Backward stability does not depend on the condition."""
    draw, grids = setting(comm, dtype, spectrum)
    for m, n in ((70, 70), (100, 67), (70, 130)) if comm.size <= 2 else ((70, 70),):
        s = SPECTRA[spectrum](min(m, n))
        x = with_spectrum(m, n, s, dtype)
        A = place(draw.choice(grids), x, draw)
        U, S, Vt = mt.linalg.svd(A)
        assert np.abs(S - s).max() <= C * max(m, n) * eps_of(dtype) * s[0]
        close((U.numpy(None) * S) @ Vt.numpy(None), x, max(m, n))
        orthonormal(U.numpy(None))
        orthonormal(Vt.numpy(None).conj().T)
        Q, R = (f.numpy(None) for f in mt.linalg.qr(A))
        close(Q @ R, x, max(m, n))
        orthonormal(Q)
        if m == n:
            h = x + x.conj().T
            w, V = mt.linalg.eigh(place(draw.choice(grids), h, draw))
            close(h @ V.numpy(None), V.numpy(None) * w, n)
            orthonormal(V.numpy(None))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_on_any_number_of_ranks(comm, dtype):
    """Against one rank: vectors and signs, to rounding over the gaps."""
    n = 40
    x = with_spectrum(n, n, 1.0 + np.arange(n)[::-1], dtype)
    h = x @ x.conj().T
    alone = mt.Grid(comm, (1, 1))
    for grid in [mt.Grid(comm, g) for g in grid_shapes(comm.size)]:
        for routine, a in (
            (mt.linalg.svd, x),
            (mt.linalg.qr, x),
            (mt.linalg.eigh, (h + h.conj().T) / 2),
        ):
            one = routine(mt.from_global(alone, a, root=None))
            many = routine(mt.from_global(grid, a, root=None, layout="VC,STAR"))
            for f, g in zip(one, many, strict=True):
                if isinstance(f, np.ndarray):
                    close(g[None], f[None], 10 * n)
                else:
                    close(g.numpy(None), f.numpy(None), 1000 * n)


@pytest.mark.ranks(1, 2, 5)
def test_empty(comm):
    grid = mt.Grid(comm)
    for m, n in ((0, 0), (5, 0), (0, 5)):
        A = mt.DistMatrix(grid, (m, n))
        Q, R = mt.linalg.qr(A)
        assert (Q.shape, R.shape) == ((m, 0), (0, n))
        Q, R = mt.linalg.qr(A, "complete")
        assert np.array_equal(Q.numpy(None), np.eye(m))
        U, S, Vt = mt.linalg.svd(A, full_matrices=True)
        assert (U.shape, S.shape, Vt.shape) == ((m, m), (0,), (n, n))
        P, L, U = mt.linalg.lu(A)
        assert (P.shape, L.shape, U.shape) == ((m, m), (m, 0), (0, n))
    E = mt.DistMatrix(grid, (0, 0))
    assert mt.linalg.cholesky(E).shape == (0, 0)
    assert mt.linalg.eigh(E).V.shape == (0, 0)
    assert mt.linalg.eigvals(E).shape == (0,)
    assert mt.linalg.solve(E, mt.DistMatrix(grid, (0, 3))).shape == (0, 3)
    assert mt.linalg.det(E) == 1
    assert mt.linalg.inv(E).shape == (0, 0)
