# SPDX-License-Identifier: BSD-3-Clause
"""What one rank raises alone reaches all ranks as the same exception; nobody hangs; no leak."""

import gc
import os
import random
import traceback

import matrass as mt
import numpy as np
import pytest
from matrass import _core, agreement
from reference import raised_together, whole

pytestmark = pytest.mark.ranks(1, 2, 3, 6)

NO_LIMIT = 2**63 - 1


def works(comm):
    """The world goes on: a collective that moves data."""
    A = mt.from_function(mt.Grid(comm), (13, 11), lambda i, j: i + 13 * j, block=2)
    assert np.array_equal(A.to("VC,STAR", block=1).numpy(None), whole(13, 11))


def together(comm, f):
    return agreement.together(mt.Grid(comm)._core, "test", f)


def test_together_gives_each_rank_its_own_result(comm):
    assert together(comm, lambda: comm.rank * 10) == comm.rank * 10


def test_exception_before_any_collective(comm):
    for culprit in {0, comm.size - 1}:

        def f(culprit=culprit):
            if comm.rank == culprit:
                raise KeyError("before")
            return 1

        error = raised_together(comm, lambda f=f: together(comm, f))
        assert type(error) is mt.RoutineError
        assert f"rank {culprit}" in str(error) or comm.size == 1
        assert "KeyError" in str(error)
        works(comm)


def test_exception_after_a_nested_collective(comm):
    def f():
        works(comm)
        if comm.rank == comm.size - 1:
            raise OSError("after")

    error = raised_together(comm, lambda: together(comm, f))
    assert type(error) is mt.RoutineError
    assert "after" in str(error)
    works(comm)


def test_exception_inside_a_nested_collective(comm):
    """The nested call has told all ranks: the outer one tells nothing again."""

    def f():
        def g(i, j):
            if comm.rank == 0:
                raise ArithmeticError("inside")
            return i

        return mt.from_function(mt.Grid(comm), (9, 9), g, block=1)

    error = raised_together(comm, lambda: together(comm, f))
    assert isinstance(error, mt.RoutineError)
    assert "inside" in str(error)
    works(comm)


def test_wrong_argument_inside_a_nested_collective(comm):
    error = raised_together(
        comm, lambda: together(comm, lambda: mt.DistMatrix(mt.Grid(comm), (-1, 3)))
    )
    assert isinstance(error, mt.InvalidArgument)
    works(comm)


@pytest.mark.ranks(2, 3, 6)
def test_exception_before_a_nested_collective_of_the_others(comm):
    """One rank raises while the others are in a collective call inside."""

    def f():
        if comm.rank == comm.size - 1:
            raise OSError("never came")
        works(comm)

    error = raised_together(comm, lambda: together(comm, f))
    assert isinstance(error, mt.Error)
    works(comm)


def test_nested_in_nested(comm):
    def inner():
        if comm.rank == comm.size // 2:
            raise LookupError("deep")

    def f():
        together(comm, lambda: together(comm, inner))

    error = raised_together(comm, lambda: together(comm, f))
    assert "deep" in str(error)
    works(comm)


def test_a_caught_agreement_is_over(comm):
    """All ranks catch the agreed error inside and go on."""

    def f():
        with pytest.raises(mt.RoutineError):
            together(comm, lambda: 1 / 0)
        works(comm)
        return "fine"

    assert together(comm, f) == "fine"


def test_the_cause_has_its_traceback(comm):
    """Where the exception came from can be seen on the rank that raised it, and is told to all."""

    def deep():
        raise KeyError("from deep")

    with pytest.raises(mt.RoutineError) as caught:
        together(comm, lambda: deep() if comm.rank == comm.size - 1 else None)
    assert "in deep" in caught.value.remote_traceback
    if comm.rank == comm.size - 1:
        cause = caught.value.__cause__
        assert isinstance(cause, KeyError)
        assert traceback.extract_tb(cause.__traceback__)[-1].name == "deep"


def test_errors_of_matrass_keep_their_kind(comm):
    for kind in (mt.SingularError, mt.ShapeError, mt.MemoryLimitError, mt.CancelledError):

        def f(kind=kind):
            if comm.rank == comm.size - 1:
                raise kind("f: this must hold: got that")

        error = raised_together(comm, lambda f=f: together(comm, f))
        assert type(error) is kind
        assert "f: this must hold: got that" in str(error)


def large_calls(comm):
    """Calls that take a megabyte or more on every rank.

    `tall` has 10,000 rows a rank: one column of U (80 kB) fits into 100 kB, and the vectors that
    the iteration saves do not; 16 columns do not, nor does another layout.
    """
    grid = mt.Grid(comm)
    A = mt.from_function(grid, (1200, 1100), lambda i, j: i + 1200.0 * j, layout="VC,STAR")
    tall = mt.from_function(
        grid,
        (10_000 * comm.size, 64),
        lambda i, j: np.exp(-(((i % 64 - j) / 4) ** 2)),
        layout="VC,STAR",
    )
    dealt = tall.to("MC,MR")
    sparse = mt.SparseMatrix.from_dense(A)
    right = mt.DistMatrix(grid, (1100, 64))
    return {
        "random": lambda: mt.random.normal(grid, (1200, 1100)),
        "add": lambda: A + A,
        "compare": lambda: mt.where(A > 1.0, A, 0.0),
        "from_dense": lambda: mt.SparseMatrix.from_dense(A),
        "to_dense": sparse.to_dense,
        "rows": lambda: sparse[100:],
        "scaled": lambda: sparse * 2.0,
        "sparse astype": lambda: sparse.astype("float32"),
        "sparse product": lambda: sparse @ right,
        "normal product": lambda: sparse.normal_product(right),
        "DistMatrix": lambda: mt.DistMatrix(grid, (1200, 1100)),
        "from_function": lambda: mt.from_function(grid, (1200, 1100), lambda i, j: i + j),
        "to": lambda: A.to("STAR,STAR"),
        "to other blocks": lambda: A.to("MC,MR", block=3),
        "copy": A.copy,
        "from_global": lambda: mt.from_global(grid, np.ones((1200, 1100)), root=None),
        "from_tiles": lambda: mt.from_tiles(grid, A.tiles(), A.shape, block=7),
        "matmul": lambda: A.T @ A,
        "A.H": A.H.copy,
        "truncated_svd: U": lambda: mt.linalg.truncated_svd(tall, 16),
        "truncated_svd: vectors": lambda: mt.linalg.truncated_svd(tall, 1),
        "truncated_svd: tsqr": lambda: mt.linalg.truncated_svd(tall, 1, method="tsqr"),
        "truncated_svd: layout": lambda: mt.linalg.truncated_svd(dealt, 1),
        "truncated_svd: wide": lambda: mt.linalg.truncated_svd(tall.T, 16),
        "pca: scores": lambda: mt.linalg.pca(tall, 16),
        "pca: vectors": lambda: mt.linalg.pca(tall, 1),
        "pca: layout": lambda: mt.linalg.pca(dealt, 1),
    }


@pytest.mark.ranks(2, 3, 6)  # alone, a change of layout is a view
@pytest.mark.time_limit(180)
def test_memory_limit_on_one_rank(comm):
    """An allocation that fails on one rank is a MemoryLimitError on all, and leaves nothing."""
    calls = large_calls(comm)
    for k, (name, call) in enumerate(calls.items()):
        culprit = k % comm.size
        gc.collect()
        before = _core.memory()["in_use"]
        if comm.rank == culprit:
            _core.set_memory_limit(before + 100_000)
        try:
            error = raised_together(comm, call)
        finally:
            _core.set_memory_limit(NO_LIMIT)
        assert type(error) is mt.MemoryLimitError, name
        assert f"rank {culprit}" in str(error) or comm.size == 1
        del error
        gc.collect()
        assert _core.memory()["in_use"] == before, name
        call()
    works(comm)


def test_the_error_is_a_memory_error(comm):
    if comm.rank == 0:
        _core.set_memory_limit(_core.memory()["in_use"] + 1000)
    try:
        with pytest.raises(MemoryError):
            mt.DistMatrix(mt.Grid(comm), (3000, 3000))
    finally:
        _core.set_memory_limit(NO_LIMIT)


@pytest.mark.time_limit(180)
def test_a_thousand_matrices_dropped_in_any_order(comm):
    """Freeing is local: each rank drops in an order of its own, some by the cycle collector."""
    grid = mt.Grid(comm)
    works(comm)
    gc.collect()
    before = _core.memory()["in_use"]
    draw = random.Random(comm.rank)
    kept = []
    for k in range(1000):
        size = 300 if k % 10 == 0 else 30 + k % 50
        A = mt.DistMatrix(grid, (size, size), layout=("MC,MR", "VC,STAR", "STAR,STAR")[k % 3])
        if k % 7 == 0:
            A = A.to("STAR,VR")[1:-1].T
        cycle = [A]
        if draw.random() < 0.5:
            cycle.append(cycle)
        kept.append(cycle)
        while len(kept) > 20 or (kept and draw.random() < 0.3):
            kept.pop(draw.randrange(len(kept)))
    kept.clear()
    del A, cycle
    gc.collect()
    assert _core.memory()["in_use"] == before
    works(comm)


def test_memory_in_use_follows_the_matrices(comm):
    gc.collect()
    before = _core.memory()["in_use"]
    A = mt.DistMatrix(mt.Grid(comm), (1000, 1000), layout="STAR,STAR")
    assert _core.memory()["in_use"] >= before + A.local_nbytes
    view, local = A.T[3:900], A.local
    del A
    gc.collect()
    assert _core.memory()["in_use"] > before  # views keep it
    del view
    gc.collect()
    assert _core.memory()["in_use"] > before
    del local
    gc.collect()
    assert _core.memory()["in_use"] == before


def test_failed_calls_leave_nothing(comm):
    grid = mt.Grid(comm)

    def f(i, j):
        raise ValueError("no")

    gc.collect()
    before = _core.memory()["in_use"]
    for _ in range(20):
        raised_together(comm, lambda: mt.from_function(grid, (1000, 1000), f))
        raised_together(comm, lambda: mt.from_tiles(grid, [(0, 0, np.ones((9, 9)))], (1000, 1000)))
    gc.collect()
    assert _core.memory()["in_use"] == before


def test_hundreds_of_faults(comm):
    """Errors one after another leave no agreement half done (dozens, in a campaign hundreds)."""
    draw = random.Random(3)
    for _ in range(400 if os.environ.get("MATRASS_CAMPAIGN") else 40):
        culprit = draw.randrange(comm.size)

        def f(i, j, culprit=culprit):
            return 1 // int(comm.rank != culprit)

        raised_together(comm, lambda f=f: mt.from_function(mt.Grid(comm), (9, 9), f, block=1))
    works(comm)
