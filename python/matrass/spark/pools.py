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

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from matrass.session.session import Session

__all__ = ["Pool", "pool_of", "require_classic", "serve", "slots"]

_VARIABLE = "MATRASS_POOL"
_lock = threading.Lock()
_numbers = itertools.count()
_free: dict[tuple[str, int], list[str]] = {}
"""Names of pools whose workers have been ranks of one world and serve nobody now."""


class Pool:
    """A pool of Python workers.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
    ranks : int
        How many of them are to be ranks of one world.
    fresh : bool
        Whether its processes must never have been ranks.
    """

    def __init__(self, spark: SparkSession, ranks: int, *, fresh: bool = False) -> None:
        self._spark = spark
        self._key = (str(spark.sparkContext.applicationId), ranks)
        with _lock:
            known = [] if fresh else _free.get(self._key, [])
            self.known = bool(known)
            self.name = known.pop() if known else f"{ranks}-{next(_numbers)}"

    def give_back(self) -> None:
        """Let a later session use its processes."""
        with _lock:
            _free.setdefault(self._key, []).append(self.name)

    def map(
        self, frame: DataFrame, task: Callable[..., Any], schema: Any, *, barrier: bool = False
    ) -> DataFrame:
        """``frame.mapInArrow(task, schema)`` in this pool."""
        return in_pool(frame, task, schema, self.name, barrier=barrier)

    def numbered(
        self, count: int, task: Callable[..., Any], schema: Any, *, barrier: bool = False
    ) -> DataFrame:
        """The same for the numbers from 0 to `count`, each of which is a partition."""
        frame = self._spark.range(0, count, 1, count)
        return self.map(frame, task, schema, barrier=barrier)


def in_pool(
    frame: DataFrame, task: Callable[..., Any], schema: Any, name: str, *, barrier: bool = False
) -> DataFrame:
    """``frame.mapInArrow(task, schema)`` in the pool of that name."""
    environment: dict[str, str] = frame.sparkSession.sparkContext.environment
    with _lock:
        environment[_VARIABLE] = name
        try:
            return frame.mapInArrow(task, schema, barrier=barrier)
        finally:
            del environment[_VARIABLE]


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


def slots(spark: SparkSession) -> int:
    """How many tasks the cluster can run at once, now."""
    jvm: Any = spark.sparkContext._jsc
    profile = jvm.sc().resourceProfileManager().defaultResourceProfile()
    return int(jvm.sc().maxNumConcurrentTasks(profile))


_serving: weakref.WeakKeyDictionary[Session, Pool] = weakref.WeakKeyDictionary()


def serve(session: Session, pool: Pool) -> None:
    """Note that the ranks of this session are workers of that pool."""
    _serving[session] = pool


def pool_of(session: Session) -> Pool | None:
    """The pool whose workers are the ranks of this session, if there is one."""
    return _serving.get(session)
