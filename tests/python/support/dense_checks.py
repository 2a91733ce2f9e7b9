# SPDX-License-Identifier: BSD-3-Clause
"""How dense factorisations are checked: in any layout on any grid, within c n eps.

Next: ``linalg/test_dense.py``.
"""

import random

import matrass as mt
import numpy as np
from known_svd import eps_of
from reference import LAYOUTS, grid_shapes

C = 10


def sizes(comm):
    """Below, at and above a block of 64; fewer where ranks share cores."""
    return (1, 2, 5, 63, 64, 65, 101) if comm.size <= 2 else (1, 5, 65)


def place(grid, x, draw):
    """Any layout and block."""
    return mt.from_global(
        grid, x, layout=draw.choice(LAYOUTS), block=draw.choice([None, 1, 3, (5, 2), 64]), root=None
    )


def setting(comm, dtype, name):
    """A draw that is the same on every rank, and all grids."""
    draw = random.Random(f"{name} {dtype} {comm.size}")
    grids = [mt.Grid(comm, g, o) for g in grid_shapes(comm.size) for o in "FC"]
    return draw, grids


def close(found, expected, n):
    """Both as matrices; relative to the larger one in the Frobenius norm."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    wide = np.result_type(found, np.float64)
    error = np.linalg.norm(found.astype(wide) - expected.astype(wide))
    bound = C * max(n, 1) * eps_of(found.dtype) * max(np.linalg.norm(expected.astype(wide)), 1e-30)
    assert error <= bound, (error, bound)


def orthonormal(q):
    close(q.conj().T @ q, np.eye(q.shape[1], dtype=q.dtype), max(q.shape))
