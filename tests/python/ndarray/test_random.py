# SPDX-License-Identifier: BSD-3-Clause
"""Random matrices: the numbers that NumPy and SciPy give; the same on every grid."""

import itertools

import matrass as mt
import numpy as np
import pytest
import scipy.stats
from reference import DTYPES, LAYOUTS, grid_shapes, raised_together
from scipy.special import ndtri

pytestmark = pytest.mark.ranks(1, 2, 4, 6)

M, N = 23, 9
USES = {"uniform": 0, "normal": 1, "rademacher": 2}
MAKERS = (mt.random.normal, mt.random.uniform, mt.random.rademacher)


def bits(kind, seed, m, n, part=0):
    """By the definition, through NumPy's own Philox: it counts up before it draws."""
    found = np.empty((m, n), np.uint64)
    for i, j in itertools.product(range(0, m, 4), range(n)):
        counter = ((i >> 2) + (j << 64) + (part << 128) - 1) % 2**256
        four = np.random.Philox(key=seed + (USES[kind] << 64), counter=counter).random_raw(4)
        found[i : i + 4, j] = four[: m - i]
    return found


def unit(words):
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(words):
    return ndtri((words >> np.uint64(12)).astype(np.float64) * 2.0**-52 + 2.0**-53)


@pytest.mark.ranks(1, 3)
@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_against_numpy_and_scipy(comm, seed):
    grid = mt.Grid(comm)
    u = mt.random.uniform(grid, (M, N), seed).numpy(None)
    assert np.array_equal(u, unit(bits("uniform", seed, M, N)))
    v = mt.random.uniform(grid, (M, N), seed, -3, 5).numpy(None)
    assert np.array_equal(v, -3 + 8 * unit(bits("uniform", seed, M, N)))
    z = mt.random.normal(grid, (M, N), seed, block=1).numpy(None)
    words = bits("normal", seed, M, N)
    assert np.allclose(z, normal(words), rtol=4e-15, atol=1e-15)
    y = mt.random.normal(grid, (M, N), seed, 10, 2).numpy(None)
    assert np.array_equal(y, 10 + 2 * z)
    s = mt.random.rademacher(grid, (M, N), seed, dtype="float32").numpy(None)
    positive = bits("rademacher", seed, M, N) >> np.uint64(63) == 1
    assert np.array_equal(s, np.where(positive, 1, -1))
    c = mt.random.normal(grid, (M, N), seed, dtype="complex128").numpy(None)
    assert np.array_equal(c.real, z * (1 / np.sqrt(2)))
    imaginary = normal(bits("normal", seed, M, N, 1)) / np.sqrt(2)
    assert np.allclose(c.imag, imaginary, rtol=4e-15, atol=1e-15)


@pytest.mark.parametrize("make", MAKERS, ids=lambda f: f.__name__)
def test_the_same_for_every_grid_layout_and_block(comm, make):
    blocks = itertools.cycle([1, 3, (2, 5), 64, None])
    own = mt.Grid(comm.Split(comm.rank))
    for dtype in DTYPES:
        if make is mt.random.rademacher and dtype.startswith("complex"):
            continue
        x = make(own, (M, N), 5, dtype=dtype).local.copy()
        grids = itertools.cycle(mt.Grid(comm, s, o) for s in grid_shapes(comm.size) for o in "FC")
        for layout, grid in zip(LAYOUTS, grids, strict=False):
            A = make(grid, (M, N), 5, dtype=dtype, layout=layout, block=next(blocks))
            assert A.dtype == np.dtype(dtype)
            assert np.array_equal(
                A.local, x[np.ix_(A.local_rows, A.local_cols)].reshape(A.local.shape)
            )
        larger = make(own, (M + 6, N + 8), 5, dtype=dtype).local
        assert np.array_equal(larger[:M, :N], x)


@pytest.mark.ranks(1, 2)
@pytest.mark.parametrize("make", MAKERS, ids=lambda f: f.__name__)
def test_single_precision_is_rounded_double(comm, make):
    grid = mt.Grid(comm)
    double = make(grid, (M, N), 3).numpy(None)
    assert np.array_equal(make(grid, (M, N), 3, dtype="float32").numpy(None), double.astype("f4"))


def test_odd_shapes(comm):
    grid = mt.Grid(comm)
    for shape in [(0, 5), (5, 0), (0, 0), (1, 1), (1, 37), (37, 1), (2, 97)]:
        for make, layout in itertools.product(MAKERS, LAYOUTS):
            A = make(grid, shape, 1, layout=layout)
            assert A.shape == shape
            assert np.array_equal(A.numpy(None), make(grid, shape, 1, layout="VC,STAR").numpy(None))


@pytest.mark.ranks(1)
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_statistics(comm, seed):
    """10**6 numbers; all bounds are 5 standard errors, or a probability of 1e-6."""
    grid, n = mt.Grid(comm), 1000
    z = mt.random.normal(grid, (n, n), seed).local
    u = mt.random.uniform(grid, (n, n), seed).local
    s = mt.random.rademacher(grid, (n, n), seed).local
    error = 5 / n
    assert abs(z.mean()) < error
    assert abs(z.var() - 1) < error * np.sqrt(2)
    assert abs((z**3).mean()) < error * np.sqrt(15)
    assert abs((z**4).mean() - 3) < error * np.sqrt(96)
    assert abs(u.mean() - 0.5) < error / np.sqrt(12)
    assert abs(s.mean()) < error
    assert set(np.unique(s)) == {-1.0, 1.0}
    assert scipy.stats.kstest(z.ravel(), "norm").pvalue > 1e-6
    assert scipy.stats.kstest(u.ravel(), "uniform").pvalue > 1e-6
    assert 0 <= u.min() < u.max() < 1
    # The tail: expected counts beyond 4 and 4.5 are 63 and 6.8.
    assert 20 < (abs(z) > 4).sum() < 120
    assert (abs(z) > 4.5).sum() < 30


@pytest.mark.ranks(1)
def test_neighbours_are_independent(comm):
    """Correlations of neighbouring rows, columns, seeds, parts and uses: 5 standard errors."""
    grid, n = mt.Grid(comm), 1000

    def uncorrelated(x, y):
        return abs(np.mean(x * y)) < 5 / np.sqrt(x.size)

    z = mt.random.normal(grid, (n, n), 7).local
    for k in (1, 2, 3, 4, 8):
        assert uncorrelated(z[k:], z[:-k])
        assert uncorrelated(z[:, k:], z[:, :-k])
        assert uncorrelated(z[k:, k:], z[:-k, :-k])
        assert uncorrelated(z[k:] ** 2 - 1, (z[:-k] ** 2 - 1) / 2)
    for seed in (8, 7 + 2**32, 7 + 2**63):
        assert uncorrelated(z, mt.random.normal(grid, (n, n), seed).local)
    assert uncorrelated(z, z.T * (1 - np.eye(n)))
    c = mt.random.normal(grid, (n, n), 7, dtype="complex128").local
    assert uncorrelated(c.real * np.sqrt(2), c.imag * np.sqrt(2))
    assert abs((abs(c) ** 2).mean() - 1) < 5 / n
    u = mt.random.uniform(grid, (n, n), 7).local - 0.5
    assert uncorrelated(z, u * np.sqrt(12))
    assert uncorrelated(z, mt.random.rademacher(grid, (n, n), 7).local)


WRONG = {
    "seed": ({"seed": -1}, mt.InvalidArgument, "seed must lie in"),
    "large seed": ({"seed": 2**64}, mt.InvalidArgument, "seed must lie in"),
    "real seed": ({"seed": 1.0}, mt.InvalidArgument, "seed must lie in"),
    "scale": ({"scale": -1}, mt.InvalidArgument, "scale must not be negative"),
    "loc": ({"loc": np.nan}, mt.InvalidArgument, "loc must be finite"),
    "text": ({"scale": "a"}, mt.InvalidArgument, "scale must be a number"),
    "dtype": ({"dtype": int}, mt.DTypeError, "int64"),
    "layout": ({"layout": "VC,VC"}, mt.LayoutError, "VC,VC"),
    "block": ({"block": 0}, mt.InvalidArgument, "block"),
    "shape": ({"shape": (3,)}, mt.ShapeError, "shape"),
    "negative": ({"shape": (-3, 1)}, mt.InvalidArgument, "negative"),
}


@pytest.mark.parametrize(("given", "kind", "text"), WRONG.values(), ids=WRONG)
@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm, given, kind, text):
    grid = mt.Grid(comm)
    error = raised_together(comm, lambda: mt.random.normal(grid, **{"shape": (3, 3), **given}))
    assert isinstance(error, kind)
    assert text in str(error)


@pytest.mark.ranks(1, 3)
def test_wrong_ranges(comm):
    grid = mt.Grid(comm)
    for low, high in ((1, 0), (0, np.inf), (-1.7e308, 1.7e308)):
        error = raised_together(
            comm, lambda low=low, high=high: mt.random.uniform(grid, (3, 3), 0, low, high)
        )
        assert isinstance(error, mt.InvalidArgument)
    assert isinstance(
        raised_together(comm, lambda: mt.random.rademacher(grid, (3, 3), dtype=complex)),
        mt.DTypeError,
    )
    with pytest.raises(mt.InvalidArgument, match="grid must be a Grid"):
        mt.random.normal(None, (3, 3))


@pytest.mark.ranks(2, 3)
def test_arguments_that_differ_between_ranks(comm):
    grid = mt.Grid(comm)
    for call in (
        lambda: mt.random.normal(grid, (3, 3), comm.rank),
        lambda: mt.random.normal(grid, (3, 3), 0, float(comm.rank)),
        lambda: (mt.random.normal if comm.rank else mt.random.uniform)(grid, (3, 3)),
    ):
        assert "same" in str(raised_together(comm, call))
