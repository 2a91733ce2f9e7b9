# SPDX-License-Identifier: BSD-3-Clause
"""What a driver may call on the ranks, by name.

Each routine is called on every rank with the same arguments, and with the rank's `Desk` before
them where it needs more than its arguments. Next: ``agent.py``.
"""

from __future__ import annotations

import importlib
import operator
import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from matrass.errors import InvalidArgument

if TYPE_CHECKING:
    from matrass.anywhere import Kept
    from matrass.control.agent import Desk

__all__ = ["METHODS", "find", "routine"]

_OPERATORS = "add sub mul truediv floordiv mod divmod pow matmul and or xor"
_MEMBERS = (
    "to astype copy T mT H real imag norm sum prod mean var std max min argmax argmin any all "
    "count_nonzero conj numpy to_dense to_scipy normal_product __getitem__ __setitem__ "
    "__lt__ __le__ __gt__ __ge__ __eq__ __ne__ __pos__ __neg__ __abs__ __invert__"
)
METHODS = frozenset(_MEMBERS.split()) | {
    f"__{kind}{name}__" for kind in ("", "r", "i") for name in _OPERATORS.split()
}
"""Members of matrices and masks that a driver may use: none that reaches a rank's own memory."""

_ROUTINES: dict[str, Callable[..., Any]] = {}

_OF_DRIVER_MEMORY = (
    "fetch fetch.begin fetch.rows put put.begin put.block put.rows put.sparse put.sparse.end "
    "put.sparse.round reach"
)
_HOMES = {
    **dict.fromkeys(_OF_DRIVER_MEMORY.split(), "matrass.control.driver_memory"),
    **dict.fromkeys(("dask.place", "dask.put", "dask.put.sparse"), "matrass.dask.routines"),
    "estimator": "matrass.estimators.remote",
    **dict.fromkeys(
        ["wire.coo", "wire.connections", "wire.drop", "wire.expect", "wire.give", "wire.place"],
        "matrass.wire.routines",
    ),
    **dict.fromkeys(
        ["spark.call", "spark.keep", "spark.read", "spark.results"], "matrass.spark.stage"
    ),
    "spark.regression": "matrass.spark.regression",
}
"""The modules of routines that are loaded when they are first called."""


def routine(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a driver call this function, whose first argument is the rank's `Desk`."""

    def note(f: Callable[..., Any]) -> Callable[..., Any]:
        _ROUTINES[name] = f
        return f

    return note


def find(name: str, desk: Desk) -> Callable[..., Any]:
    """The routine of that name.

    ``linalg.*`` is what `matrass.linalg` exports, ``matrix.*`` a member of the first argument,
    ``numpy.*`` a function of NumPy's that matrices take part in; others stand in this package.
    """
    if name in _HOMES:
        importlib.import_module(_HOMES[name])
    folder, _, word = name.partition(".")
    if name in _ROUTINES:
        f = _ROUTINES[name]
        return lambda *args, **kwargs: f(desk, *args, **kwargs)
    if folder == "linalg":
        linalg = importlib.import_module("matrass.linalg")
        if word in linalg.__all__ and not isinstance(getattr(linalg, word), type):
            return getattr(linalg, word)  # type: ignore[no-any-return]
    if folder == "matrix" and word in METHODS:
        return lambda a, *args, **kwargs: _member(a, word, *args, **kwargs)
    if folder == "numpy" and name in importlib.import_module("matrass.numpy_functions").names():
        return operator.attrgetter(word)(np)  # type: ignore[no-any-return]
    raise InvalidArgument(f"session: no routine is called {name!r}")


def _member(a: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    member = getattr(a, name)
    return member(*args, **kwargs) if callable(member) else member


@routine("ufunc")
def _ufunc(_: Desk, f: np.ufunc, *operands: Any, **options: Any) -> Any:
    return f(*operands, **options)


@routine("run")
def _run(desk: Desk, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return f(desk.on, *args, **kwargs)


@routine("state")
def _state(desk: Desk, kept: Kept) -> bytes:
    """For the driver, whose process is its user's own; rank 0 says it."""
    if not desk.contact.may_run:
        raise InvalidArgument("state: the session must be one's own")
    return pickle.dumps(kept.value) if desk.on.comm.rank == 0 else b""


@routine("noop")
def _noop(_: Desk) -> None:
    """Nothing: what a command costs by itself."""
