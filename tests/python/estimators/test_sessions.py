# SPDX-License-Identifier: BSD-3-Clause
"""Estimators of a driver: NumPy arrays, handles and Dask arrays, with scikit-learn's answers."""

import copy
import os
import pickle
import signal
import warnings

import matrass as mt
import numpy as np
import pytest
from processes import eventually

sklearn = pytest.importorskip("sklearn")
from matrass import estimators as me  # noqa: E402

pytestmark = [pytest.mark.time_limit(180), pytest.mark.filterwarnings("ignore")]


def sample(m=300, n=8):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((m, n)) * np.arange(1, n + 1)
    return x, x @ np.arange(1.0, n + 1) + 3 + 0.01 * rng.standard_normal(m)


@pytest.fixture(scope="module")
def session():
    with mt.Session(ranks=2) as s:
        yield s


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as found,
        ):
            yield found


def test_arrays_by_a_session(session):
    from sklearn import cluster, decomposition, linear_model

    x, y = sample()
    pca = me.PCA(3, session=session)
    scores = pca.fit_transform(x)
    reference = decomposition.PCA(3, svd_solver="full").fit(x)
    assert isinstance(scores, np.ndarray)
    np.testing.assert_allclose(pca.explained_variance_, reference.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(abs(scores), abs(reference.transform(x)), atol=1e-6)
    np.testing.assert_allclose(
        pca.inverse_transform(scores),
        reference.inverse_transform(reference.transform(x)),
        atol=1e-6,
    )

    fit = me.LinearRegression(session=session).fit(x, y)
    reference = linear_model.LinearRegression().fit(x, y)
    np.testing.assert_allclose(fit.coef_, reference.coef_, rtol=1e-9)
    assert fit.coef_.shape == reference.coef_.shape
    np.testing.assert_allclose(fit.predict(x), reference.predict(x), rtol=1e-9)
    assert fit.score(x, y) == pytest.approx(reference.score(x, y), rel=1e-12)
    ridge = me.Ridge(0.5, session=session).fit(x, y)
    np.testing.assert_allclose(ridge.coef_, linear_model.Ridge(0.5).fit(x, y).coef_, rtol=1e-8)

    centers = x[:3]
    means = me.KMeans(3, init=centers, n_init=1, session=session).fit(x)
    reference = cluster.KMeans(3, init=centers, n_init=1).fit(x)
    np.testing.assert_array_equal(means.labels_, reference.labels_)
    assert means.labels_.dtype == np.int32
    np.testing.assert_array_equal(means.predict(x[:9]), reference.predict(x[:9]))


def test_handles(session):
    x, y = sample()
    A, b = session.put(x), session.put(y)
    svd = me.TruncatedSVD(2)
    scores = svd.fit_transform(A)
    assert isinstance(scores, mt.RemoteMatrix)
    np.testing.assert_allclose(svd.singular_values_, np.linalg.svd(x)[1][:2], rtol=1e-9)
    np.testing.assert_allclose(scores.to_numpy(), x @ svd.components_.T, atol=1e-8)
    fit = me.LinearRegression().fit(A, b)
    assert fit.coef_.shape == (1, 8)
    assert isinstance(fit.predict(A), mt.RemoteMatrix)
    means = me.KMeans(3, random_state=0).fit(A)
    assert isinstance(means.labels_, mt.RemoteMatrix)


def test_batches(session):
    x, _ = sample(400)
    found = me.IncrementalPCA(3, session=session)
    for batch in np.split(x, 5):
        found.partial_fit(batch)
    whole = me.PCA(3, session=session).fit(x)
    np.testing.assert_allclose(found.explained_variance_, whole.explained_variance_, rtol=1e-10)
    assert found.n_samples_seen_ == 400


N_WIDE = 400
GRAM = 8 * N_WIDE**2


@pytest.fixture
def sent(session, monkeypatch):
    """The bytes of commands and of results, one number a call."""
    sizes = []
    start = type(session)._start

    def counted(self, routine, args, kwargs, read=None):
        call = start(self, routine, args, kwargs, read)
        call._future.result(60)
        own = sum(len(x) for x in args if isinstance(x, bytes))
        sizes.append(own + len(str(call._future.result()[0])))
        return call

    monkeypatch.setattr(type(session), "_start", counted)
    return sizes


def test_what_was_seen_stays_on_the_ranks(session, sent):
    """No Gram matrix comes or goes between batches, but where it is asked for."""
    x = np.random.default_rng(1).standard_normal((600, N_WIDE))
    found = me.IncrementalPCA(3, session=session)
    for batch in np.split(x, 6):
        assert found.partial_fit(batch) is found
    assert (found.n_samples_seen_, found.n_components_) == (600, 3)
    scores = found.transform(x)
    assert max(sent) < GRAM / 8
    whole = me.PCA(3, session=session).fit(x)
    np.testing.assert_allclose(found.explained_variance_, whole.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(abs(scores), abs(whole.transform(x)), atol=1e-6)
    asked = len([size for size in sent if size >= GRAM])
    assert asked == 1
    found.components_, found.mean_, found.var_  # noqa: B018
    assert len([size for size in sent if size >= GRAM]) == 1  # it is here now


def test_what_was_seen_can_be_copied(session):
    """Pickles have it; clones do not; both sides go on by themselves; an error changes nothing."""
    x, _ = sample(400)
    found = me.IncrementalPCA(3, session=session).partial_fit(x[:200])
    assert not hasattr(sklearn.base.clone(found), "n_samples_seen_")
    other, again = copy.deepcopy(found), pickle.loads(pickle.dumps(found))
    with pytest.raises(mt.ShapeError):
        found.partial_fit(x[:, :5])
    found.partial_fit(x[200:])
    assert (found.n_samples_seen_, other.n_samples_seen_) == (400, 200)
    half, whole = (me.PCA(3, session=session).fit(part) for part in (x[:200], x))
    for each, expected in ((found, whole), (other, half), (again, half)):
        np.testing.assert_allclose(
            each.explained_variance_, expected.explained_variance_, rtol=1e-10
        )
    again.session = other.session = session
    other.partial_fit(x[200:])
    np.testing.assert_allclose(
        again.transform(x[:9]),
        half.transform(x[:9]) * np.sign(again.components_[:, :1] * half.components_[:, :1]).T,
        atol=1e-6,
    )
    np.testing.assert_allclose(other.explained_variance_, whole.explained_variance_, rtol=1e-10)
    found.fit(x[:200])
    np.testing.assert_allclose(found.explained_variance_, half.explained_variance_, rtol=1e-10)


def test_ranks_forget_what_an_estimator_had_seen(session):
    x, _ = sample()

    def kept(grid):
        import gc

        from matrass.anywhere import Kept

        gc.collect()
        return sum(isinstance(each, Kept) for each in gc.get_objects())

    before = session.run(kept)
    found = me.IncrementalPCA(3, session=session)
    for _ in range(4):
        found.partial_fit(x)
    assert session.run(kept) == [count + 1 for count in before]
    del found
    assert session.run(kept) == before


def test_what_was_seen_outlives_its_session():
    """Where it is closed, or another one goes on; not where its ranks are lost."""
    x, _ = sample(400)
    with mt.Session(ranks=2) as s:
        found = me.IncrementalPCA(3, session=s).partial_fit(x[:200])
    assert found.mean_ == pytest.approx(x[:200].mean(axis=0), abs=1e-12)
    with mt.Session(ranks=1) as s, mt.Session(ranks=2) as t:
        found.session = s
        found.partial_fit(x[200:300])
        found.session = t
        found.partial_fit(x[300:])
        assert found.n_samples_seen_ == 400
        assert found.mean_ == pytest.approx(x.mean(axis=0), abs=1e-12)
        found.partial_fit(x)
        found.session = None
        found.partial_fit(x)  # in this process
        assert found.n_samples_seen_ == 1200
        assert found.mean_ == pytest.approx(x.mean(axis=0), abs=1e-12)
        found.session = t
        found.partial_fit(x)
        os.kill(t.ranks[1].pid, signal.SIGKILL)
        assert eventually(lambda: t.closed)
        with pytest.raises(mt.Error) as caught:
            found.mean_  # noqa: B018
        assert any("fit it again" in note for note in caught.value.__notes__)
        found.session = s
        with pytest.raises(mt.Error):
            found.partial_fit(x)
        assert found.fit(x).mean_ == pytest.approx(x.mean(axis=0), abs=1e-12)


def test_dask_arrays_use_their_client(client):
    da = pytest.importorskip("dask.array")
    from sklearn import linear_model

    x, y = sample()
    X, Y = da.from_array(x, chunks=(70, 8)), da.from_array(y, chunks=70)
    pca = me.PCA(3)
    scores = pca.fit_transform(X)
    assert isinstance(scores, da.Array)
    np.testing.assert_allclose(
        (scores**2).sum(axis=0).compute(), pca.singular_values_**2, rtol=1e-9
    )
    fit = me.Ridge(1e-3).fit(X, Y)
    np.testing.assert_allclose(fit.coef_, linear_model.Ridge(1e-3).fit(x, y).coef_, rtol=1e-9)
    assert fit.coef_.shape == (8,)
    predicted = fit.predict(X)
    assert isinstance(predicted, da.Array)
    inc = me.IncrementalPCA(2)
    for k in range(3):
        inc.partial_fit(X[100 * k : 100 * (k + 1)])
    np.testing.assert_allclose(inc.explained_variance_, pca.explained_variance_[:2], rtol=1e-9)


def test_errors(session):
    x, y = sample()
    with pytest.raises(mt.InvalidArgument, match="n_components"):
        me.PCA(99, session=session).fit(x)
    with pytest.raises(mt.ShapeError, match="one number of rows"):
        me.Ridge(session=session).fit(x, y[:-1])
    with pytest.raises(sklearn.exceptions.NotFittedError):
        me.PCA(2, session=session).transform(x)
    with mt.Session(ranks=1) as other, pytest.raises(mt.InvalidArgument, match="session"):
        me.PCA(2, session=other).fit(session.put(x))
