# SPDX-License-Identifier: BSD-3-Clause
"""Grid: shapes, orders and places of ranks; grids on sub-communicators; wrong arguments."""

import gc

import matrass as mt
import numpy as np
import pytest
from reference import coords, grid_shapes, raised_together, whole


def test_default_is_nearest_to_square(comm):
    nearest = {1: (1, 1), 2: (1, 2), 3: (1, 3), 4: (2, 2), 5: (1, 5), 6: (2, 3)}
    grid = mt.Grid(comm)
    assert grid.shape == nearest[comm.size]
    assert grid.order == "F"
    assert grid.comm is comm
    assert grid.rank == comm.rank
    assert grid.size == comm.size


@pytest.mark.spmd
def test_default_communicator_is_the_world():
    from mpi4py import MPI

    grid = mt.Grid()
    assert grid.comm == MPI.COMM_WORLD
    assert grid.size == MPI.COMM_WORLD.size
    assert grid.rank == MPI.COMM_WORLD.rank


def test_places_of_ranks(comm):
    for order in "FC":
        for r in range(1, comm.size + 1):
            for c in range(1, comm.size // r + 1):
                grid = mt.Grid(comm, shape=(r, c), order=order)
                assert grid.shape == (r, c)
                assert grid.order == order
                assert grid.size == r * c
                assert grid.rank == comm.rank
                assert grid.coords == coords((r, c), order, comm.rank)


def test_shape_may_be_any_pair_of_integers(comm):
    assert mt.Grid(comm, shape=[1, comm.size]).shape == (1, comm.size)
    assert mt.Grid(comm, shape=np.array([comm.size, 1])).shape == (comm.size, 1)


@pytest.mark.ranks(2, 3, 5, 6)
def test_ranks_beyond_the_grid_hold_nothing(comm):
    grid = mt.Grid(comm, shape=(1, comm.size - 1))
    beyond = comm.rank == comm.size - 1
    assert (grid.coords is None) == beyond
    expected = whole(5, 9)
    for layout in ("MC,MR", "VC,STAR", "STAR,STAR", "MD,STAR", "CIRC,CIRC"):
        A = mt.from_global(grid, expected if comm.rank == 0 else None, layout=layout, block=2)
        if beyond:
            assert A.local.size == 0
            assert A.local_nbytes == 0
            assert len(A.local_rows) * len(A.local_cols) == 0
        gathered = A.numpy(root=None)
        assert np.array_equal(gathered, expected)  # on the ranks beyond, too
        last = A.numpy(root=comm.size - 1)
        assert (last is not None) == beyond
        assert last is None or np.array_equal(last, expected)


@pytest.mark.ranks(2, 3, 6)
def test_disjoint_communicators_do_not_wait_for_one_another(comm):
    """Each half makes another number of collective calls."""
    half = comm.Split(comm.rank % 2, comm.rank)
    grid = mt.Grid(half)
    assert grid.size == half.size
    A = mt.from_function(grid, (11, 7), lambda i, j: i + 11 * j, block=2)
    for _ in range(1 + 3 * (comm.rank % 2)):
        A = A.to("VC,STAR", block=1).to("MC,MR", block=3)
    assert np.array_equal(A.numpy(root=None), whole(11, 7))
    del A, grid
    half.Free()


def test_communicator_in_another_rank_order(comm):
    reverse = comm.Split(0, comm.size - comm.rank)
    grid = mt.Grid(reverse, order="C")
    assert grid.rank == comm.size - 1 - comm.rank
    A = mt.from_function(grid, (9, 8), lambda i, j: i + 9 * j, block=1)
    here = A.numpy(root=0)
    assert (here is not None) == (comm.rank == comm.size - 1)
    assert here is None or np.array_equal(here, whole(9, 8))
    del A, grid
    reverse.Free()


def test_matrix_outlives_its_communicator(comm):
    """Freeing is local: a handle may be dropped after the user freed the communicator."""
    own = comm.Dup()
    grid = mt.Grid(own)
    A = mt.from_function(grid, (20, 20), lambda i, j: i + 20 * j, block=4)
    expected = A.local.copy()
    own.Free()
    assert np.array_equal(A.local, expected)
    del A, grid
    gc.collect()
    assert np.array_equal(mt.DistMatrix(mt.Grid(comm), (3, 3)).numpy(None), np.zeros((3, 3)))


def test_equal_grids(comm):
    grid = mt.Grid(comm)
    assert grid == mt.Grid(comm)
    assert hash(grid) == hash(mt.Grid(comm))
    assert grid != "2x3"
    if comm.size > 1:
        assert mt.Grid(comm, shape=(comm.size, 1)) != mt.Grid(comm, shape=(1, comm.size))
    assert f"{grid.shape[0]}x{grid.shape[1]}" in repr(grid)


@pytest.mark.ranks(1, 2)
@pytest.mark.time_limit(120)
def test_communicators_are_not_used_up(comm):
    """MPICH has 2,046 of them: neither grids nor their BLACS contexts may take one each."""
    for k in range(2500):
        grid = mt.Grid(comm, shape=(1, comm.size), order="FC"[k % 2])
        if k % 100 == 0:
            assert len(mt.DistMatrix(grid, (4, 4)).descriptor) == 9


@pytest.mark.ranks(1, 2)
@pytest.mark.time_limit(120)
def test_grids_die_with_their_communicators(comm):
    for _ in range(700):
        own = comm.Dup()
        grid = mt.Grid(own)
        assert len(mt.DistMatrix(grid, (4, 4)).descriptor) == 9
        del grid
        own.Free()


@pytest.mark.parametrize(
    "shape",
    [
        (0, 1),
        (1, 0),
        (-1, 2),
        (-2, -1),
        (100, 100),
        (1,),
        (1, 1, 1),
        4,
        "ab",
        (1.0, 2.0),
        (None, 1),
    ],
)
@pytest.mark.ranks(1, 2, 6)
def test_wrong_shapes(comm, shape):
    error = raised_together(comm, lambda: mt.Grid(comm, shape=shape))
    assert type(error) is mt.InvalidArgument
    assert str(error).startswith("Grid: ")
    assert " must be " in str(error)
    assert "got " in str(error)


def test_wrong_order(comm):
    for order in ("K", "f", "", "FC", None, 3):
        error = raised_together(comm, lambda o=order: mt.Grid(comm, order=o))
        assert type(error) is mt.InvalidArgument, order
        assert str(error) == f'Grid: order must be "F" or "C": got {order!r}'


@pytest.mark.ranks(2, 3, 6)
def test_arguments_that_differ_between_ranks(comm):
    """One rank's word differs: no grid, and no hang."""
    last = comm.rank == comm.size - 1
    shapes = [
        ((1, comm.size) if last else (comm.size, 1), "F"),
        ((100, 100) if last else (1, comm.size), "F"),
        ((1, 0) if last else (1, comm.size), "F"),
        ((1, comm.size), "C" if last else "F"),
    ]
    for shape, order in shapes:
        error = raised_together(comm, lambda s=shape, o=order: mt.Grid(comm, shape=s, order=o))
        assert isinstance(error, mt.InvalidArgument)
        assert "Grid: " in str(error)


def test_grid_of_one_process_needs_nobody(comm):
    from mpi4py import MPI

    if comm.rank == 0:  # the others are not asked
        grid = mt.Grid(MPI.COMM_SELF)
        A = mt.from_function(grid, (6, 5), lambda i, j: i + 6 * j).to("VC,STAR")
        assert np.array_equal(A.numpy(), whole(6, 5))
    comm.barrier()


def test_every_factorisation_carries_a_matrix(comm):
    expected = whole(13, 11)
    for order in "FC":
        for shape in grid_shapes(comm.size):
            A = mt.from_function(mt.Grid(comm, shape, order), (13, 11), lambda i, j: i + 13 * j)
            assert np.array_equal(A.numpy(None), expected)
