# SPDX-License-Identifier: BSD-3-Clause
"""Attributes of a driver's estimator that stay on the ranks, for the next call to go on with.

Next: ``remote.py``.
"""

from __future__ import annotations

import pickle
from typing import Any

from matrass.errors import Error
from matrass.session.held import RemoteState

__all__ = ["OnRanks", "bring", "kept_by", "light", "names_of", "state_of"]

_STATE = "_state_on_ranks"


class OnRanks:
    """An attribute of an estimator that comes to the driver when it is read there, or pickled."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, estimator: Any, owner: type | None = None) -> Any:
        """Where the estimator itself has none."""
        if estimator is None:
            return self
        bring(estimator)
        if self.name not in vars(estimator):
            raise AttributeError(f"{type(estimator).__name__} is not fitted yet")
        return vars(estimator)[self.name]


def names_of(estimator: Any) -> list[str]:
    """The attributes of this kind."""
    classes = type(estimator).__mro__
    return [name for each in classes for name, x in vars(each).items() if isinstance(x, OnRanks)]


def state_of(estimator: Any) -> RemoteState | None:
    """What the ranks keep of it."""
    state: RemoteState | None = vars(estimator).get(_STATE)
    return state


def bring(estimator: Any, *, drop: bool = False) -> None:
    """Have the attributes here that the ranks keep; and, dropped, there no longer.

    Raises
    ------
    RankLostError, SessionClosedError
        If the ranks were lost with them.
    """
    state = state_of(estimator)
    if state is None:
        return
    if any(name not in vars(estimator) for name in names_of(estimator)):
        try:
            vars(estimator).update(pickle.loads(state.fetch()))
        except Error as error:
            error.add_note(
                f"{type(estimator).__name__}: what it has seen was on these ranks: fit it again"
            )
            raise
    if drop:
        del vars(estimator)[_STATE]


def light(estimator: Any) -> Any:
    """The estimator without these attributes."""
    left_out = {*names_of(estimator), _STATE}
    shell = object.__new__(type(estimator))
    vars(shell).update({k: x for k, x in vars(estimator).items() if k not in left_out})
    return shell


def kept_by(estimator: Any, state: RemoteState | None, *, changed: bool) -> None:
    """Note what the ranks keep now; None: what they did before."""
    if changed:
        for name in names_of(estimator):
            vars(estimator).pop(name, None)
    if state is not None:
        vars(estimator)[_STATE] = state
