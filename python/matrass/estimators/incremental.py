# SPDX-License-Identifier: BSD-3-Clause
"""IncrementalPCA: a running Gram matrix.

Next: ``linear.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from matrass.estimators.base import DistEstimator, InputTypeError, agreed_errors
from matrass.estimators.chunks import float_dtype, own_chunks
from matrass.estimators.components import Projection
from matrass.estimators.gram import Moments, Spectrum
from matrass.estimators.kept import OnRanks
from matrass.estimators.operands import local_rows, read_array, row_dealt
from matrass.grid import Grid
from matrass.sparse import SparseMatrix

__all__ = ["IncrementalPCA"]


class IncrementalPCA(Projection, DistEstimator):
    """PCA of rows that come in batches, as `sklearn.decomposition.IncrementalPCA`.

    The components are those of all rows, to rounding, in whatever batches and order they come: a
    centred Gram matrix is kept, n_features**2 doubles on every rank (and as much again while a
    batch is added). scikit-learn keeps n_components of each batch, which approximates them.

    Parameters
    ----------
    n_components : int or None
        None: as many as there are features, or rows where these are fewer.
    whiten : bool
        Whether scores are divided by their standard deviation.
    batch_size : int or None
        Accepted as in scikit-learn; `fit` reads X where it lies, and a Dask array chunk by chunk.
    session : Grid or None
        Where arrays are placed; None: on all ranks.

    Attributes
    ----------
    components_ : ndarray, shape (n_components_, n_features)
    explained_variance_, explained_variance_ratio_, singular_values_ : ndarray, (n_components_,)
    mean_, var_ : ndarray, shape (n_features,)
    noise_variance_ : float
    n_components_, n_samples_seen_, batch_size_, n_features_in_ : int
    feature_names_in_ : ndarray
        Where X had names.

    Notes
    -----
    X is an array (the same on every rank), a DistMatrix or a Dask array. `fit`, `partial_fit` and
    `transform` are collective. `fit` sums over ranks once, `partial_fit` once a call: n_features**2
    doubles; m n_features**2 / p flops a rank. Attributes are local: the first one that needs
    components computes them from the Gram matrix, which every rank has (n_features**3 flops), and
    keeps them. Sums are in double precision for every dtype. Singular values below 1e-8 times the
    largest are lost in the rounding of its square.

    References
    ----------
    Chan, Golub, LeVeque (1982).
    """

    _spectrum: Any = OnRanks()

    def __init__(
        self,
        n_components: int | None = None,
        *,
        whiten: bool = False,
        batch_size: int | None = None,
        session: Any = None,
    ) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.batch_size = batch_size
        self.session = session

    def fit(self, X: Any, y: Any = None) -> Self:
        """Forget what was seen, and take X. Collective."""
        return self._take(X, first=True)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Take more rows, one or many. Collective. After an error nothing has changed."""
        return self._take(X, first=not hasattr(self, "n_samples_seen_"))

    def _take(self, X: Any, *, first: bool) -> Self:
        grid = self._grid_for(X)
        kind, read = read_array(self, grid, X, reset=first, accept_sparse=False)
        n = int(read.shape[1])

        def parameters() -> tuple[int, str, str]:
            if self.n_components is not None:
                self._integer("n_components", 1, n)
            size = 5 * n if self.batch_size is None else self._integer("batch_size", 1)
            return size, str(read.shape), str(read.dtype)

        size, *_ = self._read_parameters(grid, parameters)
        rows = _rows_of_rank(grid, kind, read, self._name)

        def add() -> Moments:
            moments = Moments(n)
            for batch in rows:
                moments.add(batch)
            return moments

        mine = agreed_errors(grid, f"{self._name}.fit", add)
        batch = mine.sum_over(grid, self._name)
        if first:
            self._spectrum, self._dtype = Spectrum(batch), float_dtype(read.dtype)
        else:
            self._spectrum.moments.merge(batch)
            self._spectrum = Spectrum(self._spectrum.moments)
            self._dtype = np.result_type(self._dtype, float_dtype(read.dtype))
        self.n_samples_seen_ = self._spectrum.moments.count
        self.batch_size_ = size
        return self

    @property
    def _moments(self) -> Moments:
        """AttributeError before the first rows have come."""
        moments: Moments = self._spectrum.moments
        return moments

    def _projection(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """The mean, components and standard deviations in double precision."""
        singular, components = self._spectrum.leading(self.n_components_)
        deviation = singular / np.sqrt(max(self._moments.count - 1, 1))
        return self._moments.mean, components, deviation

    @property
    def n_components_(self) -> int:
        """How many components there are."""
        most: int = min(self.n_samples_seen_, self.n_features_in_)
        return most if self.n_components is None else int(self.n_components)

    @property
    def components_(self) -> npt.NDArray[Any]:
        """The components as rows, that of the largest variance first."""
        return self._given(self._spectrum.leading(self.n_components_)[1])

    @property
    def singular_values_(self) -> npt.NDArray[Any]:
        """Of the centred matrix of all rows, descending."""
        return self._given(self._spectrum.leading(self.n_components_)[0])

    @property
    def explained_variance_(self) -> npt.NDArray[Any]:
        """The variances of the scores; 0 of one row."""
        return self._given(self._variances())

    @property
    def explained_variance_ratio_(self) -> npt.NDArray[Any]:
        """Their parts of the sum of the variances of all features."""
        total = self._total()
        return self._given(self._variances() / total if total > 0 else 0 * self._variances())

    @property
    def mean_(self) -> npt.NDArray[Any]:
        """Of each feature."""
        return self._given(self._moments.mean)

    @property
    def var_(self) -> npt.NDArray[Any]:
        """Of each feature: the mean of squared deviations, as `numpy.var`."""
        return self._given(self._moments.gram.diagonal() / self._moments.count)

    @property
    def noise_variance_(self) -> float:
        """The mean of the variances that the components leave."""
        left = min(self._moments.count, len(self._moments.mean)) - self.n_components_
        rest = self._total() - float(np.sum(self._variances()))
        return max(rest, 0.0) / left if left > 0 else 0.0

    def _variances(self) -> npt.NDArray[np.float64]:
        singular: npt.NDArray[np.float64] = self._spectrum.leading(self.n_components_)[0]
        return np.square(singular) / max(self._moments.count - 1, 1)

    def _total(self) -> float:
        return float(np.sum(self._moments.gram.diagonal())) / max(self._moments.count - 1, 1)

    def _given(self, values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        """A copy in the dtype of X."""
        return values.astype(self._dtype)


def _rows_of_rank(grid: Grid, kind: str, x: Any, name: str) -> Iterator[npt.NDArray[Any]]:
    """This rank's rows, without copies; of a Dask array its chunks. Collective for a DistMatrix."""
    if isinstance(x, SparseMatrix):
        raise InputTypeError(f"{name}: X must be dense: got SparseMatrix (A.to_dense())")
    if kind == "dask":
        return own_chunks(grid, x)
    if kind == "dealt":
        return iter([row_dealt(x).local])
    return iter([x[local_rows(grid, x.shape)]])
