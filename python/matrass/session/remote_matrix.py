# SPDX-License-Identifier: BSD-3-Clause
"""Handles of matrices that a session's ranks hold, with NumPy's manners.

A handle knows shape, dtype and layout; the elements stay where they are. Operators, ufuncs and the
routines of `matrass.linalg` run on the ranks and give handles. Next: ``session.py``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt

from matrass.errors import InvalidArgument, ShapeError
from matrass.layout import Layout
from matrass.session.held import Held

if TYPE_CHECKING:
    from matrass.linalg import Certificate
    from matrass.session.session import Session

__all__ = ["Handle", "RemoteMask", "RemoteMatrix", "RemoteSparse"]


class Handle(Held):
    """A matrix or a mask that the ranks of a session hold."""

    def __init__(self, session: Session, words: dict[str, Any]) -> None:
        super().__init__(session, words)
        self.shape: tuple[int, int] = tuple(words["shape"])
        self.name: str | None = None

    def _call(self, routine: str, *args: Any, **kwargs: Any) -> Any:
        return self.session.call(routine, self, *args, **kwargs)

    def __bool__(self) -> bool:
        raise TypeError(
            f"the truth value of a {type(self).__name__} is ambiguous: use any() or all() of a mask"
        )

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} is no array: its elements are on the ranks "
            "(A.to_numpy() fetches them)"
        )

    __hash__ = object.__hash__


def _method(name: str) -> Callable[..., Any]:
    def method(self: Handle, *args: Any, **kwargs: Any) -> Any:
        return self._call(f"matrix.{name}", *args, **kwargs)

    method.__name__ = name
    method.__qualname__ = f"RemoteMatrix.{name}"
    method.__doc__ = f"On the ranks: `DistMatrix.{name}`."
    return method


def _operator(name: str) -> Callable[..., Any]:
    """An operator says NotImplemented to what has no place on the ranks."""

    def method(self: Handle, *others: Any) -> Any:
        if not all(isinstance(x, Handle | int | float | complex | np.generic) for x in others) and (
            not all(isinstance(x, Handle) or (np.ndim(x) <= 2 and _numbers(x)) for x in others)
        ):
            return NotImplemented
        return self._call(f"matrix.{name}", *others)

    method.__name__ = name
    method.__qualname__ = f"RemoteMatrix.{name}"
    return method


def _numbers(x: Any) -> bool:
    return isinstance(x, np.ndarray | list | tuple) and np.asarray(x).dtype.kind in "biufc"


def _in_place(name: str) -> Callable[..., Any]:
    def method(self: Handle, other: Any) -> Any:
        self._call(f"matrix.{name}", other).free()
        return self

    method.__name__ = name
    method.__qualname__ = f"RemoteMatrix.{name}"
    return method


class _Arithmetic(Handle):
    """Operators, and NumPy's functions."""

    __add__ = _operator("__add__")
    __radd__ = _operator("__radd__")
    __sub__ = _operator("__sub__")
    __rsub__ = _operator("__rsub__")
    __mul__ = _operator("__mul__")
    __rmul__ = _operator("__rmul__")
    __truediv__ = _operator("__truediv__")
    __rtruediv__ = _operator("__rtruediv__")
    __floordiv__ = _operator("__floordiv__")
    __rfloordiv__ = _operator("__rfloordiv__")
    __mod__ = _operator("__mod__")
    __rmod__ = _operator("__rmod__")
    __divmod__ = _operator("__divmod__")
    __rdivmod__ = _operator("__rdivmod__")
    __pow__ = _operator("__pow__")
    __rpow__ = _operator("__rpow__")
    __matmul__ = _operator("__matmul__")
    __rmatmul__ = _operator("__rmatmul__")
    __and__ = _operator("__and__")
    __rand__ = _operator("__rand__")
    __or__ = _operator("__or__")
    __ror__ = _operator("__ror__")
    __xor__ = _operator("__xor__")
    __rxor__ = _operator("__rxor__")
    __lt__ = _operator("__lt__")
    __le__ = _operator("__le__")
    __gt__ = _operator("__gt__")
    __ge__ = _operator("__ge__")
    __eq__ = _operator("__eq__")
    __ne__ = _operator("__ne__")
    __pos__ = _operator("__pos__")
    __neg__ = _operator("__neg__")
    __abs__ = _operator("__abs__")
    __invert__ = _operator("__invert__")

    __hash__ = None  # type: ignore[assignment]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or "out" in options:
            raise TypeError(f"numpy.{ufunc.__name__}: only plain calls are defined for a handle")
        return self.session.call("ufunc", ufunc, *inputs, **options)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from matrass.numpy_functions import names

        name = f"{func.__module__}.{func.__name__}"
        if name not in names():
            raise TypeError(f"{name} is not defined for a handle (A.to_numpy() fetches the matrix)")
        return self.session.call(name, *args, **kwargs)


class RemoteMask(_Arithmetic):
    """A handle of a mask: the truth of a comparison, element by element."""

    any = _method("any")
    all = _method("all")
    sum = _method("sum")
    count_nonzero = _method("count_nonzero")

    def to_numpy(self) -> npt.NDArray[np.bool_]:
        """The whole mask."""
        found: npt.NDArray[np.bool_] = self._call("matrix.numpy", None)
        return found

    def __repr__(self) -> str:
        return f"RemoteMask({self.shape[0]} x {self.shape[1]})"


class RemoteMatrix(_Arithmetic):
    """A handle of a distributed matrix.

    Attributes
    ----------
    session : Session
    shape : (int, int)
    dtype : dtype
    layout : Layout
    block : (int, int)
    id : str
        By which the ranks know it.
    name : str or None
        By which people know it: ``session.matrix(name)``.
    nbytes : int
    order : {"C", "F"}
        How the ranks' parts lie in memory.
    is_by_rows : bool
        Whether rank r of p holds the rows from r h to (r + 1) h, h = m / p rounded up.
    certificate : Certificate or None
    """

    def __init__(self, session: Session, words: dict[str, Any]) -> None:
        super().__init__(session, words)
        self.dtype: np.dtype[Any] = np.dtype(words["dtype"])
        self.layout = Layout(words["layout"])
        self.block: tuple[int, int] = tuple(words["block"])
        self.nbytes: int = words["nbytes"]
        self.order: Literal["C", "F"] = words["order"]
        self.is_by_rows: bool = words["by_rows"]
        self.certificate: Certificate | None = None
        if "certificate" in words:
            from matrass.linalg import Certificate

            self.certificate = Certificate(*words["certificate"])

    ndim = 2

    to = _method("to")
    astype = _method("astype")
    copy = _method("copy")
    norm = _method("norm")
    sum = _method("sum")
    prod = _method("prod")
    mean = _method("mean")
    var = _method("var")
    std = _method("std")
    max = _method("max")
    min = _method("min")
    argmax = _method("argmax")
    argmin = _method("argmin")
    any = _method("any")
    all = _method("all")
    conj = _method("conj")
    __iadd__ = _in_place("__iadd__")
    __isub__ = _in_place("__isub__")
    __imul__ = _in_place("__imul__")
    __itruediv__ = _in_place("__itruediv__")
    __ifloordiv__ = _in_place("__ifloordiv__")
    __imod__ = _in_place("__imod__")
    __ipow__ = _in_place("__ipow__")

    @property
    def size(self) -> int:
        """How many elements it has."""
        return self.shape[0] * self.shape[1]

    @property
    def T(self) -> RemoteMatrix:  # noqa: N802
        """The transposed matrix: a view, which shares its elements."""
        view: RemoteMatrix = self._call("matrix.T")
        return view

    @property
    def H(self) -> RemoteMatrix:  # noqa: N802
        """The conjugate transpose."""
        view: RemoteMatrix = self._call("matrix.H")
        return view

    @property
    def real(self) -> RemoteMatrix:
        """The real part."""
        part: RemoteMatrix = self._call("matrix.real")
        return part

    @property
    def imag(self) -> RemoteMatrix:
        """The imaginary part."""
        part: RemoteMatrix = self._call("matrix.imag")
        return part

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> NoReturn:
        raise TypeError("a RemoteMatrix is not iterable: each row would be a call")

    def __getitem__(self, key: Any) -> Any:
        """A view on rows and columns, or one element, as of a `DistMatrix`."""
        return self._call("matrix.__getitem__", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._call("matrix.__setitem__", key, value)

    def to_numpy(self, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """The whole matrix as a NumPy array of this process.

        Parameters
        ----------
        out : ndarray, optional
            Filled and returned: of this shape and dtype, C- or F-contiguous.
        """
        return self.session._fetch(self, out)

    def numpy(self, root: int | None = 0) -> npt.NDArray[Any]:
        """The same as `to_numpy`: for code that is written for a `DistMatrix`."""
        return self.to_numpy()

    def rows(self, i0: int, i1: int) -> npt.NDArray[Any]:
        """Rows i0 to i1 (not included) as a NumPy array."""
        if not 0 <= i0 <= i1 <= self.shape[0]:
            raise InvalidArgument(f"rows: must lie within {self.shape[0]} rows: got {i0}:{i1}")
        part: RemoteMatrix = self[i0:i1]
        return part.to_numpy()

    def room(self, out: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
        """An array for all of it: `out`, where that fits, or a new one."""
        if out is None:
            return np.empty(self.shape, self.dtype, order=self.order)
        if out.shape != self.shape or out.dtype != self.dtype:
            raise ShapeError(
                f"to_numpy: out must have shape {self.shape} and dtype {self.dtype}: got "
                f"{out.shape} and {out.dtype}"
            )
        return out

    def to_dask(self) -> Any:
        """The matrix as a Dask array, of a session of Dask workers."""
        return self.session.to_dask(self)

    def to_spark(self, spark: Any, form: str = "dataframe", partitions: int | None = None) -> Any:
        """The matrix in Spark: as a DataFrame of (index, vector), or MLlib's.

        Parameters
        ----------
        spark : pyspark.sql.SparkSession
        form : {"dataframe", "indexedrow", "block"}
        partitions : int, optional
            By default as many as there are ranks.

        Notes
        -----
        Spark's tasks fetch the rows from the ranks; when this returns they are in Spark's storage.
        """
        return importlib.import_module("matrass.spark.back").to_spark(self, spark, form, partitions)

    def __repr__(self) -> str:
        named = f" {self.name!r}" if self.name else ""
        return (
            f"RemoteMatrix{named}({self.shape[0]} x {self.shape[1]}, {self.dtype}, {self.layout}, "
            f"on {len(self.session.ranks)} ranks)"
        )


class RemoteSparse(Handle):
    """A handle of a distributed sparse matrix."""

    def __init__(self, session: Session, words: dict[str, Any]) -> None:
        super().__init__(session, words)
        self.dtype: np.dtype[Any] = np.dtype(words["dtype"])
        self.nnz: int = words["nnz"]
        self.nbytes: int = words["nbytes"]

    to_dense = _method("to_dense")
    norm = _method("norm")
    sum = _method("sum")
    astype = _method("astype")
    copy = _method("copy")
    conj = _method("conj")
    normal_product = _method("normal_product")
    __neg__ = _method("__neg__")
    __mul__ = _method("__mul__")
    __rmul__ = _method("__rmul__")
    __truediv__ = _method("__truediv__")
    __matmul__ = _method("__matmul__")
    __rmatmul__ = _method("__rmatmul__")
    __getitem__ = _method("__getitem__")

    @property
    def T(self) -> RemoteSparse:  # noqa: N802
        """The transposed matrix: a view."""
        view: RemoteSparse = self._call("matrix.T")
        return view

    def __repr__(self) -> str:
        return f"RemoteSparse({self.shape[0]} x {self.shape[1]}, {self.dtype}, {self.nnz} entries)"
