# SPDX-License-Identifier: BSD-3-Clause
"""A PMI-1 server in a thread: processes that nobody manages become one MPI world.

Unlike mpiexec it cleans nothing up: when a rank dies the others are left to themselves, which is
what the guard's tests need. Next: `world`.
"""

from __future__ import annotations

import socket
import threading

WORDS_PER_LIMIT = {"kvsname_max": 256, "keylen_max": 64, "vallen_max": 1024}


class PmiServer:
    """Serves `size` ranks, equally many on each of `nodes`; `port` is what PMI_PORT wants.

    `listener`: a socket that all of them can reach; by default one for this machine alone.
    """

    def __init__(self, size: int, nodes: int = 1, listener: socket.socket | None = None) -> None:
        self._size = size
        self._values = {"PMI_process_mapping": f"(vector,(0,{nodes},{size // nodes}))"}
        self._barrier = threading.Barrier(size)
        self._lock = threading.Lock()
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port = "{}:{}".format(*self._listener.getsockname())
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._barrier.abort()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw", encoding="ascii", newline="\n") as stream:
            try:
                for line in stream:
                    words = dict(word.split("=", 1) for word in line.split() if "=" in word)
                    for answer in self._answers(words):
                        stream.write(answer + "\n")
                    stream.flush()
            except (OSError, threading.BrokenBarrierError):  # the rank died, or the world did
                return

    def _answers(self, words: dict[str, str]) -> list[str]:
        command = words.get("cmd", "")
        if command == "initack":
            rank = words["pmiid"]
            return [
                "cmd=initack",
                f"cmd=set size={self._size}",
                f"cmd=set rank={rank}",
                "cmd=set debug=0",
            ]
        if command == "put":
            with self._lock:
                self._values[words["key"]] = words["value"]
            return ["cmd=put_result rc=0 msg=success"]
        if command == "get":
            return [self._get(words["key"])]
        if command == "barrier_in":
            self._barrier.wait()
            return ["cmd=barrier_out rc=0"]
        limits = " ".join(f"{name}={value}" for name, value in WORDS_PER_LIMIT.items())
        return {
            "init": ["cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1"],
            "get_maxes": [f"cmd=maxes {limits}"],
            "get_appnum": ["cmd=appnum appnum=0"],
            "get_my_kvsname": ["cmd=my_kvsname kvsname=matrass"],
            "get_universe_size": [f"cmd=universe_size size={self._size}"],
            "finalize": ["cmd=finalize_ack"],
        }.get(command, [])

    def _get(self, key: str) -> str:
        with self._lock:
            value = self._values.get(key)
        if value is None:
            return "cmd=get_result rc=-1 msg=missing value=unknown"
        return f"cmd=get_result rc=0 msg=success value={value}"
