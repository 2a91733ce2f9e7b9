# SPDX-License-Identifier: BSD-3-Clause
"""What every session can do, whoever its ranks are.

Next: ``local.py`` (ranks on this machine).
"""

from __future__ import annotations

import base64
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from matrass.anywhere import Remote
from matrass.arguments import flag_of, how_dealt, index_of
from matrass.control.calls import Call
from matrass.control.controller import Controller
from matrass.control.messages import decode, encode
from matrass.errors import InvalidArgument, RankLostError, SessionClosedError
from matrass.layout import Layout
from matrass.session.held import Held, RemoteState
from matrass.session.inputs import (
    Wanted,
    array_of,
    blocks_of,
    giver_of,
    is_blocks,
    is_collection,
    is_sparse,
)
from matrass.session.ranks import Rank
from matrass.session.remote_matrix import Handle, RemoteMatrix, RemoteSparse
from matrass.session.transfers import Transfers
from matrass.session.words import KINDS, Words, has_handles

__all__ = ["Session"]


class Session:
    """Ranks that are ruled from here; a context manager.

    Attributes
    ----------
    id : str
    ranks : list of Rank
    transfers : Transfers
        What has moved between this process and the ranks.
    """

    may_run = True
    """Whether the ranks are processes of this user, who may run anything there."""

    def __init__(self, retry: int = 0) -> None:
        self._retry = index_of(retry, "Session: retry")
        if self._retry < 0:
            raise InvalidArgument(f"Session: retry must not be negative: got {retry}")
        self._named: weakref.WeakValueDictionary[str, Handle] = weakref.WeakValueDictionary()
        self.transfers = Transfers()
        self._attach(*self._open())

    def _open(self) -> tuple[Controller, Callable[[], None]]:
        """Start the ranks; returns who rules them, and what is to be done after they have left."""
        raise NotImplementedError

    def _attach(self, controller: Controller, clean_up: Callable[[], None]) -> None:
        self._controller = controller
        self._named.clear()
        self._states: weakref.WeakSet[RemoteState] = weakref.WeakSet()
        # At exit, too; what cleans up must not hold the session.
        self._end = weakref.finalize(self, _close, controller, clean_up)

    # Life -----------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """A name that no other session has."""
        return self._controller.id

    @property
    def ranks(self) -> list[Rank]:
        """The processes of the session, by rank."""
        return [Rank(m.rank, m.pid, m.host) for m in self._controller.members]

    @property
    def dashboard_url(self) -> str | None:
        """Where a browser can watch the session; None, as there is no such page."""
        return None

    @property
    def closed(self) -> bool:
        """Whether the session is over: closed, or ended by a lost rank."""
        return self._controller.end is not None

    def close(self) -> None:
        """Let the ranks go. Handles are of no use afterwards."""
        for state in [] if self.closed else list(self._states):
            state.save()
        self._end()

    def renew(self) -> None:
        """Go on with fresh ranks, after one was lost for example. Handles are gone."""
        self.close()
        self._attach(*self._open())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __deepcopy__(self, _: Any) -> Self:
        """The same: scikit-learn's clones of an estimator use its session."""
        return self

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self._controller.members)} ranks"
        return f"{type(self).__name__}({state}, id={self.id!r})"

    # Calls ----------------------------------------------------------------------------------------

    def call(self, routine: str, *args: Any, **kwargs: Any) -> Any:
        """Run a routine of the library on all ranks, and wait for it."""
        return self._start(routine, args, kwargs).result()

    def run(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``fn(grid, *args, **kwargs)`` on every rank, with matrices for their handles.

        Parameters
        ----------
        fn : callable
            Shipped by cloudpickle: a lambda, a function of a notebook, a method.
        *args, **kwargs
            Numbers, text, arrays, and handles, which arrive as `DistMatrix`.

        Returns
        -------
        list or object
            What each rank returned, in the order of ranks. Where it is or holds a DistMatrix, which
            all ranks return alike: one object, with a handle in its place, and else what rank 0
            returned.

        Raises
        ------
        RoutineError
            If `fn` raises: it has the rank and its traceback.
        """
        return self.submit(fn, *args, **kwargs).result()

    def submit(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Call:
        """The same as `run`, or a routine of `matrass.linalg`, without waiting for it."""
        module, name = getattr(fn, "__module__", None), getattr(fn, "__name__", "")
        if module is not None and module.startswith("matrass.linalg"):
            return self._start(f"linalg.{name}", args, kwargs)
        if not callable(fn):
            raise InvalidArgument(f"run: fn must be a function: got {type(fn).__name__}")
        if not self.may_run:
            raise InvalidArgument("run: functions are shipped into one's own processes alone")
        import cloudpickle

        shipped = {"$": "function", "pickle": base64.b64encode(cloudpickle.dumps(fn)).decode()}
        return self._start("run", (Words(shipped), *args), kwargs, self._of_each, of_user=True)

    def _start(
        self,
        routine: str,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        read: Callable[[list[Any]], Any] | None = None,
        *,
        of_user: bool = False,
    ) -> Call:
        """Have all ranks begin; `read` makes the result of their values, by default rank 0's.

        What a routine raises that is `of_user` is a `RoutineError`.
        """
        message = {
            "do": "call",
            "routine": routine,
            "args": [encode(x, self._own_words) for x in args],
            "kwargs": {name: encode(x, self._own_words) for name, x in kwargs.items()},
            "every": read is not None,
        }
        call = self._controller.command(
            message, "run" if of_user else routine.rsplit(".", maxsplit=1)[-1], of_user=of_user
        )
        call.operands = (*args, *kwargs.values())  # handles must live until the ranks are done
        return call.then(read or (lambda values: self._value(values[0])))

    def _on_each(self, routine: str, *args: Any) -> tuple[Any, list[Any]]:
        """Of a routine that returns two values: the first, and each rank's second."""

        def read(values: list[Any]) -> tuple[Any, list[Any]]:
            first, _ = self._value(values[0])
            return first, [each["items"][1] for each in values]

        result: tuple[Any, list[Any]] = self._start(routine, args, {}, read).result()
        return result

    def _of_each(self, values: list[Any]) -> Any:
        """What a user's function returned."""
        if has_handles(values[0]):
            return self._value(values[0])
        return [self._value(each) for each in values]

    def _value(self, words: Any) -> Any:
        return decode(words, self._own_value)

    def _own_words(self, value: Any) -> dict[str, Any] | None:
        if isinstance(value, Words):
            return dict(value)
        if not isinstance(value, Remote):
            return None
        if not isinstance(value, Held) or value.session is not self:
            raise InvalidArgument("session: all matrices of a call must be of one session")
        if value.freed:
            raise InvalidArgument(
                f"session: a matrix must be on the ranks, neither freed nor from before a renewal: "
                f"got {value!r}"
            )
        return {"$": "handle", "id": value.id}

    def _own_value(self, words: dict[str, Any]) -> Any:
        if words.get("$") == "labels":
            from matrass.linalg import Labels

            return Labels(self._own_value(words["matrix"]))
        return KINDS[words["$"]](self, words)

    # Matrices -------------------------------------------------------------------------------------

    def matrices(self) -> list[Handle]:
        """The named matrices that are still held."""
        return [each for _, each in sorted(self._named.items())]

    def matrix(self, name: str) -> Handle:
        """The handle that was given this name.

        Raises
        ------
        InvalidArgument
            If there is none, or no longer.
        """
        try:
            return self._named[name]
        except KeyError:
            known = ", ".join(sorted(self._named)) or "none"
            raise InvalidArgument(f"matrix: no matrix is named {name!r} (named: {known})") from None

    def put(  # noqa: PLR0917
        self,
        x: Any,
        layout: str | Layout = "VC,STAR",
        block: int | tuple[int, int] | None = None,
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
        max_memory: int | str | None = None,
        progress: Callable[[float], None] | None = None,
        *,
        shape: tuple[int, int] | None = None,
        release: bool = False,
    ) -> Any:
        """Bring a matrix to the ranks.

        Parameters
        ----------
        x : array_like, DataFrame, Arrow table, SciPy sparse, list or iterator of row blocks
            Rows are dealt to the ranks. A vector becomes a matrix of one column. With Dask's
            workers as ranks, a dask.array or dask.dataframe too: its chunks are computed where Dask
            wants them, and read where they lie; no bytes of theirs pass through Dask's scheduler or
            this process. Of Spark: a DataFrame of numbers, or of one column of arrays or vectors,
            and MLlib's distributed matrices, whose partitions go straight to the ranks.
        layout, block
            See `DistMatrix`. None: contiguous parts of the rows.
        name : str, optional
            By which ``session.matrix(name)`` finds it.
        dtype : dtype, optional
            What its elements become; by default what they are, and float64 for integers.
        max_memory : int or str, optional
            Bytes that a change of layout may allocate on each rank.
        progress : callable, optional
            Called with the part of the rows that has arrived, from 0 to 1.
        shape : (int, int), optional
            Of all blocks of an iterator together: it may be larger than this process's memory.
        release : bool
            Of a Dask collection: whether its chunks leave Dask once the matrix is there. A
            persisted `x` is of no use then, nor is what was made of it and not computed: Dask says
            that they are cancelled. Chunks that somebody else holds (another client, a published
            dataset) stay with them.

        Returns
        -------
        RemoteMatrix, or RemoteSparse of a sparse matrix

        Raises
        ------
        ShapeError, DTypeError, MemoryLimitError
        RankLostError
            If a rank is lost, and was lost again each time that `retry` allowed.
        """
        wanted = Wanted(layout, block, name, dtype, max_memory, progress, shape, release)
        if flag_of(release, "put: release") and not is_collection(x):
            raise InvalidArgument(
                f"put: release= is for Dask collections: got {type(x).__name__} (drop it yourself)"
            )
        for left in range(self._retry, -1, -1):
            begun = False
            try:
                self._require_open("put")
                begun = True
                return self._named_as(self._bring(x, wanted), name)
            except (RankLostError, SessionClosedError) as error:
                if left == 0 or not self._end.alive:  # closed by its user
                    raise
                if begun and isinstance(x, Iterator):
                    error.add_note("put: it was not repeated: an iterator gives its blocks once")
                    raise
                self.renew()
        raise AssertionError

    def _bring(self, x: Any, wanted: Wanted) -> Any:
        """What `put` does, once."""
        giver = giver_of(x)
        if giver is not None:
            return giver.put(self, x, wanted)
        if is_sparse(x):
            return self._put_sparse(x, wanted)
        if is_blocks(x):
            extents, scalar, blocks_given = blocks_of(x, wanted.shape, wanted.dtype)
            a = self._put_blocks(blocks_given, extents, scalar, wanted)
        else:
            array, scalar = array_of(x, wanted.dtype)
            a = self._put(array, scalar, wanted)
        return self._dealt(a, wanted)

    def _dealt(self, a: RemoteMatrix, wanted: Wanted) -> RemoteMatrix:
        """The matrix in the layout that is wanted."""
        _, layout, block = how_dealt("put", a.shape, wanted.layout, wanted.block)
        if str(Layout(layout)) == str(a.layout) and block in (None, a.block):
            return a
        dealt: RemoteMatrix = a.to(layout, block, max_memory=wanted.max_memory)
        return dealt

    def _named_as(self, a: Any, name: str | None) -> Any:
        if name is not None:
            a.name, self._named[name] = name, a
        return a

    def _require_open(self, routine: str) -> None:
        if self._controller.end is not None:
            raise SessionClosedError(f"{routine}: {self._controller.end}")

    def _require_alive(self) -> None:
        """Raise the reason for which the session has ended, if it has."""
        if self._controller.end is not None:
            raise self._controller.end

    def _put(self, x: npt.NDArray[Any], dtype: np.dtype[Any], wanted: Wanted) -> RemoteMatrix:
        raise NotImplementedError

    def _put_sparse(self, x: Any, wanted: Wanted) -> RemoteSparse:
        raise NotImplementedError

    def to_dask(self, a: RemoteMatrix) -> Any:
        """A matrix as a Dask array."""
        raise InvalidArgument("to_dask: the ranks must be Dask's workers (mt.dask.Session)")

    def _put_blocks(
        self,
        blocks: Iterator[npt.NDArray[Any]],
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        wanted: Wanted,
    ) -> RemoteMatrix:
        whole = np.empty(shape, dtype)
        at = 0
        for block in blocks:
            whole[at : at + len(block)] = block
            at += len(block)
        return self._put(whole, dtype, wanted)

    def _fetch(self, a: RemoteMatrix, out: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
        raise NotImplementedError


def _close(controller: Controller, clean_up: Callable[[], None]) -> None:
    try:
        controller.close()
    finally:
        clean_up()
