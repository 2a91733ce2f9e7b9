# SPDX-License-Identifier: BSD-3-Clause
"""The functions of NumPy that take a DistMatrix, beside ufuncs: a list, and an error for others.

A function that is not here would have to gather the matrix: that is asked for, never done silently.
Next: ``random.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed
from matrass.bootstrap.which_mpi import load_core
from matrass.elementwise import Dealt, apply, wrap
from matrass.errors import InvalidArgument, ShapeError
from matrass.linalg import norm
from matrass.mask import DistMask, where
from matrass.matrix import DistMatrix

__all__ = ["call", "names"]

_FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def _for(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def note(f: Callable[..., Any]) -> Callable[..., Any]:
        _FUNCTIONS.update(dict.fromkeys(functions, f))
        return f

    return note


def call(func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """What ``func(*args, **kwargs)`` is where a DistMatrix or a mask is among the arguments."""
    if not all(issubclass(t, (Dealt, np.ndarray, np.generic)) for t in types):
        return NotImplemented
    name = f"{func.__module__}.{func.__name__}"
    mine = _FUNCTIONS.get(func)
    if mine is None:
        raise TypeError(
            f"{name} is not defined for a DistMatrix (A.numpy() gathers it, A.local is this rank's "
            "part)"
        )
    try:
        return mine(*args, **kwargs)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        text = str(error).replace(f"{mine.__name__}()", f"{name} of a DistMatrix:")
        raise TypeError(text) from None


def names() -> list[str]:
    """The functions that `call` knows, by name."""
    return sorted({f"{f.__module__}.{f.__name__}" for f in _FUNCTIONS})


# Reductions: as methods; what they leave stays two-dimensional.


@_for(np.sum)
def _sum(a: Any, axis: Any = None) -> Any:
    return a.sum(axis)


@_for(np.prod)
def _prod(a: Any, axis: Any = None) -> Any:
    return a.prod(axis)


@_for(np.mean)
def _mean(a: Any, axis: Any = None) -> Any:
    return a.mean(axis)


@_for(np.var)
def _var(a: Any, axis: Any = None, *, ddof: float = 0) -> Any:
    return a.var(axis, ddof=ddof)


@_for(np.std)
def _std(a: Any, axis: Any = None, *, ddof: float = 0) -> Any:
    return a.std(axis, ddof=ddof)


@_for(np.max, np.amax)
def _max(a: Any, axis: Any = None) -> Any:
    return a.max(axis)


@_for(np.min, np.amin)
def _min(a: Any, axis: Any = None) -> Any:
    return a.min(axis)


@_for(np.argmax)
def _argmax(a: Any) -> Any:
    return a.argmax()


@_for(np.argmin)
def _argmin(a: Any) -> Any:
    return a.argmin()


@_for(np.any)
def _any(a: Any, axis: Any = None) -> Any:
    return _as_mask(a).any(axis)


@_for(np.all)
def _all(a: Any, axis: Any = None) -> Any:
    return _as_mask(a).all(axis)


@_for(np.count_nonzero)
def _count_nonzero(a: Any, axis: Any = None) -> Any:
    return _as_mask(a).sum(axis)


def _as_mask(a: Any) -> DistMask:
    return a if isinstance(a, DistMask) else a != 0


@_for(np.linalg.norm)
def _norm(x: Any, ord: Any = None) -> Any:  # noqa: A002
    return norm(x, ord)


# What a matrix is.


@_for(np.shape)
def _shape(a: Any) -> tuple[int, int]:
    return a.shape  # type: ignore[no-any-return]


@_for(np.ndim)
def _ndim(a: Any) -> int:
    return 2


@_for(np.size)
def _size(a: Any, axis: Any = None) -> int:
    return a.size if axis is None else a.shape[axis]  # type: ignore[no-any-return]


@_for(np.iscomplexobj)
def _iscomplexobj(x: Any) -> bool:
    return x.dtype.kind == "c"  # type: ignore[no-any-return]


@_for(np.isrealobj)
def _isrealobj(x: Any) -> bool:
    return x.dtype.kind != "c"  # type: ignore[no-any-return]


# Other matrices.


@_for(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Any:
    if axes is not None and [k % 2 for k in axes] != [1, 0]:
        raise InvalidArgument(f"transpose: axes must be None or (1, 0): got {axes!r}")
    return a.T


if hasattr(np, "matrix_transpose"):  # NumPy 2

    @_for(np.matrix_transpose)
    def _matrix_transpose(x: Any) -> Any:
        return x.T


@_for(np.real)
def _real(val: Any) -> Any:
    return val.real


@_for(np.imag)
def _imag(val: Any) -> Any:
    return val.imag


@_for(np.copy)
def _copy(a: Any) -> Any:
    return a.copy()


@dataclass(frozen=True)
class _Fill:
    """A matrix like another one, all of one number."""

    value: Any
    dtype: Any

    def dtypes(self, samples: list[Any]) -> list[np.dtype[Any]]:
        return [samples[0].dtype if self.dtype is None else np.dtype(self.dtype)]

    def run(self, operands: list[Any], results: list[npt.NDArray[Any]]) -> None:
        results[0][...] = self.value


@_for(np.zeros_like, np.empty_like)
def _zeros_like(a: Any, dtype: Any = None) -> Any:
    return apply("zeros_like", _Fill(0, dtype), [a])


@_for(np.ones_like)
def _ones_like(a: Any, dtype: Any = None) -> Any:
    return apply("ones_like", _Fill(1, dtype), [a])


@_for(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None) -> Any:
    return apply("full_like", _FillGiven(dtype), [a, fill_value])


@dataclass(frozen=True)
class _FillGiven:
    """The same of an operand, so that ranks compare it."""

    dtype: Any

    def dtypes(self, samples: list[Any]) -> list[np.dtype[Any]]:
        if np.ndim(samples[1]) != 0:
            raise InvalidArgument("full_like: fill_value must be a number")
        wanted = samples[0].dtype if self.dtype is None else np.dtype(self.dtype)
        if np.iscomplexobj(samples[1]) and wanted.kind != "c":
            raise TypeError(f"fill_value must be real for {wanted}")
        return [wanted]

    def run(self, operands: list[Any], results: list[npt.NDArray[Any]]) -> None:
        results[0][...] = operands[1]


_for(np.where)(where)


@dataclass(frozen=True)
class _Clip:
    """np.clip with both bounds."""

    def dtypes(self, samples: list[Any]) -> list[np.dtype[Any]]:
        return [np.clip(*samples).dtype]

    def run(self, operands: list[Any], results: list[npt.NDArray[Any]]) -> None:
        x, low, high = operands
        np.clip(x, low, high, out=results[0])


@_for(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None) -> Any:
    if a_min is None:
        return a.copy() if a_max is None else np.minimum(a, a_max)
    return np.maximum(a, a_min) if a_max is None else apply("clip", _Clip(), [a, a_min, a_max])


@dataclass(frozen=True)
class _Close:
    """np.isclose."""

    rtol: float
    atol: float
    equal_nan: bool

    def dtypes(self, samples: list[Any]) -> list[np.dtype[Any]]:
        return [np.dtype(np.bool_)]

    def run(self, operands: list[Any], results: list[npt.NDArray[Any]]) -> None:
        a, b = operands[:2]
        results[0][...] = np.isclose(a, b, rtol=self.rtol, atol=self.atol, equal_nan=self.equal_nan)


@_for(np.isclose)
def _isclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    # The tolerances are operands, too: ranks compare them.
    return apply("isclose", _Close(rtol, atol, equal_nan), [a, b, rtol, atol, equal_nan])


@_for(np.allclose)
def _allclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    return _isclose(a, b, rtol, atol, equal_nan).all()  # type: ignore[no-any-return]


@_for(np.array_equal)
def _array_equal(a1: Any, a2: Any) -> bool:
    if np.shape(a1) != np.shape(a2):
        return False
    return (a1 == a2).all()  # type: ignore[no-any-return]


@_for(np.concatenate)
def _concatenate(arrays: Any, axis: int = 0) -> DistMatrix:
    """Matrices one below the other (0) or side by side (1), dealt out in the first one's blocks."""
    given = list(arrays)
    first: Any = next(a for a in given if isinstance(a, Dealt))
    made: list[Any] = []

    def make() -> tuple[Any, ...]:
        if not all(isinstance(a, DistMatrix) for a in given):
            shown = ", ".join(type(a).__name__ for a in given)
            raise InvalidArgument(f"concatenate: all must be DistMatrix: got {shown}")
        if axis not in (0, 1, -1, -2):
            raise InvalidArgument(f"concatenate: axis must be 0 or 1: got {axis!r}")
        k = axis % 2
        if len({a.shape[1 - k] for a in given}) != 1:
            shown = " and ".join(str(a.shape) for a in given)
            raise ShapeError(f"concatenate: shapes must agree along axis {1 - k}: got {shown}")
        if any(a.grid != first.grid for a in given):
            raise InvalidArgument("concatenate: all must lie on one grid")
        core, extent = load_core(), sum(a.shape[k] for a in given)
        shape = (extent, first.shape[1]) if k == 0 else (first.shape[0], extent)
        dtype = np.result_type(*(a.dtype for a in given))
        dealt = core.Distribution(first.grid._core, shape, str(first.layout), first.block)
        made.append(wrap(dealt.allocate(core.scalar_code(dtype)), first.grid))
        return k, dealt.text, *(a._dealt.text for a in given)

    k, *_ = agreed(first.grid._core, "concatenate", make)
    result: DistMatrix = made[0]
    at = 0
    for a in given:
        end = at + a.shape[k]
        core_part = result[at:end, :] if k == 0 else result[:, at:end]
        load_core().copy_into(a._core, core_part._core)
        at = end
    return result
