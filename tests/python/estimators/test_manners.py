# SPDX-License-Identifier: BSD-3-Clause
"""Pipelines, clones, pickles, names of features; what is loaded, and what is missing."""

import pickle
import subprocess
import sys

import matrass as mt
import numpy as np
import pytest
from estimator_checks import place, samples
from matrass.estimators import PCA, IncrementalPCA, KMeans, LinearRegression, Ridge, TruncatedSVD
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

EVERYONE = [
    TruncatedSVD(2),
    PCA(2),
    IncrementalPCA(2),
    Ridge(),
    LinearRegression(),
    KMeans(2, random_state=1),
]


@pytest.mark.ranks(1, 2, 4)
def test_pipeline(comm):
    grid = mt.Grid(comm)
    x = samples(50, 6)
    y = x @ np.arange(6.0)
    model = make_pipeline(StandardScaler(), PCA(3, session=grid), Ridge(1e-6, session=grid))
    model.fit(x, y)
    assert model.predict(x).shape == (50,)
    assert 0.5 < model.score(x, y) <= 1
    assert list(model[:2].get_feature_names_out()) == ["pca0", "pca1", "pca2"]
    dealt = make_pipeline(PCA(3), Ridge(1e-6)).fit(place(grid, x), y)
    assert isinstance(dealt.predict(place(grid, x)), mt.DistMatrix)


@pytest.mark.ranks(1, 3)
def test_clone_keeps_the_grid(comm):
    grid = mt.Grid(comm)
    for estimator in EVERYONE:
        given = clone(estimator).set_params(session=grid)
        assert clone(given).session is grid
        assert clone(given).get_params(deep=False) == given.get_params(deep=False)


@pytest.mark.ranks(1, 3)
def test_pickle_leaves_ranks_behind(comm):
    """The session, and labels that are dealt; all else comes back, and works where it comes."""
    grid = mt.Grid(comm)
    x = samples(40, 5)
    y = x @ np.arange(5.0)
    for estimator in EVERYONE:
        fitted = clone(estimator).set_params(session=grid).fit(place(grid, x), y)
        back = pickle.loads(pickle.dumps(fitted))
        assert back.session is None
        assert not hasattr(back, "labels_")
        back.session = grid
        method = "predict" if hasattr(back, "predict") else "transform"
        assert np.array_equal(getattr(back, method)(x), getattr(fitted, method)(x))


@pytest.mark.ranks(1, 2)
def test_containers_and_names(comm):
    pandas = pytest.importorskip("pandas")
    grid = mt.Grid(comm)
    frame = pandas.DataFrame(samples(30, 4), columns=list("abcd"))
    pca = PCA(2, session=grid).set_output(transform="pandas")
    for found in (pca.fit_transform(frame), pca.transform(frame)):
        assert isinstance(found, pandas.DataFrame)
        assert list(found.columns) == ["pca0", "pca1"]
    assert list(pca.feature_names_in_) == list("abcd")
    pca.set_output(transform="default").fit(place(grid, frame.to_numpy()))
    assert not hasattr(pca, "feature_names_in_")


@pytest.mark.ranks(1, 2)
def test_before_fit(comm):
    for estimator in EVERYONE:
        method = "predict" if hasattr(estimator, "predict") else "transform"
        with pytest.raises(NotFittedError):
            getattr(clone(estimator), method)(np.ones((3, 2)))


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_matrass_loads_no_scikit_learn():
    told = run(
        "import sys, matrass as mt; mt.linalg, mt.DistMatrix;"
        "assert not {'sklearn', 'scipy', 'dask'} & set(sys.modules);"
        "mt.estimators.PCA; assert 'sklearn' in sys.modules and 'dask' not in sys.modules"
    )
    assert told.returncode == 0, told.stderr


def test_the_extra_is_named():
    told = run("import sys; sys.modules['sklearn'] = None; import matrass as mt; mt.estimators")
    assert told.returncode == 1
    assert "ImportError: matrass.estimators: scikit-learn must be installed: pip install" in (
        told.stderr
    )
    assert "matrass[estimators]" in told.stderr
