# SPDX-License-Identifier: BSD-3-Clause
"""What the estimators and models share: ranks for a fit, columns, what is saved.

Next: ``components.py``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy.typing as npt
from pyspark.ml import Estimator, Model
from pyspark.ml.linalg import DenseMatrix
from pyspark.ml.param import Param, Params
from pyspark.ml.util import (
    DefaultParamsReadable,
    DefaultParamsReader,
    DefaultParamsWritable,
    DefaultParamsWriter,
    MLReadable,
    MLReader,
    MLWritable,
    MLWriter,
)

from matrass.errors import DTypeError, InvalidArgument
from matrass.session.session import Session
from matrass.spark.predictions import of_rows
from matrass.spark.session import SparkSession
from matrass.spark.sources import beside, column_named

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

__all__ = ["DistEstimator", "DistModel", "dense", "seed_of_param", "setter"]

_M = TypeVar("_M", bound="DistModel")
_SEEDS = 2**64


def setter(name: str) -> Callable[[Any, Any], Any]:
    """The method that sets the parameter of that name."""

    def method(self: Any, value: Any) -> Any:
        return self._set(**{name: value})

    method.__name__ = f"set{name[0].upper()}{name[1:]}"
    method.__doc__ = f"Set `{name}`; returns this one."
    return method


def dense(x: npt.NDArray[Any]) -> DenseMatrix:
    """An array as a matrix of Spark's."""
    return DenseMatrix(x.shape[0], x.shape[1], x.ravel(order="F"))


def seed_of_param(value: int) -> int:
    """Spark's seeds are signed, those of the ranks are not."""
    return value % _SEEDS


class _Named(Params):
    """Parameters that are read with named errors."""

    def _given(self, param: Param[Any]) -> Any:
        if not self.isDefined(param):
            raise InvalidArgument(f"{type(self).__name__}: {param.name} must be set")
        return self.getOrDefault(param)


class DistEstimator(
    Estimator[_M], _Named, DefaultParamsWritable, DefaultParamsReadable[Any], Generic[_M]
):
    """An estimator whose fit runs on MPI ranks.

    A session that it is given is neither a parameter nor saved. Without one, `fit` has one for
    itself, in Python workers that the next fit uses again.
    """

    _session: Session | None = None
    _input_kwargs: dict[str, Any]

    def _begin(self, session: Session | None = None, **params: Any) -> None:
        if session is not None and not isinstance(session, Session):
            raise InvalidArgument(
                f"{type(self).__name__}: session must be a session of matrass's: got "
                f"{type(session).__name__}"
            )
        self._session = session
        self._set(**params)

    def setParams(self, **params: Any) -> Self:
        """Set parameters by their names; returns this one."""
        return self._set(**params)

    def _fit(self, dataset: DataFrame) -> _M:
        self._check()
        source = beside(dataset, *self._columns())
        with _lent(self._session, dataset) as session:
            a = session.put(source)
            try:
                model = self._model(a, dataset)
            finally:
                a.free()
        model._resetUid(self.uid)
        return self._copyValues(model)

    def _check(self) -> None:
        """Raise for parameters that are wrong, before anything is moved."""

    def _columns(self) -> tuple[str, list[str]]:
        """The column of features, and columns of numbers that go with it."""
        raise NotImplementedError

    def _model(self, a: Any, dataset: DataFrame) -> _M:
        """What is fitted to the rows of `a`, which are those of `dataset`."""
        raise NotImplementedError


@contextlib.contextmanager
def _lent(session: Session | None, dataset: DataFrame) -> Iterator[Session]:
    """The session, or one that ends with the block."""
    if session is not None:
        yield session
        return
    with SparkSession(dataset.sparkSession) as own:
        yield own


class DistModel(Model, _Named, MLWritable, MLReadable[Any]):
    """What was fitted: it needs no ranks, and transforms row by row in Spark's Python workers.

    Parameters
    ----------
    **data
        Its attributes `_saved`.
    """

    _saved: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **data: Any) -> None:
        super().__init__()
        vars(self).update(data)

    def write(self) -> MLWriter:
        """A writer of this model: parameters as JSON, the rest as Parquet."""
        return _ModelWriter(self)

    @classmethod
    def read(cls) -> MLReader[Any]:
        """A reader of models of this class."""
        return _ModelReader(cls)

    def _appended(  # noqa: PLR0917
        self,
        dataset: DataFrame,
        column: str,
        wide: str,
        f: Callable[..., npt.NDArray[Any]],
        width: int,
        kind: str,
        *args: Any,
    ) -> DataFrame:
        """`dataset` with one more column: ``f(x, *args)`` of the rows in the column `wide`."""
        from pyspark.sql.pandas import functions

        udf: Any = functions.pandas_udf
        name = type(self).__name__
        if column in dataset.columns:
            raise InvalidArgument(f"{name}: the output column must be a new one: got {column!r}")
        task: Any = of_rows(f, width, f"{name}: column {wide!r}", *args)
        made = udf(task, kind)(_arrays(dataset, wide, name))
        if kind.startswith("array"):
            from pyspark.ml.functions import array_to_vector

            made = array_to_vector(made)
        return dataset.withColumn(column, made)


def _arrays(dataset: DataFrame, name: str, what: str) -> Column:
    """A column of vectors or arrays as one of arrays of doubles."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql.functions import when

    kind = _kind_of(dataset, name, what)
    column = column_named(name)
    if kind != "vector":
        return column.cast("array<double>")
    return when(column.isNotNull(), vector_to_array(column))


def _kind_of(dataset: DataFrame, name: str, what: str) -> str:
    if name not in dataset.columns:
        raise InvalidArgument(
            f"{what}: column {name!r} must be of the DataFrame (it has "
            f"{', '.join(dataset.columns)})"
        )
    kind = dataset.schema[name].dataType.simpleString()
    if kind != "vector" and not kind.startswith("array<"):
        raise DTypeError(f"{what}: column {name!r} must hold arrays or vectors: got {kind}")
    return kind


class _ModelWriter(MLWriter):
    def __init__(self, model: DistModel) -> None:
        super().__init__()
        self._model = model

    def saveImpl(self, path: str) -> None:
        model, spark = self._model, self.sparkSession
        DefaultParamsWriter.saveMetadata(model, path, spark)
        data = tuple(getattr(model, name) for name in model._saved)
        spark.createDataFrame([data], list(model._saved)).coalesce(1).write.parquet(f"{path}/data")


class _ModelReader(MLReader[Any]):
    def __init__(self, cls: type[DistModel]) -> None:
        super().__init__()
        self._cls = cls

    def load(self, path: str) -> Any:
        spark = self.sparkSession
        metadata = DefaultParamsReader.loadMetadata(path, spark)
        expected = f"{self._cls.__module__}.{self._cls.__name__}"
        if metadata["class"] != expected:
            raise InvalidArgument(
                f"load: {path} must hold a {self._cls.__name__}: got {metadata['class']}"
            )
        row = spark.read.parquet(f"{path}/data").first()
        assert row is not None
        model = self._cls(**row.asDict())
        model._resetUid(metadata["uid"])
        DefaultParamsReader.getAndSetParams(model, metadata)
        return model
