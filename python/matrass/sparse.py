# SPDX-License-Identifier: BSD-3-Clause
"""Distributed sparse matrices: compressed rows, whole rows on each rank.

SciPy is needed only by `from_scipy`, `SparseMatrix.to_scipy` and `SparseMatrix.local`, and loaded
by them alone. Next: ``sparse_create.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed, together
from matrass.arguments import dtype_of, how_dealt, number_of, real_of, root_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument
from matrass.layout import Layout
from matrass.matrix import DistMatrix
from matrass.norm_names import norm_name

if TYPE_CHECKING:
    from matrass._core import Sparse as _Sparse
    from matrass.grid import Grid

__all__ = ["SparseMatrix", "scipy_sparse", "sparse_matmul"]

_INT32 = 2**31


class SparseMatrix:
    """A sparse matrix whose rows are dealt to the ranks, in compressed rows (CSR).

    Made by `from_coo`, `from_scipy` and `SparseMatrix.from_dense`. Row blocks are those of a
    [VC,STAR] matrix: contiguous, or with ``block=`` dealt in turn, which spreads heavy rows.

    Notes
    -----
    A handle that is not changed: ``A.T``, ``A.H`` and ``A.conj()`` are views that share its
    entries; products look at their flag. Entries with the value zero stay. A column has a number of
    64 bits in the whole matrix, of 32 bits on its rank: a rank counts the columns that it has
    entries in. Memory: 4 bytes and a scalar for each entry, 8 bytes for each row.
    """

    _core: _Sparse
    _grid: Grid
    ndim = 2
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def _wrap(cls, core: _Sparse, grid: Grid) -> SparseMatrix:
        matrix = cls.__new__(cls)
        matrix._core = core
        matrix._grid = grid
        return matrix

    def __init__(self) -> None:
        raise TypeError("SparseMatrix: made by mt.from_coo, mt.from_scipy or from_dense")

    @classmethod
    def from_dense(cls, a: DistMatrix, threshold: float = 0) -> SparseMatrix:
        """The entries of a dense matrix whose modulus is above `threshold`, and NaN.

        Parameters
        ----------
        a : DistMatrix
            Any layout.
        threshold : float

        Notes
        -----
        Collective over ``a.grid.comm``; each entry is sent once, to the owner of its row.
        """
        if not isinstance(a, DistMatrix):
            raise InvalidArgument(f"from_dense: a must be a DistMatrix: got {type(a).__name__}")

        def read() -> float:
            bound = real_of(threshold, "from_dense: threshold")
            if not bound >= 0:
                raise InvalidArgument(
                    f"from_dense: threshold must not be negative: got {threshold!r}"
                )
            return bound

        bound = agreed(a.grid._core, "from_dense", read)
        return cls._wrap(load_core().sparse_from_dense(a._core, bound), a.grid)

    # What it is -----------------------------------------------------------------------------------

    @property
    def grid(self) -> Grid:
        """The process grid."""
        return self._grid

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the whole matrix."""
        return self._core.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The scalar type."""
        return self._core.dtype

    @property
    def nnz(self) -> int:
        """Entries of the whole matrix, zeros that are stored among them."""
        return self._core.nnz

    @property
    def local_nnz(self) -> int:
        """Entries on this rank."""
        return self._core.local_nnz

    @property
    def local_rows(self) -> npt.NDArray[np.int64]:
        """The global rows that this rank has, ascending; of a transposed view all rows."""
        return np.arange(self.shape[0]) if self._core.is_transposed else self._core.stored_rows

    @property
    def local_cols(self) -> npt.NDArray[np.int64]:
        """The global columns that this rank has, ascending: all, but for a transposed view."""
        return self._core.stored_rows if self._core.is_transposed else np.arange(self.shape[1])

    @property
    def local_nbytes(self) -> int:
        """Bytes of this rank's entries and indices."""
        return sum(int(part.nbytes) for part in self._core.csr)

    @property
    def nbytes(self) -> int:
        """Bytes of the entries and column numbers of the whole matrix."""
        return self.nnz * (self.dtype.itemsize + 4)

    @property
    def local(self) -> Any:
        """This rank's rows as a `scipy.sparse.csr_matrix` (columns of a transposed view: csc).

        Values share the matrix's memory, read-only; so do column numbers, but where this rank has
        entries in few of very many columns. A conjugated view gives a copy.
        """
        sparse = scipy_sparse("local")
        values, columns, starts, touched = self._core.csr
        rows, cols = len(starts) - 1, self.shape[0 if self._core.is_transposed else 1]
        if len(touched):
            columns = touched[columns]
        if max(cols, len(values)) < _INT32:  # SciPy wants one type of index for both
            starts, columns = starts.astype(np.int32), columns.astype(np.int32, copy=False)
        else:
            columns = columns.astype(np.int64, copy=False)
        local = sparse.csr_matrix((rows, cols), dtype=self.dtype)
        local.data, local.indices, local.indptr = values, columns, starts
        if self._core.is_conjugated:
            local = local.conj()
        return local.T if self._core.is_transposed else local

    def __repr__(self) -> str:
        rows, cols = self.shape
        return (
            f"SparseMatrix({rows}x{cols}, {self.dtype}, {self.nnz} entries, "
            f"grid {self.grid.shape[0]}x{self.grid.shape[1]})"
        )

    def __bool__(self) -> bool:
        raise TypeError("the truth value of a SparseMatrix is ambiguous")

    def __len__(self) -> int:
        raise TypeError("the length of a SparseMatrix is ambiguous: use A.shape[0] or A.nnz")

    # Views and other forms ------------------------------------------------------------------------

    @property
    def T(self) -> SparseMatrix:  # noqa: N802
        """The transposed matrix: a view."""
        return self._wrap(self._core.transposed(), self.grid)

    @property
    def H(self) -> SparseMatrix:  # noqa: N802
        """The conjugate transpose: a view."""
        return self._wrap(self._core.transposed().conjugated(), self.grid)

    def conj(self) -> SparseMatrix:
        """The complex conjugate: a view."""
        return self._wrap(self._core.conjugated(), self.grid)

    def astype(self, dtype: npt.DTypeLike) -> SparseMatrix:
        """A copy of another dtype.

        Raises
        ------
        DTypeError
            On every rank, for a real dtype where the matrix is complex.
        """
        name = agreed(self.grid._core, "astype", lambda: dtype_of(dtype, "astype"))
        code = load_core().scalar_code(np.dtype(name))
        return self._wrap(load_core().sparse_astype(self._core, code), self.grid)

    def copy(self) -> SparseMatrix:
        """A deep copy. Collective."""
        return self * 1

    def __mul__(self, factor: object) -> SparseMatrix:
        """The matrix times a number. Collective."""
        if isinstance(factor, (SparseMatrix, DistMatrix, np.ndarray)):
            return NotImplemented
        number = agreed(self.grid._core, "scale", lambda: number_of(factor, self.dtype, "scale"))
        return self._wrap(load_core().sparse_scaled(self._core, number), self.grid)

    __rmul__ = __mul__

    def __neg__(self) -> SparseMatrix:
        return self * -1

    def __truediv__(self, divisor: object) -> SparseMatrix:
        """The matrix over a number that is not zero. Collective."""
        if isinstance(divisor, (SparseMatrix, DistMatrix, np.ndarray)):
            return NotImplemented

        def read() -> complex:
            number = number_of(divisor, self.dtype, "divide")
            if number == 0:
                raise InvalidArgument(f"divide: value must not be zero: got {divisor!r}")
            return 1 / number

        return self * agreed(self.grid._core, "divide", read)

    def __getitem__(self, rows: Any) -> SparseMatrix:
        """Rows ``A[i0:i1]`` as a matrix of their own, dealt anew. Collective; they are sent."""

        def read() -> tuple[int, int]:
            if not isinstance(rows, slice) or rows.step not in (None, 1):
                raise InvalidArgument(f"index: a SparseMatrix has row slices only: got {rows!r}")
            begin, end, _ = rows.indices(self.shape[0])
            return begin, max(begin, end)

        begin, end = agreed(self.grid._core, "index", read)
        return self._wrap(load_core().sparse_rows(self._core, begin, end), self.grid)

    def to_dense(self, layout: str | Layout = "VC,STAR", block: Any = None) -> DistMatrix:
        """The same matrix with its zeros. Collective.

        Parameters
        ----------
        layout, block
            See `DistMatrix`. In [VC,STAR] rows stay where they are, and nothing is sent.
        """
        agreed(self.grid._core, "to_dense", lambda: how_dealt("to_dense", (0, 0), layout, block))
        dense = DistMatrix._wrap(load_core().sparse_to_dense(self._core), self.grid)
        if dense.layout == Layout(layout) and block is None:
            return dense
        return dense.to(layout, block=block)

    def to_scipy(self, root: int | None = 0) -> Any:
        """The whole matrix as a `scipy.sparse.csr_matrix` on `root` (None: on every rank).

        Returns
        -------
        csr_matrix or None
            None on ranks other than `root`.

        Notes
        -----
        Collective over ``grid.comm``. The rank needs the memory for all entries twice.
        """
        on = self.grid._core
        sparse = together(on, "to_scipy", lambda: scipy_sparse("to_scipy"))
        at = agreed(on, "to_scipy", lambda: root_of(root, on.comm_size, "to_scipy"))
        rows, columns, values = load_core().sparse_gather(self._core, at)
        if at not in (None, self.grid.rank):
            return None
        return sparse.coo_matrix((values, (rows, columns)), shape=self.shape).tocsr()

    # Arithmetic -----------------------------------------------------------------------------------

    def __matmul__(self, other: object) -> DistMatrix:
        if not isinstance(other, DistMatrix):
            return NotImplemented
        return sparse_matmul(self, other)

    def __rmatmul__(self, other: object) -> DistMatrix:
        if not isinstance(other, DistMatrix):
            return NotImplemented
        return sparse_matmul(other, self)

    def normal_product(self, x: DistMatrix) -> DistMatrix:
        """``A.H @ (A @ x)`` in one pass over the entries.

        Parameters
        ----------
        x : DistMatrix, shape (n, k)

        Returns
        -------
        DistMatrix, shape (n, k), [VC,STAR]

        Notes
        -----
        Collective over ``grid.comm``. Each row is read once for both products (of a transposed
        view: once for each).
        """
        together(self.grid._core, "normal_product", lambda: _require_dense(self, x))
        return DistMatrix._wrap(load_core().sparse_normal_product(self._core, x._core), self.grid)

    def norm(self, ord: float | str | None = None) -> float:  # noqa: A002
        """A norm, as `matrass.linalg.norm`: "fro", 1, inf, "max" and their like. Collective."""
        name = agreed(self.grid._core, "norm", lambda: norm_name(ord))
        value: float = load_core().sparse_norm(self._core, name)
        return value

    def sum(self) -> Any:
        """The sum of all entries, on every rank; added up in double precision. Collective."""
        total = load_core().sparse_sum(self._core)
        return total if self.dtype.kind == "c" else total.real


def sparse_matmul(a: SparseMatrix | DistMatrix, b: SparseMatrix | DistMatrix) -> DistMatrix:
    """The product of a sparse and a dense matrix; see `matrass.linalg.matmul`."""
    first = isinstance(a, SparseMatrix)
    sparse, dense = (a, b) if isinstance(a, SparseMatrix) else (b, a)
    assert isinstance(sparse, SparseMatrix)
    together(sparse.grid._core, "matmul", lambda: _require_dense(sparse, dense))
    core = load_core().sparse_product(sparse._core, dense._core, first)
    return DistMatrix._wrap(core, sparse.grid)


def _require_dense(a: SparseMatrix, b: Any) -> None:
    """Raise unless `b` is a dense matrix of the same dtype."""
    if not isinstance(b, DistMatrix):
        raise InvalidArgument(
            f"matmul: one factor of a sparse product must be a DistMatrix: got {type(b).__name__}"
        )
    if a.dtype != b.dtype:
        raise DTypeError(f"matmul: matrices must have one dtype: got {a.dtype}, {b.dtype}")


def scipy_sparse(routine: str) -> Any:
    """The package scipy.sparse."""
    try:
        import scipy.sparse
    except ImportError as error:
        raise ImportError(
            f"{routine}: SciPy must be installed: pip install 'matrass[sparse]'"
        ) from error
    return scipy.sparse
