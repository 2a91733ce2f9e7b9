# SPDX-License-Identifier: BSD-3-Clause
"""Where a rank takes tiles from other processes, and gives rows to them.

Next: ``connections.py`` (the other side).
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

import numpy as np

from matrass.control.reception import no_free_port
from matrass.errors import AuthenticationError, Error, InvalidArgument
from matrass.wire.messages import array_words, hear, receive_array, say
from matrass.wire.stage import Stage, Tile, empty, stages

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Port", "Served", "served"]

_IDLE_SECONDS = 600.0
_REFUSED_SECONDS = 5.0


@dataclass(frozen=True)
class Served:
    """Rows that other processes may fetch, with the ticket of the transfer."""

    ticket: str
    rows: Callable[[], npt.NDArray[Any]]
    first: int
    """The number of the first of these rows."""


served: dict[str, Served] = {}
"""By the names of transfers."""


class Port:
    """Listens until it is closed; each connection has a thread, which needs no MPI.

    Parameters
    ----------
    host : str
        The address to listen at.
    ports : (int, int) or None
        The first and the last port that may be listened at.
    """

    def __init__(self, host: str, ports: tuple[int, int] | None) -> None:
        self._server = _listen(host, ports)
        self.address: tuple[str, int] = self._server.getsockname()[:2]
        self.name = secrets.token_hex(8)
        """No other port has it, ever."""
        self.accepted = 0
        """How many connections there have been."""
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="matrass-wire", daemon=True).start()

    def close(self) -> None:
        """Listen no more; connections end."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:  # closed
                return
            self.accepted += 1
            self._open.add(connection)
            threading.Thread(
                target=self._serve, args=(connection,), name="matrass-wire", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(_IDLE_SECONDS)
            while (words := hear(connection)) is not None:
                _answer(connection, words)
        except Error as error:
            with contextlib.suppress(OSError):
                say(connection, {"error": str(error), "kind": type(error).__name__})
                _let_go(connection)
        except (OSError, ValueError, KeyError, TypeError):  # who speaks so is not answered
            pass
        finally:
            self._open.discard(connection)
            connection.close()


def _let_go(connection: socket.socket) -> None:
    """Hear out who is refused: what is closed with bytes unread takes back what was said last."""
    connection.shutdown(socket.SHUT_WR)
    patience = time.monotonic() + _REFUSED_SECONDS
    connection.settimeout(_REFUSED_SECONDS)
    while time.monotonic() < patience and connection.recv(1 << 16):
        pass


def _listen(host: str, ports: tuple[int, int] | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    problem: OSError | None = None
    for port in range(ports[0], ports[1] + 1) if ports else (0,):
        server = socket.socket(family, socket.SOCK_STREAM)
        try:
            server.bind((host, port))
            server.listen(128)
        except OSError as error:
            server.close()
            problem = error
        else:
            return server
    raise no_free_port(host, ports, problem)


def _answer(connection: socket.socket, words: dict[str, Any]) -> None:
    match words["do"]:
        case "tile":
            stage = _stage_of(words)
            arrays = tuple(empty(each) for each in words["arrays"])
            for x in arrays:
                receive_array(connection, x)
            i0, j0 = words["at"]
            tile = Tile(words["kind"], (int(i0), int(j0)), arrays)
            stage.add(int(words["part"]), int(words["attempt"]), tile, adopted=False)
        case "done":
            _stage_of(words)
            say(connection, {"ok": True})
        case "rows":
            _give(connection, words)
        case _:
            raise InvalidArgument(f"put: a message must be a known one: got {words['do']!r}")


def _stage_of(words: dict[str, Any]) -> Stage:
    stage = stages.get(str(words["put"]))
    if stage is None:
        raise AuthenticationError("put: the ticket must be of a matrix that is awaited")
    stage.require_ticket(words["ticket"])
    return stage


def _give(connection: socket.socket, words: dict[str, Any]) -> None:
    given, shown = served.get(str(words["matrix"])), words["ticket"]
    if given is None or not isinstance(shown, str) or not compare_digest(shown, given.ticket):
        raise AuthenticationError("fetch: the ticket must be of a matrix that is given out")
    rows = given.rows()
    if words["rows"] is not None:
        begin, end = (int(i) - given.first for i in words["rows"])
        if not 0 <= begin <= end <= len(rows):
            raise InvalidArgument(f"fetch: rows must be this rank's: got {words['rows']}")
        rows = np.ascontiguousarray(rows[begin:end])
    say(connection, array_words(rows), [rows])
