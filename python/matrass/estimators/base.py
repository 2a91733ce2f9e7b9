# SPDX-License-Identifier: BSD-3-Clause
"""What all estimators share: their session, the seed, what is pickled.

Next: ``operands.py``.
"""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from matrass.agreement import agreed, together
from matrass.errors import DTypeError, Error, InvalidArgument
from matrass.estimators.kept import bring
from matrass.estimators.remote import METHODS, anywhere
from matrass.grid import Grid
from matrass.matrix import DistMatrix
from matrass.session.held import RemoteState
from matrass.sparse import SparseMatrix

__all__ = ["SPARSE", "DistEstimator", "InputTypeError", "agreed_errors"]

SPARSE = frozenset({"kmeans", "pca", "truncated_svd"})
"""The routines of `matrass.linalg` that take a `SparseMatrix`: what estimators' tags say. Every
estimator hands a sparse X to its routine, whose error passes through."""

_Result = TypeVar("_Result")


class InputTypeError(DTypeError, TypeError):
    """An input of a kind or dtype that no estimator takes: a TypeError, as scikit-learn raises."""


@functools.cache
def _world() -> Grid:
    return Grid()


def agreed_errors(grid: Grid, routine: str, f: Callable[[], _Result]) -> _Result:
    """Run `f` on every rank; what scikit-learn's checks raise in it on one, all raise as one line.

    Its TypeErrors become InputTypeError, its ValueErrors InvalidArgument. Collective.
    """

    def read() -> _Result:
        try:
            return f()
        except Error:
            raise
        except TypeError as error:
            raise InputTypeError(" ".join(str(error).split())) from error
        except ValueError as error:
            raise InvalidArgument(" ".join(str(error).split())) from error

    try:
        return together(grid._core, routine, read)
    except DTypeError as error:
        raised = InputTypeError(str(error))
        raised.__dict__.update(error.__dict__)  # that all ranks raise it
        raise raised from error


class DistEstimator(BaseEstimator):
    """Base of the estimators.

    Calls of an estimator are collective over the grid, or made by a driver, whose session (that of
    the data, or of its Dask client) runs them; reading its attributes is local. Pickled, it
    leaves behind what belongs to its ranks: the session, and attributes that are dealt to them.
    """

    session: Any
    _routine = ""
    """The routine of `matrass.linalg` that does the work."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in METHODS:
            method: Any = getattr(cls, name, None)
            ours = getattr(method, "__module__", "").startswith("matrass.")
            if ours and not hasattr(method, "runs_anywhere"):
                setattr(cls, name, anywhere(method))

    def _grid_for(self, *operands: Any) -> Grid:
        """The grid of the first distributed operand, else the session, else all ranks."""
        if self.session is not None and not isinstance(self.session, Grid):
            raise InvalidArgument(
                f"{self._name}: session must be a Grid or None: got {type(self.session).__name__}"
            )
        for x in operands:
            if isinstance(x, (DistMatrix, SparseMatrix)):
                if self.session is not None and self.session != x.grid:
                    raise InvalidArgument(
                        f"{self._name}: a distributed X must be on the session's grid: got "
                        f"{x.grid!r} and {self.session!r}"
                    )
                return x.grid
        return _world() if self.session is None else self.session

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _read_parameters(self, grid: Grid, read: Callable[[], _Result]) -> _Result:
        """Read parameters by `read`, the same on every rank. Collective."""
        return agreed(grid._core, f"{self._name}.fit", read)

    def _integer(self, name: str, low: int, high: int | None = None) -> int:
        """A parameter that must be an integer in [low, high]. Local."""
        value = getattr(self, name)
        try:
            good = not isinstance(value, bool) and int(value) == value and value >= low
        except (TypeError, ValueError, OverflowError):
            good = False
        if not good or (high is not None and value > high):
            span = f"at least {low}" if high is None else f"between {low} and {high}"
            raise InvalidArgument(f"{self._name}: {name} must be {span}: got {value!r}")
        return int(value)

    def _one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        """A parameter that must be one of some words. Local."""
        value = getattr(self, name)
        if not isinstance(value, str) or value not in allowed:
            shown = ", ".join(repr(word) for word in allowed)
            raise InvalidArgument(f"{self._name}: {name} must be one of {shown}: got {value!r}")
        return value

    def _tolerance(self) -> float | None:
        """The parameter `tol`, where 0 and None stand for the routine's default. Local."""
        value: Any = self.tol
        return None if value is None or value == 0 else value

    def _seed(self) -> int:
        """The parameter `random_state` as a seed; None is 0. Local."""
        state: Any = self.random_state
        if state is None:
            return 0
        if isinstance(state, numbers.Integral) and int(state) >= 0:
            return int(state)
        try:
            return int(check_random_state(state).randint(2**31 - 1))
        except ValueError as error:
            raise InvalidArgument(f"{self._name}: random_state: {error}") from error

    def _require_fitted(self) -> None:
        """Raise scikit-learn's NotFittedError before `fit`. Local, and alike on all ranks."""
        check_is_fitted(self)

    def __getstate__(self) -> dict[str, Any]:
        bring(self)
        state: dict[str, Any] = dict(super().__getstate__())
        if "session" in state:
            state["session"] = None
        return {
            name: value
            for name, value in state.items()
            if not isinstance(value, (DistMatrix, SparseMatrix, RemoteState))
        }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._routine in SPARSE
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
