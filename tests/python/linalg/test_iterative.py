# SPDX-License-Identifier: BSD-3-Clause
"""cg and lsqr against NumPy and SciPy: dtypes, layouts, views, several columns, wrong arguments."""

import random

import matrass as mt
import numpy as np
import pytest
import scipy.sparse.linalg
from known_svd import eps_of, wide, with_spectrum
from reference import DTYPES, LAYOUTS, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 6)

cg, lsqr = mt.linalg.cg, mt.linalg.lsqr


def place(grid, x, layout="VC,STAR", block=None):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


def sample(m, n, dtype, seed=0):
    rng = np.random.default_rng([seed, m, n])
    x = rng.standard_normal((m, n))
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal((m, n))
    return x.astype(dtype)


def positive_definite(n, dtype, condition=20.0):
    x = with_spectrum(n, n, np.linspace(1, condition**0.5, n), dtype)
    x = wide(x) @ wide(x).conj().T
    return ((x + x.conj().T) / 2).astype(dtype)


def column_norms(x):
    return np.linalg.norm(wide(x), axis=0)


def check_cg(x, b, found, tol):
    """The residual that is told is the true one, and small enough."""
    n, k = b.shape
    assert type(found) is mt.linalg.CG
    assert found.x.shape == (n, k)
    assert found.x.dtype == b.dtype
    assert str(found.x.layout) == "[VC,STAR]"
    solution = wide(found.x.numpy(None))
    measured = np.linalg.norm(wide(b) - wide(x) @ solution, axis=0)
    size = column_norms(b) + np.linalg.norm(wide(x), 2) * np.linalg.norm(solution, axis=0)
    assert found.residual.shape == (k,)
    assert (np.abs(found.residual - measured) <= 10 * n * eps_of(b.dtype) * size).all()
    assert found.converged
    assert (found.residual <= tol * column_norms(b)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_cg_against_numpy(comm, dtype):
    tol = 1e-5 if eps_of(dtype) > 1e-10 else 1e-8
    grid = mt.Grid(comm)
    for n, k in [(1, 1), (2, 3), (61, 2)]:
        x, b = positive_definite(n, dtype), sample(n, k, dtype)
        A, B = place(grid, x), place(grid, b)
        found = cg(A, B)
        check_cg(x, b, found, tol)
        expected = np.linalg.solve(wide(x), wide(b))
        # ||x - x'|| <= ||A^-1|| ||r||, and A^-1 has norm 1.
        error = np.linalg.norm(wide(found.x.numpy(None)) - expected, axis=0)
        assert (error <= 2 * tol * column_norms(b)).all()
        assert np.array_equal(A.numpy(None), x)  # neither is changed
        assert np.array_equal(B.numpy(None), b)


@pytest.mark.ranks(1, 4, 5)
def test_cg_layouts_and_views(comm):
    grid, draw = mt.Grid(comm), random.Random(3)
    n = 37
    for layout in LAYOUTS:
        dtype = draw.choice(DTYPES)
        tol = 1e-5 if eps_of(dtype) > 1e-10 else 1e-8
        x, b = positive_definite(n, dtype), sample(n, 2, dtype)
        frame = np.full((n + 8, n + 5), 50, x.dtype)
        frame[3 : n + 3, 4 : n + 4] = x
        A = place(grid, frame, layout, draw.choice([1, 3, (5, 2), None]))
        B = place(grid, b, draw.choice(LAYOUTS), 2)
        check_cg(x, b, cg(A[3 : n + 3, 4 : n + 4], B), tol)
        check_cg(x.T, b, cg(A[3 : n + 3, 4 : n + 4].T, B), tol)


@pytest.mark.ranks(1, 2, 3, 4, 6)
def test_cg_is_the_same_on_any_number_of_ranks(comm, tmp_path_factory):
    """Against one rank's result: the first rank solves it alone, too."""
    x, b = positive_definite(53, "float64", 1e4), sample(53, 3, "float64")
    together = cg(place(mt.Grid(comm), x), place(mt.Grid(comm), b), tol=1e-10)
    alone = comm.Split(comm.rank, 0)
    grid = mt.Grid(alone)
    single = cg(place(grid, x), place(grid, b), tol=1e-10)
    assert np.array_equal(together.x.numpy(None), single.x.numpy(None))
    assert together.iterations == single.iterations
    assert np.array_equal(together.residual, single.residual)
    alone.Free()


@pytest.mark.ranks(1, 3)
def test_cg_start_and_end(comm):
    grid = mt.Grid(comm)
    x = positive_definite(40, "float64", 1e6)
    solution = sample(40, 2, "float64")
    b = x @ solution
    A, B = place(grid, x), place(grid, b)
    assert cg(A, B, place(grid, solution, "MC,MR")).iterations == 0
    few = cg(A, B, maxiter=2)
    assert not few.converged
    assert few.iterations == 2
    assert (few.residual > 1e-8 * column_norms(b)).any()
    none = cg(A, B, maxiter=0)
    assert np.array_equal(none.residual, np.linalg.norm(b, axis=0)) or np.allclose(
        none.residual, np.linalg.norm(b, axis=0), rtol=1e-14
    )
    assert not none.converged
    nearly = cg(A, B, place(grid, solution * (1 + 1e-3)), tol=1e-12)
    assert nearly.converged


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.ranks(1, 3)
def test_cg_refuses_indefinite_matrices(comm, dtype):
    grid = mt.Grid(comm)
    x = positive_definite(20, dtype)
    x[4, 4] -= np.linalg.norm(wide(x), 2).astype(x.real.dtype) * 2
    for matrix in (x, -positive_definite(20, dtype)):
        A, B = place(grid, matrix), place(grid, sample(20, 2, dtype))
        error = raised_together(comm, lambda A=A, B=B: cg(A, B))
        assert type(error) is mt.NotPositiveDefiniteError
        assert isinstance(error, np.linalg.LinAlgError)
        assert str(error).startswith("cg: A must be positive definite: got p^H A p = -")


def check_lsqr(x, b, found, damp, tol):
    """What is told is true, and the solution is NumPy's to `tol`."""
    assert type(found) is mt.linalg.LSQR
    assert found.converged
    n, k = x.shape[1], b.shape[1]
    assert found.x.shape == (n, k)
    assert str(found.x.layout) == "[VC,STAR]"
    u, s, vh = np.linalg.svd(wide(x), full_matrices=False)
    keep = s > 1e-6 * s[0]
    factors = np.where(keep, s, 0) / (s**2 + damp**2)
    expected = vh.conj().T @ (factors[:, None] * (u.conj().T @ wide(b)))
    solution = wide(found.x.numpy(None))
    error = np.linalg.norm(solution - expected, axis=0)
    assert (error <= tol * np.linalg.norm(expected, axis=0)).all()
    residual = wide(b) - wide(x) @ solution
    normal = wide(x).conj().T @ residual - damp**2 * solution
    size = column_norms(b) + s[0] * np.linalg.norm(solution, axis=0)
    rounding = 10 * sum(x.shape) ** 0.5 * eps_of(b.dtype) * size
    assert (np.abs(found.residual - np.linalg.norm(residual, axis=0)) <= rounding).all()
    # A sum of m terms for each of the n entries.
    assert (
        np.abs(found.normal_residual - np.linalg.norm(normal, axis=0)) <= n**0.5 * s[0] * rounding
    ).all()
    for values in found[2:5]:
        assert values.shape == (k,)


@pytest.mark.parametrize("dtype", DTYPES)
def test_lsqr_against_numpy(comm, dtype):
    grid = mt.Grid(comm)
    single = eps_of(dtype) > 1e-10
    options = {"atol": 1e-6, "btol": 1e-6} if single else {"atol": 1e-13, "btol": 1e-13}
    for m, n in [(151, 17), (17, 151), (23, 23), (5, 1), (1, 5)]:
        x = with_spectrum(m, n, np.linspace(1, 5, min(m, n)), dtype)
        b = sample(m, 3, dtype)
        A, B = place(grid, x), place(grid, b, "MC,MR")
        for damp in (0.0, 0.5):
            found = lsqr(A, B, damp, **options)
            check_lsqr(x, b, found, damp, 2e-4 if single else 1e-11)
        assert np.array_equal(A.numpy(None), x)
        assert np.array_equal(B.numpy(None), b)


def test_lsqr_takes_the_steps_of_scipy(comm):
    """A few steps, far from the end: rounding has not yet parted the two."""
    grid = mt.Grid(comm)
    for m, n in [(90, 40), (40, 90)]:
        x = with_spectrum(m, n, 0.9 ** np.arange(min(m, n)), "float64")
        b = sample(m, 2, "float64")
        for damp in (0.0, 0.1):
            found = lsqr(place(grid, x), place(grid, b), damp, atol=1e-12, btol=1e-12, maxiter=6)
            assert found.iterations == 6
            assert not found.converged
            solution = found.x.numpy(None)
            for c in range(2):
                scipys = scipy.sparse.linalg.lsqr(
                    x, b[:, c], damp=damp, atol=1e-12, btol=1e-12, iter_lim=6
                )
                assert np.allclose(solution[:, c], scipys[0], rtol=1e-9, atol=1e-11)
                # SciPy's own figure for it is an estimate where there is damping.
                residual = np.linalg.norm(b[:, c] - x @ scipys[0])
                assert abs(found.residual[c] - residual) <= 1e-9 * residual
                assert abs(found.condition[c] - scipys[6]) <= 1e-6 * scipys[6]


def test_lsqr_columns_stop_by_themselves(comm):
    """An easy right-hand side beside a hard one: the answers are those of each alone."""
    grid = mt.Grid(comm)
    x = with_spectrum(80, 30, np.geomspace(1, 1e-3, 30), "float64")
    u, _, _ = np.linalg.svd(x, full_matrices=False)
    b = np.column_stack([u[:, 0], sample(80, 1, "float64")[:, 0], np.zeros(80)])
    A = place(grid, x)
    both = lsqr(A, place(grid, b), atol=1e-9, btol=1e-9)
    for c in range(3):
        alone = lsqr(A, place(grid, b[:, [c]]), atol=1e-9, btol=1e-9)
        expected = alone.x.numpy(None)[:, 0]
        error = np.linalg.norm(both.x.numpy(None)[:, c] - expected)
        assert error <= 1e-5 * np.linalg.norm(expected)
    assert both.iterations > 10
    assert lsqr(A, place(grid, b[:, [0]]), atol=1e-9, btol=1e-9).iterations <= 2


@pytest.mark.ranks(1, 4, 5)
def test_lsqr_layouts_and_views(comm):
    grid, draw = mt.Grid(comm), random.Random(4)
    options = {"atol": 1e-6, "btol": 1e-6}
    for layout in LAYOUTS:
        dtype = draw.choice(DTYPES)
        m, n = draw.choice([(71, 12), (12, 71)])
        x = with_spectrum(m, n, np.linspace(1, 3, 12), dtype)
        frame = np.full((m + 8, n + 5), 50, x.dtype)
        frame[3 : m + 3, 4 : n + 4] = x
        A = place(grid, frame, layout, draw.choice([1, 3, (5, 2), None]))[3 : m + 3, 4 : n + 4]
        b, c = sample(m, 2, dtype), sample(n, 2, dtype)
        check_lsqr(x, b, lsqr(A, place(grid, b, draw.choice(LAYOUTS), 3), **options), 0, 2e-4)
        check_lsqr(x.T, c, lsqr(A.T, place(grid, c, draw.choice(LAYOUTS), 3), **options), 0, 2e-4)


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    grid = mt.Grid(comm, (1, comm.size - 1))
    x, b = positive_definite(30, "float64"), sample(30, 2, "float64")
    check_cg(x, b, cg(place(grid, x), place(grid, b)), 1e-8)
    for m, n in [(40, 7), (7, 40)]:
        x, b = with_spectrum(m, n, np.linspace(1, 2, 7), "float64"), sample(m, 2, "float64")
        found = lsqr(place(grid, x), place(grid, b), atol=1e-13, btol=1e-13)
        check_lsqr(x, b, found, 0, 1e-10)


@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm):
    grid, other = mt.Grid(comm), mt.Grid(comm, (comm.size, 1), order="C")
    A, B = place(grid, np.eye(5)), place(grid, np.ones((5, 2)))

    def wrong(kind, words, f, *arguments, **options):
        error = raised_together(comm, lambda: f(*arguments, **options))
        assert type(error) is kind, error
        assert words in str(error)

    for f, name in ((cg, "cg"), (lsqr, "lsqr")):
        wrong(mt.InvalidArgument, f"{name}: operands must be DistMatrix", f, A, np.ones((5, 2)))
        wrong(
            mt.DTypeError, f"{name}: matrices must have one dtype", f, A, B.to(B.layout, dtype="f4")
        )
        wrong(
            mt.ShapeError, f"{name}: b must have as many rows", f, A, place(grid, np.ones((4, 1)))
        )
        wrong(mt.InvalidArgument, f"{name}: maxiter", f, A, B, maxiter=-1)
        wrong(mt.InvalidArgument, f"{name}: maxiter", f, A, B, maxiter=1.5)
        if comm.size > 1:
            wrong(mt.InvalidArgument, "one process grid", f, A, place(other, np.ones((5, 2))))
            wrong(mt.InvalidArgument, f"{name}: every rank", f, A, B, maxiter=comm.rank)
        for bad in (np.nan, np.inf):
            x = np.ones((5, 5))
            x[3, 1] = bad
            wrong(mt.InvalidArgument, f"{name}: A must be finite: got NaN or", f, place(grid, x), B)
            wrong(mt.InvalidArgument, f"{name}: b must be finite", f, A, place(grid, x))
    wrong(mt.ShapeError, "cg: A must be square: got shape (5, 2)", cg, B, A)
    wrong(mt.ShapeError, "cg: x0 must have the shape of b", cg, A, B, A)
    wrong(mt.InvalidArgument, "cg: tol must be finite", cg, A, B, tol=-1)
    wrong(mt.InvalidArgument, "cg: tol must be finite", cg, A, B, tol="x")
    for name in ("damp", "atol", "btol", "conlim"):
        wrong(mt.InvalidArgument, f"lsqr: {name} must be finite", lsqr, A, B, **{name: np.nan})


@pytest.mark.ranks(1, 3)
def test_nothing_to_solve(comm):
    grid = mt.Grid(comm)
    for n, k in [(0, 0), (0, 2), (4, 0)]:
        found = cg(mt.DistMatrix(grid, (n, n)), mt.DistMatrix(grid, (n, k)))
        assert found.converged
        assert (found.x.shape, found.residual.shape) == ((n, k), (k,))
    for m, n, k in [(0, 3, 2), (3, 0, 2), (0, 0, 1), (3, 3, 0)]:
        found = lsqr(mt.DistMatrix(grid, (m, n)), mt.DistMatrix(grid, (m, k)))
        assert found.converged
        assert (found.x.shape, found.residual.shape) == ((n, k), (k,))
        assert not found.x.numpy(None).any()
