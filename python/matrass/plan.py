# SPDX-License-Identifier: BSD-3-Clause
"""What a redistribution will do, told before it happens.

Next: ``matrix.py``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matrass import _core

__all__ = ["RedistributionPlan"]


@dataclasses.dataclass(frozen=True)
class RedistributionPlan:
    """What ``A.to(...)`` would do on this rank.

    Attributes
    ----------
    bytes_sent : int
        Bytes of elements that go to other ranks.
    bytes_received : int
        Bytes of elements that come from other ranks.
    bytes_kept : int
        Bytes of elements that are copied on this rank.
    messages : int
        How many this rank sends; 0 where ranks of one machine copy directly.
    rounds : int
        In how many rounds messages are exchanged.
    result_bytes : int
        Memory for this rank's part of the result.
    work_bytes : int
        Memory for buffers while it runs.
    path : {"none", "local", "direct", "message", "mixed"}
        Nothing moves (the result is a view); copied on this rank; straight between the memories of
        ranks of one machine; packed into messages; both.
    """

    bytes_sent: int
    bytes_received: int
    bytes_kept: int
    messages: int
    rounds: int
    result_bytes: int
    work_bytes: int
    path: str

    @property
    def peak_bytes(self) -> int:
        """Memory that the call takes on this rank at its height."""
        return self.result_bytes + self.work_bytes

    @classmethod
    def _of(cls, core: _core.Explanation) -> RedistributionPlan:
        return cls(**{field.name: getattr(core, field.name) for field in dataclasses.fields(cls)})
