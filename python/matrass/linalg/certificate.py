# SPDX-License-Identifier: BSD-3-Clause
"""What a result is worth, measured on the result itself.

Next: ``tall.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Certificate"]


@dataclass(frozen=True)
class Certificate:
    """Measured errors of a result, relative: some eps of the dtype where all is well."""

    residual: float
    """How far the factors are from the matrix, or the solution from solving its equations; each
    routine says how it is measured."""
    orthogonality: float | None
    """``||I - Q.H Q||_F`` of the orthonormal factor, where there is one."""
