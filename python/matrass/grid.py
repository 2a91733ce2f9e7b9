# SPDX-License-Identifier: BSD-3-Clause
"""The process grid of the SPMD layer: every rank runs the same script.

Next: ``matrix.py``.
"""

from __future__ import annotations

import atexit
import operator
import sys
import time
from typing import TYPE_CHECKING, Any, Literal

from matrass.agreement import agreed, together
from matrass.bootstrap.which_mpi import load_core, load_mpi4py
from matrass.bootstrap.world import world
from matrass.errors import InvalidArgument, RankLostError
from matrass.steps import report

if TYPE_CHECKING:
    from mpi4py import MPI

    from matrass import _core

__all__ = ["Grid", "core_of"]


def _start_mpi() -> None:
    """Start MPI, with the GIL released, unless it runs; mpi4py then finds it running."""
    if world() is not None:  # a session's rank, which leaves MPI as it is
        return
    started_here = load_core().initialize()
    if not _started:
        atexit.register(_end_mpi)
        _started.append(started_here)


_started: list[bool] = []
"""Whether MPI was started here (and so is to be ended here), once it runs."""


def _end_mpi() -> None:
    """End MPI at exit together with all ranks, or leave it as it is.

    MPI_Finalize waits for all ranks without a word. Where this one ends alone (by an error, or by
    ``sys.exit``) the others may be waiting for it in a collective, for ever. So all ranks meet in
    an agreement first: those that are elsewhere get an error there. A process that ends without
    MPI_Finalize is noticed by mpiexec, which then ends the others.
    """
    core = load_core()
    rank, size = core.world()
    error = getattr(sys, "last_value", None)
    mark = getattr(error, "_agreed", None)
    if mark is not None and mark[0] == 0:
        return  # the world is dead, and MPI_Finalize does nothing
    by_all = mark == core.latest_agreement() and mark[2] == size
    alone = error is not None and (not by_all or isinstance(error, RankLostError))
    if alone or not core.end_together():
        why = f"by {type(error).__name__}" if alone else "while others are in a collective call"
        print(
            f"matrass: rank {rank} ends {why}, and leaves MPI as it is, so that mpiexec ends "
            "the other ranks",
            file=sys.stderr,
            flush=True,
        )
        core.leave(f"rank {rank} has ended {why}")
        if not alone:  # the others' errors, and their exit codes, come first
            time.sleep(1)
    elif _started[0]:
        core.finalize()


def _read(shape: Any, order: Any) -> tuple[tuple[int, int] | None, str]:
    """Read the arguments of a grid."""
    if order not in ("F", "C"):
        raise InvalidArgument(f'Grid: order must be "F" or "C": got {order!r}')
    if shape is None:
        return None, order
    try:
        rows, cols = (operator.index(extent) for extent in shape)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"Grid: shape must be (rows, columns): got {shape!r}") from error
    if not max(abs(rows), abs(cols)) < 2**31:
        raise InvalidArgument(f"Grid: shape must fit the communicator: got {shape!r}")
    return (rows, cols), order


class Grid:
    """An r x c process grid over the ranks of a communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm, optional
        Default: ``MPI.COMM_WORLD``. MPI is started if it is not running.
    shape : (int, int), optional
        Rows and columns; their product is at most the number of ranks, and ranks beyond it hold
        nothing. Default: nearest to square over all ranks, with no more rows than columns.
    order : {"F", "C"}
        Whether ranks fill the grid column by column ("F") or row by row.

    Attributes
    ----------
    shape : tuple of int
    order : str
        "F" or "C"; "placed" where the library has chosen a place for each rank (``A.to(...,
        grid="auto")``).
    coords : tuple of int or None
        Where this process stands; None on ranks beyond the grid.
    rank : int
        Of this process in `comm`.
    size : int
        How many ranks stand on the grid.
    comm : mpi4py.MPI.Comm

    Raises
    ------
    InvalidArgument
        If the shape does not fit the communicator.
    MPIError
        If this machine has no MPI core, or another MPI is loaded (one line, with the fix).

    Notes
    -----
    Collective over `comm`, with the same arguments on every rank. The library's own messages travel
    on a private duplicate that all grids over one communicator share.

    Examples
    --------
    >>> import matrass as mt
    >>> grid = mt.Grid()
    >>> grid.coords, grid.shape
    ((0, 0), (1, 1))
    """

    def __init__(
        self,
        comm: MPI.Comm | None = None,
        shape: tuple[int, int] | None = None,
        order: Literal["F", "C"] = "F",
    ) -> None:
        _start_mpi()
        mpi = load_mpi4py()
        if comm is not None and not isinstance(comm, mpi.Comm):
            raise InvalidArgument(
                f"Grid: comm must be an mpi4py communicator: got {comm!r} "
                "(shape=(rows, columns) sets the grid's shape)"
            )
        self.comm: MPI.Comm = mpi.COMM_WORLD if comm is None else comm
        make = load_core().Grid
        all_ranks = make(self.comm.py2f(), None, "F")  # whose messages the arguments need
        wanted, filled = agreed(all_ranks, "Grid", lambda: _read(shape, order))
        self._core: _core.Grid = make(self.comm.py2f(), wanted, filled)

    @classmethod
    def _wrap(cls, core: _core.Grid, comm: MPI.Comm) -> Grid:
        grid = cls.__new__(cls)
        grid._core = core
        grid.comm = comm
        return grid

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return self._core.shape

    @property
    def order(self) -> str:
        """How ranks fill the grid: "F", "C" or "placed"."""
        return self._core.order

    @property
    def coords(self) -> tuple[int, int] | None:
        """Where this process stands; None beyond the grid."""
        return self._core.coords

    @property
    def rank(self) -> int:
        """This process's rank in `comm`."""
        return self._core.rank

    @property
    def size(self) -> int:
        """How many ranks stand on the grid."""
        return self._core.size

    def step(self, done: float | None = None, text: str = "") -> None:
        """Say how far a long function is, and end it here where it was cancelled.

        For functions that sessions run; elsewhere it does nothing but meet.

        Parameters
        ----------
        done : float, optional
            From 0 to 1.
        text : str

        Raises
        ------
        CancelledError
            On every rank.

        Notes
        -----
        Collective over ``grid.comm``; one small allreduce.
        """
        together(self._core, "step", lambda: report(done, text))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self._core == other._core

    def __hash__(self) -> int:
        return hash((self.shape, self.order, self._core.comm_size))

    def __copy__(self) -> Grid:
        """A grid is a handle that is not changed: its copies are itself."""
        return self

    def __deepcopy__(self, memo: Any) -> Grid:
        return self

    def __repr__(self) -> str:
        rows, cols = self.shape
        return (
            f"Grid({rows}x{cols}, order={self.order!r}, rank {self.rank} of {self._core.comm_size})"
        )


def core_of(grid: Any, routine: str) -> _core.Grid:
    """Read a grid argument."""
    if not isinstance(grid, Grid):
        raise InvalidArgument(
            f"{routine}: grid must be a Grid: got {type(grid).__name__} (mt.Grid() has all ranks)"
        )
    return grid._core
