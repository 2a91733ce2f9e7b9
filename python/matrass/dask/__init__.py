# SPDX-License-Identifier: BSD-3-Clause
"""Dask workers become MPI ranks; their chunks become tiles, in place.

Loaded on demand, for it needs distributed (the extra ``matrass[dask]``). Next: ``chunks.py``.
"""

try:
    import distributed as _distributed
except ImportError as error:
    raise ImportError(
        "matrass.dask: distributed must be installed: pip install 'matrass[dask]'"
    ) from error

from matrass.dask.session import DaskSession as Session

del _distributed

__all__ = ["Session"]
