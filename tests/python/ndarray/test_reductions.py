# SPDX-License-Identifier: BSD-3-Clause
"""Sums, means, deviations and extremes: exact sums, closed forms, and NumPy in higher precision."""

import itertools

import matrass as mt
import numpy as np
import pytest
from beside_numpy import M, N, moved, place, sample
from reference import DTYPES, LAYOUTS, grid_shapes, raised_together, whole

pytestmark = pytest.mark.ranks(1, 2, 4, 6)

AXES = (None, 0, 1)


def value(comm, found, axis, shape):
    """A scalar that is the same on every rank, or the gathered vector."""
    if axis is None:
        assert isinstance(found, np.generic)
        assert len(set(comm.allgather(repr(found)))) == 1
        return found
    assert isinstance(found, mt.DistMatrix)
    assert found.shape == ((1, shape[1]) if axis == 0 else (shape[0], 1))
    gathered = found.numpy(None)
    # Every rank, also one that has a replica, has these numbers.
    assert np.array_equal(
        found.local,
        gathered[np.ix_(found.local_rows, found.local_cols)].reshape(found.local.shape),
        equal_nan=True,
    )
    return gathered


def expected(name, x, axis, **more):
    wide = x.astype(np.result_type(x.dtype, np.float64))
    return getattr(wide, name)(axis=axis, keepdims=axis is not None, **more)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_are_exact(comm, dtype):
    """Integers below 2**24: each element once, whatever the layout."""
    x = whole(M, N, dtype)
    grids = itertools.cycle(mt.Grid(comm, s, o) for s in grid_shapes(comm.size) for o in "FC")
    blocks = itertools.cycle([1, 3, (2, 5), None])
    for layout, grid in zip(LAYOUTS, grids, strict=False):
        A = place(comm, x, layout, next(blocks), grid)
        views = [(A, x), (A.T, x.T), (A[2:9, 1:5], x[2:9, 1:5]), (A[5:6], x[5:6])]
        for (V, v), axis in itertools.product(views, AXES):
            found = V.sum(axis)
            assert found.dtype == np.dtype(dtype)
            assert np.array_equal(value(comm, found, axis, v.shape), expected("sum", v, axis))


@pytest.mark.parametrize("dtype", DTYPES)
def test_against_numpy_in_double(comm, dtype):
    """Sums of at most 91 numbers of one size, in double: a few units of the matrix's precision."""
    x = sample(dtype=dtype) - 1
    bound = 91 * np.finfo(np.float64).eps + 2 * np.finfo(dtype).eps
    real = np.empty(0, dtype).real.dtype
    for layout in LAYOUTS:
        A = place(comm, x, layout, 2)
        for name, axis in itertools.product(("mean", "var", "std", "prod"), AXES):
            found = getattr(A, name)(axis)
            assert found.dtype == (real if name in {"var", "std"} else np.dtype(dtype))
            wanted = expected(name, x, axis)
            near = value(comm, found, axis, x.shape)
            scale = np.abs(wanted).max() if name != "prod" else np.abs(wanted)
            assert np.all(np.abs(near - wanted) <= 4 * bound * scale), (layout, name, axis)
        for axis, ddof in itertools.product(AXES, (1, 2)):
            found = value(comm, A.std(axis, ddof=ddof), axis, x.shape)
            assert np.allclose(found, expected("std", x, axis, ddof=ddof), rtol=4 * bound, atol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes_are_exact(comm, dtype):
    x = (sample(dtype=dtype) - 2).astype(dtype)
    for layout in LAYOUTS:
        A = place(comm, x, layout, 2)
        for V, v in ((A, x), (A.T, x.T), (A[2:9, 1:5], x[2:9, 1:5])):
            for name, axis in itertools.product(("min", "max"), AXES):
                found = value(comm, getattr(V, name)(axis), axis, v.shape)
                assert np.array_equal(found, expected(name, v, axis))
            assert V.argmax() == np.argmax(v)
            assert V.argmin() == np.argmin(v)


def test_first_of_equal_extremes(comm):
    x = np.zeros((M, N))
    x[3, 5] = x[3, 6] = x[9, 0] = 2
    x[4, 4] = x[1, 6] = -1
    for layout in LAYOUTS:
        A = place(comm, x, layout, 2)
        assert divmod(A.argmax(), N) == (3, 5)
        assert divmod(A.argmin(), N) == (1, 6)
        assert A.T.argmax() == np.argmax(x.T)


def test_nan_and_infinity(comm):
    x = sample()
    x[2, 3], x[7, 1], x[8, 1], x[0, 5] = np.nan, np.inf, -np.inf, -np.inf
    for layout in LAYOUTS:
        A = place(comm, x, layout, 2)
        with np.errstate(invalid="ignore"):
            for name, axis in itertools.product(("sum", "mean", "min", "max", "std"), AXES):
                found = value(comm, getattr(A, name)(axis), axis, x.shape)
                assert np.allclose(found, expected(name, x, axis), rtol=1e-14, equal_nan=True), (
                    layout,
                    name,
                    axis,
                )
        assert A.argmax() == np.argmax(x) == 2 * N + 3
    x[2, 3] = 0
    A = place(comm, x)
    assert A.max() == np.inf
    assert A.min() == -np.inf


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_cancellation(comm, dtype):
    """Deviations of 1/4 around 2**20 (exact), and 1e9: to all digits."""
    i, j = np.arange(64)[:, None], np.arange(8)[None, :]
    x = (2.0**20 + 0.25 * (-1.0) ** (i + j)).astype(dtype)
    for layout in LAYOUTS:
        A = place(comm, x, layout)
        assert A.var() == 0.0625
        assert A.std() == 0.25
        assert np.array_equal(A.std(0).numpy(None), np.full((1, 8), 0.25))
        assert np.array_equal(A.var(1).numpy(None), np.full((64, 1), 0.0625))
    if dtype == "float64":
        y = 1e9 + sample(300, 5)
        B = place(comm, y)
        exact = (y - 1e9).std(0, dtype=np.longdouble)  # the subtraction is exact
        assert np.allclose(B.std(0).numpy(None)[0], exact.astype(float), rtol=1e-13, atol=0)
    constant = place(comm, np.full((7, 3), 0.1, dtype))
    assert constant.std() == 0.0
    assert not constant.var(0).numpy(None).any()


def test_float32_is_summed_in_double(comm):
    """2**24 + 1 + ... is lost in single precision."""
    x = np.ones((50, 20), "float32")
    x[0, 0] = 2.0**24
    A = place(comm, x, "VC,STAR", 1)
    assert A.sum() == np.float32(2.0**24 + 999)
    assert A.mean() == np.float32((2.0**24 + 999) / 1000)


def test_axes(comm):
    x = whole(M, N)
    A = place(comm, x)
    for axis, same in (
        (-1, 1),
        (-2, 0),
        ((0, 1), None),
        ((1, 0), None),
        ((0,), 0),
        (np.int64(1), 1),
    ):
        found, other = A.sum(axis), A.sum(same)
        if same is None:
            assert found == other
        else:
            assert np.array_equal(found.numpy(None), other.numpy(None))


def test_results_lie_with_the_matrix(comm):
    """Whole lines on each rank: nothing is sent but agreements; the result is where they are."""
    x = sample(30, 20)
    layouts = {
        "MC,MR": ("[STAR,MR]", "[MC,STAR]"),
        "VC,STAR": ("[STAR,STAR]", "[VC,STAR]"),
        "STAR,VR": ("[STAR,VR]", "[STAR,STAR]"),
        "MD,STAR": ("[STAR,STAR]", "[MD,STAR]"),
        "STAR,MC": ("[STAR,MC]", "[STAR,STAR]"),
        "CIRC,CIRC": ("[CIRC,CIRC]", "[CIRC,CIRC]"),
    }
    for layout, (row, column) in layouts.items():
        A = place(comm, x, layout)
        found, sent = moved(lambda A=A: (A.sum(0), A.std(1)))
        assert not any(sent.values())
        assert (str(found[0].layout), str(found[1].layout)) == (row, column)


def test_nothing_to_reduce(comm):
    for layout in LAYOUTS:
        for shape, axis in itertools.product([(0, 5), (5, 0), (0, 0)], AXES):
            A, x = place(comm, np.ones(shape), layout), np.ones(shape)
            for name in ("sum", "prod"):
                found = value(comm, getattr(A, name)(axis), axis, shape)
                assert np.array_equal(found, expected(name, x, axis))
            found = value(comm, A.mean(axis), axis, shape)
            assert np.isnan(found).all()
            assert found.shape == expected("sum", x, axis).shape
    A = place(comm, np.ones((1, 4)))
    assert np.isnan(A.std(0, ddof=1).numpy(None)).all()
    assert np.isnan(place(comm, np.ones((1, 1))).var(ddof=1))


WRONG = {
    "axis": (lambda A: A.sum(2), mt.InvalidArgument, "axis must be None, 0 or 1: got 2"),
    "axis text": (lambda A: A.mean("0"), mt.InvalidArgument, "got '0'"),
    "axis bool": (lambda A: A.max(True), mt.InvalidArgument, "got True"),
    "axes": (lambda A: A.sum((0, 0)), mt.InvalidArgument, "must differ"),
    "no axes": (lambda A: A.sum(()), mt.InvalidArgument, "must differ"),
    "ddof": (lambda A: A.std(ddof="1"), mt.InvalidArgument, "ddof must be a number"),
    "complex max": (lambda A: (A * 1j).max(), mt.DTypeError, "max: A must be real"),
    "complex argmin": (lambda A: (A * 1j).argmin(), mt.DTypeError, "argmin: A must be real"),
    "empty": (lambda A: A[:0].max(), mt.ShapeError, "got shape (0, 7)"),
    "empty axis": (lambda A: A[:0].min(0), mt.ShapeError, "got shape (0, 7)"),
    "empty argmax": (lambda A: A[:, 7:].argmax(), mt.ShapeError, "got shape (13, 0)"),
}


@pytest.mark.parametrize(("call", "kind", "text"), WRONG.values(), ids=WRONG)
@pytest.mark.ranks(1, 4)
def test_wrong_arguments(comm, call, kind, text):
    A = place(comm, sample())
    error = raised_together(comm, lambda: call(A))
    assert isinstance(error, kind)
    assert text in str(error)


@pytest.mark.ranks(2, 3)
def test_arguments_that_differ_between_ranks(comm):
    A = place(comm, sample())
    for call in (
        lambda: A.sum(comm.rank % 2),
        lambda: A.std(ddof=comm.rank),
        A[: comm.rank + 1].sum,
    ):
        assert "same" in str(raised_together(comm, call))
