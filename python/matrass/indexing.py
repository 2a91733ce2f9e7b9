# SPDX-License-Identifier: BSD-3-Clause
"""What ``A[...]`` means: keys as ranges of rows and columns. Needs no MPI. Next: ``matrix.py``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.errors import InvalidArgument, OutOfBoundsError

__all__ = ["is_element", "ranges_of", "runs_of"]


def is_element(key: Any) -> bool:
    """Whether a key means one element: two integers."""
    return isinstance(key, tuple) and len(key) == 2 and all(_is_integer(k) for k in key)


def _is_integer(key: Any) -> bool:
    return isinstance(key, (int, np.integer)) and not isinstance(key, (bool, np.bool_))


def ranges_of(key: Any, shape: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Read a key as half-open ranges of rows and columns.

    Parameters
    ----------
    key : int, slice, Ellipsis, or a pair of these
    shape : (int, int)

    Returns
    -------
    rows, columns : (int, int)
        Half-open ranges within the shape.

    Raises
    ------
    InvalidArgument
        For keys that a view cannot have.
    OutOfBoundsError
        For an integer that is out of bounds, and for more than two keys.
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    dots = [at for at, k in enumerate(keys) if k is Ellipsis]  # ==: arrays compare elementwise
    if len(dots) == 1 and len(keys) <= 3:
        at = dots[0]
        keys[at : at + 1] = [slice(None)] * (3 - len(keys))
    keys += [slice(None)] * (2 - len(keys))
    if len(keys) != 2:
        raise OutOfBoundsError(
            f"index: too many indices: a DistMatrix has 2 dimensions: got {len(keys)}"
        )
    rows, columns = (
        _range_of(k, extent, axis) for axis, (k, extent) in enumerate(zip(keys, shape, strict=True))
    )
    return rows, columns


def _range_of(key: Any, extent: int, axis: int) -> tuple[int, int]:
    if isinstance(key, slice):
        begin, end, step = key.indices(extent)
        if step != 1:
            raise InvalidArgument(
                f"index: steps must be 1: got {key} on axis {axis} (a view deals whole blocks)"
            )
        return begin, max(begin, end)
    if _is_integer(key):
        i = int(key)
        if not -extent <= i < extent:
            raise OutOfBoundsError(
                f"index: {i} is out of bounds for axis {axis} with size {extent}"
            )
        return i % extent, i % extent + 1
    raise InvalidArgument(
        f"index: must be integers and slices: got {type(key).__name__} on axis {axis} "
        "(masks and index arrays make no view)"
    )


def runs_of(indices: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Split ascending indices into consecutive runs: (first index, its position, length)."""
    cuts = np.flatnonzero(np.diff(indices) != 1) + 1
    bounds = [0, *cuts.tolist(), len(indices)]
    for begin, end in pairwise(bounds):
        if end > begin:
            yield int(indices[begin]), begin, end - begin
