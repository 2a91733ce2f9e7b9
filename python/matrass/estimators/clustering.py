# SPDX-License-Identifier: BSD-3-Clause
"""KMeans."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin

from matrass import linalg
from matrass.errors import InvalidArgument
from matrass.estimators.base import DistEstimator
from matrass.estimators.operands import Samples, by_rows, samples_of
from matrass.matrix import DistMatrix

__all__ = ["KMeans"]

_Array = npt.NDArray[Any]


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, DistEstimator):
    """k-means by Lloyd's iteration, as `sklearn.cluster.KMeans`.

    Parameters
    ----------
    n_clusters : int
        1 to the number of rows.
    init : {"k-means++", "k-means||"} or array, shape (n_clusters, n_features)
    n_init : int or "auto"
        How often to start; "auto" is 1. An array starts once.
    max_iter : int
    tol : float
        Relative to the mean variance of the columns; see `matrass.linalg.kmeans`.
    random_state : int, RandomState or None
        None is 0.
    session : Grid or None
        Where arrays are placed; None: on all ranks.

    Attributes
    ----------
    cluster_centers_ : ndarray, shape (n_clusters, n_features)
    labels_ : ndarray, shape (m,), int32
        Of a DistMatrix: a DistMatrix (m, 1), float64, beside its rows.
    inertia_ : float
    n_iter_, n_features_in_ : int
    feature_names_in_ : ndarray
        Where X had names.

    Notes
    -----
    X is an array (the same on every rank), a DistMatrix, a SciPy matrix, a SparseMatrix or a Dask
    array. `fit`, `predict`,
    `transform` and `score` are collective. The result is the same, bit by bit, on any number of
    ranks. Rows have no weights.
    """

    _routine = "kmeans"

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: Any = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        random_state: Any = None,
        session: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.session = session

    def fit(self, X: Any, y: Any = None) -> Self:
        """Cluster the rows of X. Collective."""
        samples = samples_of(self, X, reset=True)
        a = samples.matrix

        def read() -> tuple[int, int]:
            starts = 1 if isinstance(self.n_init, str) and self.n_init == "auto" else self.n_init
            if a.shape[0] < self._integer("n_clusters", 1):
                raise InvalidArgument(
                    f"n_samples={a.shape[0]} should be >= n_clusters={self.n_clusters}."
                )
            return starts, self._seed()

        starts, seed = self._read_parameters(a.grid, read)
        found = linalg.kmeans(
            a,
            self.n_clusters,
            init=self.init,
            max_iter=self.max_iter,
            tol=self.tol,
            seed=seed,
            n_init=starts,
        )
        self.cluster_centers_ = found.centers.astype(a.dtype)
        self.labels_ = found.labels.numpy(None) if samples.whole else found.labels.matrix
        self.inertia_, self.n_iter_ = found.inertia, found.iterations
        return self

    def predict(self, X: Any) -> Any:
        """The nearest center of each row: (m,) int32, of a DistMatrix (m, 1). Collective."""
        samples = self._samples(X)

        def nearest(rows: _Array) -> _Array:
            found: _Array = self._squares(rows).argmin(axis=1)[:, np.newaxis]
            return found

        found = by_rows(self, samples.matrix, 1, nearest, np.dtype(np.float64))
        whole = samples.result(found)
        return whole[:, 0].astype(np.int32) if samples.whole else whole

    def transform(self, X: Any) -> Any:
        """The distance of each row from each center, (m, n_clusters). Collective."""
        samples = self._samples(X)
        found = self._distances(samples)
        return samples.result(found)

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the sum of squared distances of the rows from their centers. Collective."""
        samples = self._samples(X)

        def least(rows: _Array) -> _Array:
            found: _Array = self._squares(rows).min(axis=1)[:, np.newaxis]
            return found

        found = by_rows(self, samples.matrix, 1, least, np.dtype(np.float64))
        return -float(found.sum())

    def _samples(self, X: Any) -> Samples:
        self._require_fitted()
        return samples_of(self, X, reset=False)

    def _distances(self, samples: Samples) -> DistMatrix:
        k = self.cluster_centers_.shape[0]
        return by_rows(self, samples.matrix, k, lambda rows: np.sqrt(self._squares(rows)))

    def _squares(self, rows: Any) -> _Array:
        """Squared distances from all centers, in double precision. Local; 2 n k flops a row.

        Of dense rows the mean of the centers is taken off first: no digits are lost where it is
        large. Sparse ones would not stay sparse.
        """
        centers = self.cluster_centers_.astype(np.float64)
        if isinstance(rows, np.ndarray):
            middle = centers.mean(axis=0)
            centers, x = centers - middle, rows - middle
            norms = np.einsum("ij,ij->i", x, x)
        else:
            x = rows.astype(np.float64)
            norms = np.asarray(x.multiply(x).sum(axis=1)).ravel()
        found: _Array = x @ (-2 * centers.T)
        found += norms[:, np.newaxis]
        found += np.einsum("ij,ij->i", centers, centers)
        return np.maximum(found, 0, out=found)

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[0])
