# SPDX-License-Identifier: BSD-3-Clause
"""Functions of elements: operands are brought to one distribution, the rest is local.

The result lies as the first operand of its shape does (or as `out` does). Operands that lie
elsewhere are redistributed, rows and columns to where the result's columns and rows are. Next:
``operators.py``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed, together
from matrass.arguments import SCALAR_NAMES
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument, ShapeError

if TYPE_CHECKING:
    from matrass import _core
    from matrass.grid import Grid

__all__ = [
    "Dealt",
    "Kernel",
    "UfuncKernel",
    "apply",
    "is_operand",
    "part_of_complex",
    "wrap",
    "wrap_mask",
]

_FLAG = np.dtype(np.bool_)


class Dealt:
    """What is dealt out over a grid: the base of `DistMatrix` and `DistMask`."""

    @property
    def grid(self) -> Grid:
        """The process grid."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the whole."""
        raise NotImplementedError

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        raise NotImplementedError

    @property
    def local(self) -> npt.NDArray[Any]:
        """This rank's part."""
        raise NotImplementedError

    @property
    def _dealt(self) -> _core.Distribution:
        """How it is dealt out."""
        raise NotImplementedError


class Kernel(Protocol):
    """A function of elements, as `apply` runs it."""

    def dtypes(self, samples: list[Any]) -> list[np.dtype[Any]]:
        """The types of the results for operands like `samples`: scalars, and arrays of 0 x 0."""

    def run(self, operands: list[Any], results: list[npt.NDArray[Any]]) -> None:
        """Fill `results`; operands broadcast to their shape."""


@dataclass(frozen=True)
class UfuncKernel:
    """A NumPy ufunc."""

    ufunc: np.ufunc

    def dtypes(self, samples: list[Any]) -> list[np.dtype[Any]]:
        """See `Kernel`."""
        found = self.ufunc(*samples)
        return [x.dtype for x in (found if isinstance(found, tuple) else (found,))]

    def run(self, operands: list[Any], results: list[npt.NDArray[Any]]) -> None:
        """See `Kernel`."""
        self.ufunc(*operands, out=tuple(results), casting="same_kind")


@dataclass(frozen=True)
class _Part:
    """The real or imaginary part."""

    name: str

    def dtypes(self, samples: list[Any]) -> list[np.dtype[Any]]:
        """See `Kernel`."""
        return [samples[0].real.dtype]

    def run(self, operands: list[Any], results: list[npt.NDArray[Any]]) -> None:
        """See `Kernel`."""
        results[0][...] = getattr(operands[0], self.name)


def part_of_complex(a: Dealt, name: str) -> Any:
    """``A.real`` or ``A.imag``; a real matrix is its own real part."""
    return a if name == "real" and a.dtype.kind != "c" else apply(name, _Part(name), [a])


def is_operand(x: Any) -> bool:
    """Whether `apply` takes it: a matrix, a mask, a number or an array."""
    return isinstance(x, (Dealt, bool, int, float, complex, np.generic, np.ndarray))


def wrap(core: _core.Matrix, grid: Grid) -> Any:
    """A DistMatrix of the core's."""
    from matrass.matrix import DistMatrix

    return DistMatrix._wrap(core, grid)


def wrap_mask(dealt: _core.Distribution, local: npt.NDArray[np.bool_], grid: Grid) -> Any:
    """A DistMask with this part."""
    from matrass.mask import DistMask

    return DistMask._of(dealt, local, grid)


def apply(name: str, kernel: Kernel, operands: list[Any], out: tuple[Any, ...] = ()) -> Any:
    """Compute a function of elements.

    Parameters
    ----------
    name : str
        For messages.
    kernel : Kernel
    operands : list
        Matrices and masks on one grid, numbers, and arrays of one row or one column, which are the
        same on every rank. Shapes broadcast.
    out : tuple of DistMatrix or DistMask
        Filled where given; may share elements with operands.

    Returns
    -------
    DistMatrix or DistMask (of bools), or a tuple of these

    Raises
    ------
    InvalidArgument, ShapeError, DTypeError
        On every rank, before anything is computed or moved.

    Notes
    -----
    Collective over ``grid.comm``. Where the operands are dealt out alike, nothing is sent but one
    agreement.
    """
    first = next(x for x in [*operands, *out] if isinstance(x, Dealt))
    grid = first.grid
    run = _Run(name, kernel, operands, out, grid)

    def read() -> tuple[Any, ...]:
        told = run.plan()
        if run.is_local and not out:
            run.compute()
        return told

    agreed(grid._core, name, read)
    if out or not run.is_local:
        run.move()
        together(grid._core, name, run.compute)
    return run.results[0] if len(run.results) == 1 else tuple(run.results)


class _Run:
    """One call of `apply`."""

    def __init__(
        self, name: str, kernel: Kernel, operands: list[Any], out: tuple[Any, ...], grid: Grid
    ) -> None:
        self.name, self.kernel, self.out, self.grid = name, kernel, out, grid
        self.operands = operands
        self.results: list[Any] = []
        self.moves: dict[int, _core.Distribution] = {}
        """Which operands have to be redistributed, and how they are to lie."""
        self.moved: dict[int, _core.Matrix] = {}

    @property
    def is_local(self) -> bool:
        return not self.moves

    def plan(self) -> tuple[Any, ...]:
        """Read the arguments; what is returned is the same on every rank. Local."""
        for x in [*self.operands, *self.out]:
            self._require_operand(x)
        self.operands = [_readable(x) for x in self.operands]
        self.shape = self._broadcast()
        self.dtypes = self._result_dtypes()
        for given, dtype in zip(self.out, self.dtypes, strict=False):
            self._require_fitting(given, dtype)
        self.target = self._target()
        for k, x in enumerate(self.operands):
            if isinstance(x, Dealt):
                row, col = (
                    has == 1 != wanted for has, wanted in zip(x.shape, self.shape, strict=True)
                )
                lies = self.target.aligned(row, col) if row or col else self.target
                if not x._dealt.same_owners(lies):
                    self.moves[k] = lies
        return (self.target.text, *(_told(x) for x in [*self.operands, *self.out]))

    def _require_operand(self, x: Any) -> None:
        if isinstance(x, Dealt):
            if x.grid != self.grid:
                raise InvalidArgument(
                    f"{self.name}: operands must share one process grid: got {self.grid!r} and "
                    f"{x.grid!r} (A.to(..., grid=) moves a matrix to another one)"
                )
        elif isinstance(x, np.ndarray):
            if np.ma.isMaskedArray(x):
                raise InvalidArgument(f"{self.name}: operands must not be masked arrays")
            if x.ndim > 2:
                raise ShapeError(
                    f"{self.name}: arrays must be rows or columns: got shape {x.shape}"
                )
            if x.ndim == 2 and 1 not in x.shape:
                raise InvalidArgument(
                    f"{self.name}: arrays must be rows or columns that all ranks have, or numbers: "
                    f"got ndarray of shape {x.shape} (mt.from_global makes a DistMatrix of one)"
                )
            if x.dtype.kind not in "biufc":
                raise DTypeError(f"{self.name}: arrays must hold numbers: got {x.dtype}")

    def _broadcast(self) -> tuple[int, int]:
        shapes = [x.shape for x in self.operands if isinstance(x, (Dealt, np.ndarray))]
        shapes = shapes or [self.out[0].shape]  # np.add(1, 2, out=A)
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            shown = " and ".join(str(s) for s in shapes)
            raise ShapeError(f"{self.name}: shapes must broadcast: got {shown}") from None
        for given in self.out:
            if not isinstance(given, Dealt):
                raise InvalidArgument(
                    f"{self.name}: out must be a DistMatrix: got {type(given).__name__}"
                )
            if not _broadcasts_to(shape, given.shape):
                raise ShapeError(f"{self.name}: out must have shape {shape}: got {given.shape}")
            shape = given.shape
        return shape[0], shape[1]

    def _result_dtypes(self) -> list[np.dtype[Any]]:
        try:
            found = self.kernel.dtypes([_sample(x) for x in self.operands])
        except (TypeError, OverflowError) as error:
            shown = ", ".join(_sort_of(x) for x in self.operands)
            why = str(error).splitlines()[0]
            raise DTypeError(f"{self.name}: not defined for {shown}: {why}") from error
        for dtype in found:
            if dtype != _FLAG and dtype not in SCALAR_NAMES:
                raise DTypeError(
                    f"{self.name}: results must be {', '.join(SCALAR_NAMES)} or bool: got {dtype} "
                    "(A.local is this rank's part, as an array)"
                )
        return found

    def _require_fitting(self, given: Dealt, dtype: np.dtype[Any]) -> None:
        if not np.can_cast(dtype, given.dtype, "same_kind"):
            raise DTypeError(f"{self.name}: out must hold {dtype}: got {given.dtype}")

    def _target(self) -> _core.Distribution:
        """How the result is dealt out."""
        for x in [*self.out, *self.operands]:
            if isinstance(x, Dealt) and x.shape == self.shape:
                return x._dealt
        dealt: _core.Distribution = load_core().Distribution(
            self.grid._core, self.shape, "MC,MR", None
        )
        return dealt

    def move(self) -> None:
        """Bring operands to where the result is. Collective."""
        core = load_core()
        for k, lies in self.moves.items():
            x = self.operands[k]
            source = together(self.grid._core, self.name, partial(_core_of, x))
            self.moved[k] = core.moved_to(source, lies)

    def compute(self) -> None:
        """Allocate the results and fill them. Local."""
        parts = []
        for k, dtype in enumerate(self.dtypes):
            given = self.out[k] if k < len(self.out) else None
            result = self._new(dtype) if given is None else given
            self.results.append(result)
            parts.append(result.local)
        if parts[0].size > 0:
            self.kernel.run([self._part(k) for k in range(len(self.operands))], parts)

    def _new(self, dtype: np.dtype[Any]) -> Any:
        if dtype == _FLAG:
            local = np.empty(self.target.local_shape, _FLAG, order="F")
            return wrap_mask(self.target, local, self.grid)
        return wrap(self.target.allocate(load_core().scalar_code(dtype)), self.grid)

    def _part(self, k: int) -> Any:
        """What this rank's part of the result needs of operand k."""
        x = self.operands[k]
        if isinstance(x, Dealt):
            if k not in self.moved:
                return x.local
            local = self.moved[k].local
            return local.astype(_FLAG) if x.dtype == _FLAG else local
        if isinstance(x, np.ndarray):
            rows = self.target.local_rows if x.shape[0] != 1 else np.zeros(1, np.int64)
            cols = self.target.local_cols if x.shape[1] != 1 else np.zeros(1, np.int64)
            return x[rows[:, np.newaxis], cols]
        return x


def _broadcasts_to(shape: tuple[int, ...], wanted: tuple[int, int]) -> bool:
    padded = (1,) * (2 - len(shape)) + shape
    return all(n in (1, m) for n, m in zip(padded, wanted, strict=True))


def _core_of(x: Dealt) -> _core.Matrix:
    """The core's matrix, for moving; of a mask, one of zeros and ones. Local."""
    if x.dtype != _FLAG:
        core: _core.Matrix = x._core  # type: ignore[attr-defined]
        return core
    numbers = x._dealt.allocate(load_core().scalar_code(np.dtype(np.float32)))
    numbers.local[...] = x.local
    return numbers


def _readable(x: Any) -> Any:
    """Arrays as two-dimensional ones, those without dimensions as scalars."""
    if not isinstance(x, np.ndarray):
        return x
    plain = np.asarray(x)
    return plain[()] if plain.ndim == 0 else np.atleast_2d(plain)


def _sample(x: Any) -> Any:
    return np.empty((0, 0), x.dtype) if isinstance(x, (Dealt, np.ndarray)) else x


def _sort_of(x: Any) -> str:
    return str(x.dtype) if isinstance(x, (Dealt, np.ndarray)) else type(x).__name__


def _told(x: Any) -> tuple[str, ...]:
    """What ranks compare of an operand."""
    if isinstance(x, Dealt):
        return "matrix", str(x.dtype), x._dealt.text
    if isinstance(x, np.ndarray):
        content = hashlib.blake2b(np.ascontiguousarray(x).tobytes(), digest_size=16).hexdigest()
        return "array", x.dtype.str, str(x.shape), content
    return type(x).__name__, repr(x)
