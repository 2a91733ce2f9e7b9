# SPDX-License-Identifier: BSD-3-Clause
"""Masks: what comparisons give. One bool for each element, dealt out as the elements are.

Next: ``matrix.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed, together
from matrass.arguments import dtype_of, number_of
from matrass.bootstrap.which_mpi import load_core
from matrass.elementwise import Dealt, UfuncKernel, apply, is_operand, wrap
from matrass.errors import InvalidArgument, ShapeError
from matrass.layout import Layout
from matrass.operators import NumPyProtocols
from matrass.reductions import reduced

if TYPE_CHECKING:
    from matrass import _core
    from matrass.grid import Grid
    from matrass.matrix import DistMatrix

__all__ = ["DistMask", "assign_where", "where"]


class DistMask(NumPyProtocols):
    """One bool for each element of a matrix; made by comparisons: ``A > 0``, ``np.isnan(A)``.

    Combined by ``&``, ``|``, ``^`` and ``~``. ``mt.where(mask, A, B)`` and ``A[mask] = 0`` use it,
    and ``A * mask`` takes it for zeros and ones. It is no DistMatrix, which holds numbers:
    `astype` makes one.

    Attributes
    ----------
    grid : Grid
    shape : (int, int)
    local : ndarray of bool
        This rank's part, in memory of its own.
    """

    ndim = 2
    _dist: _core.Distribution
    _local: npt.NDArray[np.bool_]
    _grid: Grid

    def __init__(self) -> None:
        raise TypeError("DistMask: comparisons make masks: A > 0, np.isnan(A)")

    @classmethod
    def _of(cls, dealt: _core.Distribution, local: npt.NDArray[np.bool_], grid: Grid) -> DistMask:
        mask = cls.__new__(cls)
        mask._dist, mask._local, mask._grid = dealt, local, grid
        return mask

    @property
    def grid(self) -> Grid:
        """The process grid."""
        return self._grid

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the whole mask."""
        return self._dist.shape

    @property
    def size(self) -> int:
        """How many elements the whole mask has."""
        return self.shape[0] * self.shape[1]

    @property
    def dtype(self) -> np.dtype[np.bool_]:
        """Bool."""
        return np.dtype(np.bool_)

    @property
    def layout(self) -> Layout:
        """How the axes are dealt out."""
        return Layout(self._dist.layout)

    @property
    def block(self) -> tuple[int, int]:
        """The block sizes (mb, nb)."""
        return self._dist.block

    @property
    def local(self) -> npt.NDArray[np.bool_]:
        """This rank's part: the mask's own memory."""
        return self._local

    @property
    def local_rows(self) -> npt.NDArray[np.int64]:
        """The global row indices of this rank's part, ascending."""
        return self._dist.local_rows

    @property
    def local_cols(self) -> npt.NDArray[np.int64]:
        """The global column indices of this rank's part, ascending."""
        return self._dist.local_cols

    @property
    def _dealt(self) -> _core.Distribution:
        return self._dist

    @property
    def T(self) -> DistMask:  # noqa: N802
        """The transposed mask: a view."""
        return self._of(self._dist.transposed(), self._local.T, self._grid)

    def __repr__(self) -> str:
        rows, cols = self.shape
        r, c = self.grid.shape
        return f"DistMask({rows}x{cols}, {self.layout}, grid {r}x{c})"

    def __and__(self, other: Any) -> DistMask:
        return _logic(np.logical_and, self, other)

    def __or__(self, other: Any) -> DistMask:
        return _logic(np.logical_or, self, other)

    def __xor__(self, other: Any) -> DistMask:
        return _logic(np.logical_xor, self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> DistMask:
        return _logic(np.logical_not, self)

    def sum(self, axis: int | None = None) -> Any:
        """How many are True: an int, the same on every rank; along an axis a DistMatrix, float64.

        Collective; see `matrass.DistMatrix.sum`.
        """
        found = _counts(self, axis, "sum", lambda _, x: x)
        return int(found) if isinstance(found, np.generic) else found

    def mean(self, axis: int | None = None) -> Any:
        """The part that is True: a float64; along an axis a DistMatrix. NaN of none. Collective."""
        return _counts(self, axis, "mean", lambda lines, x: x / lines.length)

    def any(self, axis: int | None = None) -> Any:
        """Whether one is True: a bool; along an axis a DistMask. Collective."""
        return _flags(self, axis, "any", lambda _, counts: counts > 0)

    def all(self, axis: int | None = None) -> Any:
        """Whether all are True, also where there are none: see `any`. Collective."""
        return _flags(self, axis, "all", lambda lines, counts: counts == lines.length)

    def astype(self, dtype: npt.DTypeLike) -> DistMatrix:
        """The matrix of zeros and ones, dealt out as the mask is. Collective; nothing moves."""
        made: list[_core.Matrix] = []

        def make() -> tuple[str, str]:
            name = dtype_of(dtype, "astype")
            made.append(self._dist.allocate(load_core().scalar_code(np.dtype(name))))
            made[0].local[...] = self._local
            return name, self._dist.text

        agreed(self.grid._core, "astype", make)
        matrix: DistMatrix = wrap(made[0], self._grid)
        return matrix

    def copy(self) -> DistMask:
        """A deep copy. Local."""
        return self._of(self._dist, self._local.copy(order="K"), self._grid)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> DistMask:
        return self.copy()

    def numpy(self, root: int | None = 0) -> npt.NDArray[np.bool_] | None:
        """The whole mask on rank `root` (None: on all); see `matrass.DistMatrix.numpy`."""
        whole = self.astype(np.float32).numpy(root)
        return together(
            self.grid._core, "numpy", lambda: None if whole is None else whole.astype(np.bool_)
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        raise InvalidArgument(
            f"asarray: a mask is not gathered silently: got {self!r} "
            "(mask.numpy() gathers it, mask.local is this rank's part)"
        )


def _logic(ufunc: np.ufunc, *operands: Any) -> DistMask:
    """`&` and others, of masks and bools alone: of numbers they would mean bits."""
    if not all(getattr(x, "dtype", np.dtype(type(x))) == np.bool_ for x in operands[1:]):
        return NotImplemented  # type: ignore[no-any-return]
    found: DistMask = apply(ufunc.__name__, UfuncKernel(ufunc), list(operands))
    return found


def _counts(mask: DistMask, axis: Any, name: str, finish: Any) -> Any:
    return reduced(
        mask,
        axis,
        name,
        lambda lines: lines.local(lambda x, k: x.sum(axis=k, dtype=np.float64)),
        finish,
        dtype=np.dtype(np.float64),
    )


def _flags(mask: DistMask, axis: Any, name: str, finish: Any) -> Any:
    found = _counts(mask, axis, name, finish)
    return bool(found) if isinstance(found, np.generic) else found != 0


@dataclass(frozen=True)
class _Where:
    """The elements of one operand where a mask is True, of another elsewhere."""

    def dtypes(self, samples: list[Any]) -> list[np.dtype[Any]]:
        return [np.where(*samples).dtype]

    def run(self, operands: list[Any], results: list[npt.NDArray[Any]]) -> None:
        mask, x, y = operands
        results[0][...] = y
        np.copyto(results[0], x, where=mask)


def where(mask: DistMask, x: Any, y: Any) -> DistMatrix:
    """Elements of `x` where `mask` is True, of `y` elsewhere.

    Parameters
    ----------
    mask : DistMask
    x, y : DistMatrix, number, or array of one row or column
        Shapes broadcast with the mask's. Brought to the mask's distribution where they lie
        otherwise.

    Returns
    -------
    DistMatrix
        Of the mask's distribution and the common dtype of `x` and `y`.

    Notes
    -----
    Collective over ``mask.grid.comm``; nothing moves where the operands are dealt out alike.
    """
    if not isinstance(mask, DistMask):
        raise InvalidArgument(
            f"where: mask must be a DistMask: got {type(mask).__name__} (A != 0 is one)"
        )
    for other in (x, y):  # local, and the same on every rank
        if not is_operand(other):
            raise InvalidArgument(
                f"where: x and y must be DistMatrix or numbers: got {type(other).__name__}"
            )
    found: DistMatrix = apply("where", _Where(), [mask, x, y])
    return found


@dataclass(frozen=True)
class _Assign:
    """A number where a mask is True."""

    value: Any
    target: np.dtype[Any]
    shapes: tuple[tuple[int, int], tuple[int, int]]

    def dtypes(self, samples: list[Any]) -> list[np.dtype[Any]]:
        number_of(self.value, self.target)
        if self.shapes[0] != self.shapes[1]:
            raise ShapeError(
                f"assign: a mask must have the shape {self.shapes[1]}: got {self.shapes[0]}"
            )
        return [self.target]

    def run(self, operands: list[Any], results: list[npt.NDArray[Any]]) -> None:
        np.copyto(results[0], number_of(self.value, self.target), where=operands[0])


def assign_where(a: Dealt, mask: DistMask, value: Any) -> None:
    """``A[mask] = value``. Collective."""
    if isinstance(value, Dealt):
        raise InvalidArgument(
            "assign: value must be a number where the key is a mask: got a DistMatrix "
            "(A[:] = mt.where(mask, B, A))"
        )
    kernel = _Assign(value, a.dtype, (mask.shape, a.shape))
    apply("assign", kernel, [mask, value if is_operand(value) else 0], (a,))
