# SPDX-License-Identifier: BSD-3-Clause
"""This process's connections to the ports of ranks: one each, kept until a side ends it.

Next: ``delivery.py``.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from matrass import errors
from matrass.bootstrap.world import node_name
from matrass.errors import MPIError, RankLostError
from matrass.wire.messages import hear, receive_array, say

__all__ = ["Place", "ask", "hang_up", "speak"]

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


@dataclass
class _Connection:
    socket: socket.socket
    lock: threading.Lock = field(default_factory=threading.Lock)


_open: dict[str, _Connection] = {}
"""By the names of the ports at their other ends."""
_lock = threading.Lock()


def speak(place: Place, words: dict[str, Any], arrays: Sequence[npt.NDArray[Any]]) -> None:
    """Say something to a rank that does not answer it.

    Raises
    ------
    RankLostError
        If the rank does not listen any more.
    Error
        What it said when it hung up.
    """
    with _with(place) as connection:
        say(connection, words, arrays)


def ask(
    place: Place,
    words: dict[str, Any],
    room: Callable[[dict[str, Any]], npt.NDArray[Any]] | None = None,
) -> tuple[dict[str, Any], Any]:
    """Its answer, and the array behind it, where `room` makes one of the answer.

    Raises
    ------
    RankLostError, Error
        See `speak`.
    """
    with _with(place) as connection:
        say(connection, words)
        answer = hear(connection)
        if answer is None:
            raise ConnectionError("it hung up")
        if "error" in answer:
            raise _Refused(answer)
        x = None if room is None else room(answer)
        if x is not None:
            receive_array(connection, x)
    return answer, x


def hang_up(place: Place) -> None:
    """End the connection to a rank, if there is one."""
    with _lock:
        kept = _open.pop(place.line, None)
    if kept is not None:
        kept.socket.close()


class _Refused(Exception):  # noqa: N818 - it never leaves this file
    """What a rank answered instead."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        kind = getattr(errors, str(answer.get("kind")), MPIError)
        self.error: Exception = kind(answer["error"])


@contextlib.contextmanager
def _with(place: Place) -> Iterator[socket.socket]:
    """The connection to a rank, of nobody else meanwhile; ended where something goes wrong."""
    kept: _Connection | None = None
    try:
        kept = _connection(place)
        with kept.lock:
            yield kept.socket
    except _Refused as refused:
        hang_up(place)
        raise refused.error from None
    except OSError as error:
        refusal = _last_words(kept)
        hang_up(place)
        raise refusal or _lost(place, error) from None
    except BaseException:
        hang_up(place)
        raise


def _lost(place: Place, error: OSError) -> Exception:
    told = f"put: rank {place.rank} must listen at {place.host}, port {place.port}: {error}"
    there, _, _ = place.process.rpartition("/")
    if place.host in ("127.0.0.1", "::1") and there != node_name():
        return MPIError(f"{told} (that is its own machine only: mt.Session(host=...))")
    return RankLostError(told)


def _last_words(kept: _Connection | None) -> Exception | None:
    """What the rank said before it hung up, if it did."""
    try:
        answer = hear(kept.socket) if kept is not None else None
    except (OSError, ValueError):
        return None
    return _Refused(answer).error if answer is not None and "error" in answer else None


def _connection(place: Place) -> _Connection:
    with _lock:
        kept = _open.get(place.line)
        if kept is None:
            _sweep()
            made = socket.create_connection((place.host, place.port), timeout=_CONNECT_SECONDS)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.settimeout(_SILENT_SECONDS)
            kept = _open[place.line] = _Connection(made)
        return kept


def _sweep() -> None:
    """Close connections whose other ends are gone: of sessions that are over."""
    for line, kept in list(_open.items()):
        if kept.lock.locked() or not select.select([kept.socket], [], [], 0)[0]:
            continue
        try:
            gone = not kept.socket.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            gone = True
        if gone:
            del _open[line]
            kept.socket.close()
