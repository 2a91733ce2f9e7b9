# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts on one machine: network namespaces joined by a cable (a veth pair), and ranks in both.

Ranks 0 and 1 run on the first host, 2 and 3 on the second. Next: `moving`, what they run.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).resolve().parent
MPIEXEC = os.environ.get("MATRASS_MPIEXEC", "mpiexec.mpich")
CABLE = "cable"  # each end's name on its host
ADDRESSES = ("10.211.0.1", "10.211.0.2")
RANKS_PER_HOST = 2
RANKS = 2 * RANKS_PER_HOST
TCP = {"UCX_TLS": "tcp,self", "UCX_HANDLE_ERRORS": "none", "OPENBLAS_NUM_THREADS": "1"}
UP_WITHIN = 20.0  # seconds
END_WITHIN = 30.0
CLONE_NEWNET = 0x40000000


def ip(*words: str) -> str:
    """What `ip words...` prints."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def why_not() -> str:
    """Why there can be no network namespaces here; empty if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no program `ip` (Debian: iproute2)"
    name = f"matrass-{os.getpid()}-try"
    try:
        ip("netns", "add", name)
        try:
            ip("netns", "exec", name, "true")  # not in a chroot: it mounts another /sys
        finally:
            ip("netns", "del", name)
    except OSError as error:
        return f"this system allows no network namespaces: {error}"
    return ""


class TwoHosts:
    """A context: the hosts are there within it, and all of their processes have ended after it."""

    def __init__(self) -> None:
        self.names = [f"matrass-{os.getpid()}-{letter}" for letter in "ab"]

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self) -> None:
        first, second = self.names
        for name in self.names:
            ip("netns", "add", name)
        end = ("type", "veth", "peer", "name", CABLE, "netns", second)
        ip("link", "add", CABLE, "netns", first, *end)
        for name, address in zip(self.names, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", CABLE)
            for link in ("lo", CABLE):
                ip("-n", name, "link", "set", link, "up")
        # The system says so up to a second later, and until then UCX does not see the link.
        deadline = time.monotonic() + UP_WITHIN
        while not all(self._is_up(name) for name in self.names):
            if time.monotonic() > deadline:
                raise OSError("the link between the network namespaces does not come up")
            time.sleep(0.05)

    @staticmethod
    def _is_up(name: str) -> bool:
        return json.loads(ip("-n", name, "-j", "link", "show", CABLE))[0]["operstate"] == "UP"

    def close(self) -> None:
        self.end_processes()
        for name in self.names:
            with contextlib.suppress(OSError):
                ip("netns", "del", name)

    def processes(self) -> list[int]:
        """Of both hosts. Nobody else knows their names: these are ours."""
        pids: list[int] = []
        for name in self.names:
            with contextlib.suppress(OSError):
                pids += map(int, ip("netns", "pids", name).split())
        return pids

    def ended(self) -> bool:
        """Whether all processes of both hosts end by themselves; those that do not are ended."""
        deadline = time.monotonic() + END_WITHIN
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        left = self.processes()
        self.end_processes()
        return not left

    def end_processes(self) -> None:
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def on_host_of(self, rank: int) -> list[str]:
        """What to put before a command so that it runs on the host of this rank."""
        return ["ip", "netns", "exec", self.names[rank // RANKS_PER_HOST]]

    def listen(self) -> socket.socket:
        """A server's socket that both hosts can reach."""
        with (
            Path("/proc/thread-self/ns/net").open(encoding="utf-8") as before,
            Path(f"/run/netns/{self.names[0]}").open(encoding="utf-8") as there,
        ):
            _set_network(there.fileno())
            try:  # a socket stays on the host where it was made
                return socket.create_server((ADDRESSES[0], 0))
            finally:
                _set_network(before.fileno())

    def mpiexec(
        self, environment: dict[str, str], *words: str, within: float
    ) -> tuple[int, list[Any], str]:
        """Run `words`, a Python program and its arguments, on the ranks of both hosts.

        Returns the exit code, what was printed as lines of JSON, and everything that was printed.

        Raises
        ------
        subprocess.TimeoutExpired
            When it takes longer than `within` seconds; all is ended then.
        """
        hosts = ",".join(f"{name}:{RANKS_PER_HOST}" for name in self.names)
        launcher = ["-launcher", "ssh", "-launcher-exec", str(HERE / "launcher.sh")]
        command = [
            *self.on_host_of(0), MPIEXEC, *launcher, "-localhost", ADDRESSES[0], "-hosts", hosts,
            "-n", str(RANKS), sys.executable, "-X", "faulthandler", *words,
        ]  # fmt: skip
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PMI_", "MATRASS_"))}
        try:
            done = subprocess.run(
                command,
                env=kept | TCP | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=within,
                check=False,
            )
        except BaseException:
            self.end_processes()
            raise
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return done.returncode, [json.loads(line) for line in lines], done.stdout


def _set_network(namespace: int) -> None:
    """This thread's network is that of an open file of a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
