# SPDX-License-Identifier: BSD-3-Clause
"""PCA and TruncatedSVD against scikit-learn's, in all forms of X, on 1 to 6 ranks."""

import matrass as mt
import numpy as np
import pytest
import sklearn.decomposition as theirs
from estimator_checks import (
    FORMS,
    check_form,
    check_same_on_ranks,
    in_form,
    place,
    samples,
    up_to_signs,
    whole,
)
from matrass.estimators import PCA, TruncatedSVD
from reference import raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 5, 6)

PCA_ATTRIBUTES = (
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
    "mean_",
    "noise_variance_",
)
# Vectors converge to 1e-10 / gap, gaps are 0.1 and more; values are of second order.
TOL = {"float64": 1e-8, "float32": 1e-3}


def check_pca(ours, expected, tol):
    for name in PCA_ATTRIBUTES:
        a, b = getattr(ours, name), getattr(expected, name)
        assert np.shape(a) == np.shape(b), name
        if name == "components_":
            a = up_to_signs(a, b)
        assert np.abs(a - b).max() <= tol * max(1.0, np.abs(b).max()), name
    assert ours.n_components_ == expected.n_components_
    assert ours.n_samples_ == expected.n_samples_


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_pca_like_sklearn(comm, form, dtype):
    grid = mt.Grid(comm)
    for m, n, k in [(83, 7, 3), (11, 13, 2)]:
        x = samples(m, n, dtype)
        X = in_form(grid, x, form)
        expected = theirs.PCA(k, svd_solver="full").fit(x.astype("float64"))
        ours = PCA(k, session=grid)
        assert ours.fit(X) is ours
        check_pca(ours, expected, TOL[dtype])
        check_same_on_ranks(comm, ours, PCA_ATTRIBUTES)
        assert ours.components_.dtype == ours.mean_.dtype == dtype
        scores, direct = ours.transform(X), ours.fit_transform(X)
        for found in (scores, direct):
            check_form(found, form, (m, k), dtype)
            right = up_to_signs(whole(found).T, expected.transform(x.astype("float64")).T).T
            assert np.abs(whole(found) - right).max() <= 1e-30  # signs are scikit-learn's
            assert np.abs(right - expected.transform(x)).max() <= 10 * TOL[dtype]
        back = ours.inverse_transform(scores)
        check_form(back, form, (m, n), dtype)
        assert np.abs(whole(back) - expected.inverse_transform(expected.transform(x))).max() <= (
            10 * TOL[dtype]
        )
        if dtype == "float64" and m > n:
            assert np.abs(ours.get_covariance() - expected.get_covariance()).max() <= 1e-9
            assert np.abs(ours.get_precision() - expected.get_precision()).max() <= 1e-6
            assert abs(ours.score(X) - expected.score(x)) <= 1e-6
            likelihood = ours.score_samples(X)
            assert np.abs(whole(likelihood).ravel() - expected.score_samples(x)).max() <= 1e-5


@pytest.mark.ranks(1, 4)
def test_pca_solvers_and_numbers(comm):
    grid = mt.Grid(comm)
    x = samples(60, 8)
    X = place(grid, x)
    for solver in ("auto", "full", "covariance_eigh", "randomized"):
        found = PCA(3, svd_solver=solver, random_state=np.random.RandomState(1)).fit(X)
        check_pca(found, theirs.PCA(3).fit(x), 1e-8)
    for k in (None, 0.5, 0.9, 0.999, 8, np.int64(2)):
        expected = theirs.PCA(k, svd_solver="full").fit(x)
        ours = PCA(k)
        scores = ours.fit_transform(X)
        check_pca(ours, expected, 1e-8)
        assert scores.shape == (60, expected.n_components_)
        assert np.abs(whole(scores) - whole(ours.transform(X))).max() <= 1e-8


@pytest.mark.ranks(1, 4)
def test_pca_whiten(comm):
    x = samples(60, 8)
    X = place(mt.Grid(comm), x, "MC,MR", 4)
    ours, expected = PCA(4, whiten=True), theirs.PCA(4, whiten=True, svd_solver="full").fit(x)
    direct = ours.fit_transform(X)
    scores = ours.transform(X)
    assert np.abs(whole(direct) - expected.transform(x)).max() <= 1e-7
    assert np.abs(whole(scores) - expected.transform(x)).max() <= 1e-7
    assert np.abs(whole(scores).std(axis=0, ddof=1) - 1).max() <= 1e-7
    back = whole(ours.inverse_transform(scores))
    assert np.abs(back - expected.inverse_transform(expected.transform(x))).max() <= 1e-7


@pytest.mark.ranks(1, 2)
def test_pca_large_means(comm):
    """Scores keep the digits that means of 1e6 leave in X: 1e6 eps = 2e-10, a few times."""
    x = samples(200, 5) + 1e6
    ours = PCA(2).fit(place(mt.Grid(comm), x))
    assert np.abs(whole(ours.transform(place(mt.Grid(comm), x))).mean(axis=0)).max() <= 1e-9
    d = x.astype(np.longdouble)
    d = (d - d.mean(axis=0)).astype("float64")
    s = np.linalg.svd(d, compute_uv=False)[:2]
    assert np.abs(ours.singular_values_ - s).max() <= 1e-9 * s[0]


@pytest.mark.parametrize("form", [*FORMS, "scipy", "SparseMatrix"])
def test_truncated_svd_like_sklearn(comm, form):
    import scipy.sparse

    grid = mt.Grid(comm)
    x = samples(70, 9)
    x[np.random.default_rng(5).random(x.shape) < 0.4] = 0
    sparse = scipy.sparse.csr_array(x)
    if form == "scipy":
        X = sparse
    elif form == "SparseMatrix":
        X = mt.from_scipy(grid, sparse if comm.rank == 0 else None)
    else:
        X = in_form(grid, x, form)
    k = 3
    expected = theirs.TruncatedSVD(k, algorithm="arpack").fit(x)
    ours = TruncatedSVD(k, session=grid)
    direct = ours.fit_transform(X)
    names = (
        "components_",
        "explained_variance_",
        "explained_variance_ratio_",
        "singular_values_",
    )
    check_same_on_ranks(comm, ours, names)
    for name in names:
        a, b = getattr(ours, name), getattr(expected, name)
        a = up_to_signs(a, b) if name == "components_" else a
        assert np.abs(a - b).max() <= 1e-8 * max(1, np.abs(b).max()), name
    scores = ours.transform(X)
    form = "numpy" if form == "scipy" else form
    for found in (direct, scores):
        check_form(found, form, (70, k), "float64")
        assert np.abs(whole(found) - x @ ours.components_.T).max() <= 1e-8
    back = ours.inverse_transform(scores)
    check_form(back, form, (70, 9), "float64")
    assert np.abs(whole(back) - x @ ours.components_.T @ ours.components_).max() <= 1e-8


@pytest.mark.ranks(1, 3)
def test_truncated_svd_variance_of_large_means(comm):
    """Squares of means are 1e12 of the variance: not taken as a difference."""
    x = samples(100, 6) + 1e6
    ours = TruncatedSVD(2, algorithm="gram").fit(place(mt.Grid(comm), x))
    total = x.var(axis=0).sum()
    assert abs(ours.explained_variance_[0] / ours.explained_variance_ratio_[0] / total - 1) <= 1e-8


@pytest.mark.ranks(1, 2, 5)
def test_wrong_input(comm):
    grid = mt.Grid(comm)
    x = samples(20, 4)
    A = place(grid, x)

    def wrong(kind, words, f):
        error = raised_together(comm, f)
        assert isinstance(error, kind), error
        assert words in str(error)

    for make in (PCA, TruncatedSVD):
        name = make.__name__
        wrong(ValueError, "between 1 and 4", lambda make=make: make(5, session=grid).fit(A))
        wrong(TypeError, "complex", lambda make=make: make(2).fit(A.astype("complex128")))
        wrong(ValueError, "NaN", lambda make=make: make(2).fit(place(grid, x * np.nan)))
        wrong(ValueError, "session must be a Grid", lambda make=make: make(2, session=3).fit(A))
        wrong(ValueError, "random_state", lambda make=make: make(2, random_state="x").fit(A))
        fitted = make(2, session=grid).fit(A)
        wrong(ValueError, f"but {name} is expecting 4", lambda f=fitted: f.transform(A[:, :3]))
        wrong(ValueError, f"but {name} is expecting 4", lambda f=fitted: f.transform(x[:, :3]))
        wrong(ValueError, "X has 4 features", lambda f=fitted: f.inverse_transform(A))
        bad = x.copy()
        bad[17, 2] = np.inf
        wrong(ValueError, "(17, 2)", lambda f=fitted, b=bad: f.transform(place(grid, b)))
        wrong(ValueError, "Expected 2D array", lambda f=fitted: f.transform(np.ones(4)))
        if comm.size > 1:  # wrong on one rank alone
            mine = x[:, :3] if comm.rank == 1 else x
            wrong(ValueError, "3 features", lambda f=fitted, m=mine: f.transform(m))
            odd = [[{}] * 4] if comm.rank == 1 else x
            wrong(TypeError, "dict", lambda f=fitted, m=odd: f.transform(m))
            less = x[:-1] if comm.rank == 1 else x
            wrong(mt.ShapeError, "one shape", lambda f=fitted, m=less: f.transform(m))
            wrong(mt.InvalidArgument, "", lambda make=make: make(2 + comm.rank % 2).fit(A))
    wrong(ValueError, "svd_solver must be", lambda: PCA(2, svd_solver="x").fit(A))
    wrong(ValueError, "n_components", lambda: PCA("mle").fit(A))
    wrong(ValueError, "n_components", lambda: PCA(1.5).fit(A))
    wrong(ValueError, "algorithm must be", lambda: TruncatedSVD(2, algorithm="x").fit(A))
    other = mt.Grid(comm, (1, comm.size)) if comm.size > 1 else None
    if other is not None and other != grid:
        wrong(ValueError, "session's grid", lambda: PCA(2, session=other).fit(A))


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    grid = mt.Grid(comm, (1, comm.size - 1))
    x = samples(31, 5)
    for form in FORMS:
        ours = PCA(2, session=grid).fit(in_form(grid, x, form))
        check_pca(ours, theirs.PCA(2).fit(x), 1e-8)
        scores = ours.transform(in_form(grid, x, form))
        assert np.abs(whole(scores) - theirs.PCA(2).fit_transform(x)).max() <= 1e-8


@pytest.mark.parametrize("form", ["scipy", "SparseMatrix"])
def test_pca_of_sparse_rows(comm, form):
    """As of the same rows dense; scores are dense, beside the rows."""
    import scipy.sparse

    grid = mt.Grid(comm)
    x = samples(70, 9)
    x[np.random.default_rng(5).random(x.shape) < 0.4] = 0
    sparse = scipy.sparse.csr_array(x)
    X = sparse if form == "scipy" else mt.from_scipy(grid, sparse if comm.rank == 0 else None)
    dense, ours = PCA(3, session=grid).fit(x), PCA(3, session=grid).fit(X)
    names = ("components_", "explained_variance_", "mean_", "singular_values_")
    check_same_on_ranks(comm, ours, names)
    for name in names:
        assert np.abs(getattr(ours, name) - getattr(dense, name)).max() <= 1e-8, name
    assert np.abs(whole(ours.transform(X)) - dense.transform(x)).max() <= 1e-8
