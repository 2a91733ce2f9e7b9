# SPDX-License-Identifier: BSD-3-Clause
"""A.local, DLPack and buffers: addresses are equal, so nothing was copied; who keeps what alive."""

import contextlib
import gc
import weakref

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from reference import DTYPES, LAYOUTS, entries, whole


def address(array):
    return array.__array_interface__["data"][0]


def matrix(comm, m=12, n=10, **arguments):
    f = lambda i, j: entries(i, j, m, arguments.get("dtype", "float64"))  # noqa: E731
    return mt.from_function(mt.Grid(comm), (m, n), f, **arguments)


def test_local_is_always_the_same_memory(comm):
    A = matrix(comm, block=2)
    assert address(A.local) == address(A.local)
    A.local[...] = 7
    assert np.array_equal(A.numpy(None), np.full((12, 10), 7.0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_and_buffer_addresses(comm, dtype):
    A = matrix(comm, layout="VC,STAR", dtype=dtype)
    if A.local.size == 0:
        return
    for other in (np.from_dlpack(A), np.from_dlpack(A.local), np.asarray(memoryview(A.local))):
        assert address(other) == address(A.local)
        assert other.shape == A.local.shape
        assert other.dtype == A.dtype
        assert other.strides == A.local.strides
        assert np.array_equal(other, entries(A.local_rows[:, None], A.local_cols, 12, dtype))
    assert A.__dlpack_device__() == (1, 0)  # kDLCPU
    np.from_dlpack(A.local)[0, 0] = 99
    assert A.local[0, 0] == 99


def test_dlpack_of_transposed_views(comm):
    A = matrix(comm, block=2)
    other = np.from_dlpack(A.T)
    assert address(other) == address(A.local)
    assert np.array_equal(other, A.local.T)


def test_arrays_outlive_the_matrix(comm):
    A = matrix(comm, m=300, n=300, block=3)
    expected = A.local.copy()
    kept = [A.local, np.from_dlpack(A), memoryview(A.local), A.T.local, A[10:20].local]
    tile = A.tiles()[0][2] if A.tiles() else np.zeros((0, 0))
    del A
    gc.collect()
    fillers = [mt.DistMatrix(mt.Grid(comm), (300, 300)) for _ in range(3)]  # would take its place
    for filler in fillers:
        filler.local[...] = -1
    assert np.array_equal(kept[0], expected)
    assert np.array_equal(kept[1], expected)
    assert np.array_equal(np.asarray(kept[2]), expected)
    assert np.array_equal(kept[3], expected.T)
    assert (kept[4] >= 0).all()
    assert (tile >= 0).all()


def test_views_outlive_the_matrix(comm):
    A = matrix(comm, m=30, n=20, block=4)
    S, T = A[3:17, 2:9], A.T
    del A
    gc.collect()
    assert np.array_equal(S.numpy(None), whole(30, 20)[3:17, 2:9])
    assert np.array_equal(T.numpy(None), whole(30, 20).T)


def test_an_array_of_local_keeps_no_other_handle(comm):
    """The memory goes when the last array goes: nothing holds the handle itself."""
    gc.collect()
    before = _core.memory()["in_use"]
    A = matrix(comm, m=1000, n=200, layout="STAR,STAR")  # 1.6 MB on every rank: of the pool
    local, ref = A.local, weakref.ref(A)
    del A
    gc.collect()
    assert ref() is None
    assert _core.memory()["in_use"] >= before + local.nbytes > before
    assert np.array_equal(local, whole(1000, 200))
    del local
    gc.collect()
    assert _core.memory()["in_use"] == before


def test_asarray_is_never_a_silent_slice(comm):
    expected = whole(12, 10)
    A = matrix(comm, block=3)
    for layout in LAYOUTS:
        B = A.to(layout, block=3)
        all_here = len(B.local_rows) == 12 and len(B.local_cols) == 10
        if layout == "STAR,STAR" or comm.size == 1 or (layout == "CIRC,CIRC" and comm.rank == 0):
            x = np.asarray(B)
            assert np.array_equal(x, expected)
            assert address(x) == address(B.local)
            assert not np.shares_memory(np.array(B), B.local)
            assert np.asarray(B, dtype="complex64").dtype == np.complex64
        elif not all_here:
            for call in (np.asarray, np.array, np.sort, np.linalg.svd):
                with pytest.raises((mt.LayoutError, TypeError)):
                    call(B)
            with pytest.raises(mt.LayoutError, match=r"^asarray: .*numpy\(\)"):
                np.asarray(B)


def test_asarray_of_one_replica_on_every_rank(comm):
    S = matrix(comm).to("STAR,STAR")
    assert np.array_equal(np.asarray(S.T), whole(12, 10).T)
    assert np.array_equal(np.asarray(S[2:5, 1:4]), whole(12, 10)[2:5, 1:4])


@pytest.mark.ranks(1, 4)
def test_local_rows_are_no_door_to_the_matrix(comm):
    A = matrix(comm, block=2)
    rows = A.local_rows.copy()
    with contextlib.suppress(ValueError):  # read-only is fine, too
        A.local_rows[...] = 0
    assert np.array_equal(A.local_rows, rows)
    with pytest.raises(AttributeError):
        A.local = np.zeros((2, 2))
    with pytest.raises(AttributeError):
        A.shape = (10, 12)
