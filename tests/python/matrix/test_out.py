# SPDX-License-Identifier: BSD-3-Clause
"""A.to(out=): a given matrix or view of one is filled, nothing beside it; what does not fit."""

import random

import matrass as mt
import numpy as np
import pytest
from reference import DTYPES, LAYOUTS, entries, grid_shapes, raised_together, whole

SHAPES = [(29, 31), (1, 61), (61, 1), (0, 6), (6, 0), (97, 83)]
BLOCKS = [1, 3, 64, None, (2, 5)]

pytestmark = pytest.mark.ranks(1, 2, 5)


def make(grid, shape, dtype="float64", layout="VC,STAR", block=None):
    f = lambda i, j: entries(i, j, shape[0], dtype)  # noqa: E731
    return mt.from_function(grid, shape, f, layout=layout, block=block, dtype=dtype)


@pytest.mark.parametrize("target", LAYOUTS)
def test_filled_and_returned(comm, target):
    draw = random.Random(f"{target} {comm.size}")
    grids = [mt.Grid(comm, shape, order) for shape in grid_shapes(comm.size) for order in "FC"]
    for _ in range(3):
        shape, source = draw.choice(SHAPES), draw.choice(LAYOUTS)
        dtype = draw.choice(DTYPES)
        wider = draw.choice([d for d in DTYPES if ("c" in d) >= ("c" in dtype)])
        A = make(draw.choice(grids), shape, dtype, source, draw.choice(BLOCKS))
        out = mt.DistMatrix(draw.choice(grids), shape, wider, target, draw.choice(BLOCKS))
        out.local[...] = -1
        before = out.local.ctypes.data, out.block, out.grid, out.layout, out.dtype
        given = draw.choice([{}, {"block": out.block}, {"grid": out.grid}, {"dtype": wider}])
        assert A.to(target, out=out, **given) is out
        assert (out.local.ctypes.data, out.block, out.grid, out.layout, out.dtype) == before
        expected = whole(*shape, dtype).astype(wider)
        assert out.numpy(None).tobytes("F") == expected.tobytes("F")
        assert A.numpy(None).tobytes("F") == whole(*shape, dtype).tobytes("F")
        assert A.local.size == 0 or not np.shares_memory(A.local, out.local)


def test_views_are_filled_and_nothing_beside_them(comm):
    grid, x = mt.Grid(comm), whole(11, 13)
    A = make(grid, (11, 13), layout="STAR,VC")
    for layout, transposed in (("MC,MR", "MR,MC"), ("VC,STAR", "STAR,VC"), ("STAR,VR", "VR,STAR")):
        M, expected = mt.DistMatrix(grid, (40, 37), layout=layout, block=4), np.zeros((40, 37))
        A.to(layout, out=M[3:14, 9:22])
        expected[3:14, 9:22] = x
        A.to(transposed, out=M[21:34, 5:16].T)
        expected[21:34, 5:16] = x.T
        A[2:3, :].to(layout, out=M[39:40, 24:37])
        expected[39:40, 24:37] = x[2:3, :]
        A[:, 4:4].to(layout, out=M[0:11, 7:7])
        assert np.array_equal(M.numpy(None), expected)


def test_out_that_shares_elements_with_the_source(comm):
    grid, x = mt.Grid(comm), whole(40, 40)
    A = make(grid, (40, 40), layout="MC,MR", block=3)
    assert A.to("MC,MR", out=A) is A
    assert np.array_equal(A.numpy(None), x)
    A[0:30, 0:30].to("MC,MR", out=A[1:31, 2:32])
    expected = x.copy()
    expected[1:31, 2:32] = x[0:30, 0:30]
    assert np.array_equal(A.numpy(None), expected)


def test_it_takes_no_memory_but_for_buffers(comm):
    grid = mt.Grid(comm)
    A = make(grid, (601, 397))
    out = mt.DistMatrix(grid, (601, 397), layout="MC,MR", block=8)
    plan, in_use = A.to("MC,MR", out=out, explain=True), mt.memory().in_use
    assert plan.result_bytes == 0
    mt.reset_peak_memory()
    A.to("MC,MR", out=out)
    assert mt.memory().peak - in_use <= plan.work_bytes
    assert np.array_equal(out.numpy(None), whole(601, 397))


def wrong(grid, comm):
    """name: (what is given, the error, a word of it), for a float64 of 20 x 10 to [MC,MR]."""
    new = lambda *how: mt.DistMatrix(grid, *how)  # noqa: E731
    good = new((20, 10), "float64", "MC,MR", 4)
    other = mt.Grid(comm, (comm.size, 1), "C" if grid.order == "F" else "F")
    return {
        "array": ({"out": np.zeros((20, 10))}, mt.InvalidArgument, "ndarray"),
        "text": ({"out": "auto"}, mt.InvalidArgument, "str"),
        "rows": ({"out": new((21, 10), "float64", "MC,MR", 4)}, mt.ShapeError, "(21, 10)"),
        "transposed": ({"out": new((10, 20), "float64", "MC,MR", 4)}, mt.ShapeError, "(10, 20)"),
        "layout": ({"out": new((20, 10), "float64", "MR,MC", 4)}, mt.LayoutError, "[MC,MR]"),
        "T": ({"out": new((10, 20), "float64", "MC,MR", 4).T}, mt.LayoutError, "[MR,MC]"),
        "block": ({"out": good, "block": 3}, mt.LayoutError, "(3, 3)"),
        "dtype": ({"out": good, "dtype": "float32"}, mt.DTypeError, "float64"),
        "grid": ({"out": good, "grid": other}, mt.InvalidArgument, "grid"),
        "auto": ({"out": good, "grid": "auto"}, mt.InvalidArgument, "grid"),
    }


@pytest.mark.parametrize(
    "name",
    [
        "array",
        "text",
        "rows",
        "transposed",
        "layout",
        "T",
        "block",
        "dtype",
        "grid",
        "auto",
    ],
)
def test_what_does_not_fit(comm, name):
    grid = mt.Grid(comm)
    A = make(grid, (20, 10))
    given, kind, text = wrong(grid, comm)[name]
    good = mt.DistMatrix(grid, (20, 10), layout="MC,MR", block=4)
    for culprits in (range(comm.size), [comm.size - 1]):
        arguments = given if comm.rank in culprits else {"out": good}
        for explain in (True, False):
            error = raised_together(
                comm, lambda a=arguments, e=explain: A.to("MC,MR", **a, explain=e)
            )
            assert isinstance(error, kind)
            assert text in str(error)
            if isinstance(given["out"], mt.DistMatrix):
                assert (given["out"].local == 0).all()
            assert (good.local == 0).all()
    assert np.array_equal(A.to("MC,MR", out=good).numpy(None), whole(20, 10))


def test_an_imaginary_part_is_not_dropped(comm):
    grid = mt.Grid(comm)
    A = make(grid, (20, 10), "complex64")
    out = mt.DistMatrix(grid, (20, 10), "float64", "MC,MR", 4)
    for more in ({}, {"explain": True}, {"dtype": "float64"}):
        error = raised_together(comm, lambda m=more: A.to("MC,MR", out=out, **m))
        assert isinstance(error, mt.DTypeError)
    assert (out.local == 0).all()


@pytest.mark.ranks(2, 5)
def test_another_matrix_on_one_rank(comm):
    grid = mt.Grid(comm)
    A = make(grid, (20, 10))
    outs = [mt.DistMatrix(grid, (20, 10), layout="MC,MR", block=b) for b in (3, 4)]
    last = comm.rank == comm.size - 1
    for mine in (outs[last], None if last else outs[0]):
        for explain in (True, False):
            error = raised_together(comm, lambda o=mine, e=explain: A.to("MC,MR", out=o, explain=e))
            assert isinstance(error, mt.InvalidArgument)
    assert all((out.local == 0).all() for out in outs)


def test_a_grid_over_another_communicator(comm):
    A = make(mt.Grid(comm), (20, 10))
    own = comm.Dup()
    out = mt.DistMatrix(mt.Grid(own), (20, 10), layout="MC,MR", block=4)
    error = raised_together(comm, lambda: A.to("MC,MR", out=out))
    assert isinstance(error, mt.InvalidArgument)
    assert "communicator" in str(error)
    assert (out.local == 0).all()
    own.Free()
