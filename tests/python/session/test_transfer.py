# SPDX-License-Identifier: BSD-3-Clause
"""put and to_numpy: any array comes and goes unchanged."""

import matrass as mt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrass.session.shared_memory import SharedMemory

pytestmark = pytest.mark.time_limit(120)


def numbered(m, n, dtype="float64", order="C"):
    x = np.add.outer(np.arange(m), m * np.arange(n)).astype(dtype, order=order)
    return x * (1 + 1j) if x.dtype.kind == "c" else x


@pytest.fixture(scope="module", params=["direct", "shared"])
def session(request):
    """Ranks that read and write the driver's memory, and such that share a piece of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATRASS_SHARED_MEMORY", "1" if request.param == "shared" else "0")
        patch.setattr(SharedMemory, "size", 1 << 16)  # several rounds
        with mt.Session(ranks=3) as s:
            assert s.reaches == (request.param == "direct")
            yield s


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1), (2, 7), (7, 2), (1000, 33), (33, 1000)])
def test_there_and_back(session, shape, order, dtype):
    x = numbered(*shape, dtype, order)
    A = session.put(x)
    assert (A.shape, A.dtype, str(A.layout)) == (shape, x.dtype, "[VC,STAR]")
    y = A.to_numpy()
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(A.to("MC,MR", 3).to_numpy(), x)
    np.testing.assert_array_equal(A.T.to_numpy(), x.T)


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    rows=st.slices(40),
    cols=st.slices(40),
    turned=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_view(session, shape, rows, cols, turned):
    """Steps, also negative ones, and transposes."""
    x = numbered(*shape)[rows, cols]
    x = x.T if turned else x
    np.testing.assert_array_equal(session.put(x).to_numpy(), x)


def test_what_becomes_of_other_arrays(session):
    for x, dtype in (
        (np.arange(12).reshape(3, 4), "float64"),
        (np.arange(12).reshape(3, 4) > 5, "float64"),
        (np.arange(12, dtype=">f8").reshape(3, 4), "float64"),
        (np.ones((3, 4), np.float16), "float32"),
        ([[1, 2], [3, 4]], "float64"),
        (np.broadcast_to(np.arange(4.0), (3, 4)), "float64"),
        (np.frombuffer(b"\0" + np.arange(6.0).tobytes(), np.uint8)[1:].view("f8")[:, None], "f8"),
    ):
        A = session.put(x)
        assert A.dtype == dtype
        np.testing.assert_array_equal(A.to_numpy(), np.asarray(x, dtype))
    assert session.put(np.arange(5.0)).shape == (5, 1)
    assert session.put(np.eye(3), dtype="complex64").dtype == "complex64"
    B = session.put(np.eye(9), "MC,MR", 2)
    assert (str(B.layout), B.block) == ("[MC,MR]", (2, 2))


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (np.ones((2, 3, 4)), mt.ShapeError, "reshape"),
        (np.array([["a"]]), mt.DTypeError, "put: "),
        (np.array([[object()]]), mt.DTypeError, "put: "),
        (np.ones((2, 2), complex), None, None),
        ([[1, 2], [3]], mt.ShapeError, "one length"),
        (np.ma.masked_array([[1.0]], [[True]]), mt.InvalidArgument, "masked"),
    ],
)
def test_what_is_refused(session, x, error, text):
    if error is None:
        session.put(x)
        return
    with pytest.raises(error, match=text):
        session.put(x)


def test_out(session):
    x = numbered(20, 6)
    A = session.put(x)
    for order in "CF":
        out = np.zeros((20, 6), order=order)
        assert A.to_numpy(out) is out
        np.testing.assert_array_equal(out, x)
    with pytest.raises(mt.ShapeError, match="out must have shape"):
        A.to_numpy(np.zeros((6, 20)))
    with pytest.raises(mt.InvalidArgument, match="contiguous"):
        A.to_numpy(np.zeros((20, 12))[:, ::2])
    np.testing.assert_array_equal(A.rows(3, 17), x[3:17])
    assert A.rows(4, 4).shape == (0, 6)
    with pytest.raises(mt.InvalidArgument, match="20 rows"):
        A.rows(0, 21)


def test_an_array_is_never_made_silently(session):
    A = session.put(np.eye(3))
    with pytest.raises(TypeError, match="to_numpy"):
        np.asarray(A)
    with pytest.raises(TypeError):
        bool(A)
    with pytest.raises(TypeError):
        iter(A)


def test_the_table(session):
    x = numbered(30, 4)
    before = len(session.transfers)
    A = session.put(x, name="thirty")
    A.to_numpy()
    lines = session.transfers[before:]
    assert [(line.what, line.rank) for line in lines] == [
        (what, rank) for what in ("put", "fetch") for rank in range(3)
    ]
    assert sum(line.bytes for line in lines) == 2 * x.nbytes
    assert all(line.moved == line.bytes and line.seconds > 0 for line in lines)
    text = repr(session.transfers)
    assert "GB/s" in text.splitlines()[0]
    assert text.count("thirty") >= 3


def test_a_row_that_does_not_fit(session):
    x = np.ones((2, 10_000))
    if session.reaches:
        np.testing.assert_array_equal(session.put(x).to_numpy(), x)
    else:
        with pytest.raises(mt.InvalidArgument, match="a row must fit"):
            session.put(x)


def test_progress(session):
    told = []
    session.put(numbered(5000, 6), progress=told.append)
    assert told[-1] == 1.0
    assert told == sorted(told)
    assert (len(told) > 1) == (not session.reaches)


def test_blocks_of_rows(session):
    x = numbered(50, 6)
    pieces = [x[:7], x[7:8], x[8:8], x[8:41].copy("F"), x[41:]]
    told = []
    np.testing.assert_array_equal(session.put(pieces, progress=told.append).to_numpy(), x)
    assert told[-1] == 1
    A = session.put(iter(pieces), "MC,MR", 4, shape=(50, 6), dtype="float32")
    assert A.dtype == np.float32
    np.testing.assert_array_equal(A.to_numpy(), x.astype("float32"))
    with pytest.raises(mt.InvalidArgument, match="shape= must be given"):
        session.put(iter(pieces))
    for shape in ((49, 6), (51, 6), (50, 5)):
        with pytest.raises(mt.ShapeError, match="row blocks must make up"):
            session.put(iter(pieces), shape=shape)


def test_tables(session):
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": np.arange(5.0), "b": np.arange(5)})
    for table in (frame, pa.Table.from_pandas(frame)):
        np.testing.assert_array_equal(session.put(table).to_numpy(), frame.to_numpy())
    frame["c"] = "text"
    for table in (frame, pa.Table.from_pandas(frame)):
        with pytest.raises(mt.DTypeError, match="columns must hold numbers: c"):
            session.put(table)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "int32"])
@pytest.mark.parametrize("shape", [(400, 300), (2, 9), (0, 4), (4, 0)])
def test_sparse(session, shape, dtype):
    sparse = pytest.importorskip("scipy.sparse")
    x = (sparse.random(*shape, 0.2, random_state=1, format="coo") * 100).astype(dtype)
    before = len(session.transfers)
    A = session.put(x, name="sparse")
    assert (A.shape, A.nnz) == (shape, x.nnz)
    assert A.dtype == (np.float64 if dtype == "int32" else dtype)
    np.testing.assert_array_equal(A.to_dense().to_numpy(), x.toarray())
    assert session.matrix("sparse") is A
    lines = session.transfers[before : before + 3]
    assert [(line.what, line.matrix, line.rank) for line in lines] == [
        ("put", "sparse", rank) for rank in range(3)
    ]
    assert sum(line.moved for line in lines) == x.nnz * (16 + A.dtype.itemsize)


def test_sparse_of_any_kind(session):
    """Entries that are given twice, orders of columns, empty rows, a scalar of one's own."""
    sparse = pytest.importorskip("scipy.sparse")
    i, j = np.array([7, 0, 7, 7, 2, 0]), np.array([3, 1, 0, 3, 2, 1])
    x = sparse.coo_array((np.arange(1.0, 7.0), (i, j)), (9, 4))
    for each in (x, x.tocsr(), x.tocsc(), sparse.csr_matrix(x), x.tolil()):
        A = session.put(each, dtype="float32")
        assert (A.nnz, A.dtype) == (4, np.float32)
        np.testing.assert_array_equal(A.to_dense().to_numpy(), x.toarray())
    told = []
    session.put(sparse.random(500, 500, 0.05, random_state=0), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
