# SPDX-License-Identifier: BSD-3-Clause
"""ridge of sparse matrices, by both methods, against the normal equations and the dense one."""

import matrass as mt
import numpy as np
import pytest
import scipy.sparse
from known_svd import eps_of, wide
from matrass.bootstrap.which_mpi import load_core
from reference import DTYPES, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 5, 6)

ridge = mt.linalg.ridge
METHODS = ("auto", "cholesky", "cg")


def place(grid, x, layout="VC,STAR", block=None):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


def random_sparse(m, n, dtype, shift=4.0):
    rng = np.random.default_rng([1, m, n])
    i, j = np.repeat(np.arange(m), 3), rng.integers(0, max(n, 1), 3 * m)
    v = rng.standard_normal(i.size)
    if np.dtype(dtype).kind == "c":
        v = v + 1j * rng.standard_normal(i.size)
    x = scipy.sparse.coo_matrix((v, (i, j)), shape=(m, n)).tocsr()
    return (x + shift * scipy.sparse.eye(m, n)).astype(dtype).tocsr()


def right_sides(m, k, dtype):
    rng = np.random.default_rng([2, m, k])
    b = rng.standard_normal((m, k))
    return (b + 1j * rng.standard_normal((m, k)) if np.dtype(dtype).kind == "c" else b).astype(
        dtype
    )


def exact(x, b, alpha):
    """By the SVD, each column with its penalty; least norm where that is 0."""
    u, s, vh = np.linalg.svd(wide(x), full_matrices=False)
    alphas = np.broadcast_to(alpha, b.shape[1])
    keep = (s > 1e-12 * s[0])[:, None]
    factors = np.where(keep, s[:, None], 0) / (s[:, None] ** 2 + alphas + ~keep)
    return vh.conj().T @ (factors * (u.conj().T @ wide(b)))


def check(x, b, found, alpha, tol):
    assert type(found) is mt.DistMatrix
    assert found.dtype == b.dtype
    assert str(found.layout) == "[STAR,STAR]"
    expected = exact(x, b, alpha)
    assert found.shape == expected.shape
    error = np.linalg.norm(wide(found.numpy(None)) - expected, axis=0)
    assert (error <= tol * np.linalg.norm(expected, axis=0)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_against_the_svd(comm, dtype, method):
    grid = mt.Grid(comm)
    # Of both methods' own residuals 1e-10 and 1e-5, times a condition of A^H A below 1000.
    tol = 2e-3 if eps_of(dtype) > 1e-10 else 1e-8
    for m, n, k, block in [(151, 17, 3, None), (17, 151, 2, 2), (23, 23, 1, 1), (1, 5, 4, None)]:
        x, b = random_sparse(m, n, dtype), right_sides(m, k, dtype)
        A, B = mt.from_scipy(grid, x, block=block), place(grid, b, "MC,MR", 2)
        for alpha in (0.0, 0.7, [0.3 + c % 2 for c in range(k)]):
            check(x.toarray(), b, ridge(A, B, alpha, method), alpha, tol)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_views_are_as_the_dense_ones(comm, dtype):
    grid = mt.Grid(comm)
    for shape in [(60, 13), (13, 60)]:
        x = random_sparse(*shape, dtype)
        A = mt.from_scipy(grid, x, block=5)
        for a, seen in ((A.T, x.T), (A.H, x.conj().T), (A.conj(), x.conj())):
            y = seen.toarray()
            b = right_sides(y.shape[0], 2, dtype)
            B = place(grid, b, "STAR,VR")
            dense = ridge(place(grid, y), B, [0.1, 2.0]).numpy(None)
            for method in METHODS:
                found = ridge(a, B, [0.1, 2.0], method).numpy(None)
                assert np.abs(found - dense).max() <= 1e-9 * np.abs(dense).max()


def test_methods_agree_with_sklearn(comm):
    from sklearn.linear_model import Ridge

    x, b = random_sparse(400, 50, "float64", 0.0), right_sides(400, 2, "float64")
    theirs = Ridge(alpha=0.5, fit_intercept=False, solver="sparse_cg", tol=1e-12).fit(x, b).coef_.T
    for method in METHODS:
        found = ridge(mt.from_scipy(mt.Grid(comm), x), place(mt.Grid(comm), b), 0.5, method)
        assert np.abs(found.numpy(None) - theirs).max() <= 1e-8


def test_singular_without_penalty(comm):
    """Cholesky is not safe and gives way: the solution of least norm. Rows of one rank only."""
    grid = mt.Grid(comm)
    x = np.zeros((40, 9))
    x[3, 1], x[3, 5], x[4, 6], x[20, 1], x[20, 7], x[21, 1] = 4.0, 2.0, 1.0, -1.0, 3.0, 1.0
    for y in (x, x.T):
        b = right_sides(y.shape[0], 2, "float64")
        for method in METHODS:
            A = mt.from_scipy(grid, scipy.sparse.csr_matrix(y))
            check(y, b, ridge(A, place(grid, b), 0.0, method), 0.0, 1e-10)


@pytest.mark.ranks(1, 3)
def test_many_columns(comm):
    """Beyond dense n x n matrices: LSQR, and measured. Known solution: b = A x."""
    grid = mt.Grid(comm)
    x = random_sparse(9000, 5000, "float64", 8.0)
    solution = right_sides(5000, 2, "float64")
    for y in (x, x.T.tocsr()):
        z = solution if y is x else y.T @ right_sides(5000, 2, "float64")  # in the rows' span
        A, B = mt.from_scipy(grid, y), place(grid, y @ z)
        found = ridge(A, B, 0.0, certify=True)
        error = np.linalg.norm(found.x.numpy(None) - z, axis=0)
        assert (error <= 1e-8 * np.linalg.norm(z, axis=0)).all()
        assert found.certificate.residual <= 1e-10
        penalised = ridge(A, B, [1.0, 3.0], certify=True)
        assert penalised.certificate.residual <= 1e-10
        w = penalised.x.numpy(None)
        gradient = y.T @ (y @ z - y @ w) - w * [1.0, 3.0]
        assert np.linalg.norm(gradient) <= 1e-8 * np.linalg.norm(y.T @ (y @ z))


@pytest.mark.parametrize("dtype", DTYPES)
def test_certificates_tell_good_from_bad(comm, dtype):
    grid = mt.Grid(comm)
    for shape in [(80, 11), (11, 80)]:
        x, b = random_sparse(*shape, dtype), right_sides(shape[0], 2, dtype)
        A, B = mt.from_scipy(grid, x), place(grid, b)
        good = ridge(A, B, [0.5, 2.0], "cholesky", certify=True)
        assert good.certificate.residual <= 200 * eps_of(dtype)
        # That of the dense matrix says the same of a solution that is not one.
        bad = mt.linalg.ridge(A, B, [2.0, 0.5])
        core = load_core()
        numbers = [
            f(a._core, B._core, bad._core, [0.5, 2.0])[0]
            for f, a in (
                (core.sparse_certify_least_squares, A),
                (core.certify_least_squares, place(grid, x.toarray())),
            )
        ]
        assert numbers[0] > 1e-3
        assert abs(numbers[0] - numbers[1]) <= 1e-4 * numbers[0]


@pytest.mark.parametrize("method", METHODS)
def test_nothing_to_solve(comm, method):
    grid = mt.Grid(comm)
    for m, n, k in [(0, 4, 2), (4, 0, 2), (5, 3, 0), (5, 3, 2)]:
        A = mt.from_coo(grid, [], [], [], (m, n))
        found = ridge(A, place(grid, np.ones((m, k))), 1.0, method)
        assert found.shape == (n, k)
        assert not found.numpy(None).any()


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    grid = mt.Grid(comm, (1, comm.size - 1))
    for shape in [(40, 7), (7, 40)]:
        x, b = random_sparse(*shape, "float64"), right_sides(shape[0], 2, "float64")
        for method in METHODS:
            found = ridge(mt.from_scipy(grid, x), place(grid, b), 0.2, method)
            check(x.toarray(), b, found, 0.2, 1e-8)


@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm):
    grid, other = mt.Grid(comm), mt.Grid(comm, (comm.size, 1), order="C")
    A, B = mt.from_scipy(grid, random_sparse(6, 5, "float64")), place(grid, np.ones((6, 2)))

    def wrong(kind, words, *arguments, **options):
        error = raised_together(comm, lambda: ridge(*arguments, **options))
        assert type(error) is kind, error
        assert words in str(error)

    wrong(mt.InvalidArgument, "ridge: operands must be DistMatrix", A, np.ones((6, 2)))
    wrong(mt.DTypeError, "must have one dtype", A, B.to(B.layout, dtype="f4"))
    wrong(mt.ShapeError, "ridge: A and B must have as many rows", A, place(grid, np.ones((5, 2))))
    wrong(mt.InvalidArgument, "share one process grid", A, place(other, np.ones((6, 2))))
    for method in ("svd", "tsqr"):
        wrong(mt.InvalidArgument, "make a dense R of a sparse matrix", A, B, 1.0, method)
    wrong(mt.InvalidArgument, "ridge: method must be", A, B, 1.0, "magic")
    wrong(mt.InvalidArgument, "ridge: alpha must be finite and not negative", A, B, -1.0)
    wrong(mt.InvalidArgument, "one for each of the 2 columns", A, B, [1.0, 2, 3])
    big = mt.from_coo(grid, [], [], [], (6000, 5000))
    zeros = place(grid, np.zeros((6000, 1)))
    wrong(mt.InvalidArgument, "at most 4096: got 5000", big, zeros, 1.0, "cholesky")
    bad = np.ones((6, 2))
    bad[4, 1] = np.inf
    where = "must be finite: got NaN or infinity at "
    wrong(mt.InvalidArgument, f"ridge: B {where}(4, 1)", A, place(grid, bad))
    x = random_sparse(6, 5, "float64").tolil()
    x[3, 1] = np.nan
    wrong(mt.InvalidArgument, f"ridge: A {where}(3, 1)", mt.from_scipy(grid, x.tocsr()), B)
    wrong(mt.Error, "ridge: cg must converge", A, B, 0.0, "cg", max_steps=1)
    wrong(mt.InvalidArgument, "must not overflow", A * 1e200, B, 1.0, "cholesky")
    if comm.size > 1:
        wrong(mt.InvalidArgument, "ridge: every rank", A, B, float(comm.rank))
