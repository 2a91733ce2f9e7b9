# SPDX-License-Identifier: BSD-3-Clause
"""A rank's side of a session: it hears the driver's commands and runs them, one after another.

The agent connects to the driver, so that nothing has to reach into the rank's machine. Three
threads: one hears, one makes MPI calls (`MpiThread`), and a native one answers pings and ends what
is blocked (``matrass/mpi/lifeline.hpp``). Next: ``controller.py``.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matrass import steps
from matrass.anywhere import Kept
from matrass.bootstrap import world as worlds
from matrass.bootstrap.which_mpi import load_core
from matrass.control import failures, routines
from matrass.control.messages import decode, encode
from matrass.control.mpi_thread import MpiThread
from matrass.errors import AuthenticationError, CancelledError, InvalidArgument

if TYPE_CHECKING:
    from matrass.grid import Grid

__all__ = ["Agent", "Contact", "Desk"]


@dataclass(frozen=True)
class Contact:
    """Where an agent finds its session, and what it says there."""

    url: str
    """Of the driver's WebSocket."""
    lifeline: tuple[str, int]
    """Host and port of the other line."""
    token: str
    line_token: str
    certificate: str | None
    """The driver's, in PEM, where the WebSocket is encrypted."""
    session: str
    member: str
    """The name by which the driver expects this process."""
    own: bool
    """Whether the process lives for this session alone."""
    memory: int = -1
    """The descriptor of memory that is shared with the driver, where there is one."""
    may_run: bool = False
    """Whether functions may be shipped here: only between processes of one owner."""
    ports: tuple[int, int] | None = None
    """The first and the last port that may be listened at here."""

    @classmethod
    def of_words(cls, told: dict[str, Any]) -> Contact:
        """As the driver has written it down, in JSON."""
        ports = told.get("ports")
        changed = {"lifeline": tuple(told["lifeline"]), "ports": ports and tuple(ports)}
        return cls(**told | changed)


class Desk:
    """What the routines of one session find on a rank: its grid and its matrices, by name."""

    def __init__(self, contact: Contact) -> None:
        self.contact = contact
        self.matrices: dict[str, Any] = {}
        """And masks, and what else is kept for the driver."""
        self.grid: Grid | None = None
        self.tools: dict[str, Any] = {}
        """What routines keep between calls, by their own keys."""
        self.address = "127.0.0.1"
        """Of this machine, as the driver reaches it."""
        self.at_end: list[Callable[[], object]] = []
        """What routines want done when the session leaves this process."""

    @property
    def on(self) -> Grid:
        """The process grid of all ranks of the session."""
        assert self.grid is not None
        return self.grid

    def own_words(self, seq: int) -> Callable[[Any], dict[str, Any] | None]:
        """For `encode`: keeps matrices among the results of command `seq`, and names them."""
        from matrass.linalg import Labels
        from matrass.mask import DistMask
        from matrass.matrix import DistMatrix
        from matrass.sparse import SparseMatrix

        kinds = {DistMatrix: "matrix", SparseMatrix: "sparse", DistMask: "mask", Kept: "state"}
        count = 0

        def words(value: Any) -> dict[str, Any] | None:
            nonlocal count
            if isinstance(value, Labels):
                return {"$": "labels", "matrix": words(value.matrix)}
            kind = kinds.get(type(value))
            if kind is None:
                return None
            name, count = f"{seq}.{count}", count + 1
            self.matrices[name] = value
            told: dict[str, Any] = {"$": kind, "id": name}
            if kind == "state":
                return told
            told["shape"] = value.shape
            if kind != "mask":
                told |= {"dtype": value.dtype.str, "nbytes": value.nbytes}
            if kind == "matrix":
                told |= {"layout": str(value.layout), "block": value.block}
                told["by_rows"] = _is_by_rows(value)
                told["order"] = "C" if value.local.strides[1] == value.dtype.itemsize else "F"
            if kind == "sparse":
                told["nnz"] = value.nnz
            certificate = getattr(value, "certificate", None)
            if certificate is not None:
                told["certificate"] = [certificate.residual, certificate.orthogonality]
            return told

        return words

    def own_value(self, words: dict[str, Any]) -> Any:
        """For `decode`: the matrix or the function that the driver means."""
        match words.get("$"):
            case "handle":
                try:
                    return self.matrices[words["id"]]
                except KeyError:
                    raise InvalidArgument(
                        f"session: matrix {words['id']} must exist: it was freed"
                    ) from None
            case "function" if self.contact.may_run:
                import base64

                import cloudpickle

                return cloudpickle.loads(base64.b64decode(words["pickle"]))
        raise InvalidArgument(f"session: words must be known here: got {words.get('$')!r}")


class Agent:
    """Serves one session until it ends.

    Parameters
    ----------
    contact : Contact
    """

    def __init__(self, contact: Contact) -> None:
        self.contact = contact
        self.desk = Desk(contact)
        self._mpi = MpiThread.of_process()
        self._cancelled: set[int] = set()
        self._socket: Any = None
        self._lifeline: Any = None
        self._sending = threading.Lock()

    def serve(self) -> None:
        """Hear the driver until it says goodbye or is gone. Returns when nothing runs any more.

        Raises
        ------
        AuthenticationError
            If the driver refuses the token.
        """
        from websockets.exceptions import ConnectionClosed
        from websockets.sync.client import connect

        worlds.prepare()
        encryption = None
        if self.contact.certificate is not None:
            encryption = ssl.create_default_context(cadata=self.contact.certificate)
            encryption.check_hostname = False  # this certificate and no other is trusted
        self._socket = connect(
            self.contact.url,
            ssl=encryption,
            max_size=None,
            compression=None,
            ping_interval=None,
            open_timeout=30,
        )
        try:
            self.desk.address = self._socket.local_address[0]
            self._greet()
            for text in self._socket:
                message = json.loads(text)
                if not self._hear(message):
                    break
        except ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code == 4401:
                raise AuthenticationError(f"session: {closed.rcvd.reason}") from None
        finally:
            self._mpi.submit(self._leave).result()
            self._socket.close()

    def _greet(self) -> None:
        core = load_core()
        known = worlds.world()
        hello = {
            "token": self.contact.token,
            "member": self.contact.member,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "node": worlds.node_name(),
            "world": None
            if known is None
            else {
                "id": known.id,
                "rank": known.rank,
                "size": known.size,
                "end": worlds.end_of_world(),
            },
        }
        self._say(hello)
        host, port = self.contact.lifeline
        line = f"matrass {self.contact.line_token} {self.contact.member}"
        self._lifeline = core.Lifeline(host, str(port), line, self.contact.own)

    def _hear(self, message: dict[str, Any]) -> bool:
        """Obey a message; returns whether to hear more."""
        match message["do"]:
            case "cancel":
                self._cancelled.add(message["seq"])
            case "drop":
                self._mpi.submit(lambda: self._drop(message["seq"]))
            case "free":
                self._mpi.submit(lambda: self._free(message["ids"]))
            case "close":
                self._mpi.submit(lambda: self._say({"closed": True})).result()
                return False
            case _:
                self._mpi.submit(lambda: self._run(message))
        return True

    def _say(self, message: dict[str, Any]) -> None:
        text = json.dumps(message)
        with self._sending:
            self._socket.send(text)

    # On the MPI thread ----------------------------------------------------------------------------

    def _run(self, message: dict[str, Any]) -> None:
        """Run one command and say how it ended."""
        seq = message["seq"]
        try:
            self._lifeline.set_busy(True)
            value = self._do(message)
        except BaseException as error:
            self._drop(seq)
            reply = {"seq": seq, "error": failures.describe(error), "end": worlds.end_of_world()}
        else:
            reply = {"seq": seq, "value": value}
        finally:
            steps.watch(None)
            self._lifeline.set_busy(False)
            self._cancelled.discard(seq)
        try:
            self._say(reply)
        except Exception:  # the driver is gone: the thread that hears knows
            return

    def _do(self, message: dict[str, Any]) -> Any:
        match message["do"]:
            case "join":
                worlds.join(message["id"], message["port"], message["rank"], message["size"])
                return None
            case "open":
                from matrass.grid import Grid

                known = worlds.world()
                assert known is not None
                self.desk.grid = Grid(known.comm(tuple(message["ranks"])))
                return None
            case "call":
                return self._call(message)
        raise InvalidArgument(f"session: no command is called {message['do']!r}")

    def _call(self, message: dict[str, Any]) -> Any:
        seq, desk = message["seq"], self.desk
        steps.watch(lambda done, text: self._step(seq, done, text))
        args = decode(message["args"], desk.own_value)
        kwargs = {name: decode(x, desk.own_value) for name, x in message["kwargs"].items()}
        result = routines.find(message["routine"], desk)(*args, **kwargs)
        words = encode(result, desk.own_words(seq))
        # Mostly all ranks have the same result, and one need say it.
        return words if message["every"] or desk.on.comm.rank == 0 else None

    def _step(self, seq: int, done: float | None, text: str) -> None:
        if seq in self._cancelled:
            raise CancelledError("session: the routine was cancelled")
        if self.desk.on.comm.rank == 0:
            self._say({"seq": seq, "progress": [done, text]})

    def _free(self, ids: list[str]) -> None:
        for name in ids:
            self.desk.matrices.pop(name, None)

    def _drop(self, seq: int) -> None:
        """Forget what a command that failed had made so far."""
        self._free([name for name in self.desk.matrices if name.startswith(f"{seq}.")])

    def _leave(self) -> None:
        for act in self.desk.at_end:
            act()
        self.desk.matrices.clear()
        self.desk.tools.clear()
        self.desk.grid = None
        if self._lifeline is not None:
            self._lifeline.close()


def _is_by_rows(a: Any) -> bool:
    """Whether rank r has the rows from r h to (r + 1) h, h = m / p rounded up; right on rank 0.

    A slice's need not, though its layout is called the same.
    """
    m = a.shape[0]
    height = max(1, -(-m // a.grid.size))
    first = a.local.shape[0] == min(height, m)
    return str(a.layout) == "[VC,STAR]" and first and (a.block[0] == height or m == 0)
