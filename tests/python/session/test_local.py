# SPDX-License-Identifier: BSD-3-Clause
"""Sessions of local ranks: their life, calls into them, errors, handles."""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import matrass as mt
import numpy as np
import pytest
from processes import children, eventually

pytestmark = pytest.mark.time_limit(120)


def run_python(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def test_open_and_close(nothing_left):
    before = children()
    with mt.Session(ranks=2) as s:
        assert [r.rank for r in s.ranks] == [0, 1]
        assert {r.pid for r in s.ranks} == children() - before
        assert s.run(lambda grid: (grid.rank, grid.size, os.getpid())) == [
            (r.rank, 2, r.pid) for r in s.ranks
        ]
        assert not s.closed
    assert s.closed
    with pytest.raises(mt.SessionClosedError, match="closed"):
        s.run(lambda grid: 1)
    s.close()  # once more is no error


def test_this_process_needs_no_mpi():
    program = (
        "import sys, matrass as mt, numpy as np\n"
        "with mt.Session(ranks=2) as s:\n"
        "    A = s.put(np.eye(3))\n"
        "    assert mt.linalg.norm(A) == 3**0.5\n"
        "assert 'mpi4py.MPI' not in sys.modules\n"
        "assert 'libmpi' not in open('/proc/self/maps').read()\n"
    )
    run = run_python(program)
    assert (run.returncode, run.stderr, run.stdout) == (0, "", "")


def test_two_sessions_at_once(nothing_left):
    with mt.Session(ranks=2) as s, mt.Session(ranks=1) as t:
        A, B = s.put(np.ones((4, 2))), t.put(np.full((4, 2), 2.0))
        assert ((A + A).sum(), (B @ B.T).sum()) == (16, 128)
        with pytest.raises(mt.InvalidArgument, match="one session"):
            _ = A + B


def test_ports_that_may_be_listened_at(nothing_left):
    with mt.Session(ranks=2, ports=(42000, 42100)) as s:
        assert s.put(np.eye(4)).norm() == 2
        places = s._on_each("wire.expect", "a transfer", "its ticket")[1]
        assert all(42000 <= port <= 42100 for _, port, *_ in places)


def test_ports_that_are_too_few(nothing_left):
    with pytest.raises(mt.MPIError, match=r"a port of \(42101, 42101\) must be free"):
        mt.Session(ranks=1, ports=(42101, 42101))


def test_an_address_of_another_machine(nothing_left):
    with pytest.raises(mt.MPIError, match=r"a port must be free on 192\.0\.2\.77"):
        mt.Session(ranks=1, host="192.0.2.77")


CODE = """
import ctypes
libc = ctypes.CDLL(None)
found = (getattr(libc, name) for name in ("brk", "sbrk", "mmap", "munmap", "madvise"))
code = [ctypes.string_at(ctypes.cast(each, ctypes.c_void_p), 16).hex() for each in found]
"""


def test_memory_functions_are_the_systems_own(session):
    """UCX would rewrite them while another thread may be in them."""

    def code(_):
        names = {}
        exec(CODE, names)
        return names["code"]

    without_ucx = json.loads(run_python(CODE + "import json; print(json.dumps(code))").stdout)
    assert session.run(code) == [without_ucx] * len(session.ranks)


def test_wrong_number_of_ranks():
    for ranks in (0, -1, 1.5, "2"):
        with pytest.raises(mt.InvalidArgument, match="Session: ranks"):
            mt.Session(ranks=ranks)


@pytest.mark.parametrize("how", ["os._exit(3)", "raise SystemExit", "os.kill(os.getpid(), 9)"])
def test_the_drivers_end_ends_the_ranks(how):
    """However it ends: within a second."""
    program = (
        "import os, sys, matrass as mt\n"
        "s = mt.Session(ranks=2)\n"
        "print(*[r.pid for r in s.ranks], flush=True)\n" + how
    )
    run = run_python(program)
    pids = [int(word) for word in run.stdout.split()]
    assert len(pids) == 2
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 2)
    assert run.stderr == ""


def test_an_idle_rank_uses_no_time(session):
    def used():
        ticks = 0
        for rank in session.ranks:
            words = Path(f"/proc/{rank.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(words[11]) + int(words[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    session.run(lambda grid: grid.comm.Barrier())
    before = used()
    time.sleep(2)
    assert used() - before <= 0.05  # three ranks: under 1 %


def test_errors_of_the_library_are_its_own(session):
    A = session.put(np.ones((4, 3)))
    with pytest.raises(mt.ShapeError, match="cholesky: A must be square: got shape"):
        mt.linalg.cholesky(A)
    with pytest.raises(mt.OutOfBoundsError):
        A[7, 0]
    with pytest.raises(mt.NotPositiveDefiniteError, match="order 1"):
        mt.linalg.cholesky(session.put(-np.eye(3)))
    with pytest.raises(TypeError, match="unexpected keyword"):
        mt.linalg.cholesky(A, upper=True)
    assert A.sum() == 12  # the session goes on


def test_errors_of_users_functions(session):
    def fails(grid):
        if grid.rank >= 1:
            raise ZeroDivisionError(f"on {grid.rank}")

    def all_fail(grid):
        raise KeyError(grid.rank)

    with pytest.raises(mt.RoutineError, match="rank 1 raised ZeroDivisionError: on 1") as caught:
        session.run(fails)
    assert caught.value.rank == 1
    assert "in fails" in caught.value.remote_traceback
    with pytest.raises(mt.RoutineError, match="rank 0 raised KeyError"):
        session.run(all_fail)
    assert session.run(lambda grid: grid.rank) == [0, 1, 2]


def test_one_rank_that_raises_alone_ends_the_routine_for_all(nothing_left):
    def alone(grid):
        if grid.rank == 1:
            raise ValueError("only here")
        grid.comm.Barrier()

    s = mt.Session(ranks=2)
    with pytest.raises(mt.RoutineError, match="rank 1 raised ValueError: only here"):
        s.run(alone)
    with pytest.raises(mt.SessionClosedError, match="only here"):
        s.run(lambda grid: 0)
    s.close()


def test_results_with_matrices(session):
    def both(grid, A, factor):
        return A * factor, {"norm": A.norm(), "rank": grid.rank}

    A = session.put(np.arange(12.0).reshape(4, 3))
    B, told = session.run(both, A, factor=3)
    np.testing.assert_array_equal(B.to_numpy(), 3 * np.arange(12.0).reshape(4, 3))
    assert told == {"norm": np.linalg.norm(np.arange(12.0)), "rank": 0}


def test_handles_are_freed(session):
    def held(grid):
        import gc

        gc.collect()
        return sum(isinstance(x, mt.DistMatrix) for x in gc.get_objects())

    gc.collect()
    before = session.run(held)
    A = session.put(np.ones((5, 5)))
    B = A + A
    assert session.run(held) != before
    del A
    B.free()
    gc.collect()
    assert session.run(held) == before
    with pytest.raises(mt.InvalidArgument, match="freed"):
        B.sum()


def test_names(session):
    A = session.put(np.ones((2, 2)), name="ones")
    assert session.matrix("ones") is A
    assert session.matrices() == [A]
    assert "'ones'" in repr(A)
    del A
    gc.collect()
    assert session.matrices() == []
    with pytest.raises(mt.InvalidArgument, match="no matrix is named 'ones'"):
        session.matrix("ones")


def test_calls_from_many_threads_keep_one_order(session):
    """Each rank must run the same collectives in the same order."""
    found = []

    def work(k):
        A = session.put(np.full((6, 6), float(k)))
        found.extend((k, (A @ A).sum()) for _ in range(5))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted((k, 216.0 * k * k) for k in range(6) for _ in range(5))


def test_submit(session):
    def slow(grid):
        import time

        time.sleep(0.3)
        return grid.rank

    f = session.submit(slow)
    with pytest.raises(mt.TimeoutError, match="still running"):
        f.result(0.05)
    assert not f.done()
    assert f.result() == [0, 1, 2]
    assert f.done()
    g = session.submit(mt.linalg.norm, session.put(np.eye(4)))
    assert g.result(30) == 2


def test_a_strangers_token_opens_nothing(session):
    import websockets.sync.client

    with websockets.sync.client.connect(session._controller.reception.url) as socket:
        socket.send('{"token": "guessed", "member": "rank 0"}')
        with pytest.raises(websockets.ConnectionClosed) as caught:
            socket.recv(timeout=5)
    assert caught.value.rcvd.code == 4401
    assert session.run(lambda grid: 1) == [1, 1, 1]


def test_cancel_at_a_step(session):
    """The ranks agree on it, and the session goes on."""

    def long(grid):
        import time

        for k in range(3000):
            grid.step(k / 3000, f"step {k}")
            time.sleep(0.01)

    f = session.submit(long)
    assert eventually(lambda: f.progress[0] is not None and f.progress[0] > 0)
    assert f.progress[1].startswith("step ")
    f.cancel()
    with pytest.raises(mt.CancelledError):
        f.result()
    assert session.run(lambda grid: grid.rank) == [0, 1, 2]


def test_cancel_a_routine_of_the_library(session):
    """k-means that would take very long: without a centre that stands still."""
    x = np.random.default_rng(0).standard_normal((20_000, 30))
    A = session.put(x)
    f = session.submit(mt.linalg.kmeans, A, 200, n_init=1000)
    time.sleep(0.3)
    f.cancel()
    with pytest.raises(mt.CancelledError):
        f.result()
    assert A.norm() == pytest.approx(np.linalg.norm(x))


@pytest.mark.parametrize("count", [200 if "MATRASS_CAMPAIGN" in os.environ else 8])
def test_many_sessions_one_after_another(nothing_left, count):
    """Nothing grows: processes, descriptors, threads, memory."""

    def size():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def one():
        with mt.Session(ranks=2) as s:
            assert s.put(np.eye(8)).sum() == 8

    for _ in range(3):
        one()
    threads, memory = threading.active_count(), size()
    for _ in range(count):
        one()
    assert threading.active_count() <= threads
    assert size() - memory < 2e7


def test_results_that_nobody_takes_are_forgotten(session):
    """A call that is dropped, and one that failed on one rank after the others had a result."""

    def held(grid):
        import gc

        gc.collect()
        return sum(isinstance(x, mt.DistMatrix) for x in gc.get_objects())

    def late(grid):
        A = mt.DistMatrix(grid, (2, 2))
        if grid.rank == 2:
            raise ValueError("after the matrix was made")
        return A

    gc.collect()
    before = session.run(held)
    session.submit(lambda grid: mt.DistMatrix(grid, (3, 3)))
    gc.collect()
    with pytest.raises(mt.RoutineError, match="after the matrix"):
        session.run(late)
    assert session.run(held) == before


def test_a_garbage_collection_inside_a_command(session, monkeypatch):
    """It frees handles, which tells the ranks so, while the command is on its way to them."""

    class Cycle:
        pass

    def drop():
        found = Cycle()
        found.itself, found.matrix = found, session.put(np.eye(2))

    plain = json.dumps

    def dumps(value):
        gc.collect()
        return plain(value)

    gc.disable()
    try:
        drop()
        monkeypatch.setattr(json, "dumps", dumps)
        assert session.run(lambda grid: 1) == [1, 1, 1]
    finally:
        gc.enable()
