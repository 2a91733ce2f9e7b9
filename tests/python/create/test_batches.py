# SPDX-License-Identifier: BSD-3-Clause
"""from_tiles of iterators: taken late, released early, and what goes wrong in a later batch."""

import collections
import itertools
import tracemalloc
import weakref

import matrass as mt
import numpy as np
import pytest
from hypothesis import strategies as st
from reference import LAYOUTS, raised_together, whole
from spmd import given_together

M, N = 61, 23
ROW = N * 8  # bytes

pytestmark = pytest.mark.ranks(1, 2, 5)


def rows(begin, end, dtype="float64"):
    """Single rows as tiles."""
    x = whole(M, N).astype(dtype)
    return [(i, 0, x[i : i + 1]) for i in range(begin, end)]


def build(comm, tiles, **more):
    return mt.from_tiles(mt.Grid(comm), tiles, (M, N), **more)


def alone(comm, text):
    """What the last rank has found, as all ranks tell it."""
    return text if comm.size == 1 else f"rank {comm.size - 1}: {text}"


def failed(comm, mine, kind, batch_bytes=1, **more):
    """The error of tiles that rank `comm.rank` gives; the world goes on."""
    call = lambda: build(comm, iter(mine), batch_bytes=batch_bytes, **more)  # noqa: E731
    error = raised_together(comm, call)
    assert isinstance(error, kind)
    good = build(comm, iter(rows(0, M) if comm.rank == 0 else []), batch_bytes=20 * ROW)
    assert np.array_equal(good.numpy(None), whole(M, N))
    return error


@given_together(
    max_examples=20,
    cuts=st.tuples(
        st.lists(st.integers(0, 5), min_size=1, max_size=9),
        st.lists(st.integers(0, 5), min_size=1, max_size=5),
    ),
    seed=st.integers(0, 1000),
    batch_bytes=st.sampled_from([1, 8, 100, 1000, 1 << 26]),
    layout=st.sampled_from(LAYOUTS),
)
def test_any_tiling_and_any_batch(comm, cuts, seed, batch_bytes, layout):
    """Uneven numbers of tiles, ranks without one, empty tiles; lists and iterators mixed."""
    heights, widths = cuts
    m, n = sum(heights), sum(widths)
    x, draw = whole(m, n), np.random.default_rng(seed)
    i, j = np.cumsum([0, *heights]), np.cumsum([0, *widths])
    tiles = [
        (int(i[k]), int(j[q]), x[i[k] : i[k + 1], j[q] : j[q + 1]])
        for k in range(len(heights))
        for q in range(len(widths))
    ]
    busy = draw.integers(1, comm.size + 1)
    owners = draw.integers(0, busy, len(tiles))
    mine = [tiles[k] for k in draw.permutation(len(tiles)) if owners[k] == comm.rank]
    given = list(mine) if draw.integers(0, 2, comm.size)[comm.rank] else iter(mine)
    grid = mt.Grid(comm)
    A = mt.from_tiles(grid, given, (m, n), layout=layout, block=2, batch_bytes=batch_bytes)
    assert A.shape == (m, n)
    assert A.numpy(None).tobytes("F") == x.tobytes("F")


@pytest.mark.parametrize("of", [tuple, collections.deque, iter, reversed])
def test_any_iterable(comm, of):
    mine = rows(0, M)[comm.rank :: comm.size]
    assert np.array_equal(build(comm, of(mine), batch_bytes=500).numpy(None), whole(M, N))


def test_one_buffer_for_all_tiles(comm):
    """A tile is placed before the next is taken, where batches are of one."""
    for dtype, source in ((None, "float64"), ("float32", "float64"), ("float64", "int32")):
        buffer = np.empty((1, N), source)

        def stream(buffer=buffer, source=source):
            for i, j, tile in rows(0, M, source)[comm.rank :: comm.size]:
                buffer[...] = tile
                yield i, j, buffer
                buffer[...] = -1

        A = build(comm, stream(), dtype=dtype, batch_bytes=1)
        assert np.array_equal(A.numpy(None), whole(M, N))


@pytest.mark.parametrize("dtype", [None, "float32", "complex128"])
def test_at_most_two_batches_are_alive(comm, dtype):
    for rows_a_batch in (1, 4):
        alive, most = [], 0

        def stream(alive=alive):
            nonlocal most
            for i, j, tile in rows(0, M)[comm.rank :: comm.size]:
                fresh = tile.copy()
                alive.append(weakref.ref(fresh))
                most = max(most, sum(ref() is not None for ref in alive))
                yield i, j, fresh
                del fresh

        size = np.dtype(dtype or "float64").itemsize * N
        A = build(comm, stream(), dtype=dtype, batch_bytes=rows_a_batch * size)
        assert most <= 2 * rows_a_batch + 1
        assert np.array_equal(A.numpy(None), whole(M, N))
        assert not any(ref() is not None for ref in alive)


def test_a_stream_larger_than_its_share_of_memory(comm):
    m, n, height = 4096, 256, 32  # 8 MB in tiles of 64 kB

    def stream():
        for i in range(height * comm.rank, m, height * comm.size):
            k = np.arange(i, i + height)[:, None]
            yield i, 0, k + float(m) * np.arange(n)

    tracemalloc.start()
    try:
        A = mt.from_tiles(mt.Grid(comm), stream(), (m, n), layout="VC,STAR", batch_bytes=1 << 17)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 1_500_000  # the matrix is the pool's; a whole rank's tiles are 8 MB / ranks
    i, j = A.local_rows[:, None], A.local_cols[None, :]
    assert np.array_equal(A.local, i + float(m) * j)


@pytest.mark.parametrize("after", [0, 1, 7])
@pytest.mark.parametrize("batch_bytes", [1, 3 * ROW])
def test_an_iterator_that_raises_on_one_rank(comm, after, batch_bytes):
    original = KeyError("the source is lost")
    last = comm.rank == comm.size - 1

    def stream():
        yield from rows(0, after) if last else rows(7 + comm.rank, 8 + comm.rank)
        if last:
            raise original

    error = failed(comm, stream(), mt.RoutineError, batch_bytes)
    assert str(error) == alone(comm, "KeyError: 'the source is lost'")
    assert not last or error.__cause__ is original


def test_no_iterator_at_all_on_one_rank(comm):
    class Closed:
        def __iter__(self):
            raise OSError("the file is closed")

    last = comm.rank == comm.size - 1
    error = raised_together(comm, lambda: build(comm, Closed() if last else iter([])))
    assert isinstance(error, mt.RoutineError)
    assert "the file is closed" in str(error)
    assert not last or isinstance(error.__cause__, OSError)
    for bad in (None, 5, 2.5):
        error = raised_together(comm, lambda b=bad: build(comm, b if last else iter(rows(0, 9))))
        assert isinstance(error, mt.InvalidArgument)
        assert type(bad).__name__ in str(error)


def name(k, rank, i0, i1):
    return f"tile {k} of rank {rank} (rows {i0}:{i1}, columns 0:{N})"


@pytest.mark.parametrize("batch_bytes", [1, 4 * ROW])
def test_tiles_are_named_by_their_number_on_their_rank(comm, batch_bytes):
    last = comm.size - 1
    empty = (5, 5, np.ones((0, 3)))
    mine = [*rows(0, 9), empty] if comm.rank == last else []
    for tile, text in [
        ((61, 0, np.ones((1, N))), name(10, last, 61, 62)),
        ((-1, 0, np.ones((1, N))), name(10, last, -1, 0)),
        ((60, 0, np.ones((2, N))), name(10, last, 60, 62)),
    ]:
        given = [*mine, tile] if mine else []
        error = failed(comm, given, mt.InvalidArgument, batch_bytes)
        assert text in str(error)
    # Twice the same, on one rank and on two, found when it comes.
    error = failed(comm, [*mine, *rows(3, 4)] if mine else [], mt.InvalidArgument, batch_bytes)
    assert name(3, last, 3, 4) in str(error)
    assert name(10, last, 3, 4) in str(error)
    given = mine if mine else rows(20, 22) + rows(4, 5) if comm.rank == 0 else []
    if comm.size > 1:
        error = failed(comm, given, mt.InvalidArgument, batch_bytes)
        assert name(4, last, 4, 5) in str(error)
        assert name(2, 0, 4, 5) in str(error)
    holed = [tile for tile in rows(0, M) if tile[0] not in (40, 41)]
    error = failed(comm, holed[comm.rank :: comm.size], mt.InvalidArgument, batch_bytes)
    assert f"no tile for rows 40:42, columns 0:{N}" in str(error)


@pytest.mark.parametrize(
    ("tile", "kind"),
    [
        ((9, 0, np.ones(N)), mt.ShapeError),
        ((9, 0, np.ones((1, N, 1))), mt.ShapeError),
        ((9, 0, np.ones((1, N), int)), mt.DTypeError),
        ((9, 0, np.ones((1, N), object)), mt.DTypeError),
        ((9, 0), mt.InvalidArgument),
        ((9.0, 0, np.ones((1, N))), mt.InvalidArgument),
        ((2**70, 0, np.ones((1, N))), mt.InvalidArgument),
        (None, mt.InvalidArgument),
    ],
    ids=["1-D", "3-D", "int", "object", "pair", "float", "huge", "None"],
)
def test_no_tile_in_a_later_batch(comm, tile, kind):
    last = comm.rank == comm.size - 1
    error = failed(comm, [*rows(0, 9), tile] if last else [], kind)
    assert str(error).startswith(alone(comm, "from_tiles: tile 9"))


def test_another_dtype_in_a_later_batch(comm):
    last = comm.size - 1
    given = [*rows(0, 9), *rows(9, M, "float32")] if comm.rank == last else []
    for batch_bytes in (1, 4 * ROW):
        error = failed(comm, given, mt.DTypeError, batch_bytes)
        assert f"float32 in tile 9 of rank {last}, float64 in tile 0 of rank {last}" in str(error)
    if comm.size > 1:
        given = rows(0, 9) if comm.rank == 0 else []
        if comm.rank == last:
            given = [*rows(9, 12), *rows(12, M, "complex64")]
        error = failed(comm, given, mt.DTypeError)
        assert f"complex64 in tile 3 of rank {last}, float64 in tile 0 of rank 0" in str(error)


def test_an_endless_stream_ends_with_an_error(comm):
    tile = rows(0, 1)[0]
    given = itertools.repeat(tile) if comm.rank == comm.size - 1 else []
    assert "overlap" in str(failed(comm, given, mt.InvalidArgument))


@pytest.mark.ranks(2)
@pytest.mark.parametrize(
    "odd",
    [
        {"batch_bytes": 7},
        {"batch_bytes": "1 MB"},
        {"batch_bytes": 1.5},
        {"batch_bytes": None},
        {"batch_bytes": 2**63},
        {"dtype": "float32"},
        {"dtype": "int8"},
        {"layout": "VC,VC"},
        {"block": 0},
    ],
    ids=str,
)
def test_other_arguments_on_one_rank(comm, odd):
    common = {"batch_bytes": 8, "dtype": "float64", "layout": "MC,MR", "block": 3}
    mine = common | (odd if comm.rank == comm.size - 1 else {})
    failed(comm, rows(0, M) if comm.rank == 0 else [], mt.InvalidArgument, **mine)
