# SPDX-License-Identifier: BSD-3-Clause
"""Random matrices: the same on every grid, in every layout, on any number of ranks.

Element (i, j) is a function of the seed, i and j alone (a counter-based generator). Next:
``linalg/__init__.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed
from matrass.arguments import Block, dtype_of, how_dealt, real_of, seed_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument
from matrass.grid import Grid, core_of
from matrass.layout import Layout
from matrass.matrix import DistMatrix

__all__ = ["normal", "rademacher", "uniform"]


def normal(
    grid: Grid,
    shape: tuple[int, int],
    seed: int = 0,
    loc: float = 0.0,
    scale: float = 1.0,
    *,
    dtype: npt.DTypeLike = np.float64,
    layout: str | Layout = "MC,MR",
    block: Block = None,
) -> DistMatrix:
    """Independent normal numbers.

    Parameters
    ----------
    grid : Grid
    shape : (int, int)
    seed : int
        In [0, 2**64). Matrices of other seeds are independent; a larger matrix of the same seed has
        a smaller one as its upper left corner.
    loc, scale : float
        Mean and standard deviation. Complex numbers are circular: the variance of each part is
        ``scale**2 / 2``.
    dtype : dtype
        Single precision is double precision, rounded.
    layout, block
        See `DistMatrix`.

    Returns
    -------
    DistMatrix
        Bitwise the same for every `grid`, `layout` and `block`.

    Raises
    ------
    InvalidArgument, ShapeError, LayoutError, DTypeError
        On every rank.

    Notes
    -----
    Collective over ``grid.comm``; nothing is sent. Fastest where ranks have consecutive rows: four
    share one evaluation of the generator. The largest modulus of a real number is below
    ``loc + 8.3 * scale``.

    References
    ----------
    Salmon, Moraes, Dror, Shaw (2011): Philox4x64-10. Wichura (1988): AS 241.
    """
    return _matrix(
        "normal", grid, shape, {"loc": loc, "scale": scale}, (seed, dtype, layout, block)
    )


def uniform(
    grid: Grid,
    shape: tuple[int, int],
    seed: int = 0,
    low: float = 0.0,
    high: float = 1.0,
    *,
    dtype: npt.DTypeLike = np.float64,
    layout: str | Layout = "MC,MR",
    block: Block = None,
) -> DistMatrix:
    """Independent numbers, uniform on [low, high), in steps of ``(high - low) * 2**-53``.

    Of complex ones, both parts are. Rounding may reach `high`, above all to single precision. For
    the arguments, and what is raised, see `normal`.
    """
    return _matrix("uniform", grid, shape, {"low": low, "high": high}, (seed, dtype, layout, block))


def rademacher(
    grid: Grid,
    shape: tuple[int, int],
    seed: int = 0,
    *,
    dtype: npt.DTypeLike = np.float64,
    layout: str | Layout = "MC,MR",
    block: Block = None,
) -> DistMatrix:
    """Independent signs: -1 and 1 with equal probability. See `normal`; `dtype` must be real."""
    return _matrix("rademacher", grid, shape, {}, (seed, dtype, layout, block))


def _matrix(
    kind: str, grid: Any, shape: Any, numbers: dict[str, Any], how: tuple[Any, ...]
) -> DistMatrix:
    routine = f"random.{kind}"
    on, core = core_of(grid, routine), load_core()

    def read() -> tuple[Any, ...]:
        seed, dtype, layout, block = how
        extents, name, blocks = how_dealt(routine, shape, layout, block)
        scalar = dtype_of(dtype, routine)
        if kind == "rademacher" and scalar.startswith("complex"):
            raise DTypeError(f"{routine}: dtype must be real: got {scalar}")
        values = [_number(value, f"{routine}: {what}") for what, value in numbers.items()]
        first, second = values or (0.0, 0.0)
        if kind == "normal" and second < 0:
            raise InvalidArgument(f"{routine}: scale must not be negative: got {second!r}")
        if kind == "uniform" and not (first <= second and math.isfinite(second - first)):
            raise InvalidArgument(
                f"{routine}: low must be at most high, and high - low finite: got {first!r} and "
                f"{second!r}"
            )
        return extents, scalar, name, blocks, seed_of(seed, routine), first, second

    extents, scalar, name, blocks, start, first, second = agreed(on, routine, read)
    code = core.scalar_code(np.dtype(scalar))
    made = core.random(on, extents, code, name, blocks, kind, start, first, second)
    return DistMatrix._wrap(made, grid)


def _number(value: Any, what: str) -> float:
    read = real_of(value, what)
    if not math.isfinite(read):
        raise InvalidArgument(f"{what} must be finite: got {value!r}")
    return read
