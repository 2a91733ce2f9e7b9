# SPDX-License-Identifier: BSD-3-Clause
"""DistMatrix: zeros, and what it says of itself, against the layouts' definitions."""

import copy
import itertools
import pickle

import matrass as mt
import numpy as np
import pytest
from reference import (
    DTYPES,
    LAYOUTS,
    coords,
    default_block,
    grid_shapes,
    local_indices,
    raised_together,
)

SHAPES = [(7, 7), (13, 3), (1, 1), (2, 17), (0, 5), (5, 0), (0, 0)]
BLOCKS = [1, 2, 3, 64, (2, 5), None]


def expected_block(layout, shape, block, grid_shape):
    if block is None:
        col, row = layout.split(",")
        return (
            default_block(col, shape[0], grid_shape, row),
            default_block(row, shape[1], grid_shape, col),
        )
    return (block, block) if isinstance(block, int) else block


def check_parts(A, layout, shape, block, grid):
    """The part of this rank has the indices that the definition gives it."""
    rows, cols = local_indices(layout, shape, block, (grid.shape, grid.order), grid.rank)
    nbytes = len(rows) * len(cols) * A.dtype.itemsize
    assert A.local_nbytes == A.local.nbytes == nbytes
    if nbytes > 0 or coords(grid.shape, grid.order, grid.rank) is None:
        assert A.local_rows.tolist() == rows
        assert A.local_cols.tolist() == cols
    assert A.local.shape == (len(A.local_rows), len(A.local_cols))
    assert A.local.flags.f_contiguous
    assert A.local.flags.writeable
    assert not A.local.any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_zeros_against_the_definition(comm, layout):
    grids = [mt.Grid(comm, s, o) for s in grid_shapes(comm.size) for o in "FC"]
    dtypes, blocks = itertools.cycle(DTYPES), itertools.cycle(BLOCKS)
    for (grid, shape), dtype, block in zip(
        itertools.product(grids, SHAPES), dtypes, blocks, strict=False
    ):
        A = mt.DistMatrix(grid, shape, dtype=dtype, layout=layout, block=block)
        assert A.shape == shape
        assert A.ndim == 2
        assert A.size == shape[0] * shape[1]
        assert A.dtype == np.dtype(dtype)
        assert A.local.dtype == np.dtype(dtype)
        assert A.nbytes == A.size * A.dtype.itemsize
        assert A.layout == mt.Layout(layout)
        assert A.grid == grid
        sizes = expected_block(layout, shape, block, grid.shape)
        dealt = [d not in {"STAR", "CIRC"} for d in layout.split(",")]
        for k in range(2):
            if block is not None or (dealt[k] and shape[k] > 0):
                assert A.block[k] == sizes[k]
        check_parts(A, layout, shape, sizes, grid)


def test_defaults(comm):
    A = mt.DistMatrix(mt.Grid(comm), (100, 90))
    assert A.dtype == np.float64
    assert str(A.layout) == "[MC,MR]"
    assert A.block == (64, 64)
    assert len(A) == 100


@pytest.mark.ranks(6)
def test_paper_example(comm):
    """7 x 7 on a 2 x 3 grid, element-cyclic, as in paper 001: which process has which rows."""
    grid = mt.Grid(comm, (2, 3))
    A = mt.DistMatrix(grid, (7, 7), layout="MC,MR", block=1)
    i, j = grid.coords
    assert A.local_rows.tolist() == list(range(i, 7, 2))
    assert A.local_cols.tolist() == list(range(j, 7, 3))
    V = mt.DistMatrix(grid, (7, 7), layout="VC,STAR", block=1)
    assert V.local_rows.tolist() == list(range(i + 2 * j, 7, 6))
    assert V.local_cols.tolist() == list(range(7))
    W = mt.DistMatrix(grid, (7, 7), layout="STAR,VR", block=1)
    assert W.local_cols.tolist() == list(range(j + 3 * i, 7, 6))


def test_ten_thousand_rows_in_row_parts(comm):
    """block=None deals contiguous parts: ceil(m / p) rows each."""
    A = mt.DistMatrix(mt.Grid(comm), (10_000, 3), layout="VC,STAR", block=None)
    part = -(-10_000 // comm.size)
    first = part * comm.rank
    assert A.block[0] == part
    assert A.local_rows.tolist() == list(range(first, min(first + part, 10_000)))


def test_dtype_may_be_anything_that_names_one(comm):
    grid = mt.Grid(comm)
    for dtype in (float, complex, "f4", "d", np.complex64, np.dtype("F"), "<f8"):
        assert mt.DistMatrix(grid, (2, 2), dtype=dtype).dtype == np.dtype(dtype)


def test_repr_names_what_matters(comm):
    text = repr(mt.DistMatrix(mt.Grid(comm), (20, 30), dtype="complex64", layout="VC,*", block=2))
    for word in ("20x30", "complex64", "[VC,STAR]"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"shape": (2,)}, mt.ShapeError),
        ({"shape": (2, 2, 2)}, mt.ShapeError),
        ({"shape": 4}, mt.ShapeError),
        ({"shape": (1.0, 2)}, mt.ShapeError),
        ({"shape": None}, mt.ShapeError),
        ({"shape": (-1, 2)}, mt.InvalidArgument),
        ({"dtype": "int64"}, mt.DTypeError),
        ({"dtype": bool}, mt.DTypeError),
        ({"dtype": object}, mt.DTypeError),
        ({"dtype": "float16"}, mt.DTypeError),
        ({"dtype": np.longdouble}, mt.DTypeError),
        ({"dtype": np.dtype("f8").newbyteorder(">")}, mt.DTypeError),
        ({"layout": "VC,VC"}, mt.LayoutError),
        ({"layout": None}, mt.LayoutError),
        ({"block": 0}, mt.InvalidArgument),
        ({"block": -3}, mt.InvalidArgument),
        ({"block": (2, 0)}, mt.InvalidArgument),
        ({"block": (1, 2, 3)}, mt.InvalidArgument),
        ({"block": "a"}, mt.InvalidArgument),
    ],
)
@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm, arguments, kind):
    grid = mt.Grid(comm)
    for culprits in (range(comm.size), [comm.size - 1]):  # all ranks, or one alone
        given = {"shape": (4, 4)} | (arguments if comm.rank in culprits else {})
        error = raised_together(comm, lambda g=given: mt.DistMatrix(grid, **g))
        assert isinstance(error, kind)
        assert " must " in str(error)
        assert "got " in str(error)


@pytest.mark.ranks(2, 6)
@pytest.mark.parametrize(
    "other",
    [{"shape": (4, 5)}, {"dtype": "f4"}, {"layout": "VR,STAR"}, {"block": 2}],
    ids=["shape", "dtype", "layout", "block"],
)
def test_arguments_that_differ_between_ranks(comm, other):
    given = {"shape": (4, 4), "layout": "VC,STAR"} | (other if comm.rank == 1 else {})
    error = raised_together(comm, lambda: mt.DistMatrix(mt.Grid(comm), **given))
    assert isinstance(error, mt.InvalidArgument)
    assert "same" in str(error)
    assert "rank 1" in str(error)


def test_what_a_matrix_is_not(comm):
    A = mt.DistMatrix(mt.Grid(comm), (3, 3))
    with pytest.raises(TypeError):
        iter(A)
    with pytest.raises(TypeError):
        hash(A)
    with pytest.raises(TypeError):
        _ = 1 in A
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(A)


def test_copy_is_deep(comm):
    A = mt.from_function(mt.Grid(comm), (9, 8), lambda i, j: i + 9 * j, block=2)
    for M in (A, A.T, A[2:7, 1:5], A[2:7, 1:5].T):
        before = M.numpy(None)
        B = (M.copy(), copy.copy(M), copy.deepcopy(M))[comm.size % 3]
        assert B.layout == M.layout
        assert B.dtype == M.dtype
        assert not np.shares_memory(B.local, M.local)
        assert np.array_equal(B.numpy(None), before)
        B.local[...] = -1
        assert np.array_equal(M.numpy(None), before)
