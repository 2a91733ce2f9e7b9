# SPDX-License-Identifier: BSD-3-Clause
"""A process manager of one purpose: processes that run already become the ranks of one MPI world.

MPI_Init asks whoever started it, by the protocol PMI-1, for its rank and for the addresses of the
others. Here that is an asyncio server in the driver, which needs no MPI itself. A member's side is
``world.py``.

PMI-1, as MPICH speaks it: one TCP connection a rank, lines of ``name=value`` words. Its client
cannot prove who it is. So the server listens only while a world forms, on loopback unless told
otherwise, takes connections from the members' hosts alone, one for each rank, and knows nothing
worth stealing.

Source: MPICH 4.0, src/pmi/simple/simple_pmi.c; Balaji et al., "PMI: a scalable parallel
process-management interface for extreme-scale systems" (2010). Next: ``world.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import groupby

__all__ = ["PmiServer"]

_KVS = "matrass"
_LATE_SECONDS = 0.25


def process_mapping(nodes: Sequence[str]) -> str:
    """Which node each rank is on, as MPICH reads it: ``(vector,(node,1,ranks),...)``.

    Examples
    --------
    >>> process_mapping(["a", "a", "b", "a"])
    '(vector,(0,1,2),(1,1,1),(0,1,1))'
    """
    number = {node: k for k, node in enumerate(dict.fromkeys(nodes))}
    runs = [(number[node], len(list(ranks))) for node, ranks in groupby(nodes)]
    return "(vector," + ",".join(f"({node},1,{count})" for node, count in runs) + ")"


class PmiServer:
    """Forms one world.

    Parameters
    ----------
    nodes : sequence of str
        For each rank a name of its machine; ranks of one name may share memory.
    hosts : iterable of str
        Addresses that members may come from; loopback always may.

    Notes
    -----
    All of it runs on one event loop. A member that goes away before the world has formed takes the
    others' connections with it: MPI_Init then fails there rather than wait for ever.
    """

    def __init__(self, nodes: Sequence[str], hosts: Iterable[str] = ()) -> None:
        self.size = len(nodes)
        self._hosts = {"127.0.0.1", "::1", *hosts}
        self._values = {"PMI_process_mapping": process_mapping(nodes)}
        self._fixed = {
            "init": "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0",
            "get_maxes": "cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024",
            "get_appnum": "cmd=appnum appnum=0",
            "get_my_kvsname": f"cmd=my_kvsname kvsname={_KVS}",
            "get_universe_size": f"cmd=universe_size size={self.size}",
            "finalize": "cmd=finalize_ack",
        }
        self._members: dict[int, asyncio.StreamWriter] = {}
        self._connections: set[asyncio.StreamWriter] = set()
        self._waiting: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._closing = False

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Wait for the members from now on; returns the value of their PMI_PORT."""
        self._server = await asyncio.start_server(self._serve, host, port)
        name, number = self._server.sockets[0].getsockname()[:2]
        return f"{name}:{number}"

    def close(self) -> None:
        """Forget the world; whoever is still inside MPI_Init gets an error there."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        for writer in list(self._connections):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("peername")[0]
        if self._closing or host not in self._hosts or len(self._connections) == self.size:
            writer.close()
            return
        self._connections.add(writer)
        if len(self._connections) == self.size and self._server is not None:
            self._server.close()  # complete: nobody else can come
        finished = False
        try:
            while line := await reader.readline():
                words = dict(word.partition("=")[::2] for word in line.decode().split())
                finished = words.get("cmd") == "finalize" or finished
                writer.write(
                    "".join(f"{reply}\n" for reply in self._answer(words, writer)).encode()
                )
        except (ConnectionError, ValueError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()
            if not (finished or self._closing):
                # Who rules the members hears of it by another way, and knows better whom to blame.
                asyncio.get_running_loop().call_later(_LATE_SECONDS, self.close)

    def _answer(self, words: dict[str, str], writer: asyncio.StreamWriter) -> list[str]:
        command = words.get("cmd", "")
        if command in self._fixed:
            return [self._fixed[command]]
        match command:
            case "initack":
                rank = int(words["pmiid"])
                if rank in self._members or not 0 <= rank < self.size:
                    raise ValueError(f"rank {rank}")
                self._members[rank] = writer
                told = {"size": self.size, "rank": rank, "debug": 0}
                return ["cmd=initack", *(f"cmd=set {name}={value}" for name, value in told.items())]
            case "put":
                self._values[words["key"]] = words["value"]
                return ["cmd=put_result rc=0 msg=success"]
            case "get":
                value = self._values.get(words["key"])
                found = "rc=-1 msg=key_not_found" if value is None else "rc=0 msg=success"
                return [f"cmd=get_result {found} value={value or 'unknown'}"]
            case "barrier_in":
                self._waiting.append(writer)
                if len(self._waiting) == self.size:
                    everyone, self._waiting = self._waiting, []
                    for member in everyone:
                        member.write(b"cmd=barrier_out rc=0\n")
        return []  # also to abort: the connection's end says the rest
