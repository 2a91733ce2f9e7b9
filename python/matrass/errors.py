# SPDX-License-Identifier: BSD-3-Clause
"""Every exception that matrass raises, each also of the built-in or NumPy kind that users expect.

A message is one line: ``routine: what must hold: got X (hint)``. What a collective call raises, it
raises on every rank. Importing this module needs no MPI. Next: ``bootstrap/which_mpi.py``.
"""

from __future__ import annotations

import builtins

import numpy as np

__all__ = [
    "AuthenticationError",
    "CancelledError",
    "DTypeError",
    "Error",
    "InvalidArgument",
    "LayoutError",
    "MPIError",
    "MemoryLimitError",
    "NotPositiveDefiniteError",
    "OutOfBoundsError",
    "RankLostError",
    "RankStalledError",
    "RoutineError",
    "ScaLAPACKError",
    "SessionClosedError",
    "ShapeError",
    "SingularError",
    "TimeoutError",
]


class Error(Exception):
    """Base of everything that matrass raises on purpose.

    Examples
    --------
    >>> import matrass as mt
    >>> try:
    ...     raise mt.ShapeError("cholesky: A must be square: got shape (1000, 800)")
    ... except mt.Error as error:
    ...     print(error)
    cholesky: A must be square: got shape (1000, 800)
    """


class InvalidArgument(Error, ValueError):  # noqa: N818
    """An argument that no matrix could make right; found before any rank communicates."""


class ShapeError(InvalidArgument):
    """Shapes that do not fit the routine or one another."""


class OutOfBoundsError(InvalidArgument, IndexError):
    """An index that no row or column of the matrix has."""


class LayoutError(InvalidArgument):
    """A layout, block size or grid that the routine, or ScaLAPACK, cannot address."""


class DTypeError(InvalidArgument):
    """A scalar type that does not fit; there are float32, float64, complex64 and complex128."""


class MPIError(Error, RuntimeError):
    """MPI is missing, is another one than matrass was built with, or reported an error."""


class ScaLAPACKError(Error, RuntimeError):
    """ScaLAPACK, PBLAS or BLACS reported an error; holds the routine and its info or text."""


class NotPositiveDefiniteError(Error, np.linalg.LinAlgError):
    """A matrix is not positive definite; names the order of the first leading minor that fails."""


class SingularError(Error, np.linalg.LinAlgError):
    """A matrix that must be invertible is exactly singular."""


class MemoryLimitError(MemoryError, Error):  # in this order: MemoryError has a __new__ of its own
    """The call needs more memory than there is or ``max_memory`` allows; names what is missing."""


class RankLostError(Error, ConnectionError):
    """A rank died or cannot be reached any more.

    Parameters
    ----------
    message : str
        One line that says which rank was lost and why.
    rank, pid : int or None
        The rank in its session, and its process on `host`.
    host : str or None
        The machine that it ran on.
    signal, exit_code : int or None
        How the process ended, where that can be known; at most one of the two is given.
    """

    def __init__(
        self,
        message: str,
        *,
        rank: int | None = None,
        pid: int | None = None,
        host: str | None = None,
        signal: int | None = None,
        exit_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.rank = rank
        self.pid = pid
        self.host = host
        self.signal = signal
        self.exit_code = exit_code


class RankStalledError(Error):
    """A rank is alive but does not answer."""


class SessionClosedError(Error):
    """The session, or the world of ranks behind it, has ended; its handles are gone."""


class RoutineError(Error):
    """A routine raised on a rank.

    Parameters
    ----------
    message : str
        One line: the routine, the rank and what it raised.
    rank : int or None
        The first rank that raised.
    remote_traceback : str or None
        That rank's traceback as text.
    """

    def __init__(
        self, message: str, *, rank: int | None = None, remote_traceback: str | None = None
    ) -> None:
        super().__init__(message)
        self.rank = rank
        self.remote_traceback = remote_traceback


class CancelledError(Error):
    """The routine was cancelled before it had a result."""


class TimeoutError(Error, builtins.TimeoutError):  # noqa: A001
    """The time that the caller allowed is over; the routine may still be running."""


class AuthenticationError(Error):
    """The other side does not accept the token, or cannot prove its own."""
