# SPDX-License-Identifier: BSD-3-Clause
"""Private pools of Spark's Python workers, and jobs that run in them.

Spark keeps a pool of Python workers on each executor for each environment of variables: a variable
of matrass's own makes one that nobody else uses. Next: ``transfer.py``.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from matrass.errors import InvalidArgument, SessionClosedError
from matrass.spark.jobs import is_stopped
from matrass.spark.pace import paced
from matrass.spark.tasks import Task, renamed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from matrass.session.session import Session

__all__ = [
    "Pool",
    "listening_at",
    "mapped",
    "require_classic",
    "require_fixed",
    "serve",
    "slots",
]

_VARIABLE = "MATRASS_POOL"
_lock = threading.Lock()
_numbers = itertools.count()
_free: dict[tuple[str, str], list[tuple[str, int]]] = {}
"""Pools whose workers have been ranks of one world, so many, and serve nobody now."""


class Pool:
    """A pool of Python workers.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
    purpose : str
        Pools of one purpose are used again for it.
    ranks : int
        How many of them are to be ranks of one world; 0: that is not known yet.
    fresh : bool
        Whether its processes must never have been ranks.

    Attributes
    ----------
    ranks : int
        How many of its processes are ranks already; 0 of a fresh pool.
    """

    def __init__(
        self, spark: SparkSession, purpose: str, ranks: int = 0, *, fresh: bool = False
    ) -> None:
        self._spark = spark
        self._key = (str(spark.sparkContext.applicationId), purpose)
        with _lock:
            known = [] if fresh else _free.setdefault(self._key, [])
            fitting = [each for each in known if ranks in (0, each[1])]
            self.name, self.ranks = f"{purpose}-{next(_numbers)}", 0
            if fitting:
                self.name, self.ranks = fitting[-1]
                known.remove(fitting[-1])

    def give_back(self, ranks: int) -> None:
        """Let a later session use its processes, of which so many are ranks of one world."""
        with _lock:
            _free.setdefault(self._key, []).append((self.name, ranks))

    def map(
        self, frame: DataFrame, task: Callable[..., Any], schema: Any, *, barrier: bool = False
    ) -> DataFrame:
        """``frame.mapInArrow(task, schema)`` in this pool."""
        environment: dict[str, str] = frame.sparkSession.sparkContext.environment
        with _lock:
            environment[_VARIABLE] = self.name
            try:
                return _in_arrow(frame, task, schema, barrier)
            finally:
                del environment[_VARIABLE]

    def numbered(
        self, count: int, task: Callable[..., Any], schema: Any, *, barrier: bool = False
    ) -> DataFrame:
        """The same for the numbers from 0 to `count`, each of which is a partition."""
        frame = self._spark.range(0, count, 1, count)
        return self.map(frame, task, schema, barrier=barrier)


def require_classic(spark: Any, routine: str) -> SparkSession:
    """Raise unless `spark` is a session with a context that is running."""
    from pyspark.sql import SparkSession

    if not isinstance(spark, SparkSession) or type(spark).__module__.startswith(
        "pyspark.sql.connect"
    ):
        raise InvalidArgument(
            f"{routine}: spark must be a classic SparkSession, not one of Spark Connect: got "
            f"{type(spark).__module__}.{type(spark).__name__}"
        )
    if is_stopped(spark):
        raise SessionClosedError(f"{routine}: the SparkContext must be running: it was stopped")
    return spark


def require_fixed(spark: SparkSession, routine: str) -> None:
    """Raise where executors come and go: barrier stages, and ranks, need them to stay."""
    conf = spark.sparkContext.getConf()
    if conf.get("spark.dynamicAllocation.enabled", "false") == "true":
        raise InvalidArgument(
            f"{routine}: executors must stay: got spark.dynamicAllocation.enabled=true (set it to "
            "false, and spark.executor.instances)"
        )


def listening_at(spark: SparkSession, host: str | None) -> str:
    """The address of this process that executors can reach, unless it is given."""
    context = spark.sparkContext
    if host is None and str(context.master).startswith("local"):
        return "127.0.0.1"
    return host or str(context.getConf().get("spark.driver.host", "127.0.0.1"))


def slots(spark: SparkSession) -> int:
    """How many tasks the cluster can run at once, now."""
    jvm: Any = spark.sparkContext._jsc
    profile = jvm.sc().resourceProfileManager().defaultResourceProfile()
    return int(jvm.sc().maxNumConcurrentTasks(profile))


_serving: weakref.WeakKeyDictionary[Session, Pool] = weakref.WeakKeyDictionary()


def serve(session: Session, pool: Pool) -> None:
    """Note that the ranks of this session are workers of that pool."""
    _serving[session] = pool


def mapped(session: Session, frame: DataFrame, task: Task, schema: Any) -> DataFrame:
    """``frame.mapInArrow(task, schema)``; in the ranks' own processes, where these are Spark's."""
    pool = _serving.get(session)
    if pool is None:
        return _in_arrow(frame, task, schema, barrier=False)
    return pool.map(frame, task, schema)


def _in_arrow(frame: DataFrame, task: Task, schema: Any, barrier: bool) -> DataFrame:
    """``frame.mapInArrow``, which finds columns by names that are words, and no others."""
    names = frame.columns
    words = {name.lower() for name in names if name.isidentifier()}
    if len(words) < len(names):
        frame = frame.toDF(*(f"c{k}" for k in range(len(names))))
        task = renamed(task, names)
    return frame.mapInArrow(paced(task), schema, barrier=barrier)
