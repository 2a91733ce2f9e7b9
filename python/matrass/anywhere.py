# SPDX-License-Identifier: BSD-3-Clause
"""Routines that take matrices of this process's ranks, or handles of matrices elsewhere.

Next: ``session/remote_matrix.py`` (the handles).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

__all__ = ["Kept", "Remote", "anywhere"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Host(Protocol):
    """Where a handle's matrix is."""

    def call(self, routine: str, *args: Any, **kwargs: Any) -> Any:
        """Run a routine there; what it makes stays there, as handles."""


class Remote:
    """A handle of something that ranks elsewhere hold."""

    session: Host


class Kept:
    """Something that ranks keep between a driver's calls: it gets a handle of it as a result."""

    def __init__(self, value: Any) -> None:
        self.value = value


def anywhere(f: Callable[_P, _R]) -> Callable[_P, _R]:
    """Have `f`, a routine of `matrass.linalg`, run where the matrices among its arguments are."""
    name = f"linalg.{f.__name__}"

    @wraps(f)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        for value in (*args, *kwargs.values()):
            if isinstance(value, Remote):
                result: _R = value.session.call(name, *args, **kwargs)
                return result
        return f(*args, **kwargs)

    return call
