# SPDX-License-Identifier: BSD-3-Clause
"""Between a driver's NumPy arrays and ranks on its machine: they read and write its memory.

One pass, without a segment or a socket (``matrass/redistribute/process_copy.hpp``). Rows stay as
they lie: a C-ordered array becomes row-major parts, which routines take as they are. The ranks'
side is ``control/driver_memory.py``. Next: ``local.py``.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matrass.errors import InvalidArgument
from matrass.session.inputs import entries_of
from matrass.session.transfers import Share

if TYPE_CHECKING:
    from matrass.session.inputs import Wanted
    from matrass.session.local import LocalSession
    from matrass.session.remote_matrix import RemoteMatrix, RemoteSparse

__all__ = ["fetch", "put", "put_blocks", "put_sparse", "reaches"]

Words = dict[str, Any]


def put(
    session: LocalSession,
    x: npt.NDArray[Any],
    dtype: np.dtype[Any],
    wanted: Wanted,
) -> RemoteMatrix:
    """Have the ranks read `x`."""
    start = time.perf_counter()
    if not session.reaches:
        return _put_by_rounds(session, x, dtype, wanted)
    ready = _readable(x, dtype)
    a, seconds = session._on_each("put", _where(ready), x.shape, dtype)
    wanted.tell(1.0)
    _note(session, "put", wanted.name or a.id, seconds, seconds=time.perf_counter() - start)
    return a  # type: ignore[no-any-return]


def put_blocks(
    session: LocalSession,
    blocks: Iterator[npt.NDArray[Any]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    wanted: Wanted,
) -> RemoteMatrix:
    """Have the ranks read one block of rows after another; only one is in this process."""
    start = time.perf_counter()
    a: RemoteMatrix = session.call("put.begin", shape, dtype)
    sums = np.zeros((len(session.ranks), 3))
    at = 0
    for block in blocks:
        if session.reaches:
            ready = _readable(block, dtype)
            sums += session._on_each("put.block", a, _where(ready), at, len(ready))[1]
        else:
            sums += _rounds_of(session, a, block, at)
        at += len(block)
        wanted.tell(at / max(1, shape[0]))
    _note(session, "put", wanted.name or a.id, sums.tolist(), seconds=time.perf_counter() - start)
    return a


def put_sparse(session: LocalSession, x: Any, wanted: Wanted) -> RemoteSparse:
    """Have the ranks read the entries of their rows."""
    start = time.perf_counter()
    entries, dtype, bounds = entries_of(x, wanted.dtype, len(session.ranks))
    ready = time.perf_counter()
    if session.reaches:
        place = {"pid": os.getpid(), "address": entries.ctypes.data}
        a, parts = session._on_each("put.sparse", place, x.shape, dtype, bounds)
    else:
        count = session.memory.size // entries.itemsize
        for k in range(0, max(1, len(entries)), count):
            some = entries[k : k + count]
            session.memory.array((len(some), 1), entries.dtype)[:, 0] = some
            session.call("put.sparse.round", k, len(some), dtype, bounds)
            wanted.tell((k + len(some)) / max(1, len(entries)))
        a, parts = session._on_each("put.sparse.end", x.shape, dtype)
    end = time.perf_counter()
    wanted.tell(1.0)
    _note(session, "put", wanted.name or a.id, parts, seconds=end - start, serialise=ready - start)
    return a  # type: ignore[no-any-return]


def fetch(session: LocalSession, a: RemoteMatrix, out: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """Have the ranks write into `out`, or into a new array."""
    start = time.perf_counter()
    out = a.room(out)
    if not (out.flags.c_contiguous or out.flags.f_contiguous) or not out.flags.writeable:
        raise InvalidArgument("to_numpy: out must be writable, and C- or F-contiguous")
    if not session.reaches:
        _fetch_by_rounds(session, a, out)
        return out
    _, seconds = session._on_each("fetch", a, _where(out))
    _note(session, "fetch", a.name or a.id, seconds, seconds=time.perf_counter() - start)
    return out


def reaches(session: LocalSession) -> bool:
    """Whether all ranks can read this process's memory (MATRASS_SHARED_MEMORY=1: they must not)."""
    if os.environ.get("MATRASS_SHARED_MEMORY", "0") not in ("", "0"):
        return False
    secret = np.full((1, 1), float(secrets.randbits(50)))
    return all(session._on_each("reach", _where(secret), int(secret[0, 0]))[1])


def _rounds(session: LocalSession, shape: tuple[int, int], dtype: np.dtype[Any]) -> Iterator[slice]:
    """The rows that the shared memory has room for, again and again."""
    width = max(1, shape[1] * dtype.itemsize)
    height = session.memory.size // width
    if height == 0:
        raise InvalidArgument(
            f"put: a row must fit the shared memory of {session.memory.size} bytes: got {width}"
        )
    for i in range(0, shape[0], height):
        yield slice(i, min(i + height, shape[0]))


def _put_by_rounds(
    session: LocalSession,
    x: npt.NDArray[Any],
    dtype: np.dtype[Any],
    wanted: Wanted,
) -> RemoteMatrix:
    start = time.perf_counter()
    a: RemoteMatrix = session.call("put.begin", x.shape, dtype)
    sums = np.zeros((len(session.ranks), 3))
    for rows in _rounds(session, x.shape, dtype):
        sums += _one_round(session, a, x[rows], rows.start)
        wanted.tell(rows.stop / x.shape[0])
    _note(session, "put", wanted.name or a.id, sums.tolist(), seconds=time.perf_counter() - start)
    return a


def _rounds_of(session: LocalSession, a: RemoteMatrix, x: npt.NDArray[Any], at: int) -> Any:
    """The rows `x`, which begin at row `at` of the matrix."""
    rounds = _rounds(session, x.shape, a.dtype)
    return sum(_one_round(session, a, x[rows], at + rows.start) for rows in rounds)


def _one_round(session: LocalSession, a: RemoteMatrix, x: npt.NDArray[Any], at: int) -> Any:
    session.memory.array(x.shape, a.dtype)[...] = x
    return np.array(session._on_each("put.rows", a, at, len(x))[1])


def _fetch_by_rounds(session: LocalSession, a: RemoteMatrix, out: npt.NDArray[Any]) -> None:
    start = time.perf_counter()
    rows_of_a: RemoteMatrix = session.call("fetch.begin", a)
    sums = np.zeros((len(session.ranks), 3))
    for rows in _rounds(session, a.shape, a.dtype):
        count = rows.stop - rows.start
        sums += session._on_each("fetch.rows", rows_of_a, rows.start, count)[1]
        out[rows] = session.memory.array((count, a.shape[1]), a.dtype)
    _note(session, "fetch", a.name or a.id, sums.tolist(), seconds=time.perf_counter() - start)


def _where(x: npt.NDArray[Any]) -> Words:
    return {"pid": os.getpid(), "address": x.ctypes.data, "strides": x.strides}


def _readable(x: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """`x`, copied only where the ranks could not read it as it lies."""
    lies_well = all(stride >= x.itemsize for stride in x.strides)
    return x if x.dtype == dtype and x.dtype.isnative and lies_well else np.array(x, dtype)


def _note(
    session: LocalSession,
    what: str,
    name: str,
    parts: list[list[float]],
    *,
    seconds: float,
    serialise: float = 0.0,
) -> None:
    shares = [Share(1, size, 0, received, placed) for size, received, placed in parts]
    session.transfers.note(what, name, shares, seconds=seconds, serialise=serialise)
