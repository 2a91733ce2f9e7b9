# SPDX-License-Identifier: BSD-3-Clause
"""What users pass by mistake: an error of the kind that it is, in one line, with what was got."""

import matrass as mt
import numpy as np
import pytest
from reference import raised_together

X = np.ones((10, 4))


def make(shape=(10, 4), f=np.add, **more):
    """A call of from_function with wrong arguments."""
    return lambda g, a: mt.from_function(g, shape, f, **more)


def tiles(given):
    return lambda g, a: mt.from_tiles(g, given, (10, 4))


CASES = {
    "comm": (lambda g, a: mt.Grid("4"), mt.InvalidArgument, "communicator: got '4' (shape="),
    "comm int": (lambda g, a: mt.Grid(4), mt.InvalidArgument, "communicator: got 4 (shape="),
    "no grid": (
        lambda g, a: mt.from_function(None, (1, 1), max),
        mt.InvalidArgument,
        "from_function: grid must be a Grid: got NoneType (mt.Grid() has all ranks)",
    ),
    "array for grid": (
        lambda g, a: mt.from_global(X, g),
        mt.InvalidArgument,
        "from_global: grid must be a Grid: got ndarray",
    ),
    "local for grid": (
        lambda g, a: mt.from_local(X, g, (1, 1)),
        mt.InvalidArgument,
        "from_local: grid must be a Grid: got ndarray",
    ),
    "tiles for grid": (
        lambda g, a: mt.from_tiles([], g, (1, 1)),
        mt.InvalidArgument,
        "from_tiles: grid must be a Grid: got list",
    ),
    "shape for grid": (
        lambda g, a: mt.DistMatrix((10, 4), g),
        mt.InvalidArgument,
        "DistMatrix: grid must be a Grid: got tuple",
    ),
    "huge shape": (make(shape=(10**20, 1)), mt.ShapeError, "must fit 64-bit integers"),
    "huge block": (make(block=10**20), mt.InvalidArgument, "must fit 64-bit integers"),
    "no function": (make(f=None), mt.InvalidArgument, "f must be a function of (i, j): got NoneT"),
    "complex values": (
        make(f=lambda i, j: 1j * i),
        mt.DTypeError,
        "values of f must convert to float64: got complex128 (pass dtype=complex128)",
    ),
    "text": (make(f=lambda i, j: "x"), mt.DTypeError, "must convert to float64: got <U1"),
    "values": (make(f=lambda i, j: np.ones(3)), mt.ShapeError, "of i + j, ("),
    "ragged": (
        lambda g, a: mt.from_global(g, [[1.0, 2.0], [3.0]], root=None),
        mt.ShapeError,
        "from_global: x must have rows of one length",
    ),
    "no tiles": (tiles(None), mt.InvalidArgument, "tiles must be (i0, j0, array)s: got NoneType"),
    "bare array": (tiles([X]), mt.InvalidArgument, "tile 0 must be (i0, j0, array) with integers"),
    "pair": (tiles([(0, 0)]), mt.InvalidArgument, "got (int, int)"),
    "text for a row": (tiles([("a", 0, X)]), mt.InvalidArgument, "got (str, int, ndarray)"),
    "half a row": (tiles([(0.5, 0, X)]), mt.InvalidArgument, "got (float, int, ndarray)"),
    "mask": (lambda g, a: a[X > 0], mt.InvalidArgument, "got ndarray on axis 0 (masks and"),
    "index array": (lambda g, a: a[0, np.arange(2)], mt.InvalidArgument, "got ndarray on axis 1"),
    "matrix for key": (lambda g, a: a[a], mt.InvalidArgument, "got DistMatrix on axis 0"),
    "block": (make(block=True), mt.InvalidArgument, "block must be an int, (mb, nb) or None"),
    "seed": (
        lambda g, a: mt.random.normal(g, (3, 4), seed=True),
        mt.InvalidArgument,
        "random.normal: seed must lie in [0, 2**64): got True",
    ),
    "text for a number": (
        lambda g, a: mt.random.normal(g, (3, 4), loc="1"),
        mt.InvalidArgument,
        "random.normal: loc must be a number: got '1'",
    ),
    "no double": (
        lambda g, a: mt.random.uniform(g, (3, 4), high=10**400),
        mt.InvalidArgument,
        "random.uniform: high must be a number: got int",
    ),
    "huge value": (
        lambda g, a: a.__setitem__(slice(None), 10**400),
        mt.InvalidArgument,
        "assign: value must be in the range of numbers: got an integer of 1329 bits",
    ),
    "sparse / 0": (
        lambda g, a: mt.SparseMatrix.from_dense(a) / 0,
        mt.InvalidArgument,
        "divide: value must not be zero: got 0",
    ),
    "sparse / text": (
        lambda g, a: mt.SparseMatrix.from_dense(a) / "2",
        mt.DTypeError,
        "divide: value must be a number or a DistMatrix: got '2'",
    ),
    "sparse * text": (
        lambda g, a: mt.SparseMatrix.from_dense(a) * "2",
        mt.DTypeError,
        "scale: value must be a number",
    ),
    "threshold": (
        lambda g, a: mt.SparseMatrix.from_dense(a, True),
        mt.InvalidArgument,
        "from_dense: threshold must be a number: got True",
    ),
    "sparse beta": (
        lambda g, a: mt.linalg.matmul(mt.SparseMatrix.from_dense(a), a.T, beta=[1, 2]),
        mt.DTypeError,
        "matmul: alpha and beta must be numbers",
    ),
    "cond of a tall one": (
        lambda g, a: mt.linalg.cond(a, 1),
        mt.ShapeError,
        "cond: A must be square for p=1: got shape (10, 4)",
    ),
    "@ array": (lambda g, a: a @ X.T, TypeError, "got ndarray (mt.from_global makes one"),
    "array @": (lambda g, a: X.T @ a, TypeError, "got ndarray (mt.from_global makes one"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_arguments(comm, case):
    call, kind, text = CASES[case]
    grid = mt.Grid(comm)
    a = mt.from_function(grid, (10, 4), lambda i, j: i + j, layout="VC,STAR", block=1)
    error = raised_together(comm, lambda: call(grid, a))
    assert isinstance(error, kind)
    assert text in str(error)


@pytest.mark.ranks(2, 3)
@pytest.mark.parametrize("divisor", [0, "2", None, [1.0]])
def test_a_divisor_that_is_none_on_one_rank(comm, divisor):
    a = mt.SparseMatrix.from_dense(mt.from_function(mt.Grid(comm), (10, 4), lambda i, j: i + j))
    given = divisor if comm.rank == comm.size - 1 else 2.0
    assert isinstance(raised_together(comm, lambda: a / given), mt.InvalidArgument)
    assert (a / 2.0).sum() == a.sum() / 2


def test_keys_with_an_ellipsis_are_still_read(comm):
    a = mt.from_function(mt.Grid(comm), (10, 4), lambda i, j: i + j)
    assert a[...].shape == (10, 4)
    assert a[..., 1:3].shape == (10, 2)
    assert a[2:3, ...].shape == (1, 4)
