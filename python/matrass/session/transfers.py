# SPDX-License-Identifier: BSD-3-Clause
"""What has moved between a driver's data and its ranks, as a table.

Next: ``remote_matrix.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import overload

__all__ = ["Share", "Transfer", "Transfers"]


@dataclass(frozen=True)
class Transfer:
    """One rank's part of one transfer; bytes and seconds."""

    what: str
    """put, fetch, ..."""
    matrix: str
    """Its name, or its id."""
    rank: int
    tiles: int
    bytes: int
    adopted: int
    """Bytes that were taken where they lay, in the giver's memory: not copied before `place`."""
    moved: int
    """Bytes that were copied from one process to another."""
    serialise: float
    send: float
    receive: float
    place: float
    """Seconds of the change of layout."""
    seconds: float
    """From the call to its end, on the driver."""

    @property
    def rate(self) -> float:
        """GB/s."""
        return self.bytes / self.seconds / 1e9 if self.seconds > 0 else float("inf")


@dataclass(frozen=True)
class Share:
    """A rank's own part in a transfer: what only it knows."""

    tiles: float
    bytes: float
    adopted: float = 0
    receive: float = 0.0
    place: float = 0.0


class Transfers(Sequence[Transfer]):
    """A table of transfers, the latest last; printed, it is one."""

    kept = 10_000
    """Lines; older ones are forgotten."""

    def __init__(self) -> None:
        self._lines: list[Transfer] = []

    def note(
        self,
        what: str,
        matrix: str,
        shares: Iterable[Share],
        *,
        seconds: float,
        serialise: float = 0.0,
        send: float = 0.0,
    ) -> None:
        """Append a line for each rank: its share, and the seconds that all have in common."""
        self._lines += [
            Transfer(
                what=what,
                matrix=matrix,
                rank=rank,
                tiles=int(share.tiles),
                bytes=int(share.bytes),
                adopted=int(share.adopted),
                moved=int(share.bytes - share.adopted),
                serialise=serialise,
                send=send,
                receive=share.receive,
                place=share.place,
                seconds=seconds,
            )
            for rank, share in enumerate(shares)
        ]
        del self._lines[: -self.kept]

    @overload
    def __getitem__(self, key: int) -> Transfer: ...
    @overload
    def __getitem__(self, key: slice) -> list[Transfer]: ...
    def __getitem__(self, key: int | slice) -> Transfer | list[Transfer]:
        return self._lines[key]

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Transfer]:
        return iter(list(self._lines))

    def __repr__(self) -> str:
        names = [field.name for field in fields(Transfer)] + ["GB/s"]
        rows = [
            [
                f"{value:.4f}" if isinstance(value, float) else str(value)
                for value in (*(getattr(line, name) for name in names[:-1]), line.rate)
            ]
            for line in self._lines
        ]
        widths = [max(len(row[k]) for row in [names, *rows]) for k in range(len(names))]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in [names, *rows]
        )
