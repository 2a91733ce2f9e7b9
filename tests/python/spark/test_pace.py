# SPDX-License-Identifier: BSD-3-Clause
"""Tasks that lose no time to what surrounds them."""

import contextlib
import gc
import os
import socket
from pathlib import Path

import pytest

pytest.importorskip("pyspark")
from matrass.spark import pace


def test_batches_pass_and_the_garbage_collection_leaves_modules_out():
    seen = []

    def task(batches):
        for batch in batches:
            seen.append(batch)
            yield 10 * batch

    before = gc.get_freeze_count()
    pace._modules = 0
    try:
        assert list(pace.paced(task)(iter([1, 2, 3]))) == [10, 20, 30]
        assert gc.get_freeze_count() > before + 10_000
    finally:
        gc.unfreeze()
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("descriptors", [1, 2, 3])
def test_the_workers_socket_is_that_with_several_descriptors(descriptors):
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        contextlib.ExitStack() as at_end,
    ):
        for _ in range(descriptors - 1):
            at_end.callback(os.close, os.dup(client.fileno()))
        found = [at_end.enter_context(each) for each in pace._sockets_of_worker()]
        names = [each.getsockname() for each in found]
        assert (client.getsockname() in names) == (descriptors > 1)


def test_an_error_goes_through_and_leaves_no_descriptors():
    def task(batches):
        yield from batches
        raise ValueError("of the task")

    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ValueError, match="of the task"):
        list(pace.paced(task)(iter([1])))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
