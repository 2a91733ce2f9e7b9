# SPDX-License-Identifier: BSD-3-Clause
"""NumPy's functions beside ufuncs: the listed ones; an error, and no gathering, for others."""

import copy
import itertools

import matrass as mt
import numpy as np
import pytest
from beside_numpy import M, N, check, pairs, place, sample
from matrass import numpy_functions
from reference import DTYPES, LAYOUTS, raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 6)


def test_like(comm):
    for layout, dtype in zip(LAYOUTS, itertools.cycle(DTYPES), strict=False):
        A, x = place(comm, sample(dtype=dtype), layout, 2), sample(dtype=dtype)
        for V, v in ((A, x), (A.T, x.T), (A[2:9, 1:5], x[2:9, 1:5])):
            check(np.zeros_like(V), np.zeros_like(v), like=V)
            check(np.ones_like(V, dtype="complex64"), np.ones_like(v, dtype="complex64"), like=V)
            check(np.full_like(V, 2.5), np.full_like(v, 2.5), like=V)
            check(np.copy(V), v, like=V)
        assert not np.shares_memory(np.copy(A).local, A.local)


def test_what_a_matrix_is(comm):
    A = place(comm, sample(dtype="complex64"))
    assert (np.shape(A), np.ndim(A), np.size(A), np.size(A, 0), np.size(A, 1)) == (
        (M, N),
        2,
        M * N,
        M,
        N,
    )
    assert np.iscomplexobj(A)
    assert not np.isrealobj(A)
    check(np.real(A), sample(dtype="complex64").real, like=A)
    check(np.imag(A), sample(dtype="complex64").imag, like=A)
    check(np.transpose(A), sample(dtype="complex64").T, like=A.T)


def test_close_and_equal(comm):
    x = sample()
    y = x * (1 + 1e-7)
    y[3, 4] = x[3, 4] + 1
    for first, second in pairs(LAYOUTS, LAYOUTS, 0, 4):
        A, B = place(comm, x, first), place(comm, y, second, 2)
        check(np.isclose(A, B), np.isclose(x, y), like=A)
        assert not np.allclose(A, B)
        assert np.allclose(A, B, atol=2)
        assert np.array_equal(A, A.to(second, block=2))
        assert not np.array_equal(A, B)
        assert not np.array_equal(A, A.T)
    check(np.isclose(A, 1.0, rtol=0.3), np.isclose(x, 1.0, rtol=0.3), like=A)
    B[0, 0] = A[0, 0] = np.nan
    assert not np.allclose(A, B, atol=2)
    assert np.allclose(A, B, atol=2, equal_nan=True)


def test_clip(comm):
    x = sample()
    A = place(comm, x, "VC,STAR")
    row = x[3]
    for bounds in ((1, 2), (None, 2), (1, None), (1, row), (A[3], 2.5)):
        plain = [b.numpy(None) if isinstance(b, mt.DistMatrix) else b for b in bounds]
        check(np.clip(A, *bounds), np.clip(x, *plain), like=A)


def test_concatenate(comm):
    x, y, z = sample(), sample(5, N, seed=1), sample(M, 4, "float32", seed=2)
    for first, second in pairs(LAYOUTS, LAYOUTS, 0, 6):
        A, B, C = place(comm, x, first), place(comm, y, second, 2), place(comm, z, second, 1)
        for found, wanted in (
            (np.concatenate([A, B, A[2:4]]), np.concatenate([x, y, x[2:4]])),
            (np.concatenate((C, A, C), axis=1), np.concatenate((z, x, z), axis=1)),
            (np.concatenate((C.T, A.T), axis=-2), np.concatenate((z.T, x.T))),
        ):
            check(found, wanted)
        assert str(np.concatenate([A, B]).layout) == str(A.layout)
        assert np.concatenate([A, B]).block == A.block


def test_masks(comm):
    A, x = place(comm, sample()), sample()
    assert np.any(A > 2) == np.any(x > 2)
    assert np.all(A) is True
    assert np.count_nonzero(A > 2) == np.count_nonzero(x > 2)
    check(np.any(A > 2, axis=1), np.any(x > 2, axis=1, keepdims=True))


def test_copies_are_deep(comm):
    A = place(comm, sample())
    for made in (copy.copy(A), copy.deepcopy(A), copy.deepcopy({"a": [A]})["a"][0]):
        assert not np.shares_memory(made.local, A.local) or A.local.size == 0
        check(made, sample(), like=A)


WRONG = {
    "concatenate array": (lambda A: np.concatenate([A, np.ones((M, N))]), mt.InvalidArgument),
    "concatenate shapes": (lambda A: np.concatenate([A, A.T]), mt.ShapeError),
    "concatenate axis": (lambda A: np.concatenate([A, A], axis=2), mt.InvalidArgument),
    "full complex": (lambda A: np.full_like(A, 1j), mt.DTypeError),
    "full array": (lambda A: np.full_like(A, np.ones(N)), mt.InvalidArgument),
    "int": (lambda A: np.zeros_like(A, dtype=int), mt.DTypeError),
    "no dtype": (lambda A: np.ones_like(A, dtype="nothing"), mt.DTypeError),
    "close": (lambda A: np.isclose(A, A.T), mt.ShapeError),
    "norm": (lambda A: np.linalg.norm(A, 3), mt.InvalidArgument),
}


@pytest.mark.parametrize(("call", "kind"), WRONG.values(), ids=WRONG)
@pytest.mark.ranks(1, 4)
def test_wrong_arguments(comm, call, kind):
    A = place(comm, sample())
    assert isinstance(raised_together(comm, lambda: call(A)), kind)


@pytest.mark.ranks(1, 3)
def test_what_is_not_defined(comm):
    A = place(comm, sample())
    for f in (
        np.sort,
        np.cumsum,
        np.linalg.inv,
        np.fft.fft,
        np.median,
        np.diag,
        np.ravel,
        np.outer,
    ):
        given = (A, A) if f is np.outer else (A,)
        with pytest.raises(TypeError, match=rf"{f.__name__} is not defined.*A\.numpy\(\)"):
            f(*given)
    for call in (
        lambda: np.sum(A, dtype="f4"),
        lambda: np.sum(A, axis=0, keepdims=False),
        lambda: np.mean(A, out=A),
        lambda: np.max(A, initial=0),
    ):
        with pytest.raises(TypeError, match=r"of a DistMatrix.*argument"):
            call()


@pytest.mark.ranks(1)
def test_the_list(comm):
    assert "numpy.sum" in numpy_functions.names()
    assert "numpy.linalg.norm" in numpy_functions.names()
    assert "numpy.sort" not in numpy_functions.names()


class Other:
    """Another library's array."""

    def __array_function__(self, func, types, args, kwargs):
        return "mine"

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return "mine"


@pytest.mark.ranks(1)
def test_other_libraries_have_their_say(comm):
    A = place(comm, sample())
    assert np.concatenate([A, Other()]) == "mine"
    assert np.add(A, Other()) == "mine"
