# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of estimators share: samples, comparisons, forms of X."""

import matrass as mt
import numpy as np

FORMS = ("numpy", "VC,STAR", "MC,MR", "slice", "dask")


def samples(m, n, dtype="float64", mean=2.0, seed=0):
    """Rows of falling variances 1, 1/4, 1/9, ... around means of `mean`, in turned axes."""
    rng = np.random.default_rng([m, n, seed])
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0] / (1.0 + np.arange(n))[:, np.newaxis]
    return (rng.standard_normal((m, n)) @ turn + mean * (1 + np.arange(n) % 3)).astype(dtype)


def place(grid, x, layout="VC,STAR", block=None):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


def in_form(grid, x, form):
    """The same X as an array, a matrix, a view that begins inside a block, a Dask array."""
    if form == "numpy":
        return x
    if form == "dask":
        import dask.array

        dask.config.set(scheduler="synchronous")  # ranks are enough threads
        m, n = x.shape
        return dask.array.from_array(x, chunks=(max(1, m // 3 - 1), max(1, n // 2)))
    if form == "slice":
        frame = np.full((x.shape[0] + 4, x.shape[1] + 2), 77, x.dtype)
        frame[3:-1, 1:-1] = x
        return place(grid, frame, "VC,STAR", 5)[3 : 3 + x.shape[0], 1 : 1 + x.shape[1]]
    return place(grid, x, form, 3)


def whole(found):
    """A result as an array. Collective."""
    return found.numpy(None) if isinstance(found, mt.DistMatrix) else found


def check_form(found, form, shape, dtype):
    """What came out is what went in, row-aligned."""
    if form == "numpy":
        assert isinstance(found, np.ndarray)
    else:
        assert isinstance(found, mt.DistMatrix)
        assert str(found.layout) == "[VC,STAR]"
    assert (found.shape, found.dtype) == (shape, np.dtype(dtype))


def check_same_on_ranks(comm, estimator, names):
    """Attributes are arrays or numbers, the same bits on every rank."""
    for name in names:
        value = getattr(estimator, name)
        assert isinstance(value, (np.ndarray, float, int, np.floating, np.integer)), name
        told = comm.allgather(np.asarray(value).tobytes())
        assert len(set(told)) == 1, name


def up_to_signs(a, b):
    """Rows of `a` with the signs of those of `b`."""
    return a * np.sign(np.sum(a * b, axis=1))[:, np.newaxis]
