# SPDX-License-Identifier: BSD-3-Clause
"""The names of matrix norms. Needs no MPI.

Next: ``linalg/norms.py``.
"""

from __future__ import annotations

import numpy as np

from matrass.errors import InvalidArgument

__all__ = ["norm_name"]

_NORMS = {
    None: "fro",
    "fro": "fro",
    1: "1",
    -1: "-1",
    np.inf: "inf",
    -np.inf: "-inf",
    "max": "max",
}


def norm_name(ord: float | str | None) -> str:  # noqa: A002
    """Read the order of a norm, as `numpy.linalg.norm` has them."""
    try:
        if isinstance(ord, bool):  # True is 1 as a key
            raise TypeError(ord)
        return _NORMS[ord]
    except (KeyError, TypeError) as error:
        raise InvalidArgument(
            f'norm: ord must be None, "fro", 1, -1, inf, -inf or "max": got {ord!r}'
        ) from error
