# SPDX-License-Identifier: BSD-3-Clause
"""pca against the SVD of the matrix that NumPy has centred; what is wrong in arguments that
truncated_svd has too is tested there."""

import itertools
import random

import matrass as mt
import numpy as np
import pytest
from known_svd import (
    check_sign_rule,
    default_tol,
    eps_of,
    far_from_orthonormal,
    wide,
    with_sign_rule,
    with_spectrum,
)
from mpi4py import MPI
from reference import DTYPES, LAYOUTS, raised_together

# With 60 columns the iteration has room for k <= 14; beyond that all values come from R of QR.
N = 60

pytestmark = pytest.mark.ranks(1, 2, 3, 6)

pca = mt.linalg.pca


def place(grid, x, layout="VC,STAR", block=None):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


def samples(m, n, dtype, mean):
    """Deviations of about 1 with falling variances, around means of `mean` to 5 `mean`."""
    p = min(m, n)
    x = with_spectrum(m, n, np.sqrt(m) / (1 + 0.5 * np.arange(p)), dtype)
    means = mean * (1 + np.arange(n) % 5)
    if np.dtype(dtype).kind == "c":
        means = means * (1 - 0.5j)
    return (x + means).astype(dtype)


def centred(x):
    """Of x: the means in extended precision, and the deviations from these, rounded once."""
    x = x.astype(np.result_type(x.dtype, np.longdouble))
    mean = x.sum(axis=0) / x.shape[0]
    double = np.complex128 if x.dtype.kind == "c" else np.float64
    return mean, (x - mean).astype(double)


def check_types(found, x, k):
    m, n = x.shape
    real = x.real.dtype
    assert isinstance(found.mean, np.ndarray)
    assert (found.mean.shape, found.mean.dtype) == ((n,), x.dtype)
    for values in found[2:5] + found[6:]:
        assert isinstance(values, np.ndarray)
        assert (values.shape, values.dtype) == ((k,), real)
    assert (found.components.shape, found.scores.shape) == ((n, k), (m, k))
    assert found.components.dtype == found.scores.dtype == x.dtype
    assert (str(found.components.layout), str(found.scores.layout)) == ("[STAR,STAR]", "[VC,STAR]")


def check(x, found, *, vectors=True):
    """All that a PCA says, against NumPy. Collective."""
    m, n = x.shape
    k = len(found.singular_values)
    check_types(found, x, k)
    mean, deviations = centred(x)
    u, s, vh = np.linalg.svd(deviations, full_matrices=False)
    eps, tol, norm = eps_of(x.dtype), default_tol(x.dtype), s[0]
    # Scalar products of length min(m, n): errors of at most so many eps times a small constant.
    rounding = 10 * min(m, n) * eps
    # Rounded once, to half an eps (complex: of each part); the sum of m deviations, kept in double
    # precision from differences rounded to eps, has some eps of a deviation.
    assert (np.abs(found.mean - mean) <= eps * (np.abs(mean) + 50 * norm / np.sqrt(m))).all()
    # The deviations are from the rounded means: with d = mean - found.mean, which is orthogonal to
    # centred columns, squares of singular values grow by at most m ||d||^2, and no more is lost.
    shifted = wide(x) - wide(found.mean)
    change = float(m * np.sum(np.abs(mean - found.mean) ** 2))
    error = (rounding + 0.1 * tol) * norm + np.sqrt(s[:k] ** 2 + change) - s[:k]
    assert (np.abs(found.singular_values - s[:k]) <= error).all()
    square_error = error * (2 * s[:k] + error)  # |a^2 - b^2| = |a - b| |a + b|
    assert (np.diff(found.singular_values) <= 0).all()
    variance = s[:k] ** 2 / (m - 1)
    # And two roundings of the result.
    assert (np.abs(found.explained_variance - variance) <= square_error / (m - 1)).all()
    total = np.sum(s**2)  # of all columns, not of k components
    ratio_error = (square_error + change) / total + 2 * rounding
    assert (np.abs(found.explained_variance_ratio - s[:k] ** 2 / total) <= ratio_error).all()
    components, scores = wide(found.components.numpy(None)), wide(found.scores.numpy(None))
    assert far_from_orthonormal(components) <= rounding
    check_sign_rule(components, eps)
    projected = shifted @ components
    distance = np.linalg.norm(projected - scores, axis=0)
    # The iteration ends at an estimate below tol; what is measured may be half as large again.
    assert (distance <= (1.5 * tol + 2 * rounding) * norm).all()
    assert (np.abs(found.residual - distance) <= 2 * rounding * norm).all()
    if vectors:
        # ||sin(v, v')|| <= (residual + rounding + change) / gap, with gaps of the falling values.
        gaps = s[:k] - np.append(s, 0)[1 : k + 1]
        bound = 4 * ((tol + rounding) * norm + np.sqrt(change)) / gaps
        v = with_sign_rule(vh.conj().T[:, :k])
        assert (np.linalg.norm(components - v, axis=0) <= bound).all()
        signs = np.einsum("ij,ij->j", vh.conj().T[:, :k].conj(), v)
        assert (np.linalg.norm(scores - u[:, :k] * s[:k] * signs, axis=0) <= bound * norm).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_against_numpy(comm, dtype):
    grid = mt.Grid(comm)
    for (m, n), k in [((151, N), 4), ((N, 151), 3)]:
        x = samples(m, n, dtype, 3.0)
        A = place(grid, x)
        check(x, pca(A, k))
        assert np.array_equal(A.numpy(None), x)  # not changed


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.ranks(1, 3)
def test_large_means(comm, dtype):
    """Means of 1e6: the reference is of the same rounded elements, so its bounds know of no 1e6.

    Single precision keeps a fortieth of a deviation there, and the mean half of that.
    """
    for m, n in [(151, N), (N, 151)]:
        x = samples(m, n, dtype, 1e6)
        check(x, pca(place(mt.Grid(comm), x), 3), vectors=eps_of(dtype) < 1e-10)


@pytest.mark.ranks(1, 2)
def test_digits_of_small_deviations(comm):
    """Deviations of 1e-3 around 1e6 lose what the elements have lost, not eps 1e6**2 / 1e-6."""
    deviations = with_spectrum(200, 8, 1e-3 / 2.0 ** np.arange(8), "float64")
    x = deviations + 1e6
    found = pca(place(mt.Grid(comm), x), 8)
    check(x, found, vectors=False)
    s = np.linalg.svd(deviations - deviations.mean(axis=0), compute_uv=False)
    # Elements are off by at most eps 1e6 / 2 each, 1600 of them.
    assert np.abs(found.singular_values - s).max() <= eps_of("float64") * 1e6 / 2 * np.sqrt(1600)


@pytest.mark.ranks(1, 2, 4)
def test_layouts_and_views(comm):
    """Layouts and views, with a fixed draw of blocks, dtype and shape."""
    grid, draw = mt.Grid(comm), random.Random(comm.size)
    for layout in LAYOUTS:
        m, n = draw.choice([(101, N), (N, 101)])
        x = samples(m, n, draw.choice(DTYPES), 3.0)
        frame = np.full((m + 9, n + 7), 50, x.dtype)
        frame[4 : m + 4, 5 : n + 5] = x
        A = place(grid, frame, layout, draw.choice([1, 3, (5, 2), None]))
        check(x, pca(A[4 : m + 4, 5 : n + 5], 2))
        check(x.T, pca(A[4 : m + 4, 5 : n + 5].T, 2), vectors=False)


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
@pytest.mark.ranks(1, 3)
def test_all_components(comm, dtype):
    """All variances add up to that of the columns; centring takes one from the rank of wide ones.

    The sum of 12 ratios has an error of at most 12 times theirs.
    """
    for m, n in [(40, 12), (12, 40)]:
        x = samples(m, n, dtype, 2.0)
        found = pca(place(mt.Grid(comm), x), 12)
        check(x, found, vectors=False)
        assert abs(found.explained_variance_ratio.sum() - 1) <= 12 * 10 * 12 * eps_of(dtype)
    # What is zero in exact numbers: 12 centred rows add up to zero.
    assert found.singular_values[-1] <= 10 * 12 * eps_of(dtype) * found.singular_values[0]


@pytest.mark.ranks(1, 3)
def test_methods(comm):
    x = samples(151, N, "float64", 3.0)
    A = place(mt.Grid(comm), x, "MC,MR", 8)
    for method, k in itertools.product(("auto", "randomized", "gram", "tsqr"), (1, 5)):
        check(x, pca(A, k, method=method, seed=k))


@pytest.mark.ranks(1, 2)
def test_tolerance_and_seed(comm):
    """As of truncated_svd: a coarse `tol` ends early, and the seed takes another way."""
    x = with_spectrum(300, 120, 1 / (1.0 + np.arange(120)), "float64")
    A = place(mt.Grid(comm), x + 1)
    coarse, fine = (pca(A, 6, method="randomized", tol=tol) for tol in (1e-3, 1e-12))
    assert coarse.residual.max() > 1e2 * fine.residual.max()
    assert coarse.residual.max() <= 1.5e-3 * coarse.singular_values[0]
    again, other = (pca(A, 6, method="randomized", tol=1e-3, seed=seed) for seed in (0, 1))
    assert np.array_equal(coarse.residual, again.residual)
    assert not np.array_equal(coarse.residual, other.residual)


@pytest.mark.ranks(1, 2, 3, 4, 5, 6)
def test_same_answer_on_any_number_of_ranks(comm):
    """Against what this rank finds alone."""
    k = 4
    for (m, n), dtype in [((203, N), "float64"), ((N, 203), "complex128"), ((203, N), "float32")]:
        x = samples(m, n, dtype, 10.0)
        alone, found = (pca(place(mt.Grid(c), x), k) for c in (MPI.COMM_SELF, comm))
        s, eps = alone.singular_values, eps_of(dtype)
        rounding = 10 * N * eps
        # Means rounded from two sums in double precision; values of second order in residuals, but
        # for rounding; vectors by (residual + rounding) / gap, with gaps of at least s[0] / 10.
        assert (np.abs(found.mean - alone.mean) <= 2 * eps * np.abs(alone.mean)).all()
        assert (np.abs(found.singular_values - s) <= rounding * s[0]).all()
        variances = (found.explained_variance, alone.explained_variance)
        ratios = (found.explained_variance_ratio, alone.explained_variance_ratio)
        for a, b in (variances, ratios):
            assert (np.abs(a - b) <= 2 * rounding * b[0]).all()  # squares
        bound = 4 * (default_tol(dtype) + rounding) / 0.1
        v, w = found.components.numpy(None), alone.components.numpy(None)
        assert (np.linalg.norm(v - w, axis=0) <= bound).all()
        v, w = found.scores.numpy(None), alone.scores.numpy(None)
        assert (np.linalg.norm(v - w, axis=0) <= bound * s[0]).all()
        told = comm.allgather(tuple(values.tobytes() for values in (found.mean, *found[2:5])))
        assert len(set(told)) == 1  # the same bits on every rank


@pytest.mark.parametrize("shape", [(2, 1), (2, 5), (3, 2), (2, 2)])
@pytest.mark.ranks(1, 3, 6)
def test_fewer_rows_than_ranks(comm, shape):
    x = samples(*shape, "float64", 3.0)
    check(x, pca(place(mt.Grid(comm), x), 1))
    check(x, pca(place(mt.Grid(comm), x, "MC,MR", 64), min(shape)), vectors=False)


@pytest.mark.ranks(1, 3)
def test_constant_columns(comm):
    """No variance, exactly, though a third of 1e8 is rounded; components are orthonormal."""
    for shape in [(50, 20), (20, 50)]:
        found = pca(place(mt.Grid(comm), np.full(shape, 1e8 / 3)), 2)
        assert (found.mean == 1e8 / 3).all()
        for values in found[2:5]:
            assert values.tolist() == [0, 0]
        # Scalar products of at most 50 terms.
        assert far_from_orthonormal(found.components.numpy(None)) <= 100 * eps_of("float64")


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    grid = mt.Grid(comm, (1, comm.size - 1))
    for m, n in [(101, N), (N, 101)]:
        x = samples(m, n, "float64", 3.0)
        check(x, pca(place(grid, x), 3))


@pytest.mark.ranks(1, 3)
def test_one_row(comm):
    for n in (1, 4):
        A = place(mt.Grid(comm), np.ones((1, n)))
        error = raised_together(comm, lambda a=A: pca(a, 1))
        assert type(error) is mt.InvalidArgument
        assert "pca: A must have at least 2 rows: got 1" in str(error)
