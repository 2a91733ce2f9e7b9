# SPDX-License-Identifier: BSD-3-Clause
"""Arguments that differ by rank, or are wrong on one rank only, are every rank's error."""

import matrass as mt
import numpy as np
import pytest
from reference import raised_together, whole

pytestmark = [pytest.mark.ranks(2, 3, 6), pytest.mark.time_limit(60)]

# name: (f(grid, A, argument), what the last rank gives, what the others give)
CALLS = {
    "DistMatrix shape": (lambda g, A, x: mt.DistMatrix(g, x), (3, 4), (4, 3)),
    "DistMatrix shape type": (lambda g, A, x: mt.DistMatrix(g, x), 5, (5, 5)),
    "DistMatrix dtype": (lambda g, A, x: mt.DistMatrix(g, (3, 4), x), "float32", "float64"),
    "DistMatrix no dtype": (lambda g, A, x: mt.DistMatrix(g, (3, 4), x), "nonsense", "float64"),
    "DistMatrix layout": (lambda g, A, x: mt.DistMatrix(g, (3, 4), layout=x), "MC,MR", "MR,MC"),
    "DistMatrix block": (lambda g, A, x: mt.DistMatrix(g, (3, 4), block=x), 2, 3),
    "DistMatrix block type": (lambda g, A, x: mt.DistMatrix(g, (3, 4), block=x), "a", 3),
    "Grid shape": (lambda g, A, x: mt.Grid(g.comm, x), (1, 2), (2, 1)),
    "Grid shape type": (lambda g, A, x: mt.Grid(g.comm, x), "ab", (2, 1)),
    "Grid shape too large": (lambda g, A, x: mt.Grid(g.comm, x), (2**40, 1), (2, 1)),
    "Grid order": (lambda g, A, x: mt.Grid(g.comm, (2, 1), x), "C", "F"),
    "Grid no order": (lambda g, A, x: mt.Grid(g.comm, (2, 1), x), "K", "F"),
    "numpy root": (lambda g, A, x: A.numpy(x), 1, 0),
    "numpy root or all": (lambda g, A, x: A.numpy(x), None, 0),
    "numpy no root": (lambda g, A, x: A.numpy(x), 99, 0),
    "numpy root type": (lambda g, A, x: A.numpy(x), "a", 0),
    "norm ord": (lambda g, A, x: A.norm(x), 1, "fro"),
    "norm no ord": (lambda g, A, x: A.norm(x), 2, "fro"),
    "norm ord type": (lambda g, A, x: A.norm(x), [1], "fro"),
    "element": (lambda g, A, x: A[x, 0], 1, 0),
    "element outside": (lambda g, A, x: A[x, 0], 99, 0),
    "assign value": (lambda g, A, x: A.__setitem__((0, 0), x), 1.0, 2.0),
    "assign range": (lambda g, A, x: A.__setitem__(x, 0.0), slice(0, 1), slice(1, 2)),
    "assign type": (lambda g, A, x: A.__setitem__(0, x), "a", 2.0),
    "assign matrix or scalar": (
        lambda g, A, x: A.__setitem__(slice(None), A if x else 1.0),
        True,
        False,
    ),
    "to layout": (lambda g, A, x: A.to(x), "VC,STAR", "VR,STAR"),
    "to no layout": (lambda g, A, x: A.to(x), "VC,VC", "VR,STAR"),
    "to block": (lambda g, A, x: A.to("VC,STAR", x), 1, 2),
    "to root": (lambda g, A, x: A.to("CIRC,CIRC", root=x), 1, 0),
    "to grid": (lambda g, A, x: A.to("MC,MR", grid=g if x else None), True, False),
    "to grid type": (lambda g, A, x: A.to("MC,MR", grid=x), 3, None),
    "alpha": (lambda g, A, x: mt.linalg.matmul(A, A.T, alpha=x), 2.0, 1.0),
    "beta": (lambda g, A, x: mt.linalg.matmul(A, A.T, beta=x, out=A @ A.T), 2.0, 1.0),
    "alpha type": (lambda g, A, x: mt.linalg.matmul(A, A.T, alpha=x), "a", 1.0),
    "transpose": (lambda g, A, x: mt.linalg.matmul(A, A, transpose_b=x), "C", "T"),
    "k": (lambda g, A, x: mt.linalg.truncated_svd(A, x), 1, 2),
    "k type": (lambda g, A, x: mt.linalg.truncated_svd(A, x), 1.5, 2),
    "method": (lambda g, A, x: mt.linalg.truncated_svd(A, 1, method=x), "gram", "tsqr"),
    "no method": (lambda g, A, x: mt.linalg.truncated_svd(A, 1, method=x), "magic", "tsqr"),
    "tol": (lambda g, A, x: mt.linalg.truncated_svd(A, 1, tol=x), 1e-3, None),
    "seed": (lambda g, A, x: mt.linalg.pca(A, 1, seed=x), 1, 0),
    "seed type": (lambda g, A, x: mt.linalg.pca(A, 1, seed=x), "a", 0),
    "from_global root": (
        lambda g, A, x: mt.from_global(g, np.ones((3, 2)), root=x),
        1,
        0,
    ),
    "from_global block": (
        lambda g, A, x: mt.from_global(g, np.ones((3, 2)), block=x, root=None),
        1,
        2,
    ),
    "from_tiles shape": (lambda g, A, x: mt.from_tiles(g, [], x), (0, 1), (0, 2)),
    "from_local shape": (lambda g, A, x: mt.from_local(g, None, x), (0, 1), (0, 2)),
    "from_function layout": (
        lambda g, A, x: mt.from_function(g, (4, 4), lambda i, j: i + j, layout=x),
        "MC,MR",
        "VC,STAR",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_on_one_rank(comm, name):
    call, odd, common = CALLS[name]
    grid = mt.Grid(comm)
    A = mt.from_global(grid, whole(7, 5), root=None, block=2)
    given = odd if comm.rank == comm.size - 1 else common
    if name == "to grid":  # the same grid, as it is or by name: no error
        call(grid, A, given)
    else:
        error = raised_together(comm, lambda: call(grid, A, given))
        assert isinstance(error, mt.InvalidArgument)
    assert np.array_equal(A.to("VC,STAR").numpy(None), whole(7, 5))  # the world goes on


def test_different_calls(comm):
    A = mt.from_global(mt.Grid(comm), whole(7, 5), root=None, block=2)
    last = comm.rank == comm.size - 1
    error = raised_together(comm, lambda: A.norm() if last else A.numpy(None))
    assert isinstance(error, mt.InvalidArgument)
    assert "norm" in str(error)
    assert "numpy" in str(error)
