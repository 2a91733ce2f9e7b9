# SPDX-License-Identifier: BSD-3-Clause
"""Dask workers become MPI ranks; their chunks become tiles, in place.

Next: ``chunks.py``.
"""

from matrass.dask.session import DaskSession as Session

__all__ = ["Session"]
