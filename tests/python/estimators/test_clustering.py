# SPDX-License-Identifier: BSD-3-Clause
"""KMeans against scikit-learn's from the same centers, in all forms of X."""

import matrass as mt
import numpy as np
import pytest
import sklearn.cluster as theirs
from estimator_checks import FORMS, check_form, check_same_on_ranks, in_form, place, whole
from matrass.estimators import KMeans
from reference import raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 5, 6)


def groups(m, n, k, dtype="float64", mean=0.0):
    rng = np.random.default_rng([m, n, k])
    centers = 3 * rng.standard_normal((k, n))
    return (centers[np.arange(m) % k] + rng.standard_normal((m, n)) + mean).astype(dtype)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_like_sklearn(comm, form, dtype):
    grid = mt.Grid(comm)
    x = groups(90, 4, 3, dtype)
    init = np.ascontiguousarray(x[:3])
    X = in_form(grid, x, form)
    expected = theirs.KMeans(3, init=init, n_init=1, algorithm="lloyd").fit(x)
    ours = KMeans(3, init=init, session=grid)
    assert ours.fit(X) is ours
    tol = 1e-11 if dtype == "float64" else 1e-5
    check_same_on_ranks(comm, ours, ("cluster_centers_", "inertia_", "n_iter_"))
    assert ours.cluster_centers_.dtype == dtype
    assert np.abs(ours.cluster_centers_ - expected.cluster_centers_).max() <= 10 * tol
    assert abs(ours.inertia_ / expected.inertia_ - 1) <= tol
    assert ours.n_iter_ == expected.n_iter_
    labels = (ours.labels_, ours.predict(X), KMeans(3, init=init, session=grid).fit_predict(X))
    for found in labels:
        if form == "numpy":
            assert (found.shape, found.dtype) == ((90,), np.dtype("int32"))
        else:
            check_form(found, form, (90, 1), "float64")
        assert np.array_equal(whole(found).ravel(), expected.labels_)
    distances = ours.transform(X)
    check_form(distances, form, (90, 3), dtype)
    assert np.abs(whole(distances) - expected.transform(x)).max() <= 100 * tol
    assert abs(ours.score(X) / expected.score(x) - 1) <= 10 * tol


@pytest.mark.ranks(1, 4)
def test_new_rows_and_large_means(comm):
    """Of rows around 1e6: distances have the digits that X has, 1e6 eps."""
    grid = mt.Grid(comm)
    x, new = groups(80, 3, 4, mean=1e6), groups(33, 3, 4, mean=1e6)
    ours = KMeans(4, random_state=3, n_init=3).fit(place(grid, x))
    exact = np.sqrt(((new[:, None] - ours.cluster_centers_[None]) ** 2).sum(-1))
    assert np.abs(whole(ours.transform(place(grid, new))) - exact).max() <= 1e-8
    assert np.array_equal(whole(ours.predict(place(grid, new))).ravel(), exact.argmin(1))
    assert abs(ours.score(place(grid, new)) + (exact.min(1) ** 2).sum()) <= 1e-6


@pytest.mark.ranks(1, 2, 5)
def test_same_bits_on_any_number_of_ranks(comm):
    from mpi4py import MPI

    x = groups(70, 3, 5)
    for init in ("k-means++", "k-means||"):
        found, alone = (
            KMeans(5, init=init, random_state=7, session=mt.Grid(c)).fit(x)
            for c in (comm, MPI.COMM_SELF)
        )
        assert np.array_equal(found.labels_, alone.labels_)
        assert np.array_equal(found.cluster_centers_, alone.cluster_centers_)


@pytest.mark.ranks(1, 4)
def test_wrong_input(comm):
    grid = mt.Grid(comm)
    x = groups(20, 3, 2)
    A = place(grid, x)

    def wrong(words, f):
        error = raised_together(comm, f)
        assert isinstance(error, ValueError), error
        assert words in str(error)

    wrong("n_samples=20 should be >= n_clusters=21", lambda: KMeans(21).fit(A))
    wrong("n_clusters must be at least 1", lambda: KMeans(0).fit(A))
    wrong("init must be", lambda: KMeans(2, init="random").fit(A))
    wrong("n_init must be", lambda: KMeans(2, n_init=0).fit(A))
    wrong("max_iter must be", lambda: KMeans(2, max_iter=0).fit(A))
    wrong("NaN", lambda: KMeans(2).fit(place(grid, x * np.nan)))
    fitted = KMeans(2).fit(A)
    for method in (fitted.predict, fitted.transform, fitted.score):
        wrong("2 features", lambda method=method: method(A[:, :2]))
        wrong("NaN", lambda method=method: method(place(grid, x * np.nan)))


@pytest.mark.parametrize("form", ["scipy", "SparseMatrix"])
def test_sparse_rows(comm, form):
    """Fitted, predicted and scored as the same rows dense, without becoming dense."""
    import scipy.sparse

    grid = mt.Grid(comm)
    x = groups(70, 5, 3)
    x[np.random.default_rng(5).random(x.shape) < 0.4] = 0
    sparse = scipy.sparse.csr_array(x)
    X = sparse if form == "scipy" else mt.from_scipy(grid, sparse if comm.rank == 0 else None)
    dense = KMeans(3, init=x[:3].copy(), session=grid).fit(x)
    ours = KMeans(3, init=x[:3].copy(), session=grid).fit(X)
    check_same_on_ranks(comm, ours, ("cluster_centers_", "inertia_", "n_iter_"))
    assert np.abs(ours.cluster_centers_ - dense.cluster_centers_).max() <= 1e-12
    assert np.array_equal(whole(ours.labels_).ravel(), dense.labels_)
    assert np.array_equal(whole(ours.predict(X)).ravel(), dense.labels_)
    assert np.abs(whole(ours.transform(X)) - dense.transform(x)).max() <= 1e-12
    assert abs(ours.score(X) / dense.score(x) - 1) <= 1e-12


@pytest.mark.ranks(1, 3)
def test_sparse_input_that_is_refused(comm):
    import scipy.sparse

    grid = mt.Grid(comm)
    ours = KMeans(2, session=grid).fit(groups(20, 4, 2))
    bad = scipy.sparse.csr_array(groups(20, 4, 2))
    bad[7, 2] = np.nan
    X = mt.from_scipy(grid, bad if comm.rank == 0 else None)
    error = raised_together(comm, lambda: ours.predict(X))
    assert isinstance(error, mt.InvalidArgument)
    assert "got NaN or infinity at (7, 2)" in str(error)
    turned = mt.from_scipy(grid, bad.T.tocsr() if comm.rank == 0 else None).T
    error = raised_together(comm, lambda: ours.predict(turned))
    assert isinstance(error, mt.InvalidArgument)
    assert "got a transposed view" in str(error)
