# SPDX-License-Identifier: BSD-3-Clause
"""kmeans of sparse rows: scikit-learn's steps, the dense one's results, the same bits."""

import random
import warnings

import matrass as mt
import numpy as np
import pytest
import scipy.sparse
from reference import raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 5, 6)

kmeans = mt.linalg.kmeans
INITS = ("k-means++", "k-means||")


def place(grid, x):
    return mt.from_global(grid, x, root=None)


def groups(m, n, k, dtype="float64", *, density=0.3, apart=3.0):
    """Rows of group i % k have entries at the places of its own, and few elsewhere."""
    rng = np.random.default_rng([m, n, k])
    places = rng.random((k, n)) < density
    centers = apart * rng.standard_normal((k, n))
    x = np.where(places[np.arange(m) % k], centers[np.arange(m) % k], 0)
    x += (rng.random((m, n)) < density / 2) * rng.standard_normal((m, n))
    return scipy.sparse.csr_matrix(x.astype(dtype))


def sklearns(x, init, **options):
    from sklearn.cluster import KMeans

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return KMeans(len(init), init=init, n_init=1, algorithm="lloyd", **options).fit(x)


def check_like_sklearn(x, found, theirs, tol):
    assert type(found) is mt.linalg.KMeans
    assert np.array_equal(found.labels.numpy(None), theirs.labels_)
    assert found.iterations == theirs.n_iter_
    assert np.abs(found.centers - theirs.cluster_centers_).max() <= tol * abs(x).max()
    assert abs(found.inertia - theirs.inertia_) <= tol * theirs.inertia_ + 1e-20


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_of_sklearn_and_of_the_dense_one(comm, dtype):
    grid = mt.Grid(comm)
    tol = 1e-4 if dtype == "float32" else 1e-11
    for m, n, k, block in [(500, 40, 4, None), (301, 9, 3, 7), (130, 200, 17, 1), (64, 12, 1, 64)]:
        x = groups(m, n, max(k, 2), dtype)
        init = x[:k].toarray()
        A, dense = mt.from_scipy(grid, x, block=block), place(grid, x.toarray())
        for options in ({}, {"tol": 0}, {"tol": 0, "max_iter": 2}):
            found = kmeans(A, k, init=init, **options)
            check_like_sklearn(x, found, sklearns(x, init, **options), tol)
            theirs = kmeans(dense, k, init=init, **options)
            assert np.array_equal(found.labels.numpy(None), theirs.labels.numpy(None))
            assert found.iterations == theirs.iterations
            assert np.abs(found.centers - theirs.centers).max() <= tol * abs(x).max()
            assert abs(found.inertia - theirs.inertia) <= tol * theirs.inertia
            assert found.converged == theirs.converged
        assert np.array_equal(found.labels.local_rows, A.local_rows)


def test_first_centers_are_the_dense_ones(comm):
    """The same random numbers choose the same rows: chances differ by rounding only."""
    grid = mt.Grid(comm)
    x = groups(400, 30, 6)
    A, dense = mt.from_scipy(grid, x), place(grid, x.toarray())
    for init in INITS:
        for seed in range(3):
            options = {"init": init, "seed": seed, "max_iter": 1}
            ours, theirs = kmeans(A, 6, **options), kmeans(dense, 6, **options)
            assert np.array_equal(ours.labels.numpy(None), theirs.labels.numpy(None))
            assert np.abs(ours.centers - theirs.centers).max() <= 1e-12


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_however_rows_are_dealt(comm, dtype):
    """Against one rank's result, on overlapping groups: labels would show any change."""
    x = groups(333, 25, 7, dtype, apart=0.7)
    grid, draw = mt.Grid(comm), random.Random(5)
    alone = comm.Split(comm.rank, 0)
    single = mt.Grid(alone)
    for init in (*INITS, x[:7].toarray()):
        options = {"init": init, "seed": 3, "n_init": 2}
        expected = kmeans(mt.from_scipy(single, x), 7, **options)
        for block in (None, draw.choice([1, 5, 64])):
            A = mt.from_scipy(grid, x, block=block)
            turned = mt.from_scipy(grid, x.T.tocsr(), block=block).T
            for a in (A, turned):
                found = kmeans(a, 7, **options)
                assert np.array_equal(found.labels.numpy(None), expected.labels.numpy(None))
                assert np.array_equal(found.centers, expected.centers)
                assert found.inertia == expected.inertia
                assert found.iterations == expected.iterations
    alone.Free()


@pytest.mark.ranks(1, 2, 3)
def test_empty_clusters(comm):
    """First centers far from all rows: each is moved to the row farthest from its own."""
    x = groups(200, 20, 5)
    init = x[:5].toarray()
    init[[1, 3]] = [[1e3], [-1e3]]
    found = kmeans(mt.from_scipy(mt.Grid(comm), x), 5, init=init)
    check_like_sklearn(x, found, sklearns(x, init), 1e-11)
    assert len(np.unique(found.labels.numpy(None))) == 5


@pytest.mark.ranks(1, 3, 6)
def test_fewer_rows_than_clusters_and_empty_rows(comm):
    """Three distinct rows, one of them empty, five clusters: the inertia is 0."""
    x = np.repeat(np.array([[0.0, 0, 1 / 3], [0, 0, 0], [-0.1, 0, 0.7]]), 4, axis=0)
    A = mt.from_scipy(mt.Grid(comm), scipy.sparse.csr_matrix(x))
    for init in (*INITS, x[:5]):
        found = kmeans(A, 5, init=init)
        assert found.inertia <= 1e-30
        assert np.isfinite(found.centers).all()
        labels = found.labels.numpy(None)
        assert all(len(set(labels[i : i + 4])) == 1 for i in (0, 4, 8))
    nothing = kmeans(mt.from_coo(mt.Grid(comm), [], [], [], (7, 3)), 2)
    assert nothing.inertia == 0
    assert not nothing.centers.any()
    one = kmeans(mt.from_coo(mt.Grid(comm), [], [], [], (1, 1)), 1)
    assert (one.inertia, one.labels.numpy(None).tolist()) == (0, [0])


@pytest.mark.ranks(1, 4)
def test_many_columns_and_triplets_that_are_summed(comm):
    """More columns than a rank touches; entries given in two parts, on any ranks."""
    rng = np.random.default_rng(2)
    m, n, k = 300, 50_000, 5
    i = np.repeat(np.arange(m), 6)
    j = 10_000 * (i % k) + rng.integers(0, 40, i.size)
    v = 1.0 + rng.random(i.size)
    x = scipy.sparse.coo_matrix((v, (i, j)), shape=(m, n)).tocsr()
    mine = slice(comm.rank, None, comm.size)
    twice = [np.r_[part[mine], part[mine]] for part in (i, j, v / 2)]
    A = mt.from_coo(mt.Grid(comm), *twice, (m, n))
    init = x[:k].toarray()
    check_like_sklearn(x, kmeans(A, k, init=init), sklearns(x, init), 1e-11)


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    x = groups(60, 8, 4)
    A = mt.from_scipy(mt.Grid(comm, (1, comm.size - 1)), x)
    init = x[:4].toarray()
    check_like_sklearn(x, kmeans(A, 4, init=init), sklearns(x, init), 1e-11)
    for name in INITS:
        assert np.isfinite(kmeans(A, 4, init=name).inertia)


@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm):
    grid = mt.Grid(comm)
    x = groups(10, 3, 2)
    A = mt.from_scipy(grid, x)

    def wrong(kind, words, *arguments, **options):
        error = raised_together(comm, lambda: kmeans(*arguments, **options))
        assert type(error) is kind, error
        assert words in str(error)

    wrong(mt.DTypeError, "kmeans: A must be real: got complex64", A.astype("c8"), 2)
    for k in (0, 11):
        words = f"kmeans: k must be between 1 and the number of rows, 10: got {k}"
        wrong(mt.InvalidArgument, words, A, k)
    wrong(mt.InvalidArgument, "kmeans: init must be k-means++ or k-means||", A, 2, init="random")
    wrong(mt.ShapeError, "kmeans: init must have shape (2, 3)", A, 2, init=np.ones((3, 2)))
    wrong(mt.InvalidArgument, "kmeans: init must be finite", A, 1, init=[[np.nan, 1, 2]])
    wrong(mt.InvalidArgument, "kmeans: max_iter must be at least 1", A, 2, max_iter=0)
    wrong(mt.InvalidArgument, "one column", mt.from_coo(grid, [], [], [], (5, 0)), 2)
    wrong(mt.InvalidArgument, "k must be between", mt.from_coo(grid, [], [], [], (0, 3)), 1)
    y = x.tolil()
    y[7, 1] = np.nan
    words = "kmeans: A must be finite: got NaN or infinity at "
    wrong(mt.InvalidArgument, words + "(7, 1)", mt.from_scipy(grid, y.tocsr()), 2)
    wrong(mt.InvalidArgument, words + "(1, 7)", mt.from_scipy(grid, y.tocsr()).T, 2)
    wrong(mt.InvalidArgument, "scale A", A * 1e200, 2)
    if comm.size > 1:
        wrong(mt.InvalidArgument, "kmeans: every rank", A, 2, seed=comm.rank)
