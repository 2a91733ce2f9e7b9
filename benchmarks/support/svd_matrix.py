# SPDX-License-Identifier: BSD-3-Clause
"""Matrices of known singular values: A = H1 diag(s) H2 H3 with Householder reflectors.

Next: ``linalg/truncated_svd.py``, ``linalg/svd_methods.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SPECTRA: dict[str, Callable[[Any], Any]] = {
    "signal_and_noise": lambda i: 10.0 ** (-i / 10) + 1e-3,
    "power_law": lambda i: (1.0 + i) ** -1.2,
    "slow_decay": lambda i: 1 / (1 + i),
    "clusters": lambda i: 10.0 ** (-(i // 5)) * (1 + 1e-6 * (i % 5)) + 1e-6,
}


def singular_values(spectrum: str, n: int) -> Any:
    """All of them, descending."""
    return np.sort(SPECTRA[spectrum](np.arange(n)))[::-1]


def reflector(size: int, seed: int) -> Any:
    """A random unit vector, the same in every process."""
    h = np.random.default_rng(seed).standard_normal(size)
    return h / np.linalg.norm(h)


def rows_of_matrix(shape: tuple[int, int], rows: slice, spectrum: str, order: str = "C") -> Any:
    """The given rows of the test matrix, a block at a time."""
    m, n = shape
    s = SPECTRA[spectrum](np.arange(n))
    left, right = reflector(m, 1), [reflector(n, 2), reflector(n, 3)]
    out = np.empty((rows.stop - rows.start, n), order=order)
    for begin in range(rows.start, rows.stop, 4096):
        end = min(begin + 4096, rows.stop)
        block = -2 * np.outer(left[begin:end], left[:n] * s)
        own = np.arange(begin, min(end, n))
        block[own - begin, own] += s[own]
        for h in right:
            block -= 2 * np.outer(block @ h, h)
        out[begin - rows.start : end - rows.start] = block
    return out


def share_of(rank: int, size: int, rows: int) -> slice:
    """The rows of a rank."""
    share = -(-rows // size)
    return slice(min(rank * share, rows), min((rank + 1) * share, rows))
