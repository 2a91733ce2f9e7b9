# SPDX-License-Identifier: BSD-3-Clause
"""Matrices beside the arrays that they are, for what NumPy gives to be the oracle."""

import matrass as mt
import numpy as np

M, N = 13, 7


def pairs(one, other, *steps):
    """Each of `one` with some of `other`: different ones each time, all of them over time."""
    return [(x, other[(k + step) % len(other)]) for k, x in enumerate(one) for step in steps]


def sample(m=M, n=N, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 3, (m, n))
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.uniform(0.5, 3, (m, n))
    return x.astype(dtype)


def place(comm, x, layout="MC,MR", block=3, grid=None):
    return mt.from_global(grid or mt.Grid(comm), x, layout=layout, block=block, root=None)


def check(found, expected, *, like=None):
    """Bit for bit: each element is NumPy's own.

    But for complex arithmetic, whose last bits depend on how NumPy walks through memory.
    """
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for a, x in zip(found, expected, strict=True):
            check(a, x, like=like)
        return
    assert isinstance(found, mt.DistMask if expected.dtype == bool else mt.DistMatrix)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert_same(found.numpy(None), expected)
    if like is not None:
        assert found.layout == like.layout
        assert np.array_equal(found.local_rows, like.local_rows)
        assert np.array_equal(found.local_cols, like.local_cols)


def assert_same(found, expected, ulps=32):
    if expected.dtype.kind == "c":
        bound = ulps * np.finfo(expected.dtype).eps
        assert np.allclose(found, expected, rtol=bound, atol=0, equal_nan=True)
    else:
        assert np.array_equal(found, expected, equal_nan=expected.dtype != bool)


def moved(f):
    """What `f()` gives, and how many bytes it sent."""
    before = mt._core.transfer_counts()
    found = f()
    after = mt._core.transfer_counts()
    return found, {k: after[k] - before[k] for k in after}
