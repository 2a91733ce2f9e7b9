# SPDX-License-Identifier: BSD-3-Clause
"""from_global: a whole array on one rank, or the same on every rank."""

import itertools

import matrass as mt
import numpy as np
import pytest
from reference import DTYPES, LAYOUTS, raised_together, whole

pytestmark = pytest.mark.ranks(1, 2, 3, 6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_root_and_none(comm, dtype):
    roots = itertools.cycle([*range(comm.size), None])
    blocks = itertools.cycle([1, 3, (2, 5), 64, None])
    shapes = itertools.cycle([(13, 11), (1, 1), (0, 3), (5, 0), (2, 29)])
    for layout in LAYOUTS * 2:
        root, shape = next(roots), next(shapes)
        x = whole(*shape, dtype)
        given = x if root is None or comm.rank == root else None
        A = mt.from_global(mt.Grid(comm), given, layout=layout, block=next(blocks), root=root)
        assert A.shape == shape
        assert A.dtype == np.dtype(dtype)
        assert np.array_equal(A.local, x[np.ix_(A.local_rows, A.local_cols)])


def test_forms_of_arrays(comm):
    """C and F order, strides of any sign, read-only, swapped bytes, nested lists."""
    x = whole(9, 8)
    frozen = x.copy()
    frozen.flags.writeable = False
    forms = [
        np.ascontiguousarray(x),
        np.repeat(x, 3, axis=0)[::3],
        x[::-1, ::-1].copy()[::-1, ::-1],
        x.T.copy().T,
        frozen,
        x.astype(x.dtype.newbyteorder()),
        x.tolist(),
    ]
    for form, root in itertools.product(forms, (0, None)):
        given = form if root is None or comm.rank == root else None
        A = mt.from_global(mt.Grid(comm), given, block=2, root=root)
        assert np.array_equal(A.numpy(None), x)


def test_the_matrix_is_a_copy(comm):
    for root in (0, None):
        x = whole(9, 8)
        A = mt.from_global(mt.Grid(comm), x, layout="STAR,STAR", root=root)
        x[...] = -1
        assert np.array_equal(A.local, whole(9, 8))


def test_other_ranks_arrays_are_not_looked_at(comm):
    x = whole(5, 4) if comm.rank == comm.size - 1 else "what is this"
    A = mt.from_global(mt.Grid(comm), x, root=comm.size - 1)
    assert np.array_equal(A.numpy(None), whole(5, 4))


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (np.ones(4), mt.ShapeError),
        (np.ones((2, 2, 2)), mt.ShapeError),
        (3.0, mt.ShapeError),
        (np.ones((2, 2), "int64"), mt.DTypeError),
        (np.ones((2, 2), bool), mt.DTypeError),
        (np.ones((2, 2), object), mt.DTypeError),
        (np.ones((2, 2), "float16"), mt.DTypeError),
        (None, mt.InvalidArgument),
    ],
)
def test_wrong_arrays(comm, x, kind):
    grid = mt.Grid(comm)
    for root in (0, comm.size - 1, None):
        given = x if root is None or comm.rank == root else None
        error = raised_together(comm, lambda g=given, r=root: mt.from_global(grid, g, root=r))
        assert isinstance(error, kind)
        assert "from_global" in str(error)


def test_wrong_root(comm):
    for root in (comm.size, -1):
        error = raised_together(
            comm, lambda r=root: mt.from_global(mt.Grid(comm), whole(2, 2), root=r)
        )
        assert isinstance(error, mt.InvalidArgument)


@pytest.mark.ranks(2, 3)
def test_arrays_that_differ_between_ranks(comm):
    last = comm.rank == comm.size - 1
    for x in (np.ones((2, 3 if last else 2)), np.ones((2, 2), "f4" if last else "f8")):
        error = raised_together(comm, lambda y=x: mt.from_global(mt.Grid(comm), y, root=None))
        assert isinstance(error, mt.InvalidArgument)
