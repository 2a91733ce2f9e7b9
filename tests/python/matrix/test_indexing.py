# SPDX-License-Identifier: BSD-3-Clause
"""A[...]: slices, elements, nested and transposed views, assignment, against NumPy."""

import itertools
import random

import matrass as mt
import numpy as np
import pytest
from reference import DTYPES, LAYOUTS, REPLICATED, entries, raised_together, whole

M, N = 13, 11
ROWS = [
    slice(None),
    slice(2, 9),
    slice(0, 1),
    slice(-4, None),
    slice(5, 5),
    slice(3, 99),
    slice(9, 2),
]
COLS = [slice(None), slice(4, 10), slice(10, 11), slice(None, -3), slice(0, 0), slice(-99, 4)]

pytestmark = pytest.mark.ranks(1, 2, 3, 6)


def make(comm, dtype="float64", layout="MC,MR", block=3):
    f = lambda i, j: entries(i, j, M, dtype)  # noqa: E731
    return mt.from_function(mt.Grid(comm), (M, N), f, layout=layout, block=block, dtype=dtype)


@pytest.mark.parametrize(
    "layout", ["MC,MR", "VC,STAR", "STAR,VR", "MD,STAR", "STAR,STAR", "CIRC,CIRC"]
)
def test_slices(comm, layout):
    A, x = make(comm, layout=layout), whole(M, N)
    for rows, cols in itertools.product(ROWS, COLS):
        S, y = A[rows, cols], x[rows, cols]
        assert S.shape == y.shape
        assert S.dtype == A.dtype
        assert np.array_equal(S.local, y[np.ix_(S.local_rows, S.local_cols)])
        assert np.shares_memory(S.local, A.local) or S.local.size == 0
    for rows in ROWS[:4]:
        assert np.array_equal(A[rows].numpy(None), x[rows])


def test_integers_keep_two_dimensions(comm):
    A, x = make(comm), whole(M, N)
    for k in (0, 5, N - 1, -1, -N, np.int64(3)):
        assert A[:, k].shape == (M, 1)
        assert np.array_equal(A[:, k].numpy(None)[:, 0], x[:, k])
        assert np.array_equal(A[..., k].numpy(None)[:, 0], x[:, k])
        assert np.array_equal(A[2:9, k].numpy(None)[:, 0], x[2:9, k])
    for k in (0, 5, M - 1, -1, -M):
        assert A[k, :].shape == A[k].shape == A[k, ...].shape == (1, N)
        assert np.array_equal(A[k].numpy(None)[0], x[k])
        assert np.array_equal(A[k, 2:7].numpy(None)[0], x[k, 2:7])
    assert np.array_equal(A[...].numpy(None), x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements_on_every_rank(comm, dtype):
    A, x = make(comm, dtype), whole(M, N, dtype)
    for layout in LAYOUTS:
        B = A.to(layout, block=2)
        for i, j in [(0, 0), (M - 1, N - 1), (-1, 0), (4, -7), (np.int32(7), 3)]:
            assert B[i, j] == x[i, j]
            assert np.asarray(B[i, j]).dtype == np.dtype(dtype)
    assert A.T[3, 7] == x.T[3, 7]
    assert A.H[3, 7] == x.conj().T[3, 7]
    assert A[2:9, 4:10].T[1, 5] == x[2:9, 4:10].T[1, 5]


def test_nested_views_at_random(comm):
    """Chains of slices and transpositions, read and written, are what NumPy's are."""
    draw = random.Random(7)
    for round_ in range(20):
        A, x = make(comm, block=draw.choice([1, 2, 3, 64])), whole(M, N)
        V, y = A, x
        for _ in range(draw.randrange(1, 5)):
            if draw.random() < 0.4:
                V, y = V.T, y.T
            else:
                i0, j0 = draw.randrange(y.shape[0] + 1), draw.randrange(y.shape[1] + 1)
                i1, j1 = draw.randrange(i0, y.shape[0] + 1), draw.randrange(j0, y.shape[1] + 1)
                V, y = V[i0:i1, j0:j1], y[i0:i1, j0:j1]
        assert V.shape == y.shape
        assert np.array_equal(V.numpy(None), y)
        assert np.array_equal(V.to("VC,STAR").numpy(None), y)
        V[:] = float(round_)
        y[...] = float(round_)
        assert np.array_equal(A.numpy(None), x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_transposed(comm, dtype):
    x = whole(M, N, dtype)
    for layout in LAYOUTS:
        A = make(comm, dtype, layout)
        assert A.T.layout == A.layout.T
        assert A.T.shape == (N, M)
        assert A.T.block == A.block[::-1]
        assert np.array_equal(A.T.local, A.local.T)
        assert np.shares_memory(A.T.local, A.local) or A.local.size == 0
        assert np.array_equal(A.T.numpy(None), x.T)
        assert np.array_equal(A.T.T.numpy(None), x)
        assert np.array_equal(A.H.numpy(None), x.conj().T)
        assert np.array_equal(A.H.H.numpy(None), x)
        if np.dtype(dtype).kind == "f":
            assert np.shares_memory(A.H.local, A.local) or A.local.size == 0
        else:
            assert not np.shares_memory(A.H.local, A.local)


@pytest.mark.parametrize("layout", ["MC,MR", "VC,STAR", "STAR,MR", "STAR,STAR", "CIRC,CIRC"])
def test_assigning_scalars(comm, layout):
    A, x = make(comm, layout=layout), whole(M, N)
    for rows, cols in itertools.product(ROWS, COLS):
        value = x[0, 0] + 1.5
        A[rows, cols] = value
        x[rows, cols] = value
    A[3, 4], x[3, 4] = -1, -1
    A[-1], x[-1] = 2.5, 2.5
    A[:, 2], x[:, 2] = np.float32(7), 7
    A.T[1:3, 4:6] = np.nan
    x.T[1:3, 4:6] = np.nan
    assert np.array_equal(A.numpy(None), x, equal_nan=True)
    A[:], x[:] = 0, 0
    assert np.array_equal(A.numpy(None), x)


def test_assigning_complex_scalars(comm):
    A, x = make(comm, "complex64"), whole(M, N, "complex64")
    A[2:5, 3:7] = 1 - 2j
    x[2:5, 3:7] = 1 - 2j
    assert np.array_equal(A.numpy(None), x)
    R = make(comm)
    error = raised_together(comm, lambda: R.__setitem__((0, 0), 1j))
    assert isinstance(error, TypeError | ValueError)
    assert np.array_equal(R.numpy(None), whole(M, N))


@pytest.mark.parametrize("dtype", DTYPES)
def test_assigning_matrices(comm, dtype):
    A, x = make(comm, dtype), whole(M, N, dtype)
    y = -whole(6, 4, dtype) - 1
    B = mt.from_global(mt.Grid(comm), y, root=None, block=2)
    for layout in LAYOUTS:
        A[3:9, 5:9] = B.to(layout, block=1)
        x[3:9, 5:9] = y
        A[0:4, 0:6] = B.to(layout).T
        x[0:4, 0:6] = y.T
        A.T[2:6, 7:13] = B.T.to(layout)
        x.T[2:6, 7:13] = y.T
        assert np.array_equal(A.numpy(None), x)
        A[:] = make(comm, dtype, layout)
        x[:] = whole(M, N, dtype)
        assert np.array_equal(A.numpy(None), x)
    A[5:5, 2:4] = B[0:0, 0:2]
    assert np.array_equal(A.numpy(None), x)


@pytest.mark.parametrize("target", LAYOUTS)
def test_assigning_into_each_layout(comm, target):
    """Replicas get the same."""
    A, x = make(comm, layout=target), whole(M, N)
    y = -whole(6, 4) - 1
    A[3:9, 5:9] = mt.from_global(mt.Grid(comm), y, root=None, block=2)
    x[3:9, 5:9] = y
    assert np.array_equal(A.local, x[np.ix_(A.local_rows, A.local_cols)])
    if target in REPLICATED:
        assert np.array_equal(A.to("VR,STAR").numpy(None), x)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_assigning_what_overlaps(comm, layout):
    """As NumPy: what is read is as it was before."""
    A, x = make(comm, layout=layout, block=2), whole(M, N)
    A[1:] = A[:-1]
    x[1:] = x[:-1].copy()
    assert np.array_equal(A.numpy(None), x)
    A[:, :-2] = A[:, 2:]
    x[:, :-2] = x[:, 2:].copy()
    assert np.array_equal(A.numpy(None), x)
    A[1:9, 2:10] = A[1:9, 2:10].T
    x[1:9, 2:10] = x[1:9, 2:10].T.copy()
    assert np.array_equal(A.numpy(None), x)
    A.T[0:5, 3:8] = A[3:8, 1:6]
    x.T[0:5, 3:8] = x[3:8, 1:6].copy()
    assert np.array_equal(A.numpy(None), x)
    A[:] = A
    assert np.array_equal(A.numpy(None), x)


@pytest.mark.ranks(1, 3)
def test_assigning_numbers_that_do_not_fit(comm):
    A = make(comm)
    for value in (np.complex128(1j), np.ma.masked, None, np.datetime64("2013-01-01"), [1j]):
        error = raised_together(comm, lambda v=value: A.__setitem__(slice(None), v))
        assert isinstance(error, mt.InvalidArgument)
    assert np.array_equal(A.numpy(None), whole(M, N))


@pytest.mark.ranks(1, 3)
def test_comparison_with_what_is_no_number_is_refused(comm):
    """A silent False would be wrong for all elements."""
    A = make(comm)
    for other in ("a", [1.0], None):
        with pytest.raises(TypeError, match="elementwise"):
            other == A  # noqa: B015
        with pytest.raises(TypeError, match="elementwise"):
            other != A  # noqa: B015


BAD_KEYS = [
    (slice(None, None, 2), mt.InvalidArgument),
    (slice(None, None, -1), mt.InvalidArgument),
    ((slice(None), slice(0, 5, 3)), mt.InvalidArgument),
    ([1, 2], mt.InvalidArgument),
    ((0, [1, 2]), mt.InvalidArgument),
    (None, mt.InvalidArgument),
    (1.5, mt.InvalidArgument),
    ("a", mt.InvalidArgument),
    (True, mt.InvalidArgument),
    (M, IndexError),
    (-M - 1, IndexError),
    ((0, N), IndexError),
    ((slice(None), N), IndexError),
    ((0, 0, 0), IndexError),
    ((2**70, 0), IndexError),
]


@pytest.mark.parametrize(("key", "kind"), BAD_KEYS, ids=[repr(key)[:20] for key, _ in BAD_KEYS])
@pytest.mark.ranks(1, 3)
def test_wrong_keys(comm, key, kind):
    A = make(comm)
    assert isinstance(raised_together(comm, lambda: A[key]), kind)
    assert isinstance(raised_together(comm, lambda: A.__setitem__(key, 1.0)), kind)
    assert np.array_equal(A.numpy(None), whole(M, N))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (lambda g: np.ones((M, N)), mt.InvalidArgument),
        (lambda g: [1.0], mt.InvalidArgument),
        (lambda g: mt.DistMatrix(g, (M, N), "complex64"), mt.DTypeError),
        (lambda g: mt.DistMatrix(g, (N, M)), mt.ShapeError),
        (lambda g: mt.DistMatrix(g, (1, N)), mt.ShapeError),
        (lambda g: "a", (TypeError, ValueError)),
    ],
)
@pytest.mark.ranks(1, 3)
def test_wrong_values(comm, value, kind):
    A = make(comm)
    given = value(A.grid)
    assert isinstance(raised_together(comm, lambda: A.__setitem__(slice(None), given)), kind)
    assert np.array_equal(A.numpy(None), whole(M, N))
