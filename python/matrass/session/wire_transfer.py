# SPDX-License-Identifier: BSD-3-Clause
"""Between a driver's arrays and ranks that are no children of it: by connections to each rank.

Next: ``local.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matrass.errors import InvalidArgument
from matrass.session.inputs import Wanted, scalar_of
from matrass.session.places import opened, rows_of_ranks
from matrass.session.transfers import Share
from matrass.wire import connections, delivery
from matrass.wire.delivery import Place
from matrass.wire.stage import Tile

if TYPE_CHECKING:
    from matrass.session.remote_matrix import RemoteMatrix, RemoteSparse
    from matrass.session.session import Session

__all__ = ["fetch", "put", "put_sparse"]


def put(
    session: Session,
    x: npt.NDArray[Any],
    dtype: np.dtype[Any],
    wanted: Wanted,
) -> RemoteMatrix:
    """Send each rank its rows of `x`."""
    start = time.perf_counter()
    shares = rows_of_ranks(len(session.ranks), len(x))
    parts = [[(rank, 0, begin)] if begin < end else [] for rank, (begin, end) in enumerate(shares)]
    a: RemoteMatrix
    with opened(session, "wire.expect") as (name, places):

        def send(rank: int) -> None:
            begin, end = shares[rank]
            rows = np.ascontiguousarray(x[begin:end], dtype)
            delivery.deliver([places[rank]], rank, 0, [Tile("rows", (0, 0), (rows,))])

        _for_each_rank(session, places, send, wanted)
        sent = time.perf_counter()
        a, told = session._on_each("wire.place", name, parts, x.shape, dtype, "[VC,STAR]", None)
    _note_put(session, wanted.name or a.id, told, start, sent)
    return a


def put_sparse(session: Session, x: Any, wanted: Wanted) -> RemoteSparse:
    """Send each rank the entries of its rows."""
    start = time.perf_counter()
    coo = x.tocoo()
    dtype = scalar_of(coo.dtype, wanted.dtype)
    order = np.argsort(coo.row, kind="stable")
    i, j, v = coo.row[order].astype(np.int64), coo.col[order].astype(np.int64), coo.data[order]
    shares = rows_of_ranks(len(session.ranks), x.shape[0])
    cuts = [np.searchsorted(i, share) for share in shares]
    parts = [[(rank, 0, 0)] for rank in range(len(shares))]
    a: RemoteSparse
    with opened(session, "wire.expect") as (name, places):

        def send(rank: int) -> None:
            own = slice(*cuts[rank])
            tile = Tile("coo", (0, 0), (i[own], j[own], v[own].astype(dtype, copy=False)))
            delivery.deliver([places[rank]], rank, 0, [tile])

        _for_each_rank(session, places, send, wanted)
        sent = time.perf_counter()
        a, told = session._on_each("wire.coo", name, parts, x.shape, dtype)
    _note_put(session, wanted.name or a.id, told, start, sent)
    return a


def _note_put(session: Session, name: str, told: list[Any], start: float, sent: float) -> None:
    shares = [Share(tiles, size, 0, 0.0, placed) for tiles, size, _, placed in told]
    seconds = time.perf_counter() - start
    session.transfers.note("put", name, shares, seconds=seconds, send=sent - start)


def fetch(session: Session, a: RemoteMatrix, out: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """Fetch each rank's rows."""
    start = time.perf_counter()
    out = a.room(out)
    if not out.flags.writeable:
        raise InvalidArgument("to_numpy: out must be writable")
    target = out
    rows = a if a.is_by_rows else a.to("VC,STAR")
    placed = time.perf_counter()
    shares = rows_of_ranks(len(session.ranks), len(out))
    with opened(session, "wire.give", rows) as (_, places):

        def take(rank: int) -> None:
            begin, end = shares[rank]
            if begin < end:
                target[begin:end] = delivery.fetch(places[rank], (begin, end))

        _for_each_rank(session, places, take, None)
    end = time.perf_counter()
    width = a.shape[1] * a.dtype.itemsize
    told = [Share(1, (last - first) * width, 0, 0.0, placed - start) for first, last in shares]
    session.transfers.note("fetch", a.name or a.id, told, seconds=end - start, send=end - placed)
    return out


def _for_each_rank(
    session: Session, places: list[Place], work: Callable[[int], None], wanted: Wanted | None
) -> None:
    """Do this with all ranks at once; a lost rank is the reason for what fails."""
    count = len(session.ranks)
    with ThreadPoolExecutor(count, thread_name_prefix="matrass-wire") as pool:
        try:
            started = [pool.submit(work, rank) for rank in range(count)]
            for done, each in enumerate(as_completed(started), 1):
                each.result()
                if wanted is not None:
                    wanted.tell(done / count)
        except Exception:
            session._require_alive()
            raise
        finally:
            for place in places:
                connections.hang_up(place)
