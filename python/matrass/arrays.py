# SPDX-License-Identifier: BSD-3-Clause
"""Reading arrays: what may become a part, a tile or the whole of a matrix.

All of it is local. Next: ``tile_sink.py``.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.arguments import SCALAR_NAMES, index_of
from matrass.errors import DTypeError, InvalidArgument, ShapeError

__all__ = [
    "SCALARS",
    "Tile",
    "adoptable",
    "matrix_of",
    "one_dtype",
    "readable",
    "tile_of",
    "unmasked",
]

SCALARS = tuple(np.dtype(name) for name in SCALAR_NAMES)
"""The scalars of matrices, by the number that ranks tell each other."""

Tile = tuple[int, int, npt.NDArray[Any]]
"""(i0, j0, array): element ``[i, j]`` of the array is element ``[i0 + i, j0 + j]``."""


def unmasked(given: Any, what: str) -> npt.NDArray[Any]:
    """`given` as an array; a mask must not be lost without a word."""
    if np.ma.is_masked(given):
        raise InvalidArgument(
            f"{what} must have no masked elements: got {int(np.ma.getmaskarray(given).sum())} "
            "(fill them: x.filled(value))"
        )
    try:
        array: npt.NDArray[Any] = np.asarray(given)
    except ValueError as error:  # lists of lists of different lengths
        raise ShapeError(f"{what} must have rows of one length: got {error}") from error
    return array


def matrix_of(given: Any, what: str, dtype: np.dtype[Any] | None = None) -> npt.NDArray[Any]:
    """`given`, if it is a matrix of one of the four scalars; converted if a dtype is asked for."""
    array = unmasked(given, what)
    if array.ndim != 2:
        raise ShapeError(f"{what} must have 2 dimensions: got shape {array.shape} (reshape it)")
    if dtype is not None:
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            raise DTypeError(f"{what} must convert to {dtype}: got {array.dtype}")
        return array.astype(dtype, copy=False)
    if array.dtype.newbyteorder("=") not in SCALARS:
        raise DTypeError(
            f"{what} must be float32, float64, complex64 or complex128: got {array.dtype} "
            "(convert with astype)"
        )
    return array


def tile_of(given: Any, what: str, dtype: np.dtype[Any] | None = None) -> Tile:
    """`given`, if it is a tile; converted if a dtype is asked for."""
    try:
        row, column, tile = given
        i0, j0 = operator.index(row), operator.index(column)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"{what} must be (i0, j0, array) with integers: got {_kinds(given)}"
        ) from error
    first = index_of(i0, f"{what}: i0"), index_of(j0, f"{what}: j0")
    return *first, readable(matrix_of(tile, what, dtype))


def _kinds(given: Any) -> str:
    """The type of `given`, or those of its parts."""
    parts = given if isinstance(given, (tuple, list)) else None
    name = type(given).__name__
    return name if parts is None else f"({', '.join(type(part).__name__ for part in parts)})"


def readable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`array`, copied only if C++ cannot read it by strides."""
    whole_strides = all(stride % array.itemsize == 0 for stride in array.strides)
    if array.flags.aligned and array.dtype.isnative and whole_strides:
        return array
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="K")


def adoptable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`array`, copied to column-major memory only if a matrix cannot work in its own."""
    array = readable(array)
    rows, cols = array.shape
    down, across = array.strides
    fits = (rows <= 1 or down == array.itemsize) and (cols <= 1 or across >= rows * array.itemsize)
    if fits and array.flags.writeable and array.size > 0:
        return array
    return np.array(array, order="F")


def one_dtype(
    codes: list[list[int]],
    routine: str,
    what: str,
    taken: list[int] | None = None,
    earlier: tuple[int, int, int] | None = None,
) -> tuple[int, int, int]:
    """The scalar code that all ranks' arrays share; float64's where there is no array at all.

    `taken` is how many arrays each rank gave before, `earlier` what this function returned then:
    (code, rank, number) of the first array.
    """
    begin = [0] * len(codes) if taken is None else taken
    found = [
        (code, rank, k) for rank, own in enumerate(codes) for k, code in enumerate(own, begin[rank])
    ]
    if not found:
        return earlier or (SCALARS.index(np.dtype(np.float64)), 0, 0)
    first = earlier or found[0]
    for code, rank, k in found:
        if code != first[0]:
            raise DTypeError(
                f"{routine}: all ranks must give one dtype: got {SCALARS[code]} in {what} {k} of "
                f"rank {rank}, {SCALARS[first[0]]} in {what} {first[2]} of rank {first[1]}"
            )
    return first
