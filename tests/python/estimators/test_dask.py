# SPDX-License-Identifier: BSD-3-Clause
"""Dask arrays: odd and unknown chunks, who computes what, how much at a time."""

import dask
import dask.array
import matrass as mt
import numpy as np
import pytest
from estimator_checks import samples, whole
from matrass.estimators import PCA, IncrementalPCA, Ridge
from matrass.estimators.chunks import from_chunks
from reference import raised_together

pytestmark = pytest.mark.ranks(1, 2, 4, 5, 6)

CHUNKS = [
    ((20,), (5,)),
    ((1, 7, 0, 3, 9), (2, 3)),
    ((1,) * 20, (1, 1, 1, 1, 1)),
    ((17, 3), (4, 1)),
    ((5, 5, 5, 5), (5,)),
]


@pytest.fixture(autouse=True)
def _one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def unknown(x):
    """The same rows, but Dask does not know how many are in a chunk."""
    return x[dask.array.ones(x.shape[0], chunks=(x.chunks[0],)) > 0]


@pytest.mark.parametrize("chunks", CHUNKS)
def test_chunks(comm, chunks):
    grid = mt.Grid(comm)
    x = samples(20, 5)
    X = dask.array.from_array(x, chunks=chunks)
    for given in (X, unknown(X)):
        assert np.array_equal(from_chunks(grid, given).numpy(None), x)
        ours = PCA(2, session=grid).fit(given)
        expected = PCA(2, session=grid).fit(x)
        assert np.abs(ours.singular_values_ - expected.singular_values_).max() <= 1e-12
        assert np.abs(whole(ours.transform(given)) - expected.transform(x)).max() <= 1e-8
        running = IncrementalPCA(2, session=grid).fit(given)
        assert running.n_samples_seen_ == 20
        assert np.abs(running.singular_values_ - expected.singular_values_).max() <= 1e-12


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
@pytest.mark.ranks(1, 3)
def test_dtypes(comm, dtype):
    x = (samples(20, 3) > 2) if dtype == "bool" else (4 * samples(20, 3)).astype(dtype)
    A = from_chunks(mt.Grid(comm), dask.array.from_array(x, chunks=(6, 2)))
    assert A.dtype == ("float32" if dtype == "float32" else "float64")
    assert np.array_equal(A.numpy(None), x.astype(A.dtype))


def counting(x, chunks, computed):
    """A Dask array that notes which rows are computed."""

    def rows(block, block_info=None):
        computed.append(block_info[0]["array-location"][0])
        return block

    return dask.array.from_array(x, chunks=chunks).map_blocks(rows, dtype=x.dtype, meta=x[:0])


def test_each_chunk_is_computed_once(comm):
    grid = mt.Grid(comm)
    x = samples(60, 4)
    computed = []
    for call in (
        lambda X: from_chunks(grid, X),
        lambda X: IncrementalPCA(2, session=grid).fit(X),
        lambda X: IncrementalPCA(2, session=grid).partial_fit(X),
    ):
        computed.clear()
        call(counting(x, (7, 4), computed))
        everyone = sorted(span for mine in comm.allgather(list(computed)) for span in mine)
        assert everyone == [(at, min(at + 7, 60)) for at in range(0, 60, 7)]
        # In the order of ranks, and no rank has much more than its share.
        mine = sum(end - begin for begin, end in computed)
        assert mine <= 60 / comm.size + 14


@pytest.mark.ranks(1, 2)
def test_a_batch_at_a_time(comm):
    """Chunks are released before the next ones are computed."""
    import gc
    import weakref

    x = samples(64, 3)
    alive, most = [], [0]

    def note(block):
        gc.collect()
        fresh = block * 1.0
        alive[:] = [ref for ref in alive if ref() is not None] + [weakref.ref(fresh)]
        most[0] = max(most[0], len(alive))
        return fresh

    X = dask.array.from_array(x, chunks=(4, 3)).map_blocks(note, dtype=x.dtype, meta=x[:0])
    found = IncrementalPCA(2, session=mt.Grid(comm)).fit(X)
    assert found.n_samples_seen_ == 64
    assert 1 <= most[0] <= 2


@pytest.mark.ranks(1, 3)
def test_dask_targets(comm):
    grid = mt.Grid(comm)
    x = samples(30, 3)
    y = x @ np.array([1.0, -2, 3]) + 1
    X, Y = dask.array.from_array(x, chunks=(7, 2)), dask.array.from_array(y, chunks=(4,))
    expected = Ridge(session=grid).fit(x, y)
    found = Ridge(session=grid).fit(X, Y)
    assert np.abs(found.coef_ - expected.coef_).max() <= 1e-12
    assert np.shape(found.intercept_) == ()
    assert abs(found.score(X, Y) - expected.score(x, y)) <= 1e-12


@pytest.mark.ranks(1, 4)
def test_a_chunk_that_fails(comm):
    """On the rank that computes it: an error on every rank, and nothing has changed."""
    grid = mt.Grid(comm)

    def fail(block, block_info=None):
        if block_info[0]["array-location"][0][0] == 15:
            raise KeyError("no such file")
        return block

    x = samples(20, 3)
    X = dask.array.from_array(x, chunks=(5, 3)).map_blocks(fail, dtype=x.dtype, meta=x[:0])
    for call in (PCA(2, session=grid).fit, IncrementalPCA(2, session=grid).fit):
        error = raised_together(comm, lambda call=call: call(X))
        assert isinstance(error, mt.RoutineError)
        assert "no such file" in str(error)
    Z = dask.array.from_array(x * 1j, chunks=(5, 3))
    assert isinstance(raised_together(comm, lambda: PCA(2, session=grid).fit(Z)), TypeError)
    if comm.size > 1:
        mine = dask.array.from_array(x, chunks=(5 + comm.rank, 3))
        assert isinstance(raised_together(comm, lambda: PCA(2, session=grid).fit(mine)), mt.Error)
