# SPDX-License-Identifier: BSD-3-Clause
"""Between a driver's NumPy arrays and ranks on its machine: they read and write its memory.

One pass, without a segment or a socket (``matrass/redistribute/process_copy.hpp``). Rows stay as
they lie: a C-ordered array becomes row-major parts, which routines take as they are. The ranks'
side is ``control/driver_memory.py``. Next: ``local.py``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matrass.errors import InvalidArgument, ShapeError
from matrass.session.transfers import Transfer

if TYPE_CHECKING:
    from matrass.session.local import LocalSession
    from matrass.session.remote_matrix import RemoteMatrix

__all__ = ["fetch", "put"]

Words = dict[str, Any]


def put(
    session: LocalSession,
    x: npt.NDArray[Any],
    dtype: np.dtype[Any],
    progress: Callable[[float], None] | None,
) -> RemoteMatrix:
    """Have the ranks read `x`."""
    start = time.perf_counter()
    ready = _readable(x, dtype)
    a, seconds = session._on_each("put", _where(ready), x.shape, dtype)
    if progress is not None:
        progress(1.0)
    _note(session, "put", a, seconds, time.perf_counter() - start)
    return a  # type: ignore[no-any-return]


def fetch(session: LocalSession, a: RemoteMatrix, out: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """Have the ranks write into `out`, or into a new array."""
    start = time.perf_counter()
    if out is None:
        out = np.empty(a.shape, a.dtype, order=a.order)
    elif out.shape != a.shape or out.dtype != a.dtype:
        raise ShapeError(
            f"to_numpy: out must have shape {a.shape} and dtype {a.dtype}: got {out.shape} and "
            f"{out.dtype}"
        )
    elif not (out.flags.c_contiguous or out.flags.f_contiguous) or not out.flags.writeable:
        raise InvalidArgument("to_numpy: out must be writable, and C- or F-contiguous")
    _, seconds = session._on_each("fetch", a, _where(out))
    _note(session, "fetch", a, seconds, time.perf_counter() - start)
    return out


def _where(x: npt.NDArray[Any]) -> Words:
    return {"pid": os.getpid(), "address": x.ctypes.data, "strides": x.strides}


def _readable(x: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """`x`, copied only where the ranks could not read it as it lies."""
    lies_well = all(stride >= x.itemsize for stride in x.strides)
    return x if x.dtype == dtype and x.dtype.isnative and lies_well else np.array(x, dtype)


def _note(
    session: LocalSession, what: str, a: RemoteMatrix, parts: list[list[float]], seconds: float
) -> None:
    for rank, (size, received, placed) in enumerate(parts):
        session.transfers.add(
            Transfer(
                what=what,
                matrix=a.name or a.id,
                rank=rank,
                tiles=1,
                bytes=int(size),
                adopted=0,
                moved=int(size),
                serialise=0.0,
                send=0.0,
                receive=received,
                place=placed,
                seconds=seconds,
            )
        )
