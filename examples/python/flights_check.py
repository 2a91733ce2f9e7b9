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
    from flights_data import Description
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
    return reference_of(comm.allreduce(block.T @ block))


def reference_of(gram: NDArray[np.float64]) -> Reference:
    """Find the spectrum of a Gram matrix."""
    return Reference(gram, np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0)))


@dataclass(frozen=True)
class Products:
    """What the checks need of the matrices A, U and V, found without matrass's linear algebra."""

    v: NDArray[np.float64]
    back: NDArray[np.float64]  # A.T @ U, which must be V @ diag(S)
    u_gram: NDArray[np.float64]  # U.T @ U
    norm: float  # of A, by matrass


def compare(
    a: mt.DistMatrix, svd: Any, pca: Any, gram: NDArray[np.float64], numpy: Reference
) -> list[Check]:
    """Measure every result against NumPy; the same list on every rank. Collective."""
    comm = a.grid.comm
    a_p, u_p = a.local, svd.U.to(a.layout, block=a.block).local  # the same rows of A and of U
    products = Products(
        v=svd.V.numpy(root=None),
        back=comm.allreduce(a_p.T @ u_p),
        u_gram=comm.allreduce(u_p.T @ u_p),
        norm=a.norm(),
    )
    return checks(a.shape, svd, pca, gram=gram, products=products, numpy=numpy)


def checks(
    shape: tuple[int, int],
    svd: Any,
    pca: Any,
    *,
    gram: NDArray[np.float64],
    products: Products,
    numpy: Reference,
) -> list[Check]:
    """Measure results that are at hand.

    Each value is relative: to the largest singular value s1 for what is of the size of A, to
    s1**2 for what is of the size of A.T @ A.
    """
    m, n = shape
    s, s1, v = svd.S, numpy.singular_values[0], products.v
    k = len(s)
    exact = numpy.singular_values[:k]
    rounding = rounding_of(shape)
    # truncated_svd iterates until the residuals are below its default tol, 1e-10. S is then right
    # to the square of that; NumPy's S, as the root of an eigenvalue, to rounding * s1 / s_k.
    loose = 1e-9
    back_error = column_norm(products.back - v * s) / s1
    gram_residual = column_norm(numpy.gram @ v - v * s**2) / s1**2
    variance_error = np.abs(pca.explained_variance * (m - 1) - exact**2).max() / s1**2
    gram_error = np.abs(gram - numpy.gram).max() / s1**2
    norm_error = abs(products.norm**2 / (m * n) - 1)
    u_error = np.abs(products.u_gram - np.eye(k)).max()
    return [
        Check("singular values: |S - NumPy's| / s1", np.abs(s - exact).max() / s1, 1e-10),
        Check("residuals: max |A v - s u| / s1", svd.residual.max() / s1, loose),
        Check("from the left: max |A.T u - s v| / s1", back_error, loose),
        Check("NumPy's Gram matrix: max |G v - s**2 v| / s1**2", gram_residual, loose),
        Check("orthogonality: |U.T U - I|", u_error, rounding),
        Check("orthogonality: |V.T V - I|", np.abs(v.T @ v - np.eye(k)).max(), rounding),
        Check("PCA: |explained variance - NumPy's| / largest", variance_error, 1e-10),
        Check("ScaLAPACK's A.T @ A: |G - NumPy's| / s1**2", gram_error, rounding),
        Check("norm(A)**2 / (m n) - 1: A is standardised", norm_error, m * n * EPS),
    ]


def rounding_of(shape: tuple[int, int]) -> float:
    """Rounding in sums of m products grows with sqrt(m), in practice."""
    m, n = shape
    return float(np.sqrt(m) * n * EPS)


def check_ridge(numpy: Reference, weights: NDArray[np.float64], known: int, alpha: float) -> Check:
    """Measure the ridge regression of column 0 on the columns from `known` on against NumPy.

    NumPy solves (X.T X + alpha I) w = X.T y, of which both sides are parts of the Gram matrix. Its
    condition number is at most (s1**2 + alpha) / alpha, as the one-hot groups are collinear; that
    is what rounding is multiplied with.
    """
    g = numpy.gram[known:, known:] + alpha * np.eye(len(weights))
    exact = np.linalg.solve(g, numpy.gram[known:, 0])
    condition = numpy.singular_values[0] ** 2 / alpha + 1
    error = np.linalg.norm(weights - exact) / np.linalg.norm(exact)
    return Check("ridge: |w - NumPy's| / |w|", float(error), len(weights) * EPS * condition)


def check_airlines(
    flights: Description,
    means: dict[str, NDArray[np.float64]],
    components: NDArray[np.float64],
    numpy: Reference,
) -> Check:
    """Measure the mean scores of airlines against what the Gram matrix says they are.

    A column of an airline is (one-hot - mean) / deviation, and all columns have mean 0. So the sum
    of its flights' rows is the deviation times the column's row of the Gram matrix, and mean times
    m is their number. Relative to the largest score: a long sum's rounding.
    """
    m = flights.shape[0]
    worst = largest = 0.0
    for name, found in means.items():
        j = flights.columns.index(f"by {name}")
        sums = flights.deviation[j] * (numpy.gram[j] @ components)
        exact = sums / (m * flights.mean[j])
        worst = max(worst, float(np.abs(found - exact).max()))
        largest = max(largest, float(np.abs(exact).max()))
    bound = rounding_of(flights.shape)
    return Check("scores by airline: |mean - NumPy's| / largest", worst / largest, bound)


def column_norm(x: NDArray[np.float64]) -> float:
    """Return the largest length of a column."""
    return float(np.linalg.norm(x, axis=0).max())
