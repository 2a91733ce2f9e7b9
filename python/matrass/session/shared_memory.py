# SPDX-License-Identifier: BSD-3-Clause
"""Memory that a driver and its children share: the way where they cannot read each other's.

It has no name, so that nothing can be left of it; children inherit its descriptor. It is made once
and kept, as fresh pages cost ten times a copy. Next: ``local_transfer.py``.
"""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SharedMemory"]


class SharedMemory:
    """A piece of memory that children map by its descriptor."""

    size = 1 << 26
    """Bytes: of one round of a transfer."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("matrass")
        os.ftruncate(self.descriptor, self.size)
        self._map: mmap.mmap | None = None

    def array(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """An array at its beginning, C-ordered."""
        if self._map is None:
            self._map = mmap.mmap(self.descriptor, self.size)
        count = shape[0] * shape[1]
        return np.frombuffer(self._map, dtype, count).reshape(shape)

    def close(self) -> None:
        """Give the descriptor back; who has mapped the memory keeps it."""
        os.close(self.descriptor)
