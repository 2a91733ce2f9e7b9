# SPDX-License-Identifier: BSD-3-Clause
"""Which workers of a cluster become ranks, and how they become fresh processes.

Next: ``worker.py``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from matrass.errors import InvalidArgument, TimeoutError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["address_of", "are_there", "choose", "own_address", "renew", "require_processes"]

_RESTART_SECONDS = 60


def _names(client: Client) -> dict[str, str]:
    """The names of all workers, by address. Addresses change at a restart, names do not."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    return {address: str(told["name"]) for address, told in known.items()}


def are_there(client: Client, addresses: Iterable[str]) -> bool:
    """Whether Dask has workers at all of these addresses."""
    return set(addresses) <= set(_names(client))


def choose(
    client: Client, ranks: int | tuple[int, int] | None, workers: Sequence[str] | None
) -> dict[str, str]:
    """The addresses of the workers that become ranks, with their names, in the order of ranks."""
    names = _names(client)
    by_name = {name: address for address, name in names.items()}
    if workers is None:
        chosen = sorted(names, key=lambda address: (len(names[address]), names[address], address))
    else:
        missing = [w for w in map(str, workers) if w not in names and w not in by_name]
        if missing:
            raise InvalidArgument(
                f"dask.Session: workers must be of this cluster: got {', '.join(missing)}"
            )
        chosen = [w if w in names else by_name[w] for w in map(str, workers)]
    if ranks is not None:
        least, most = ranks if isinstance(ranks, tuple) else (ranks, ranks)
        if not 1 <= least <= min(most, len(chosen)):
            raise InvalidArgument(
                f"dask.Session: ranks must be from 1 to {len(chosen)}, the number of workers: "
                f"got {ranks}"
            )
        chosen = chosen[:most]
    if not chosen:
        raise InvalidArgument("dask.Session: the cluster must have workers: got none")
    return {address: names[address] for address in chosen}


def identify() -> tuple[int, str]:
    """The process and its machine."""
    return os.getpid(), socket.gethostname()


def require_processes(client: Client, workers: Iterable[str]) -> None:
    """Raise unless each worker is a process of its own: one cannot be several ranks."""
    found = client.run(identify, workers=list(workers))
    if len(set(found.values())) != len(found):
        raise InvalidArgument(
            "dask.Session: each worker must be a process of its own: some share one "
            "(LocalCluster(processes=True))"
        )


def own_address(workers: Iterable[str]) -> str:
    """The address of this machine from which the first worker is reached."""
    where = urlsplit(next(iter(workers))).hostname or "127.0.0.1"
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.connect((where, 9))  # sends nothing
        address: str = probe.getsockname()[0]
    return address


def address_of(interface: str) -> str:
    """The address of a network interface of this machine."""
    from distributed.utils import get_ip_interface

    try:
        address: str = get_ip_interface(interface)
    except (ValueError, KeyError, IndexError) as error:
        raise InvalidArgument(
            f"dask.Session: interface must be one of this machine: {error}"
        ) from None
    return address


def renew(client: Client, names: Iterable[str], stale: Iterable[int]) -> None:
    """Replace the processes `stale` of these workers, one after another, their data moved first.

    Raises
    ------
    TimeoutError
        If a worker does not come back; nannies restart workers.
    """
    old = set(stale)
    for name in names:
        address = _wait_for(client, name)
        if client.run(os.getpid, workers=[address])[address] not in old:
            continue  # its nanny has restarted it already
        client.retire_workers([address], close_workers=False, remove=False)
        client.restart_workers([address], timeout=_RESTART_SECONDS)
        _wait_for(client, name)


def _wait_for(client: Client, name: str) -> str:
    """The address of a worker that may be restarting."""
    end = time.monotonic() + _RESTART_SECONDS
    while time.monotonic() < end:
        for address, known in _names(client).items():
            if known == name:
                return address
        time.sleep(0.05)
    raise TimeoutError(f"dask.Session: worker {name} must come back: it has no nanny, or is gone")
