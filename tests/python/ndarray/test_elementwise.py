# SPDX-License-Identifier: BSD-3-Clause
"""Ufuncs and operators against NumPy: all layouts, dtypes, views; what moves and what does not."""

import itertools
import operator

import matrass as mt
import numpy as np
import pytest
from beside_numpy import M, N, assert_same, check, moved, pairs, place, sample
from reference import DTYPES, LAYOUTS, grid_shapes, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 6)

BINARY = (
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    divmod,
    np.maximum,
    np.hypot,
    np.arctan2,
)
COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)


def operations(dtype):
    complex_ones = (operator.floordiv, operator.mod, divmod, np.maximum, np.hypot, np.arctan2)
    return [f for f in BINARY if np.dtype(dtype).kind == "f" or f not in complex_ones]


@pytest.mark.parametrize("dtype", DTYPES)
def test_binary_operators(comm, dtype):
    x, y = sample(dtype=dtype), sample(dtype=dtype, seed=1)
    grids = itertools.cycle(mt.Grid(comm, s, o) for s in grid_shapes(comm.size) for o in "FC")
    blocks = itertools.cycle([1, 3, (2, 5), None])
    for layout, grid, block in zip(LAYOUTS, grids, blocks, strict=False):
        A, B = (place(comm, z, layout, block, grid) for z in (x, y))
        for f in operations(dtype):
            check(f(A, B), f(x, y), like=A)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scalars_on_either_side(comm, dtype):
    x = sample(dtype=dtype)
    A = place(comm, x)
    scalars = [2, 2.5, True, np.float32(1.5), np.float64(2.5), np.array(3.0)]
    scalars += [1.5 + 2j, np.complex64(1j)]
    for f, s in itertools.product(operations(dtype), scalars):
        if np.iscomplexobj(s) and f not in operations("complex128"):
            continue
        check(f(A, s), f(x, s), like=A)
        check(f(s, A), f(s, x), like=A)


def test_promotion(comm):
    for first, second in itertools.product(DTYPES, DTYPES):
        x, y = sample(dtype=first), sample(dtype=second, seed=1)
        check(place(comm, x) + place(comm, y), x + y)


def test_unary(comm):
    x = sample() - 1.5
    z = sample(dtype="complex64")
    for layout in LAYOUTS:
        A, C = place(comm, x, layout), place(comm, z, layout)
        for f in (operator.neg, operator.pos, abs, np.sin, np.floor, np.sign, np.square, np.isnan):
            check(f(A), f(x), like=A)
        for f in (operator.neg, abs, np.exp, np.conj, np.sqrt, np.isfinite):
            check(f(C), f(z), like=C)
        check(C.conj(), z.conj(), like=C)
        check(C.real, z.real, like=C)
        check(C.imag, z.imag, like=C)
        check(A.imag, x.imag, like=A)
        assert A.real is A
        check(np.modf(A), np.modf(x), like=A)


@pytest.mark.parametrize("dtype", DTYPES)
def test_comparisons(comm, dtype):
    x, y = np.rint(sample(dtype=dtype)), np.rint(sample(dtype=dtype, seed=1))
    for layout, f in zip(LAYOUTS, itertools.cycle(COMPARISONS), strict=False):
        A, B = place(comm, x, layout), place(comm, y, layout)
        check(f(A, B), f(x, y), like=A)
        check(f(A, 2), f(x, 2), like=A)
        check(f(2.0, A), f(2.0, x), like=A)


def test_views(comm):
    x, y = sample(), sample(seed=1)
    for layout in LAYOUTS:
        A, B = place(comm, x, layout), place(comm, y, layout)
        check(A.T + B.T, x.T + y.T, like=A.T)
        check(A[2:9, 1:5] * B[2:9, 1:5], x[2:9, 1:5] * y[2:9, 1:5], like=A[2:9, 1:5])
        check(A[2:9, 1:5] * B[0:7, 2:6], x[2:9, 1:5] * y[0:7, 2:6], like=A[2:9, 1:5])
        check(A.mT[:, :7] - A[:7], x.T[:, :7] - x[:7], like=A.mT[:, :7])


def test_one_distribution_moves_nothing(comm):
    x = sample(40, 30)
    for layout in LAYOUTS:
        A, B = place(comm, x, layout), place(comm, x, layout)
        for f in (lambda: A + B, lambda: np.exp(A), lambda: A > 2.0, lambda: A - 1):  # noqa: B023
            assert not any(moved(f)[1].values())


def test_other_distributions_come_to_the_first(comm):
    x, y = sample(), sample(seed=1)
    for first, second in pairs(LAYOUTS, LAYOUTS, 0, 3, 5, 8):
        A, B = place(comm, x, first, 2), place(comm, y, second, 5)
        check(A - B, x - y, like=A)
        check(np.greater(A, B), x > y, like=A)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (1, 1), (1, 17), (17, 1), (2, 97)])
def test_odd_shapes(comm, shape):
    x, y = sample(*shape), sample(*shape, seed=1)
    for layout in LAYOUTS:
        A, B = place(comm, x, layout, None), place(comm, y, layout, None)
        check(A * B + 1, x * y + 1, like=A)
        check(A < B, x < y, like=A)


def test_in_place(comm):
    for layout, dtype in itertools.product(LAYOUTS, ("float32", "complex128")):
        x, y = sample(dtype=dtype), sample(dtype=dtype, seed=1)
        A, B = place(comm, x, layout), place(comm, y, "VC,STAR")
        local, same = A.local, A
        for f in (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow):
            for other, z in ((2, 2), (B, y)):
                A = f(A, other)
                x = f(x, z)
        assert A is same
        assert np.shares_memory(A.local, local) or local.size == 0
        assert_same(A.numpy(None), x, 256)


def test_in_place_on_views_and_on_itself(comm):
    for layout in LAYOUTS:
        x = sample(N, N)
        A = place(comm, x, layout, 2)
        A[1:5, 2:6] += 10
        x[1:5, 2:6] += 10
        A += A.T
        x += x.T.copy()
        A[1:] -= A[:-1]
        x[1:] -= x[:-1].copy()
        A *= A
        x *= x
        A -= A[2]
        x -= x[2].copy()
        assert np.array_equal(A.numpy(None), x)


def test_out(comm):
    x, y = sample(), sample(seed=1)
    A, B = place(comm, x), place(comm, y, "VR,STAR")
    C = mt.DistMatrix(A.grid, (M, N), "complex128", "STAR,VC")
    assert np.add(A, B, out=C) is C
    assert np.array_equal(C.numpy(None), x + y)
    whole, part = place(comm, x), place(comm, x)
    found = np.modf(A, out=(whole, part))
    assert found[0] is whole
    check(found, np.modf(x))
    mask = A > 2
    assert np.less(A, B, out=mask) is mask
    check(mask, x < y)


def test_numpy_scalars_defer(comm):
    """np.float64 on the left asks the matrix, not an array of one row a rank."""
    x = sample()
    A = place(comm, x)
    check(np.float64(2) * A, np.float64(2) * x)
    check(np.float32(2) - A, np.float32(2) - x)
    check(np.float64(2) <= A, np.float64(2) <= x)


@pytest.mark.parametrize("raising", [True, False])
@pytest.mark.ranks(2, 6)
def test_what_numpy_raises_on_one_rank(comm, raising):
    """A division by zero that one rank alone sees, where NumPy is told to raise."""
    x = np.ones((M, N))
    x[M - 1, N - 1] = 0
    A = place(comm, x)
    with np.errstate(divide="raise" if raising else "ignore"):
        if raising:
            assert isinstance(raised_together(comm, lambda: 1 / A), mt.RoutineError)
        else:
            assert np.isinf((1 / A).numpy(None)[M - 1, N - 1])


WRONG = {
    "shapes": (lambda A, B: A + B.T, mt.ShapeError, "(13, 7) and (7, 13)"),
    "array": (lambda A, B: A + np.ones((M, N)), mt.InvalidArgument, "mt.from_global"),
    "array left": (lambda A, B: np.ones((M, N)) + A, mt.InvalidArgument, "mt.from_global"),
    "array ==": (lambda A, B: np.ones((M, N)) == A, mt.InvalidArgument, "mt.from_global"),
    "row": (lambda A, B: A + np.ones(M), mt.ShapeError, "broadcast"),
    "3-D": (lambda A, B: A + np.ones((1, 1, 1)), mt.ShapeError, "(1, 1, 1)"),
    "masked": (lambda A, B: A + np.ma.ones(N), mt.InvalidArgument, "masked"),
    "text": (lambda A, B: A + np.array(["a"] * N), mt.DTypeError, "<U1"),
    "int result": (lambda A, B: np.frexp(A), mt.DTypeError, "int32"),
    "longdouble": (lambda A, B: A + np.ones(N, np.longdouble), mt.DTypeError, "results must be"),
    "complex floor": (lambda A, B: A // 1j, mt.DTypeError, "floor_divide: not defined"),
    "bits": (lambda A, B: np.invert(A), mt.DTypeError, "not defined for float64"),
    "out dtype": (lambda A, B: np.add(A, 1j, out=B), mt.DTypeError, "complex128"),
    "out array": (lambda A, B: np.add(A, 1, out=np.ones((M, N))), mt.InvalidArgument, "ndarray"),
    "out shape": (lambda A, B: np.add(A, 1, out=B[1:]), mt.ShapeError, "out must have shape"),
    "in place dtype": (lambda A, B: operator.iadd(A, 1j), mt.DTypeError, "float64"),
    "in place shape": (lambda A, B: operator.iadd(A[:1], A), mt.ShapeError, "out must have"),
    "huge": (lambda A, B: np.ones(1) + A + 10**400, mt.DTypeError, "add"),
    "grid": (
        lambda A, B: A + mt.DistMatrix(mt.Grid(A.grid.comm, (1, 1)), (M, N)),
        mt.InvalidArgument,
        "share one process grid",
    ),
}


@pytest.mark.parametrize(("call", "kind", "text"), WRONG.values(), ids=WRONG)
@pytest.mark.ranks(2, 6)
def test_wrong_operands(comm, call, kind, text):
    x = sample()
    A, B = place(comm, x), place(comm, x)
    error = raised_together(comm, lambda: call(A, B))
    assert isinstance(error, kind), error
    assert text in str(error), error
    assert np.array_equal(A.numpy(None), x)
    assert np.array_equal(B.numpy(None), x)


@pytest.mark.ranks(2, 3)
def test_operands_that_differ_between_ranks(comm):
    x = sample()
    A = place(comm, x)
    mine = float(comm.rank)
    calls = [
        lambda: A + mine,
        lambda: A * np.full(N, mine),
        lambda: A + (A if comm.rank else A.copy().to("VC,STAR")),
        lambda: np.sin(A) if comm.rank else np.cos(A),
        lambda: operator.iadd(A, mine),
    ]
    for call in calls:
        error = raised_together(comm, call)
        assert isinstance(error, mt.InvalidArgument)
        assert "same" in str(error)
    assert np.array_equal(A.numpy(None), x)


@pytest.mark.ranks(1, 2)
def test_type_errors(comm):
    A = place(comm, sample())
    calls = [
        lambda: A + "a",
        lambda: A + None,
        lambda: A + [1.0] * N,
        lambda: A == "a",
        lambda: A != None,  # noqa: E711
        lambda: bool(A),
        lambda: bool(A > 0),
        lambda: np.add.reduce(A),
        lambda: np.add.outer(A, A),
        lambda: np.add(A, A, where=True),
        lambda: np.add(A, A, dtype="f4"),
        lambda: A & A,
        lambda: A < None,
        lambda: hash(A),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()
    with pytest.raises(TypeError, match=r"A\.sum\(axis\)"):
        np.add.reduce(A)


def test_matmul_by_numpy(comm):
    x = sample()
    A = place(comm, x)
    B = np.matmul(A, A.T)
    assert np.allclose(B.numpy(None), x @ x.T, rtol=1e-14)
    C = mt.DistMatrix(A.grid, (M, M))
    assert np.matmul(A, A.T, out=C) is C
    assert np.array_equal(C.numpy(None), B.numpy(None))
    with pytest.raises(TypeError, match="from_global"):
        np.matmul(x.T, A)
