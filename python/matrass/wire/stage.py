# SPDX-License-Identifier: BSD-3-Clause
"""Tiles that wait on a rank until all of a matrix has come.

A source is made of parts, such as the partitions of a DataFrame; each part is read by some process,
maybe more than once. What an attempt at a part brings is kept by itself, and the driver says in the
end which attempts count. Next: ``port.py``.
"""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from matrass.errors import AuthenticationError, InvalidArgument, MemoryLimitError

__all__ = ["Kind", "Stage", "Tile", "stages"]

Kind = Literal["rows", "rectangle", "indexed", "coo"]
_ARRAYS = {"rows": 1, "rectangle": 1, "indexed": 2, "coo": 3}
_SCALARS = frozenset("fciu")


@dataclass(frozen=True)
class Tile:
    """A piece of a matrix.

    Attributes
    ----------
    kind : str
        "rows": whole rows, ``arrays[0]``; "rectangle": the same anywhere; "indexed": the rows
        ``arrays[0]`` are the numbers of the rows ``arrays[1]``; "coo": triplets i, j, v.
    at : (int, int)
        Where the first element belongs: of "rows" within their part, of "rectangle" in the matrix.
    arrays : tuple of numpy.ndarray
    """

    kind: Kind
    at: tuple[int, int]
    arrays: tuple[npt.NDArray[Any], ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(x.nbytes for x in self.arrays)

    def require_sound(self) -> None:
        """Raise unless its arrays fit its kind and one another."""
        if self.kind not in _ARRAYS or len(self.arrays) != _ARRAYS[self.kind]:
            raise InvalidArgument(f"put: a tile must be of a known kind: got {self.kind!r}")
        matrix = self.kind != "coo"
        if any(x.dtype.kind not in _SCALARS for x in self.arrays) or min(self.at) < 0:
            raise InvalidArgument("put: a tile must hold numbers")
        if matrix != (self.arrays[-1].ndim == 2):
            raise InvalidArgument("put: a tile must be a matrix")
        if len({len(x) for x in self.arrays}) != 1:
            raise InvalidArgument("put: the arrays of a tile must be of one length")


@dataclass
class Stage:
    """What has come for one matrix.

    Attributes
    ----------
    ticket : str
        Who shows it may add tiles here, and nothing else.
    adopted : int
        Bytes that were left here by this very process.
    """

    ticket: str
    adopted: int = 0
    _parts: dict[tuple[int, int], list[Tile]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def require_ticket(self, shown: Any) -> None:
        """Raise unless it is this stage's."""
        if not (isinstance(shown, str) and hmac.compare_digest(shown, self.ticket)):
            raise AuthenticationError("put: the ticket must be of this matrix")

    def add(self, part: int, attempt: int, tile: Tile, *, adopted: bool) -> None:
        """Keep a tile."""
        tile.require_sound()
        with self._lock:
            self._parts.setdefault((part, attempt), []).append(tile)
            if adopted:
                self.adopted += tile.nbytes

    def take(self, part: int, attempt: int) -> list[Tile]:
        """The tiles of one attempt at a part, in the order in which they came."""
        with self._lock:
            return self._parts.pop((part, attempt), [])


stages: dict[str, Stage] = {}
"""Of this process, by the names of the transfers."""


def require_room(nbytes: int) -> None:
    """Raise unless so many bytes fit into this machine's memory now."""
    free = available()
    if free is not None and nbytes > free:
        raise MemoryLimitError(
            f"put: {nbytes / 1e9:.2f} GB do not fit: {free / 1e9:.2f} GB are free on the rank's "
            "machine"
        )


def available() -> int | None:
    """Bytes that the machine has for new memory, where it says so."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def empty(words: dict[str, Any]) -> npt.NDArray[Any]:
    """An array as a message announces it, once its size is found sound."""
    shape = tuple(words["shape"])
    dtype = np.dtype(str(words["dtype"]))
    sound = len(shape) in (1, 2) and all(isinstance(n, int) and 0 <= n < 1 << 48 for n in shape)
    if not sound or dtype.kind not in _SCALARS or words["order"] not in ("C", "F"):
        raise InvalidArgument(f"put: a tile must be an array of numbers: got {words}")
    require_room(int(np.prod(shape, dtype=object)) * dtype.itemsize)
    return np.empty(shape, dtype, order=words["order"])
