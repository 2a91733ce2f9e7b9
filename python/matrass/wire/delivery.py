# SPDX-License-Identifier: BSD-3-Clause
"""A process that has tiles, or wants rows, and the ranks.

Where the process is a rank itself, nothing is sent. Else one connection to each rank is kept for
the process's life, however many parts it reads. Next: ``routines.py`` (the ranks).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from matrass.bootstrap.world import node_name
from matrass.wire import connections
from matrass.wire.connections import Place
from matrass.wire.messages import array_words
from matrass.wire.port import served
from matrass.wire.stage import Tile, empty, stages

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Place", "deliver", "fetch", "own_process"]


def deliver(
    places: Sequence[Place], part: int, attempt: int, tiles: Iterable[Tile]
) -> tuple[int, int, int]:
    """Bring the tiles of one part to one rank.

    Parameters
    ----------
    places : sequence of Place
        Of all ranks. A rank that is this process gets the tiles; else it is ``part % ranks``.
    part, attempt : int
    tiles : iterable of Tile

    Returns
    -------
    (int, int, int)
        The rank, how many tiles it got, and their bytes.

    Raises
    ------
    RankLostError
        If the rank does not listen any more.
    """
    count = size = 0
    stage = stages.get(places[0].name)
    if stage is not None:
        stage.require_ticket(places[0].ticket)
        rank = next(place.rank for place in places if place.process == own_process())
        for tile in tiles:
            stage.add(part, attempt, tile, adopted=True)
            count, size = count + 1, size + tile.nbytes
        return rank, count, size
    place = places[part % len(places)]
    head = {"put": place.name, "ticket": place.ticket, "part": part, "attempt": attempt}
    for tile in tiles:
        told = {"do": "tile", "kind": tile.kind, "at": tile.at}
        arrays = [array_words(x) for x in tile.arrays]
        connections.speak(place, head | told | {"arrays": arrays}, tile.arrays)
        count, size = count + 1, size + tile.nbytes
    if count:
        connections.ask(place, head | {"do": "done"})
    return place.rank, count, size


def fetch(place: Place, rows_wanted: tuple[int, int] | None) -> npt.NDArray[Any]:
    """The rows from one to another, which this rank has; None: all that it gives out."""
    given = served.get(place.name)
    if given is not None and place.process == own_process() and given.ticket == place.ticket:
        rows = given.rows()
        if rows_wanted is None:
            return rows
        return rows[rows_wanted[0] - given.first : rows_wanted[1] - given.first]
    words = {"do": "rows", "matrix": place.name, "ticket": place.ticket, "rows": rows_wanted}
    found: npt.NDArray[Any] = connections.ask(place, words, empty)[1]
    return found


def own_process() -> str:
    """A name of this process that no other has, on any machine."""
    return f"{node_name()}/{os.getpid()}"
