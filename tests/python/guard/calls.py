# SPDX-License-Identifier: BSD-3-Clause
"""mpi4py's calls by name, each a factory: communicator -> a function to repeat on every rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # pytest reads the names of CALLS, without MPI
    from mpi4py import MPI

Factory = Callable[[Any], Callable[[], object]]
LONG = 1 << 18  # bytes: too long to be sent before the receiver is there


def ring(comm: MPI.Intracomm) -> tuple[int, int]:
    return (comm.rank - 1) % comm.size, (comm.rank + 1) % comm.size


def buffers(comm: MPI.Intracomm) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(8.0 * comm.size), np.zeros(8 * comm.size)


def collective(method: str, *more: object) -> Factory:
    """A buffer collective of one send and one receive buffer, equal parts."""

    def factory(comm: MPI.Intracomm) -> Callable[[], object]:
        out, into = buffers(comm)
        return lambda: getattr(comm, method)(out, into, *more)

    return factory


def part_to_whole(method: str) -> Factory:
    def factory(comm: MPI.Intracomm) -> Callable[[], object]:
        _, into = buffers(comm)
        return lambda: getattr(comm, method)(np.ones(8), into)

    return factory


def whole_to_part(method: str) -> Factory:
    def factory(comm: MPI.Intracomm) -> Callable[[], object]:
        out, _ = buffers(comm)
        return lambda: getattr(comm, method)(out, np.zeros(8))

    return factory


def vector(method: str) -> Factory:
    def factory(comm: MPI.Intracomm) -> Callable[[], object]:
        out, into = buffers(comm)
        counts = [8] * comm.size
        if method == "Alltoallv":
            return lambda: comm.Alltoallv([out, counts], [into, counts])
        if method == "Scatterv":
            return lambda: comm.Scatterv([out, counts], np.zeros(8))
        return lambda: getattr(comm, method)(np.ones(8), [into, counts])

    return factory


def pass_on(comm: MPI.Intracomm, send: str) -> Callable[[], object]:
    """Rank after rank: receive from the left, send to the right; rank 0 begins."""
    left, right = ring(comm)
    message = np.zeros(LONG, np.uint8)

    def call() -> None:
        if comm.rank == 0:
            getattr(comm, send)(message, right)
            comm.Recv(message, left)
        else:
            comm.Recv(message, left)
            getattr(comm, send)(message, right)

    return call


def exchange_requests(comm: MPI.Intracomm, wait: str) -> Callable[[], object]:
    """`wait`: a method of Request for one, or for a list of which it may finish only some."""
    from mpi4py.MPI import Request

    left, right = ring(comm)
    out, into = np.zeros(LONG, np.uint8), np.zeros(LONG, np.uint8)

    def call() -> None:
        requests = [comm.Irecv(into, left), comm.Isend(out, right)]
        if wait == "Wait":
            requests[0].Wait()
        else:
            getattr(Request, wait)(requests)
        Request.Waitall(requests)

    return call


def persistent(comm: MPI.Intracomm) -> Callable[[], object]:
    from mpi4py.MPI import Prequest

    left, right = ring(comm)
    out, into = np.zeros(LONG, np.uint8), np.zeros(LONG, np.uint8)
    requests = [comm.Recv_init(into, left), comm.Send_init(out, right)]

    def call() -> None:
        Prequest.Startall(requests)
        Prequest.Waitall(requests)

    return call


def probed(comm: MPI.Intracomm, *, matched: bool) -> Callable[[], object]:
    left, right = ring(comm)
    out, into = np.zeros(8), np.zeros(8)

    def call() -> None:
        request = comm.Isend(out, right)
        if matched:
            comm.Mprobe(left).Recv(into)
        else:
            comm.Probe(left)
            comm.Recv(into, left)
        request.Wait()

    return call


def sendrecv(comm: MPI.Intracomm, *, replace: bool) -> Callable[[], object]:
    left, right = ring(comm)
    out, into = np.zeros(LONG, np.uint8), np.zeros(LONG, np.uint8)
    if replace:
        return lambda: comm.Sendrecv_replace(out, right, 0, left)
    return lambda: comm.Sendrecv(out, right, 0, into, left)


def neighbours(comm: MPI.Intracomm) -> Callable[[], object]:
    cart = comm.Create_cart([comm.size], [True])
    into = np.zeros(2)
    return lambda: cart.Neighbor_allgather(np.ones(1), into)


def objects(comm: MPI.Intracomm) -> Callable[[], object]:
    left, right = ring(comm)
    return lambda: comm.sendrecv({"a": list(range(10))}, right, source=left)


CALLS: dict[str, Factory] = {
    "Barrier": lambda comm: comm.Barrier,
    "Bcast": lambda comm: lambda: comm.Bcast(np.zeros(LONG, np.uint8), comm.size - 1),
    "bcast": lambda comm: lambda: comm.bcast({"a": 1}, comm.size - 1),
    "Reduce": collective("Reduce"),
    "reduce": lambda comm: lambda: comm.reduce(1),
    "Allreduce": collective("Allreduce"),
    "allreduce": lambda comm: lambda: comm.allreduce(1),
    "Scan": collective("Scan"),
    "Exscan": collective("Exscan"),
    "Gather": part_to_whole("Gather"),
    "gather": lambda comm: lambda: comm.gather("x"),
    "Allgather": part_to_whole("Allgather"),
    "Scatter": whole_to_part("Scatter"),
    "Reduce_scatter_block": whole_to_part("Reduce_scatter_block"),
    "Reduce_scatter": whole_to_part("Reduce_scatter"),
    "Alltoall": collective("Alltoall"),
    "alltoall": lambda comm: lambda: comm.alltoall(list(range(comm.size))),
    "Gatherv": vector("Gatherv"),
    "Scatterv": vector("Scatterv"),
    "Allgatherv": vector("Allgatherv"),
    "Alltoallv": vector("Alltoallv"),
    "Neighbor_allgather": neighbours,
    "Send": lambda comm: pass_on(comm, "Send"),
    "Ssend": lambda comm: pass_on(comm, "Ssend"),
    "Sendrecv": lambda comm: sendrecv(comm, replace=False),
    "Sendrecv_replace": lambda comm: sendrecv(comm, replace=True),
    "sendrecv": objects,
    "Wait": lambda comm: exchange_requests(comm, "Wait"),
    "Waitany": lambda comm: exchange_requests(comm, "Waitany"),
    "Waitsome": lambda comm: exchange_requests(comm, "Waitsome"),
    "Waitall": lambda comm: exchange_requests(comm, "Waitall"),
    "persistent": persistent,
    "Probe": lambda comm: probed(comm, matched=False),
    "Mprobe": lambda comm: probed(comm, matched=True),
    "Dup": lambda comm: lambda: comm.Dup().Free(),
    "Split": lambda comm: lambda: comm.Split(0).Free(),
}
