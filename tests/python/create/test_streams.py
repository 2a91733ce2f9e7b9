# SPDX-License-Identifier: BSD-3-Clause
"""Tiles that arrive over time: iterators in batches, and a sink that is fed by hand."""

import weakref

import matrass as mt
import numpy as np
import pytest
from hypothesis import strategies as st
from reference import raised_together, whole
from spmd import given_together

M, N = 61, 23


def rows_of(x, height, owner, rank):
    """x in row blocks, each given by the rank that owner(k) names."""
    for k, i in enumerate(range(0, len(x), height)):
        if owner(k) == rank:
            yield i, 0, x[i : i + height]


@pytest.mark.parametrize("batch_bytes", [1, 1000, 1 << 20])
@pytest.mark.parametrize("layout", ["MC,MR", "VC,STAR", "STAR,STAR", "CIRC,CIRC"])
def test_generators(comm, batch_bytes, layout):
    """Evenly, all from one rank, and some ranks through long before others."""
    x = whole(M, N)
    last = comm.size - 1
    for owner in (lambda k: k % comm.size, lambda _: last, lambda k: min(k, last)):
        tiles = rows_of(x, 3, owner, comm.rank)
        A = mt.from_tiles(
            mt.Grid(comm), tiles, (M, N), layout=layout, block=4, batch_bytes=batch_bytes
        )
        assert np.array_equal(A.numpy(None), x)


def test_list_on_one_rank_and_generator_on_others(comm):
    x = whole(M, N)
    tiles = rows_of(x, 5, lambda k: k % comm.size, comm.rank)
    given = list(tiles) if comm.rank == 0 else tiles
    assert np.array_equal(mt.from_tiles(mt.Grid(comm), given, (M, N)).numpy(None), x)


def test_tiles_are_released(comm):
    """Of a long stream a batch is alive at a time, not all that has come."""
    seen = []
    most = 0

    class Tracked(np.ndarray):
        pass

    def stream():
        nonlocal most
        for i, j, rows in rows_of(whole(M, N), 1, lambda k: k % comm.size, comm.rank):
            tile = rows.copy().view(Tracked)
            seen.append(weakref.ref(tile))
            most = max(most, sum(ref() is not None for ref in seen))
            yield i, j, tile
            del tile

    A = mt.from_tiles(mt.Grid(comm), stream(), (M, N), batch_bytes=2 * N * 8)
    assert most <= 5
    assert np.array_equal(A.numpy(None), whole(M, N))


def test_dtype(comm):
    """Converted on the way: integers and float64 to float32, by NumPy's rule."""
    x = whole(M, N)
    for array in (x, x.astype("int64"), x.astype("float32")):
        tiles = list(rows_of(array, 4, lambda k: k % comm.size, comm.rank))
        A = mt.from_tiles(mt.Grid(comm), tiles, (M, N), dtype="float32")
        assert A.dtype == np.float32
        assert np.array_equal(A.numpy(None), x.astype("float32"))
        B = mt.from_global(mt.Grid(comm), array, root=0, dtype="complex64")
        assert np.array_equal(B.numpy(None), x.astype("complex64"))
    call = lambda: mt.from_global(mt.Grid(comm), x + 1j, dtype=float)  # noqa: E731
    assert isinstance(raised_together(comm, call), mt.DTypeError)


@pytest.mark.ranks(1, 2, 5)
@given_together(
    max_examples=15,
    cuts=st.tuples(
        st.sets(st.integers(1, 30), max_size=6), st.sets(st.integers(1, 12), max_size=4)
    ),
    seed=st.integers(0, 1000),
    batch=st.integers(1, 2000),
)
def test_any_tiling(comm, cuts, seed, batch):
    x = whole(31, 13)
    edges = [sorted({0, end, *cut}) for cut, end in zip(cuts, (31, 13), strict=True)]
    tiles = [
        (i0, j0, x[i0:i1, j0:j1])
        for i0, i1 in zip(edges[0], edges[0][1:], strict=False)
        for j0, j1 in zip(edges[1], edges[1][1:], strict=False)
    ]
    draw = np.random.default_rng(seed)
    owners = draw.integers(0, comm.size, len(tiles))
    order = draw.permutation(len(tiles))
    mine = (tiles[k] for k in order if owners[k] == comm.rank)
    A = mt.from_tiles(mt.Grid(comm), mine, (31, 13), block=3, batch_bytes=batch)
    assert np.array_equal(A.numpy(None), x)


def test_what_a_generator_raises(comm):
    def broken():
        yield 0, 0, np.ones((3, N))
        if comm.rank == comm.size - 1:
            raise KeyError("lost")

    error = raised_together(
        comm, lambda: mt.from_tiles(mt.Grid(comm), broken(), (M, N), batch_bytes=1)
    )
    assert isinstance(error, (mt.RoutineError, mt.InvalidArgument))  # an overlap on many ranks
    if comm.size == 1:
        assert "lost" in str(error)


@pytest.mark.parametrize(
    ("late", "kind", "text"),
    [
        (lambda: (60, 0, np.ones((2, N))), mt.InvalidArgument, "tile 1 of rank 0"),
        (lambda: (3, 0, np.ones((1, N))), mt.InvalidArgument, "rows 4:61"),
        (lambda: (2, 0, np.ones((59, N))), mt.InvalidArgument, "must not overlap"),
        (lambda: (3, 0, np.ones((58, N), "float32")), mt.DTypeError, "float32 in tile 1 of rank 0"),
        (lambda: (3, 0, np.ones(5)), mt.ShapeError, "tile 1"),
        (lambda: "tile", mt.InvalidArgument, "tile 1"),
    ],
)
def test_wrong_tiles_in_a_later_batch(comm, late, kind, text):
    def stream():
        if comm.rank == 0:
            yield 0, 0, np.ones((3, N))
            yield late()

    error = raised_together(
        comm, lambda: mt.from_tiles(mt.Grid(comm), stream(), (M, N), batch_bytes=1)
    )
    assert isinstance(error, kind)
    assert text in str(error)


def test_sink(comm):
    """Fed by hand; what it says when it is not full, and that nothing is lost then."""
    grid, x = mt.Grid(comm), whole(M, N)
    sink = mt.TileSink(grid, (M, N), layout="VC,STAR", block=2)
    mine = list(rows_of(x, 2, lambda k: k % comm.size, comm.rank))
    longest = comm.allreduce(len(mine), op=max)
    assert isinstance(raised_together(comm, sink.finish), mt.InvalidArgument)
    for k in range(longest):
        sink.add(mine[k : k + 1])
        assert sink.covered <= M * N
    assert sink.covered == M * N
    assert isinstance(raised_together(comm, lambda: sink.add([(0, 0, x[:1])])), mt.InvalidArgument)
    assert np.array_equal(sink.finish().numpy(None), x)
