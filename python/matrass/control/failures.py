# SPDX-License-Identifier: BSD-3-Clause
"""Exceptions of ranks as words of JSON, and what the driver raises for them.

Next: ``mpi_thread.py``.
"""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Mapping
from typing import Any

import numpy as np

from matrass import errors
from matrass.errors import RoutineError

__all__ = ["describe", "is_agreed", "raised"]

_BUILTIN = (
    "ArithmeticError AttributeError FloatingPointError IndexError KeyError LookupError MemoryError "
    "NotImplementedError OverflowError RuntimeError TypeError ValueError ZeroDivisionError"
)
_KNOWN: dict[str, type[Exception]] = {
    **{name: getattr(builtins, name) for name in _BUILTIN.split()},
    "LinAlgError": np.linalg.LinAlgError,
    **{name: getattr(errors, name) for name in errors.__all__},
}


def is_agreed(error: BaseException) -> bool:
    """Whether all ranks are known to be raising this error."""
    return getattr(error, "_agreed", None) is not None


def describe(error: BaseException) -> dict[str, Any]:
    """`error` in words of JSON."""
    return {
        "type": type(error).__name__,
        "message": str(error),
        "agreed": is_agreed(error),
        "traceback": "".join(traceback.format_exception(error)),
    }


def raised(words: Mapping[str, Any], routine: str, rank: int, *, of_user: bool) -> Exception:
    """What the driver raises for a rank's error.

    A routine of the library raises what it would raise on the ranks. What a user's own function
    raises is a `RoutineError` that has the rank and its traceback.
    """
    kind = _KNOWN.get(words["type"])
    if kind is not None and (not of_user or kind is errors.CancelledError):
        error = kind(words["message"])
        error.add_note(f"raised on rank {rank}:\n{words['traceback']}")
        return error
    return RoutineError(
        f"{routine}: rank {rank} raised {words['type']}: {words['message']}",
        rank=rank,
        remote_traceback=words["traceback"],
    )
