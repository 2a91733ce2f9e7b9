# SPDX-License-Identifier: BSD-3-Clause
"""A.to(explain=True): moves and allocates nothing, and says what the call itself then does."""

import itertools
import random

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from reference import DTYPES, LAYOUTS, entries, raised_together, whole

SHAPES = [(97, 89), (1, 61), (61, 1), (0, 6), (5, 0), (200, 131), (7, 7)]
BLOCKS = [1, 3, 64, None, (2, 5)]
PATHS = {"none", "local", "direct", "message", "mixed"}
COUNTS = ("bytes_sent", "bytes_received", "bytes_kept", "messages")

pytestmark = pytest.mark.ranks(1, 4, 6)


def make(grid, shape, dtype="float64", layout="VC,STAR", block=None):
    f = lambda i, j: entries(i, j, shape[0], dtype)  # noqa: E731
    return mt.from_function(grid, shape, f, layout=layout, block=block, dtype=dtype)


def options(grid, draw, shape, target):
    """One of the ways to call A.to(target, ...), and the dtype of its result."""
    dtype = draw.choice(DTYPES)
    return draw.choice(
        [
            {"block": draw.choice(BLOCKS)},
            {"block": draw.choice(BLOCKS), "dtype": dtype},
            {"block": draw.choice(BLOCKS), "grid": "auto"},
            {"block": draw.choice(BLOCKS), "grid": "auto", "dtype": "complex128"},
            {"grid": mt.Grid(grid.comm, (grid.comm.size, 1), "C"), "dtype": "float32"},
            {"max_memory": "1 GiB"},
            {"out": mt.DistMatrix(grid, shape, dtype, target, draw.choice(BLOCKS))},
        ]
    )


def check_explained(comm, A, target, given):
    """Explains, does it, and returns the result and the plan."""
    start, in_use = _core.transfer_counts(), mt.memory().in_use
    mt.reset_peak_memory()
    plan = A.to(target, **given, explain=True)
    assert plan == A.to(target, **given, explain=True)
    assert isinstance(plan, mt.RedistributionPlan)
    assert _core.transfer_counts() == start
    assert mt.memory().peak <= in_use
    assert plan.path in PATHS
    assert plan.peak_bytes == plan.result_bytes + plan.work_bytes

    B = A.to(target, **given)
    now = _core.transfer_counts()
    did = {name: now[name] - start[name] for name in now}
    assert did["bytes_kept"] == plan.bytes_kept
    assert did["messages_sent"] == plan.messages
    if plan.path == "message":
        assert did["bytes_pushed"] == did["bytes_pulled"] == 0
        assert did["bytes_sent"] == plan.bytes_sent
        assert did["bytes_received"] == plan.bytes_received
    if plan.path == "direct":
        assert did["bytes_sent"] == did["bytes_received"] == plan.messages == 0
    if plan.path in {"none", "local"}:
        assert plan.bytes_sent == plan.bytes_received == 0
    moved = did["bytes_sent"] + did["bytes_pushed"] + did["bytes_pulled"]
    assert comm.allreduce(moved) == comm.allreduce(plan.bytes_sent)
    assert comm.allreduce(plan.bytes_sent) == comm.allreduce(plan.bytes_received)
    assert mt.memory().peak - in_use <= plan.peak_bytes
    return B, plan


@pytest.mark.parametrize("source", LAYOUTS)
def test_all_that_is_told_happens(comm, source):
    grid, draw = mt.Grid(comm), random.Random(f"{source} {comm.size}")
    for target in draw.sample(LAYOUTS, 3):
        shape = draw.choice(SHAPES)
        A = make(grid, shape, layout=source, block=draw.choice(BLOCKS))
        given = options(grid, draw, shape, target)
        if "out" in given and given["out"].dtype.kind == "c":
            given["out"].local[...] = -1
        B, plan = check_explained(comm, A, target, given)
        wide = whole(*shape).astype(B.dtype)
        assert B.numpy(None).tobytes("F") == wide.tobytes("F")
        assert A.numpy(None).tobytes("F") == whole(*shape).tobytes("F")
        assert (plan.path == "none") <= (plan.peak_bytes == 0)


def test_sources_that_are_views(comm):
    A, x = make(mt.Grid(comm), (97, 89), layout="MC,MR", block=3), whole(97, 89)
    for view, expected in [(A.T, x.T), (A[5:80, 7:8], x[5:80, 7:8]), (A[3:3], x[3:3])]:
        for target in ("VC,STAR", "STAR,STAR", "MR,MC", "CIRC,CIRC"):
            B, _ = check_explained(comm, view, target, {"dtype": "complex64"})
            assert np.array_equal(B.numpy(None), expected.astype("complex64"))


def test_nothing_moves_where_the_result_is_a_view(comm):
    for layout, block in zip(LAYOUTS, itertools.cycle((1, None)), strict=False):
        A = make(mt.Grid(comm), (31, 17), layout=layout, block=block)
        B, plan = check_explained(comm, A, layout, {"block": A.block})
        assert [getattr(plan, name) for name in COUNTS] == [0, 0, 0, 0]
        assert (plan.path, plan.peak_bytes, plan.rounds) == ("none", 0, 0)
        assert A.local.size == 0 or np.shares_memory(A.local, B.local)


@pytest.mark.parametrize("target", ["MC,MR", "STAR,VR", "STAR,STAR", "CIRC,CIRC"])
def test_counted_by_hand(comm, target):
    """Each element that a rank has and another wants goes there once; its own ones are kept."""
    m, n = 61, 47
    A = make(mt.Grid(comm), (m, n), layout="VC,STAR", block=2)
    B, plan = check_explained(comm, A, target, {"block": 3})
    have = np.zeros((m, n), bool)
    have[np.ix_(A.local_rows, A.local_cols)] = A.local.size > 0
    want = np.zeros((m, n), bool)
    if B.local.size:
        want[np.ix_(B.local_rows, B.local_cols)] = True
    all_want = comm.allgather(want)
    others = [both for rank, both in enumerate(all_want) if rank != comm.rank]
    copied = plan.path != "none"
    assert plan.bytes_kept == 8 * copied * int((have & want).sum())
    assert plan.bytes_received == 8 * int((want & ~have).sum())
    if target != "STAR,STAR":  # copies for many ranks may be passed on by others
        assert plan.bytes_sent == 8 * sum(int((have & other).sum()) for other in others)
    assert plan.result_bytes >= B.local_nbytes * copied


@pytest.mark.ranks(2)
@pytest.mark.parametrize(
    "odd",
    [{"explain": False}, {"layout": "VC,VC"}, {"max_memory": 5}, {"dtype": int}, {"grid": 3}],
    ids=str,
)
def test_other_arguments_on_one_rank(comm, odd):
    A = make(mt.Grid(comm), (61, 47), layout="VC,STAR", block=2)
    given = {"layout": "MC,MR", "explain": True}
    given |= odd if comm.rank == comm.size - 1 else {}
    assert isinstance(raised_together(comm, lambda: A.to(**given)), mt.InvalidArgument)
    assert np.array_equal(A.to("MC,MR").numpy(None), whole(61, 47))
