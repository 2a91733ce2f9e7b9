# SPDX-License-Identifier: BSD-3-Clause
"""random_features: the kernel that it approaches, how fast, and the same bits on any grid."""

import matrass as mt
import numpy as np
import pytest
from reference import LAYOUTS, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 6)

random_features = mt.linalg.random_features


def place(grid, x, layout="VC,STAR", block=None):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


def sample(m, d, dtype="float64"):
    return np.random.default_rng([m, d]).standard_normal((m, d)).astype(dtype)


def kernel(x, gamma):
    x = x.astype(np.float64)
    return np.exp(-gamma * ((x[:, None] - x[None]) ** 2).sum(-1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.ranks(1, 3)
def test_error_falls_with_the_root_of_n(comm, dtype):
    """Each entry of Z Z^T is a mean of n terms of variance at most 1: an error below 1 / sqrt(n).

    (1 + k(2d))/2 - k(d)^2, with k(2d) the kernel at twice the distance: at most 1/2 + 1/2; the mean
    over 70 x 70 entries, which are not independent, has a few percent of chance.
    """
    x = sample(70, 5, dtype)
    grid = mt.Grid(comm)
    errors = []
    for n in (64, 1024, 16384):
        z = random_features(place(grid, x), n, 0.15, seed=2).numpy(None).astype(np.float64)
        errors.append(np.sqrt(np.mean((z @ z.T - kernel(x, 0.15)) ** 2)) * np.sqrt(n))
    assert (np.array(errors) < 1.1).all()
    assert (np.array(errors) > 0.4).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_on_any_grid_and_layout(comm, dtype):
    x = sample(83, 7, dtype)
    alone = comm.Split(comm.rank, 0)
    expected = random_features(place(mt.Grid(alone), x), 90, 0.4, seed=11).numpy(None)
    alone.Free()
    grid = mt.Grid(comm)
    for layout in LAYOUTS:
        Z = random_features(place(grid, x, layout, 3), 90, 0.4, seed=11)
        assert (Z.shape, Z.dtype, str(Z.layout)) == ((83, 90), x.dtype, "[VC,STAR]")
        assert np.array_equal(Z.numpy(None), expected)
    part = place(grid, x, "MC,MR", 4)[10:60, :]
    assert np.array_equal(random_features(part, 90, 0.4, seed=11).numpy(None), expected[10:60])
    assert not np.array_equal(random_features(place(grid, x), 90, 0.4).numpy(None), expected)


@pytest.mark.ranks(1, 3)
def test_blocks(comm):
    A = place(mt.Grid(comm), sample(40, 3))
    whole = random_features(A, 200, 1.0).numpy(None)
    blocks = [
        random_features(A, 50, 1.0, first=f, total=200).numpy(None) for f in (0, 50, 100, 150)
    ]
    assert np.array_equal(np.hstack(blocks), whole)


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    grid = mt.Grid(comm, (1, comm.size - 1))
    x = sample(30, 2)
    alone = comm.Split(comm.rank, 0)
    expected = random_features(place(mt.Grid(alone), x), 5, 1.0).numpy(None)
    alone.Free()
    assert np.array_equal(random_features(place(grid, x), 5, 1.0).numpy(None), expected)


@pytest.mark.ranks(1, 3)
def test_shapes(comm):
    grid = mt.Grid(comm)
    for m, d, n in [(0, 3, 4), (4, 3, 0), (1, 1, 1), (3, 90, 65)]:
        Z = random_features(mt.DistMatrix(grid, (m, d)), n, 1.0)
        assert Z.shape == (m, n)
    # Without columns only the phases are left: all rows are equal.
    z = random_features(mt.DistMatrix(grid, (6, 0)), 5, 1.0).numpy(None)
    assert (z == z[0]).all()
    assert np.abs(z).max() <= np.sqrt(2 / 5)


@pytest.mark.ranks(1, 3)
def test_overflow(comm):
    """Products beyond the range of numbers, which one rank alone meets."""
    x = sample(40, 3)
    x[7] = 1e308
    A = place(mt.Grid(comm), x)
    error = raised_together(comm, lambda: random_features(A, 8, 1e3))
    assert isinstance(error, mt.InvalidArgument)
    assert "random_features: a_i w_f must not overflow" in str(error)


def test_wrong_arguments(comm):
    grid = mt.Grid(comm)
    A = place(grid, sample(10, 2))

    def wrong(kind, words, *arguments, **options):
        error = raised_together(comm, lambda: random_features(*arguments, **options))
        assert type(error) is kind, error
        assert words in str(error)

    wrong(mt.InvalidArgument, "operands must be DistMatrix", np.ones((3, 2)), 2, 1.0)
    wrong(mt.DTypeError, "random_features: A must be real", A.to("MC,MR", dtype="c16"), 2, 1.0)
    wrong(mt.InvalidArgument, "must not be negative", A, -1, 1.0)
    wrong(mt.InvalidArgument, "random_features: n must be an integer", A, 1.5, 1.0)
    for gamma in (0, -1, np.nan, np.inf, "x"):
        wrong(mt.InvalidArgument, "gamma must be positive and finite", A, 3, gamma)
    wrong(mt.InvalidArgument, "first + n must be at most total", A, 3, 1.0, first=2, total=4)
    wrong(mt.InvalidArgument, "seed must lie in", A, 3, 1.0, seed="a")
    x = sample(10, 2)
    x[4, 0] = np.nan
    wrong(
        mt.InvalidArgument,
        "A must be finite: got NaN or infinity at (4, 0)",
        place(grid, x),
        3,
        1.0,
    )
    if comm.size > 1:
        wrong(mt.InvalidArgument, "random_features: every rank", A, 3, 1.0 + comm.rank)
