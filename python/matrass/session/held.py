# SPDX-License-Identifier: BSD-3-Clause
"""What a session's ranks hold for a driver: they let go of it when its handle is collected.

Next: ``remote_matrix.py``.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any, NoReturn

from matrass.anywhere import Remote
from matrass.errors import Error

if TYPE_CHECKING:
    from matrass.session.session import Session

__all__ = ["Held", "RemoteState"]

_LAST_SECONDS = 5.0


class Held(Remote):
    """A handle of something that the ranks of a session hold."""

    session: Session

    def __init__(self, session: Session, words: dict[str, Any]) -> None:
        self.session = session
        self.id: str = words["id"]
        self._home = session._controller
        self._release = weakref.finalize(self, self._home.tell, {"do": "free", "ids": [self.id]})
        self._release.atexit = False  # the session's own end frees everything

    def free(self) -> None:
        """Let the ranks forget it; the handle is of no use any more."""
        self._release()

    @property
    def freed(self) -> bool:
        """Whether the ranks have been told to forget it, or are others now."""
        return not self._release.alive or self._home is not self.session._controller

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"pickle: a {type(self).__name__} cannot be pickled: it belongs to its session "
            "(A.to_numpy() fetches the matrix)"
        )


class RemoteState(Held):
    """What a routine goes on with when it is called again; it comes here when it is asked for.

    A session that is closed brings it here first.
    """

    def __init__(self, session: Session, words: dict[str, Any]) -> None:
        super().__init__(session, words)
        self._words: bytes | None = None
        session._states.add(self)

    def fetch(self) -> bytes:
        """Its pickle, as rank 0 makes it."""
        if self._words is None:
            self._words = self.session.call("state", self)
        return self._words

    def save(self) -> None:
        """Fetch it while that is possible, and not for long."""
        if self._words is None and not self.freed:
            with contextlib.suppress(Error):
                self._words = self.session._start("state", (self,), {}).result(_LAST_SECONDS)
