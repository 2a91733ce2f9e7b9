# SPDX-License-Identifier: BSD-3-Clause
"""What a driver knows of the processes of its session.

Next: ``controller.py``.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matrass.errors import RankLostError

__all__ = ["Member", "lost"]


@dataclass
class Member:
    """A process that is, or is to become, a rank."""

    name: str
    rank: int
    """In the session."""
    socket: Any = None
    """Its WebSocket, once it has greeted."""
    line: asyncio.StreamWriter | None = None
    """Its lifeline."""
    pid: int | None = None
    host: str | None = None
    node: str = ""
    address: str = ""
    """From where it connects."""
    world: dict[str, Any] | None = None
    """The world that it was in when it came."""
    asked: float | None = None
    """Since when its lifeline has owed an answer."""
    gone: bool = False
    exit: Callable[[], int | None] = lambda: None
    """Its exit code as `subprocess` has it (negative: a signal), where it is a child of ours."""

    @property
    def here(self) -> bool:
        """Whether it has greeted on both lines."""
        return self.socket is not None and self.line is not None

    @property
    def silence(self) -> float:
        """For how many seconds its lifeline has owed an answer."""
        return 0.0 if self.asked is None else time.monotonic() - self.asked

    def __str__(self) -> str:
        where = f"process {self.pid} on {self.host}" if self.pid is not None else self.name
        return f"rank {self.rank} ({where})"


def lost(member: Member, during: str) -> RankLostError:
    """The error that says who was lost, and how, as far as it can be known."""
    code = member.exit()
    number = -code if code is not None and code < 0 else None
    if number is not None:
        try:
            how = f"was killed by {signal.Signals(number).name}"
        except ValueError:
            how = f"was killed by signal {number}"
    elif code is not None:
        how = f"ended with exit code {code}"
    else:
        how = "is gone"
    return RankLostError(
        f"{during}: every rank must stay alive: {member} {how}",
        rank=member.rank,
        pid=member.pid,
        host=member.host,
        signal=number,
        exit_code=code if number is None else None,
    )
