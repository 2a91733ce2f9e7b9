# SPDX-License-Identifier: BSD-3-Clause
"""A.to(max_memory=): a budget is kept, or every rank says what is missing and takes nothing."""

import functools
import random

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from matrass.pool import shown_bytes
from reference import LAYOUTS, entries, raised_together, whole

SHAPE = (601, 397)  # some 1.9 MB: all parts come from the pool

pytestmark = pytest.mark.ranks(1, 2, 5)


def make(grid, shape=SHAPE, dtype="float64", layout="VC,STAR", block=None):
    f = lambda i, j: entries(i, j, shape[0], dtype)  # noqa: E731
    return mt.from_function(grid, shape, f, layout=layout, block=block, dtype=dtype)


def refused(comm, call):
    """The error of a call that finds its budget too small, after a look at what it has done."""
    in_use, counts = mt.memory().in_use, _core.transfer_counts()
    mt.reset_peak_memory()
    error = raised_together(comm, call)
    assert isinstance(error, mt.MemoryLimitError), error
    assert isinstance(error, MemoryError)
    assert "missing" in str(error)
    assert mt.memory().peak <= in_use
    assert mt.memory().in_use <= in_use
    assert _core.transfer_counts() == counts
    return error


def fits(comm, call, most):
    """Whether the plan of `call` fits into `most` bytes on all ranks; if not, both refuse alike."""
    try:
        plan = call(explain=True)
    except mt.MemoryLimitError:
        explained = str(refused(comm, lambda: call(explain=True)))
        assert str(refused(comm, call)) == explained
        return False
    assert plan.peak_bytes <= most
    return True


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex64"])
def test_every_budget(comm, dtype):
    """From nothing to plenty, for drawn pairs of layouts: refused, or done within it."""
    grid, draw = mt.Grid(comm), random.Random(f"{dtype} {comm.size}")
    expected = whole(*SHAPE).astype(dtype)
    for _ in range(3):
        A = make(grid, layout=draw.choice(LAYOUTS), block=draw.choice([1, 64]))
        target, block = draw.choice(LAYOUTS), draw.choice([7, 64])
        free = A.to(target, block, dtype=dtype, explain=True)
        peak = comm.allreduce(free.peak_bytes, op=max)
        result = comm.allreduce(free.result_bytes, op=max)
        for most in {0, result - 1, result, (result + peak) // 2, peak}:
            if most < 0:
                continue
            call = functools.partial(A.to, target, block, dtype=dtype, max_memory=most)
            done = fits(comm, call, most)
            assert done or most < peak
            assert not done or most >= result
            if done:
                in_use = mt.memory().in_use
                mt.reset_peak_memory()
                B = call()
                assert mt.memory().peak - in_use <= most
                assert np.array_equal(B.numpy(None), expected)


def test_what_is_missing(comm):
    A = make(mt.Grid(comm), layout="VC,STAR")
    free = A.to("MR,MC", 3, explain=True)
    if any(path != "direct" for path in comm.allgather(free.path)):
        return  # a view on one rank; the least buffers of messages are no business of this test
    most = comm.allreduce(free.peak_bytes, op=max)
    error = refused(comm, lambda: A.to("MR,MC", 3, max_memory=most - 100_000))
    assert f"got {shown_bytes(most - 100_000)}" in str(error)
    assert f"{shown_bytes(100_000)} are missing" in str(error)


@pytest.mark.ranks(2, 5, 6)
def test_one_rank_alone_needs_it(comm):
    A = make(mt.Grid(comm))
    for root in (0, comm.size - 1):
        free = A.to("CIRC,CIRC", root=root, explain=True)
        least = min(comm.allgather(free.peak_bytes))
        assert least < 601 * 397 * 8 <= max(comm.allgather(free.result_bytes))
        refused(comm, lambda r=root: A.to("CIRC,CIRC", root=r, max_memory=601 * 397 * 8))
        B = A.to("CIRC,CIRC", root=root, max_memory=max(comm.allgather(free.peak_bytes)))
        assert np.array_equal(B.numpy(None), whole(*SHAPE))


def test_with_the_other_options(comm):
    grid = mt.Grid(comm)
    A, out = make(grid), mt.DistMatrix(grid, SHAPE, "float32", "MR,MC", 5)
    out.local[...] = -1
    for given in ({"grid": "auto"}, {"grid": mt.Grid(comm, order="C")}, {"out": out}):
        call = lambda g=given, **more: A.to("MR,MC", **g, **more)  # noqa: E731
        peak = comm.allreduce(call(explain=True).peak_bytes, op=max)
        result = comm.allreduce(call(explain=True).result_bytes, op=max)
        assert ("out" in given) <= (result == 0)
        if result > 1:
            refused(comm, lambda f=call, m=result - 1: f(max_memory=m))
            refused(comm, lambda f=call, m=result - 1: f(max_memory=m, explain=True))
        assert np.array_equal(call(max_memory=peak).numpy(None), whole(*SHAPE))


def test_a_view_takes_nothing(comm):
    A = make(mt.Grid(comm), layout="MC,MR", block=3)
    for nothing in (0, "0", "0 MB", np.int64(0)):
        assert np.shares_memory(A.to("MC,MR", 3, max_memory=nothing).local, A.local)
    empty = make(mt.Grid(comm), (0, 7))
    assert empty.to("STAR,VR", max_memory=0).shape == (0, 7)


TEXTS = {
    "2 MB": 2 * 10**6,
    "1 GiB": 2**30,
    "1.5 kB": 1500,
    " 2.25 KiB ": 2304,
    "3TB": 3 * 10**12,
    "7 B": 7,
    "1000000": 10**6,
    "2 mib": 2**21,
}


@pytest.mark.ranks(2)
@pytest.mark.parametrize("text", TEXTS)
def test_text_is_a_number_of_bytes(comm, text):
    """The last rank gives the number: an error if the text were another one."""
    A = make(mt.Grid(comm), (40, 30), layout="MC,MR", block=3)
    given = TEXTS[text] if comm.rank == comm.size - 1 else text
    assert A.to("MC,MR", 3, max_memory=given).shape == (40, 30)
    if comm.size > 1:
        error = raised_together(
            comm,
            lambda: A.to("MC,MR", 3, max_memory=TEXTS[text] + (comm.rank == comm.size - 1)),
        )
        assert isinstance(error, mt.InvalidArgument)


BAD = ["two MB", "", " ", "MB", "-1 MB", "+1 MB", "1,5 MB", "nan GB", "0x10", "2 MBs", "1e9"]
HUGE = ["9999999 TB", "99999999999999999999", 2**63, 10**30]


@pytest.mark.ranks(2)
@pytest.mark.parametrize("bad", [*BAD, *HUGE, -1, 2.5, b"2 MB", [1], (1, 2), {}], ids=repr)
def test_no_number_of_bytes(comm, bad):
    A = make(mt.Grid(comm), (40, 30))
    for culprits in (range(comm.size), [comm.size - 1]):
        given = bad if comm.rank in culprits else "1 GB"
        for more in ({}, {"explain": True}, {"grid": "auto"}):
            error = raised_together(
                comm, lambda g=given, m=more: A.to("STAR,VC", max_memory=g, **m)
            )
            assert isinstance(error, mt.InvalidArgument)
            assert "max_memory" in str(error)
    assert np.array_equal(A.to("STAR,VC").numpy(None), whole(40, 30))


def test_a_truth_value_is_no_large_budget(comm):
    A = make(mt.Grid(comm))
    for truth in (True, False):
        call = lambda t=truth: A.to("STAR,STAR", dtype="float32", max_memory=t)  # noqa: E731
        error = raised_together(comm, call)
        assert isinstance(error, (mt.InvalidArgument, mt.MemoryLimitError))


@pytest.mark.ranks(1, 2, 4, 5)
def test_the_explained_peak_is_enough_to_convert(comm):
    grid, draw = mt.Grid(comm), random.Random(comm.size)
    for shape in ((3, 2), (40, 30), (300, 200), (1, 5000)):
        for dtype in ("float32", "complex128"):
            A = make(grid, shape, layout=draw.choice(LAYOUTS), block=draw.choice([1, 64]))
            call = functools.partial(A.to, draw.choice(LAYOUTS), draw.choice([7, 64]), dtype=dtype)
            peak = comm.allreduce(call(explain=True).peak_bytes, op=max)
            assert repr(call(explain=True, max_memory=peak)) == repr(call(explain=True))
            in_use = mt.memory().in_use
            mt.reset_peak_memory()
            B = call(max_memory=peak)
            assert mt.memory().peak - in_use <= peak
            assert np.array_equal(B.numpy(None), whole(*shape).astype(dtype))


def test_true_is_no_number_of_bytes(comm):
    A = make(mt.Grid(comm))
    assert isinstance(
        raised_together(comm, lambda: A.to("MC,MR", max_memory=True)), mt.InvalidArgument
    )
