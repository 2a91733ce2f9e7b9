# SPDX-License-Identifier: BSD-3-Clause
"""Reductions: over the whole matrix, or along columns or rows.

Next: ``mask.py``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed
from matrass.bootstrap.which_mpi import load_core
from matrass.elementwise import Dealt, wrap
from matrass.errors import DTypeError, InvalidArgument, ShapeError

if TYPE_CHECKING:
    from matrass import _core

__all__ = ["Lines", "Reductions", "axis_of", "reduced"]

_Array = npt.NDArray[Any]
_PANEL_BYTES = 1 << 19  # of double precision: stays in the cache


def axis_of(axis: Any, name: str) -> int | None:
    """Read an axis argument: 0 along columns, 1 along rows, None for both."""
    read: Any = axis
    if isinstance(axis, tuple):
        axes = sorted({_index(k, axis, name) for k in axis})
        if len(axes) != len(axis) or not axes:
            raise InvalidArgument(f"{name}: axes must differ: got {axis!r}")
        return None if len(axes) == 2 else axes[0]
    return None if read is None else _index(read, axis, name)


def _index(k: Any, axis: Any, name: str) -> int:
    try:
        read = -3 if isinstance(k, (bool, np.bool_)) else operator.index(k)
    except TypeError:
        read = -3
    if not -2 <= read < 2:
        raise InvalidArgument(f"{name}: axis must be None, 0 or 1: got {axis!r}")
    return read % 2


class Lines:
    """The lines that a reduction leaves, and sums over the ranks that share them.

    Parameters
    ----------
    a : DistMatrix or DistMask
    axis : int or None
        0: the columns are left, 1: the rows, None: one line of all elements.
    """

    def __init__(self, a: Dealt, axis: int | None) -> None:
        dealt = a._dealt
        self.axis, self.grid, self.a = axis, a.grid, a
        self.result = dealt.aligned(axis != 1, axis != 0)
        self.speaks = dealt.is_first_replica
        self.length = a.shape[0] * a.shape[1] if axis is None else a.shape[axis]
        self.shared = axis is None or (dealt.row_places if axis == 0 else dealt.col_places) > 1
        """Whether ranks have parts of one line: else each has whole lines, and nothing is sent."""
        self.count = 1 if axis is None else a.shape[1 - axis]
        if axis is None:
            self.mine = self.of_result = np.zeros(1, np.int64)
        elif axis == 0:
            self.mine, self.of_result = dealt.local_cols, self.result.local_cols
        else:
            self.mine, self.of_result = dealt.local_rows, self.result.local_rows

    def local(self, reduce: Callable[[_Array, int | None], Any]) -> _Array:
        """``reduce(part, axis)`` of this rank's part, one number for each of its lines."""
        return np.atleast_1d(np.asarray(reduce(self.a.local, self.axis)))

    def combine(self, partial: _Array, op: str, neutral: float) -> _Array:
        """Reduce over the ranks that share lines; each row of `partial` for itself. Collective.

        Columns of the result are all lines of the matrix, or, where nothing is shared, this rank's.
        """
        if not self.shared:
            return partial
        whole = np.full((len(partial), self.count), neutral, partial.dtype)
        if self.speaks:
            whole[:, self.mine] = partial
        load_core().allreduce(self.grid._core, whole, op)
        return whole

    def along(self, values: _Array) -> _Array:
        """One number a line, as `combine` gives them, shaped to broadcast with this rank's part."""
        mine = values[self.mine] if self.shared else values
        return mine[:, np.newaxis] if self.axis == 1 else mine[np.newaxis, :]

    def as_result(self, values: _Array) -> _Array:
        """One number a line, as `combine` gives them, as this rank's part of the result."""
        mine = values[self.of_result] if self.shared else values
        return mine.reshape(self.result.local_shape)


def _panels(part: _Array) -> Iterator[tuple[slice, slice]]:
    """Pieces of a part that fit the cache, in the order of memory."""
    m, n = part.shape
    by_columns = part.strides[0] <= part.strides[1]
    length, count = (m, n) if by_columns else (n, m)
    width = max(1, _PANEL_BYTES // max(1, 16 * length))
    for at in range(0, count, width):
        some = slice(at, at + width)
        yield (slice(None), some) if by_columns else (some, slice(None))


def _wide(dtype: np.dtype[Any]) -> type:
    return np.complex128 if dtype.kind == "c" else np.float64


def _real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.empty(0, dtype).real.dtype


def _deviations(lines: Lines, means: _Array) -> _Array:
    """Of each line of this rank: sums of x - mean, and of its squared modulus."""
    part, wide = lines.a.local, _wide(lines.a.dtype)
    found: _Array = np.zeros((2, len(lines.mine)), wide)
    centre = np.broadcast_to(lines.along(means), part.shape)
    for rows, cols in _panels(part):
        d = np.subtract(part[rows, cols], centre[rows, cols], dtype=wide)
        at = slice(None) if lines.axis is None else (cols if lines.axis == 0 else rows)
        found[0, at] += d.sum(axis=lines.axis)
        squares = d.real**2 + d.imag**2 if wide is np.complex128 else d * d
        found[1, at] += squares.sum(axis=lines.axis)
    return found


class Reductions(Dealt):
    """Sums, means, deviations and extremes of a matrix.

    Each is collective over ``grid.comm``. Over everything (axis None) the result is a NumPy scalar,
    the same on every rank. Along an axis it is a DistMatrix of one row (axis 0) or one column (1)
    that lies where the columns or rows of the matrix do, so that ``A - A.mean(0)`` moves nothing.
    Accumulated in double precision; replicas count once; NaN is passed on. Ranks send one number a
    line, as many as the matrix has, and nothing where each has whole lines.
    """

    def sum(self, axis: int | None = None) -> Any:
        """The sum of the elements, of the matrix's dtype; 0 of none."""
        return _sums(self, axis, "sum", lambda _, x: x)

    def mean(self, axis: int | None = None) -> Any:
        """The mean of the elements, of the matrix's dtype; NaN of none."""
        return _sums(self, axis, "mean", lambda lines, x: x / lines.length)

    def prod(self, axis: int | None = None) -> Any:
        """The product of the elements; 1 of none."""
        wide = _wide(self.dtype)

        def local(lines: Lines) -> _Array:
            return lines.local(lambda x, k: x.prod(axis=k, dtype=wide))

        return reduced(self, axis, "prod", local, lambda _, x: x, op="prod")

    def var(self, axis: int | None = None, ddof: int = 0) -> Any:
        """The mean of ``|x - mean|**2``, divided by count - ddof. In two passes: no cancellation.

        Real, of the matrix's precision. NaN where no degree of freedom is left.
        """
        return _variance(self, axis, ddof, "var")

    def std(self, axis: int | None = None, ddof: int = 0) -> Any:
        """The standard deviation: the square root of `var`."""
        return _variance(self, axis, ddof, "std")

    def max(self, axis: int | None = None) -> Any:
        """The largest element of a real matrix; NaN if there is one."""
        return _extreme(self, axis, "max")

    def min(self, axis: int | None = None) -> Any:
        """The smallest element of a real matrix; NaN if there is one."""
        return _extreme(self, axis, "min")

    def argmax(self) -> np.int64:
        """Where the largest element is first, as NumPy counts: ``divmod(A.argmax(), n)``."""
        return _argument(self, "max")

    def argmin(self) -> np.int64:
        """Where the smallest element is first; see `argmax`."""
        return _argument(self, "min")


_NEUTRAL = {"sum": 0.0, "prod": 1.0, "max": -np.inf}


def reduced(
    a: Dealt,
    axis: Any,
    name: str,
    local: Callable[[Lines], _Array],
    finish: Callable[[Lines, _Array], _Array],
    *,
    op: Literal["sum", "prod", "max"] = "sum",
    dtype: np.dtype[Any] | None = None,
    also: Callable[[], Any] = lambda: None,
) -> Any:
    """One reduction.

    The arguments (and `also`) are agreed on, with ``local(lines)`` done and the result allocated.
    Then the rows of what that gave are combined by `op`, and ``finish(lines, combined)``, which may
    be collective but cannot fail, makes one number a line of them. Collective.
    """
    kind = a.dtype if dtype is None else dtype
    lines: Lines
    partial: _Array
    result: _core.Matrix | None = None

    def read() -> tuple[Any, ...]:
        nonlocal lines, partial, result
        read_axis, told = axis_of(axis, name), also()
        lines = Lines(a, read_axis)
        partial = np.atleast_2d(local(lines))
        if read_axis is not None:
            result = lines.result.allocate(load_core().scalar_code(kind))
        return read_axis, a._dealt.text, str(a.dtype), told

    with np.errstate(all="ignore"):
        agreed(a.grid._core, name, read)
        found = finish(lines, lines.combine(partial, op, _NEUTRAL[op]))
        values = found[0] if found.ndim == 2 else found
        if result is None:
            return kind.type(values[0])
        result.local[...] = lines.as_result(values)
    return wrap(result, a.grid)


def _sums(a: Dealt, axis: Any, name: str, finish: Callable[[Lines, _Array], _Array]) -> Any:
    wide = _wide(a.dtype)
    return reduced(
        a, axis, name, lambda lines: lines.local(lambda x, k: x.sum(axis=k, dtype=wide)), finish
    )


def _variance(a: Dealt, axis: Any, ddof: Any, name: str) -> Any:
    wide = _wide(a.dtype)

    def freedom() -> float:
        if isinstance(ddof, bool) or not isinstance(ddof, (int, float, np.integer, np.floating)):
            raise InvalidArgument(f"{name}: ddof must be a number: got {ddof!r}")
        return float(ddof)

    def finish(lines: Lines, sums: _Array) -> _Array:
        means = sums[0] / lines.length
        rest, squares = lines.combine(_deviations(lines, means), "sum", 0)
        # What the means have left by rounding is taken off, too.
        total = np.maximum(squares.real - np.abs(rest) ** 2 / lines.length, 0)
        variance: _Array = total / max(lines.length - float(ddof), 0)
        return np.sqrt(variance) if name == "std" else variance

    return reduced(
        a,
        axis,
        name,
        lambda lines: lines.local(lambda x, k: x.sum(axis=k, dtype=wide)),
        finish,
        dtype=_real(a.dtype),
        also=freedom,
    )


def _require_order(a: Dealt, name: str, length: int) -> None:
    if a.dtype.kind == "c":
        raise DTypeError(f"{name}: A must be real: got {a.dtype} (abs(A), A.real and A.imag are)")
    if length == 0:
        raise ShapeError(f"{name}: there must be elements: got shape {a.shape}")


def _extreme(a: Dealt, axis: Any, name: str) -> Any:
    sign = 1.0 if name == "max" else -1.0

    def local(lines: Lines) -> _Array:
        _require_order(a, name, lines.length)
        reduce: Any = np.max if name == "max" else np.min
        found = sign * lines.local(lambda x, k: reduce(x, axis=k, initial=-sign * np.inf))
        # MPI's maximum of NaN is undefined: they travel apart.
        nan = np.isnan(found)
        both: _Array = np.stack([np.where(nan, -np.inf, found), nan]).astype(np.float64)
        return both

    def finish(_: Lines, found: _Array) -> _Array:
        return np.where(found[1] > 0, np.nan, sign * found[0])

    return reduced(a, axis, name, local, finish, op="max")


def _argument(a: Dealt, name: str) -> np.int64:
    routine = f"arg{name}"
    agreed(a.grid._core, routine, lambda: _require_order(a, routine, a.shape[0] * a.shape[1]))
    value = _extreme(a, None, name)
    first = np.array([np.iinfo(np.int64).max])

    def find() -> None:
        part = a.local
        hits = np.isnan(part) if np.isnan(value) else part == value
        rows = hits.any(axis=1)
        if rows.any():
            i = int(rows.argmax())
            j = int(hits[i].argmax())
            first[0] = a._dealt.local_rows[i] * a.shape[1] + a._dealt.local_cols[j]

    agreed(a.grid._core, routine, find)
    load_core().allreduce(a.grid._core, first, "min")
    return np.int64(first[0])
