# SPDX-License-Identifier: BSD-3-Clause
"""Masks: logic, counts, choosing and assigning by them, between any layouts."""

import copy
import itertools
import operator
import pickle

import matrass as mt
import numpy as np
import pytest
from beside_numpy import M, N, check, moved, pairs, place, sample
from reference import LAYOUTS, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 6)

AXES = (None, 0, 1)
LOGIC = (operator.and_, operator.or_, operator.xor)


def test_logic(comm):
    x, y = sample(), sample(seed=1)
    for (first, second), f in zip(
        pairs(LAYOUTS, LAYOUTS, 0, 5), itertools.cycle(LOGIC), strict=False
    ):
        A, B = place(comm, x, first), place(comm, y, second, 2)
        check(f(A > 1.5, B > 1.5), f(x > 1.5, y > 1.5), like=A)
        check(f(A > 1.5, True), f(x > 1.5, True), like=A)
        check(f(False, A > 1.5), f(False, x > 1.5), like=A)
        check(~(A > 2), ~(x > 2), like=A)
        check((A > 1.5) == (B > 1.5), (x > 1.5) == (y > 1.5), like=A)


def test_counts(comm):
    x = sample()
    for layout in LAYOUTS:
        A = place(comm, x, layout, 2)
        for mask, m in (
            (A > 1.5, x > 1.5),
            (A > 9, x > 9),
            (A[:0] > 0, x[:0] > 0),
            (A.T > 2, x.T > 2),
        ):
            for axis in AXES:
                keep = {"axis": axis, "keepdims": axis is not None}
                for name in ("any", "all"):
                    found = getattr(mask, name)(axis)
                    if axis is None:
                        assert found is bool(getattr(m, name)())
                    else:
                        check(found, getattr(m, name)(**keep))
                found, wanted = mask.sum(axis), m.sum(**keep)
                if axis is None:
                    assert type(found) is int
                    assert found == wanted
                else:
                    check(found, wanted.astype(float))
        assert (A > 1.5).mean() == (x > 1.5).mean()


def test_where(comm):
    x, y = sample(), sample(seed=1)
    row = sample(1, N, seed=2)
    for first, second in pairs(LAYOUTS, LAYOUTS, 0, 3, 7):
        A, B = place(comm, x, first), place(comm, y, second, 2)
        mask = A > B
        check(mt.where(mask, A, B), np.where(x > y, x, y), like=A)
        check(mt.where(mask, B, 0.0), np.where(x > y, y, 0.0), like=A)
        check(mt.where(mask, row, A * 1j), np.where(x > y, row, x * 1j), like=A)
        check(np.where(mask, B[3], A), np.where(x > y, y[3], x), like=A)
        check(mt.where(A[3] > 1.5, A, B), np.where(x[3] > 1.5, x, y))
    check(mt.where(mask, A, A.astype("float32")), np.where(x > y, x, x.astype("f4")))


def test_assigning(comm):
    y = sample(seed=1)
    for first, second in pairs(LAYOUTS, LAYOUTS, 0, 4):
        x = sample()
        A, B = place(comm, x, first), place(comm, y, second, 2)
        A[A > 2] = 0
        x[x > 2] = 0
        A[B < 1] = np.nan
        x[y < 1] = np.nan
        A[np.isnan(A)] = -1
        x[np.isnan(x)] = -1
        A[2:9, 1:5][A[2:9, 1:5] < 1] = 7
        x[2:9, 1:5][x[2:9, 1:5] < 1] = 7
        A.T[A.T == 7] = 8
        x.T[x.T == 7] = 8
        assert np.array_equal(A.numpy(None), x)


def test_as_numbers(comm):
    x = sample()
    for layout in LAYOUTS:
        A = place(comm, x, layout, 2)
        mask, m = A > 1.5, x > 1.5
        check(mask.astype("complex64"), m.astype("complex64"), like=A)
        check(A * mask, x * m, like=A)
        check(mask * A, m * x, like=A)
        check(A - mask, x - m, like=A)
        assert mask.local.shape == A.local.shape
        assert mask.numpy(None).dtype == bool
        assert (mask.numpy(0) is None) == (comm.rank != 0)


def test_one_distribution_moves_nothing(comm):
    A = place(comm, sample(30, 20))
    for f in (
        lambda: (A > 1) & ~(A > 2),
        lambda: mt.where(A > 1, A, 0.0),
        lambda: A * (A > 1),
        lambda: operator.setitem(A, A > 2, 0.0),
    ):
        assert not any(moved(f)[1].values())


def test_properties_and_copies(comm):
    A = place(comm, sample(), "VC,STAR", 2)
    mask = A > 1.5
    assert (mask.shape, mask.size, mask.ndim, mask.dtype) == ((M, N), M * N, 2, np.bool_)
    assert (mask.layout, mask.block, mask.grid) == (A.layout, A.block, A.grid)
    assert np.array_equal(mask.local_rows, A.local_rows)
    check(mask.T, (sample() > 1.5).T, like=A.T)
    for made in (copy.copy(mask), copy.deepcopy(mask), mask.copy()):
        assert not np.shares_memory(made.local, mask.local)
        check(made, sample() > 1.5, like=A)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(mask)
    with pytest.raises(ValueError, match="silently"):
        np.asarray(mask)
    with pytest.raises(TypeError, match="comparisons"):
        mt.DistMask()
    with pytest.raises(TypeError):
        mask & 1
    with pytest.raises(TypeError):
        mask | A
    assert "13x7" in repr(mask)


WRONG = {
    "where mask": (lambda A: mt.where(A, A, A), mt.InvalidArgument, "A != 0"),
    "where text": (lambda A: mt.where(A > 0, "a", A), mt.InvalidArgument, "got str"),
    "where shape": (lambda A: mt.where(A > 0, A.T, A), mt.ShapeError, "broadcast"),
    "assign matrix": (lambda A: operator.setitem(A, A > 0, A), mt.InvalidArgument, "mt.where"),
    "assign array": (lambda A: operator.setitem(A, A > 0, [1.0]), mt.InvalidArgument, "scalar"),
    "assign row": (lambda A: operator.setitem(A, A > 0, np.ones(N)), mt.InvalidArgument, "scalar"),
    "assign complex": (lambda A: operator.setitem(A, A > 0, 1j), mt.DTypeError, "real"),
    "assign shape": (lambda A: operator.setitem(A, A[:1] > 0, 1), mt.ShapeError, "(1, 7)"),
    "read": (lambda A: A[A > 0], mt.InvalidArgument, "masks"),
    "order": (lambda A: np.sin(A > 0) + np.frexp(A > 0), mt.DTypeError, "float16"),
    "axis": (lambda A: (A > 0).any(2), mt.InvalidArgument, "axis must be"),
}


@pytest.mark.parametrize(("call", "kind", "text"), WRONG.values(), ids=WRONG)
@pytest.mark.ranks(1, 4)
def test_wrong_arguments(comm, call, kind, text):
    A = place(comm, sample())
    error = raised_together(comm, lambda: call(A))
    assert isinstance(error, kind), error
    assert text in str(error), error
    assert np.array_equal(A.numpy(None), sample())
