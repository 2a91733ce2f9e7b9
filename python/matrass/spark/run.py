# SPDX-License-Identifier: BSD-3-Clause
"""SPMD over a DataFrame's own partitions, in one barrier stage of Spark's.

Next: ``ml/__init__.py``.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import cloudpickle
from pyspark.sql.types import ArrayType, DoubleType, StructField, StructType

from matrass.control.controller import Controller
from matrass.errors import InvalidArgument, MPIError
from matrass.session.places import places_of
from matrass.session.session import Session
from matrass.session.transfers import Transfers
from matrass.session.words import Words
from matrass.spark.jobs import Job, job, spark_first, watch
from matrass.spark.keeper import Keeper
from matrass.spark.pools import Pool, listening_at, require_classic, require_fixed, slots
from matrass.spark.sources import Source, in_sql, source_of
from matrass.spark.stage import READ, RESULTS, emitting, spmd

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["run"]

_OPEN_SECONDS = 60.0
_ATTEMPTS = 3
_NO_BARRIER = "BarrierJobUnsupportedRDDChainException"


def run(
    df: DataFrame,
    fn: Callable[..., Any],
    columns: Sequence[str] | None = None,
    *,
    host: str | None = None,
    ports: tuple[int, int] | None = None,
    timeout: float = _OPEN_SECONDS,
    **kwargs: Any,
) -> Any:
    """Call ``fn(grid, A)`` on every rank, where each task of one barrier stage is a rank.

    Parameters
    ----------
    df : pyspark.sql.DataFrame
    fn : callable
        Shipped by cloudpickle. `A` is the `DistMatrix` of the rows of `df`, in [VC,STAR]. It
        returns a `DistMatrix` with as many rows, or such ones and small values in a dict or a
        tuple, or small values alone.
    columns : list of str, optional
        Columns of numbers, or one of arrays or vectors; by default all of `df`.
    host, ports
        See `Session`.
    timeout : float
        Seconds in which the ranks must be up.
    **kwargs
        Passed to `fn`: numbers, text, arrays.

    Returns
    -------
    DataFrame, or (DataFrame, values), or values
        The rows of `df`, with a column of arrays for each matrix that `fn` returned: "result" for
        one, else the names in its dict or tuple; and what rank 0 returned beside them.

    Raises
    ------
    RoutineError
        What `fn` raised, with the rank and its traceback.
    InvalidArgument, ShapeError, DTypeError
        If columns do not hold numbers, have nulls or rows of different lengths, or if the cluster's
        executors are allocated dynamically.
    RankLostError, CancelledError, MPIError, TimeoutError

    Notes
    -----
    It is run at once: the DataFrame's rows are in Spark's storage afterwards, on the executors. A
    barrier stage needs a slot for each partition, and partitions as they were made: more than
    slots, and those of ``coalesce()``, are repartitioned, which may change the order of rows.
    Partitions may be empty, and of any sizes.
    """
    spark = require_classic(df.sparkSession, "run")
    require_fixed(spark, "run")
    if not callable(fn):
        raise InvalidArgument(f"run: fn must be a function: got {type(fn).__name__}")
    source = source_of(df, columns, None)
    stage = _Stage(df, source, fn, kwargs)
    how = (listening_at(spark, host), ports, timeout)
    pool = Pool(spark, "run")
    for _ in range(_ATTEMPTS):
        try:
            return stage.perform(pool, *how)
        except _UnfitError as unfit:
            pool = Pool(spark, "run", unfit.ranks, fresh=not unfit.ranks)
    return stage.perform(pool, *how)


class _UnfitError(Exception):
    """The processes of a pool cannot be the ranks of this stage, or its partitions no tasks.

    `ranks` is how many they should be; 0: fresh processes are to be.
    """

    def __init__(self, ranks: int) -> None:
        super().__init__()
        self.ranks = ranks


class _Stage(Session):
    """The session of one barrier stage."""

    def __init__(
        self, df: DataFrame, source: Source, fn: Callable[..., Any], kwargs: dict[str, Any]
    ) -> None:
        self._df, self._source = df, source
        self._must_spread = False
        shipped = {"$": "function", "pickle": base64.b64encode(cloudpickle.dumps(fn)).decode()}
        self._call = (Words(shipped), kwargs)
        self.transfers = Transfers()

    def perform(self, pool: Pool, host: str, ports: tuple[int, int] | None, timeout: float) -> Any:
        """Run it once."""
        controller = Controller([], host=host, ports=ports)
        self._controller = controller
        stage: Job | None = None
        try:
            frame, count = self._frame(pool)
            if pool.ranks not in (0, count):
                pool.give_back(pool.ranks)
                raise _UnfitError(count)
            controller.expect(f"rank-{rank}" for rank in range(count))
            stage = Job(self._df.sparkSession, "run", frame.collect)
            watch(stage, controller)
            found = self._result(pool, count, timeout, stage)
        except BaseException:
            if stage is not None:
                stage.cancel()
            controller.close(0)
            raise
        controller.close()
        if not controller.broken:
            pool.give_back(count)
        return found

    def _frame(self, pool: Pool) -> tuple[DataFrame, int]:
        """The barrier stage, and how many tasks it has."""
        own = {"session": self._controller.id, "own": False, "may_run": True}
        contact = self._controller.reception.contact("") | own
        task = spmd(contact, self._source.columns, self._source.dtype.str)
        frame = pool.map(self._df, task, READ, barrier=True)
        count, most = _partitions_of(frame), slots(self._df.sparkSession)
        if 0 < count <= most and not self._must_spread:
            return frame, count
        count = max(1, min(count, most))
        return pool.map(self._df.repartition(count), task, READ, barrier=True), count

    def _result(self, pool: Pool, count: int, timeout: float, stage: Job) -> Any:
        try:
            self._controller.open(timeout)
        except MPIError as error:
            # A barrier stage cannot read what a coalesce(), for example, has made of partitions.
            chained = any(_NO_BARRIER in note for note in getattr(error, "__notes__", ()))
            if pool.ranks or (chained and not self._must_spread):
                self._must_spread |= chained
                raise _UnfitError(0) from None
            raise
        with spark_first(stage):
            read = self._source.dtype, len(self._source.columns)
            self._start("spark.read", read, {}).result()
            self._start("spark.call", self._call, {}, of_user=True).result()
            names, values = self._start("spark.results", (), {}).result()
        try:
            stage.value()
        except BaseException:
            self._require_alive()
            raise
        if not names:
            return values
        with Keeper(self._df.sparkSession, pool, count):
            frame = self._emitted(pool, count)
        kept = (in_sql(name) for name in self._df.columns)
        results = (f"{RESULTS}[{k}] as {in_sql(name)}" for k, name in enumerate(names))
        with_results = frame.selectExpr(*kept, *results)
        return with_results if values is None else (with_results, values)

    def _emitted(self, pool: Pool, count: int) -> DataFrame:
        """The rows with their results, in Spark's storage."""
        ticket = secrets.token_urlsafe(24)
        places = places_of(self, "spark.keep", self.id, ticket)
        schema = StructType(
            [*self._df.schema.fields, StructField(RESULTS, ArrayType(ArrayType(DoubleType())))]
        )
        frame = pool.numbered(count, emitting(places), schema)
        spark = self._df.sparkSession
        return job(self, spark, "run", partial(frame.localCheckpoint, eager=True))


def _partitions_of(frame: DataFrame) -> int:
    plan: Any = frame._jdf
    return int(plan.queryExecution().toRdd().getNumPartitions())
