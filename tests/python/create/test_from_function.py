# SPDX-License-Identifier: BSD-3-Clause
"""from_function: elements by their indices; what happens when f raises, on all ranks or on one."""

import itertools

import matrass as mt
import numpy as np
import pytest
from reference import DTYPES, LAYOUTS, entries, grid_shapes, raised_together, whole

pytestmark = pytest.mark.ranks(1, 2, 3, 6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements(comm, dtype):
    blocks = itertools.cycle([1, 3, (2, 5), 64, None])
    for layout, shape, order in itertools.product(LAYOUTS, grid_shapes(comm.size), "FC"):
        grid = mt.Grid(comm, shape, order)
        f = lambda i, j: entries(i, j, 13, dtype)  # noqa: E731
        A = mt.from_function(grid, (13, 7), f, layout=layout, block=next(blocks), dtype=dtype)
        i, j = A.local_rows[:, None], A.local_cols[None, :]
        assert A.dtype == np.dtype(dtype)
        assert np.array_equal(A.local, entries(i, j, 13, dtype))


def test_f_gets_index_arrays_that_broadcast(comm):
    seen = []

    def f(i, j):
        assert i.dtype == j.dtype == np.int64
        assert i.shape[1] == j.shape[0] == 1
        seen.append((i.ravel().tolist(), j.ravel().tolist()))
        return i + 9.0 * j

    A = mt.from_function(mt.Grid(comm), (9, 8), f, block=2)
    asked = sorted(p for rows, cols in seen for p in itertools.product(rows, cols))
    assert asked == sorted(itertools.product(A.local_rows.tolist(), A.local_cols.tolist()))


def test_what_f_may_give(comm):
    """Scalars, rows, columns, integers, lists: NumPy broadcasts and converts by "same_kind"."""
    grid = mt.Grid(comm)
    make = lambda f, **k: mt.from_function(grid, (5, 4), f, block=2, **k).numpy(None)  # noqa: E731
    assert np.array_equal(make(lambda i, j: 3), np.full((5, 4), 3.0))
    assert np.array_equal(make(lambda i, j: j), np.tile(np.arange(4.0), (5, 1)))
    assert np.array_equal(make(lambda i, j: i), np.tile(np.arange(5.0)[:, None], (1, 4)))
    assert np.array_equal(
        make(lambda i, j: (i + j).tolist()), np.add.outer(np.arange(5.0), np.arange(4))
    )
    assert np.array_equal(make(lambda i, j: i == j), np.eye(5, 4))
    assert make(lambda i, j: i + 1j * j, dtype="complex64").dtype == np.complex64


@pytest.mark.parametrize(
    "f",
    [
        lambda i, j: i + 1j * j,
        lambda i, j: "a",
        lambda i, j: None,
        lambda i, j: np.ones((77, 77)),
        lambda i: i,
        3,
    ],
    ids=["complex", "text", "None", "shape", "arity", "no function"],
)
def test_what_f_may_not_give(comm, f):
    error = raised_together(comm, lambda: mt.from_function(mt.Grid(comm), (9, 9), f, block=1))
    assert isinstance(error, mt.Error)


def test_f_raises_on_one_rank_only(comm):
    grid = mt.Grid(comm)
    for culprit in {0, comm.size - 1}:

        def f(i, j, culprit=culprit):
            if comm.rank == culprit:
                raise KeyError("no such column")
            return i + 9 * j

        error = raised_together(comm, lambda f=f: mt.from_function(grid, (9, 9), f, block=1))
        assert type(error) is mt.RoutineError
        assert "KeyError" in str(error)
        assert "no such column" in str(error)
        assert comm.size == 1 or f"rank {culprit}" in str(error)
        if comm.rank == culprit:
            assert type(error.__cause__) is KeyError
        A = mt.from_function(grid, (9, 9), lambda i, j: i + 9 * j, block=1)  # the world works
        assert np.array_equal(A.to("VC,STAR").numpy(None), whole(9, 9))


def test_f_raises_on_several_ranks(comm):
    """The first failing rank speaks for all."""

    def f(i, j):
        raise ValueError(f"mine is {comm.rank}")

    error = raised_together(comm, lambda: mt.from_function(mt.Grid(comm), (9, 9), f, block=1))
    assert type(error) is mt.RoutineError
    assert "mine is 0" in str(error)


def test_f_raises_text_of_several_lines(comm):
    def f(i, j):
        raise ValueError("first\nsecond\nthird")

    with pytest.raises(mt.RoutineError, match="first"):
        mt.from_function(mt.Grid(comm), (9, 9), f, block=1)


def test_f_raises_an_error_of_matrass(comm):
    def f(i, j):
        if comm.rank == comm.size - 1:
            raise mt.SingularError("f: the pivot must not be zero: got 0")
        return i

    error = raised_together(comm, lambda: mt.from_function(mt.Grid(comm), (9, 9), f, block=1))
    assert isinstance(error, mt.Error)
    assert "the pivot must not be zero" in str(error)


def test_f_raises_after_some_panels(comm):
    """A local part of many panels of columns: the error comes late."""

    def f(i, j):
        if 1999 in j:
            raise ArithmeticError("the last column")
        return i * j

    error = raised_together(comm, lambda: mt.from_function(mt.Grid(comm), (600, 2000), f))
    assert "the last column" in str(error)


def test_empty_matrices(comm):
    for shape in [(0, 5), (5, 0), (0, 0)]:
        A = mt.from_function(mt.Grid(comm), shape, lambda i, j: i + j)
        assert A.numpy(None).shape == shape


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"shape": (3,)}, mt.ShapeError),
        ({"layout": "MC"}, mt.LayoutError),
        ({"block": 0}, mt.InvalidArgument),
        ({"dtype": "int32"}, mt.DTypeError),
    ],
)
def test_wrong_arguments(comm, wrong, kind):
    given = {"shape": (4, 4), "f": lambda i, j: i} | wrong
    error = raised_together(comm, lambda: mt.from_function(mt.Grid(comm), **given))
    assert isinstance(error, kind)
