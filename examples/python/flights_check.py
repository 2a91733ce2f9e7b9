# SPDX-License-Identifier: BSD-3-Clause
"""Are the results right? NumPy's answer, found another way, and bounds that a result must keep.

The reference is the Gram matrix A.T @ A, the sum of every rank's A_p.T @ A_p: it is small enough
for NumPy's eigh on one machine. Its eigenvalues are the squares of the singular values of A.

Next: flights_table.py, which prints what is found here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import matrass as mt
    from mpi4py.MPI import Comm
    from numpy.typing import NDArray

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Check:
    """A measured error and what it may be at most."""

    what: str
    value: float
    bound: float

    @property
    def holds(self) -> bool:
        """Whether it does; NaN does not."""
        return self.value <= self.bound


@dataclass(frozen=True)
class Reference:
    """NumPy's view of the matrix."""

    gram: NDArray[np.float64]
    singular_values: NDArray[np.float64]  # all n of them, descending

    @property
    def rank(self) -> int:
        """The number of singular values above rounding: eigh errs by about n * EPS * s1**2."""
        s = self.singular_values
        return int((s**2 > len(s) * EPS * s[0] ** 2).sum())

    def duplicates(self) -> list[tuple[int, int]]:
        """Pairs of equal (or opposite) columns: those with a correlation of 1."""
        length = np.sqrt(np.diag(self.gram))
        correlation = np.triu(np.abs(self.gram / np.outer(length, length)), 1)
        return [(int(i), int(j)) for i, j in np.argwhere(correlation > 1 - 1e-12)]


def reference(comm: Comm, block: NDArray[np.float64]) -> Reference:
    """Add up the Gram matrices of all ranks, and find the spectrum. Collective."""
    gram = comm.allreduce(block.T @ block)
    return Reference(gram, np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0)))


def compare(
    a: mt.DistMatrix, svd: Any, pca: Any, gram: NDArray[np.float64], numpy: Reference
) -> list[Check]:
    """Measure every result against NumPy; the same list on every rank. Collective.

    Each value is relative: to the largest singular value s1 for what is of the size of A, to
    s1**2 for what is of the size of A.T @ A.
    """
    comm = a.grid.comm
    m, n = a.shape
    s, s1 = svd.S, numpy.singular_values[0]
    k = len(s)
    v = svd.V.numpy(root=None)
    a_p, u_p = a.local, svd.U.to(a.layout, block=a.block).local  # the same rows of A and of U

    exact = numpy.singular_values[:k]
    back = comm.allreduce(a_p.T @ u_p)  # A.T @ U, which must be V @ diag(S)
    u_gram = comm.allreduce(u_p.T @ u_p)
    # Rounding in a sum of m products grows with sqrt(m), in practice.
    rounding = np.sqrt(m) * n * EPS
    # truncated_svd iterates until the residuals are below its default tol, 1e-10. S is then right
    # to the square of that; NumPy's S, as the root of an eigenvalue, to rounding * s1 / s_k.
    loose = 1e-9
    back_error = column_norm(back - v * s) / s1
    gram_residual = column_norm(numpy.gram @ v - v * s**2) / s1**2
    variance_error = np.abs(pca.explained_variance * (m - 1) - exact**2).max() / s1**2
    gram_error = np.abs(gram - numpy.gram).max() / s1**2
    norm_error = abs(a.norm() ** 2 / (m * n) - 1)
    return [
        Check("singular values: |S - NumPy's| / s1", np.abs(s - exact).max() / s1, 1e-10),
        Check("residuals: max |A v - s u| / s1", svd.residual.max() / s1, loose),
        Check("from the left: max |A.T u - s v| / s1", back_error, loose),
        Check("NumPy's Gram matrix: max |G v - s**2 v| / s1**2", gram_residual, loose),
        Check("orthogonality: |U.T U - I|", np.abs(u_gram - np.eye(k)).max(), rounding),
        Check("orthogonality: |V.T V - I|", np.abs(v.T @ v - np.eye(k)).max(), rounding),
        Check("PCA: |explained variance - NumPy's| / largest", variance_error, 1e-10),
        Check("ScaLAPACK's A.T @ A: |G - NumPy's| / s1**2", gram_error, rounding),
        Check("norm(A)**2 / (m n) - 1: A is standardised", norm_error, m * n * EPS),
    ]


def column_norm(x: NDArray[np.float64]) -> float:
    """Return the largest length of a column."""
    return float(np.linalg.norm(x, axis=0).max())
