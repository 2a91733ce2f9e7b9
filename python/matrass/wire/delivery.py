# SPDX-License-Identifier: BSD-3-Clause
"""A process that has tiles, or wants rows, and the ranks.

Where the process is a rank itself, nothing is sent. Else one connection to each rank is kept for
the process's life, however many parts it reads. Next: ``routines.py`` (the ranks).
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from matrass import errors
from matrass.bootstrap.world import node_name
from matrass.errors import MPIError, RankLostError
from matrass.wire.messages import array_words, hear, receive_array, say
from matrass.wire.port import served
from matrass.wire.stage import empty, stages

__all__ = ["Place", "deliver", "fetch", "hang_up"]

_CONNECT_SECONDS = 20.0
_SILENT_SECONDS = 300.0


@dataclass(frozen=True)
class Place:
    """A rank's port, and what opens it."""

    rank: int
    host: str
    port: int
    process: str
    """Of the rank: see `own_process`."""
    line: str
    """A name of the port that no other has, ever."""
    name: str
    """Of the transfer."""
    ticket: str

    @classmethod
    def of_words(cls, rank: int, place: Sequence[Any], name: str, ticket: str) -> Place:
        """As the rank has told the driver: host, port, process and line."""
        host, port, process, line = place
        return cls(rank, host, port, process, line, name, ticket)


_connections: dict[str, socket.socket] = {}
"""By the names of the ports at their other ends."""
_lock = threading.RLock()


def deliver(places: Sequence[Place], part: int, attempt: int, tiles: Any) -> tuple[int, int, int]:
    """Bring the tiles of one part to one rank.

    Parameters
    ----------
    places : sequence of Place
        Of all ranks. A rank that is this process gets the tiles; else it is ``part % ranks``.
    part, attempt : int
    tiles : iterable of Tile

    Returns
    -------
    (int, int, int)
        The rank, how many tiles it got, and their bytes.

    Raises
    ------
    RankLostError
        If the rank does not listen any more.
    """
    count = size = 0
    stage = stages.get(places[0].name)
    if stage is not None:
        stage.require_ticket(places[0].ticket)
        rank = next(place.rank for place in places if place.process == own_process())
        for tile in tiles:
            stage.add(part, attempt, tile, adopted=True)
            count, size = count + 1, size + tile.nbytes
        return rank, count, size
    place = places[part % len(places)]
    head = {"put": place.name, "ticket": place.ticket, "part": part, "attempt": attempt}
    for tile in tiles:
        told = {"do": "tile", "kind": tile.kind, "at": tile.at}
        arrays = [array_words(x) for x in tile.arrays]
        _speak(place, head | told | {"arrays": arrays}, tile.arrays)
        count, size = count + 1, size + tile.nbytes
    if count:
        _ask(place, head | {"do": "done"})
    return place.rank, count, size


def fetch(place: Place, rows_wanted: tuple[int, int] | None) -> npt.NDArray[Any]:
    """The rows from one to another, which this rank has; None: all that it gives out."""
    given = served.get(place.name)
    if given is not None and place.process == own_process() and given.ticket == place.ticket:
        rows = given.rows()
        if rows_wanted is None:
            return rows
        return rows[rows_wanted[0] - given.first : rows_wanted[1] - given.first]
    with _lock:
        words = {"do": "rows", "matrix": place.name, "ticket": place.ticket, "rows": rows_wanted}
        rows = empty(_ask(place, words))
        receive_array(_connections[place.line], rows)
    return rows


def own_process() -> str:
    """A name of this process that no other has, on any machine."""
    return f"{node_name()}/{os.getpid()}"


def _speak(place: Place, words: dict[str, Any], arrays: Sequence[npt.NDArray[Any]]) -> None:
    with _lock, _said(place):
        say(_connection(place), words, arrays)


def _ask(place: Place, words: dict[str, Any]) -> dict[str, Any]:
    with _lock, _said(place):
        say(_connection(place), words)
        answer = hear(_connection(place))
    if answer is None:
        raise _lost(place, "it hung up")
    if "error" in answer:
        hang_up(place)
        raise getattr(errors, answer.get("kind", ""), MPIError)(answer["error"])
    return answer


@contextlib.contextmanager
def _said(place: Place) -> Any:
    try:
        yield
    except OSError as error:
        refusal = _refusal(place)
        hang_up(place)
        raise refusal or _lost(place, str(error)) from None


def _refusal(place: Place) -> Exception | None:
    """What the rank said before it hung up."""
    kept = _connections.get(place.line)
    try:
        answer = hear(kept) if kept is not None else None
    except (OSError, ValueError):
        return None
    if answer is None or "error" not in answer:
        return None
    refused: Exception = getattr(errors, answer.get("kind", ""), MPIError)(answer["error"])
    return refused


def _lost(place: Place, why: str) -> RankLostError:
    hang_up(place)
    return RankLostError(
        f"put: rank {place.rank} must listen at {place.host}, port {place.port}: {why}"
    )


def _connection(place: Place) -> socket.socket:
    if place.line not in _connections:
        _sweep()
        made = socket.create_connection((place.host, place.port), timeout=_CONNECT_SECONDS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.settimeout(_SILENT_SECONDS)
        _connections[place.line] = made
    return _connections[place.line]


def _sweep() -> None:
    """Close connections whose other ends are gone: of sessions that are over."""
    for line, kept in list(_connections.items()):
        with contextlib.suppress(BlockingIOError):
            try:
                gone = not kept.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except ConnectionError:
                gone = True
            if gone:
                del _connections[line]
                kept.close()


def hang_up(place: Place) -> None:
    """End the connection to a rank, if there is one."""
    kept = _connections.pop(place.line, None)
    if kept is not None:
        kept.close()
