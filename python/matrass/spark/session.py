# SPDX-License-Identifier: BSD-3-Clause
"""A session whose ranks live in Spark's Python workers.

Next: ``stage.py``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from matrass.arguments import choice_of, index_of
from matrass.control.controller import Controller
from matrass.errors import InvalidArgument, MPIError
from matrass.session import wire_transfer
from matrass.session.session import Session
from matrass.spark.hosts import HOSTED, hosting
from matrass.spark.jobs import Job, watch
from matrass.spark.keeper import Keeper
from matrass.spark.pools import (
    Pool,
    listening_at,
    require_classic,
    require_fixed,
    serve,
    slots,
)

if TYPE_CHECKING:
    import pyspark.sql

    from matrass.session.inputs import Wanted
    from matrass.session.remote_matrix import RemoteMatrix, RemoteSparse

__all__ = ["SparkSession"]

_OPEN_SECONDS = 60.0


class SparkSession(Session):
    """Ranks in Spark's Python workers, between and beside the tasks that these run.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic one: Spark Connect's driver is elsewhere.
    ranks : int, optional
        How many; by default as many as tasks can run at once. Barrier stages need so many slots.
    isolation : {"thread", "process"}
        "thread": a Python worker's process is the rank, and takes the partitions that it reads
        where they are. "process": a child of it is, which Spark does not know of: it needs no
        keep-alive, and partitions are sent to it.
    retry : int
        How often `put` is repeated on fresh ranks after one was lost.
    host : str, optional
        The address of this process that executors can reach; by default Spark's own driver's.
    ports : (int, int), optional
        The first and the last port that may be listened at, here and on the ranks.
    tls : (str, str), optional
        Files of a certificate and its key: commands are encrypted.
    timeout : float
        Seconds in which the ranks must be up.

    Raises
    ------
    InvalidArgument
        If the cluster has fewer slots, or `spark` is of Spark Connect.
    SessionClosedError
        If the SparkContext was stopped.
    TimeoutError, RankLostError, MPIError

    Notes
    -----
    The ranks are workers of a pool of their own. Spark ends Python workers that are idle for 60 s,
    so a small job shows every 25 s that they are not. Where Spark does not use workers again
    (``spark.python.worker.reuse=false``) the session says so, and takes ``isolation="process"``.
    What ranks hold is a cache. When one is lost, running calls raise, handles are gone, and the
    next `put` begins with fresh ranks: Spark knows how data was made.
    """

    def __init__(
        self,
        spark: pyspark.sql.SparkSession,
        ranks: int | None = None,
        isolation: Literal["thread", "process"] = "thread",
        *,
        retry: int = 0,
        host: str | None = None,
        ports: tuple[int, int] | None = None,
        tls: tuple[str, str] | None = None,
        timeout: float = _OPEN_SECONDS,
    ) -> None:
        self.spark = require_classic(spark, "spark.Session")
        self._count = _ranks_of(self.spark, ranks)
        self._isolated = choice_of(isolation, ("thread", "process"), "isolation") == "process"
        conf = self.spark.sparkContext.getConf()
        if not self._isolated and conf.get("spark.python.worker.reuse", "true") == "false":
            warnings.warn(
                "spark.Session: Python workers do not outlive their tasks here "
                "(spark.python.worker.reuse=false): the ranks are children of their own "
                '(isolation="process")',
                stacklevel=2,
            )
            self._isolated = True
        self._listen = listening_at(self.spark, host), ports, tls
        self._timeout = timeout
        super().__init__(retry)

    def _open(self) -> tuple[Controller, Callable[[], None]]:
        """Known processes at first; fresh ones where these cannot be ranks of one world again."""
        require_classic(self.spark, "spark.Session")
        pool = Pool(self.spark, "session", self._count)
        try:
            return self._open_in(pool)
        except MPIError:
            if not pool.ranks:
                raise
            return self._open_in(Pool(self.spark, "session", fresh=True))

    def _open_in(self, pool: Pool) -> tuple[Controller, Callable[[], None]]:
        host, ports, tls = self._listen
        names = [f"rank-{rank}" for rank in range(self._count)]
        controller = Controller(names, host=host, ports=ports, tls=tls)
        told = {"session": controller.id, "own": self._isolated, "may_run": True}
        contacts = [
            controller.reception.contact(member.name) | told for member in controller.members
        ]
        task = hosting(contacts, self._isolated, self._timeout)
        start = pool.numbered(self._count, task, HOSTED, barrier=True)
        job = Job(self.spark, "session", start.collect)
        watch(job, controller)
        try:
            controller.open(self._timeout)
            job.value()
        except BaseException:
            job.cancel()
            controller.close(0)
            raise
        self.pool = pool
        serve(self, pool)
        keeper = None
        if not self._isolated:
            keeper = Keeper(self.spark, pool, self._count)
            keeper.start()
        return controller, partial(_clean_up, controller, pool, keeper)

    def _require_open(self, routine: str) -> None:
        if routine == "put" and self._controller.broken and self._end.alive:
            self.renew()  # what was lost can be put again: Spark knows how it was made
        super()._require_open(routine)

    def _put(self, x: npt.NDArray[Any], dtype: np.dtype[Any], wanted: Wanted) -> RemoteMatrix:
        """From this process straight to the ranks."""
        return wire_transfer.put(self, x, dtype, wanted)

    def _put_sparse(self, x: Any, wanted: Wanted) -> RemoteSparse:
        return wire_transfer.put_sparse(self, x, wanted)

    def _fetch(self, a: RemoteMatrix, out: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
        return wire_transfer.fetch(self, a, out)


def _ranks_of(spark: pyspark.sql.SparkSession, ranks: int | None) -> int:
    require_fixed(spark, "spark.Session")
    there = slots(spark)
    count = there if ranks is None else index_of(ranks, "spark.Session: ranks")
    if not 1 <= count <= there:
        raise InvalidArgument(
            f"spark.Session: ranks must be from 1 to {there}, the tasks that can run at once: "
            f"got {count} (more executors or cores, or fewer ranks)"
        )
    return count


def _clean_up(controller: Controller, pool: Pool, keeper: Keeper | None) -> None:
    if keeper is not None:
        keeper.stop()
        if not controller.broken:
            pool.give_back(len(controller.members))
