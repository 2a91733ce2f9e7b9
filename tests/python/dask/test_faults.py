# SPDX-License-Identifier: BSD-3-Clause
"""Workers that die, are restarted, come and go: one clear error; Dask's own work is not hurt."""

import os
import signal
import threading
import time

import matrass as mt
import numpy as np
import pytest
from processes import eventually

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

pytestmark = [pytest.mark.time_limit(180), pytest.mark.filterwarnings("ignore")]
WITHIN = 5.0
REPEATS = 10 if "MATRASS_CAMPAIGN" in os.environ else 1


def waits(grid):
    grid.comm.Barrier()
    if grid.rank != 1:
        grid.comm.Barrier()
    import time

    time.sleep(60)


def again_and_again(f, *args):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        f(*args)
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
@pytest.mark.parametrize("repeat", range(REPEATS))
def test_a_worker_killed_in_a_routine(fresh_client, number, repeat):
    """The survivors live on with their data and tasks; renewed, they are ranks again."""
    client = fresh_client
    s = mt.dask.Session(client)
    homes = list(s.workers)
    kept = client.scatter(np.arange(5.0), workers=[homes[0]], hash=False)
    working = client.submit(_busy, 2.0, workers=[homes[2]], pure=False)
    f = s.submit(waits)
    time.sleep(0.2 + 0.05 * (repeat % 5))
    victim = s.ranks[1].pid
    before = client.run(os.getpid)
    os.kill(victim, number)
    start = time.monotonic()
    with pytest.raises(mt.RankLostError, match="rank 1") as caught:
        f.result(60)
    assert time.monotonic() - start < WITHIN
    assert (caught.value.rank, caught.value.pid) == (1, victim)

    np.testing.assert_array_equal(kept.result(), np.arange(5.0))
    assert working.result() == "done"
    assert client.submit(lambda: 7, workers=[homes[0]], pure=False).result() == 7
    after = {a: pid for a, pid in client.run(os.getpid).items() if a in before}
    assert after == {a: pid for a, pid in before.items() if pid != victim}

    assert eventually(lambda: len(client.scheduler_info()["workers"]) == 3, 30)
    with pytest.raises(mt.MPIError, match="renew"):
        mt.dask.Session(client)
    with pytest.raises((mt.SessionClosedError, mt.RankLostError)):
        s.put(da.ones((3, 3)))
    s.renew()
    assert not {r.pid for r in s.ranks} & set(before.values())
    assert s.put(da.ones((6, 3), chunks=2)).sum() == 18
    np.testing.assert_array_equal(kept.result(), np.arange(5.0))  # it was moved
    s.close()


def _busy(seconds):
    import time

    time.sleep(seconds)
    return "done"


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_other_work_in_flight_is_right_and_not_blamed(fresh_client, repeat):
    """What is persisted on the other workers is not made again, what runs there ends well."""
    client = fresh_client
    s = mt.dask.Session(client)
    addresses = list(s.workers)
    others = [addresses[0], addresses[2]]
    drawn = [client.submit(_draw, workers=[others[k % 2]], pure=False) for k in range(4)]
    numbers = np.array(client.gather(drawn))
    f = s.submit(waits)
    flying = [
        client.submit(_slow_product, drawn[k % 4], k, workers=others, pure=False) for k in range(40)
    ]
    total = client.submit(sum, flying, workers=others)
    anywhere = client.map(_slow_product, range(30), range(30), pure=False)
    assert eventually(lambda: any(each.done() for each in flying), 30)
    os.kill(s.ranks[1].pid, signal.SIGKILL)
    assert not all(each.done() for each in flying)
    with pytest.raises(mt.RankLostError, match="rank 1"):
        f.result(60)

    assert client.gather(flying) == [numbers[k % 4] * k for k in range(40)]
    assert total.result() == sum(numbers[k % 4] * k for k in range(40))
    assert client.gather(anywhere) == [k * k for k in range(30)]
    assert client.gather(drawn) == list(numbers)
    blamed = client.run_on_scheduler(_deaths_by_task)
    assert not set(blamed) & {each.key for each in (*drawn, *flying, total)}
    assert all(deaths == 1 for deaths in blamed.values())  # of `anywhere`, what the victim was at
    assert {w for ws in client.who_has(drawn).values() for w in ws} <= set(others)
    s.close()


def _draw():
    return int.from_bytes(os.urandom(4), "big")


def _slow_product(a, b):
    time.sleep(0.05)
    return a * b


def _deaths_by_task(dask_scheduler):
    return {key: task.suspicious for key, task in dask_scheduler.tasks.items() if task.suspicious}


def test_put_is_repeated_on_fresh_ranks(fresh_client):
    s = mt.dask.Session(fresh_client, retry=1)
    for x in (da.ones((9, 2), chunks=3), np.ones((9, 2))):
        os.kill(s.ranks[2].pid, signal.SIGKILL)
        assert s.put(x).sum() == 18
    s.close()
    with pytest.raises(mt.SessionClosedError, match="it was closed"):
        s.put(x)


def test_a_worker_killed_while_chunks_are_computed(fresh_client):
    """What is pinned to workers that are gone would be waited for without end."""
    client = fresh_client
    names = [str(told["name"]) for told in client.scheduler_info()["workers"].values()]
    s = mt.dask.Session(client, workers=names[:1])
    victim = s.ranks[0].pid
    timer = threading.Timer(0.5, os.kill, (victim, signal.SIGKILL))
    timer.start()
    x = da.ones((40, 2), chunks=(1, 2)).map_blocks(_after_a_while, dtype=float)
    with pytest.raises(mt.RankLostError, match="rank 0"):
        s.put(x)
    timer.join()
    s.close()


def _after_a_while(x):
    time.sleep(0.2)
    return x


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_chunks_of_a_lost_rank(fresh_client, isolation):
    """Who asks for them is told; the others are there."""
    s = mt.dask.Session(fresh_client, isolation=isolation)
    x = np.arange(18.0).reshape(9, 2)
    parts = s.put(da.from_array(x, chunks=(3, 2))).to_dask()
    pids = fresh_client.run(os.getpid)
    os.kill(pids[list(s.workers)[1]], signal.SIGKILL)
    with pytest.raises(mt.RankLostError, match="to_dask: a chunk's worker must live"):
        again_and_again(parts.sum().compute)
    np.testing.assert_array_equal(parts[:3].compute(), x[:3])
    np.testing.assert_array_equal(parts[6:].compute(), x[6:])
    s.close()


def test_a_child_killed_leaves_its_worker_alone(fresh_client):
    client = fresh_client
    before = client.run(os.getpid)
    with mt.dask.Session(client, isolation="process") as s:
        f = s.submit(waits)
        time.sleep(0.3)
        os.kill(s.ranks[1].pid, signal.SIGKILL)
        with pytest.raises(mt.RankLostError, match="rank 1"):
            f.result(60)
    assert client.run(os.getpid) == before
    with mt.dask.Session(client, isolation="process") as s:
        assert s.put(da.ones((4, 4), chunks=2)).sum() == 16


def test_a_worker_that_is_added(fresh_client):
    """Old and new processes are no world; renewed, they are."""
    client = fresh_client
    with mt.dask.Session(client) as s:
        assert len(s.ranks) == 3
    client.cluster.scale(4)
    client.wait_for_workers(4)
    with pytest.raises(mt.MPIError, match=r"were ranks before.*renew"):
        mt.dask.Session(client)
    with mt.dask.Session(client, workers=list(s.workers)) as t:
        assert len(t.ranks) == 3
    kept = client.scatter(np.arange(4.0), workers=[next(iter(s.workers))], hash=False)
    with mt.dask.Session(client, renew=True) as t:
        assert len(t.ranks) == 4
        assert t.put(da.ones((8, 2), chunks=2)).sum() == 16
    np.testing.assert_array_equal(kept.result(), np.arange(4.0))


def test_restart_of_the_cluster(fresh_client):
    client = fresh_client
    s = mt.dask.Session(client)
    A = s.put(da.ones((4, 4)))
    client.restart()
    with pytest.raises((mt.RankLostError, mt.SessionClosedError)):
        again_and_again(A.sum)
    s.close()
    with mt.dask.Session(client) as t:
        assert t.put(da.ones((4, 4))).sum() == 16


def test_a_worker_that_retires(fresh_client):
    client = fresh_client
    s = mt.dask.Session(client)
    client.retire_workers([list(s.workers)[1]])
    with pytest.raises((mt.RankLostError, mt.SessionClosedError), match="rank 1"):
        again_and_again(s.run, lambda grid: 0)
    s.close()


def test_the_drivers_end_leaves_the_workers_alone(fresh_client):
    """They forget the session, and its world can be used again."""
    client = fresh_client
    s = mt.dask.Session(client)
    s.put(da.ones((6, 2), chunks=2))
    s._controller._loop.call_soon_threadsafe(_hang_up, s._controller)

    def sessions():
        from matrass.dask import worker

        return len(worker._agents)

    assert eventually(lambda: set(client.run(sessions).values()) == {0}, 10)
    s.close()
    with mt.dask.Session(client) as t:
        assert t.put(da.ones((6, 2), chunks=2)).sum() == 12


def _hang_up(controller):
    controller._closing = True
    for member in controller.members:
        member.line.transport.abort()
        member.socket.transport.abort()
    controller._closing = False


def test_memory_limit():
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit="700MB",
        ) as cluster,
        distributed.Client(cluster) as client,
        mt.dask.Session(client) as s,
    ):
        d = da.zeros((160_000, 1_000), chunks=(10_000, 1_000))  # no memory until it is taken
        with pytest.raises(mt.MemoryLimitError, match=r"put: 0.64 GB do not fit: .* of 2"):
            s.put(d)
        with pytest.raises(mt.MemoryLimitError, match=r"put: 0.48 GB do not fit"):
            s.put(d[:60_000], "STAR,STAR")  # all of it on each rank
        assert s.put(d[:100]).sum() == 0
