# SPDX-License-Identifier: BSD-3-Clause
"""Tiles over connections: what arrives, who is let in, and what happens to nonsense."""

import contextlib
import socket
import struct
from dataclasses import replace

import matrass as mt
import numpy as np
import pytest
from matrass.bootstrap.world import node_name
from matrass.wire import connections, delivery
from matrass.wire.delivery import Place, deliver, fetch
from matrass.wire.messages import hear, say
from matrass.wire.port import Port, Served, served
from matrass.wire.stage import Stage, Tile, stages
from processes import eventually

pytestmark = pytest.mark.time_limit(60)
NAME, TICKET = "a-transfer", "a-ticket"


@pytest.fixture
def port():
    found = Port("127.0.0.1", None)
    stages[NAME] = Stage(TICKET)
    yield found
    found.close()
    stages.pop(NAME, None)
    served.pop(NAME, None)
    assert eventually(lambda: connections._sweep() or not connections._open)


@pytest.fixture
def place(port):
    return Place(0, *port.address, f"{node_name()}/another", port.name, NAME, TICKET)


@pytest.fixture
def elsewhere(monkeypatch):
    """Another process, which has no stages of its own."""
    monkeypatch.setattr(delivery, "stages", {})
    monkeypatch.setattr(delivery, "served", {})


def rows(x, i0=0):
    return Tile("rows", (i0, 0), (x,))


ARRAYS = [
    np.arange(12.0).reshape(3, 4),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.arange(24.0).reshape(4, 6)[::2, ::3],
    np.arange(6, dtype=np.float32).reshape(2, 3),
    (np.arange(6) * 1j).reshape(2, 3),
    np.zeros((0, 3)),
    np.zeros((3, 0)),
]


@pytest.mark.parametrize("x", ARRAYS, ids=lambda x: f"{x.dtype}-{x.shape}")
def test_arrays_arrive(place, elsewhere, x):
    assert deliver([place], 3, 7, [rows(x), rows(2 * x, len(x))]) == (0, 2, 2 * x.nbytes)
    first, second = stages[NAME].take(3, 7)
    np.testing.assert_array_equal(first.arrays[0], x)
    np.testing.assert_array_equal(second.arrays[0], 2 * x)
    assert (first.at, second.at) == ((0, 0), (len(x), 0))
    assert first.arrays[0].dtype == x.dtype
    assert stages[NAME].adopted == 0


def test_triplets_and_numbered_rows_arrive(place, elsewhere):
    i, j, v = np.array([3, 1]), np.array([0, 2]), np.array([5.0, 6.0])
    x = np.arange(8.0).reshape(2, 4)
    tiles = [Tile("coo", (0, 0), (i, j, v)), Tile("indexed", (0, 0), (i, x))]
    assert deliver([place], 0, 0, tiles)[1] == 2
    triplets, numbered = stages[NAME].take(0, 0)
    for found, wanted in zip(triplets.arrays, (i, j, v), strict=True):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(numbered.arrays[1], x)


def test_a_rank_leaves_its_own_tiles_where_they_are(port):
    x = np.arange(6.0).reshape(2, 3)
    here = Place(0, *port.address, delivery.own_process(), port.name, NAME, TICKET)
    there = replace(here, rank=1, process="another process")
    assert deliver([there, here], 0, 0, [rows(x)]) == (0, 1, x.nbytes)
    (tile,) = stages[NAME].take(0, 0)
    assert tile.arrays[0] is x
    assert stages[NAME].adopted == x.nbytes
    assert port.accepted == 0


def test_attempts_are_kept_apart(place, elsewhere):
    for attempt in range(3):
        deliver([place], 0, attempt, [rows(np.full((1, 1), float(attempt)))])
    (tile,) = stages[NAME].take(0, 1)
    assert tile.arrays[0] == 1.0
    assert stages[NAME].take(0, 1) == []


def test_many_parts_share_a_connection(port, place, elsewhere):
    for part in range(100):
        deliver([place], part, 0, [rows(np.full((2, 2), float(part)))])
    assert port.accepted == 1


def test_a_part_without_tiles_needs_no_connection(port, place, elsewhere):
    assert deliver([place], 0, 0, []) == (0, 0, 0)
    assert port.accepted == 0


def test_rows_are_fetched(place, elsewhere):
    x = np.asfortranarray(np.arange(40.0).reshape(10, 4))
    served[NAME] = Served(TICKET, lambda: x, 100)
    np.testing.assert_array_equal(fetch(place, (102, 105)), x[2:5])
    np.testing.assert_array_equal(fetch(place, None), x)
    assert fetch(place, (110, 110)).shape == (0, 4)


@pytest.mark.parametrize("wanted", [(99, 101), (100, 111), (105, 104), (-1, 3)])
def test_rows_of_others_are_not_given(place, elsewhere, wanted):
    served[NAME] = Served(TICKET, lambda: np.zeros((10, 4)), 100)
    with pytest.raises(mt.InvalidArgument, match="rows must be this rank's"):
        fetch(place, wanted)


@pytest.mark.parametrize("change", [{"ticket": "another"}, {"name": "another"}])
def test_the_ticket_must_be_right(place, elsewhere, change):
    wrong = replace(place, **change)
    with pytest.raises(mt.AuthenticationError):
        deliver([wrong], 0, 0, [rows(np.zeros((2, 2)))])
    assert stages[NAME].take(0, 0) == []
    with pytest.raises(mt.AuthenticationError):
        fetch(wrong, (0, 1))
    deliver([place], 0, 0, [rows(np.zeros((2, 2)))])  # the port is as it was


def test_a_large_tile_with_a_wrong_ticket_is_refused_before_it_is_sent(place, elsewhere):
    wrong = replace(place, ticket="another")
    with pytest.raises(mt.AuthenticationError):
        deliver([wrong], 0, 0, [rows(np.zeros((2000, 2000)))])


def test_a_rank_that_is_gone(port, place, elsewhere):
    port.close()
    with pytest.raises(mt.RankLostError, match="rank 0 must listen"):
        deliver([place], 0, 0, [rows(np.zeros((2, 2)))])


def test_a_rank_that_is_found_on_its_own_machine_only(port, place, elsewhere):
    port.close()
    there = replace(place, process="another machine/another")
    with pytest.raises(mt.MPIError, match=r"rank 0 must listen.*its own machine only"):
        deliver([there], 0, 0, [rows(np.zeros((2, 2)))])


def test_what_does_not_fit_memory_is_refused(place, elsewhere, monkeypatch):
    monkeypatch.setattr("matrass.wire.stage.available", lambda: 1000)
    with pytest.raises(mt.MemoryLimitError, match="do not fit"):
        deliver([place], 0, 0, [rows(np.zeros((20, 20)))])


HEAD = {"do": "tile", "put": NAME, "ticket": TICKET, "part": 0, "attempt": 0, "kind": "rows"}
ARRAY = {"shape": [1, 1], "dtype": "<f8", "order": "C"}


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"do": "nonsense"},
        {"do": "tile"},
        HEAD | {"at": [0, 0]},
        HEAD | {"at": [0], "arrays": [ARRAY]},
        HEAD | {"at": [-1, 0], "arrays": [ARRAY]},
        HEAD | {"at": [0, 0], "arrays": []},
        HEAD | {"at": [0, 0], "arrays": [ARRAY, ARRAY]},
        HEAD | {"at": [0, 0], "arrays": [ARRAY | {"shape": [-1, 1]}]},
        HEAD | {"at": [0, 0], "arrays": [ARRAY | {"shape": [1 << 60, 1]}]},
        HEAD | {"at": [0, 0], "arrays": [ARRAY | {"shape": [1 << 40, 1 << 40]}]},
        HEAD | {"at": [0, 0], "arrays": [ARRAY | {"dtype": "O"}]},
        HEAD | {"at": [0, 0], "arrays": [ARRAY | {"dtype": "nonsense"}]},
        HEAD | {"at": [0, 0], "arrays": [ARRAY | {"order": "K"}]},
        HEAD | {"at": [0, 0], "kind": "nonsense", "arrays": [ARRAY]},
        {"do": "rows", "matrix": NAME, "ticket": TICKET, "rows": "all"},
    ],
)
def test_nonsense_ends_its_connection_and_nothing_else(port, place, elsewhere, words):
    served[NAME] = Served(TICKET, lambda: np.zeros((1, 1)), 0)
    with socket.create_connection(port.address, timeout=10) as line:
        answer = None
        with contextlib.suppress(OSError):  # it may have hung up already
            say(line, words)
            line.sendall(bytes(16))
            line.shutdown(socket.SHUT_WR)
            answer = hear(line)
        assert answer is None or "error" in answer
    assert stages[NAME].take(0, 0) == []
    deliver([place], 1, 0, [rows(np.zeros((2, 2)))])
    assert len(stages[NAME].take(1, 0)) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\x00",
        struct.pack("!I", 5) + b"nojso",
        struct.pack("!I", 4) + b"[1]",
        struct.pack("!I", 2) + b"[]",
        struct.pack("!I", 1 << 31),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_noise_ends_its_connection_and_nothing_else(port, place, elsewhere, sent):
    with (
        contextlib.suppress(ConnectionError),
        socket.create_connection(port.address, timeout=10) as line,
    ):
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        while line.recv(1000):
            pass
    deliver([place], 1, 0, [rows(np.zeros((2, 2)))])
    assert len(stages[NAME].take(1, 0)) == 1


def test_ports_are_chosen_from_a_range():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        with pytest.raises(mt.MPIError, match="must be free"):
            Port("127.0.0.1", (number, number))
        other = Port("127.0.0.1", (number, number + 20))
        assert number < other.address[1] <= number + 20
        other.close()
