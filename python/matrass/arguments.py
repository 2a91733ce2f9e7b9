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
    "choice_of",
    "dtype_of",
    "flag_of",
    "how_dealt",
    "index_of",
    "number_of",
    "real_of",
    "root_of",
    "seed_of",
]

Block = int | tuple[int, int] | None
"""A block size: one number for both axes, (mb, nb), or None for the layout's default."""


SCALAR_NAMES = ("float32", "float64", "complex64", "complex128")


def index_of(value: Any, what: str) -> int:
    """Read an integer that fits C++'s 64 bits. A truth value is none."""
    try:
        if isinstance(value, bool):
            raise TypeError(value)
        read = operator.index(value)
    except TypeError as error:
        raise InvalidArgument(f"{what} must be an integer: got {_shown(value)}") from error
    if not _fit(read):
        raise InvalidArgument(f"{what} must fit 64-bit integers: got {_shown(value)}")
    return read


def real_of(value: Any, what: str, must: str = "be a number") -> float:
    """Read a real number, NaN and infinity among them. Truth values and text are none."""
    try:
        if isinstance(value, (bool, np.bool_)) or np.ndim(value) != 0:
            raise TypeError(value)
        if not isinstance(value, int) and np.asarray(value).dtype.kind not in "iuf":
            raise TypeError(value)
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgument(f"{what} must {must}: got {_shown(value)}") from error


def flag_of(value: Any, what: str) -> bool:
    """Read True or False, 1 and 0 among them; nothing else has a truth value here."""
    if isinstance(value, (bool, np.bool_, int, np.integer)) and value in (0, 1):
        return bool(value)
    raise InvalidArgument(f"{what} must be True or False: got {_shown(value)}")


def choice_of(value: Any, allowed: tuple[Any, ...], what: str) -> Any:
    """Read one of some values: texts, None or numbers. A truth value is no number."""
    plain = isinstance(value, (str, int, float, np.number, type(None)))
    for choice in allowed:
        if plain and not isinstance(value, bool) and value == choice:
            return choice
    names = ", ".join(repr(choice) for choice in allowed)
    raise InvalidArgument(f"{what} must be one of {names}: got {_shown(value)}")


def seed_of(seed: Any, routine: str, below: str = "2**64") -> int:
    """Read the seed of random numbers. `below` is "2**64", or "2**64 - 1"."""
    try:
        read = -1 if isinstance(seed, bool) else operator.index(seed)
    except TypeError:
        read = -1
    if not 0 <= read < 2**64 - (below != "2**64"):
        raise InvalidArgument(f"{routine}: seed must lie in [0, {below}): got {_shown(seed)}")
    return read


def _shown(value: Any) -> str:
    """What was got, in one line: long values by their type."""
    text = repr(value)
    return text if len(text) <= 100 and "\n" not in text else type(value).__name__


def _fit(*values: int) -> bool:
    return all(-(2**63) <= value < 2**63 for value in values)


def _block_of(block: Any, routine: str) -> tuple[int, int] | None:
    """Read a block argument as (mb, nb) or None."""
    if block is None:
        return None
    try:
        if isinstance(block, bool):
            raise TypeError(block)
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


def number_of(value: Any, dtype: np.dtype[Any], routine: str = "assign") -> complex:
    """Read what elements of `dtype` are set to, or multiplied by: a number that it can hold."""
    if np.ndim(value) != 0:
        raise InvalidArgument(
            f"{routine}: value must be a scalar or a DistMatrix: got {type(value).__name__} "
            "(mt.from_global makes a DistMatrix of an array)"
        )
    kind = "i" if isinstance(value, int) else np.asarray(value).dtype.kind
    if kind not in "biufc" or value is np.ma.masked:
        raise DTypeError(f"{routine}: value must be a number or a DistMatrix: got {_shown(value)}")
    if kind == "c" and dtype.kind != "c":
        raise DTypeError(f"{routine}: value must be real for {dtype}: got {value!r}")
    try:
        return complex(value) if kind == "c" else float(value)
    except OverflowError as error:
        raise InvalidArgument(
            f"{routine}: value must be in the range of numbers: got an integer of "
            f"{value.bit_length()} bits"
        ) from error
