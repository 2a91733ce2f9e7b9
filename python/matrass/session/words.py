# SPDX-License-Identifier: BSD-3-Clause
"""What a driver and its ranks call things, and which of them are handles.

Next: ``session.py``.
"""

from __future__ import annotations

from typing import Any

from matrass.session.held import Held, RemoteState
from matrass.session.remote_matrix import RemoteMask, RemoteMatrix, RemoteSparse

__all__ = ["KINDS", "Words", "has_handles"]

KINDS: dict[str, type[Held]] = {
    "matrix": RemoteMatrix,
    "sparse": RemoteSparse,
    "mask": RemoteMask,
    "state": RemoteState,
}


class Words(dict[str, Any]):
    """Words that are said as they are."""


def has_handles(words: Any) -> bool:
    """Whether there are handles among these words."""
    if isinstance(words, dict):
        if words.get("$") in (*KINDS, "labels"):
            return True
        return any(map(has_handles, words.values()))
    return isinstance(words, list) and any(map(has_handles, words))
