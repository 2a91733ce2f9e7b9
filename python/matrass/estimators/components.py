# SPDX-License-Identifier: BSD-3-Clause
"""PCA, and what it shares with IncrementalPCA.

Next: ``gram.py``.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from matrass import linalg
from matrass.errors import InvalidArgument
from matrass.estimators.operands import Samples, by_rows, samples_of
from matrass.estimators.truncated import METHODS, Decomposition, as_rows, back, read_scores
from matrass.matrix import DistMatrix

__all__ = ["PCA", "Projection"]

_SOLVERS = ("auto", "full", "covariance_eigh", "arpack", "randomized", "lanczos", "gram", "tsqr")


class Projection(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """What principal components do: needs the fitted attributes of `PCA`."""

    whiten: bool
    components_: Any
    explained_variance_: Any
    noise_variance_: Any
    mean_: Any

    def _projection(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """The mean, the components and the standard deviations of the scores. Local."""
        return self.mean_, self.components_, np.sqrt(self.explained_variance_)

    def transform(self: Any, X: Any) -> Any:
        """The scores of X, (m, n_components_): centred X in terms of the components. Collective."""
        self._require_fitted()
        mean, components, deviation = self._projection()
        scale = None
        if self.whiten:
            scale = np.maximum(deviation, np.finfo(deviation.dtype).eps)
        return read_scores(self, X, components, mean, scale)

    def inverse_transform(self: Any, X: Any) -> Any:
        """The rows that have the scores X, (m, n_components_). Collective."""
        self._require_fitted()
        mean, components, deviation = self._projection()
        return back(
            self, X, components * deviation[:, np.newaxis] if self.whiten else components, mean
        )

    def get_covariance(self) -> Any:
        """The covariance of the model, (n, n): of the components, and noise in what is left. Local.

        Tipping and Bishop's: ``components_.T * S**2 * components_ + sigma2 I``, whitened or not.
        """
        c, noise = self.components_, self.noise_variance_
        excess = np.maximum(self.explained_variance_ - noise, 0)
        covariance = (c.T * excess) @ c
        covariance[np.diag_indices_from(covariance)] += noise
        return covariance

    def get_precision(self) -> Any:
        """The inverse of `get_covariance`, (n, n). Local; n**2 k flops where there is noise."""
        c, noise = self.components_, self.noise_variance_
        if noise == 0:
            return np.linalg.inv(self.get_covariance())
        # (noise I + C.T E C)^-1 = (I - C.T diag(e / (e + noise)) C) / noise, for C C.T = I.
        excess = np.maximum(self.explained_variance_ - noise, 0)
        precision = -(c.T * (excess / (excess + noise))) @ c
        precision[np.diag_indices_from(precision)] += 1
        return precision / noise

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)


class PCA(Projection, Decomposition):
    """Principal components, as `sklearn.decomposition.PCA`.

    Parameters
    ----------
    n_components : int, float or None
        How many, 1 to ``min(m, n)``; None: all. Between 0 and 1: as many as explain more than this
        part of the variance; for that all are computed, and scores of all need the memory of X.
        "mle" is not defined.
    whiten : bool
        Whether scores are divided by their standard deviation.
    svd_solver : {"auto", "full", "covariance_eigh", "arpack", "randomized"}
        "full" is the QR of X and the SVD of R, "covariance_eigh" the eigenvectors of the Gram
        matrix of centred rows, "arpack" block Krylov with restarts, "randomized" block Krylov,
        which gives way to the Gram matrix where it converges slowly. "auto" chooses
        (`matrass.linalg.truncated_svd`), as its names for methods do: "tsqr", "gram", "lanczos".
    tol : float
        Largest residual relative to the largest singular value. 0: 1e-10 (float32: 1e-5).
    random_state : int, RandomState or None
        None is 0.
    session : Grid or None
        Where arrays are placed; None: on all ranks.

    Attributes
    ----------
    components_ : ndarray, shape (n_components_, n_features)
        The largest entry of each row is positive.
    explained_variance_, explained_variance_ratio_, singular_values_ : ndarray, (n_components_,)
    mean_ : ndarray, shape (n_features,)
    noise_variance_ : float
    n_components_, n_samples_, n_features_in_ : int
    feature_names_in_ : ndarray
        Where X had names.

    Notes
    -----
    X is an array (the same on every rank), a DistMatrix or a Dask array. `fit`, `transform` and
    `score` are collective. The means are taken off while X is read: there is no centred copy, and
    no ``copy`` parameter.
    """

    _routine = "pca"

    def __init__(
        self,
        n_components: float | None = None,
        *,
        whiten: bool = False,
        svd_solver: str = "auto",
        tol: float = 0.0,
        random_state: Any = None,
        session: Any = None,
    ) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.tol = tol
        self.random_state = random_state
        self.session = session

    def _fit(self, X: Any) -> tuple[Samples, DistMatrix]:
        samples = samples_of(self, X, reset=True, ensure_min_samples=2)
        a = samples.matrix
        m, n = a.shape

        def read() -> tuple[int, Any, int]:
            self._one_of("svd_solver", _SOLVERS)
            return self._wanted(min(m, n)), METHODS[self.svd_solver], self._seed()

        k, method, seed = self._read_parameters(a.grid, read)
        found = linalg.pca(a, k, method=method, tol=self._tolerance(), seed=seed)
        # Of the whole matrix; rounding may leave it a little below what the components have.
        ratio, variance = found.explained_variance_ratio, found.explained_variance
        total = float(variance[0] / ratio[0]) if ratio[0] > 0 else 0.0
        if isinstance(self.n_components, numbers.Real) and not _is_whole(self.n_components):
            within = np.cumsum(ratio, dtype=np.float64)
            k = min(int(np.searchsorted(within, float(self.n_components), side="right")) + 1, k)
        left = min(m, n) - k
        rest = max(total - float(np.sum(variance[:k], dtype=np.float64)), 0.0)
        self.n_components_, self.n_samples_ = k, m
        self.mean_, self.components_ = (
            found.mean,
            as_rows(found.components)[:k],
        )
        self.explained_variance_, self.explained_variance_ratio_ = variance[:k], ratio[:k]
        self.singular_values_ = found.singular_values[:k]
        self.noise_variance_ = rest / left if left > 0 else 0.0
        scores = found.scores if k == found.scores.shape[1] else found.scores[:, :k].copy()
        if self.whiten:
            deviation = np.sqrt(self.explained_variance_)
            least = np.finfo(deviation.dtype).eps
            scores.local[...] /= np.maximum(deviation, least)[scores.local_cols]
        return samples, scores

    def _wanted(self, most: int) -> int:
        """How many components are to be computed. Local."""
        k = self.n_components
        if k is None:
            return most
        if isinstance(k, str) or not isinstance(k, numbers.Real):
            raise InvalidArgument(
                f"{self._name}: n_components must be an integer, a part of 1 or None: got {k!r}"
            )
        if _is_whole(k):
            return self._integer("n_components", 1, most)
        if not 0 < k < 1:
            raise InvalidArgument(
                f"{self._name}: n_components must be an integer or between 0 and 1: got {k!r}"
            )
        return most

    def score_samples(self, X: Any) -> Any:
        """The log-likelihood of each row in the model: (m,), of a DistMatrix (m, 1). Collective."""
        self._require_fitted()
        samples = samples_of(self, X, reset=False)
        precision = self.get_precision()
        constant = -0.5 * (len(precision) * np.log(2 * np.pi) - np.linalg.slogdet(precision)[1])

        def score(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
            d = rows - self.mean_
            likelihood: npt.NDArray[Any] = constant - 0.5 * np.sum(d * (d @ precision), axis=1)
            return likelihood[:, np.newaxis]

        found = samples.result(by_rows(self, samples.matrix, 1, score))
        return found[:, 0] if samples.whole else found

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log-likelihood of the rows of X in the model. Collective."""
        return float(self.score_samples(X).mean())


def _is_whole(k: Any) -> bool:
    return k is None or isinstance(k, numbers.Integral)
