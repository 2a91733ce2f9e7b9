# SPDX-License-Identifier: BSD-3-Clause
"""kmeans against scikit-learn from the same centers; the same bits however rows are dealt."""

import random
import warnings

import matrass as mt
import numpy as np
import pytest
from reference import LAYOUTS, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 6)

kmeans = mt.linalg.kmeans
INITS = ("k-means++", "k-means||")


def place(grid, x, layout="VC,STAR", block=None):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


def groups(m, n, k, dtype="float64", *, apart=2.0, mean=0.0):
    """Points of spread 1 around k centers that are about `apart` apart."""
    rng = np.random.default_rng([m, n, k])
    centers = apart * rng.standard_normal((k, n))
    return (centers[np.arange(m) % k] + rng.standard_normal((m, n)) + mean).astype(dtype)


def sklearns(x, init, **options):
    from sklearn.cluster import KMeans

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return KMeans(len(init), init=init, n_init=1, algorithm="lloyd", **options).fit(x)


def check_like_sklearn(x, found, theirs, tol):
    assert type(found) is mt.linalg.KMeans
    assert np.array_equal(found.labels.numpy(None), theirs.labels_)
    assert found.iterations == theirs.n_iter_
    scale = np.abs(x).max()
    assert np.abs(found.centers - theirs.cluster_centers_).max() <= tol * scale
    assert abs(found.inertia - theirs.inertia_) <= tol * theirs.inertia_ + 1e-20


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_of_sklearn(comm, dtype):
    """Points in general position: no distance is so nearly equal to another that rounding tells."""
    grid = mt.Grid(comm)
    tol = 1e-4 if dtype == "float32" else 1e-11
    for m, n, k in [(500, 6, 4), (301, 1, 3), (130, 70, 5), (64, 2, 1), (63, 3, 20)]:
        x = groups(m, n, max(k, 2), dtype)
        init = np.ascontiguousarray(x[:k])
        A = place(grid, x)
        check_like_sklearn(x, kmeans(A, k, init=init), sklearns(x, init), tol)
        check_like_sklearn(x, kmeans(A, k, init=init, tol=0), sklearns(x, init, tol=0), tol)
        short = kmeans(A, k, init=init, max_iter=2, tol=0)
        check_like_sklearn(x, short, sklearns(x, init, max_iter=2, tol=0), tol)
        assert np.array_equal(A.numpy(None), x)  # not changed


@pytest.mark.ranks(1, 3)
def test_large_means(comm):
    """Deviations of 1 around 1e6: scikit-learn takes the means off, too."""
    x = groups(400, 5, 4, mean=1e6)
    found = kmeans(place(mt.Grid(comm), x), 4, init=x[:4])
    check_like_sklearn(x, found, sklearns(x, x[:4]), 1e-8)


@pytest.mark.ranks(1, 2, 3)
def test_empty_clusters(comm):
    """First centers far from all rows: each is moved to the row farthest from its own."""
    x = groups(200, 3, 5)
    init = x[:5].copy()
    init[[1, 3]] = [[1e3], [-1e3]]
    found = kmeans(place(mt.Grid(comm), x), 5, init=init)
    check_like_sklearn(x, found, sklearns(x, init), 1e-11)
    assert len(np.unique(found.labels.numpy(None))) == 5


@pytest.mark.ranks(1, 3)
def test_fewer_rows_than_clusters(comm):
    """Three distinct rows, five clusters: the inertia is 0, and nothing loops or fails."""
    x = np.repeat(np.array([[0.0, 1], [5, 5], [-3, 2]]), 4, axis=0)
    A = place(mt.Grid(comm), x)
    for init in (*INITS, x[:5]):
        found = kmeans(A, 5, init=init)
        assert found.inertia <= 1e-28
        assert np.isfinite(found.centers).all()
        labels = found.labels.numpy(None)
        assert all(len(set(labels[i : i + 4])) == 1 for i in (0, 4, 8))
    everyone = kmeans(A, 12)
    assert everyone.inertia <= 1e-28


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_however_rows_are_dealt(comm, dtype):
    """Against one rank's result: every rank clusters alone, too. Labels would show any change."""
    x = groups(333, 4, 7, dtype, apart=0.5)
    grid, draw = mt.Grid(comm), random.Random(5)
    alone = comm.Split(comm.rank, 0)
    single = mt.Grid(alone)
    for init in (*INITS, x[:7]):
        options = {"init": init, "seed": 3, "n_init": 2}
        expected = kmeans(place(single, x), 7, **options)
        for layout in ("VC,STAR", *draw.sample(LAYOUTS, 3)):
            A = place(grid, x, layout, draw.choice([None, 1, (5, 2), 64]))
            found = kmeans(A, 7, **options)
            assert np.array_equal(found.labels.numpy(None), expected.labels.numpy(None))
            assert np.array_equal(found.centers, expected.centers)
            assert found.inertia == expected.inertia
            assert found.iterations == expected.iterations
    alone.Free()


@pytest.mark.ranks(1, 4)
def test_views(comm):
    x = groups(101, 6, 3)
    A = place(mt.Grid(comm), x, "MC,MR", 5)
    part = np.ascontiguousarray(x[7:90, 1:4])
    found = kmeans(A[7:90, 1:4], 3, init=part[:3])
    check_like_sklearn(part, found, sklearns(part, part[:3]), 1e-11)
    turned = np.ascontiguousarray(x[:40].T)
    found = kmeans(A[:40, :].T, 2, init=turned[:2])
    check_like_sklearn(turned, found, sklearns(turned, turned[:2]), 1e-11)


@pytest.mark.ranks(1, 3)
def test_init_finds_groups(comm):
    """Groups 20 widths apart. One run misses one of eight now and then, four runs do not."""
    x = groups(800, 5, 8, apart=20.0)
    A = place(mt.Grid(comm), x)
    truth = sklearns(x, np.array([x[c::8].mean(axis=0) for c in range(8)]))
    for init in INITS:
        found = kmeans(A, 8, init=init, n_init=4)
        assert abs(found.inertia - truth.inertia_) <= 1e-9 * truth.inertia_
        labels = found.labels.numpy(None)
        assert all(len(set(labels[c::8])) == 1 for c in range(8))
        near = place(mt.Grid(comm), groups(100, 2, 8, apart=1.0))
        runs = [kmeans(near, 8, init=init, seed=s, max_iter=1).inertia for s in range(6)]
        assert len(set(runs)) > 1  # seeds matter


@pytest.mark.ranks(1)
def test_init_is_as_good_as_sklearns(comm):
    """Means over 30 seeds, after one iteration: within 4 standard errors of scikit-learn's."""
    x = groups(600, 3, 12, apart=1.5)
    A = place(mt.Grid(comm), x)
    from sklearn.cluster import kmeans_plusplus

    theirs = []
    for s in range(30):
        centers, _ = kmeans_plusplus(x, 12, random_state=s)
        theirs.append(kmeans(A, 12, init=centers, max_iter=1).inertia)
    for init in INITS:
        ours = [kmeans(A, 12, init=init, seed=s, max_iter=1).inertia for s in range(30)]
        error = np.hypot(np.std(ours), np.std(theirs)) / 30**0.5
        assert np.mean(ours) <= np.mean(theirs) + 4 * error


def test_labels(comm):
    grid = mt.Grid(comm)
    x = groups(50, 2, 3)
    labels = kmeans(place(grid, x, block=4), 3).labels
    assert len(labels) == 50
    everyone = labels.numpy(None)
    assert (everyone.dtype, everyone.shape) == (np.int32, (50,))
    assert labels.local.dtype == np.int32
    assert np.array_equal(labels.local, everyone[labels.local_rows])
    assert sorted(np.concatenate(comm.allgather(labels.local_rows))) == list(range(50))
    gathered = labels.numpy(comm.size - 1)
    assert (gathered is None) == (comm.rank != comm.size - 1)
    assert labels.matrix.shape == (50, 1)
    assert labels.matrix.dtype == np.float64
    assert "50 rows" in repr(labels)


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    grid = mt.Grid(comm, (1, comm.size - 1))
    x = groups(60, 3, 4)
    found = kmeans(place(grid, x), 4, init=x[:4])
    check_like_sklearn(x, found, sklearns(x, x[:4]), 1e-11)
    for init in INITS:
        assert np.isfinite(kmeans(place(grid, x), 4, init=init).inertia)
    assert (found.labels.local.shape[0] == 0) == (comm.rank == comm.size - 1)


@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm):
    grid = mt.Grid(comm)
    A = place(grid, groups(10, 2, 2))

    def wrong(kind, words, *arguments, **options):
        error = raised_together(comm, lambda: kmeans(*arguments, **options))
        assert type(error) is kind, error
        assert words in str(error)

    wrong(mt.InvalidArgument, "operands must be DistMatrix", np.ones((3, 2)), 2)
    wrong(mt.DTypeError, "kmeans: A must be real: got complex64", A.to("MC,MR", dtype="c8"), 2)
    for k in (0, 11):
        wrong(
            mt.InvalidArgument,
            f"kmeans: k must be between 1 and the number of rows, 10: got {k}",
            A,
            k,
        )
    wrong(mt.InvalidArgument, "kmeans: k must be an integer", A, 2.5)
    wrong(mt.InvalidArgument, "kmeans: init must be k-means++ or k-means||", A, 2, init="random")
    wrong(mt.InvalidArgument, "kmeans: init must be", A, 2, init=[[1j, 2], [3, 4]])
    wrong(
        mt.ShapeError, "kmeans: init must have shape (2, 2): got (3, 2)", A, 2, init=np.ones((3, 2))
    )
    wrong(mt.InvalidArgument, "kmeans: init must be finite", A, 1, init=[[np.nan, 1]])
    for tol in (-1, np.nan, "x"):
        wrong(mt.InvalidArgument, "kmeans: tol must be finite and not negative", A, 2, tol=tol)
    wrong(mt.InvalidArgument, "kmeans: max_iter must be at least 1", A, 2, max_iter=0)
    wrong(mt.InvalidArgument, "kmeans: n_init must be at least 1", A, 2, n_init=0)
    wrong(mt.InvalidArgument, "kmeans: seed must lie in", A, 2, seed=-1)
    wrong(mt.InvalidArgument, "at least one column", mt.DistMatrix(grid, (5, 0)), 2)
    wrong(mt.InvalidArgument, "k must be between", mt.DistMatrix(grid, (0, 3)), 1)
    for bad in (np.nan, -np.inf):
        x = groups(10, 2, 2)
        x[7, 1] = bad
        wrong(
            mt.InvalidArgument,
            "kmeans: A must be finite: got NaN or infinity at (7, 1)",
            place(grid, x),
            2,
        )
    wrong(mt.InvalidArgument, "scale A", place(grid, np.full((4, 2), 1e200)), 2)
    if comm.size > 1:
        wrong(mt.InvalidArgument, "kmeans: every rank", A, 2, seed=comm.rank)
        wrong(mt.InvalidArgument, "kmeans: every rank", A, 1, init=[[comm.rank, 1.0]])
