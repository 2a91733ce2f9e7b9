# SPDX-License-Identifier: BSD-3-Clause
"""Clustering of the rows of a matrix.

Next: ``features.py``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.arguments import index_of, real_of, seed_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument, ShapeError
from matrass.linalg.operands import require_matrix_or_sparse
from matrass.matrix import DistMatrix
from matrass.sparse import SparseMatrix

if TYPE_CHECKING:
    from matrass.grid import Grid

__all__ = ["KMeans", "Labels", "kmeans"]

_INITS = ("k-means++", "k-means||")


class Labels:
    """The cluster of each row of a matrix, dealt to the ranks as the rows are.

    ``labels.local`` and ``labels.local_rows`` are this rank's, ``labels.numpy()`` gathers all of
    them. They are whole numbers; a `DistMatrix` has floats, so ``labels.matrix`` is the same as
    float64, m x 1, for whatever takes matrices.
    """

    def __init__(self, matrix: DistMatrix) -> None:
        self.matrix = matrix
        """The labels as a DistMatrix, m x 1, float64, [VC,STAR]."""

    def __len__(self) -> int:
        return self.matrix.shape[0]

    def __repr__(self) -> str:
        return f"Labels of {len(self)} rows on {self.grid!r}"

    @property
    def grid(self) -> Grid:
        """The process grid."""
        return self.matrix.grid

    @property
    def local(self) -> npt.NDArray[np.int32]:
        """The labels of this rank's rows, a copy."""
        return self.matrix.local[:, 0].astype(np.int32) if self.matrix.local.size else _none()

    @property
    def local_rows(self) -> npt.NDArray[np.int64]:
        """The global indices of this rank's rows, ascending."""
        return np.asarray(self.matrix.local_rows, dtype=np.int64)

    def numpy(self, root: int | None = 0) -> npt.NDArray[np.int32] | None:
        """All labels, (m,), on rank `root` (None elsewhere), or on all. Collective."""
        values = self.matrix.numpy(root)
        return None if values is None else values[:, 0].astype(np.int32)


def _none() -> npt.NDArray[np.int32]:
    return np.empty(0, np.int32)


class KMeans(NamedTuple):
    """What `kmeans` found."""

    labels: Labels
    """The cluster of each row, 0 to k - 1."""
    centers: npt.NDArray[Any]
    """k x n, float64, on every rank."""
    inertia: float
    """Sum of squared distances of the rows from their centers."""
    iterations: int
    converged: bool
    """Whether labels or centers stood still before `max_iter`."""


@anywhere
def kmeans(
    a: DistMatrix | SparseMatrix,
    k: int,
    *,
    init: Literal["k-means++", "k-means||"] | npt.ArrayLike = "k-means++",
    max_iter: int = 300,
    tol: float = 1e-4,
    seed: int = 0,
    n_init: int = 1,
) -> KMeans:
    """Cluster the rows of a matrix around k centers, by Lloyd's iteration.

    Parameters
    ----------
    a : DistMatrix or SparseMatrix, shape (m, n)
        Real; rows are samples. Any layout, [VC,STAR] is used where it is. Neither changed nor
        copied; sparse rows stay sparse.
    k : int
        1 <= k <= m.
    init : {"k-means++", "k-means||"} or array, shape (k, n)
        "k-means++" draws one center after the other, and tries 2 + log(k) rows for each.
        "k-means||" draws about 2 k rows at once, five times, and chooses among these: for many
        clusters. An array, the same on every rank, has the first centers.
    max_iter : int
    tol : float
        Stop where the squared shifts of the centers add up to at most this times the mean variance
        of the columns. 0: only where labels no longer change.
    seed : int
        Of the random numbers, in [0, 2**64).
    n_init : int
        How often to start; the result of the least inertia is returned. An array starts once.

    Returns
    -------
    KMeans
        labels, centers (k, n), inertia, iterations, converged.

    Raises
    ------
    ShapeError, DTypeError, InvalidArgument
        On every rank, before anything is done; a NaN or infinity too.

    Notes
    -----
    Collective over ``a.grid.comm``. An iteration is one pass over `a`, 2 m n k flops in all, and
    one allreduce of 2 k n doubles. From an array it takes the steps of scikit-learn's
    ``KMeans(algorithm="lloyd")``, to rounding, with its tolerance and its rule for empty clusters.
    The result is the same, bit by bit, on any number of ranks and in any layout: sums are exact and
    random numbers belong to rows. Of a sparse `a` an iteration costs 2 nnz k flops; squares of
    distances then have an error of some eps times that of a center, as in scikit-learn, where a
    dense `a` loses no digits to large means.

    References
    ----------
    Lloyd (1982); Arthur, Vassilvitskii (2007); Bahmani et al. (2012).
    """
    require_matrix_or_sparse(a, "kmeans")
    first: list[npt.NDArray[np.float64]] = []

    def read() -> tuple[Any, ...]:
        require_real(a, "kmeans")
        name, digest = "k-means++", ""
        if isinstance(init, str):
            name = init
            if name not in _INITS:
                raise InvalidArgument(
                    f"kmeans: init must be {' or '.join(_INITS)}, or an array: got {init!r}"
                )
        else:
            first.append(_centers_of(init, index_of(k, "kmeans: k"), a.shape[1]))
            digest = hashlib.sha256(first[0].tobytes()).hexdigest()
        counts = [
            index_of(x, f"kmeans: {w}") for x, w in ((max_iter, "max_iter"), (n_init, "n_init"))
        ]
        least = real_of(tol, "kmeans: tol", must := "be finite and not negative")
        if not 0 <= least < np.inf:
            raise InvalidArgument(f"kmeans: tol must {must}: got {tol!r}")
        return index_of(k, "kmeans: k"), name, digest, counts, least, seed_of(seed, "kmeans")

    rank, name, _, counts, least, start = agreed(a.grid._core, "kmeans", read)
    centers = first[0].ravel().tolist() if first else None
    core = load_core()
    arguments = (rank, name, centers, counts[0], least, start, counts[1])
    if isinstance(a, SparseMatrix):
        labels, found, *rest = core.sparse_kmeans(a._core, *arguments)
    else:
        labels, found, *rest = core.kmeans(a._core, *arguments)
    return KMeans(Labels(DistMatrix._wrap(labels, a.grid)), found.reshape(rank, -1), *rest)


def _centers_of(init: Any, k: int, n: int) -> npt.NDArray[np.float64]:
    """Read an array of first centers."""
    try:
        given = np.asarray(init)
        if given.dtype.kind not in "biuf":
            raise TypeError(given.dtype)
        read = np.ascontiguousarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"kmeans: init must be {' or '.join(_INITS)}, or a real array: got "
            f"{type(init).__name__}"
        ) from error
    if read.shape != (k, n):
        raise ShapeError(f"kmeans: init must have shape {(k, n)}: got {read.shape}")
    return read


def require_real(a: DistMatrix | SparseMatrix, routine: str) -> None:
    """Raise for a complex matrix. Local."""
    if a.dtype.kind != "f":
        raise DTypeError(f"{routine}: A must be real: got {a.dtype}")
