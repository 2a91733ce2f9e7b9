# SPDX-License-Identifier: BSD-3-Clause
"""What of Spark's can become a matrix, as a DataFrame whose rows tasks can read.

Next: ``packing.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from matrass.arguments import dtype_of
from matrass.errors import DTypeError, InvalidArgument

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

__all__ = ["NUMBERS", "Source", "beside", "column_named", "in_sql", "source_of"]

Kind = Literal["rows", "indexed", "coo", "blocks"]
NUMBERS = {
    "tinyint": "i1",
    "smallint": "i2",
    "int": "i4",
    "bigint": "i8",
    "float": "f4",
    "double": "f8",
    "boolean": "?",
}
"""Spark's types of numbers, and NumPy's."""


@dataclass(frozen=True)
class Source:
    """A matrix of Spark's.

    Attributes
    ----------
    frame : pyspark.sql.DataFrame
    kind : str
        "rows": each row of `frame` is one, in its order; "indexed": the same with its number;
        "coo": (row, column, value); "blocks": rectangles.
    columns : tuple of str
        Columns of numbers, of arrays or of vectors.
    dtype : numpy.dtype
        What the numbers are, or become where they are integers.
    shape : (int, int) or None
        Where Spark knows it.
    block : (int, int)
        The size of blocks.
    """

    frame: DataFrame
    kind: Kind
    columns: tuple[str, ...]
    dtype: np.dtype[Any]
    shape: tuple[int, int] | None = None
    block: tuple[int, int] = (0, 0)


def source_of(x: Any, columns: Sequence[str] | None, dtype: npt.DTypeLike | None) -> Source:
    """What `x` is.

    Raises
    ------
    DTypeError
        If a column does not hold numbers, or is one of several of arrays.
    InvalidArgument
        If `x` is a DataFrame of Spark Connect, or something else.
    """
    if isinstance(x, Source):
        return x
    from pyspark.mllib.linalg import distributed as mllib
    from pyspark.sql.classic.dataframe import DataFrame

    if isinstance(x, DataFrame):
        return _of_frame(x, columns, dtype)
    if columns is not None:
        raise InvalidArgument("put: columns= belongs to a DataFrame")
    given = np.dtype(np.float64 if dtype is None else dtype_of(dtype, "put"))
    if isinstance(x, mllib.RowMatrix):
        shape = (x.numRows(), x.numCols())
        return Source(_rows_of(x), "rows", ("value",), given, shape)
    if isinstance(x, mllib.IndexedRowMatrix):
        frame = _in_jvm("getIndexedRows", x).toDF("index", "vector")
        return Source(frame, "indexed", ("vector",), given, (x.numRows(), x.numCols()))
    if isinstance(x, mllib.CoordinateMatrix):
        frame = _in_jvm("getMatrixEntries", x).toDF("i", "j", "value")
        return Source(frame, "coo", ("value",), given, (x.numRows(), x.numCols()))
    if isinstance(x, mllib.BlockMatrix):
        frame = _in_jvm("getMatrixBlocks", x).toDF("place", "block")
        shape = (x.numRows(), x.numCols())
        return Source(frame, "blocks", ("block",), given, shape, (x.rowsPerBlock, x.colsPerBlock))
    raise InvalidArgument(
        "put: of Spark's a classic DataFrame or a distributed matrix of pyspark.mllib can be put: "
        f"got {type(x).__module__}.{type(x).__name__}"
    )


def _of_frame(
    frame: DataFrame, columns: Sequence[str] | None, dtype: npt.DTypeLike | None
) -> Source:
    there = frame.columns
    names = there if columns is None else [str(name) for name in columns]
    types = {field.name: field.dataType for field in frame.schema.fields}
    missing = [name for name in names if name not in types]
    if missing or not names:
        raise InvalidArgument(
            f"put: columns must be of the DataFrame: got {', '.join(missing) or 'none'} "
            f"(it has {', '.join(there)})"
        )
    if len(types) != len(there):
        raise InvalidArgument("put: the columns of a DataFrame must have different names")
    found = {name: _scalar_of(types[name]) for name in names}
    wrong = [
        f"{name} ({types[name].simpleString()})"
        for name, (scalar, _) in found.items()
        if scalar is None
    ]
    if wrong:
        raise DTypeError(
            f"put: columns must hold numbers, arrays or vectors of them: {', '.join(wrong)} do not "
            "(choose others by columns=, or cast them)"
        )
    wide = [name for name, (_, many) in found.items() if many]
    if wide and len(names) > 1:
        raise DTypeError(
            f"put: a column of arrays or vectors must be the only one: got {', '.join(names)} "
            f"(columns=[{wide[0]!r}], or pyspark.ml.feature.VectorAssembler)"
        )
    if dtype is None:
        scalars = [np.dtype(scalar) for scalar, _ in found.values()]
        single = all(scalar == np.float32 for scalar in scalars)
        scalar = np.dtype(np.float32 if single else np.float64)
    else:
        scalar = np.dtype(dtype_of(dtype, "put"))
    return Source(_chosen(frame, names), "rows", tuple(names), scalar)


def _chosen(frame: DataFrame, names: Sequence[str]) -> DataFrame:
    if list(names) == frame.columns:
        return frame
    return frame.selectExpr(*(in_sql(name) for name in names))


def column_named(name: str) -> Column:
    """A column of that name, whatever signs are in it."""
    from pyspark.sql.functions import col

    return col(in_sql(name))


def in_sql(name: str) -> str:
    """The same in SQL, where many columns together cost one call of the JVM, not some each."""
    return f"`{name.replace('`', '``')}`"


def beside(frame: DataFrame, vector: str, numbers: Sequence[str] = ()) -> Source:
    """A column of arrays or vectors and, at its right, columns of numbers, in double precision.

    Raises
    ------
    DTypeError
        If the columns are not such.
    InvalidArgument
        If they are missing, or `frame` is of Spark Connect.
    """
    from pyspark.sql.classic.dataframe import DataFrame

    if not isinstance(frame, DataFrame):
        raise InvalidArgument(
            "put: a DataFrame must be a classic one, not one of Spark Connect: got "
            f"{type(frame).__module__}.{type(frame).__name__}"
        )
    names = (vector, *numbers)
    for name in names:
        _of_frame(frame, [name], np.float64)
        kind = frame.schema[name].dataType
        if _scalar_of(kind)[1] != (name == vector):
            must = "arrays or vectors" if name == vector else "numbers"
            raise DTypeError(f"put: column {name!r} must hold {must}: got {kind.simpleString()}")
    return Source(_chosen(frame, names), "rows", names, np.dtype(np.float64))


def _scalar_of(kind: Any) -> tuple[str | None, bool]:
    """The scalar of a column, if it holds numbers, and whether each row has many."""
    from pyspark.sql.types import ArrayType

    name = kind.simpleString()
    if name in NUMBERS:
        return NUMBERS[name], False
    if isinstance(kind, ArrayType):
        return NUMBERS.get(kind.elementType.simpleString()), True
    if name == "vector":  # spark.ml's and MLlib's
        return "f8", True
    return None, False


def _rows_of(x: Any) -> DataFrame:
    """The rows of a RowMatrix, which stay in the JVM."""
    from pyspark.sql import DataFrame, SparkSession

    spark = SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
    jvm: Any = spark.sparkContext._jvm
    vector = jvm.org.apache.spark.mllib.linalg.VectorUDT()
    encoders = jvm.org.apache.spark.sql.catalyst.encoders
    encoder = getattr(encoders, "AgnosticEncoders$UDTEncoder")(vector, vector.getClass())
    rows = x._java_matrix_wrapper._java_model.rows()
    return DataFrame(spark._jsparkSession.createDataset(rows, encoder).toDF(), spark)


def _in_jvm(function: str, x: Any) -> DataFrame:
    from pyspark.mllib.common import callMLlibFunc

    frame: DataFrame = callMLlibFunc(function, x._java_matrix_wrapper._java_model)
    return frame
