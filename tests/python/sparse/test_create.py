# SPDX-License-Identifier: BSD-3-Clause
"""from_coo, from_scipy, from_dense and back: sums, empty rows and ranks, errors on all ranks."""

import matrass as mt
import numpy as np
import pytest
import scipy.sparse
from hypothesis import strategies as st
from reference import DTYPES, LAYOUTS, raised_together
from spmd import given_together

pytestmark = pytest.mark.ranks(1, 2, 3, 6)


def integers(rng, count, dtype):
    """Whole numbers: sums are exact in any order."""
    x = rng.integers(-9, 10, count).astype(dtype)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.integers(-9, 10, count)
    return x.astype(dtype)


def dense_sum(shape, i, j, v):
    x = np.zeros(shape, v.dtype)
    np.add.at(x, (i, j), v)
    return x


def shares(comm, count):
    """Which triplets this rank gives, where the list is dealt to ranks in its order."""
    cuts = np.linspace(0, count, comm.size + 1).astype(int)
    return slice(cuts[comm.rank], cuts[comm.rank + 1])


def from_list(grid, i, j, v, shape, **options):
    s = shares(grid.comm, len(v))
    return mt.from_coo(grid, i[s], j[s], v[s], shape, **options)


def check_parts(A, x, pattern):
    """Every rank's part against the whole: rows, sorted columns, shared memory, counts."""
    assert A.shape == x.shape
    assert A.dtype == x.dtype
    local = A.local
    assert scipy.sparse.isspmatrix_csr(local)
    assert local.has_canonical_format
    assert np.array_equal(local.toarray(), x[A.local_rows])
    assert local.nnz == A.local_nnz == pattern[A.local_rows].sum()
    assert A.nnz == pattern.sum()
    assert A.grid.comm.allreduce(A.local_nnz) == A.nnz
    assert A.grid.comm.allreduce(len(A.local_rows)) == x.shape[0]
    assert np.shares_memory(local.data, A.local.data) or A.local_nnz == 0


@st.composite
def cases(draw):
    m, n = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    count = draw(st.integers(0, 60)) if m * n else 0
    cell = st.tuples(st.integers(0, max(m - 1, 0)), st.integers(0, max(n - 1, 0)))
    cells = draw(st.lists(cell, min_size=count, max_size=count))
    block = draw(st.one_of(st.none(), st.integers(1, 5)))
    dealt = draw(st.sampled_from(["in order", "all on one", "by chance"]))
    return (m, n), cells, draw(st.sampled_from(DTYPES)), block, dealt, draw(st.integers(0, 99))


@given_together(case=cases(), max_examples=60)
def test_any_triplets(comm, case):
    """Duplicates, empty rows and columns, ranks with nothing, against NumPy; exact."""
    shape, cells, dtype, block, dealt, seed = case
    rng = np.random.default_rng(seed)
    i, j = np.array(cells, int).reshape(-1, 2).T
    v = integers(rng, len(cells), dtype)
    grid = mt.Grid(comm)
    if dealt == "in order":
        mine = np.arange(len(v))[shares(comm, len(v))]
    elif dealt == "all on one":
        mine = np.arange(len(v) if comm.rank == seed % comm.size else 0)
    else:
        mine = np.flatnonzero(rng.integers(0, comm.size, len(v)) == comm.rank)
    A = mt.from_coo(grid, i[mine], j[mine], v[mine], shape, block=block, dtype=dtype)
    x = dense_sum(shape, i, j, v)
    pattern = dense_sum(shape, i, j, np.ones(len(v), int)) > 0
    check_parts(A, x, pattern)
    assert np.array_equal(A.to_dense().numpy(None), x)
    back = A.T.to_scipy(None)
    assert np.array_equal(back.toarray(), x.T)
    assert back.nnz == A.nnz


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_bits_on_any_number_of_ranks(comm, dtype):
    """Duplicates of different sizes are added in the list's order, as by np.add.at."""
    rng = np.random.default_rng(3)
    i, j = rng.integers(0, 7, 400), rng.integers(0, 5, 400)
    v = (rng.standard_normal(400) * 10.0 ** rng.integers(-6, 6, 400)).astype(dtype)
    A = from_list(mt.Grid(comm), i, j, v, (7, 5))
    assert np.array_equal(A.to_dense().numpy(None), dense_sum((7, 5), i, j, v))


def test_many_messages(comm):
    """Lists in messages of 1000 elements, columns in more than one."""
    rng = np.random.default_rng(5)
    i, j = rng.integers(0, 300, 20_000), rng.integers(0, 200, 20_000)
    v = integers(rng, 20_000, "float64")
    mt._core.set_largest_count(1000)
    try:
        A = from_list(mt.Grid(comm), i, j, v, (300, 200))
        x = dense_sum((300, 200), i, j, v)
        assert np.array_equal(A.to_dense().numpy(None), x)
        whole = A.to_scipy(0)
        X = mt.from_global(A.grid, np.ones((200, 20)), root=None)
        assert np.array_equal((A @ X).numpy(None), x @ np.ones((200, 20)))
    finally:
        mt._core.set_largest_count(2**31 - 1)
    assert (whole is None) == (comm.rank != 0)
    if comm.rank == 0:
        assert np.array_equal(whole.toarray(), x)


def test_few_of_very_many_columns(comm):
    """More columns than fit 32 bits: each rank numbers those that it has."""
    n = 2**40
    rng = np.random.default_rng(7)
    j = rng.choice([0, 5, 2**31, 2**33 + 1, n - 1], 200)
    i, v = rng.integers(0, 11, 200), integers(rng, 200, "complex128")
    A = from_list(mt.Grid(comm), i, j, v, (11, n))
    assert (A.shape, A.T.shape) == ((11, n), (n, 11))
    local = A.local
    mine = np.isin(i, A.local_rows)
    names = {row: k for k, row in enumerate(A.local_rows)}
    expected = scipy.sparse.coo_matrix(
        (v[mine], ([names[row] for row in i[mine]], j[mine])), shape=local.shape
    ).tocsr()
    assert abs(local - expected).max() == 0 if local.nnz else expected.nnz == 0
    assert A.norm("max") == abs(A.to_scipy(None)).max()
    received, sent = A._core.exchanged
    assert received <= 5
    assert comm.allreduce(received) == comm.allreduce(sent)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "array"])
def test_from_scipy_on_root(comm, kind):
    grid, root = mt.Grid(comm), comm.size - 1
    x = scipy.sparse.random(23, 17, 0.2, random_state=1, dtype=np.float64).astype("complex64")
    given = scipy.sparse.csr_array(x) if kind == "array" else x.asformat(kind)
    A = mt.from_scipy(grid, given if comm.rank == root else None, root=root)
    check_parts(A, x.toarray(), x.toarray() != 0)


def test_from_scipy_own_rows(comm):
    """Ranks with different numbers of rows, one with none at all."""
    grid = mt.Grid(comm)
    x = scipy.sparse.random(29, 8, 0.3, random_state=2, format="csr")
    cuts = [0, *sorted(np.random.default_rng(comm.size).integers(0, 30, comm.size - 1)), 29]
    mine = x[cuts[comm.rank] : cuts[comm.rank + 1]]
    A = mt.from_scipy(grid, mine if mine.shape[0] else None, root=None)
    assert np.array_equal(A.to_dense().numpy(None), x.toarray())
    B = mt.from_scipy(grid, mine, root=None, dtype="float32", block=2)
    assert np.array_equal(B.to_dense().numpy(None), x.toarray().astype("float32"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_dense_in_any_layout(comm, dtype):
    rng = np.random.default_rng(9)
    x = integers(rng, 13 * 9, dtype).reshape(13, 9)
    x[rng.random(x.shape) < 0.6] = 0
    grid = mt.Grid(comm)
    for layout in LAYOUTS:
        A = mt.SparseMatrix.from_dense(mt.from_global(grid, x, layout=layout, root=None))
        check_parts(A, x, x != 0)
    A = mt.SparseMatrix.from_dense(mt.from_global(grid, x, root=None), threshold=4)
    assert np.array_equal(A.to_dense("MC,MR", 3).numpy(None), np.where(abs(x) > 4, x, 0))
    assert A.to_dense("MC,MR", 3).block == (3, 3)


def test_grid_with_fewer_ranks_than_the_communicator(comm):
    grid = mt.Grid(comm, shape=(1, max(1, comm.size - 1)))
    rng = np.random.default_rng(4)
    i, j, v = rng.integers(0, 9, 50), rng.integers(0, 6, 50), integers(rng, 50, "float64")
    A = from_list(grid, i, j, v, (9, 6))
    x = dense_sum((9, 6), i, j, v)
    check_parts(A, x, dense_sum((9, 6), i, j, np.ones(50, int)) > 0)
    B = mt.from_global(grid, np.eye(6), root=None)
    assert np.array_equal((A @ B).to("STAR,STAR").to("CIRC,CIRC").numpy(None), x)


WRONG = {
    "row too large": (([0, 9], [0, 0], [1.0, 2.0], (3, 3)), mt.OutOfBoundsError, "(9, 0)"),
    "negative column": (([0, 1], [0, -1], [1.0, 2.0], (3, 3)), mt.OutOfBoundsError, "triplet 1"),
    "in an empty matrix": (([0], [0], [1.0], (0, 3)), mt.InvalidArgument, "shape (0, 3)"),
    "NaN index": (([0.0, np.nan], [0, 1], [1.0, 2.0], (3, 3)), mt.InvalidArgument, "i must be int"),
    "float index": (([0], [1.0], [1.0], (3, 3)), mt.InvalidArgument, "j must be integers"),
    "huge index": (
        (np.array([2**63], np.uint64), [0], [1.0], (3, 3)),
        mt.InvalidArgument,
        "triplet 0",
    ),
    "lengths": (([0, 1], [0], [1.0], (3, 3)), mt.ShapeError, "one length"),
    "two dimensions": (([[0]], [0], [1.0], (3, 3)), mt.ShapeError, "1 dimension"),
    "integers": (([0], [0], [1], (3, 3)), mt.DTypeError, "pass dtype="),
    "shape": (([0], [0], [1.0], (3,)), mt.ShapeError, "shape must be"),
    "negative shape": (([], [], [], (-1, 3)), mt.InvalidArgument, "must not be negative"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_triplets(comm, name):
    """One error on every rank, also where only the last one is wrong."""
    (i, j, v, shape), error, words = WRONG[name]
    grid = mt.Grid(comm)
    good = ([], [], [], shape)
    mine = (i, j, v, shape) if comm.rank == comm.size - 1 else good
    for given in ((i, j, v, shape), mine):
        found = raised_together(comm, lambda given=given: mt.from_coo(grid, *given))
        assert isinstance(found, error), found
        assert words in str(found)


def test_wrong_arguments(comm):
    grid = mt.Grid(comm)
    one = scipy.sparse.eye(3, format="csr")
    wrong = [
        (lambda: mt.from_coo(grid, [0], [0], [1j], (3, 3), dtype="float64"), mt.DTypeError),
        (lambda: mt.from_coo(grid, [0], [0], [1.0], (3, 3), block=0), mt.InvalidArgument),
        (lambda: mt.from_coo(grid, [0], [0], [1.0], (3, 3), block=1.5), mt.InvalidArgument),
        (lambda: mt.from_scipy(grid, np.eye(3)), mt.InvalidArgument),
        (lambda: mt.from_scipy(grid, None), mt.InvalidArgument),
        (lambda: mt.from_scipy(grid, one, root=99), mt.InvalidArgument),
        (lambda: mt.from_scipy(grid, one.astype(int)), mt.DTypeError),
        (lambda: mt.SparseMatrix.from_dense(mt.DistMatrix(grid, (2, 2)), -1), mt.InvalidArgument),
    ]
    for call, error in wrong:
        assert isinstance(raised_together(comm, call), error)
    if comm.size > 1:
        other = scipy.sparse.eye(4 if comm.rank else 3, format="csr")
        call = lambda: mt.from_scipy(grid, other, root=None)  # noqa: E731
        assert isinstance(raised_together(comm, call), mt.ShapeError)
        mixed = np.ones(1, "float32" if comm.rank else "float64")
        call = lambda: mt.from_coo(grid, [0], [0], mixed, (3, 3))  # noqa: E731
        assert isinstance(raised_together(comm, call), mt.DTypeError)
