# SPDX-License-Identifier: BSD-3-Clause
"""cg and lsqr of sparse matrices: against SciPy, and step by step like those of dense ones."""

import matrass as mt
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from known_svd import eps_of, wide
from reference import DTYPES, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 5, 6)

cg, lsqr = mt.linalg.cg, mt.linalg.lsqr

VIEWS = {
    "A": (lambda a: a, lambda x: x),
    "T": (lambda a: a.T, lambda x: x.T),
    "H": (lambda a: a.H, lambda x: x.conj().T),
    "conj": (lambda a: a.conj(), lambda x: x.conj()),
}


def place(grid, x, layout="VC,STAR", block=None):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


def random_dense(m, n, dtype, seed=0):
    rng = np.random.default_rng([seed, m, n])
    x = rng.standard_normal((m, n))
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal((m, n))
    return x.astype(dtype)


def random_sparse(m, n, dtype, each=4, *, shift=0.0):
    """About `each` entries a row (duplicates among them), and `shift` on the diagonal."""
    rng = np.random.default_rng([1, m, n])
    i = np.repeat(np.arange(m), each if n else 0)
    j = rng.integers(0, max(n, 1), i.size)
    v = rng.standard_normal(i.size)
    if np.dtype(dtype).kind == "c":
        v = v + 1j * rng.standard_normal(i.size)
    x = scipy.sparse.coo_matrix((v, (i, j)), shape=(m, n)).tocsr()
    return (x + shift * scipy.sparse.eye(m, n)).astype(dtype).tocsr()


def positive_definite(n, dtype, shift=2.0):
    x = random_sparse(n, n, dtype, 2)
    return (x @ x.conj().T + shift * scipy.sparse.eye(n)).astype(dtype).tocsr()


def column_norms(x):
    return np.linalg.norm(wide(x), axis=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_cg_against_spsolve(comm, dtype):
    grid = mt.Grid(comm)
    tol = 1e-5 if eps_of(dtype) > 1e-10 else 1e-8
    for n, k, block in [(1, 1, None), (2, 3, 1), (97, 1, None), (131, 9, 3)]:
        x, b = positive_definite(n, dtype), random_dense(n, k, dtype)
        A = mt.from_scipy(grid, x, block=block)
        found = cg(A, place(grid, b, "MC,MR", 2))
        assert type(found) is mt.linalg.CG
        assert found.converged
        assert found.x.dtype == b.dtype
        assert str(found.x.layout) == "[VC,STAR]"
        solution = wide(found.x.numpy(None))
        expected = scipy.sparse.linalg.spsolve(wide(x).tocsc(), wide(b)).reshape(n, k)
        # ||x - x'|| <= ||A^-1|| ||r||, and A^-1 has norm 1/2 at most; b is of its own precision.
        error = np.linalg.norm(solution - expected, axis=0)
        assert (error <= tol * column_norms(b)).all()
        measured = np.linalg.norm(wide(b) - wide(x) @ solution, axis=0)
        size = column_norms(b) + scipy.sparse.linalg.norm(wide(x)) * column_norms(solution)
        assert (np.abs(found.residual - measured) <= 10 * n * eps_of(dtype) * size).all()


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_cg_of_views_is_that_of_the_dense_matrix(comm, dtype):
    grid = mt.Grid(comm)
    x, b = positive_definite(60, dtype), random_dense(60, 2, dtype)
    x0 = random_dense(60, 2, dtype, 5)
    B, start = place(grid, b), place(grid, x0, "STAR,STAR")
    for view, f in VIEWS.values():
        ours = cg(view(mt.from_scipy(grid, x, block=7)), B, start)
        theirs = cg(place(grid, f(x.toarray())), B, start)
        assert ours.iterations == theirs.iterations
        scale = np.abs(theirs.x.numpy(None)).max()
        difference = np.abs(ours.x.numpy(None) - theirs.x.numpy(None)).max()
        assert difference <= 2000 * eps_of(dtype) * scale


def test_cg_is_the_same_on_any_number_of_ranks(comm):
    """Against one rank's result: the sums that assemble A p have one term each."""
    x, b = positive_definite(83, "float64", 0.01), random_dense(83, 3, "float64")
    alone = comm.Split(comm.rank, 0)
    single, grid = mt.Grid(alone), mt.Grid(comm)
    expected = cg(mt.from_scipy(single, x), place(single, b), tol=1e-10)
    for block in (None, 4):
        found = cg(mt.from_scipy(grid, x, block=block), place(grid, b), tol=1e-10)
        assert np.array_equal(found.x.numpy(None), expected.x.numpy(None))
        assert found.iterations == expected.iterations
        assert np.array_equal(found.residual, expected.residual)
    alone.Free()


@pytest.mark.parametrize("dtype", DTYPES)
def test_cg_refuses_indefinite_matrices(comm, dtype):
    grid = mt.Grid(comm)
    A = mt.from_scipy(grid, -positive_definite(30, dtype))
    error = raised_together(comm, lambda: cg(A, place(grid, random_dense(30, 1, dtype))))
    assert type(error) is mt.NotPositiveDefiniteError
    assert str(error).startswith("cg: A must be positive definite: got p^H A p = -")


def check_lsqr(x, b, found, damp, tol):
    """What is told is true; the solution is NumPy's, of least norm."""
    assert type(found) is mt.linalg.LSQR
    assert found.converged
    n, k = x.shape[1], b.shape[1]
    assert found.x.shape == (n, k)
    assert str(found.x.layout) == "[VC,STAR]"
    x = wide(x.toarray())
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    keep = s > 1e-10 * s[0]
    factors = np.where(keep, s, 0) / (s**2 + damp**2 + ~keep)
    expected = vh.conj().T @ (factors[:, None] * (u.conj().T @ wide(b)))
    solution = wide(found.x.numpy(None))
    error = np.linalg.norm(solution - expected, axis=0)
    assert (error <= tol * np.linalg.norm(expected, axis=0)).all()
    residual = wide(b) - x @ solution
    normal = x.conj().T @ residual - damp**2 * solution
    size = column_norms(b) + s[0] * column_norms(solution)
    rounding = 10 * sum(x.shape) ** 0.5 * eps_of(b.dtype) * size
    assert (np.abs(found.residual - column_norms(residual)) <= rounding).all()
    told = np.abs(found.normal_residual - column_norms(normal))
    assert (told <= n**0.5 * s[0] * rounding).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 2, 3, 5, 9, 17])
def test_lsqr_against_numpy(comm, dtype, k):
    """Widths on both sides of every block that the kernels have."""
    grid = mt.Grid(comm)
    single = eps_of(dtype) > 1e-10
    options = {"atol": 1e-6, "btol": 1e-6} if single else {"atol": 1e-13, "btol": 1e-13}
    for m, n, block in [(151, 17, None), (17, 151, 2), (23, 23, 1), (5, 1, None), (1, 5, None)]:
        x = random_sparse(m, n, dtype, 3, shift=6.0)
        b = random_dense(m, k, dtype)
        A, B = mt.from_scipy(grid, x, block=block), place(grid, b, "MC,MR")
        for damp in (0.0, 0.5):
            check_lsqr(x, b, lsqr(A, B, damp, **options), damp, 5e-4 if single else 1e-10)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_lsqr_of_views(comm, dtype):
    grid = mt.Grid(comm)
    options = {"atol": 1e-6, "btol": 1e-6}
    for shape in [(80, 13), (13, 80)]:
        x = random_sparse(*shape, dtype, 3, shift=6.0)
        A = mt.from_scipy(grid, x, block=5)
        for view, f in VIEWS.values():
            seen = f(x).tocsr()
            b = random_dense(seen.shape[0], 2, dtype)
            check_lsqr(seen, b, lsqr(view(A), place(grid, b, "STAR,VR"), **options), 0, 5e-4)


def test_lsqr_takes_the_steps_of_scipy_and_of_the_dense_one(comm):
    """A few steps, far from the end: rounding has not yet parted the two."""
    grid = mt.Grid(comm)
    for m, n in [(300, 60), (60, 300)]:
        x, b = random_sparse(m, n, "float64", 5), random_dense(m, 2, "float64")
        options = {"atol": 1e-12, "btol": 1e-12, "maxiter": 6}
        for damp in (0.0, 0.1):
            found = lsqr(mt.from_scipy(grid, x), place(grid, b), damp, **options)
            dense = lsqr(place(grid, x.toarray()), place(grid, b), damp, **options)
            assert found.iterations == dense.iterations == 6
            assert not found.converged
            solution = found.x.numpy(None)
            assert np.allclose(solution, dense.x.numpy(None), rtol=1e-10, atol=1e-12)
            assert np.allclose(found.residual, dense.residual, rtol=1e-11)
            assert np.allclose(found.condition, dense.condition, rtol=1e-8)
            for c in range(2):
                theirs = scipy.sparse.linalg.lsqr(
                    x, b[:, c], damp=damp, atol=1e-12, btol=1e-12, iter_lim=6
                )
                assert np.allclose(solution[:, c], theirs[0], rtol=1e-9, atol=1e-11)


def test_dependent_columns_and_empty_rows(comm):
    """The solution of least norm; rows, columns and ranks without entries."""
    grid = mt.Grid(comm)
    x = np.zeros((40, 9))
    x[3, [1, 1, 5]] = 2.0
    x[4, 6], x[20, 1], x[20, 7] = 1.0, -1.0, 3.0
    sparse = scipy.sparse.csr_matrix(x)
    b = random_dense(40, 2, "float64")
    for y, right in ((sparse, b), (sparse.T.tocsr(), b[:9])):
        found = lsqr(mt.from_scipy(grid, y), place(grid, right), atol=1e-13, btol=1e-13)
        expected = np.linalg.lstsq(y.toarray(), right, rcond=None)[0]
        assert np.abs(found.x.numpy(None) - expected).max() <= 1e-12
        assert found.converged


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_nothing_to_solve(comm, dtype):
    grid = mt.Grid(comm)
    for m, n, k in [(0, 4, 2), (4, 0, 2), (0, 0, 1), (5, 3, 0), (5, 3, 2)]:
        A = mt.from_coo(grid, [], [], [], (m, n), dtype=dtype)
        found = lsqr(A, place(grid, np.ones((m, k), dtype)))
        assert found.x.shape == (n, k)
        assert not found.x.numpy(None).any()
        assert found.converged
        assert np.allclose(found.residual, m**0.5)
    A = mt.from_coo(grid, [], [], [], (0, 0), dtype=dtype)
    found = cg(A, place(grid, np.ones((0, 3), dtype)))
    assert found.x.shape == (0, 3)
    assert found.converged


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    grid = mt.Grid(comm, (1, comm.size - 1))
    x, b = positive_definite(30, "float64"), random_dense(30, 2, "float64")
    found = cg(mt.from_scipy(grid, x), place(grid, b))
    assert np.abs(x @ found.x.numpy(None) - b).max() <= 1e-7
    y = random_sparse(30, 8, "float64", 3, shift=6.0)
    options = {"atol": 1e-13, "btol": 1e-13}
    check_lsqr(y, b, lsqr(mt.from_scipy(grid, y), place(grid, b), **options), 0, 1e-10)


@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm):
    grid, other = mt.Grid(comm), mt.Grid(comm, (comm.size, 1), order="C")
    A = mt.from_scipy(grid, scipy.sparse.eye(5).tocsr())
    B = place(grid, np.ones((5, 2)))

    def wrong(kind, words, f, *arguments, **options):
        error = raised_together(comm, lambda: f(*arguments, **options))
        assert type(error) is kind, error
        assert words in str(error)

    for f, name in ((cg, "cg"), (lsqr, "lsqr")):
        wrong(mt.InvalidArgument, f"{name}: operands must be DistMatrix", f, A, np.ones((5, 2)))
        wrong(mt.InvalidArgument, f"{name}: operands must be DistMatrix", f, A, A)
        wrong(
            mt.DTypeError,
            f"{name}: matrices must have one dtype: got float64, float32",
            f,
            A,
            B.to(B.layout, dtype="f4"),
        )
        wrong(
            mt.ShapeError, f"{name}: b must have as many rows", f, A, place(grid, np.ones((4, 1)))
        )
        wrong(mt.InvalidArgument, "share one process grid", f, A, place(other, np.ones((5, 2))))
        bad = np.ones((5, 2))
        bad[4, 1] = np.nan
        wrong(
            mt.InvalidArgument,
            f"{name}: b must be finite: got NaN or infinity at (4, 1)",
            f,
            A,
            place(grid, bad),
        )
        x = scipy.sparse.eye(5).tolil()
        x[3, 1] = np.inf
        for a, at in ((mt.from_scipy(grid, x.tocsr()), "(3, 1)"),):
            where = f"{name}: A must be finite: got NaN or infinity at "
            wrong(mt.InvalidArgument, where + at, f, a, B)
            wrong(mt.InvalidArgument, where + "(1, 3)", f, a.T, B)
        if comm.size > 1:
            wrong(mt.InvalidArgument, f"{name}: every rank", f, A, B, maxiter=comm.rank)
    wrong(
        mt.ShapeError,
        "cg: A must be square: got shape (5, 3)",
        cg,
        mt.from_scipy(grid, scipy.sparse.eye(5, 3).tocsr()),
        B,
    )
    wrong(mt.ShapeError, "cg: x0 must have the shape of b", cg, A, B, place(grid, np.ones((5, 1))))
    wrong(mt.InvalidArgument, "lsqr: damp must be finite", lsqr, A, B, -1.0)
    wrong(mt.InvalidArgument, "cg: tol must be finite", cg, A, B, tol=np.nan)
