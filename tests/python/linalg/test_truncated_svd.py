# SPDX-License-Identifier: BSD-3-Clause
"""truncated_svd against known spectra: scalars, layouts, shapes, methods, errors, rank counts."""

import itertools
import random

import matrass as mt
import numpy as np
import pytest
from known_svd import (
    check_svd,
    default_tol,
    eps_of,
    far_from_orthonormal,
    signal_and_noise,
    with_sign_rule,
    with_spectrum,
)
from mpi4py import MPI
from reference import DTYPES, LAYOUTS, grid_shapes, raised_together

METHODS = ("auto", "randomized", "gram", "tsqr")

# With 60 columns the iteration has room for k <= 14; beyond that "auto" is "tsqr".
N = 60

pytestmark = pytest.mark.ranks(1, 2, 3, 6)

svd = mt.linalg.truncated_svd


def place(grid, x, layout="VC,STAR", block=None):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


@pytest.mark.parametrize("dtype", DTYPES)
def test_low_rank_and_noise(comm, dtype):
    grid, s = mt.Grid(comm), signal_and_noise(N)
    for (m, n), k in [((203, N), 6), ((N, 203), 5), ((203, N), 1)]:
        x = with_spectrum(m, n, s, dtype)
        A = place(grid, x)
        check_svd(x, svd(A, k), s)
        assert np.array_equal(A.numpy(None), x)  # not changed


@pytest.mark.ranks(1, 2, 3, 4)
@pytest.mark.time_limit(120)
def test_layouts(comm):
    """Each layout, with a fixed draw of grid, blocks, dtype and shape."""
    s, draw = signal_and_noise(N), random.Random(comm.size)
    grids = [mt.Grid(comm, g, o) for g in grid_shapes(comm.size) for o in "FC"]
    for layout in LAYOUTS:
        shape = draw.choice([(101, N), (N, 101)])
        x = with_spectrum(*shape, s, draw.choice(DTYPES))
        A = place(draw.choice(grids), x, layout, draw.choice([1, 3, (5, 2), 64, None]))
        check_svd(x, svd(A, 4), s)


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
@pytest.mark.ranks(1, 3, 6)
def test_views(comm, dtype):
    """Slices and transposed views give what copies of them do."""
    s = signal_and_noise(N)
    x = with_spectrum(101, N, s, dtype)
    frame = np.full((111, N + 9), 7, dtype)
    frame[4:105, 6 : N + 6] = x
    grid = mt.Grid(comm)
    for layout, block in [("VC,STAR", 3), ("MC,MR", (4, 3)), ("STAR,STAR", None)]:
        part = place(grid, frame, layout, block)[4:105, 6 : N + 6]
        check_svd(x, svd(part, 3), s)
        check_svd(x.T, svd(part.T, 3), s)
    check_svd(x.conj().T, svd(part.H, 3), s)
    check_svd(x, svd(place(grid, x.T, "STAR,VC").T, 3), s)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.ranks(1, 3, 6)
def test_all_singular_values(comm, dtype):
    s = signal_and_noise(13)
    for m, n in [(31, 13), (13, 31), (13, 13)]:
        x = with_spectrum(m, n, s, dtype)
        check_svd(x, svd(place(mt.Grid(comm), x), 13), s)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (1, 1), (1, 5), (5, 1), (4, 7)])
@pytest.mark.ranks(1, 3, 6)
def test_fewer_rows_than_ranks(comm, shape):
    grid, s = mt.Grid(comm), signal_and_noise(min(shape))
    x = with_spectrum(*shape, s, "complex64")
    check_svd(x, svd(place(grid, x), min(shape)), s)
    check_svd(x, svd(place(grid, x, "MC,MR", 64), 1), s)


def test_one_element(comm):
    """U S V^H with V = 1 by the sign rule; exact, as nothing is summed."""
    for value, u in [(3.0, 1), (-3.0, -1)]:
        found = svd(place(mt.Grid(comm), np.array([[value]])), 1)
        assert found.S.tolist() == [3.0]
        assert found.V.numpy(None).tolist() == [[1.0]]
        assert found.U.numpy(None).tolist() == [[u]]


# n <= 60 values, descending, and k; beyond these the values are zero.
SPECTRA = {
    "rank 1": ([2.0], 7),
    "rank 4": (1 / (1.0 + np.arange(4)), 7),
    "rank is k": (1 / (1.0 + np.arange(7)), 7),
    "equal": (np.ones(N), 6),
    "equal, more than a block has": (np.r_[np.ones(11), 0.3 * np.ones(N - 11)], 13),
    "cut by k": (np.r_[2.0, 1.9, np.ones(N - 2)], 6),
    "close": (np.r_[1 - 1e-9 * np.arange(5), 0.1 / (1 + np.arange(N - 5))], 6),
    "flat": (1 - 1e-3 * np.arange(N), 6),
    "graded": (0.2 ** np.arange(N), 12),
    "one of many": (np.r_[1e8, 1 / (1.0 + np.arange(N - 1))], 3),
}


@pytest.mark.ranks(1, 2, 3)
@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("method", METHODS[1:])  # "auto" has been one of these
def test_spectra(comm, name, method):
    s, k = SPECTRA[name]
    grid = mt.Grid(comm)
    for m, n, dtype in [(150, N, "float64"), (N, 150, "float64"), (150, N, "complex64")]:
        x = with_spectrum(m, n, s, dtype)
        check_svd(x, svd(place(grid, x), k, method=method), s)


@pytest.mark.parametrize("shape", [(150, N), (N, 150), (5, 2)])
@pytest.mark.ranks(1, 3, 6)
def test_all_zero(comm, shape):
    """Exactly zero values; vectors that are orthonormal all the same."""
    for method, dtype in zip(METHODS, DTYPES, strict=True):
        found = svd(place(mt.Grid(comm), np.zeros(shape, dtype)), 2, method=method)
        assert found.S.tolist() == [0, 0]
        assert found.residual.tolist() == [0, 0]
        for vectors in (found.U.numpy(None), found.V.numpy(None)):
            # Scalar products of at most 150 terms: 150 eps; twice that for complex numbers.
            assert far_from_orthonormal(vectors) <= 300 * eps_of(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.ranks(1, 3)
def test_methods_agree(comm, dtype):
    """The same vectors, too: an error of residual and rounding moves one by so much over the gap.

    `||sin(v, v')|| <= residual / gap` for each method (Wedin); a gap reaches to both sides.
    """
    k, s = 6, signal_and_noise(N)
    x = with_spectrum(150, N, s, dtype)
    A = place(mt.Grid(comm), x, "MC,MR", 8)
    one = svd(A, k)
    rounding = 10 * N * eps_of(dtype)
    gaps = s[:k] - s[1 : k + 1]
    bound = 4 * (default_tol(dtype) + rounding) / gaps
    for method in METHODS[1:]:
        other = svd(A, k, method=method)
        check_svd(x, other, s)
        assert (np.abs(one.S - other.S) <= rounding).all()
        for a, b in [(one.U, other.U), (one.V, other.V)]:
            assert (np.linalg.norm(a.numpy(None) - b.numpy(None), axis=0) <= bound).all()


@pytest.mark.ranks(2, 3)
def test_tolerance(comm):
    """The residual follows `tol`: it is measured, and not zero by construction. Wide, too."""
    s = 1 / (1.0 + np.arange(120))
    for m, n in [(300, 120), (120, 300)]:
        x = with_spectrum(m, n, s, "float64")
        A = place(mt.Grid(comm), x)
        coarse, fine = (svd(A, 6, method="randomized", tol=tol) for tol in (1e-3, 1e-12))
        check_svd(x, coarse, s, 1e-3)
        check_svd(x, fine, s, 1e-12)
        # Some 1e6 times the rounding of a product, 120 eps: nothing but an early end explains it.
        assert coarse.residual.max() > 1e-9
        assert fine.residual.max() < 1e-2 * coarse.residual.max()


@pytest.mark.ranks(1, 3)
def test_seed(comm):
    s = signal_and_noise(N)
    A = place(mt.Grid(comm), with_spectrum(150, N, s, "float64"))
    seeds = (1, 1, 2**64 - 1)
    one, again, other = (svd(A, 5, method="randomized", seed=seed) for seed in seeds)
    for a, b in zip(one, again, strict=True):
        a, b = (x if isinstance(x, np.ndarray) else x.numpy(None) for x in (a, b))  # noqa: PLW2901
        assert np.array_equal(a, b)
    assert not np.array_equal(one.residual, other.residual)  # another way
    # Both are within tol**2 / gap (1e-18) and rounding of the same value.
    assert (np.abs(one.S - other.S) <= 10 * N * eps_of("float64")).all()
    # Only the last of the five vectors has a gap as small as 0.05.
    assert (np.abs(one.V.numpy(None) - other.V.numpy(None)) <= 4e-10 / 0.05).all()


@pytest.mark.ranks(1, 2, 3, 4, 5, 6)
def test_same_answer_on_any_number_of_ranks(comm):
    """Against what this rank finds alone; zero singular values have vectors by the seed."""
    k = 8
    values = signal_and_noise(N)
    cases = [
        (with_spectrum(203, N, values, "float64"), values),
        (with_spectrum(N, 203, values, "complex128"), values),
        (with_spectrum(203, N, values, "float32"), values),
        (with_spectrum(203, N, values[:5], "float64"), values[:5]),
    ]
    for x, s in cases:
        alone, found = (svd(place(mt.Grid(c), x), k) for c in (MPI.COMM_SELF, comm))
        check_svd(x, found, s)
        # The answers differ by rounding and by residuals, both below tol: a value by its square
        # over the gap, and by rounding, a vector by (residual + rounding) / gap.
        rounding = 10 * N * eps_of(x.dtype)
        s = np.append(s, np.zeros(k + 1))  # noqa: PLW2901
        gaps = np.maximum(s[:k] - s[1 : k + 1], 0.6**8)  # zero values: from the rest of the space
        assert (np.abs(found.S - alone.S) <= rounding).all()
        bound = 4 * (default_tol(x.dtype) + rounding) / gaps
        for a, b in [(found.U, alone.U), (found.V, alone.V)]:
            assert (np.linalg.norm(a.numpy(None) - b.numpy(None), axis=0) <= bound).all()
        told = comm.allgather((found.S.tobytes(), found.residual.tobytes()))
        assert len(set(told)) == 1  # the same bits on every rank


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.ranks(1, 2)
def test_vectors_against_numpy(comm, dtype):
    """With the sign rule, the vectors of LAPACK's SVD of the whole array."""
    k, s = 4, signal_and_noise(N)
    x = with_spectrum(N, 101, s, dtype)
    u, _, vh = np.linalg.svd(x.astype(np.result_type(dtype, np.float64)), full_matrices=False)
    v = with_sign_rule(vh.conj().T[:, :k])
    u = x @ v / s[:k]
    found = svd(place(mt.Grid(comm), x, "MC,MR", 5), k)
    # (residual + rounding) / gap, with a gap of 0.4 s; U is x V / s with the rounding of x.
    bound = 4 * (default_tol(dtype) + 10 * N * eps_of(dtype)) / (0.4 * s[:k])
    assert (np.linalg.norm(found.V.numpy(None) - v, axis=0) <= bound).all()
    assert (np.linalg.norm(found.U.numpy(None) - u, axis=0) <= bound).all()


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("float64", 2.0**660), ("complex128", 2.0**-660), ("float32", 2.0**90), ("float32", 2.0**-90)],
)
@pytest.mark.ranks(1, 2)
def test_ends_of_the_range(comm, dtype, scale):
    """Squares would overflow or vanish; scales are powers of two, so nothing else changes."""
    s = signal_and_noise(N)
    for (m, n), method in itertools.product([(150, N), (N, 150)], METHODS[1:]):
        x = with_spectrum(m, n, s, dtype)
        found = svd(place(mt.Grid(comm), x * x.real.dtype.type(scale)), 4, method=method)
        per_scale = x.real.dtype.type(1 / scale)
        residual = found.residual * per_scale
        check_svd(x, found._replace(S=found.S * per_scale, residual=residual), s)


@pytest.mark.ranks(1, 2)
def test_wide_blocks(comm):
    """From 256 columns on, real matrices are worked on with 16 vectors at a time."""
    s = signal_and_noise(270)
    for dtype in ("float64", "float32"):
        x = with_spectrum(400, 270, s, dtype)
        check_svd(x, svd(place(mt.Grid(comm), x), 9), s)


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    s, grid = signal_and_noise(N), mt.Grid(comm, (1, comm.size - 1))
    for m, n in [(101, N), (N, 101)]:
        x = with_spectrum(m, n, s, "float64")
        check_svd(x, svd(place(grid, x), 3), s)


NOT_FINITE = {
    "float32": (np.nan, np.inf, -np.inf),
    "float64": (np.nan, np.inf, -np.inf),
    "complex64": (complex(np.nan, 1), complex(0, np.nan), complex(0, -np.inf)),
    "complex128": (complex(0, np.nan), complex(np.inf, 0), complex(-np.inf, np.nan)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("routine", ["truncated_svd", "pca"])
@pytest.mark.parametrize("shape", [(101, N), (N, 101), (4, 3)])
@pytest.mark.ranks(1, 3)
def test_nan_and_infinity(comm, dtype, routine, shape):
    """One line on every rank that names the place, whatever the shape, the method and the rank."""
    call, grid = getattr(mt.linalg, routine), mt.Grid(comm)
    places = [(0, 0), (shape[0] - 1, shape[1] - 1), (1, 2), (shape[0] - 2, 0)]
    methods = itertools.cycle(METHODS)
    for value, (i, j), method in zip(NOT_FINITE[dtype], places, methods, strict=False):
        x = np.ones(shape, dtype) + np.eye(*shape, dtype=dtype)
        x[i, j] = value
        A = place(grid, x)
        error = raised_together(comm, lambda a=A, m=method: call(a, 2, method=m))
        assert type(error) is mt.InvalidArgument
        assert f"{routine}: A must be finite" in str(error)
        assert f"({i}, {j})" in str(error), (value, method)


WRONG = {
    "k = 0": ({"k": 0}, "k must"),
    "k too large": ({"k": 6}, "k must be between 1 and min(m, n) = 5"),
    "negative k": ({"k": -1}, "k must"),
    "k no integer": ({"k": 2.0}, "k must"),
    "k a word": ({"k": "2"}, "k must"),
    "huge k": ({"k": 2**62}, "k must"),
    "k beyond 64 bits": ({"k": 2**70}, "k must"),
    "method": ({"method": "magic"}, "method must"),
    "method of no kind": ({"method": None}, "method must"),
    "tol = 0": ({"tol": 0}, "tol must"),
    "tol = 1": ({"tol": 1.0}, "tol must"),
    "negative tol": ({"tol": -1e-3}, "tol must"),
    "tol nan": ({"tol": np.nan}, "tol must"),
    "tol a word": ({"tol": "small"}, "tol must"),
    "negative seed": ({"seed": -1}, "seed must"),
    "seed too large": ({"seed": 2**64}, "seed must"),
    "seed no integer": ({"seed": 0.5}, "seed must"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("routine", ["truncated_svd", "pca"])
@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm, name, routine):
    arguments, words = WRONG[name]
    call = getattr(mt.linalg, routine)
    for shape in [(9, 5), (5, 9)]:
        A = mt.DistMatrix(mt.Grid(comm), shape)
        error = raised_together(comm, lambda a=A: call(a, **({"k": 2} | arguments)))
        assert type(error) is mt.InvalidArgument
        assert str(error).startswith(f"{routine}: ")
        assert words in str(error)
        assert "got" in str(error)


@pytest.mark.ranks(1, 3)
def test_no_matrix_and_no_elements(comm):
    for call in (svd, mt.linalg.pca):
        error = raised_together(comm, lambda f=call: f(np.ones((5, 4)), 2))
        assert type(error) is mt.InvalidArgument
        for shape in [(0, 4), (4, 0), (0, 0)]:
            A = mt.DistMatrix(mt.Grid(comm), shape)
            error = raised_together(comm, lambda f=call, a=A: f(a, 1))
            assert type(error) is mt.InvalidArgument


@pytest.mark.ranks(1, 2)
def test_k_may_be_any_integer(comm):
    A = place(mt.Grid(comm), with_spectrum(9, 5, signal_and_noise(5), "float64"))
    assert svd(A, np.int32(2)).S.shape == (2,)
