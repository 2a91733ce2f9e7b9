# SPDX-License-Identifier: BSD-3-Clause
"""What estimators are given, as matrices whose rows are dealt to the ranks; and the way back.

Next: ``chunks.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_array, validate_data

from matrass.agreement import agreed, together
from matrass.bootstrap.which_mpi import load_core
from matrass.create import from_global
from matrass.errors import InvalidArgument, ShapeError
from matrass.estimators.base import DistEstimator, InputTypeError, agreed_errors
from matrass.estimators.chunks import from_chunks, is_dask
from matrass.estimators.remote import Column
from matrass.grid import Grid
from matrass.matrix import DistMatrix
from matrass.sparse import SparseMatrix
from matrass.sparse_create import from_scipy

__all__ = [
    "Samples",
    "by_rows",
    "kind_of",
    "local_rows",
    "read_array",
    "row_dealt",
    "samples_of",
    "targets_of",
]

_FLOATS = [np.float64, np.float32]
_PANEL_BYTES = 1 << 20


@dataclass
class Samples:
    """An X on the ranks."""

    matrix: Any
    """A DistMatrix or a SparseMatrix."""
    whole: bool
    """Whether results are to be NumPy arrays, whole on every rank."""
    own: bool
    """Whether the matrix is a copy that may be changed."""

    @property
    def grid(self) -> Grid:
        """Where it is."""
        grid: Grid = self.matrix.grid
        return grid

    def result(self, found: DistMatrix) -> Any:
        """A result with a row for each sample, in the form that X had. Collective."""
        return found.numpy(None) if self.whole else found


def kind_of(x: Any) -> str:
    """How `x` is read: "dealt", "dask", "sparse" (SciPy's) or "array"."""
    if isinstance(x, (DistMatrix, SparseMatrix, Column)):
        return "dealt"
    if is_dask(x):
        return "dask"
    return "sparse" if hasattr(x, "tocsr") else "array"


def read_array(
    estimator: DistEstimator, grid: Grid, x: Any, *, reset: bool, **checks: Any
) -> tuple[str, Any]:
    """Check X as scikit-learn does, but for NaN and infinity; its kind, and an array as floats.

    With ``y=`` among `checks`, the array is a pair. Collective; nothing but errors is exchanged.
    """
    what = f"{estimator._name}.{'fit' if reset else 'transform'}"
    kind = agreed(grid._core, what, lambda: kind_of(x))

    def read() -> Any:
        if kind in ("array", "sparse"):
            options = {"accept_sparse": "csr", "dtype": _FLOATS, "ensure_all_finite": False}
            return validate_data(estimator, x, reset=reset, **(options | checks))
        _check_shape(estimator, x, reset, checks)
        return x

    return kind, agreed_errors(grid, what, read)


def _check_shape(estimator: DistEstimator, x: Any, reset: bool, checks: dict[str, Any]) -> None:
    """The same for what is not in this process: a matrix or a Dask array. Local."""
    name = estimator._name
    if x.ndim != 2:
        raise ShapeError(f"{name}: X must have 2 dimensions: got {x.ndim}")
    if x.shape[1] != x.shape[1]:  # NaN, as Dask says
        raise ShapeError(f"{name}: X must have a known number of columns")
    if x.dtype.kind not in ("f" if kind_of(x) == "dealt" else "fiub"):
        raise InputTypeError(f"{name}: X must be real: got {x.dtype}")
    for axis, what in enumerate(("samples", "features")):
        least, found = checks.get(f"ensure_min_{what}", 1), x.shape[axis]
        if found < least:  # never true of an unknown extent
            raise ShapeError(f"{name}: X must have at least {least} {what}: got {found}")
    if reset:
        estimator.n_features_in_ = x.shape[1]
        estimator.__dict__.pop("feature_names_in_", None)
    elif x.shape[1] != estimator.n_features_in_:
        raise ShapeError(
            f"X has {x.shape[1]} features, but {name} is expecting {estimator.n_features_in_} "
            "features as input"
        )


def samples_of(estimator: DistEstimator, x: Any, *, reset: bool, **checks: Any) -> Samples:
    """Read X; arrays are dealt to the ranks by rows. Collective."""
    grid = estimator._grid_for(x)
    kind, read = read_array(estimator, grid, x, reset=reset, **checks)
    return placed(grid, kind, read)


def placed(grid: Grid, kind: str, x: Any) -> Samples:
    """What `read_array` returned, on the ranks. Collective."""
    if kind == "dealt":
        return Samples(x, whole=False, own=False)
    if kind == "dask":
        return Samples(from_chunks(grid, x), whole=False, own=True)
    if kind == "sparse":
        rows = local_rows(grid, x.shape)
        return Samples(from_scipy(grid, x[rows], root=None), whole=True, own=True)
    matrix = from_global(grid, x, layout="VC,STAR", root=None)
    return Samples(matrix, whole=True, own=True)


def local_rows(grid: Grid, shape: tuple[int, int]) -> slice:
    """The contiguous rows of a [VC,STAR] matrix that this rank has. Local."""
    dealt = load_core().Distribution(grid._core, shape, "VC,STAR", None)
    rows = dealt.local_rows
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)


def row_dealt(a: DistMatrix) -> DistMatrix:
    """The same matrix with whole rows on each rank, from the first block's start. Collective."""
    return a.to("VC,STAR", block=a.block if str(a.layout) == "[VC,STAR]" else None)


def targets_of(estimator: DistEstimator, y: Any, samples: Samples) -> tuple[DistMatrix, bool]:
    """Read y as a matrix beside X; and whether it has one dimension. Collective."""
    a, what = samples.matrix, f"{estimator._name}.fit"
    kind = agreed(samples.grid._core, what, lambda: kind_of(y))
    shape = a.shape

    def read() -> Any:
        array = y
        if kind == "array":
            if y is None:
                raise InvalidArgument(
                    f"{estimator._name} requires y to be passed, but the target y is None"
                )
            array = check_array(y, ensure_2d=False, dtype=a.dtype, input_name="y")
            if array.ndim > 2:
                raise ShapeError(f"y must have 1 or 2 dimensions: got shape {array.shape}")
        if len(array.shape) == 0 or array.shape[0] != shape[0]:
            raise ShapeError(
                f"{estimator._name}: X and y must have one number of rows: got {shape[0]} and "
                f"{array.shape[:1]}"
            )
        return array

    if isinstance(y, Column):
        agreed_errors(samples.grid, what, read)
        return y.matrix.to("VC,STAR", dtype=a.dtype), True
    array = agreed_errors(samples.grid, what, read)
    flat = len(array.shape) == 1
    if kind != "array":
        target = placed(samples.grid, kind, array[:, np.newaxis] if flat else array).matrix
        return target.to("VC,STAR", dtype=a.dtype), flat
    whole = array[:, np.newaxis] if flat else array
    return from_global(samples.grid, whole, layout="VC,STAR", root=None), flat


def by_rows(
    estimator: DistEstimator,
    a: DistMatrix | SparseMatrix,
    columns: int,
    f: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    dtype: np.dtype[Any] | None = None,
) -> DistMatrix:
    """A matrix with ``f(rows)`` beside the rows of `a`, which are read a panel at a time.

    Collective; nothing moves if the rows of `a` are on one rank each.

    Parameters
    ----------
    estimator
        Named in errors.
    a : DistMatrix or SparseMatrix, shape (m, n)
        A sparse one must not be a transposed view.
    columns : int
        Of the result, which has m rows.
    f : callable
        Gets an array (or csr_matrix) of some rows, which it must not change; returns an array
        (rows, columns).
    dtype : dtype, optional
        Of the result; default that of `a`.
    """
    rows: DistMatrix | SparseMatrix
    block: Any
    if isinstance(a, SparseMatrix):
        if a._core.is_transposed:
            raise InvalidArgument(
                f"{estimator._name}: X must be stored by rows: got a transposed view of a "
                "SparseMatrix"
            )
        rows, block = a, a._core.block
    else:
        rows = row_dealt(a)
        block = rows.block
    found = DistMatrix(rows.grid, (a.shape[0], columns), dtype or a.dtype, "VC,STAR", block)

    def fill() -> None:
        part, out = rows.local, found.local
        height = max(1, _PANEL_BYTES // max(1, part.shape[1] * part.dtype.itemsize))
        for at in range(0, part.shape[0], height):
            panel = part[at : at + height]
            if not np.isfinite(panel.data if isinstance(rows, SparseMatrix) else panel).all():
                raise InvalidArgument(
                    f"{estimator._name}: X must be finite: got NaN or infinity at "
                    f"{_first_not_finite(rows, panel, at)}"
                )
            out[at : at + height] = f(panel)

    together(rows.grid._core, f"{estimator._name}: rows", fill)
    return found


def _first_not_finite(rows: DistMatrix | SparseMatrix, panel: Any, at: int) -> str:
    """The indices of the first NaN or infinity in a panel of this rank's rows. Local."""
    i, j = np.argwhere(~np.isfinite(panel if isinstance(rows, DistMatrix) else panel.toarray()))[0]
    return f"({rows.local_rows[at + i]}, {j})"
