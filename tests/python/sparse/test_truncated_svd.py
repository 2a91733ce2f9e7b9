# SPDX-License-Identifier: BSD-3-Clause
"""truncated_svd of sparse matrices, and method "lanczos" on dense ones, against LAPACK."""

import matrass as mt
import numpy as np
import pytest
import scipy.sparse.linalg
from known_svd import check_svd, default_tol, eps_of, signal_and_noise, with_spectrum
from reference import DTYPES, raised_together

pytestmark = pytest.mark.ranks(1, 2, 3, 6)

svd = mt.linalg.truncated_svd


def random_sparse(m, n, dtype, seed, each=4):
    """`each` entries a row or so, columns of falling weight: singular values with gaps."""
    rng = np.random.default_rng(seed)
    i = np.repeat(np.arange(m), each)
    j = rng.integers(0, n, i.size)
    v = rng.standard_normal(i.size)
    if np.dtype(dtype).kind == "c":
        v = v + 1j * rng.standard_normal(i.size)
    return scipy.sparse.coo_matrix((v * 0.9**j, (i, j)), shape=(m, n)).tocsr().astype(dtype)


def spectrum(x):
    return np.linalg.svd(x.astype(np.result_type(x.dtype, np.float64)), compute_uv=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["auto", "lanczos", "randomized", "gram"])
def test_methods(comm, dtype, method):
    grid = mt.Grid(comm)
    for m, n, k in [(403, 150, 6), (120, 310, 5), (50, 50, 1), (60, 23, 9), (9, 4, 4), (3, 8, 1)]:
        x = random_sparse(m, n, dtype, m)
        A = mt.from_scipy(grid, x)
        check_svd(x.toarray(), svd(A, k, method=method), spectrum(x.toarray()))


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_views_and_blocks(comm, dtype):
    grid = mt.Grid(comm)
    x = random_sparse(203, 90, dtype, 1)
    for block in (None, 3):
        A = mt.from_scipy(grid, x, block=block)
        y = x.toarray()
        s = spectrum(y)
        found = svd(A, 5)
        check_svd(y, found, s)
        assert np.array_equal(found.U.local_rows, A.local_rows)
        check_svd(y.T, svd(A.T, 5), s)
        check_svd(y.conj().T, svd(A.H, 5), s)
        check_svd(y.conj(), svd(A.conj(), 5), s)
        wide = mt.from_scipy(grid, x.T.tocsr(), block=block)
        check_svd(y.T, svd(wide, 5), s)
        check_svd(y.conj(), svd(wide.H, 5), s)


@pytest.mark.ranks(1, 2, 3, 5)
@pytest.mark.time_limit(180)
def test_many_columns(comm):
    """n beyond the number from which the basis is dealt to all ranks; empty rows and columns."""
    grid = mt.Grid(comm)
    m, n = 12_000, 9_000
    rng = np.random.default_rng(8)
    i, j = rng.integers(0, m, 60_000), rng.integers(0, n, 60_000)
    v = rng.standard_normal(60_000) / (1 + 0.01 * j)
    x = scipy.sparse.coo_matrix((v, (i, j)), shape=(m, n)).tocsr()
    _, s, _ = scipy.sparse.linalg.svds(x, 6, random_state=0)
    for A in (mt.from_scipy(grid, x), mt.from_scipy(grid, x.T.tocsr()).T):
        found = svd(A, 6)
        assert np.abs(found.S - np.sort(s)[::-1]).max() <= 1e-12 * s.max()
        U, V = found.U.numpy(None), found.V.numpy(None)
        # Scalar products of n and m terms that are of size 1 / n and 1 / m: some eps in practice.
        assert np.abs(U.T @ U - np.eye(6)).max() <= 1e-13
        assert np.abs(V.T @ V - np.eye(6)).max() <= 1e-13
        measured = np.linalg.norm(x @ V - U * found.S, axis=0)
        assert np.abs(measured - found.residual).max() <= 1e-13 * s.max()
        assert measured.max() <= 1.5e-10 * s.max()
        assert np.linalg.norm(x.T @ U - V * found.S, axis=0).max() <= 1.5e-10 * s.max()


def test_the_same_on_any_number_of_ranks(comm):
    x = random_sparse(500, 130, "float64", 4)
    alone = svd(mt.from_scipy(mt.Grid(comm, (1, 1)), x), 5)
    all_ranks = svd(mt.from_scipy(mt.Grid(comm), x), 5)
    s = spectrum(x.toarray())
    assert np.abs(alone.S - all_ranks.S).max() <= 1e-13 * s[0]
    gap = np.abs(np.diff(s[:6])).min() / s[0]
    V = alone.V.to("CIRC,CIRC").numpy(None)
    # Each is off by at most residual / gap (Wedin).
    assert np.abs(V - all_ranks.V.numpy(None)).max() <= 4 * default_tol("float64") / gap


def test_zeros_and_empty(comm):
    grid = mt.Grid(comm)
    for dtype in DTYPES:
        found = svd(mt.from_coo(grid, [], [], [], (70, 40), dtype=dtype), 2)
        assert found.S.tolist() == [0, 0]
        assert found.residual.tolist() == [0, 0]
        U = found.U.numpy(None)
        assert np.abs(U.conj().T @ U - np.eye(2)).max() <= 300 * eps_of(dtype)
    one = mt.from_coo(grid, [5], [7], [-2.0] if comm.rank == 0 else [0.0], (200, 90))
    found = svd(one, 2)
    assert np.allclose(found.S, [2, 0], atol=1e-12)
    assert abs(found.U.numpy(None)[5, 0] + 1) <= 1e-12
    assert abs(found.V.numpy(None)[7, 0] - 1) <= 1e-12


SPECTRA = {
    "slow": 1 / (1 + np.arange(120.0)),
    "equal": np.ones(120),
    "equal, more than a block has": np.r_[np.ones(11), 0.3 * np.ones(109)],
    "close": np.r_[1 - 1e-9 * np.arange(5), 0.1 / (1 + np.arange(115))],
    "flat": 1 - 1e-3 * np.arange(120),
    "flatter": 1 - 1e-4 * np.arange(120),
    "graded": 0.6 ** np.arange(120),
    "one of many": np.r_[1e8, 1 / (1.0 + np.arange(119))],
    "rank 4": 1 / (1.0 + np.arange(4)),
    "signal and noise": signal_and_noise(120),
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.ranks(1, 3)
@pytest.mark.time_limit(120)
def test_lanczos_on_hard_spectra(comm, name):
    """Dense and stored sparse: many restarts, clusters, ranks below k."""
    grid, s = mt.Grid(comm), SPECTRA[name]
    for shape, dtype, k in [((300, 120), "float64", 6), ((120, 300), "complex128", 13)]:
        x = with_spectrum(*shape, s, dtype)
        A = mt.from_global(grid, x, layout="VC,STAR", root=None)
        check_svd(x, svd(A, k, method="lanczos"), s)
        check_svd(x, svd(mt.SparseMatrix.from_dense(A), k, method="lanczos"), s)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.ranks(1, 2, 6)
def test_lanczos_in_all_scalars(comm, dtype):
    s = 1 / (1 + np.arange(200.0)) ** 0.5
    x = with_spectrum(400, 200, s, dtype)
    A = mt.from_global(mt.Grid(comm), x, root=None)
    check_svd(x, svd(A, 7, method="lanczos"), s)
    check_svd(x, svd(A, 7, method="lanczos", tol=1e-3), s, tol=1e-3)


def test_errors(comm):
    grid = mt.Grid(comm)
    A = mt.from_scipy(grid, random_sparse(60, 40, "float64", 1))
    big = mt.from_coo(grid, [], [], [], (9000, 5000))
    wrong = [
        (lambda: svd(A, 0), "between 1 and"),
        (lambda: svd(A, 41), "between 1 and"),
        (lambda: svd(A, 2, method="tsqr"), "tsqr"),
        (lambda: svd(big, 2, method="gram"), "4096"),
        (lambda: svd(big, 2500), "small beside"),
        (lambda: svd(A, 2, method="magic"), "method must be"),
        (lambda: svd(A, 2, tol=2), "tol"),
        (lambda: svd(mt.from_coo(grid, [], [], [], (0, 4)), 1), "between 1 and"),
    ]
    for call, words in wrong:
        found = raised_together(comm, call)
        assert isinstance(found, mt.InvalidArgument)
        assert words in str(found), found
    for bad in (np.nan, np.inf):
        for shape, view in [((90, 50), lambda a: a), ((50, 90), lambda a: a.T)]:
            x = random_sparse(*shape, "float64", 2).tolil()
            x[31, 44] = bad
            a = view(mt.from_scipy(grid, x.tocsr()))
            found = raised_together(comm, lambda a=a: svd(a, 3))
            assert isinstance(found, mt.InvalidArgument)
            at = "(31, 44)" if shape[0] == 90 else "(44, 31)"
            assert f"A must be finite: got NaN or infinity at {at}" in str(found)
