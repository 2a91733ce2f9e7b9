# SPDX-License-Identifier: BSD-3-Clause
"""Errors of one communicator inside a call on another; exceptions that cannot be shown; Ctrl-C."""

import matrass as mt
import numpy as np
import pytest
from matrass import agreement
from mpi4py import MPI
from reference import raised_together, whole

pytestmark = [pytest.mark.ranks(1, 2, 3, 6), pytest.mark.time_limit(60)]


def works(comm):
    A = mt.from_function(mt.Grid(comm), (13, 11), lambda i, j: i + 13 * j, block=2)
    assert np.array_equal(A.to("VC,STAR", block=1).numpy(None), whole(13, 11))


def bad_product(grid):
    A = mt.DistMatrix(grid, (2, 3))
    return A @ A


def test_an_error_of_a_grid_of_one_rank(comm):
    """It is agreed on by that rank alone: the others have to be told."""

    def f(i, j):
        if comm.rank == comm.size - 1:
            bad_product(mt.Grid(MPI.COMM_SELF))
        return i + j

    error = raised_together(comm, lambda: mt.from_function(mt.Grid(comm), (40, 40), f, block=1))
    assert isinstance(error, mt.ShapeError)
    works(comm)


def test_an_error_of_some_ranks(comm):
    half = comm.Split(comm.rank % 2)

    def f():
        if comm.rank % 2 == 0:
            bad_product(mt.Grid(half))

    error = raised_together(comm, lambda: agreement.together(mt.Grid(comm)._core, "test", f))
    assert isinstance(error, mt.ShapeError)
    works(comm)
    works(half)
    half.Free()


def test_an_agreed_error_that_is_kept_and_raised_later(comm):
    """By one rank alone: it is agreed on anew."""
    with pytest.raises(mt.ShapeError) as caught:
        bad_product(mt.Grid(comm))
    works(comm)

    def f(i, j):
        if comm.rank == 0:
            raise caught.value
        return i + j

    error = raised_together(comm, lambda: mt.from_function(mt.Grid(comm), (40, 40), f, block=1))
    assert isinstance(error, mt.ShapeError)
    works(comm)


class UnshowableError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "raised",
    [
        OSError("no file \udcff.csv"),
        UnshowableError(),
        ValueError(b"\xff"),
        KeyError(),
        Exception("é"),
    ],
    ids=["surrogate", "unshowable", "bytes", "empty", "letters"],
)
def test_exceptions_of_any_text(comm, raised):
    def f(i, j):
        if comm.rank == comm.size - 1:
            raise raised
        return i + j

    error = raised_together(comm, lambda: mt.from_function(mt.Grid(comm), (40, 40), f, block=1))
    assert isinstance(error, mt.RoutineError)
    assert type(raised).__name__ in str(error)
    works(comm)


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_the_wish_to_end_stays_what_it_is(comm, end):
    """On the rank that has it; the others get an error."""

    def f(i, j):
        if comm.rank == 0:
            raise end(3)
        return i + j

    with pytest.raises(end if comm.rank == 0 else mt.RoutineError) as caught:
        mt.from_function(mt.Grid(comm), (40, 40), f, block=1)
    assert comm.rank == 0 or end.__name__ in str(caught.value)
    works(comm)


WRONG_TILES = {
    "far away": (2**63, 0, np.ones((2, 2))),
    "at the end of numbers": (2**63 - 1, 0, np.ones((4, 4))),
    "before the beginning": (-(2**63), 0, np.ones((4, 4))),
    "fraction": (0.9, 0, np.ones((4, 4))),
    "text": ("0", 0, np.ones((4, 4))),
    "nan": (float("nan"), 0, np.ones((4, 4))),
    "pair": (0, np.ones((4, 4))),
    "no tile": 7,
    "masked": (0, 0, np.ma.masked_less(np.arange(16.0).reshape(4, 4), 3)),
}


@pytest.mark.parametrize("name", WRONG_TILES)
def test_tiles_that_are_none_on_one_rank(comm, name):
    tiles = [WRONG_TILES[name]] if comm.rank == comm.size - 1 else []
    error = raised_together(comm, lambda: mt.from_tiles(mt.Grid(comm), tiles, (4, 4)))
    assert isinstance(error, mt.InvalidArgument)
    works(comm)


@pytest.mark.parametrize(
    "call",
    [
        lambda g: mt.DistMatrix(g, (2**64, 3)),
        lambda g: mt.DistMatrix(g, (2**62, 3)),
        lambda g: mt.DistMatrix(g, (3, 3), block=2**64),
        lambda g: mt.DistMatrix(g, (10, 6), layout="VC,STAR", block=2**62),
        lambda g: mt.DistMatrix(g, (10, 6), layout="VC,STAR", block=2**63 - 1),
        lambda g: mt.DistMatrix(g, (10, 6), block=2**63 - 1),
        lambda g: mt.linalg.truncated_svd(mt.DistMatrix(g, (10, 6)), 2**64),
        lambda g: mt.from_global(g, np.ma.masked_less(np.eye(3), 0.5), root=None),
        lambda g: mt.from_function(g, (3, 3), lambda i, j: np.ma.masked_less(i + 0.0 * j, 1)),
    ],
)
def test_numbers_that_no_matrix_has(comm, call):
    error = raised_together(comm, lambda: call(mt.Grid(comm)))
    assert isinstance(error, mt.InvalidArgument)
    works(comm)


def test_large_blocks_deal_everything_to_the_first_place(comm):
    A = mt.from_global(mt.Grid(comm), whole(10, 6), layout="VC,STAR", block=2**40, root=None)
    assert A.local.shape == ((10, 6) if comm.rank == 0 else (0, 6))
    assert np.array_equal(A.numpy(None), whole(10, 6))


def test_truth_and_index_arrays(comm):
    A = mt.from_global(mt.Grid(comm), whole(10, 6), root=None)
    with pytest.raises(TypeError, match="ambiguous"):
        bool(A)
    for key in [(np.array([1, 2]), slice(None)), (np.ones((10, 6), bool), slice(None))]:
        assert isinstance(raised_together(comm, lambda k=key: A[k]), mt.InvalidArgument)
        error = raised_together(comm, lambda k=key: A.__setitem__(k, 1.0))
        assert isinstance(error, mt.InvalidArgument)


def test_none_is_the_share_of_nothing(comm):
    A = mt.from_local(mt.Grid(comm), None, (0, 5), layout="VC,STAR")
    assert A.shape == (0, 5)
    assert A.local.shape == (0, 5)
