# SPDX-License-Identifier: BSD-3-Clause
"""Where other processes bring tiles to ranks and fetch rows from them, and which rank has which.

Next: ``wire_transfer.py``.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from matrass.wire.delivery import Place

if TYPE_CHECKING:
    from matrass.session.session import Session

__all__ = ["opened", "places_of", "rows_of_ranks"]


def places_of(session: Session, routine: str, name: str, ticket: str, *args: Any) -> list[Place]:
    """The ranks' answers to a routine that lets processes with the ticket in, under that name."""
    _, given = session._on_each(routine, name, ticket, *args)
    return [Place.of_words(rank, place, name, ticket) for rank, place in enumerate(given)]


@contextlib.contextmanager
def opened(session: Session, routine: str, *args: Any) -> Iterator[tuple[str, list[Place]]]:
    """The name of a new transfer, and the places; what ranks still have of it is dropped."""
    name, ticket = secrets.token_hex(8), secrets.token_urlsafe(24)
    try:
        yield name, places_of(session, routine, name, ticket, *args)
    finally:
        with contextlib.suppress(Exception):  # of a session that has ended
            session._start("wire.drop", (name,), {})


def rows_of_ranks(ranks: int, m: int) -> list[tuple[int, int]]:
    """The rows of each rank in [VC,STAR]: the first, and the next after the last."""
    height = max(1, -(-m // ranks))
    return [(min(r * height, m), min((r + 1) * height, m)) for r in range(ranks)]
