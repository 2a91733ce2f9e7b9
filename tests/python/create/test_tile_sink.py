# SPDX-License-Identifier: BSD-3-Clause
"""TileSink: filled by hand in any batches; errors change nothing; after the end it is closed."""

import gc
import itertools

import matrass as mt
import numpy as np
import pytest
from hypothesis import strategies as st
from reference import DTYPES, LAYOUTS, raised_together, whole
from spmd import given_together

M, N = 61, 23

pytestmark = pytest.mark.ranks(1, 2, 5)


def rows(begin, end, dtype="float64"):
    x = whole(M, N).astype(dtype)
    return [(i, 0, x[i : i + 1]) for i in range(begin, end)]


def give(comm, sink, tiles, rank=None):
    """`tiles` from one rank, by default the last."""
    sink.add(tiles if comm.rank == (comm.size - 1 if rank is None else rank) else [])


@given_together(
    max_examples=12,
    cuts=st.sets(st.integers(1, M - 1), max_size=12),
    seed=st.integers(0, 1000),
    layout=st.sampled_from(LAYOUTS),
    dtype=st.sampled_from(DTYPES),
)
def test_any_batches(comm, cuts, seed, layout, dtype):
    draw, x, edges = np.random.default_rng(seed), whole(M, N), sorted({0, M, *cuts})
    sink = mt.TileSink(mt.Grid(comm), (M, N), dtype, layout, 3)
    tiles = [(a, 0, x[a:b]) for a, b in itertools.pairwise(edges)]
    done = 0
    for k in draw.permutation(len(tiles)):
        assert sink.covered == done
        give(comm, sink, [tiles[k]] if draw.integers(2) else iter([tiles[k]]), int(k) % comm.size)
        done += tiles[k][2].size
    assert sink.covered == done == M * N
    A = sink.finish()
    assert (A.dtype, str(A.layout), A.grid) == (dtype, f"[{layout}]", sink.grid)
    assert np.array_equal(A.numpy(None), x.astype(dtype))


def test_tiles_are_free_afterwards(comm):
    buffer = np.empty((1, N))
    sink = mt.TileSink(mt.Grid(comm), (M, N), layout="VC,STAR")
    for i, j, tile in rows(0, M):
        buffer[...] = tile
        give(comm, sink, [(i, j, buffer)], i % comm.size)
        buffer[...] = -1
    assert np.array_equal(sink.finish().numpy(None), whole(M, N))


def test_two_at_a_time(comm):
    first, second = (mt.TileSink(mt.Grid(comm), (M, N), d) for d in ("float32", "complex128"))
    for k in range(0, M, 10):
        give(comm, first, rows(k, min(k + 10, M)), 0)
        give(comm, second, rows(k, min(k + 10, M), "int64"))
    assert np.array_equal(second.finish().numpy(None), whole(M, N))
    assert np.array_equal(first.finish().numpy(None), whole(M, N, "float32"))


@pytest.mark.parametrize(
    ("tile", "kind", "text"),
    [
        ((61, 0, np.ones((1, N))), mt.InvalidArgument, "tile 6 of rank {} (rows 61:62"),
        ((20, 0, np.ones((1, N))), mt.InvalidArgument, "tile 5 of rank {0} (rows 20:21"),
        ((21, 0, np.ones(N)), mt.ShapeError, "from_tiles: tile 6"),
        ((21, 0, np.ones((1, N)) * 1j), mt.DTypeError, "from_tiles: tile 6"),
        ((21, 0, np.full((1, N), "x")), mt.DTypeError, "from_tiles: tile 6"),
        ((21, 0), mt.InvalidArgument, "from_tiles: tile 6"),
    ],
    ids=["outside", "overlap", "1-D", "complex", "text", "pair"],
)
def test_a_wrong_batch_changes_nothing(comm, tile, kind, text):
    """Neither the tile that came with it, nor that of another rank, is placed."""
    last = comm.size - 1
    sink = mt.TileSink(mt.Grid(comm), (M, N))
    give(comm, sink, rows(0, 5))
    ones = [(20, 0, np.ones((1, N)))]
    mine = [*ones, tile] if comm.rank == last else [(30, 0, np.ones((1, N)))] * (comm.rank == 0)
    error = raised_together(comm, lambda: sink.add(mine))
    assert isinstance(error, kind)
    assert text.format(last) in str(error)
    if text.startswith("from_tiles") and last > 0:
        assert f"rank {last}: " in str(error)
    assert sink.covered == 5 * N
    give(comm, sink, rows(5, M), 0)
    assert np.array_equal(sink.finish().numpy(None), whole(M, N))


def test_an_iterator_that_raises(comm):
    def stream():
        yield rows(7, 8)[0]
        raise OSError("lost")

    last = comm.rank == comm.size - 1
    sink = mt.TileSink(mt.Grid(comm), (M, N))
    error = raised_together(comm, lambda: sink.add(stream() if last else []))
    assert isinstance(error, mt.RoutineError)
    assert not last or isinstance(error.__cause__, OSError)
    assert isinstance(raised_together(comm, lambda: sink.add(None if last else [])), mt.Error)
    assert sink.covered == 0
    give(comm, sink, rows(0, M))
    assert np.array_equal(sink.finish().numpy(None), whole(M, N))


def test_finished_too_early(comm):
    sink = mt.TileSink(mt.Grid(comm), (M, N))
    for begin, end in ((0, 20), (20, 50), (50, M)):
        error = raised_together(comm, sink.finish)
        assert isinstance(error, mt.InvalidArgument)
        assert f"no tile for rows {begin}:{M}, columns 0:{N}" in str(error)
        give(comm, sink, rows(begin, end))
    assert np.array_equal(sink.finish().numpy(None), whole(M, N))


def test_an_earlier_batch_again(comm):
    """Refused at once, however much is still to come; nothing of that batch is placed."""
    sink = mt.TileSink(mt.Grid(comm), (M, N))
    give(comm, sink, rows(0, 40), 0)
    for begin, end in ((3, 4), (39, 45)):
        error = raised_together(comm, lambda b=begin, e=end: give(comm, sink, rows(b, e)))
        assert "overlap" in str(error)
        assert f"tile {begin} of rank 0" in str(error)
        assert f"of rank {comm.size - 1}" in str(error)
        assert sink.covered == 40 * N
    give(comm, sink, rows(40, M))
    error = raised_together(comm, lambda: give(comm, sink, rows(3, 4)))
    assert "overlap" in str(error)
    assert np.array_equal(sink.finish().numpy(None), whole(M, N))


def test_after_the_end(comm):
    sink = mt.TileSink(mt.Grid(comm), (M, N))
    give(comm, sink, rows(0, M))
    A = sink.finish()
    for call in (sink.finish, lambda: sink.add([]), lambda: give(comm, sink, rows(0, 1))):
        error = raised_together(comm, call)
        assert isinstance(error, mt.InvalidArgument)
        assert "finished" in str(error)
    assert sink.covered == M * N
    assert np.array_equal(A.numpy(None), whole(M, N))


def test_memory_is_the_matrix_and_goes_with_the_sink(comm):
    gc.collect()
    in_use = mt.memory().in_use
    sink = mt.TileSink(mt.Grid(comm), (1000, 100), layout="STAR,STAR")
    assert mt.memory().in_use >= in_use + 800_000
    give(comm, sink, [(0, 0, np.ones((500, 100)))])
    del sink
    assert mt.memory().in_use == in_use


def test_empty_matrices(comm):
    for shape in ((0, 5), (5, 0), (0, 0)):
        sink = mt.TileSink(mt.Grid(comm), shape, "float32")
        give(comm, sink, [(0, 0, np.ones(shape))])
        A = sink.finish()
        assert (A.shape, A.dtype) == (shape, np.float32)


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        ({"dtype": int}, mt.DTypeError),
        ({"layout": "VC"}, mt.LayoutError),
        ({"block": "a"}, mt.InvalidArgument),
        ({"shape": 5}, mt.ShapeError),
        ({"shape": (-1, 5)}, mt.InvalidArgument),
    ],
    ids=str,
)
def test_wrong_arguments(comm, odd, kind):
    common = {"shape": (M, N), "dtype": "float32", "layout": "VC,STAR", "block": 2}
    for culprits in (range(comm.size), [comm.size - 1]):
        given = common | (odd if comm.rank in culprits else {})
        error = raised_together(comm, lambda g=given: mt.TileSink(mt.Grid(comm), **g))
        assert isinstance(error, kind if len(culprits) == comm.size else mt.InvalidArgument)
    if comm.size > 1:
        last = comm.rank == comm.size - 1
        for other in ({"dtype": "float64"}, {"layout": "MC,MR"}, {"block": 3}, {"shape": (N, M)}):
            given = common | (other if last else {})
            error = raised_together(comm, lambda g=given: mt.TileSink(mt.Grid(comm), **g))
            assert isinstance(error, mt.InvalidArgument)
