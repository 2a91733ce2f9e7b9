# SPDX-License-Identifier: BSD-3-Clause
"""The memory of matrices in this process: what the pool holds, trimming it, limiting it.

Called pool, for `matrass.memory` is the function. Next: ``grid.py``.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

from matrass.bootstrap.which_mpi import load_core

__all__ = ["MemoryUse", "limit_memory", "memory", "reset_peak_memory", "trim_memory"]

_NO_LIMIT = 2**64 - 1
"""What C++ takes for none: the largest size."""


def shown_bytes(size: int) -> str:
    """``512 bytes``, and from 1000 on three significant digits in decimal units: ``1.5 GB``.

    C++ has the same rule (``matrass/core/shown.hpp``).
    """
    if size < 1000:
        return f"{size} byte{'s' if size != 1 else ''}"
    power = len(str(size)) - 3
    digits = (size + 10**power // 2) // 10**power
    if digits == 1000:
        digits, power = 100, power + 1
    unit, place = divmod(power + 2, 3)
    return f"{digits / 10 ** (2 - place):g} {('bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[unit]}"


@dataclass(frozen=True, repr=False)
class MemoryUse:
    """What this process's pool of matrix memory holds; ``str()`` and ``repr()`` are one line.

    Attributes
    ----------
    in_use : int
        Bytes of matrices and of the library's work memory.
    kept : int
        Bytes of free pages that are kept for the next matrix, or because a page is used in part.
    peak : int
        Largest `in_use` so far, or since `reset_peak_memory`.
    shared : bool
        Whether ranks of the same machine can map the pool, and so need no messages.
    huge : bool
        Whether its latest pages are huge ones (2 MB).
    """

    in_use: int
    kept: int
    peak: int
    shared: bool
    huge: bool

    def __str__(self) -> str:
        sizes = (
            f"{shown_bytes(self.in_use)} in use, {shown_bytes(self.kept)} kept, "
            f"peak {shown_bytes(self.peak)}"
        )
        shared = "shared with ranks of this machine" if self.shared else "private"
        pages = f", {'huge' if self.huge else 'small'} pages" if self.in_use + self.kept else ""
        return f"matrass memory: {sizes}; {shared}{pages}"

    __repr__ = __str__


def memory() -> MemoryUse:
    """What this process's pool of matrix memory holds.

    Returns
    -------
    MemoryUse

    Raises
    ------
    MPIError
        If this machine has no MPI core.

    Notes
    -----
    Local; MPI need not run. Matrices and work memory of 32 kB or more a rank come from the pool;
    arrays that were adopted (`from_local`) are not in it. All zero in a forked process.

    Examples
    --------
    >>> import matrass as mt
    >>> A = mt.DistMatrix(mt.Grid(), (1024, 1024))
    >>> mt.memory().in_use >= A.local_nbytes
    True
    """
    return MemoryUse(**load_core().memory())


def trim_memory() -> int:
    """Give the pages that are kept for reuse back to the system.

    Returns
    -------
    int
        How many bytes it took.

    Notes
    -----
    Local. The next matrices pay for fresh pages: ten times the cost of a copy.
    """
    taken: int = load_core().trim_memory()
    return taken


def limit_memory(limit: int | None) -> None:
    """Limit what this process's pool may have in use.

    Parameters
    ----------
    limit : int or None
        Bytes. Allocations that would exceed them raise MemoryLimitError, on all ranks of the call;
        what is in use already stays. None: no limit but the machine's.

    Raises
    ------
    InvalidArgument
        If `limit` is negative or no integer.

    Notes
    -----
    Local: ranks may have different limits.
    """
    try:
        size = _NO_LIMIT if limit is None else operator.index(limit)
    except TypeError:
        size = -1
    if size < 0:
        from matrass.errors import InvalidArgument  # imports NumPy, which the doctor need not

        raise InvalidArgument(
            f"limit_memory: limit must be a number of bytes or None: got {limit!r}"
        )
    load_core().set_memory_limit(min(size, _NO_LIMIT))


def reset_peak_memory() -> None:
    """Begin a new peak in `memory`: from now on it is the largest `in_use` from here. Local."""
    load_core().reset_peak_memory()
