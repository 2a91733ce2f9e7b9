# SPDX-License-Identifier: BSD-3-Clause
"""matrass: distributed matrices between data people and MPI.

``import matrass as mt`` loads no MPI: names load when they are first touched, and `_core` at the
first use in a rank. Next: ``bootstrap/which_mpi.py``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from matrass.bootstrap import which_mpi as _which_mpi

if TYPE_CHECKING:
    from matrass import _core as _core
    from matrass import dask as dask
    from matrass import estimators as estimators
    from matrass import linalg as linalg
    from matrass import random as random
    from matrass.create import from_function as from_function
    from matrass.create import from_global as from_global
    from matrass.create import from_local as from_local
    from matrass.create import from_tiles as from_tiles
    from matrass.errors import AuthenticationError as AuthenticationError
    from matrass.errors import CancelledError as CancelledError
    from matrass.errors import DTypeError as DTypeError
    from matrass.errors import Error as Error
    from matrass.errors import InvalidArgument as InvalidArgument
    from matrass.errors import LayoutError as LayoutError
    from matrass.errors import MemoryLimitError as MemoryLimitError
    from matrass.errors import MPIError as MPIError
    from matrass.errors import NotPositiveDefiniteError as NotPositiveDefiniteError
    from matrass.errors import OutOfBoundsError as OutOfBoundsError
    from matrass.errors import RankLostError as RankLostError
    from matrass.errors import RankStalledError as RankStalledError
    from matrass.errors import RoutineError as RoutineError
    from matrass.errors import ScaLAPACKError as ScaLAPACKError
    from matrass.errors import SessionClosedError as SessionClosedError
    from matrass.errors import ShapeError as ShapeError
    from matrass.errors import SingularError as SingularError
    from matrass.errors import TimeoutError as TimeoutError
    from matrass.grid import Grid as Grid
    from matrass.layout import Layout as Layout
    from matrass.mask import DistMask as DistMask
    from matrass.mask import where as where
    from matrass.matrix import DistMatrix as DistMatrix
    from matrass.plan import RedistributionPlan as RedistributionPlan
    from matrass.pool import MemoryUse as MemoryUse
    from matrass.pool import limit_memory as limit_memory
    from matrass.pool import memory as memory
    from matrass.pool import reset_peak_memory as reset_peak_memory
    from matrass.pool import trim_memory as trim_memory
    from matrass.session import Session as Session
    from matrass.session.remote_matrix import RemoteMatrix as RemoteMatrix
    from matrass.sparse import SparseMatrix as SparseMatrix
    from matrass.sparse_create import from_coo as from_coo
    from matrass.sparse_create import from_scipy as from_scipy
    from matrass.tile_sink import TileSink as TileSink

    __version__: str

# Where each public name lives; a module's own name means the module itself.
_HOMES = {
    "matrass.errors": (
        "AuthenticationError CancelledError DTypeError Error InvalidArgument LayoutError MPIError "
        "MemoryLimitError NotPositiveDefiniteError OutOfBoundsError RankLostError RankStalledError "
        "RoutineError ScaLAPACKError SessionClosedError ShapeError SingularError TimeoutError"
    ),
    "matrass.grid": "Grid",
    "matrass.layout": "Layout",
    "matrass.create": "from_function from_global from_local from_tiles",
    "matrass.mask": "DistMask where",
    "matrass.matrix": "DistMatrix",
    "matrass.plan": "RedistributionPlan",
    "matrass.pool": "MemoryUse limit_memory memory reset_peak_memory trim_memory",
    "matrass.session": "Session",
    "matrass.session.remote_matrix": "RemoteMatrix",
    "matrass.sparse": "SparseMatrix",
    "matrass.sparse_create": "from_coo from_scipy",
    "matrass.tile_sink": "TileSink",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_MODULES = ("dask", "estimators", "linalg", "random", "spark")

__all__ = sorted([*_HOME_OF, *_MODULES, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"matrass.{name}")
    elif name == "_core":
        value = _which_mpi.load_core()
    elif name == "__version__":
        from importlib.metadata import version

        value = version("matrass")
    else:
        raise AttributeError(f"module 'matrass' has no attribute {name!r}")
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return __all__


_which_mpi.prepare()
