# SPDX-License-Identifier: BSD-3-Clause
"""What one rank finds alone is raised by all; arguments are the same on every rank, or an error.

Next: ``arguments.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from matrass.bootstrap.which_mpi import load_core

if TYPE_CHECKING:
    from matrass import _core

__all__ = ["agreed", "together"]

_Result = TypeVar("_Result")


def together(grid: _core.Grid, routine: str, f: Callable[[], _Result]) -> _Result:
    """Run `f` on every rank; what it raises on one, all raise.

    Parameters
    ----------
    grid : _core.Grid
    routine : str
        The call that this belongs to; ranks that make another one at the same time get an error.
    f : callable
        May itself make collective calls.

    Returns
    -------
    What `f` returns on this rank.

    Notes
    -----
    Collective over the grid's communicator; one small allreduce.
    """
    result: _Result = load_core().together(grid, f, routine, alike=False)
    return result


def agreed(grid: _core.Grid, routine: str, f: Callable[[], _Result]) -> _Result:
    """Read arguments by `f`, which must give the same result on every rank.

    Parameters
    ----------
    grid, routine
        See `together`.
    f : callable
        Returns plain values (numbers, text, None, tuples of these): compared by their repr.

    Raises
    ------
    InvalidArgument
        On every rank, if the results differ.

    Notes
    -----
    Collective over the grid's communicator; one small allreduce.
    """
    result: _Result = load_core().together(grid, f, routine, alike=True)
    return result
