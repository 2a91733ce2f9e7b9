# SPDX-License-Identifier: BSD-3-Clause
"""One of four ranks on two hosts: moves a matrix in many ways; rank 0 prints a line for each.

    moving.py sample|all

A line has the bytes that left each host over the cable, and the least that had to. Every element
is checked on every rank.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matrass as mt
import numpy as np
from mpi4py import MPI

COMM = MPI.COMM_WORLD
M, N = 3000, 2000  # 48 MB: many rounds of messages
HOST_OF = (0, 0, 1, 1)
ALL = sys.argv[1] == "all"
SENT = Path("/sys/class/net/cable/statistics/tx_bytes")

Mask = np.ndarray
"""Which of the M x N elements a host has."""


def element(i: Any, j: Any) -> Any:
    return i + float(M) * j


def whole() -> np.ndarray:
    return element(np.arange(M)[:, None], np.arange(N)[None, :])


def masks_of(places: list[tuple[Any, Any]]) -> list[Mask]:
    """Each host's elements, of which this rank has rows x columns at each of `places`."""
    masks = [np.zeros((M, N), bool) for _ in range(2)]
    for rank, of_rank in enumerate(COMM.allgather(places)):
        for rows, cols in of_rank:
            masks[HOST_OF[rank]][np.ix_(rows, cols)] = True
    return masks


def matrix_masks(a: mt.DistMatrix) -> list[Mask]:
    return masks_of([(a.local_rows, a.local_cols)])


def must_leave(before: list[Mask], after: list[Mask]) -> list[int]:
    """Bytes: what the other host has afterwards and had not before."""
    return [8 * int((after[1 - host] & ~before[1 - host]).sum()) for host in range(2)]


def sent_by_hosts() -> list[int]:
    """Over the cable so far."""
    sent = COMM.allgather(int(SENT.read_text(encoding="ascii")))
    return [sent[0], sent[2]]


def is_sound(a: mt.DistMatrix) -> bool:
    return bool(np.array_equal(a.local, element(a.local_rows[:, None], a.local_cols[None, :])))


def measured(name: str, move: Callable[[], Any], check: Callable[[Any], bool]) -> Any:
    """The result of `move`; prints what it sent, without what had to be sent yet."""
    COMM.Barrier()
    before = sent_by_hosts()
    result = move()
    COMM.Barrier()
    after = sent_by_hosts()
    sound = COMM.allreduce(bool(check(result)), MPI.LAND)
    line = {"case": name, "sent": [b - a for a, b in zip(before, after, strict=True)]}
    return result, line | {"sound": sound}


def say(line: dict[str, Any], must: list[int]) -> None:
    if COMM.rank == 0:
        print(json.dumps(line | {"must": must}), flush=True)


def change_layouts(grid: mt.Grid) -> None:
    """Through layouts, in blocks of every kind."""
    layouts = itertools.cycle(
        [
            ("MC,MR", 64),
            ("VC,STAR", None),
            ("STAR,VR", 1),
            ("MR,MC", (3, 50)),
            ("VR,STAR", 7),
            ("STAR,VC", None),
            ("MD,STAR", 5),
            ("STAR,STAR", None),
            ("CIRC,CIRC", None),
            ("MC,STAR", 16),
            ("STAR,MD", None),
            ("MR,STAR", 2),
            ("STAR,MC", 300),
            ("STAR,MR", None),
        ]
    )
    layout, block = next(layouts)
    a = mt.from_function(grid, (M, N), element, layout=layout, block=block)
    for layout, block in itertools.islice(layouts, 14 if ALL else 4):
        name = f"{a.layout} -> {layout} in blocks of {block} on {grid.shape}"
        b, line = measured(name, lambda: a.to(layout, block=block), is_sound)  # noqa: B023
        say(line, must_leave(matrix_masks(a), matrix_masks(b)))
        a = b


def tiles_in(grid: mt.Grid) -> None:
    """Tiles of 500 x 400, row-major and dealt to the ranks in turn."""
    x = whole()
    corners = list(itertools.product(range(0, M, 500), range(0, N, 400)))[COMM.rank :: COMM.size]
    tiles = [(i, j, np.ascontiguousarray(x[i : i + 500, j : j + 400])) for i, j in corners]
    before = masks_of([(range(i, i + 500), range(j, j + 400)) for i, j in corners])
    for layout in ("MC,MR", "VC,STAR", "STAR,STAR")[: 3 if ALL else 1]:
        move = lambda: mt.from_tiles(grid, tiles, (M, N), layout=layout)  # noqa: B023, E731
        a, line = measured(f"from_tiles -> {layout}", move, is_sound)
        say(line, must_leave(before, matrix_masks(a)))


def arrays_out(grid: mt.Grid) -> None:
    """The whole as an array on one rank of each host, and on all."""
    expected = whole()
    a = mt.from_function(grid, (M, N), element, layout="MC,MR", block=100)
    for root in (3, 0, None)[: 3 if ALL else 1]:
        wanted = root is None or COMM.rank == root
        check = lambda x: np.array_equal(x, expected) if wanted else x is None  # noqa: B023, E731
        _, line = measured(f"numpy(root={root})", lambda: a.numpy(root=root), check)  # noqa: B023
        after = masks_of([(range(M), range(N))] if wanted else [])
        say(line, must_leave(matrix_masks(a), after))


def main() -> None:
    change_layouts(mt.Grid(COMM, (2, 2)))
    if ALL:
        change_layouts(mt.Grid(COMM, (1, 4), "C"))
    tiles_in(mt.Grid(COMM, (2, 2)))
    arrays_out(mt.Grid(COMM, (2, 2)))


main()
