# SPDX-License-Identifier: BSD-3-Clause
"""A.to(): every pair of layouts with blocks, grids, orders and dtypes mixed; views; wrong words."""

import itertools
import random

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from reference import (
    DTYPES,
    LAYOUTS,
    default_block,
    entries,
    grid_shapes,
    local_indices,
    raised_together,
    whole,
)

SHAPES = [(7, 7), (13, 5), (1, 1), (3, 29), (31, 2), (0, 6), (6, 0), (17, 19)]
BLOCKS = [1, 2, 3, 64, (2, 5), (4, 1), None]


def make(grid, shape, dtype, layout="MC,MR", block=None):
    m = shape[0]
    f = lambda i, j: entries(i, j, m, dtype)  # noqa: E731
    return mt.from_function(grid, shape, f, layout=layout, block=block, dtype=dtype)


def check(B, root=0):
    """Indices by the definition, elements bitwise."""
    grid = (B.grid.shape, B.grid.order)
    layout = str(B.layout)[1:-1]
    rows, cols = local_indices(layout, B.shape, B.block, grid, B.grid.rank, root=root)
    assert B.local.size == len(rows) * len(cols)
    if B.local.size:
        assert B.local_rows.tolist() == rows
        assert B.local_cols.tolist() == cols
    i, j = B.local_rows[:, None], B.local_cols[None, :]
    expected = entries(i, j, B.shape[0], B.dtype)
    assert B.local.dtype == B.dtype
    assert np.array_equal(B.local, expected)


@pytest.mark.parametrize("source", LAYOUTS)
@pytest.mark.time_limit(180)
def test_all_pairs(comm, source):
    """14 x 14 pairs; grid, order, shape, blocks and dtype by a fixed draw for each."""
    grids = [mt.Grid(comm, s, o) for s in grid_shapes(comm.size) for o in "FC"]
    draw = random.Random(f"{source} {comm.size}")
    for target in LAYOUTS:
        grid, dtype = draw.choice(grids), draw.choice(DTYPES)
        shape, blocks = draw.choice(SHAPES), draw.choices(BLOCKS, k=2)
        A = make(grid, shape, dtype, source, blocks[0])
        check(A)
        B = A.to(target, block=blocks[1])
        assert B.layout == mt.Layout(target)
        assert B.shape == shape
        assert B.grid == grid
        check(B)
        check(A)  # the source is as it was


@pytest.mark.time_limit(120)
def test_other_grids(comm):
    """Any r x c and order to any other, sub-grids among them; over one communicator."""
    shapes = [(r, c) for r in range(1, comm.size + 1) for c in range(1, comm.size // r + 1)]
    grids = [mt.Grid(comm, s, o) for s in shapes for o in "FC"]
    draw = random.Random(comm.size)
    for source, target in draw.sample(
        list(itertools.product(grids, grids)), min(60, len(grids) ** 2)
    ):
        layouts, blocks = draw.choices(LAYOUTS, k=2), draw.choices(BLOCKS, k=2)
        A = make(source, draw.choice(SHAPES), draw.choice(DTYPES), layouts[0], blocks[0])
        B = A.to(layouts[1], block=blocks[1], grid=target)
        assert B.grid == target
        check(B)


def test_root_of_circ(comm):
    A = make(mt.Grid(comm), (9, 7), "float64", block=2)
    for root in range(comm.size):
        B = A.to("CIRC,CIRC", root=root)
        assert B.local.shape == ((9, 7) if comm.rank == root else (0, 0))
        if comm.rank == root:
            assert np.array_equal(B.local, whole(9, 7))
        check(B.to("VC,STAR", block=1))


def test_default_blocks(comm):
    grid = mt.Grid(comm)
    A = make(grid, (100, 70), "float64", block=3)
    for layout in LAYOUTS:
        B = A.to(layout)
        col, row = layout.split(",")
        if col not in {"STAR", "CIRC"}:
            assert B.block[0] == default_block(col, 100, grid.shape, row)
        if row not in {"STAR", "CIRC"}:
            assert B.block[1] == default_block(row, 70, grid.shape, col)
        check(B)


def test_the_same_layout_is_a_view(comm):
    for layout, block in itertools.product(LAYOUTS, (1, 3, None)):
        A = make(mt.Grid(comm), (11, 13), "float64", layout, block)
        B = A.to(layout, block=A.block)
        assert B.local.ctypes.data == A.local.ctypes.data or A.local.size == 0
        B.local[...] = -1
        assert (A.local == -1).all()


def test_views_where_the_owners_are_the_same(comm):
    """On p x 1, [MC,MR] is [VC,STAR] is [VR,STAR] is [MC,STAR]; on 1 x p the transposed."""
    p = comm.size
    for shape, names in [
        ((p, 1), ("MC,MR", "VC,STAR", "VR,STAR", "MC,STAR")),
        ((1, p), ("MC,MR", "STAR,VC", "STAR,VR", "STAR,MR")),
    ]:
        for source, target in itertools.permutations(names, 2):
            A = make(mt.Grid(comm, shape), (14, 15), "float32", source, 2)
            B = A.to(target, block=2)
            assert B.layout == mt.Layout(target)
            check(B)
            assert np.shares_memory(A.local, B.local) or A.local.size == 0


@pytest.mark.ranks(1)
def test_on_one_rank_all_layouts_are_views(comm):
    for source, target in itertools.product(LAYOUTS, LAYOUTS):
        A = make(mt.Grid(comm), (8, 9), "float64", source, None)
        B = A.to(target)
        check(B)
        assert np.shares_memory(A.local, B.local)


@pytest.mark.ranks(2, 4, 6)
def test_what_moves_is_no_view(comm):
    A = make(mt.Grid(comm), (24, 24), "float64", "VC,STAR", 1)
    B = A.to("MC,MR", block=2)
    B.local[...] = -1
    check(A)


def test_there_and_back(comm):
    """A chain through many layouts gives the same bits, NaN and signed zeros among them."""
    special = whole(23, 17)
    special[3, 4], special[5, 6], special[7, 8] = np.nan, -0.0, np.inf
    A = mt.from_global(mt.Grid(comm), special if comm.rank == 0 else None, block=4)
    for layout, block in zip(LAYOUTS * 2, itertools.cycle(BLOCKS), strict=False):
        A = A.to(layout, block=block)
    assert A.numpy(None).tobytes("F") == special.tobytes("F")


@pytest.mark.parametrize("dtype", DTYPES)
def test_views_are_sources(comm, dtype):
    A = make(mt.Grid(comm), (19, 21), dtype, "MC,MR", 3)
    expected = whole(19, 21, dtype)
    for S, x in [
        (A.T, expected.T),
        (A[2:17, 5:11], expected[2:17, 5:11]),
        (A[4:, :].T, expected[4:, :].T),
        (A.T[3:9, 1:18], expected.T[3:9, 1:18]),
        (A[5:5, 2:9], expected[5:5, 2:9]),
        (A.H, expected.conj().T),
    ]:
        for target in ("MC,MR", "VC,STAR", "STAR,VR", "STAR,STAR", "MD,STAR", "CIRC,CIRC"):
            B = S.to(target, block=2)
            assert B.shape == x.shape
            assert np.array_equal(B.local, x[np.ix_(B.local_rows, B.local_cols)])


@pytest.mark.ranks(1, 2, 3, 6)
@pytest.mark.time_limit(120)
def test_counts_beyond_the_largest(comm):
    """With at most 1000 elements a message, 200 x 300 goes in pieces."""
    _core.set_largest_count(1000)
    try:
        for dtype in DTYPES:
            A = make(mt.Grid(comm), (200, 300), dtype, "VC,STAR", None)
            for target, block in [
                ("MC,MR", 1),
                ("STAR,VR", 64),
                ("STAR,STAR", None),
                ("MC,MR", 64),
            ]:
                A = A.to(target, block=block)
                check(A)
            x = A.numpy(None)
            assert np.array_equal(x, whole(200, 300, dtype))
            check(mt.from_global(A.grid, x if comm.rank == 0 else None, block=7))
            check(mt.from_tiles(A.grid, A.tiles(), A.shape, layout="VC,STAR"))
            check((A.T.copy()).T)
    finally:
        _core.set_largest_count(2**31 - 1)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"layout": "VC"}, mt.LayoutError),
        ({"layout": "VC,VC"}, mt.LayoutError),
        ({"layout": None}, mt.LayoutError),
        ({"block": 0}, mt.InvalidArgument),
        ({"block": (1, 2, 3)}, mt.InvalidArgument),
        ({"layout": "CIRC,CIRC", "root": 99}, mt.InvalidArgument),
        ({"layout": "CIRC,CIRC", "root": -1}, mt.InvalidArgument),
    ],
)
@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm, wrong, kind):
    A = make(mt.Grid(comm), (9, 7), "float64", block=2)
    for culprits in (range(comm.size), [comm.size - 1]):
        given = {"layout": "VC,STAR"} | (wrong if comm.rank in culprits else {})
        error = raised_together(comm, lambda g=given: A.to(**g))
        assert isinstance(error, kind)
        check(A.to("VC,STAR"))


@pytest.mark.ranks(2, 3)
def test_arguments_that_differ_between_ranks(comm):
    A = make(mt.Grid(comm), (9, 7), "float64", block=2)
    for first, second in [("VC,STAR", "VR,STAR"), ("MC,MR", "STAR,STAR")]:
        layout = first if comm.rank == 0 else second
        error = raised_together(comm, lambda name=layout: A.to(name, block=1))
        assert isinstance(error, mt.InvalidArgument)
        assert "same" in str(error)
    check(A.to("VR,STAR"))


@pytest.mark.ranks(2, 4)
def test_grids_over_other_communicators(comm):
    from mpi4py import MPI

    A = make(mt.Grid(comm), (9, 7), "float64", block=2)
    own = comm.Dup()
    for other in (mt.Grid(own), mt.Grid(MPI.COMM_SELF)):
        error = raised_together(comm, lambda g=other: A.to("VC,STAR", grid=g))
        assert isinstance(error, mt.InvalidArgument)
        assert "communicator" in str(error)
    own.Free()
