# SPDX-License-Identifier: BSD-3-Clause
"""The process set and communicators of its first 1, 2, ... ranks. Next: `spmd.channel`."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mpi4py import MPI

    from spmd.channel import Channel

FULL_SIZE = 6  # 2 x 3 catches swapped rows and columns


def launched() -> bool:
    """Whether a launcher started this process as one of several ranks."""
    return "PMI_RANK" in os.environ or "PMIX_RANK" in os.environ


class Team:
    """The world of this process set; starts MPI.

    Attributes
    ----------
    rank, size : int
    channel : Channel
        For the harness alone.
    """

    def __init__(self) -> None:
        with contextlib.suppress(ImportError):
            import matrass  # noqa: F401 - it tells mpi4py which MPI to take
        from mpi4py import MPI

        from spmd.channel import Channel

        self.world: MPI.Intracomm = MPI.COMM_WORLD
        self.rank: int = self.world.Get_rank()
        self.size: int = self.world.Get_size()
        self.channel = Channel(self.world)
        self._comms: dict[int, MPI.Intracomm] = {}
        self._channels: dict[int, Channel] = {}

    def comm(self, ranks: int) -> MPI.Intracomm:
        """The first `ranks` ranks (COMM_NULL elsewhere). Collective over the world; kept."""
        from mpi4py import MPI

        from spmd.channel import Channel

        if ranks not in self._comms:
            color = 0 if self.rank < ranks else MPI.UNDEFINED
            comm = cast("MPI.Intracomm", self.world.Split(color, self.rank))
            self._comms[ranks] = comm
            if comm != MPI.COMM_NULL:
                self._channels[ranks] = Channel(comm)
        return self._comms[ranks]

    def channel_of(self, comm: MPI.Intracomm | None) -> Channel:
        """The harness's own channel of a communicator that `comm` gave (None: the world)."""
        if comm is None:
            return self.channel
        return next(channel for n, channel in self._channels.items() if self._comms[n] is comm)


@functools.cache
def get() -> Team:
    """The team; the first call starts MPI."""
    return Team()
