# SPDX-License-Identifier: BSD-3-Clause
"""Ridge and LinearRegression.

Next: ``clustering.py``.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import _check_sample_weight

from matrass import linalg
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument, ShapeError
from matrass.estimators.base import DistEstimator, agreed_errors
from matrass.estimators.operands import Samples, by_rows, kind_of, row_dealt, samples_of, targets_of
from matrass.estimators.truncated import as_rows
from matrass.grid import Grid
from matrass.matrix import DistMatrix
from matrass.sparse import SparseMatrix

__all__ = ["LinearRegression", "Ridge"]

_Array = npt.NDArray[Any]


class Linear(MultiOutputMixin, RegressorMixin, DistEstimator):
    """A linear model: its data are centred and weighted, then solved by `_solve`."""

    fit_intercept: bool
    positive: bool
    _flat_column = False
    """Whether y of one column gives coefficients of one dimension."""
    coef_: _Array
    intercept_: Any

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array, DistMatrix or Dask array, shape (m, n)
        y : array, shape (m,) or (m, k), or DistMatrix, shape (m, k)
        sample_weight : array, shape (m,), number or None
            The same on every rank.

        Returns
        -------
        self

        Notes
        -----
        Collective. A DistMatrix X is copied to be centred or weighted; an array's copy on the ranks
        is changed in place.
        """
        samples = samples_of(self, X, reset=True)
        b, flat = targets_of(self, y, samples)
        a = samples.matrix
        self._read_parameters(a.grid, self._check)
        if not isinstance(a, SparseMatrix) and (self.fit_intercept or sample_weight is not None):
            a = samples.matrix = row_dealt(a)
        weight = _weights(self, samples, sample_weight)
        means: tuple[_Array, _Array] | None = None
        if isinstance(a, SparseMatrix):
            self._require_plain(weight)
        else:
            a, b, means = _prepared(self, samples, b, weight)
        coefficients = as_rows(self._solve(a, b))
        intercept = np.zeros(len(coefficients), coefficients.dtype)
        if means is not None:
            intercept = (means[1] - coefficients @ means[0]).astype(coefficients.dtype)
        one_row = flat or (self._flat_column and len(coefficients) == 1)
        self.coef_ = np.array(coefficients[0] if one_row else coefficients, order="C")
        self.intercept_ = 0.0
        if self.fit_intercept:
            self.intercept_ = intercept[0] if flat else intercept
        return self

    def _check(self) -> None:
        """Raise for parameters that are wrong. Local."""
        if self.positive:
            raise InvalidArgument(f"{self._name}: positive=True is not defined")

    def _require_plain(self, weight: _Array | None) -> None:
        """Centred, a sparse matrix would be dense."""
        if self.fit_intercept or weight is not None:
            raise InvalidArgument(
                f"{self._name}: a sparse X must come with fit_intercept=False and no weights"
            )

    def _solve(self, a: Any, b: DistMatrix) -> DistMatrix:
        """The solution, (n, k) in [STAR,STAR]. Collective."""
        raise NotImplementedError

    def predict(self, X: Any) -> Any:
        """``X @ coef_.T + intercept_``; of a DistMatrix a DistMatrix (m, k). Collective."""
        self._require_fitted()
        samples = samples_of(self, X, reset=False)
        coefficients = np.atleast_2d(self.coef_).T
        found = samples.result(self._predicted(samples, coefficients))
        return found[:, 0] if samples.whole and self.coef_.ndim == 1 else found

    def _predicted(self, samples: Samples, coefficients: _Array) -> DistMatrix:
        if isinstance(samples.matrix, SparseMatrix):
            from matrass.create import from_global

            grid, dtype = samples.grid, samples.matrix.dtype
            right = from_global(grid, coefficients.astype(dtype), layout="STAR,STAR", root=None)
            found = linalg.matmul(samples.matrix, right)
            found.local[...] += self.intercept_
            return found
        width = coefficients.shape[1]
        return by_rows(
            self, samples.matrix, width, lambda rows: rows @ coefficients + self.intercept_
        )

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R**2 of the prediction, the mean over the columns of y. Collective.

        Of distributed matrices nothing is gathered but sums; weights are for arrays alone.
        """
        predicted = self.predict(X)
        if not isinstance(predicted, DistMatrix) and kind_of(y) == "array":
            return float(r2_score(y, predicted, sample_weight=sample_weight))
        if sample_weight is not None:
            raise InvalidArgument(f"{self._name}: score of a DistMatrix takes no sample_weight")
        if not isinstance(predicted, DistMatrix):
            samples = samples_of(self, X, reset=False)
            predicted = self._predicted(samples, np.atleast_2d(self.coef_).T)
        truth = targets_of(self, y, Samples(predicted, whole=False, own=False))[0]
        truth = truth.to("VC,STAR", block=predicted.block)
        if truth.shape != predicted.shape:
            raise ShapeError(
                f"{self._name}: y must have shape {predicted.shape}: got {truth.shape}"
            )
        return _r2(truth, predicted)


def _r2(truth: DistMatrix, predicted: DistMatrix) -> float:
    """``1 - sum (y - p)**2 / sum (y - mean)**2``: columns without variance as scikit-learn."""
    m = truth.shape[0]
    total = m * np.asarray(truth.var(axis=0).numpy(None)[0], np.float64)
    rest = np.zeros((1, truth.shape[1]))
    rest[0] = np.sum(np.square(truth.local - predicted.local, dtype=np.float64), axis=0)
    load_core().allreduce(truth.grid._core, rest, "sum")
    scores = np.where(rest[0] == 0, 1.0, 0.0)
    np.subtract(1, rest[0] / np.where(total > 0, total, 1), out=scores, where=total > 0)
    return float(scores.mean())


def _weights(estimator: Linear, samples: Samples, given: Any) -> _Array | None:
    """The weights of this rank's rows, in double precision; None where all are 1. Collective."""
    if given is None:
        return None
    a = samples.matrix
    m = a.shape[0]
    if isinstance(given, DistMatrix):
        dealt, _ = targets_of(estimator, given, samples)
        block = a._core.block if isinstance(a, SparseMatrix) else a.block
        mine = dealt.to("VC,STAR", block=block)
        picked = mine.local[:, 0] if mine.local.size else np.empty(0)
    else:
        whole = agreed_errors(
            samples.grid,
            f"{estimator._name}.fit",
            lambda: _check_sample_weight(given, np.empty((m, 0)), dtype=np.float64),
        )
        picked = whole[a.local_rows]

    def check() -> None:
        if not (np.isfinite(picked).all() and (picked >= 0).all()):
            raise InvalidArgument(f"{estimator._name}: weights must be finite and not negative")

    agreed_errors(samples.grid, f"{estimator._name}.fit", check)
    return np.asarray(picked, np.float64)


def _prepared(
    estimator: Linear, samples: Samples, b: DistMatrix, weight: _Array | None
) -> tuple[DistMatrix, DistMatrix, tuple[_Array, _Array] | None]:
    """Centred and weighted, and the means that were taken off; X as it is if there are none."""
    a, what = samples.matrix, f"{estimator._name}.fit"
    if weight is None and not estimator.fit_intercept:
        return a, b, None
    x = a if samples.own else a.copy()
    z = b.to("VC,STAR", block=a.block).copy()
    means = None
    if estimator.fit_intercept:
        means = _mean(a.grid, x, weight, what), _mean(a.grid, z, weight, what)

    def change() -> None:
        root = None if weight is None else np.sqrt(weight)[:, np.newaxis]
        for k, part in enumerate((x.local, z.local)):
            with np.errstate(all="ignore"):  # NaN and infinity are found by the routine
                if means is not None and part.size:
                    np.subtract(part, means[k], out=part, casting="same_kind")
                if root is not None and part.size:
                    np.multiply(part, root, out=part, casting="same_kind")

    agreed_errors(a.grid, what, change)
    return x, z, means


def _mean(grid: Grid, a: DistMatrix, weight: _Array | None, what: str) -> _Array:
    """The weighted mean of the rows, in double precision, on every rank. Collective."""
    n = a.shape[1]
    sums = np.zeros(n + 1)

    def add() -> None:
        part = a.local
        if part.size == 0:
            return
        with np.errstate(all="ignore"):
            if weight is None:
                sums[:n], sums[n] = part.sum(axis=0, dtype=np.float64), len(part)
            else:
                sums[:n], sums[n] = weight @ part, weight.sum()

    agreed_errors(grid, what, add)
    load_core().allreduce(grid._core, sums, "sum")

    def divide() -> _Array:
        if not sums[n] > 0:
            raise InvalidArgument(
                f"{what}: Sample weights must contain at least one non-zero number"
            )
        return np.asarray(sums[:n] / sums[n])

    return agreed_errors(grid, what, divide)


class LinearRegression(Linear):
    """Ordinary least squares, as `sklearn.linear_model.LinearRegression`.

    Parameters
    ----------
    fit_intercept : bool
    positive : bool
        Only False.
    session : Grid or None
        Where arrays are placed; None: on all ranks.

    Attributes
    ----------
    coef_ : ndarray, shape (n,), or (k, n) for y of two dimensions
        The solution of least norm where columns depend on each other: singular values up to
        ``max(m, n) * eps`` of X's dtype times the largest count as zero.
    intercept_ : float, or ndarray, shape (k,)
    rank_ : int
    singular_ : ndarray, shape (min(m, n),)
        Of X, centred where there is an intercept (and weighted).
    n_features_in_ : int
    feature_names_in_ : ndarray
        Where X had names.

    Notes
    -----
    By `matrass.linalg.lstsq`. `fit`, `predict` and `score` are collective.
    """

    _routine = "lstsq"

    def __init__(
        self, *, fit_intercept: bool = True, positive: bool = False, session: Any = None
    ) -> None:
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.session = session

    def _solve(self, a: Any, b: DistMatrix) -> DistMatrix:
        cut = max(a.shape) * float(np.finfo(a.dtype).eps)
        found = linalg.lstsq(a, b, cut)
        self.rank_, self.singular_ = found.rank, found.s
        return found.x


class Ridge(Linear):
    """Least squares with ``alpha ||w||**2``, as `sklearn.linear_model.Ridge`.

    Parameters
    ----------
    alpha : float or array_like, shape (k,)
        One penalty, or one for each column of y; not negative.
    fit_intercept : bool
    max_iter : int or None
        Of "cg".
    tol : float or None
        Of "cg": relative residual of the normal equations; None: 1e-10 (float32: 1e-5).
    solver : {"auto", "svd", "cholesky", "tsqr", "cg", "sparse_cg"}
        See `matrass.linalg.ridge`; "sparse_cg" is "cg".
    positive : bool
        Only False.
    session : Grid or None
        Where arrays are placed; None: on all ranks.

    Attributes
    ----------
    coef_ : ndarray, shape (n,), or (k, n) for y of several columns
    intercept_ : float, or ndarray, shape (k,), for y of two dimensions
    n_features_in_ : int
    feature_names_in_ : ndarray
        Where X had names.

    Notes
    -----
    `fit`, `predict` and `score` are collective.
    """

    _routine = "ridge"
    _flat_column = True

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: bool = True,
        max_iter: int | None = None,
        tol: float | None = None,
        solver: str = "auto",
        positive: bool = False,
        session: Any = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.session = session

    def _check(self) -> None:
        super()._check()
        self._one_of("solver", ("auto", "svd", "cholesky", "tsqr", "cg", "sparse_cg"))

    def _solve(self, a: Any, b: DistMatrix) -> DistMatrix:
        method: Any = "cg" if self.solver == "sparse_cg" else self.solver
        return linalg.ridge(
            a, b, self.alpha, method, tol=self._tolerance(), max_steps=self.max_iter
        )
