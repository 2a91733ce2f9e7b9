# SPDX-License-Identifier: BSD-3-Clause
"""How good an answer is, measured, and results that carry it.

Next: ``products.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Certificate", "Certified"]


@dataclass(frozen=True)
class Certificate:
    """What ``certify=True`` measures. Right answers have multiples of the unit roundoff here."""

    residual: float
    """``||A - product of the factors|| / ||A||`` in the Frobenius norm; of systems, see there."""
    orthogonality: float | None = None
    """``||I - Q.H @ Q||``, the largest one of all factors that should be orthonormal."""


class Certified:
    """A result that may carry a certificate."""

    certificate: Certificate | None = None
    """With ``certify=True``; else None."""
