# SPDX-License-Identifier: BSD-3-Clause
"""A rank waits for tiles, makes a matrix of them, and gives rows out.

Next: ``../session/__init__.py``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from matrass.control.routines import routine
from matrass.control.tiles import assembled, of_numbered_rows
from matrass.wire.delivery import own_process
from matrass.wire.port import Port, Served, served
from matrass.wire.stage import Stage, Tile, stages

if TYPE_CHECKING:
    from matrass.control.agent import Desk
    from matrass.matrix import DistMatrix

__all__ = ["place_of"]


@routine("wire.expect")
def _expect(desk: Desk, name: str, ticket: str) -> Any:
    """Take tiles from now on; returns where."""
    stages[name] = Stage(ticket)
    desk.at_end.append(lambda: stages.pop(name, None))
    return None, place_of(desk)


@routine("wire.drop")
def _drop(_: Desk, name: str) -> None:
    """Wait for these tiles no longer, and give these rows out no longer."""
    stages.pop(name, None)
    served.pop(name, None)


@routine("wire.place")
def _place(  # noqa: PLR0917
    desk: Desk,
    name: str,
    parts: list[list[tuple[int, int, int]]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    layout: str,
    block: Any,
) -> Any:
    """A matrix of the tiles that have come: for each rank its (part, attempt, first row)."""
    start = time.perf_counter()
    tiles, adopted = _taken(desk, name, parts)
    numbered = any(tile.kind == "indexed" for _, tile in tiles)
    if desk.on.comm.allreduce(numbered):
        pieces = [(tile.arrays[0], tile.arrays[1]) for _, tile in tiles]
        a = of_numbered_rows(desk, pieces, shape, dtype, (layout, block))
    else:
        placed = [
            (tile.at[0] + (i0 if tile.kind == "rows" else 0), tile.at[1], tile.arrays[0])
            for i0, tile in tiles
        ]
        a = assembled(desk, placed, shape, dtype, (layout, block))
    return a, [*_sizes(tiles), adopted, time.perf_counter() - start]


@routine("wire.coo")
def _coo(
    desk: Desk,
    name: str,
    parts: list[list[tuple[int, int, int]]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
) -> Any:
    """A sparse matrix of the triplets that have come."""
    from matrass.sparse_create import from_coo

    start = time.perf_counter()
    tiles, adopted = _taken(desk, name, parts)
    kinds = (np.dtype(np.int64), np.dtype(np.int64), dtype)
    i, j, v = (
        np.concatenate([np.empty(0, kind), *(tile.arrays[k] for _, tile in tiles)])
        for k, kind in enumerate(kinds)
    )
    a = from_coo(desk.on, i, j, v, shape, dtype=dtype)
    return a, [*_sizes(tiles), adopted, time.perf_counter() - start]


@routine("wire.give")
def _give(desk: Desk, name: str, ticket: str, a: DistMatrix) -> Any:
    """Let others fetch rows of a matrix that is dealt by contiguous rows."""
    first = int(a.local_rows[0]) if len(a.local_rows) else 0
    served[name] = Served(ticket, lambda: a.local, first)
    desk.at_end.append(lambda: served.pop(name, None))
    return None, place_of(desk)


@routine("wire.connections")
def _connections(desk: Desk) -> Any:
    """How many connections other processes have made to each rank."""
    return None, desk.tools["port"].accepted if "port" in desk.tools else 0


def place_of(desk: Desk) -> list[Any]:
    """Where other processes reach this rank, for `Place.of_words`."""
    if "port" not in desk.tools:
        port = desk.tools["port"] = Port(desk.address, desk.contact.ports)
        desk.at_end.append(port.close)
    port = desk.tools["port"]
    return [*port.address, own_process(), port.name]


def _taken(
    desk: Desk, name: str, parts: list[list[tuple[int, int, int]]]
) -> tuple[list[tuple[int, Tile]], float]:
    """This rank's tiles, with the first rows of their parts; and how many bytes were left here."""
    stage = stages.pop(name, None) or Stage("")
    tiles = [
        (i0, tile)
        for part, attempt, i0 in parts[desk.on.rank]
        for tile in stage.take(part, attempt)
    ]
    return tiles, float(stage.adopted)


def _sizes(tiles: list[tuple[int, Tile]]) -> list[float]:
    return [len(tiles), float(sum(tile.nbytes for _, tile in tiles))]
