# SPDX-License-Identifier: BSD-3-Clause
"""IncrementalPCA: that of all rows, in any batches, order and form, on 1 to 6 ranks."""

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
from matrass.estimators import IncrementalPCA
from matrass.estimators.gram import Moments
from reference import raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 5, 6)

ATTRIBUTES = (
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
    "mean_",
    "var_",
    "noise_variance_",
    "n_components_",
    "n_samples_seen_",
)


def exact(x, k):
    """Of all rows, centred in extended precision and rounded once."""
    wide = x.astype(np.longdouble)
    mean = wide.mean(axis=0)
    d = (wide - mean).astype("float64")
    _, s, vt = np.linalg.svd(d, full_matrices=False)
    return mean.astype("float64"), d, s[:k], vt[:k]


def check(ours, x, k, tol=1e-12):
    """Singular values: the Gram matrix has errors of eps s1**2, values above s1 / 100 of 1e-12."""
    mean, d, s, v = exact(x, k)
    m = len(x)
    assert ours.n_samples_seen_ == m
    assert ours.n_components_ == k
    eps = np.finfo(ours.mean_.dtype).eps
    assert (np.abs(ours.mean_ - mean) <= 20 * eps * np.abs(mean) + tol * s[0] / m).all()
    assert np.abs(ours.singular_values_ - s).max() <= 100 * tol * s[0]
    assert np.abs(ours.explained_variance_ - s**2 / (m - 1)).max() <= tol * s[0] ** 2 / (m - 1)
    total = np.sum(d**2)
    assert np.abs(ours.explained_variance_ratio_ - s**2 / total).max() <= 10 * tol
    assert np.abs(ours.var_ - (d**2).mean(axis=0)).max() <= tol * s[0] ** 2 / m
    left = min(x.shape) - k
    noise = (total - np.sum(s**2)) / (m - 1) / left if left else 0
    assert abs(ours.noise_variance_ - noise) <= tol * total / (m - 1)
    assert np.abs(up_to_signs(ours.components_, v) - v).max() <= 1e4 * tol
    largest = np.take_along_axis(
        ours.components_, np.abs(ours.components_).argmax(1)[:, None], axis=1
    )
    assert (largest > 0).all()


@pytest.mark.parametrize("form", FORMS)
def test_fit(comm, form):
    grid = mt.Grid(comm)
    for m, n, k in [(103, 8, 3), (9, 13, 2), (1, 3, 1)]:
        x = samples(m, n)
        X = in_form(grid, x, form)
        ours = IncrementalPCA(k, session=grid)
        assert ours.fit(X) is ours
        if m > 1:
            check(ours, x, k)
        check_same_on_ranks(comm, ours, ATTRIBUTES)
        scores = ours.transform(X)
        check_form(scores, form, (m, k), "float64")
        right = (x - ours.mean_) @ ours.components_.T
        assert np.abs(whole(scores) - right).max() <= 1e-13 * max(1, np.abs(right).max())
        check_form(ours.inverse_transform(scores), form, (m, n), "float64")
        assert np.abs(whole(ours.fit_transform(X)) - right).max() <= 1e-12


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("height", [1, 7, 50])
def test_batches_in_any_order(comm, form, height):
    """Also of one row each, of which some ranks have none."""
    grid = mt.Grid(comm)
    x = samples(60, 5)
    starts = list(range(0, 60, height))
    for order in (starts, starts[::-1], np.random.default_rng(1).permutation(starts)):
        ours = IncrementalPCA(2, session=grid)
        for at in order:
            ours.partial_fit(in_form(grid, x[at : at + height], form))
        check(ours, x, 2)
        check_same_on_ranks(comm, ours, ATTRIBUTES)
        if height == 1:
            break


def test_panels(comm):
    """More rows a rank than a panel has, row-major and column-major."""
    grid = mt.Grid(comm)
    x = samples(5000, 6)
    for X in (x, np.asfortranarray(x), x[::-1], place(grid, x, "VC,STAR", 1)):
        check(IncrementalPCA(4, session=grid).fit(X), x, 4)


@pytest.mark.parametrize("form", ["numpy", "MC,MR"])
def test_large_means(comm, form):
    """Means of 1e6 times the spread, and batches that drift as far: no digit is lost.

    The reference is of the same rounded elements; that of the mean is eps 1e6 = 2e-10, and has an
    effect of its square.
    """
    grid = mt.Grid(comm)
    x = samples(2000, 6) + 1e6
    check(IncrementalPCA(3, session=grid).fit(in_form(grid, x, form)), x, 3)
    ours = IncrementalPCA(3, session=grid)
    for at in range(0, 2000, 137):
        ours.partial_fit(in_form(grid, x[at : at + 137], form))
    check(ours, x, 3)


@pytest.mark.ranks(1, 4)
def test_drift(comm):
    """An outlier first, then rows far from it: variances of the rest are 1e-12 of the total."""
    x = samples(400, 4)
    x[0] = 1e6
    ours = IncrementalPCA(1, session=mt.Grid(comm))
    for batch in (x[:1], x[1:200], x[200:]):
        ours.partial_fit(batch)
    mean, d, s, _ = exact(x, 1)
    assert abs(ours.singular_values_[0] / s[0] - 1) <= 1e-14
    assert np.abs(ours.mean_ - mean).max() <= 1e6 * np.finfo("float64").eps
    assert np.abs(ours.var_ / (d**2).mean(axis=0) - 1).max() <= 1e-14


@pytest.mark.ranks(1)
def test_moments_beside_differences(comm):
    """The update loses nothing where the textbook's difference of squares loses all."""
    x = samples(3000, 3) + 1e8
    moments = Moments(3)
    for at in range(0, 3000, 700):
        moments.add(x[at : at + 700])
    _, d, _, _ = exact(x, 3)
    gram = np.triu(d.T @ d)
    assert np.abs(np.triu(moments.gram) - gram).max() <= 1e-12 * gram.max()
    naive = np.triu(x.T @ x - 3000 * np.outer(x.mean(0), x.mean(0)))
    assert np.abs(naive - gram).max() > 1e-3 * gram.max()


@pytest.mark.ranks(1, 3)
def test_single_precision(comm):
    """Sums are in double precision: of the same elements, attributes are right to one rounding."""
    grid = mt.Grid(comm)
    x = samples(3000, 6, "float32", mean=300)
    for form in ("numpy", "MC,MR"):
        ours = IncrementalPCA(3, session=grid).fit(in_form(grid, x, form))
        check(ours, x, 3, 1e-7)
        for name in ("components_", "mean_", "singular_values_", "var_"):
            assert getattr(ours, name).dtype == np.float32
        assert ours.transform(in_form(grid, x, form)).dtype == np.float32
        _, _, s, _ = exact(x, 3)
        assert np.abs(ours.singular_values_ / s - 1).max() <= np.finfo("float32").eps
    ours.partial_fit(x[:10].astype("float64"))
    assert ours.components_.dtype == np.float64


@pytest.mark.ranks(1, 2)
def test_against_sklearn(comm):
    """Where scikit-learn keeps all components it is exact, too."""
    x = samples(120, 6)
    expected = theirs.IncrementalPCA(batch_size=40).fit(x)
    ours = IncrementalPCA(batch_size=40, session=mt.Grid(comm)).fit(x)
    for name in (*ATTRIBUTES, "batch_size_", "n_features_in_"):
        a, b = getattr(ours, name), getattr(expected, name)
        a = up_to_signs(a, b) if name == "components_" else a
        assert np.abs(a - b).max() <= 1e-10 * max(1, np.abs(b).max()), name
    whitened = IncrementalPCA(3, whiten=True, session=mt.Grid(comm)).fit(x)
    expected = theirs.PCA(3, whiten=True).fit(x)  # but for its covariance, which is scaled twice
    plain = theirs.PCA(3).fit(x).get_covariance()
    scores = whitened.transform(x)
    assert np.abs(scores - expected.transform(x)).max() <= 1e-9
    assert np.abs(
        whitened.inverse_transform(scores) - expected.inverse_transform(scores)
    ).max() <= (1e-9)
    assert np.abs(whitened.get_covariance() - plain).max() <= 1e-10


@pytest.mark.ranks(2, 5)
def test_one_rank_reads(comm):
    """Attributes are local: one rank alone may read them, before and after others do."""
    ours = IncrementalPCA(2, session=mt.Grid(comm)).fit(samples(50, 4))
    if comm.rank == 1:
        assert ours.components_.shape == (2, 4)
        assert ours.noise_variance_ >= 0
    comm.Barrier()
    check_same_on_ranks(comm, ours, ATTRIBUTES)
    first = ours.components_
    first[:] = 0  # a copy: the estimator's stay
    assert np.abs(ours.components_).max() > 0.1


@pytest.mark.ranks(1, 4)
def test_nothing_changes_after_an_error(comm):
    grid = mt.Grid(comm)
    x = samples(40, 5)
    ours = IncrementalPCA(2, session=grid)
    with pytest.raises(AttributeError):
        _ = ours.components_
    assert not hasattr(ours, "mean_")
    ours.partial_fit(x)
    before = {name: getattr(ours, name) for name in ATTRIBUTES}

    def wrong(kind, words, f):
        error = raised_together(comm, f)
        assert isinstance(error, kind), error
        assert words in str(error)
        for name, value in before.items():
            assert np.array_equal(getattr(ours, name), value), name

    bad = x.copy()
    bad[39, 1] = np.nan
    for form in FORMS:
        wrong(
            mt.InvalidArgument, "NaN", lambda form=form: ours.partial_fit(in_form(grid, bad, form))
        )
    bad[39, 1] = np.inf
    wrong(mt.InvalidArgument, "infinity", lambda: ours.partial_fit(bad))
    bad[39, 1] = 1e200
    wrong(mt.InvalidArgument, "1e150", lambda: ours.partial_fit(bad))
    wrong(ValueError, "4 features", lambda: ours.partial_fit(x[:, :4]))
    wrong(ValueError, "4 features", lambda: ours.partial_fit(place(grid, x[:, :4])))
    wrong(TypeError, "complex", lambda: ours.partial_fit(place(grid, x * 1j)))
    wrong(TypeError, "dense", lambda: ours.partial_fit(mt.SparseMatrix.from_dense(place(grid, x))))
    if comm.size > 1:
        mine = x[:, :4] if comm.rank == 1 else x
        wrong(ValueError, "4 features", lambda: ours.partial_fit(mine))
        less = x[:-1] if comm.rank == 1 else x
        wrong(mt.InvalidArgument, "every rank", lambda: ours.partial_fit(less))
    ours.n_components = 6
    error = raised_together(comm, lambda: ours.partial_fit(x))
    assert "n_components must be between 1 and 5: got 6" in str(error)


@pytest.mark.ranks(2, 5)
def test_ranks_beyond_the_grid(comm):
    grid = mt.Grid(comm, (1, comm.size - 1))
    x = samples(60, 4)
    for form in FORMS:
        check(IncrementalPCA(2, session=grid).fit(in_form(grid, x, form)), x, 2)
