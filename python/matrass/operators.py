# SPDX-License-Identifier: BSD-3-Clause
"""Operators and NumPy's protocols of `DistMatrix` and `DistMask`.

Next: ``reductions.py``, ``mask.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np

from matrass.elementwise import Dealt, UfuncKernel, apply, is_operand

if TYPE_CHECKING:
    from matrass.mask import DistMask
    from matrass.matrix import DistMatrix

__all__ = ["Arithmetic", "NumPyProtocols"]

_METHODS = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_and": "all",
    "logical_or": "any",
}


def _call(ufunc: np.ufunc, *operands: Any) -> Any:
    if not all(is_operand(x) for x in operands):
        return NotImplemented
    return apply(ufunc.__name__, UfuncKernel(ufunc), list(operands))


def _fill(ufunc: np.ufunc, a: Any, b: Any) -> Any:
    """``a = ufunc(a, b)`` in a's own memory."""
    if not is_operand(b):
        return NotImplemented
    apply(ufunc.__name__, UfuncKernel(ufunc), [a, b], (a,))
    return a


def _compare(ufunc: np.ufunc, symbol: str, a: Any, b: Any) -> Any:
    """Not NotImplemented: for == that would be a silent False."""
    if not is_operand(b):
        raise TypeError(
            f"{symbol}: a {type(a).__name__} is compared elementwise, with a DistMatrix, a number "
            f"or a row or column of numbers: got {type(b).__name__}"
        )
    return apply(ufunc.__name__, UfuncKernel(ufunc), [a, b])


class NumPyProtocols(Dealt):
    """What NumPy's functions and comparisons do."""

    __hash__ = None  # type: ignore[assignment]

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple[Any, ...] = (), **given: Any
    ) -> Any:
        """``np.sqrt(A)``, ``np.add(A, B, out=C)``; of keywords, `out` alone."""
        name = ufunc.__name__
        if method != "__call__":
            hint = f" (A.{_METHODS[name]}(axis))" if name in _METHODS else ""
            raise TypeError(f"numpy.{name}.{method} is not defined for a DistMatrix{hint}")
        if given:
            raise TypeError(
                f"numpy.{name}: of keywords, out= alone is defined for a DistMatrix: got "
                f"{', '.join(given)} (mt.where chooses elements, A.astype converts)"
            )
        if ufunc is np.matmul:
            return _matmul(inputs, out)
        if ufunc.signature is not None:
            raise TypeError(f"numpy.{name} is not defined for a DistMatrix (see mt.linalg)")
        if not all(is_operand(x) for x in inputs):
            return NotImplemented
        return apply(name, UfuncKernel(ufunc), list(inputs), out)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """``np.sum(A)``, ``np.where(mask, A, B)``: the functions of `numpy_functions`."""
        from matrass.numpy_functions import call

        return call(func, types, args, kwargs)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"pickle: a {type(self).__name__} cannot be pickled: its parts are on the ranks "
            "(A.numpy() gathers it, A.tiles() are this rank's parts)"
        )

    def __bool__(self) -> bool:
        raise TypeError(
            f"the truth value of a {type(self).__name__} is ambiguous: use any() or all() of a mask"
        )

    def __eq__(self, other: object) -> DistMask:  # type: ignore[override]
        found: DistMask = _compare(np.equal, "==", self, other)
        return found

    def __ne__(self, other: object) -> DistMask:  # type: ignore[override]
        found: DistMask = _compare(np.not_equal, "!=", self, other)
        return found


def _matmul(inputs: tuple[Any, ...], out: tuple[Any, ...]) -> DistMatrix:
    from matrass.linalg import matmul

    if any(isinstance(x, np.ndarray) for x in inputs):
        raise TypeError(
            "matmul: operands must be DistMatrix: got ndarray "
            "(mt.from_global makes one of an array)"
        )
    return matmul(inputs[0], inputs[1], out=out[0] if out else None)


class Arithmetic(NumPyProtocols):
    """Arithmetic and order; in-place operators write into the matrix's own memory."""

    def __add__(self, other: Any) -> DistMatrix:
        return _call(np.add, self, other)  # type: ignore[no-any-return]

    def __radd__(self, other: Any) -> DistMatrix:
        return _call(np.add, other, self)  # type: ignore[no-any-return]

    def __iadd__(self, other: Any) -> Self:
        return _fill(np.add, self, other)  # type: ignore[no-any-return]

    def __sub__(self, other: Any) -> DistMatrix:
        return _call(np.subtract, self, other)  # type: ignore[no-any-return]

    def __rsub__(self, other: Any) -> DistMatrix:
        return _call(np.subtract, other, self)  # type: ignore[no-any-return]

    def __isub__(self, other: Any) -> Self:
        return _fill(np.subtract, self, other)  # type: ignore[no-any-return]

    def __mul__(self, other: Any) -> DistMatrix:
        return _call(np.multiply, self, other)  # type: ignore[no-any-return]

    def __rmul__(self, other: Any) -> DistMatrix:
        return _call(np.multiply, other, self)  # type: ignore[no-any-return]

    def __imul__(self, other: Any) -> Self:
        return _fill(np.multiply, self, other)  # type: ignore[no-any-return]

    def __truediv__(self, other: Any) -> DistMatrix:
        return _call(np.true_divide, self, other)  # type: ignore[no-any-return]

    def __rtruediv__(self, other: Any) -> DistMatrix:
        return _call(np.true_divide, other, self)  # type: ignore[no-any-return]

    def __itruediv__(self, other: Any) -> Self:
        return _fill(np.true_divide, self, other)  # type: ignore[no-any-return]

    def __floordiv__(self, other: Any) -> DistMatrix:
        return _call(np.floor_divide, self, other)  # type: ignore[no-any-return]

    def __rfloordiv__(self, other: Any) -> DistMatrix:
        return _call(np.floor_divide, other, self)  # type: ignore[no-any-return]

    def __ifloordiv__(self, other: Any) -> Self:
        return _fill(np.floor_divide, self, other)  # type: ignore[no-any-return]

    def __mod__(self, other: Any) -> DistMatrix:
        return _call(np.remainder, self, other)  # type: ignore[no-any-return]

    def __rmod__(self, other: Any) -> DistMatrix:
        return _call(np.remainder, other, self)  # type: ignore[no-any-return]

    def __imod__(self, other: Any) -> Self:
        return _fill(np.remainder, self, other)  # type: ignore[no-any-return]

    def __divmod__(self, other: Any) -> tuple[DistMatrix, DistMatrix]:
        return _call(np.divmod, self, other)  # type: ignore[no-any-return]

    def __rdivmod__(self, other: Any) -> tuple[DistMatrix, DistMatrix]:
        return _call(np.divmod, other, self)  # type: ignore[no-any-return]

    def __pow__(self, other: Any) -> DistMatrix:
        return _call(np.power, self, other)  # type: ignore[no-any-return]

    def __rpow__(self, other: Any) -> DistMatrix:
        return _call(np.power, other, self)  # type: ignore[no-any-return]

    def __ipow__(self, other: Any) -> Self:
        return _fill(np.power, self, other)  # type: ignore[no-any-return]

    def __pos__(self) -> DistMatrix:
        return _call(np.positive, self)  # type: ignore[no-any-return]

    def __neg__(self) -> DistMatrix:
        return _call(np.negative, self)  # type: ignore[no-any-return]

    def __abs__(self) -> DistMatrix:
        return _call(np.absolute, self)  # type: ignore[no-any-return]

    def __lt__(self, other: Any) -> DistMask:
        return _compare(np.less, "<", self, other)  # type: ignore[no-any-return]

    def __le__(self, other: Any) -> DistMask:
        return _compare(np.less_equal, "<=", self, other)  # type: ignore[no-any-return]

    def __gt__(self, other: Any) -> DistMask:
        return _compare(np.greater, ">", self, other)  # type: ignore[no-any-return]

    def __ge__(self, other: Any) -> DistMask:
        return _compare(np.greater_equal, ">=", self, other)  # type: ignore[no-any-return]

    def __matmul__(self, other: Any) -> DistMatrix:
        if not isinstance(other, (Arithmetic, np.ndarray)):
            return NotImplemented
        return _matmul((self, other), ())

    def __rmatmul__(self, other: Any) -> DistMatrix:
        if isinstance(other, np.ndarray):
            return _matmul((other, self), ())
        return NotImplemented

    def conj(self) -> DistMatrix:
        """The conjugate, in new memory. Collective over ``grid.comm``; nothing moves."""
        return _call(np.conjugate, self)  # type: ignore[no-any-return]
