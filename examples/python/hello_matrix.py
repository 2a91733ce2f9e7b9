# SPDX-License-Identifier: BSD-3-Clause
"""The smallest program: a matrix over all ranks, another layout, a truncated SVD.

    mpiexec -n 2 python examples/python/hello_matrix.py

The matrix is a(i, j) = cos(x_i - y_j) with x and y spread over the circle. It is
cos x cos y + sin x sin y, so its rank is 2, and both singular values are sqrt(m n) / 2.

Next: flights.py.
"""

import sys

import matrass as mt
import numpy as np

grid = mt.Grid()  # all ranks
m, n = 10_000, 400

# Every rank makes its own rows: [VC,STAR] deals rows out and keeps them whole.
a = mt.from_function(
    grid, (m, n), lambda i, j: np.cos(2 * np.pi * (i / m - j / n)), layout="VC,STAR"
)

# ScaLAPACK's layout: blocks of 64 x 64, dealt over the rows and columns of the grid.
b = a.to("MC,MR", block=64)
print(f"rank {grid.rank} holds {b.local.shape} of {b.shape} in {b.layout}", flush=True)

u, s, v, residual = mt.linalg.truncated_svd(a, 3)
exact = np.array([1, 1, 0]) * np.sqrt(m * n) / 2
if grid.rank == 0:
    print(f"singular values: {s} (exact: {exact})")
sys.exit(0 if np.allclose(s, exact, atol=1e-7 * exact[0]) else 1)
