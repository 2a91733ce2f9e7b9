# SPDX-License-Identifier: BSD-3-Clause
"""from_global(dtype=) and from_tiles(dtype=): NumPy's rule "same_kind", its bits, on every rank."""

import itertools

import matrass as mt
import numpy as np
import pytest
from reference import DTYPES, raised_together, whole

SOURCES = ("?", "i1", "u2", "i8", "u8", "f2", "f4", "f8", ">f4", ">i8", "g", "c8", "c16", ">c16")
NO_NUMBERS = ("U3", "S3", "O", "m8[s]", "M8[s]")

pytestmark = pytest.mark.ranks(1, 2, 5)


def array(source):
    """17 x 7 of small numbers; in floating types also thirds, so that it rounds."""
    x = np.arange(119).reshape(17, 7)
    if np.dtype(source).kind in "fc":
        x = x / 3
    return x.astype(source)


def both(comm, x, dtype):
    """from_global from one rank and from all, from_tiles of a list and of an iterator."""
    grid, last = mt.Grid(comm), comm.rank == comm.size - 1
    root = comm.size - 1
    mine = [(i, 0, x[i : i + 1]) for i in range(comm.rank, len(x), comm.size)]
    given = {"layout": "VC,STAR", "block": 2, "dtype": dtype}
    return [
        lambda: mt.from_global(grid, x if last else None, root=root, **given),
        lambda: mt.from_global(grid, x, root=None, **given),
        lambda: mt.from_tiles(grid, mine, x.shape, **given),
        lambda: mt.from_tiles(grid, iter(mine), x.shape, batch_bytes=50, **given),
    ]


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_of_any_kind(comm, dtype):
    for source in SOURCES:
        x = array(source)
        before = x.copy()
        if not np.can_cast(x.dtype, dtype, "same_kind"):
            continue
        for make in both(comm, x, dtype):
            A = make()
            assert A.dtype == dtype
            assert A.numpy(None).tobytes("F") == x.astype(dtype).tobytes("F")
            assert np.array_equal(x, before)
            assert not np.shares_memory(A.local, x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_complex_is_not_made_real(comm, dtype):
    for source, make in itertools.product(("c8", "c16", ">c16"), range(4)):
        error = raised_together(comm, both(comm, array(source), dtype)[make])
        assert isinstance(error, mt.DTypeError)
        assert dtype in str(error)


@pytest.mark.parametrize("source", NO_NUMBERS)
def test_what_is_no_number(comm, source):
    x = np.arange(119).reshape(17, 7).astype(source)
    for make in both(comm, x, "complex128"):
        assert isinstance(raised_together(comm, make), mt.DTypeError)


@pytest.mark.ranks(2)
@pytest.mark.parametrize("bad", [int, "float16", bool, object, "nonsense", ">f8"], ids=str)
def test_no_dtype_of_matrices(comm, bad):
    for culprits in (range(comm.size), [comm.size - 1]):
        for make in both(comm, whole(17, 7), bad if comm.rank in culprits else "float32"):
            assert isinstance(raised_together(comm, make), mt.DTypeError)


@pytest.mark.ranks(2, 5)
def test_other_dtypes_on_one_rank(comm):
    last = comm.rank == comm.size - 1
    for odd, common in (("float32", "float64"), (None, "float64"), ("float64", None)):
        for make in both(comm, whole(17, 7), odd if last else common):
            assert isinstance(raised_together(comm, make), mt.InvalidArgument)
    # What is wrong with one rank's array is every rank's error.
    x = whole(17, 7) + (1j if last else 0)
    for make in both(comm, x, "float32"):
        assert isinstance(raised_together(comm, make), mt.DTypeError)


def test_forms_of_arrays(comm):
    x = whole(17, 7)
    frozen = x.copy()
    frozen.flags.writeable = False
    for form in (x[::-1].copy()[::-1], np.repeat(x, 2, axis=1)[:, ::2], frozen, x.copy("C")):
        for make in both(comm, form, "complex64"):
            assert np.array_equal(make().numpy(None), x)
    A = mt.from_global(mt.Grid(comm), [[1, 2], [3, 4]], root=None, dtype="float32")
    assert (A.dtype, A.numpy(None).tolist()) == (np.float32, [[1, 2], [3, 4]])


def test_dtypes_may_differ_where_one_is_asked_for(comm):
    """By rank, and by tile."""
    x, mixed = whole(17, 7), ("f4", "f8", "i8", "u2", "?")
    mine = [(i, 0, x[i : i + 1].astype(mixed[i % 4])) for i in range(comm.rank, 17, comm.size)]
    for given in (mine, iter(mine)):
        A = mt.from_tiles(mt.Grid(comm), given, (17, 7), dtype="complex64", batch_bytes=60)
        assert np.array_equal(A.numpy(None), x)
    A = mt.from_global(mt.Grid(comm), x.astype(mixed[comm.rank % 4]), root=None, dtype="float64")
    assert np.array_equal(A.numpy(None), x)


def test_empty(comm):
    for shape, dtype in itertools.product(((0, 5), (5, 0), (0, 0)), DTYPES):
        A = mt.from_global(mt.Grid(comm), np.ones(shape, "i4"), root=None, dtype=dtype)
        assert (A.shape, A.dtype) == (shape, dtype)
        A = mt.from_tiles(mt.Grid(comm), iter([]), shape, dtype=dtype)
        assert (A.shape, A.dtype) == (shape, dtype)
