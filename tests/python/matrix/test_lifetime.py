# SPDX-License-Identifier: BSD-3-Clause
"""A thousand live matrices that every rank drops in its own order, some by the garbage collector.

Making a matrix is collective, dropping one is not: nothing may wait for it, and nothing may stay.
"""

import gc
import os
import random

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from reference import DTYPES, LAYOUTS

LIVE = 1000
STEPS = 300
POOLED = 1 << 15  # bytes from which on a part comes from the pool


class Holder:
    """A matrix in a reference cycle: it lives until the garbage collector looks."""

    def __init__(self, matrix, number):
        self.matrix = matrix
        self.number = number
        self.me = self

    def check(self):
        a = self.matrix
        expected = numbers(a.local_rows[:, None], a.local_cols[None, :], self.number)
        assert np.array_equal(a.local, expected.astype(a.dtype)), self.number


def numbers(i, j, number):
    """Of matrix `number`; exact in every dtype."""
    return number + 1000.0 * i + j


def make(grid, number, draw):
    """Collective: a matrix of any size, layout and dtype."""
    shape = draw.choice([(3, 5), (40, 7), (300, 120), (513, 130), (2000, 33)])
    layout, block, dtype = draw.choice(LAYOUTS), draw.choice([1, 8, None]), draw.choice(DTYPES)
    f = lambda i, j: numbers(i, j, number).astype(dtype)  # noqa: E731
    return mt.from_function(grid, shape, f, layout=layout, block=block, dtype=dtype)


def in_use():
    return _core.memory()["in_use"]


def open_files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - one descriptor more, each time


class Rank:
    """This rank's matrices, and those that it has still to drop, when it likes."""

    def __init__(self, rank):
        self.live = {}
        self.doomed = []
        self.own = random.Random(rank)

    def add(self, number, matrix):
        self.live[number] = Holder(matrix, number) if self.own.random() < 0.5 else matrix

    def matrix(self, number):
        held = self.live[number]
        return held.matrix if isinstance(held, Holder) else held

    def doom(self, number):
        self.doomed.append(self.live.pop(number))

    def drop_some(self):
        self.own.shuffle(self.doomed)
        for _ in range(self.own.randint(0, len(self.doomed))):
            del self.doomed[-1]
        if self.own.random() < 0.1:
            gc.collect(self.own.randint(0, 2))

    def check(self):
        for number in self.live:
            Holder(self.matrix(number), number).check()


def run(comm, grid):
    """Build up to LIVE matrices, then redistribute and replace; nothing is kept."""
    draw, rank = random.Random(0), Rank(comm.rank)
    for number in range(LIVE):
        rank.add(number, make(grid, number, draw))
    assert len(rank.live) == LIVE
    rank.check()
    most = in_use()
    for number in range(LIVE, LIVE + STEPS):
        for doomed in draw.sample(sorted(rank.live), 3):
            rank.doom(doomed)
        source = draw.choice(sorted(rank.live))
        moved = rank.matrix(source).to(draw.choice(LAYOUTS), block=draw.choice([1, 8, None]))
        Holder(moved, source).check()
        rank.add(number, make(grid, number, draw))
        rank.live[source] = moved  # the old one goes now, or with its cycle
        rank.drop_some()
    rank.check()
    left = sorted(rank.live)
    rank.own.shuffle(left)
    for number in left:
        del rank.live[number]
    return most


@pytest.mark.ranks(4)
@pytest.mark.time_limit(240)
def test_a_thousand_live_matrices(comm):
    gc.collect()
    grid = mt.Grid(comm)
    make(grid, 0, random.Random(1)).to("STAR,STAR")
    mt.DistMatrix(grid, (2000, 200)).to("STAR,VR")  # finds the others' memory
    gc.collect()
    comm.Barrier()
    before = in_use(), open_files()
    for _ in range(2):
        automatic = gc.isenabled()
        if comm.rank % 2 == 0:
            gc.disable()
        try:
            most = run(comm, grid)
        finally:
            if automatic:
                gc.enable()
        assert most > before[0] + LIVE // 10 * POOLED
        gc.collect()
        comm.Barrier()
        assert (in_use(), open_files()) == before
