# SPDX-License-Identifier: BSD-3-Clause
"""A session whose ranks are the workers of a Dask cluster.

Next: ``../estimators/__init__.py``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from matrass.arguments import choice_of, flag_of, how_dealt
from matrass.control.controller import Controller
from matrass.dask import worker as in_worker
from matrass.dask import workers as workers_of
from matrass.dask.chunks import Chunk, chunked, release
from matrass.errors import InvalidArgument, MPIError, RankLostError, SessionClosedError
from matrass.session.inputs import Wanted, entries_of, is_collection, scalar_of
from matrass.session.remote_matrix import RemoteMatrix, RemoteSparse
from matrass.session.session import Session
from matrass.session.transfers import Share

if TYPE_CHECKING:
    import dask.array as da
    from distributed import Client

__all__ = ["DaskSession"]

_OPEN_SECONDS = 60.0
_HEARSAY_SECONDS = 5.0


class DaskSession(Session):
    """Ranks in the processes of Dask's workers, which go on as workers meanwhile.

    Parameters
    ----------
    client : distributed.Client
    ranks : int or (int, int), optional
        How many workers to take, or how many at least and at most; by default all of `workers`.
    workers : list of str, optional
        Addresses or names of the workers that become ranks, in the order of ranks; by default all
        of the cluster, by name.
    isolation : {"thread", "process"}
        "thread": a worker's process is the rank; its chunks are taken where they are. "process":
        a child of the worker is, and copies them; whatever happens to it leaves the worker alone.
    renew : bool
        Whether workers that cannot be ranks of this session, as they were ranks of another world,
        are restarted one after another, their data moved first.
    retry : int
        How often `put` is repeated on fresh ranks (see `renew`) after a rank was lost.
    host : str, optional
        The address of this process that the workers can reach.
    interface : str, optional
        The network interface that has this address, such as "ib0".
    ports : (int, int), optional
        The first and the last port that may be listened at here.
    tls : (str, str), optional
        Files of a certificate and its key: commands are encrypted, and workers trust this
        certificate alone, which they get by Dask.
    timeout : float
        Seconds in which the ranks must be up.

    Raises
    ------
    InvalidArgument
        If workers share a process (``LocalCluster(processes=False)``), or are not there.
    MPIError
        If some of them were ranks of another world before.
    TimeoutError, RankLostError

    Notes
    -----
    A process joins one MPI world in its life: a later session of the same workers uses their world
    again, but no session can join old and new workers, or workers whose world has lost a rank.
    `renew` restarts the session's workers; with ``isolation="process"`` each session has its own
    processes.
    """

    def __init__(
        self,
        client: Client,
        ranks: int | tuple[int, int] | None = None,
        workers: Sequence[str] | None = None,
        isolation: Literal["thread", "process"] = "thread",
        *,
        renew: bool = False,
        retry: int = 0,
        host: str | None = None,
        interface: str | None = None,
        ports: tuple[int, int] | None = None,
        tls: tuple[str, str] | None = None,
        timeout: float = _OPEN_SECONDS,
    ) -> None:
        self.client = client
        self._isolated = choice_of(isolation, ("thread", "process"), "isolation") == "process"
        self._may_renew = flag_of(renew, "dask.Session: renew")
        if interface is not None:
            host = workers_of.address_of(interface)
        self._listen = host, ports, tls
        self._timeout = timeout
        self.workers = workers_of.choose(client, ranks, workers)
        workers_of.require_processes(client, self.workers)
        super().__init__(retry)

    def _open(self) -> tuple[Controller, Callable[[], None]]:
        host, ports, tls = self._listen
        host = host or workers_of.own_address(self.workers)
        controller = Controller(list(self.workers.values()), host=host, ports=ports, tls=tls)
        try:
            self._start_agents(controller)
            controller.open(self._timeout)
        except MPIError:
            controller.close(0)
            stale = [m.pid for m in controller.members if m.world and m.pid is not None]
            if not (self._may_renew and stale):
                raise
            self._restart(stale)
            return self._open()
        except BaseException:
            controller.close(0)
            raise
        return controller, lambda: None

    def _restart(self, pids: list[int]) -> None:
        """Have the workers' processes replaced, where they are these."""
        names = list(self.workers.values())
        workers_of.renew(self.client, names, pids)
        self.workers = workers_of.choose(self.client, None, names)

    def renew(self) -> None:
        """Go on with fresh ranks: in new processes of the same workers.

        Dask restarts the workers one after another, and moves their data first. Handles are gone.
        """
        self.close()
        pids = [rank.pid for rank in self.ranks if rank.pid is not None]
        self._restart([] if self._isolated else pids)
        self._attach(*self._open())

    def _start_agents(self, controller: Controller) -> None:
        told = {"session": controller.id, "own": self._isolated, "may_run": True}
        contacts = {
            address: controller.reception.contact(member.name) | told
            for address, member in zip(self.workers, controller.members, strict=True)
        }
        self.client.run(
            in_worker.start, contacts, self._isolated, workers=list(self.workers), on_error="raise"
        )

    # Matrices -------------------------------------------------------------------------------------

    def _bring(self, x: Any, wanted: Wanted) -> Any:
        try:
            if is_collection(x):
                return self._dealt(self._take(x, wanted), wanted)
            return super()._bring(x, wanted)
        except (RankLostError, SessionClosedError):
            raise
        except Exception as error:
            if not self._lacks_a_worker():
                raise
            self._require_alive()
            raise RankLostError(f"put: a worker of the session is gone: {error}") from error

    def _lacks_a_worker(self) -> bool:
        """Whether Dask has lost one; if so, the session has heard of it when this returns."""
        if workers_of.are_there(self.client, self.workers):
            return False
        patience = time.monotonic() + _HEARSAY_SECONDS
        while self._controller.end is None and time.monotonic() < patience:
            time.sleep(0.01)
        return True

    def _take(self, x: Any, wanted: Wanted) -> RemoteMatrix:
        """The chunks of a Dask collection, where they are."""
        start = time.perf_counter()
        homes = list(self.workers)
        matrix = chunked(x, self.client, homes, self._require_alive)
        scalar = scalar_of(matrix.dtype, wanted.dtype)
        _, layout, block = how_dealt("put", matrix.shape, wanted.layout, wanted.block)
        if wanted.max_memory is not None:  # it holds for the step from rows to another layout
            layout, block = "[VC,STAR]", None
        computed = time.perf_counter()
        tiles = self._tiles(matrix.chunks)
        a, parts = self._of_chunks("dask.put", tiles, matrix.shape, scalar, layout, block)
        end = time.perf_counter()
        self._note(wanted.name or a.id, parts, computed - start, end - computed)
        wanted.tell(1.0)
        if wanted.release:
            release(x)
        return a

    def _note(self, name: str, parts: list[Any], serialise: float, seconds: float) -> None:
        """List a put: of each rank tiles, bytes, adopted bytes and seconds."""
        shares = [Share(*each) for each in parts]
        self.transfers.note("put", name, shares, seconds=seconds, serialise=serialise)

    def _tiles(self, chunks: list[Chunk]) -> list[list[Any]]:
        """For each rank the tiles that its worker has, as (i0, j0, shape, key)."""
        rank_of = {address: rank for rank, address in enumerate(self.workers)}
        tiles: list[list[Any]] = [[] for _ in rank_of]
        holders = self.client.who_has([chunk.future for chunk in chunks])
        for chunk in chunks:
            here = [rank_of[w] for w in holders.get(chunk.key, ()) if w in rank_of]
            if not here:
                raise InvalidArgument(
                    f"put: every chunk must be on a worker of the session: {chunk.key} is not "
                    "(it was lost or moved: put again)"
                )
            least = min(here, key=lambda rank: len(tiles[rank]))
            tiles[least].append((chunk.i0, chunk.j0, chunk.shape, chunk.key))
        return tiles

    def _of_chunks(self, routine: str, parts: list[list[Any]], *args: Any) -> tuple[Any, list[Any]]:
        """Call a routine that takes chunks, of each rank (..., key); a child gets their places."""
        if not self._isolated:
            return self._on_each(routine, parts, *args)
        placed: list[list[Any]] = [[] for _ in parts]
        try:
            for rank, address in enumerate(self.workers):
                keys = [key for *_, key in parts[rank]]
                if keys:
                    at = self.client.run(in_worker.chunks_at, self.id, keys, workers=[address])
                    placed[rank] = [
                        (*part[:-1], place)
                        for part, place in zip(parts[rank], at[address], strict=True)
                    ]
            return self._on_each(routine, placed, *args)
        finally:
            self.client.run(in_worker.release, self.id, workers=list(self.workers))

    def _put(self, x: npt.NDArray[Any], dtype: np.dtype[Any], wanted: Wanted) -> RemoteMatrix:
        import dask.array as da

        rows = max(1, -(-x.shape[0] // len(self.workers)))
        pieces = [x[i : i + rows] for i in range(0, x.shape[0], rows)] or [x]
        homes = list(self.workers)
        with self.client.as_current():
            parts = [
                da.from_delayed(
                    self.client.scatter(np.asarray(piece, dtype), workers=[homes[k]], hash=False),
                    piece.shape,
                    dtype,
                )
                for k, piece in enumerate(pieces)
            ]
            return self._take(da.concatenate(parts), wanted)

    def _put_sparse(self, x: Any, wanted: Wanted) -> RemoteSparse:
        """The entries of each rank's rows go to its worker."""
        start = time.perf_counter()
        entries, dtype, bounds = entries_of(x, wanted.dtype, len(self.workers))
        pieces = [entries[i:end, np.newaxis] for i, end in pairwise(bounds)]
        futures = [
            self.client.scatter(piece, workers=[home], hash=False)
            for piece, home in zip(pieces, self.workers, strict=True)
        ]
        given = [[(piece.shape, future.key)] for piece, future in zip(pieces, futures, strict=True)]
        sent = time.perf_counter()
        a, parts = self._of_chunks("dask.put.sparse", given, x.shape, dtype)
        each = [(1, size, 0, *seconds) for size, *seconds in parts]
        self._note(wanted.name or a.id, each, sent - start, time.perf_counter() - sent)
        wanted.tell(1.0)
        return a

    def _fetch(self, a: RemoteMatrix, out: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
        with self.client.as_current():
            whole = self.to_dask(a).compute()
        if out is None:
            return np.asarray(whole)
        out[...] = whole
        return out

    def to_dask(self, a: RemoteMatrix) -> da.Array:
        """The matrix as a Dask array with a chunk of whole rows on each rank's worker.

        Where `a` lies in contiguous rows ([VC,STAR] without a block size) the chunks are its own
        memory: what changes `a` afterwards changes them. Other layouts are changed first.
        """
        import dask.array as da
        from dask.delayed import delayed
        from distributed import wait

        start = time.perf_counter()
        rows = a if a.is_by_rows else a.to("VC,STAR")
        placed = time.perf_counter()
        height = max(1, -(-a.shape[0] // len(self.workers)))
        places: list[Any] = []
        if self._isolated:
            places = [json.loads(text) for text in self._on_each("dask.place", rows)[1]]
        futures, parts = [], []
        with self.client.as_current():
            for rank, address in enumerate(self.workers):
                count = min(height, a.shape[0] - rank * height)
                if count <= 0 and rank > 0:
                    continue
                how = (
                    (in_worker.part_of_child, places[rank])
                    if self._isolated
                    else (in_worker.part, self.id, rows.id)
                )
                # When its worker is gone, a part is asked of another one, which says so.
                future = self.client.submit(
                    in_worker.at_home,
                    address,
                    *how,
                    workers=[address],
                    allow_other_workers=True,
                    pure=False,
                    key=f"matrass-part-{self.id}-{rows.id}-{rank}-{time.monotonic_ns()}",
                )
                futures.append(future)
                shape = (max(count, 0), a.shape[1])
                parts.append(da.from_delayed(delayed(future), shape, a.dtype))
            wait(futures)
        end = time.perf_counter()
        in_place = 0 if self._isolated else 1
        shares = [
            Share(1, part.nbytes, in_place * part.nbytes, end - placed, placed - start)
            for part in parts
        ]
        self.transfers.note("to_dask", a.name or a.id, shares, seconds=end - start)
        return da.concatenate(parts)
