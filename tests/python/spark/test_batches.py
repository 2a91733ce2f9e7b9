# SPDX-License-Identifier: BSD-3-Clause
"""Arrow batches as matrices: which are views, which are copies, which are refused."""

import matrass as mt
import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyspark")
from matrass.spark import batches  # noqa: E402

ROWS = 5


def received(batch):
    """As a Python worker has it: out of Arrow's stream, in one piece of memory."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return next(iter(pa.ipc.open_stream(sink.getvalue())))


def columns(*dtypes, rows=ROWS):
    arrays = [pa.array(np.arange(rows) + 10 * k, kind) for k, kind in enumerate(dtypes)]
    return received(pa.RecordBatch.from_arrays(arrays, [f"c{k}" for k in range(len(arrays))]))


def expected(rows, n):
    return np.arange(rows)[:, np.newaxis] + 10.0 * np.arange(n)


def within(x, batch):
    """Whether `x` begins in one of the batch's buffers."""
    address = x.__array_interface__["data"][0]
    pieces = [b for column in batch.columns for b in column.buffers() if b is not None]
    return any(piece.address <= address < piece.address + piece.size for piece in pieces)


@pytest.mark.parametrize("n", [1, 2, 3, 40])
@pytest.mark.parametrize("rows", [1, 5, 1000])
def test_columns_of_one_kind_are_a_view(n, rows):
    batch = columns(*[pa.float64()] * n, rows=rows)
    x = batches.matrix_of(batch, batch.schema.names, "<f8")
    np.testing.assert_array_equal(x, expected(rows, n))
    assert within(x, batch)
    assert not x.flags.writeable


def test_the_view_holds_the_memory():
    batch = columns(*[pa.float64()] * 3, rows=100_000)
    x = batches.matrix_of(batch, batch.schema.names, "<f8")
    del batch
    np.testing.assert_array_equal(x, expected(100_000, 3))


@pytest.mark.parametrize(
    "kinds",
    [
        [pa.int64(), pa.float64()],
        [pa.int32(), pa.int8()],
        [pa.float32(), pa.float64()],
        [pa.float32()],
    ],
)
def test_other_numbers_become_the_dtype(kinds):
    batch = columns(*kinds)
    x = batches.matrix_of(batch, batch.schema.names, "<f8")
    np.testing.assert_array_equal(x, expected(ROWS, len(kinds)))
    assert x.dtype == np.float64


def test_float32_stays_where_it_is_wanted():
    batch = columns(pa.float32(), pa.float32())
    x = batches.matrix_of(batch, ["c0", "c1"], "<f4")
    assert x.dtype == np.float32
    assert within(x, batch)


def test_columns_in_another_order():
    batch = columns(*[pa.float64()] * 3)
    x = batches.matrix_of(batch, ["c2", "c0", "c1"], "<f8")
    np.testing.assert_array_equal(x, expected(ROWS, 3)[:, [2, 0, 1]])


def test_booleans_are_numbers():
    batch = received(pa.RecordBatch.from_pydict({"b": [True, False, True]}))
    np.testing.assert_array_equal(batches.matrix_of(batch, ["b"], "<f8"), [[1.0], [0.0], [1.0]])


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.large_list(pa.float64())])
def test_arrays_are_a_view(kind):
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    batch = received(pa.RecordBatch.from_arrays([pa.array(rows, kind)], ["a"]))
    x = batches.matrix_of(batch, ["a"], "<f8")
    np.testing.assert_array_equal(x, rows)
    assert x.flags.c_contiguous
    flat = batch.column("a").flatten().buffers()[1]
    assert flat.address <= x.__array_interface__["data"][0] < flat.address + flat.size


def test_arrays_of_fixed_size_are_a_view():
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    batch = received(pa.RecordBatch.from_arrays([pa.array(rows, pa.list_(pa.float64(), 3))], ["a"]))
    np.testing.assert_array_equal(batches.matrix_of(batch, ["a"], "<f8"), rows)


def test_a_slice_of_arrays():
    whole = pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    batch = pa.RecordBatch.from_arrays([whole.slice(1, 2)], ["a"])
    np.testing.assert_array_equal(batches.matrix_of(batch, ["a"], "<f8"), [[3.0, 4.0], [5.0, 6.0]])


def vectors(*rows):
    """As Spark sends vectors: a list is dense, a (size, {place: value}) is sparse."""
    found = []
    for row in rows:
        if isinstance(row, list):
            found.append({"type": 1, "size": None, "indices": None, "values": row})
        else:
            size, values = row
            found.append(
                {
                    "type": 0,
                    "size": size,
                    "indices": list(values),
                    "values": list(values.values()),
                }
            )
    kind = pa.struct(
        [
            ("type", pa.int8()),
            ("size", pa.int32()),
            ("indices", pa.list_(pa.int32())),
            ("values", pa.list_(pa.float64())),
        ]
    )
    return received(pa.RecordBatch.from_arrays([pa.array(found, kind)], ["v"]))


def test_dense_vectors_are_a_view():
    batch = vectors([1.0, 2.0], [3.0, 4.0])
    x = batches.matrix_of(batch, ["v"], "<f8")
    np.testing.assert_array_equal(x, [[1.0, 2.0], [3.0, 4.0]])
    flat = batch.column("v").field("values").flatten().buffers()[1]
    assert flat.address <= x.__array_interface__["data"][0] < flat.address + flat.size


def test_sparse_and_dense_vectors():
    batch = vectors((3, {1: 5.0}), [1.0, 2.0, 3.0], (3, {}), (3, {0: 7.0, 2: 8.0}))
    x = batches.matrix_of(batch, ["v"], "<f8")
    np.testing.assert_array_equal(x, [[0, 5, 0], [1, 2, 3], [0, 0, 0], [7, 0, 8]])


def test_sparse_vectors_alone():
    x = batches.matrix_of(vectors((2, {1: 5.0}), (2, {0: 1.0})), ["v"], "<f8")
    np.testing.assert_array_equal(x, [[0, 5], [1, 0]])


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ({"a": [1.0, None, 3.0]}, mt.InvalidArgument, "'a' must have no nulls: row 1"),
        ({"a": [[1.0], None]}, mt.InvalidArgument, "'a' must have no nulls: row 1"),
        ({"a": [[1.0, None]]}, mt.InvalidArgument, "'a' must have no nulls inside"),
        ({"a": [[1.0, 2.0], [3.0]]}, mt.ShapeError, "one length: got 2 and 1"),
        ({"a": ["x", "y"]}, mt.DTypeError, "'a' must hold numbers"),
        ({"a": [["x"]]}, mt.DTypeError, "'a' must hold numbers"),
        ({"a": [{"b": 1}]}, mt.DTypeError, "'a' must hold vectors"),
    ],
)
def test_what_is_refused(rows, error, message):
    batch = received(pa.RecordBatch.from_pydict(rows))
    with pytest.raises(error, match=message):
        batches.matrix_of(batch, ["a"], "<f8")


def test_vectors_of_two_sizes_are_refused():
    with pytest.raises(mt.ShapeError, match="one size: got 3 and 2"):
        batches.matrix_of(vectors((3, {1: 5.0}), [1.0, 2.0]), ["v"], "<f8")


@pytest.mark.parametrize("transposed", [False, True])
def test_blocks(transposed):
    dense = {"type": 1, "numRows": 2, "numCols": 3, "values": [1, 2, 3, 4, 5, 6]}
    i0, j0, x = batches.block_tile(dense | {"isTransposed": transposed}, (4, 6))
    assert (i0, j0) == (4, 6)
    wanted = [[1, 2, 3], [4, 5, 6]] if transposed else [[1, 3, 5], [2, 4, 6]]
    np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("transposed", [False, True])
def test_sparse_blocks(transposed):
    """Compressed columns of a 2 x 3 block; or, transposed, compressed rows of a 3 x 2 one."""
    m, n = (3, 2) if transposed else (2, 3)
    sparse = {
        "type": 0,
        "numRows": m,
        "numCols": n,
        "colPtrs": [0, 1, 1, 3],
        "rowIndices": [1, 0, 1],
        "values": [5.0, 6.0, 7.0],
        "isTransposed": transposed,
    }
    _, _, x = batches.block_tile(sparse, (0, 0))
    wanted = np.array([[0, 0, 6], [5, 0, 7]])
    np.testing.assert_array_equal(x, wanted.T if transposed else wanted)


def spark_arrays(x):
    """Rows as Spark has arrays without nulls."""
    m, n = x.shape
    size = 8 + 8 * -(-n // 64) + 8 * -(-n * x.itemsize // 8)
    found = np.zeros((m, size), np.uint8)
    found[:, :8] = np.frombuffer(np.int64(n).tobytes(), np.uint8)
    begin = 8 + 8 * -(-n // 64)
    found[:, begin : begin + n * x.itemsize] = np.ascontiguousarray(x).view(np.uint8)
    return pa.array([row.tobytes() for row in found], pa.binary())


@pytest.mark.parametrize("dtype", ["<f8", "<f4"])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 129])
def test_bytes_are_a_view(dtype, n):
    x = np.arange(7.0 * n, dtype=dtype).reshape(7, n)
    batch = received(pa.RecordBatch.from_arrays([spark_arrays(x)], ["v"]))
    found = batches.matrix_of(batch, ["v"], dtype)
    np.testing.assert_array_equal(found, x)
    assert within(found, batch)


def test_a_slice_of_bytes():
    x = np.arange(21.0).reshape(7, 3)
    batch = received(pa.RecordBatch.from_arrays([spark_arrays(x)], ["v"])).slice(2, 3)
    np.testing.assert_array_equal(batches.matrix_of(batch, ["v"], "<f8"), x[2:5])


def test_bytes_of_other_numbers_are_refused():
    batch = received(pa.RecordBatch.from_arrays([spark_arrays(np.ones((2, 5)))], ["v"]))
    with pytest.raises(mt.DTypeError, match="column 'v' is not 5 numbers of float32 in each row"):
        batches.matrix_of(batch, ["v"], "<f4")
