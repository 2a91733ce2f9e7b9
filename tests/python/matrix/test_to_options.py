# SPDX-License-Identifier: BSD-3-Clause
"""A.to() with a budget, into a given matrix, on the best grid, of another dtype; explained."""

import random

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from reference import DTYPES, LAYOUTS, entries, raised_together, whole

SHAPES = [(7, 7), (1, 61), (61, 1), (0, 6), (103, 97), (300, 211)]


def make(grid, shape, dtype="float64", layout="VC,STAR", block=None):
    f = lambda i, j: entries(i, j, shape[0], dtype)  # noqa: E731
    return mt.from_function(grid, shape, f, layout=layout, block=block, dtype=dtype)


def draws(comm, number):
    """Layouts, a shape and blocks, the same on every rank."""
    draw = random.Random(f"{comm.size} {number}")
    return draw.choice(LAYOUTS), draw.choice(LAYOUTS), draw.choice(SHAPES), draw.choice([1, 3, 64])


def moved(comm, before):
    """Bytes that ranks have moved between them since, by whatever path."""
    now = _core.transfer_counts()
    paths = ("bytes_sent", "bytes_pushed", "bytes_pulled")
    return comm.allreduce(sum(now[path] - before[path] for path in paths))


def test_explained_and_done(comm):
    """What is told is what happens; explaining moves and allocates nothing."""
    grid = mt.Grid(comm)
    for number in range(30):
        source, target, shape, block = draws(comm, number)
        A = make(grid, shape, layout=source)
        before, in_use = _core.transfer_counts(), mt.memory().in_use
        plan = A.to(target, block, explain=True)
        assert mt.memory().in_use <= in_use
        assert _core.transfer_counts() == before
        B = A.to(target, block)
        assert moved(comm, before) == comm.allreduce(plan.bytes_sent)
        assert comm.allreduce(plan.bytes_received) == comm.allreduce(plan.bytes_sent)
        kept = _core.transfer_counts()["bytes_kept"] - before["bytes_kept"]
        assert kept == plan.bytes_kept
        assert plan.peak_bytes == plan.result_bytes + plan.work_bytes
        assert plan.path in ("none", "local", "direct", "message", "mixed")
        assert (plan.path == "none") == (plan.peak_bytes == 0 and A.local.size == B.local.size) or (
            plan.result_bytes == 0
        )
        assert np.array_equal(B.numpy(None), whole(*shape))


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype(comm, dtype):
    grid = mt.Grid(comm)
    for number in range(12):
        source, target, shape, block = draws(comm, number)
        A = make(grid, shape, layout=source, dtype="float32" if number % 2 else "float64")
        B = A.to(target, block, dtype=dtype)
        assert B.dtype == dtype
        expected = whole(*shape).astype(dtype)
        assert np.array_equal(B.numpy(None), expected)
        C = A.astype(dtype)
        assert (C.dtype, C.layout, C.block) == (np.dtype(dtype), A.layout, A.block)
        assert np.array_equal(C.numpy(None), expected)


def test_an_imaginary_part_is_not_dropped(comm):
    A = make(mt.Grid(comm), (9, 4), "complex64")
    for call in (
        lambda: A.to("MC,MR", dtype="float64"),
        lambda: A.to("MC,MR", dtype="float64", explain=True),
        lambda: A.astype("float32"),
        lambda: A.astype(int),
    ):
        assert isinstance(raised_together(comm, call), mt.DTypeError)


def test_assignment_converts(comm):
    grid = mt.Grid(comm)
    A = mt.DistMatrix(grid, (40, 30), "complex128")
    A[5:12, 3:9] = make(grid, (7, 6), "float32")
    expected = np.zeros((40, 30), "complex128")
    expected[5:12, 3:9] = whole(7, 6, "float32")
    assert np.array_equal(A.numpy(None), expected)


@pytest.mark.parametrize("how", [lambda n: n, lambda n: f"{n} B", np.int64])
def test_max_memory(comm, how):
    grid = mt.Grid(comm)
    A = make(grid, (600, 500))
    free = A.to("MC,MR", 3, explain=True)
    peak = comm.allreduce(free.peak_bytes, op=max)
    B = A.to("MC,MR", 3, max_memory=how(peak))
    assert np.array_equal(B.numpy(None), whole(600, 500))
    if peak == 0:
        return  # one rank: a view
    in_use = mt.memory().in_use
    for explain in (False, True):
        call = lambda e=explain: A.to("MC,MR", 3, max_memory=how(1000), explain=e)  # noqa: E731
        error = raised_together(comm, call)
        assert isinstance(error, mt.MemoryLimitError)
        assert isinstance(error, MemoryError)
        assert "missing" in str(error)
    assert mt.memory().in_use <= in_use  # less: what the garbage collector has found meanwhile


def test_sizes_as_text(comm):
    A = make(mt.Grid(comm), (60, 50))
    for text in ("1 GB", "1GiB", "1.5 MB", "2000kb", "10000000"):
        assert np.array_equal(A.to("STAR,VC", max_memory=text).numpy(None), whole(60, 50))
    for bad in ("much", "-3 MB", "", -1, 2.5, [1]):
        call = lambda b=bad: A.to("STAR,VC", max_memory=b)  # noqa: E731
        assert isinstance(raised_together(comm, call), mt.InvalidArgument)


def test_out(comm):
    grid = mt.Grid(comm)
    for number in range(20):
        source, target, shape, block = draws(comm, number)
        A = make(grid, shape, layout=source)
        out = mt.DistMatrix(grid, shape, "float32", target, block)
        plan = A.to(target, out=out, explain=True)
        assert plan.result_bytes == 0
        assert A.to(target, out=out) is out
        assert np.array_equal(out.numpy(None), whole(*shape).astype("float32"))
    # A view is filled, and nothing beside it.
    A = make(grid, (20, 10))
    B = mt.DistMatrix(grid, (30, 30), layout="MC,MR", block=4)
    A.to("MC,MR", out=B[5:25, 7:17])
    expected = np.zeros((30, 30))
    expected[5:25, 7:17] = whole(20, 10)
    assert np.array_equal(B.numpy(None), expected)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"out": 3}, mt.InvalidArgument),
        ({"out": ((20, 11), "float64", "MC,MR", 64)}, mt.ShapeError),
        ({"out": ((20, 10), "float64", "VC,STAR", 64)}, mt.LayoutError),
        ({"out": ((20, 10), "float64", "MC,MR", 64), "block": 3}, mt.LayoutError),
        ({"out": ((20, 10), "float64", "MC,MR", 64), "dtype": "float32"}, mt.DTypeError),
        ({"out": ((20, 10), "float64", "MC,MR", 64), "grid": "auto"}, mt.InvalidArgument),
        ({"grid": "best"}, mt.InvalidArgument),
        ({"dtype": "int32"}, mt.DTypeError),
    ],
)
def test_wrong_arguments(comm, arguments, kind):
    grid = mt.Grid(comm)
    A = make(grid, (20, 10))
    given = dict(arguments)
    if isinstance(given.get("out"), tuple):
        given["out"] = mt.DistMatrix(grid, *given["out"])
    assert isinstance(raised_together(comm, lambda: A.to("MC,MR", **given)), kind)
    assert np.array_equal(A.numpy(None), whole(20, 10))


@pytest.mark.ranks(2, 6)
def test_other_arguments_on_one_rank(comm):
    A = make(mt.Grid(comm), (20, 10))
    last = comm.rank == comm.size - 1
    for given in ({"max_memory": 10**6 + last}, {"dtype": "float32" if last else "float64"}):
        error = raised_together(comm, lambda g=given: A.to("MC,MR", **g))
        assert isinstance(error, mt.InvalidArgument)


def test_best_grid(comm):
    """Never more bytes than on the given grid, and as good a grid as any afterwards."""
    grid = mt.Grid(comm)
    for number in range(15):
        source, target, shape, block = draws(comm, number)
        A = make(grid, shape, layout=source, block=block)
        plan = A.to(target, block, "auto", explain=True)
        usual = A.to(target, block, explain=True)
        assert comm.allreduce(plan.bytes_sent) <= comm.allreduce(usual.bytes_sent)
        B = A.to(target, block, "auto")
        assert np.array_equal(B.numpy(None), whole(*shape))
        assert np.array_equal(B.to("MC,MR", grid=grid).numpy(None), whole(*shape))
    A = make(grid, (30, 20), layout="STAR,VR")
    B = A.to("MC,MR", 4, "auto")
    assert B.norm() == pytest.approx(np.linalg.norm(whole(30, 20)))
    expected = whole(30, 20).T @ whole(30, 20)
    assert np.allclose((B.T.to("MC,MR", 4) @ B).numpy(None), expected)
    assert len(B.descriptor) == 9
