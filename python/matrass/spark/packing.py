# SPDX-License-Identifier: BSD-3-Clause
"""How rows come to their readers: in small batches, and as the bytes that Spark itself holds.

Spark writes Arrow lists element by element, but bytes at once: arrays of numbers are read as what
they are in Spark's own rows (a count, a bit for each null, the elements). Only expressions that
are internal to Spark give these bytes; where they are not as known here, rows come as Arrow lists.
Next: ``tasks.py``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from matrass.errors import MPIError
from matrass.spark.batches import PACKED
from matrass.spark.sources import NUMBERS, Source, column_named, in_sql

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

__all__ = ["UnpackableError", "in_small_batches", "packed", "unpackable"]

_BATCH_BYTES = 4 << 20
"""Of a batch: in the last level of cache, and below what makes allocators ask for fresh pages."""
_LIMITS = {
    "spark.sql.execution.arrow.maxBytesPerBatch": _BATCH_BYTES,  # of Spark 4.1 and later
    "spark.sql.execution.arrow.maxRecordsPerBatch": 1 << 16,
}
_MANY_COLUMNS = 5
_ARRAYS = {"array<double>": "f8", "array<float>": "f4"}
_ALL = 2**31 - 1
_OF_ARRAYS = "InvokeLike", "UnsafeArrayData"
"""In the trace of Java, where arrays are not as expected."""


def in_small_batches(frame: DataFrame) -> DataFrame:
    """The same frame, of a clone of its session that has other limits of batches."""
    from py4j.protocol import Py4JError
    from pyspark.sql.classic.dataframe import DataFrame

    spark = frame.sparkSession
    try:
        jvm: Any = spark.sparkContext._jvm
        clone = spark._jsparkSession.cloneSession()
        for name, value in _LIMITS.items():
            clone.conf().set(name, str(value))
        plan = frame._jdf.queryExecution().analyzed()
        rows = jvm.org.apache.spark.sql.classic.Dataset.ofRows(clone, plan)
    except (Py4JError, TypeError):
        return frame
    return DataFrame(rows, spark)


def packed(source: Source) -> Source | None:
    """The same rows as bytes; None where they can only be lists or columns."""
    from py4j.protocol import Py4JError

    if source.kind not in {"rows", "indexed"}:  # few large blocks come no faster as bytes
        return None
    try:
        made = _packed_columns(source, _Packer(source.frame.sparkSession))
    except (Py4JError, TypeError):
        return None
    return None if made is None else replace(source, frame=source.frame.select(*made))


def _packed_columns(source: Source, packer: _Packer) -> list[Column] | None:
    from pyspark.sql.functions import expr

    kinds = {each.name: each.dataType.simpleString() for each in source.frame.schema.fields}
    scalar = source.dtype.str[1:]
    if source.kind == "rows" and set(kinds.values()) <= set(NUMBERS):
        if len({name.lower() for name in kinds}) < max(_MANY_COLUMNS, len(kinds)):
            return None  # few; or SQL does not tell them apart
        number = "double" if scalar == "f8" else "float"
        side_by_side = ", ".join(f"cast({in_sql(name)} as {number})" for name in source.columns)
        return [packer.bytes_of(expr(f"array({side_by_side})")).alias(PACKED)]
    wide = [name for name in source.columns if kinds[name] not in NUMBERS]
    made = {}
    for name in wide:
        if kinds[name] == "vector" and scalar == "f8":
            made[name] = packer.of_vectors(column_named(name)).alias(name)
        elif _ARRAYS.get(kinds[name]) == scalar:
            made[name] = packer.of_arrays(column_named(name)).alias(name)
    return [made.get(name, column_named(name)) for name in kinds] if made else None


class UnpackableError(Exception):
    """Arrays are not as they must be to be bytes."""


@contextlib.contextmanager
def unpackable(frame: DataFrame) -> Iterator[None]:
    """Raise UnpackableError where Spark cannot plan this frame, or a job with it, of bytes.

    So it is with rows in the plan itself, and where Spark generates no code.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        frame._jdf.queryExecution().executedPlan()  # it is kept
        yield
    except (Py4JError, PySparkException):
        raise UnpackableError from None
    except MPIError as error:
        trace = "".join(getattr(error, "__notes__", ()))
        if any(name in trace for name in _OF_ARRAYS):
            raise UnpackableError from None
        raise


class _Packer:
    """Makes expressions of Spark's own: `py4j` raises where there are none."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark.sparkContext._jvm
        self._utils = jvm.org.apache.spark.sql.classic.ExpressionUtils
        self._invoke = jvm.org.apache.spark.sql.catalyst.expressions.objects.Invoke
        self._types = jvm.org.apache.spark.sql.types
        loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
        unsafe = loader.loadClass("org.apache.spark.sql.catalyst.expressions.UnsafeArrayData")
        self._unsafe = self._types.ObjectType(unsafe)
        self._sequence = jvm.scala.jdk.javaapi.CollectionConverters.asScala
        self._list = jvm.java.util.ArrayList

    def bytes_of(self, arrays: Column) -> Column:
        """Of arrays that Spark has just made, of numbers, and not empty."""
        copied = self._call(self._expression(arrays), "copy", self._unsafe)
        return self._column(self._call(copied, "getBaseObject", self._type("Binary")))

    def of_arrays(self, arrays: Column) -> Column:
        """Of any arrays of numbers: a slice of them is made by Spark."""
        from pyspark.sql.functions import lit, size, slice, when

        own = self.bytes_of(slice(arrays, 1, _ALL))
        return when(size(arrays) == 0, lit(bytearray())).when(arrays.isNotNull(), own)

    def of_vectors(self, vectors: Column) -> Column:
        """Structures of (type, size, indices, values), as vectors are in Spark's rows."""
        from pyspark.sql.functions import struct, when

        kinds = {"type": "Byte", "size": "Int", "indices": "ints", "values": "doubles"}
        parts = [
            self._part(vectors, place, kind).alias(name)
            for place, (name, kind) in enumerate(kinds.items())
        ]
        return when(vectors.isNotNull(), struct(*parts))

    def _part(self, column: Column, place: int, kind: str) -> Column:
        """Of a structure; what its type is called in names of methods, or what arrays hold."""
        arrays = {"ints": "Integer", "doubles": "Double"}
        if kind in arrays:
            type_ = self._types.ArrayType(self._type(arrays[kind]), False)
            called = self._call(self._expression(column), "getArray", type_, place)
            return self.of_arrays(self._column(called))
        type_ = self._type("Integer" if kind == "Int" else kind)
        return self._column(self._call(self._expression(column), f"get{kind}", type_, place))

    def _call(self, target: Any, method: str, returned: Any, *numbers: int) -> Any:
        from pyspark.sql.functions import lit

        given = self._list()
        for number in numbers:
            given.add(self._expression(lit(number)))
        arguments, types = (self._sequence(each).toSeq() for each in (given, self._list()))
        return self._invoke(target, method, returned, arguments, types, True, True, True)

    def _type(self, name: str) -> Any:
        return getattr(getattr(self._types, f"{name}Type$"), "MODULE$")

    def _expression(self, column: Any) -> Any:
        return self._utils.expression(column._jc)

    def _column(self, expression: Any) -> Column:
        from pyspark.sql import Column

        made: Any = Column
        found: Column = made(self._utils.column(expression))
        return found
