# SPDX-License-Identifier: BSD-3-Clause
"""Who the ranks of a session are.

Next: ``transfers.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Rank"]


@dataclass(frozen=True)
class Rank:
    """A process of a session."""

    rank: int
    pid: int | None
    host: str | None
