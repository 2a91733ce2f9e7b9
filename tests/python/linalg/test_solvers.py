# SPDX-License-Identifier: BSD-3-Clause
"""Linear systems, inverses, determinants, ranks, pseudoinverses and condition numbers."""

import matrass as mt
import numpy as np
import pytest
from dense_checks import close, place, setting, sizes
from known_svd import eps_of, random_array, with_spectrum
from matrass.linalg.factorizations import measured
from reference import DTYPES

pytestmark = [pytest.mark.ranks(1, 2, 4, 5, 6), pytest.mark.time_limit(240)]
la = mt.linalg


@pytest.mark.parametrize("dtype", DTYPES)
def test_solve(comm, dtype):
    draw, grids = setting(comm, dtype, "solve")
    for n in sizes(comm):
        x = random_array(n, n, dtype, n).astype(dtype)
        y = x @ x.conj().T
        for k in (1, 3, 70) if comm.size <= 2 else (3,):
            exact = random_array(n, k, dtype, k).astype(dtype)
            for assume, a in (("gen", x), ("pos", y + n * np.eye(n)), ("sym", y - n * np.eye(n))):
                a = a.astype(dtype)  # noqa: PLW2901
                b = (a @ exact).astype(dtype)
                grid = draw.choice(grids)
                B = place(grid, b, draw)
                X = la.solve(place(grid, a, draw), B, assume)
                assert X.layout == B.layout
                assert X.block == B.block
                found = X.numpy(None)
                error = np.linalg.norm(a @ found - b)
                size = np.linalg.norm(a) * np.linalg.norm(found) + np.linalg.norm(b)
                assert error <= 10 * n * eps_of(dtype) * size


@pytest.mark.parametrize("dtype", DTYPES)
def test_inverse_and_determinant(comm, dtype):
    draw, grids = setting(comm, dtype, "inverse")
    for n in sizes(comm):
        x = with_spectrum(n, n, np.linspace(2, 1, n), dtype)
        A = place(draw.choice(grids), x, draw)
        close(la.inv(A).numpy(None) @ x, np.eye(n, dtype=dtype), 10 * n)
        sign, log = la.slogdet(A)
        expected = np.linalg.slogdet(x.astype(np.result_type(dtype, np.float64)))
        assert abs(sign - expected.sign) <= 10 * n * eps_of(dtype)
        assert abs(log - expected.logabsdet) <= 10 * n * eps_of(dtype)
        assert isinstance(sign, np.generic)
        d = la.det(A)
        assert abs(d - expected.sign * np.exp(expected.logabsdet)) <= 10 * n * eps_of(dtype) * abs(
            d
        )


def test_determinants_beyond_the_range(comm):
    grid = mt.Grid(comm)
    A = mt.from_global(grid, 1e3 * np.eye(200), root=None)
    assert la.slogdet(A)[0] == 1
    assert abs(la.slogdet(A)[1] - 200 * np.log(1e3)) < 1e-9
    assert la.det(A) == np.inf
    assert la.det(mt.DistMatrix(grid, (3, 3))) == 0
    assert la.slogdet(mt.DistMatrix(grid, (3, 3))) == (0, -np.inf)
    x = np.eye(5)[[1, 0, 2, 3, 4]]
    assert la.det(mt.from_global(grid, x, root=None)) == -1


@pytest.mark.parametrize("dtype", DTYPES)
def test_ranks_and_pseudoinverses(comm, dtype):
    draw, grids = setting(comm, dtype, "rank")
    for m, n in ((40, 40), (70, 40), (40, 70), (5, 1)):
        p = min(m, n)
        for rank in {1, (p + 1) // 2, p}:
            s = np.where(np.arange(p) < rank, np.linspace(2, 1, p), 0)
            x = with_spectrum(m, n, s, dtype)
            A = place(draw.choice(grids), x, draw)
            assert la.matrix_rank(A) == rank
            assert la.matrix_rank(A, 10.0) == 0
            assert la.matrix_rank(A, rtol=0.99) == np.count_nonzero(s > 0.99 * s[0])
            found = la.pinv(A).numpy(None)
            wide = x.astype(np.result_type(dtype, np.float64))
            close(found, np.linalg.pinv(wide, rcond=1e-4).astype(dtype), 10 * max(m, n))
            close(la.pinv(A, 1e-3).numpy(None), found, max(m, n))


def test_condition(comm):
    grid = mt.Grid(comm)
    x = with_spectrum(30, 30, 10.0 ** np.linspace(1, -4, 30), "float64")
    A = mt.from_global(grid, x, root=None, layout="STAR,VR")
    for p in (None, 2, -2, "fro", 1, -1, np.inf, -np.inf):
        expected = np.linalg.cond(x, p)
        assert abs(la.cond(A, p) - expected) <= 1e-8 * expected
    tall = mt.from_global(grid, with_spectrum(60, 20, [2.0] * 19 + [1.0], "float64"), root=None)
    assert abs(la.cond(tall) - 2) < 1e-12
    assert la.cond(mt.DistMatrix(grid, (3, 3)), 1) == np.inf


CERTIFIED = {
    "cholesky": lambda A, B: la.cholesky(A, certify=True),
    "qr": lambda A, B: la.qr(A, certify=True),
    "qr, tall": lambda A, B: la.qr(B, certify=True),
    "lu": lambda A, B: la.lu(A, certify=True),
    "lu, indices": lambda A, B: la.lu(B, p_indices=True, certify=True),
    "svd": lambda A, B: la.svd(A, certify=True),
    "svd, full": lambda A, B: la.svd(B, True, certify=True),
    "eigh": lambda A, B: la.eigh(A, certify=True),
    "eigh of a triangle": lambda A, B: la.eigh(A, "U", certify=True),
    "eigh of a transposed view": lambda A, B: la.eigh(A.to("MR,MC").T, "U", certify=True),
    "solve": lambda A, B: la.solve(A, B, certify=True),
    "solve, pos": lambda A, B: la.solve(A, B, "pos", certify=True),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("routine", CERTIFIED)
def test_certificates(comm, routine, dtype):
    n = 70
    y = random_array(n, n, dtype, 3)
    a = (y @ y.conj().T / n + np.eye(n)).astype(dtype)
    grid = mt.Grid(comm)
    A = mt.from_global(grid, a, root=None, layout="VC,STAR")
    B = mt.from_global(grid, random_array(n, 5, dtype, 4).astype(dtype), root=None)
    certificate = CERTIFIED[routine](A, B).certificate
    assert 0 < certificate.residual <= 10 * n * eps_of(dtype)
    has_q = routine.split()[0].strip(",") in ("qr", "svd", "eigh")
    assert (certificate.orthogonality is not None) == has_q
    if has_q:
        assert 0 < certificate.orthogonality <= 10 * n * eps_of(dtype)
    assert len(set(comm.allgather(certificate))) == 1
    assert getattr(la.qr(A), "certificate", "none") is None
    assert la.cholesky(A).certificate is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_certificates_are_measured(comm, dtype):
    """Of factors that are wrong by a known amount: the probes estimate it within a factor of 2."""
    n = 60
    x = random_array(n, n, dtype, 5).astype(dtype)
    h = (x + x.conj().T).astype(dtype)
    grid = mt.Grid(comm)
    A, H = mt.from_global(grid, x, root=None), mt.from_global(grid, h, root=None)
    e = 1e-2 * random_array(n, n, dtype, 6).astype(dtype)
    E = mt.from_global(grid, e, root=None)
    Q, R = la.qr(A)
    wrong = mt.from_global(grid, Q.numpy(None) + e, root=None)
    found = measured("qr", A, [wrong, R])
    q = wrong.numpy(None)
    true = np.linalg.norm(x - q @ R.numpy(None)) / np.linalg.norm(x)
    assert true / 2 < found.residual < 2 * true
    true = np.linalg.norm(q.conj().T @ q - np.eye(n))
    assert true / 2 < found.orthogonality < 2 * true
    w, V = la.eigh(H)
    found = measured("eigh", H, [V], w + 1, "L")
    true = np.sqrt(n) / np.linalg.norm(h)
    assert true / 2 < found.residual < 2 * true
    found = measured("solve", A, [E, A], how="gen")
    true = np.linalg.norm(x - x @ e) / (np.linalg.norm(x) * (1 + np.linalg.norm(e)))
    assert abs(found.residual - true) < 1e-3 * true
