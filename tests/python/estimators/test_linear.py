# SPDX-License-Identifier: BSD-3-Clause
"""Ridge and LinearRegression against scikit-learn's, in all forms of X and y."""

import matrass as mt
import numpy as np
import pytest
import sklearn.linear_model as theirs
from estimator_checks import FORMS, check_form, check_same_on_ranks, in_form, place, samples, whole
from matrass.estimators import LinearRegression, Ridge
from reference import raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 5, 6)


def problem(m, n, k, dtype="float64", mean=2.0):
    x = samples(m, n, dtype, mean)
    rng = np.random.default_rng(3)
    y = x @ rng.standard_normal((n, k)) + rng.standard_normal((m, k)) + 5
    return x, y.astype(dtype)


def check(ours, expected, tol):
    assert np.shape(ours.coef_) == np.shape(expected.coef_)
    assert np.shape(ours.intercept_) == np.shape(expected.intercept_)
    scale = max(1, np.abs(expected.coef_).max())
    assert np.abs(ours.coef_ - expected.coef_).max() <= tol * scale
    bound = tol * max(1, np.abs(expected.intercept_).max()) * scale
    assert np.abs(ours.intercept_ - expected.intercept_).max() <= bound


@pytest.mark.time_limit(120)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_like_sklearn(comm, form, dtype):
    grid = mt.Grid(comm)
    tol = 1e-10 if dtype == "float64" else 2e-3
    for m, n, k in [(67, 5, 2), (67, 5, 1), (9, 12, 3)]:
        x, y = problem(m, n, k, dtype)
        X = in_form(grid, x, form)
        for make, other in ((LinearRegression, theirs.LinearRegression), (Ridge, theirs.Ridge)):
            for intercept in (True, False):
                expected = other(fit_intercept=intercept).fit(x.astype("f8"), y.astype("f8"))
                ours = make(fit_intercept=intercept, session=grid)
                Y = y if intercept else place(grid, y, "MC,MR", 3)
                assert ours.fit(X, Y) is ours
                check(ours, expected, tol)
                check_same_on_ranks(comm, ours, ("coef_", "intercept_"))
                assert ours.coef_.dtype == dtype
                right = expected.predict(x.astype("f8"))
                predicted = ours.predict(X)
                check_form(predicted, form, right.shape if form == "numpy" else (m, k), dtype)
                right = right.reshape(m, k)
                error = np.abs(whole(predicted).reshape(m, k) - right).max()
                assert error <= 10 * tol * np.abs(right).max()
                score = ours.score(X, Y)
                assert abs(score - expected.score(x.astype("f8"), y)) <= 10 * tol
        if isinstance(X, mt.DistMatrix):
            assert np.array_equal(X.numpy(None), x)  # not changed


@pytest.mark.ranks(1, 4)
@pytest.mark.parametrize("form", FORMS)
def test_one_target(comm, form):
    """y of one dimension: so are coef_ and predictions of arrays."""
    grid = mt.Grid(comm)
    x, y = problem(50, 4, 1)
    y = y[:, 0]
    X = in_form(grid, x, form)
    for make, other in ((LinearRegression, theirs.LinearRegression), (Ridge, theirs.Ridge)):
        expected = other().fit(x, y)
        ours = make(session=grid).fit(X, y)
        check(ours, expected, 1e-10)
        predicted = ours.predict(X)
        assert predicted.shape == ((50,) if form == "numpy" else (50, 1))
        assert np.abs(whole(predicted).ravel() - expected.predict(x)).max() <= 1e-9
        assert abs(ours.score(X, y) - expected.score(x, y)) <= 1e-12


@pytest.mark.ranks(1, 2, 5)
@pytest.mark.parametrize("form", FORMS)
def test_weights(comm, form):
    grid = mt.Grid(comm)
    x, y = problem(50, 4, 2)
    weights = np.random.default_rng(1).random(50)
    weights[::7] = 0
    X = in_form(grid, x, form)
    for make, other in ((LinearRegression, theirs.LinearRegression), (Ridge, theirs.Ridge)):
        for intercept in (True, False):
            expected = other(fit_intercept=intercept).fit(x, y, sample_weight=weights)
            ours = make(fit_intercept=intercept, session=grid)
            for given in (weights, place(grid, weights[:, np.newaxis], "MC,MR", 2)):
                check(ours.fit(X, y, sample_weight=given), expected, 1e-10)
            check(
                ours.fit(X, y, sample_weight=3.0),
                other(fit_intercept=intercept).fit(x, y, sample_weight=np.full(50, 3.0)),
                1e-10,
            )


@pytest.mark.ranks(1, 4)
def test_rank_and_singular_values(comm):
    x, y = problem(40, 6, 1)
    x[:, 5] = x[:, 0] - 2 * x[:, 1]
    expected = theirs.LinearRegression().fit(x, y)
    ours = LinearRegression().fit(place(mt.Grid(comm), x), y)
    assert ours.rank_ == expected.rank_ == 5
    assert np.abs(ours.singular_ - expected.singular_).max() <= 1e-12 * expected.singular_[0]
    check(ours, expected, 1e-9)


@pytest.mark.ranks(1, 3)
def test_penalties_and_solvers(comm):
    grid = mt.Grid(comm)
    x, y = problem(60, 5, 2)
    X = place(grid, x)
    for alpha in (0.0, 1e-3, 100.0, [0.5, 20.0]):
        expected = theirs.Ridge(alpha=np.asarray(alpha)).fit(x, y)
        for solver in ("auto", "svd", "cholesky", "tsqr", "cg", "sparse_cg"):
            check(Ridge(alpha, solver=solver).fit(X, y), expected, 1e-8)


@pytest.mark.ranks(1, 2)
def test_large_means(comm):
    """Centring before the solve: means of 1e6 cost 1e6 eps of X, a few times, and no more."""
    x, y = problem(300, 4, 1)
    shifted = x + 1e6
    expected = theirs.LinearRegression().fit(shifted - 1e6, y)  # the elements that are left
    grid = mt.Grid(comm)
    for form in ("numpy", "VC,STAR"):
        ours = LinearRegression(session=grid).fit(in_form(grid, shifted, form), y)
        assert np.abs(ours.coef_ - expected.coef_).max() <= 1e-11


@pytest.mark.ranks(1, 4)
def test_wrong_input(comm):
    grid = mt.Grid(comm)
    x, y = problem(20, 3, 2)
    A = place(grid, x)

    def wrong(kind, words, f):
        error = raised_together(comm, f)
        assert isinstance(error, kind), error
        assert words in str(error)

    for make in (LinearRegression, Ridge):
        fit = make(session=grid).fit
        wrong(ValueError, "positive=True is not defined", lambda m=make: m(positive=True).fit(A, y))
        wrong(ValueError, "one number of rows", lambda fit=fit: fit(A, y[:-1]))
        wrong(ValueError, "one number of rows", lambda fit=fit: fit(A, place(grid, y[:-1])))
        wrong(ValueError, "requires y", lambda fit=fit: fit(A, None))
        wrong(ValueError, "NaN", lambda fit=fit: fit(A, y * np.nan))
        wrong(ValueError, "NaN", lambda fit=fit: fit(place(grid, x * np.nan), y))
        wrong(ValueError, "NaN", lambda fit=fit: fit(A, place(grid, y * np.nan)))
        wrong(ValueError, "not negative", lambda fit=fit: fit(A, y, -np.ones(20)))
        wrong(ValueError, "weights", lambda fit=fit: fit(A, y, np.zeros(20)))
        wrong(ValueError, "sample_weight", lambda fit=fit: fit(A, y, np.ones(19)))
        fitted = make(session=grid).fit(A, y)
        wrong(ValueError, "2 features", lambda f=fitted: f.predict(A[:, :2]))
        wrong(ValueError, "y must have shape", lambda f=fitted: f.score(A, y[:, :1]))
        if comm.size > 1:
            mine = y[:-1] if comm.rank == 1 else y
            wrong(ValueError, "rows", lambda fit=fit, m=mine: fit(A, m))
    wrong(ValueError, "alpha", lambda: Ridge(-1.0).fit(A, y))
    wrong(ValueError, "solver must be", lambda: Ridge(solver="sag").fit(A, y))
