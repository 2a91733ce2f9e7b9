# SPDX-License-Identifier: BSD-3-Clause
"""A command that the ranks are at, as the driver sees it.

Next: ``members.py``.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING, Any

from matrass.control import failures
from matrass.errors import CancelledError, TimeoutError

if TYPE_CHECKING:
    from matrass.control.controller import Controller

__all__ = ["Call"]


def _forget(controller: Controller, seq: list[int], taken: list[bool]) -> None:
    """Nobody has asked for the result: the ranks need not keep it."""
    if seq and not taken:
        controller.tell({"do": "drop", "seq": seq[0]})


class Call:
    """What `Session.submit` returns: the result of a routine, some time.

    Attributes
    ----------
    progress : (float or None, str)
        How much is done, from 0 to 1 where that is known, and what the routine says.
    """

    def __init__(self, controller: Controller, routine: str, ranks: int, of_user: bool) -> None:
        self.routine = routine
        self._seq: list[int] = []
        self.progress: tuple[Any, ...] = (None, "")
        self.replies: dict[int, dict[str, Any]] = {}
        self.first_alone: int | None = None
        self.operands: tuple[Any, ...] = ()
        """Held until the routine has ended."""
        self._controller = controller
        self._ranks = ranks
        self._of_user = of_user
        self._future: Future[list[Any]] = Future()
        self._taken: list[bool] = []
        weakref.finalize(self, _forget, controller, self._seq, self._taken).atexit = False
        self._read: Callable[[list[Any]], Any] = lambda values: values
        self._once = threading.Lock()

    @property
    def seq(self) -> int:
        """Its number in the order of commands."""
        return self._seq[0] if self._seq else 0

    @seq.setter
    def seq(self, number: int) -> None:
        self._seq[:] = [number]

    def then(self, read: Callable[[list[Any]], Any]) -> Call:
        """Give as the result what `read` makes of the ranks' values, once."""
        self._read = read
        return self

    def done(self) -> bool:
        """Whether there is a result, or an error."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the result.

        Raises
        ------
        TimeoutError
            After `timeout` seconds; the routine goes on.
        RoutineError, RankLostError, CancelledError, ...
            What the routine raised, or what has happened to its ranks.
        """
        try:
            values = self._future.result(timeout)
        except FutureTimeout:
            raise TimeoutError(
                f"{self.routine}: must end within {timeout} s: it is still running"
            ) from None
        except FutureCancelled:
            raise CancelledError(f"{self.routine}: it was cancelled") from None
        with self._once:
            if not self._taken:
                self._value = self._read(values)
                self._taken.append(True)
        return self._value

    def cancel(self, grace: float = 5.0) -> None:
        """Ask the routine to end at its next step; after `grace` seconds end its ranks' world.

        Returns at once where the routine has ended already.
        """
        if self.done():
            return
        self._controller.tell({"do": "cancel", "seq": self.seq})
        try:
            self._future.exception(grace)
        except FutureTimeout:
            error = CancelledError(f"{self.routine}: cancelled, by force after {grace} s")
            self._controller.end_world("a routine was cancelled by force", error)

    @property
    def failed(self) -> bool:
        """Whether it has ended with an error, or was given up."""
        return self._future.done() and self._future.exception() is not None

    # On the controller's event loop ---------------------------------------------------------------

    def fail(self, error: Exception) -> None:
        """Give up on it."""
        self.operands = ()
        if not self._future.done():
            self._future.set_exception(error)

    def complete(self) -> None:
        """All ranks have answered."""
        failed = [rank for rank, reply in sorted(self.replies.items()) if "error" in reply]
        if failed:
            # The rank that failed alone is the cause; agreed errors are alike.
            alone = [r for r in failed if not self.replies[r]["error"]["agreed"]]
            self.fail(self.error_of(alone[0] if alone else failed[0]))
        elif not self._future.done():
            self.operands = ()
            self._future.set_result([self.replies[rank]["value"] for rank in range(self._ranks)])

    def error_of(self, rank: int) -> Exception:
        """What a rank raised."""
        words = self.replies[rank]["error"]
        return failures.raised(words, self.routine, rank, of_user=self._of_user)
