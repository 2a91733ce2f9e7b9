# SPDX-License-Identifier: BSD-3-Clause
"""Dask's workers as ranks: what goes in, what comes out, and that Dask goes on."""

import os
import shutil
import socket
import subprocess
import time

import matrass as mt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import eventually

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

pytestmark = [pytest.mark.time_limit(180), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def session(client):
    """One world for all tests of this module: sessions come and go."""
    with mt.dask.Session(client) as s:
        yield s


def numbered(m, n, chunks, dtype="float64"):
    x = np.add.outer(np.arange(m), m * np.arange(n)).astype(dtype)
    return x, da.from_array(x, chunks=chunks)


def test_ranks_are_the_workers_processes(client, session):
    pids = client.run(os.getpid)
    assert {r.pid for r in session.ranks} == set(pids.values())
    assert session.run(lambda grid: (grid.rank, os.getpid())) == [
        (k, pids[address]) for k, address in enumerate(session.workers)
    ]


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((12, 5), (4, 5)),
        ((12, 5), (5, 2)),
        ((1, 1), (1, 1)),
        ((100, 3), (7, 3)),
        ((3, 100), (3, 7)),
        ((50, 20), ((1, 9, 40), (20,))),
        ((0, 4), (1, 4)),
        ((6, 4), (6, 4)),
    ],
)
def test_chunks_of_any_shape(session, shape, chunks):
    x, d = numbered(*shape, chunks)
    A = session.put(d)
    assert A.shape == shape
    np.testing.assert_array_equal(A.to_numpy(), x)
    back = A.to_dask()
    assert back.shape == shape
    assert back.dtype == x.dtype
    np.testing.assert_array_equal(back.compute(), x)


@given(
    rows=st.lists(st.integers(0, 9), min_size=1, max_size=6),
    cols=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    dtype=st.sampled_from(["float32", "float64", "complex128", "int64", "bool"]),
    block=st.sampled_from([("VC,STAR", None), ("MC,MR", 2), ("STAR,VR", 3)]),
)
@settings(max_examples=15, deadline=None)
def test_any_tiling(client, rows, cols, dtype, block):
    x, d = numbered(sum(rows), sum(cols), (tuple(rows), tuple(cols)), dtype)
    with mt.dask.Session(client) as s:
        A = s.put(d, *block)
        assert str(A.layout) == f"[{block[0]}]"
        np.testing.assert_array_equal(A.to_numpy(), x.astype(A.dtype))


def test_chunks_are_taken_where_they_are(client, session):
    """The rank reads the very memory that the worker has; Dask keeps it."""
    d = client.persist(da.random.default_rng(0).random((90, 4), chunks=(30, 4)))
    distributed.wait(d)

    def addresses(dask_worker):
        return {key: x.ctypes.data for key, x in dask_worker.data.items() if hasattr(x, "ctypes")}

    before = client.run(addresses)
    seen = session.run(_seen_by_the_rank, session.id)
    assert {k: v for each in seen for k, v in each.items()} == {
        str(k): v for each in before.values() for k, v in each.items()
    }
    A = session.put(d)
    lines = session.transfers[-3:]
    assert sum(line.adopted for line in lines) == sum(line.bytes for line in lines) == 90 * 4 * 8
    assert sum(line.moved for line in lines) == 0
    assert client.run(addresses) == before
    assert A.sum() == pytest.approx(d.sum().compute(), rel=1e-14)


def _seen_by_the_rank(grid, session):
    from matrass.dask import worker

    keys = [key for key, x in worker._workers[session].data.items() if hasattr(x, "ctypes")]
    found = worker.chunks(session, keys)
    return {str(key): x.ctypes.data for key, x in zip(keys, found, strict=True)}


def test_to_dask_shares_the_ranks_memory(client, session):
    x, d = numbered(30, 4, (10, 4))
    A = session.put(d)
    back = client.persist(A.to_dask())
    distributed.wait(back)
    A *= 2
    np.testing.assert_array_equal(back.compute(), 2 * x)
    assert (back**2).sum().compute() == ((2 * x) ** 2).sum()
    sent = client.run(lambda dask_worker: dask_worker.transfer_outgoing_bytes_total)
    del A
    np.testing.assert_array_equal(back.compute(), 2 * x)  # the chunks keep the memory
    assert all(total < 1 << 20 for total in sent.values())


def held(client, x):
    """The chunks of `x` in Dask: what the scheduler knows, and what the workers say."""
    keys = [str(key) for key in dask.core.flatten(x.__dask_keys__())]
    known = {str(key): where for key, where in client.who_has().items() if str(key) in keys}
    data = client.run(lambda dask_worker: [str(key) for key in dask_worker.data])
    return known, [key for each in data.values() for key in each if key in keys]


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_chunks_leave_dask_when_asked(client, isolation):
    x, d = numbered(90, 4, (30, 4))
    with mt.dask.Session(client, isolation=isolation) as s:
        kept = client.persist(d)
        distributed.wait(kept)
        A = s.put(kept)
        assert len(held(client, kept)[0]) == len(held(client, kept)[1]) == 3
        B = s.put(kept, release=True)
        assert eventually(lambda: held(client, kept) == ({}, []))
        for each in (A, B):
            np.testing.assert_array_equal(each.to_numpy(), x)
        with pytest.raises(distributed.client.FutureCancelledError):
            (kept + 1).sum().compute()


def test_only_the_collections_own_chunks_leave(client, session):
    """Not those that it is made of, nor what somebody else holds; without being asked, none."""
    x, d = numbered(90, 4, (30, 4))
    source = client.persist(d)
    np.testing.assert_array_equal(session.put(source * 2, release=True).to_numpy(), 2 * x)
    assert source.sum().compute() == x.sum()
    with distributed.Client(client.scheduler.address, set_as_default=False) as other:
        client.publish_dataset(source, name="numbers")
        session.put(source, release=True)
        np.testing.assert_array_equal(other.get_dataset("numbers").compute(), x)
        client.unpublish_dataset("numbers")
    lazy = d + 1
    session.put(lazy)
    assert eventually(lambda: held(client, lazy) == ({}, []))
    line = client.persist(da.arange(9.0, chunks=3))
    assert session.put(line, release=True).shape == (9, 1)
    assert eventually(lambda: held(client, line) == ({}, []))
    with pytest.raises(mt.InvalidArgument, match="release= is for Dask collections: got ndarray"):
        session.put(x, release=True)


def test_max_memory_of_a_change_of_layout(session):
    x, d = numbered(60, 40, (20, 10))
    for source in (d, x):
        with pytest.raises(mt.MemoryLimitError):
            session.put(source, "MC,MR", 4, max_memory=100)
        A = session.put(source, "MC,MR", 4, max_memory="1 MB")
        assert (str(A.layout), A.block) == ("[MC,MR]", (4, 4))
        np.testing.assert_array_equal(A.to_numpy(), x)


def test_unaligned_broadcast_and_read_only_chunks(session):
    def odd(block_info=None):
        raw = np.zeros(10 * 4 * 8 + 1, np.uint8)
        x = raw[1:].view("f8").reshape(10, 4)
        x[...] = np.arange(40.0).reshape(10, 4)
        x.flags.writeable = False
        return x

    d = da.map_blocks(odd, chunks=((10, 10, 10), (4,)), dtype="f8")
    np.testing.assert_array_equal(
        session.put(d).to_numpy(), np.vstack([np.arange(40.0).reshape(10, 4)] * 3)
    )
    assert session.put(da.ones((20, 3), chunks=(7, 3))).sum() == 60
    x, d = numbered(20, 6, (5, 6))
    np.testing.assert_array_equal(session.put(d.T).to_numpy(), x.T)
    np.testing.assert_array_equal(session.put(d[::-1, ::2]).to_numpy(), x[::-1, ::2])


def test_unknown_sizes_are_computed(session):
    x, d = numbered(40, 3, (10, 3))
    chosen = d[d[:, 0] % 3 == 0]
    assert np.isnan(chosen.shape[0])
    np.testing.assert_array_equal(session.put(chosen).to_numpy(), x[x[:, 0] % 3 == 0])


def test_dataframes(session):
    pd = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe")

    frame = pd.DataFrame({"a": np.arange(30.0), "b": np.arange(30) % 7, "c": ["x"] * 30})
    d = dd.from_pandas(frame, npartitions=4)
    A = session.put(d[["a", "b"]])
    np.testing.assert_array_equal(A.to_numpy(), frame[["a", "b"]].to_numpy())
    with pytest.raises(mt.DTypeError, match="columns must hold numbers: c"):
        session.put(d)


def test_vectors_and_names(session):
    A = session.put(da.arange(10.0, chunks=3), name="line")
    assert A.shape == (10, 1)
    assert session.matrix("line") is A


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: da.ones((2, 3, 4)), mt.ShapeError, "reshape"),
        (lambda: da.from_array(np.array([["a"]])), mt.DTypeError, "hold numbers"),
        (lambda: da.ones((3, 3)).map_blocks(_fails, dtype="f8"), ZeroDivisionError, "a task"),
    ],
)
def test_what_is_refused(session, make, error, text):
    with pytest.raises(error, match=text):
        session.put(make())
    assert session.put(da.ones((3, 3))).sum() == 9


def _fails(block):
    raise ZeroDivisionError(f"a task that fails, of {block.shape}")


def test_numpy_arrays(session):
    x = np.arange(60.0).reshape(20, 3)
    np.testing.assert_array_equal(session.put(x).to_numpy(), x)
    np.testing.assert_array_equal(session.put(x, "MC,MR").to_numpy(), x)


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_sparse(client, isolation):
    """Each worker gets the entries of its rank's rows."""
    sparse = pytest.importorskip("scipy.sparse")
    before = set(client.who_has())
    with mt.dask.Session(client, isolation=isolation) as s:
        for shape in ((50, 20), (2, 9), (0, 4)):
            x = sparse.random(*shape, 0.2, random_state=1, dtype="float32")
            A = s.put(x)
            assert sum(line.moved for line in s.transfers[-3:]) == x.nnz * 20
            assert (A.nnz, A.dtype) == (x.nnz, np.float32)
            np.testing.assert_array_equal(A.to_dense().to_numpy(), x.toarray())
        assert eventually(lambda: set(client.who_has()) <= before), set(client.who_has()) - before


def test_linalg(session):
    x = np.random.default_rng(0).standard_normal((600, 12))
    A = session.put(da.from_array(x, chunks=(100, 12)))
    found = mt.linalg.truncated_svd(A, 4)
    np.testing.assert_allclose(found.S, np.linalg.svd(x)[1][:4], rtol=1e-10)
    scores = (found.U * found.S[np.newaxis]).to_dask()
    np.testing.assert_allclose((scores**2).sum(axis=0).compute(), found.S**2, rtol=1e-10)
    b = session.put(da.from_array(x[:, :1] * 2, chunks=(100, 1)))
    fit = mt.linalg.ridge(A, b, 1e-9)
    assert abs(fit.to_numpy()[0, 0] - 2) < 1e-6


def test_dask_goes_on_while_a_routine_runs(client, session, tmp_path):
    """Ranks that wait in MPI leave the worker's event loop and its task thread alone."""
    dask_is_done = tmp_path / "done"

    def slow(grid):
        import time

        if grid.rank == 0:  # the others wait in MPI
            patience = time.monotonic() + 60
            while not dask_is_done.exists() and time.monotonic() < patience:
                time.sleep(0.01)
        grid.comm.Barrier()
        return dask_is_done.exists()

    f = session.submit(slow)
    assert client.submit(lambda x: x + 1, 1, pure=False).result(timeout=30) == 2
    assert da.ones((100, 100), chunks=10).sum().compute() == 10_000
    assert not f.done()
    dask_is_done.touch()
    assert f.result(30) == [True] * 3


def test_opens_while_the_workers_are_busy(client):
    def long(k):
        import time

        time.sleep(3)
        return k

    futures = client.map(long, range(3), pure=False)
    time.sleep(0.3)
    start = time.monotonic()
    with mt.dask.Session(client) as s:
        assert s.run(lambda grid: grid.size) == [3, 3, 3]
        assert time.monotonic() - start < 2.5
    assert client.gather(futures) == [0, 1, 2]


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_to_dask_waits_for_busy_workers(client, isolation):
    """Idle workers steal what is queued there, and give it back."""
    x, d = numbered(90, 4, (30, 4))
    with mt.dask.Session(client, isolation=isolation) as s:
        A = s.put(d)
        busy = [
            client.submit(time.sleep, 1.5, workers=[home], pure=False) for home in [*s.workers][:2]
        ]
        assert eventually(lambda: any(client.processing().values()))
        np.testing.assert_array_equal(A.to_dask().compute(), x)
        distributed.wait(busy)


def test_one_session_after_another_and_two_at_once(client):
    """One world; its ranks may be divided among sessions."""
    with mt.dask.Session(client) as s:
        names = list(s.workers.values())
        first = s.put(da.ones((6, 2), chunks=2)).sum()
    with (
        mt.dask.Session(client, workers=names[:1]) as one,
        mt.dask.Session(client, workers=[names[2], names[1]]) as two,
    ):
        assert list(two.workers.values()) == [names[2], names[1]]
        A, B = one.put(da.ones((6, 2), chunks=2)), two.put(da.ones((8, 2), chunks=2))
        assert (first, A.sum(), B.sum()) == (12, 12, 16)
        assert (one.run(lambda g: g.size), two.run(lambda g: g.size)) == ([1], [2, 2])
    with mt.dask.Session(client, ranks=2, interface="lo", ports=(41000, 41100)) as s:
        assert len(s.ranks) == 2
        assert ":41" in s._controller.reception.url
    with mt.dask.Session(client, ranks=(2, 9)) as s:
        assert len(s.ranks) == 3


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
def test_encrypted(client, tmp_path):
    certificate, key = tmp_path / "own.pem", tmp_path / "key.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=driver -keyout {key}"
    subprocess.run([*command.split(), "-out", certificate], check=True, capture_output=True)
    with mt.dask.Session(client, tls=(str(certificate), str(key))) as s:
        assert s._controller.reception.url.startswith("wss://")
        assert s.put(da.ones((6, 2), chunks=2)).sum() == 12
        host, port = s._controller.reception.url.removeprefix("wss://").split(":")
        with socket.create_connection((host, int(port))) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert b"HTTP" not in plain.recv(100)


def test_wrong_arguments(client):
    for arguments, text in (
        ({"workers": ["nobody"]}, "of this cluster"),
        ({"ranks": 0}, "from 1 to 3"),
        ({"ranks": 9}, "from 1 to 3"),
        ({"ranks": (4, 5)}, "from 1 to 3"),
        ({"interface": "nosuch0"}, "interface"),
        ({"isolation": "vm"}, "isolation"),
    ):
        with pytest.raises(mt.InvalidArgument, match=text):
            mt.dask.Session(client, **arguments)


def test_threads_in_one_process_are_no_ranks():
    with (
        distributed.LocalCluster(n_workers=2, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        pytest.raises(mt.InvalidArgument, match="a process of its own"),
    ):
        mt.dask.Session(client)


def test_in_processes_of_their_own(client):
    x, d = numbered(50, 4, (7, 3))
    with mt.dask.Session(client, isolation="process") as s:
        assert not {r.pid for r in s.ranks} & set(client.run(os.getpid).values())
        A = s.put(d)
        np.testing.assert_array_equal(A.to_numpy(), x)
        np.testing.assert_array_equal(A.to_dask().compute(), x)
        assert sum(line.adopted for line in s.transfers[:3]) == 0


@pytest.mark.parametrize("rows", [slice(7, 8), slice(3, 9), slice(0, 7), slice(0, 0)])
def test_slices_come_back(session, rows):
    x = np.arange(22.0).reshape(11, 2)
    part = session.put(x)[rows]
    np.testing.assert_array_equal(part.to_numpy(), x[rows])
    np.testing.assert_array_equal(part.to_dask().compute(), x[rows])
