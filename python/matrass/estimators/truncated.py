# SPDX-License-Identifier: BSD-3-Clause
"""TruncatedSVD.

Next: ``components.py``.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from matrass import linalg
from matrass.create import from_global
from matrass.estimators.base import DistEstimator
from matrass.estimators.operands import Samples, by_rows, read_array, samples_of
from matrass.matrix import DistMatrix
from matrass.sparse import SparseMatrix

__all__ = ["METHODS", "Decomposition", "TruncatedSVD", "as_rows", "back", "read_scores"]

METHODS: dict[str, Any] = {
    "auto": "auto",
    "randomized": "randomized",
    "arpack": "lanczos",
    "lanczos": "lanczos",
    "covariance_eigh": "gram",
    "gram": "gram",
    "full": "tsqr",
    "tsqr": "tsqr",
}
"""The method of `linalg.truncated_svd` for scikit-learn's names and its own."""

_SAFE = 1e-3
"""Least part of the sum of squares that the variance must be, to be taken as a difference."""


class Decomposition(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DistEstimator):
    """Components that one call finds, with the scores of X as a by-product."""

    def _fit(self, X: Any) -> tuple[Samples, DistMatrix]:
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the components of X. Collective."""
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Find the components of X; X in their terms, (m, n_components). Collective."""
        samples, scores = self._fit(X)
        return samples.result(scores)


class TruncatedSVD(Decomposition):
    """Truncated SVD without centring, as `sklearn.decomposition.TruncatedSVD`.

    Parameters
    ----------
    n_components : int
        1 to ``min(m, n)``.
    algorithm : {"auto", "randomized", "arpack", "lanczos", "gram", "tsqr"}
        See `matrass.linalg.truncated_svd`; "arpack" is "lanczos". All iterate to `tol`: there is no
        ``n_iter``, ``n_oversamples`` or ``power_iteration_normalizer``.
    random_state : int, RandomState or None
        None is 0.
    tol : float
        Largest residual relative to the largest singular value. 0: 1e-10 (float32: 1e-5).
    session : Grid or None
        Where arrays are placed; None: on all ranks.

    Attributes
    ----------
    components_ : ndarray, shape (n_components, n_features)
    explained_variance_, explained_variance_ratio_, singular_values_ : ndarray, (n_components,)
    n_features_in_ : int
    feature_names_in_ : ndarray
        Where X had names.

    Notes
    -----
    X is an array (the same on every rank), a DistMatrix, a SciPy matrix, a SparseMatrix or a Dask
    array. `fit` and `transform` are collective. The variance takes two passes over X.
    """

    _routine = "truncated_svd"

    def __init__(
        self,
        n_components: int = 2,
        *,
        algorithm: str = "auto",
        random_state: Any = None,
        tol: float = 0.0,
        session: Any = None,
    ) -> None:
        self.n_components = n_components
        self.algorithm = algorithm
        self.random_state = random_state
        self.tol = tol
        self.session = session

    def _fit(self, X: Any) -> tuple[Samples, DistMatrix]:
        samples = samples_of(self, X, reset=True, ensure_min_features=2)
        a = samples.matrix

        def read() -> tuple[int, Any, int]:
            method = METHODS[self._one_of("algorithm", tuple(METHODS))]
            return self._integer("n_components", 1, min(a.shape)), method, self._seed()

        k, method, seed = self._read_parameters(a.grid, read)
        found = linalg.truncated_svd(a, k, method=method, tol=self._tolerance(), seed=seed)
        scores = scaled(found.U, found.S)
        self.components_ = as_rows(found.V)
        self.singular_values_ = found.S
        variance, total = _variance(scores), _total_variance(a)
        self.explained_variance_ = variance.astype(found.S.dtype)
        ratio = variance / total if total > 0 else np.zeros_like(variance)
        self.explained_variance_ratio_ = ratio.astype(found.S.dtype)
        return samples, scores

    def transform(self, X: Any) -> Any:
        """X in terms of the components, (m, n_components). Collective."""
        self._require_fitted()
        return read_scores(self, X, self.components_)

    def inverse_transform(self, X: Any) -> Any:
        """The rows that belong to X of shape (m, n_components). Collective."""
        self._require_fitted()
        return back(self, X, self.components_)

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])


def as_rows(v: DistMatrix) -> npt.NDArray[Any]:
    """The columns of a small matrix as rows, on every rank, also beyond the grid. Collective."""
    whole = v.numpy(None)
    assert whole is not None
    return np.ascontiguousarray(whole.T)


def scaled(u: DistMatrix, s: npt.NDArray[Any]) -> DistMatrix:
    """``u`` with its columns times `s`, in its own memory. Local."""
    u.local[...] *= s[u.local_cols]
    return u


def read_scores(
    estimator: DistEstimator,
    X: Any,
    components: npt.NDArray[Any],
    mean: npt.NDArray[Any] | None = None,
    scale: npt.NDArray[Any] | None = None,
) -> Any:
    """``(X - mean) @ components.T / scale``, in the form that X has. Collective.

    The mean is taken off before the product: no digits are lost where it is large.
    """
    samples = samples_of(estimator, X, reset=False)
    a, k = samples.matrix, components.shape[0]
    turned = components.T if scale is None else components.T / scale
    if isinstance(a, SparseMatrix):
        right = from_global(a.grid, turned.astype(a.dtype), layout="STAR,STAR", root=None)
        found = linalg.matmul(a, right)
        if mean is not None:
            found.local[...] -= mean @ turned
        return samples.result(found)

    def scores(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = (rows if mean is None else rows - mean) @ turned
        return found

    return samples.result(by_rows(estimator, a, k, scores))


def back(
    estimator: DistEstimator,
    X: Any,
    components: npt.NDArray[Any],
    mean: npt.NDArray[Any] | float = 0.0,
) -> Any:
    """``X @ components + mean``, in the form that X has. Collective."""
    grid = estimator._grid_for(X)
    k, n = components.shape
    scores = _Scores(estimator, k)
    kind, read = read_array(scores, grid, X, reset=False, accept_sparse=False)
    from matrass.estimators.operands import placed

    samples = placed(grid, kind, read)
    return samples.result(by_rows(estimator, samples.matrix, n, lambda x: x @ components + mean))


class _Scores(DistEstimator):
    """Stands for an estimator whose input are scores: names and counts in checks of these."""

    def __init__(self, estimator: DistEstimator, columns: int) -> None:
        self.session = estimator.session
        self.called = estimator._name
        self.n_features_in_ = columns

    @property
    def _name(self) -> str:
        return f"{self.called}.inverse_transform"


def _variance(a: DistMatrix) -> npt.NDArray[np.float64]:
    """Of the columns, on every rank. Collective."""
    row = a.var(axis=0).numpy(None)
    return np.asarray(row[0], np.float64)


def _total_variance(a: DistMatrix | SparseMatrix) -> float:
    """The sum of the variances of all columns. Collective."""
    m = a.shape[0]
    squares = float(linalg.norm(a, "fro")) ** 2
    if isinstance(a, SparseMatrix):
        ones = DistMatrix(a.grid, (m, 1), a.dtype, "VC,STAR", a._core.block)
        ones.local[...] = 1
        means = linalg.matmul(a.T, ones) * (1 / m)
        return squares / m - float(linalg.norm(means, "fro")) ** 2
    total = squares / m - float(linalg.norm(a.mean(axis=0), "fro")) ** 2
    return total if total * m > _SAFE * squares else float(np.sum(_variance(a)))
