# SPDX-License-Identifier: BSD-3-Clause
"""A.to(grid="auto"): no more bytes than on any usual grid, and a grid like any other afterwards."""

import random

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from reference import LAYOUTS, entries, grid_shapes, raised_together, whole

SHAPES = [(97, 89), (1, 61), (61, 1), (0, 6), (5, 0), (64, 64), (7, 7)]
BLOCKS = [1, 3, 64, None, (2, 5)]

pytestmark = pytest.mark.ranks(1, 6)


def make(grid, shape, dtype="float64", layout="VC,STAR", block=None):
    f = lambda i, j: entries(i, j, shape[0], dtype)  # noqa: E731
    return mt.from_function(grid, shape, f, layout=layout, block=block, dtype=dtype)


def grids_of(comm):
    return [mt.Grid(comm, shape, order) for shape in grid_shapes(comm.size) for order in "FC"]


def sent(comm, A, *arguments):
    """Bytes that A.to(*arguments) sends, on all ranks together."""
    return comm.allreduce(A.to(*arguments, explain=True).bytes_sent)


@pytest.mark.parametrize("target", LAYOUTS)
def test_no_usual_grid_is_better(comm, target):
    grids, draw = grids_of(comm), random.Random(f"{target} {comm.size}")
    for _ in range(2):
        shape, block = draw.choice(SHAPES), draw.choice(BLOCKS)
        A = make(draw.choice(grids), shape, "float32", draw.choice(LAYOUTS), draw.choice(BLOCKS))
        told = sent(comm, A, target, block, "auto")
        assert told <= min(sent(comm, A, target, block, grid) for grid in grids)

        before = _core.transfer_counts()
        B = A.to(target, block, "auto")
        now = _core.transfer_counts()
        moves = ("bytes_sent", "bytes_pushed", "bytes_pulled")
        assert comm.allreduce(sum(now[name] - before[name] for name in moves)) == told
        rows, cols = B.local_rows, B.local_cols
        assert np.array_equal(B.local, entries(rows[:, None], cols[None, :], shape[0], "float32"))
        assert B.numpy(None).tobytes("F") == whole(*shape, "float32").tobytes("F")
        back = B.to(str(A.layout)[1:-1], A.block, A.grid)
        assert back.grid == A.grid
        assert back.local.tobytes("F") == A.local.tobytes("F")


def test_every_rank_has_its_place(comm):
    grid = make(mt.Grid(comm), (97, 89), layout="STAR,VR", block=2).to("MC,MR", 3, "auto").grid
    assert grid.size == grid.shape[0] * grid.shape[1] == comm.size
    assert grid.rank == comm.rank
    rows, cols = grid.shape
    places = comm.allgather(grid.coords)
    assert sorted(places) == [(i, j) for i in range(rows) for j in range(cols)]
    assert len({(shape, order) for shape, order in comm.allgather((grid.shape, grid.order))}) == 1


@pytest.mark.ranks(4, 6)
def test_nothing_moves_where_only_the_names_of_ranks_differ(comm):
    """[VC,STAR] deals to columns of ranks, [VR,STAR] to rows: on another grid it is the same."""
    for order in "FC":
        A = make(mt.Grid(comm, (2, comm.size // 2), order), (61, 7), layout="VC,STAR", block=2)
        assert sent(comm, A, "VR,STAR", 2) > 0
        assert sent(comm, A, "VR,STAR", 2, "auto") == 0
        B = A.to("VR,STAR", 2, "auto")
        assert np.array_equal(B.local_rows, A.local_rows)
        assert np.shares_memory(A.local, B.local)


@pytest.fixture
def placed(comm):
    """A matrix on a grid that the library has chosen; 97 x 61, [MC,MR]."""
    if not comm:
        return None
    grid = mt.Grid(comm, (1, comm.size), "C")
    return make(grid, (97, 61), layout="STAR,VR", block=7).to("MC,MR", 5, "auto")


def test_norms_and_products(comm, placed):
    x = whole(97, 61)
    for order in ("fro", 1, np.inf, "max"):
        expected = np.abs(x).max() if order == "max" else np.linalg.norm(x, order)
        assert placed.norm(order) == pytest.approx(expected, rel=1e-14)
    for product, expected in [
        (placed.T @ placed, x.T @ x),
        (placed @ placed.T, x @ x.T),
        (placed[:61, :] @ placed.T[:, :9], x[:61] @ x.T[:, :9]),
    ]:
        assert product.grid == placed.grid
        assert np.array_equal(product.numpy(None), expected)  # integers below 2**53
    descriptor = placed.descriptor
    assert tuple(descriptor[2:8]) == (97, 61, 5, 5, 0, 0)
    assert descriptor[8] >= max(1, placed.local.shape[0])
    values = mt.linalg.truncated_svd(placed, 2).S
    assert values == pytest.approx(np.linalg.svd(x, compute_uv=False)[:2], rel=1e-6)


def test_views_and_assignment(comm, placed):
    x = whole(97, 61)
    assert np.array_equal(placed[3:90, 7:50].T.numpy(None), x[3:90, 7:50].T)
    assert placed[96, 60] == x[96, 60]
    usual = make(mt.Grid(comm), (9, 4))
    placed[2:11, 1:5] = usual
    x[2:11, 1:5] = whole(9, 4)
    assert np.array_equal(placed.numpy(None), x)
    usual[:, :] = placed[40:49, 57:61]
    assert np.array_equal(usual.numpy(None), x[40:49, 57:61])
    assert np.array_equal(placed.astype("float32").numpy(None), x.astype("float32"))


def test_new_matrices_on_that_grid(comm, placed):
    grid, x = placed.grid, whole(33, 21)
    last = comm.rank == comm.size - 1
    for layout in LAYOUTS:
        given = {"layout": layout, "block": 2}
        for A in (
            make(grid, (33, 21), **given),
            mt.from_global(grid, x if last else None, root=comm.size - 1, **given),
            mt.from_tiles(grid, [(0, 0, x)] if last else [], (33, 21), **given),
        ):
            assert A.grid == grid
            assert np.array_equal(A.numpy(None), x)
            assert np.array_equal(A.to("VC,STAR", grid=mt.Grid(comm)).numpy(None), x)
    B = mt.from_local(grid, placed.local, placed.shape, layout="MC,MR", block=5)
    assert np.array_equal(B.numpy(None), whole(97, 61))


def test_grids_compare_by_places(comm, placed):
    grid = mt.Grid(comm, (1, comm.size), "C")
    again = make(grid, (97, 61), layout="STAR,VR", block=7).to("MC,MR", 5, "auto").grid
    assert again == placed.grid
    assert hash(again) == hash(placed.grid)
    assert (placed.grid == grid) <= (placed.grid.coords == grid.coords)


def test_with_the_other_options(comm):
    A = make(mt.Grid(comm), (97, 61), layout="STAR,VR", block=7)
    B = A.to("CIRC,CIRC", grid="auto", root=comm.size - 1, dtype="float32", max_memory="1 MB")
    assert B.local.shape == ((97, 61) if comm.rank == comm.size - 1 else (0, 0))
    assert np.array_equal(B.numpy(None), whole(97, 61, "float32"))


@pytest.mark.ranks(2, 5)
def test_on_one_rank_only(comm):
    A = make(mt.Grid(comm), (97, 61))
    last = comm.rank == comm.size - 1
    for odd, common in [("auto", None), ("best", "auto"), (None, "auto"), (mt.Grid(comm), "auto")]:
        for explain in (True, False):
            error = raised_together(
                comm,
                lambda o=odd, c=common, e=explain: A.to("MC,MR", grid=o if last else c, explain=e),
            )
            assert isinstance(error, mt.InvalidArgument)
    for bad in ("AUTO", "", 3, [None]):
        error = raised_together(comm, lambda b=bad: A.to("MC,MR", grid=b))
        assert isinstance(error, mt.InvalidArgument)
        assert '"auto"' in str(error)
