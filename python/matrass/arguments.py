# SPDX-License-Identifier: BSD-3-Clause
"""Reading arguments: what NumPy users may pass, as the plain values that C++ takes.

All of it is local; callers use it inside `agreement.agreed`. Needs no MPI. Next: ``grid.py``.
"""

from __future__ import annotations

import operator
import re
from typing import Any

import numpy as np

from matrass.errors import DTypeError, InvalidArgument, ShapeError
from matrass.layout import Layout

__all__ = [
    "SCALAR_NAMES",
    "Block",
    "bytes_of",
    "dtype_of",
    "how_dealt",
    "index_of",
    "number_of",
    "root_of",
]

Block = int | tuple[int, int] | None
"""A block size: one number for both axes, (mb, nb), or None for the layout's default."""


SCALAR_NAMES = ("float32", "float64", "complex64", "complex128")


def index_of(value: Any, what: str) -> int:
    """Read an integer that fits C++'s 64 bits."""
    try:
        read = operator.index(value)
    except TypeError as error:
        raise InvalidArgument(f"{what} must be an integer: got {value!r}") from error
    if not _fit(read):
        raise InvalidArgument(f"{what} must fit 64-bit integers: got {value!r}")
    return read


def _fit(*values: int) -> bool:
    return all(-(2**63) <= value < 2**63 for value in values)


def _block_of(block: Any, routine: str) -> tuple[int, int] | None:
    """Read a block argument as (mb, nb) or None."""
    if block is None:
        return None
    try:
        pair = [block] * 2 if isinstance(block, (int, np.integer)) else block
        mb, nb = (operator.index(size) for size in pair)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"{routine}: block must be an int, (mb, nb) or None: got {block!r}"
        ) from error
    if not _fit(mb, nb):
        raise InvalidArgument(f"{routine}: block must fit 64-bit integers: got {block!r}")
    return mb, nb


def _shape_of(shape: Any, routine: str) -> tuple[int, int]:
    """Read a shape argument as (rows, columns)."""
    try:
        rows, cols = (operator.index(extent) for extent in shape)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"{routine}: shape must be (rows, columns): got {shape!r}") from error
    if not _fit(rows, cols):
        raise ShapeError(f"{routine}: shape must fit 64-bit integers: got {shape!r}")
    return rows, cols


def dtype_of(dtype: Any, routine: str) -> str:
    """Read a dtype argument as the name of a scalar."""
    try:
        read = np.dtype(dtype)
        name = read.name if read.isnative else str(read)
    except TypeError:
        name = repr(dtype)
    if name not in SCALAR_NAMES:
        raise DTypeError(f"{routine}: dtype must be {', '.join(SCALAR_NAMES)}: got {name}")
    return name


def how_dealt(
    routine: str, shape: Any, layout: str | Layout, block: Block
) -> tuple[tuple[int, int], str, tuple[int, int] | None]:
    """Read the arguments that say how a matrix is dealt out."""
    return _shape_of(shape, routine), str(Layout(layout)), _block_of(block, routine)


_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)


def bytes_of(size: Any, what: str) -> int | None:
    """Read a number of bytes: an integer, text such as "500 MB" or "2 GiB", or None."""
    if size is None:
        return None
    if isinstance(size, str):
        match = _SIZE.fullmatch(size)
        if match is None:
            raise InvalidArgument(f'{what} must be bytes, such as 10**9 or "1 GB": got {size!r}')
        number, unit, binary = match.groups()
        base = 1024 if binary else 1000
        read = int(float(number) * base ** _UNITS[unit.lower()])
    elif isinstance(size, bool):
        raise InvalidArgument(f'{what} must be bytes, such as 10**9 or "1 GB": got {size!r}')
    else:
        read = index_of(size, what)
    if read < 0:
        raise InvalidArgument(f"{what} must not be negative: got {size!r}")
    if not _fit(read):
        raise InvalidArgument(f"{what} must fit 64-bit integers: got {size!r}")
    return read


def root_of(root: Any, size: int, routine: str) -> int | None:
    """Read a root argument: one of `size` ranks, or None for all."""
    if root is None:
        return None
    try:
        rank = operator.index(root)
    except TypeError:
        rank = -1
    if not 0 <= rank < size:
        raise InvalidArgument(f"{routine}: root must be one of {size} ranks: got {root!r}")
    return rank


def number_of(value: Any, dtype: np.dtype[Any]) -> complex:
    """Read what is assigned to elements of `dtype`: a number that it can hold."""
    if np.ndim(value) != 0:
        raise InvalidArgument(
            f"assign: value must be a scalar or a DistMatrix: got {type(value).__name__} "
            "(mt.from_global makes a DistMatrix of an array)"
        )
    kind = np.asarray(value).dtype.kind
    if kind not in "biufc" or value is np.ma.masked:
        raise DTypeError(f"assign: value must be a number or a DistMatrix: got {value!r}")
    if kind == "c" and dtype.kind != "c":
        raise DTypeError(f"assign: value must be real for {dtype}: got {value!r}")
    number = np.asarray(value).item()
    return complex(number) if kind == "c" else float(number)
