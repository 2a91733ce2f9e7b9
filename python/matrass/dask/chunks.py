# SPDX-License-Identifier: BSD-3-Clause
"""A Dask collection as a matrix of chunks: where each begins, and which future holds it.

Next: ``workers.py``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from matrass.errors import DTypeError, InvalidArgument, ShapeError

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Chunk", "Chunked", "chunked", "release"]


@dataclass(frozen=True)
class Chunk:
    """A rectangle of the matrix, as a task's result."""

    future: Future[Any]
    i0: int
    j0: int
    shape: tuple[int, int]

    @property
    def key(self) -> Any:
        """The task's key, by which its worker has it."""
        return self.future.key


@dataclass(frozen=True)
class Chunked:
    """A matrix whose chunks are in Dask workers' memory."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    chunks: list[Chunk]


_LOOK_SECONDS = 0.2


def chunked(
    x: Any, client: Client, workers: list[str], require_alive: Callable[[], None]
) -> Chunked:
    """Compute the chunks of `x`, where Dask wants them among `workers`, and wait for them.

    Parameters
    ----------
    x : dask.array.Array of 1 or 2 dimensions, or dask.dataframe.DataFrame of numeric columns
        Chunks of any shape; sizes that are not known are computed.
    client : Client
    workers : list of str
        Addresses of the workers that may hold chunks.
    require_alive : callable
        Raises once one of them is no rank any more: tasks that wait for it may wait for ever.

    Raises
    ------
    ShapeError, DTypeError
        Before anything is computed.
    """
    import dask.array as da
    from distributed import futures_of

    if not isinstance(x, da.Array):
        x = _array_of_frame(x)
    if x.ndim == 1:
        x = x[:, np.newaxis]
    if x.ndim != 2:
        raise ShapeError(f"put: x must have 2 dimensions: got shape {x.shape} (reshape it)")
    if x.dtype.kind not in "biufc":
        raise DTypeError(f"put: x must hold numbers: got {x.dtype} (convert with astype)")
    with client.as_current():
        x = client.persist(x, workers=workers, allow_other_workers=False)
        _wait(x, require_alive)
        if np.isnan(np.asarray(x.shape, float)).any():
            x = x.compute_chunk_sizes()
    futures = {future.key: future for future in futures_of(x)}
    rows, cols = (tuple(accumulate(sizes, initial=0)) for sizes in x.chunks)
    found = []
    for i, height in enumerate(x.chunks[0]):
        for j, width in enumerate(x.chunks[1]):
            future = futures[(x.name, i, j)]
            if future.status == "error":
                future.result()  # raises what the task has raised
            if height and width:
                found.append(Chunk(future, rows[i], cols[j], (height, width)))
    return Chunked((rows[-1], cols[-1]), np.dtype(x.dtype), found)


def _wait(x: Any, require_alive: Callable[[], None]) -> None:
    from distributed import wait

    while True:
        require_alive()
        with contextlib.suppress(TimeoutError):
            wait(x, timeout=_LOOK_SECONDS)
            return


def release(x: Any) -> None:
    """Let go of the chunks of a persisted collection: Dask forgets those that nobody else holds."""
    from dask.core import flatten
    from distributed import futures_of

    own = set(flatten(x.__dask_keys__()))  # its graph may hold others, of which it was to be made
    for future in futures_of(x):
        if future.key in own:
            future.release()


def _array_of_frame(x: Any) -> Any:
    dtypes = getattr(x, "dtypes", None)
    if dtypes is None:
        raise InvalidArgument(f"put: x must be a dask array or dataframe: got {type(x).__name__}")
    wrong = [str(name) for name, dtype in dtypes.items() if not _is_numeric(dtype)]
    if wrong:
        raise DTypeError(
            f"put: columns must hold numbers: {', '.join(wrong)} do not (choose others: "
            "df[[...]], or convert them)"
        )
    return x.to_dask_array(lengths=True)


def _is_numeric(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind in "biufc"
