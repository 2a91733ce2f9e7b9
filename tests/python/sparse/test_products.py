# SPDX-License-Identifier: BSD-3-Clause
"""Products, views, norms and arithmetic of sparse matrices against NumPy and SciPy; exact."""

import itertools

import matrass as mt
import numpy as np
import pytest
import scipy.sparse
from reference import DTYPES, LAYOUTS, raised_together

pytestmark = pytest.mark.ranks(1, 2, 3, 6)

VIEWS = {
    "A": (lambda a: a, lambda x: x),
    "T": (lambda a: a.T, lambda x: x.T),
    "H": (lambda a: a.H, lambda x: x.conj().T),
    "conj": (lambda a: a.conj(), lambda x: x.conj()),
    "T.H": (lambda a: a.T.H, lambda x: x.conj()),
    "T.T": (lambda a: a.T.T, lambda x: x),
}


def whole_numbers(rng, shape, dtype, density=1.0):
    x = rng.integers(-4, 5, shape).astype(dtype)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.integers(-4, 5, shape)
    return np.where(rng.random(shape) < density, x, 0).astype(dtype)


def sparse(grid, x, block=None):
    return mt.from_scipy(grid, scipy.sparse.csr_matrix(x), block=block)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(37, 23), (5, 41), (0, 4), (4, 0), (1, 1), (2, 7)])
def test_views_times_dense(comm, dtype, shape):
    """All views, blocks, widths around the kernels' ones; whole numbers: equal."""
    rng = np.random.default_rng(1)
    grid = mt.Grid(comm)
    x = whole_numbers(rng, shape, dtype, 0.3)
    for block, (view, f) in itertools.product((None, 2), VIEWS.values()):
        A = view(sparse(grid, x, block))
        for k in (0, 1, 7, 8, 17, 40):
            y = whole_numbers(rng, (f(x).shape[1], k), dtype)
            C = A @ mt.from_global(grid, y, root=None)
            assert str(C.layout) == "[VC,STAR]"
            assert C.dtype == x.dtype
            assert np.array_equal(C.numpy(None), f(x) @ y)
        z = whole_numbers(rng, (3, f(x).shape[0]), dtype)
        assert np.array_equal((mt.from_global(grid, z, root=None) @ A).numpy(None), z @ f(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_layout(comm, dtype):
    rng = np.random.default_rng(2)
    x, y = whole_numbers(rng, (19, 11), dtype, 0.4), whole_numbers(rng, (11, 6), dtype)
    for grid in (mt.Grid(comm), mt.Grid(comm, (comm.size, 1), "C")):
        A = sparse(grid, x)
        for layout in LAYOUTS:
            C = A @ mt.from_global(grid, y, layout=layout, block=2, root=None)
            assert np.array_equal(C.numpy(None), x @ y)
        wide = mt.from_global(grid, np.hstack([y, y]), root=None)
        assert np.array_equal((A @ wide[:, 2:9]).numpy(None), x @ np.hstack([y, y])[:, 2:9])
        assert np.array_equal((A @ mt.from_global(grid, y.T, root=None).T).numpy(None), x @ y)


def test_rows_lie_where_those_of_the_matrix_do(comm):
    grid = mt.Grid(comm)
    x = whole_numbers(np.random.default_rng(3), (20, 9), "float64", 0.5)
    for block in (None, 1, 3):
        A = sparse(grid, x, block)
        C = A @ mt.from_global(grid, np.eye(9), root=None)
        assert np.array_equal(C.local_rows, A.local_rows)
        assert np.array_equal(C.local, A.local.toarray())


@pytest.mark.parametrize("dtype", DTYPES)
def test_normal_product(comm, dtype):
    rng = np.random.default_rng(4)
    grid = mt.Grid(comm)
    x = whole_numbers(rng, (31, 14), dtype, 0.3)
    for view, f in VIEWS.values():
        a = f(x)
        y = whole_numbers(rng, (a.shape[1], 9), dtype)
        W = view(sparse(grid, x)).normal_product(mt.from_global(grid, y, root=None))
        assert np.array_equal(W.numpy(None), a.conj().T @ (a @ y))


def test_sums_of_long_columns_in_single_precision(comm):
    """A column with 200,000 ones times 1/3: in single precision alone the sum drifts off."""
    grid, m = mt.Grid(comm), 200_000
    ones = scipy.sparse.csr_matrix(np.ones((m, 1), "float32"))
    A = mt.from_scipy(grid, ones)
    y = mt.from_function(grid, (m, 1), lambda i, j: 0 * i + 1 / 3, dtype="float32")
    found = (A.T @ y).numpy(None)[0, 0]
    exact = m * float(np.float32(1 / 3))
    assert abs(found - exact) <= np.finfo("float32").eps * exact


@pytest.mark.parametrize("dtype", DTYPES)
def test_matmul_and_norm_of_linalg(comm, dtype):
    rng = np.random.default_rng(5)
    grid = mt.Grid(comm)
    x, y = whole_numbers(rng, (12, 8), dtype, 0.5), whole_numbers(rng, (12, 5), dtype)
    A, B = sparse(grid, x), mt.from_global(grid, y, root=None)
    matmul = mt.linalg.matmul
    assert np.array_equal(matmul(A, B, transpose_a=True, alpha=2).numpy(None), 2 * (x.T @ y))
    assert np.array_equal(matmul(A, B, transpose_a="C").numpy(None), x.conj().T @ y)
    found = matmul(B, A, transpose_a="C").numpy(None)
    assert np.array_equal(found, y.conj().T @ x)
    assert np.array_equal(matmul(A.H, B, alpha=-1).numpy(None), -(x.conj().T @ y))
    for view, f in VIEWS.values():
        for kind in (1, -1, np.inf, -np.inf):
            expected = np.linalg.norm(f(x).astype(complex), kind)
            # At most 12 moduli, each and each sum rounded.
            assert abs(mt.linalg.norm(view(A), kind) - expected) <= 24 * 2.3e-16 * expected
        assert abs(view(A).norm() - np.linalg.norm(x.astype(complex))) <= 1e-14 * A.norm()
        assert view(A).sum() == f(x).sum()
    assert A.norm("max") == np.abs(x.astype(complex)).max()


def test_norms_of_extreme_and_odd_values(comm):
    grid = mt.Grid(comm)
    for scale in (1e-200, 1e200):
        A = sparse(grid, np.diag([3 * scale, 4 * scale]))
        assert abs(A.norm() / scale - 5) <= 1e-15 * 5
    empty = mt.from_coo(grid, [], [], [], (3, 4))
    assert [empty.norm(kind) for kind in (None, 1, np.inf, "max")] == [0, 0, 0, 0]
    assert empty.sum() == 0
    A = sparse(grid, np.array([[1.0, np.nan], [0, 2]]))
    assert all(np.isnan(A.norm(kind)) for kind in (None, 1, np.inf, "max"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_arithmetic_and_rows(comm, dtype):
    rng = np.random.default_rng(6)
    grid = mt.Grid(comm)
    x = whole_numbers(rng, (21, 10), dtype, 0.4)
    A = sparse(grid, x, 2)
    factor = 2 - 1j if np.dtype(dtype).kind == "c" else 2.0
    for view, f in VIEWS.values():
        assert np.array_equal((view(A) * factor).to_dense().numpy(None), f(x) * factor)
        assert np.array_equal((-view(A) / 2).to_dense().numpy(None), -f(x) / 2)
        part = view(A)[3:9]
        assert part.shape == f(x)[3:9].shape
        assert np.array_equal(part.to_dense().numpy(None), f(x)[3:9])
        assert np.array_equal(view(A).to_scipy(None).toarray(), f(x))
        local = view(A).local
        rows, cols = view(A).local_rows, view(A).local_cols
        assert np.array_equal(local.toarray(), f(x)[np.ix_(rows, cols)])
    wider = A.astype("complex128")
    assert wider.dtype == np.complex128
    assert np.array_equal(wider.to_dense().numpy(None), x.astype(complex))
    copy = A.copy()
    assert np.array_equal(copy.to_dense().numpy(None), x)
    assert A.local_nnz == 0 or not np.shares_memory(copy.local.data, A.local.data)
    assert A[5:2].shape == (0, 10)
    assert A[:].nnz == A.nnz


def test_wrong_factors(comm):
    grid, other = mt.Grid(comm), mt.Grid(comm, (1, 1))
    A = sparse(grid, np.eye(4))
    dense = mt.DistMatrix(grid, (4, 2))
    wrong = [
        (lambda: A @ mt.DistMatrix(grid, (3, 2)), mt.ShapeError),
        (lambda: A.T @ mt.DistMatrix(grid, (3, 2)), mt.ShapeError),
        (lambda: mt.DistMatrix(grid, (2, 3)) @ A, mt.ShapeError),
        (lambda: A @ dense.astype("complex128"), mt.DTypeError),
        (lambda: mt.linalg.matmul(A, A), mt.InvalidArgument),
        (lambda: mt.linalg.matmul(A, np.eye(4)), mt.InvalidArgument),
        (lambda: mt.linalg.matmul(A, dense, beta=1), mt.InvalidArgument),
        (lambda: mt.linalg.matmul(A, dense, out=dense), mt.InvalidArgument),
        (lambda: mt.linalg.matmul(A, dense, alpha=1j), mt.DTypeError),
        (lambda: mt.linalg.matmul(A, dense, transpose_a="X"), mt.InvalidArgument),
        (lambda: A.norm(2), mt.InvalidArgument),
        (lambda: A * 1j, mt.DTypeError),
        (lambda: A.astype("int8"), mt.DTypeError),
        (lambda: A.astype("complex64").astype("float32"), mt.DTypeError),
        (lambda: A[0], mt.InvalidArgument),
        (lambda: A[::2], mt.InvalidArgument),
        (lambda: A.to_scipy(17), mt.InvalidArgument),
    ]
    if comm.size > 1:
        wrong.append((lambda: A @ mt.DistMatrix(other, (4, 2)), mt.InvalidArgument))
    for call, error in wrong:
        found = raised_together(comm, call)
        assert isinstance(found, error), found
    with pytest.raises(TypeError):
        A @ np.eye(4)
    with pytest.raises(TypeError):
        A @ A
    with pytest.raises(TypeError):
        A * np.eye(4)
