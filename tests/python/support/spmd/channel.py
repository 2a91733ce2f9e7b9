# SPDX-License-Identifier: BSD-3-Clause
"""What ranks tell one another about a test, out of every test's reach. Next: `spmd.watch`."""

from __future__ import annotations

import os
import pickle
import struct
import time
from typing import TYPE_CHECKING, Any

from spmd import watch

if TYPE_CHECKING:
    from mpi4py import MPI

_BLOCK = 1024  # bytes a rank in the first collective: nearly every message fits
_LENGTH = struct.Struct("<q")
_POLLS_BEFORE_YIELDING = 100
_POLLS_BEFORE_SLEEPING = 300
_NAP_SECONDS = 50e-6


class Channel:
    """Agreements of the ranks of a communicator, on a private duplicate.

    The calls are non-blocking and the wait sleeps: a waiting rank takes no core from a working one,
    and a rank that waits in Python can be interrupted. How long a wait may take is the watch's
    business.

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm
        Duplicated; collective over it.
    """

    def __init__(self, comm: MPI.Intracomm) -> None:
        self._comm, request = comm.Idup()
        _finish(request)
        self.rank: int = self._comm.Get_rank()
        self.size: int = self._comm.Get_size()

    def exchange(self, value: Any, *, failure: str = "") -> list[Any]:
        """All ranks' values, in rank order. Collective.

        Parameters
        ----------
        value : picklable
        failure : str
            What went wrong when this rank failed. It may have left a collective call in which the
            others wait for it: they get a few seconds to come here before all are ended.
        """
        with watch.waiting(failure):
            return [pickle.loads(data) for data in self._gather(pickle.dumps(value))]

    def broadcast(self, value: Any = None) -> Any:
        """Rank 0's value. Collective."""
        return self.exchange(value if self.rank == 0 else None)[0]

    def _gather(self, data: bytes) -> list[bytes]:
        block = (_LENGTH.pack(len(data)) + data)[:_BLOCK].ljust(_BLOCK, b"\0")
        blocks = bytearray(_BLOCK * self.size)
        _finish(self._comm.Iallgather(block, blocks))
        starts = range(0, len(blocks), _BLOCK)
        lengths = [_LENGTH.unpack_from(blocks, start)[0] for start in starts]
        if max(lengths) <= _BLOCK - _LENGTH.size:
            firsts = [start + _LENGTH.size for start in starts]
            return [bytes(blocks[i : i + n]) for i, n in zip(firsts, lengths, strict=True)]
        whole = bytearray(sum(lengths))
        _finish(self._comm.Iallgatherv(data, [whole, lengths]))
        firsts = [sum(lengths[:r]) for r in range(self.size)]
        return [bytes(whole[i : i + n]) for i, n in zip(firsts, lengths, strict=True)]


def _finish(request: MPI.Request) -> None:
    polls = 0
    while not request.Test():
        polls += 1
        if polls > _POLLS_BEFORE_SLEEPING:
            time.sleep(_NAP_SECONDS)
        elif polls > _POLLS_BEFORE_YIELDING:
            os.sched_yield()
