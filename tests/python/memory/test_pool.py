# SPDX-License-Identifier: BSD-3-Clause
"""What a process's pool of matrix memory says of itself, and how it is trimmed and limited."""

import dataclasses
import gc
import subprocess
import sys

import matrass as mt
import numpy as np
import pytest
from matrass import pool

MEGA = 1 << 20


@pytest.mark.parametrize(
    ("size", "text"),
    [  # the table of tests/cpp/core/test_bytes.cpp
        (0, "0 bytes"),
        (1, "1 byte"),
        (512, "512 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1004, "1 kB"),
        (1005, "1.01 kB"),
        (1500, "1.5 kB"),
        (9994, "9.99 kB"),
        (9995, "10 kB"),
        (32768, "32.8 kB"),
        (99950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (2_097_152, "2.1 MB"),
        (268_435_456, "268 MB"),
        (1_073_741_824, "1.07 GB"),
        (1_500_000_000, "1.5 GB"),
        (12_000_000_000, "12 GB"),
        (1_000_000_000_000, "1 TB"),
        (1 << 50, "1.13 PB"),
        ((1 << 64) - 1, "18.4 EB"),
    ],
)
def test_bytes_that_people_can_read(size, text):
    assert pool.shown_bytes(size) == text


def test_memory_use_is_one_line_and_frozen():
    use = mt.MemoryUse(268_435_456, 1_073_741_824, 1_500_000_000, shared=True, huge=True)
    line = "matrass memory: 268 MB in use, 1.07 GB kept, peak 1.5 GB"
    assert str(use) == repr(use) == f"{line}; shared with ranks of this machine, huge pages"
    private = dataclasses.replace(use, shared=False, huge=False)
    assert str(private) == f"{line}; private, small pages"
    with pytest.raises(dataclasses.FrozenInstanceError):
        use.peak = 0


@pytest.mark.parametrize("limit", [-1, 1.5, "1 GB", [1]])
def test_a_limit_is_a_number_of_bytes(limit):
    with pytest.raises(mt.InvalidArgument, match=r"^limit_memory: limit must be a number of bytes"):
        mt.limit_memory(limit)


@pytest.mark.parametrize("limit", [0, np.int64(5), 2**64, 10**30, None])
def test_limits_that_are_none_too_large(limit):
    mt.limit_memory(limit)
    mt.limit_memory(None)


def matrix(comm):
    """Some 8 MB on every rank."""
    return mt.DistMatrix(mt.Grid(comm), (1024, 1024), layout="STAR,STAR")


@pytest.mark.ranks(1, 2)
def test_memory_follows_the_matrices(comm):
    gc.collect()
    before = mt.memory()
    A = matrix(comm)
    with_a = mt.memory()
    assert with_a.in_use >= before.in_use + A.local_nbytes
    assert with_a.peak >= with_a.in_use
    del A
    gc.collect()
    after = mt.memory()
    assert after.in_use == before.in_use
    assert after.kept >= 8 * MEGA
    assert after.peak == with_a.peak
    taken = mt.trim_memory()
    assert taken >= 6 * MEGA  # blocks need not begin with a page
    assert mt.memory().kept == after.kept - taken
    assert mt.trim_memory() == 0


@pytest.mark.ranks(2)
def test_the_peak_can_be_reset(comm):
    gc.collect()
    A = matrix(comm)
    del A
    gc.collect()
    mt.reset_peak_memory()
    low = mt.memory()
    assert low.peak == low.in_use
    A = matrix(comm)
    assert mt.memory().peak >= low.peak + A.local_nbytes


@pytest.mark.ranks(1, 2)
def test_a_limit_on_one_rank_is_everybodys_error(comm):
    gc.collect()
    if comm.rank == comm.size - 1:
        mt.limit_memory(mt.memory().in_use + 100_000)
    try:
        with pytest.raises(mt.MemoryLimitError) as error:
            matrix(comm)
    finally:
        mt.limit_memory(None)
    text = str(error.value)
    assert "memory: 8.39 MB (8388608 bytes) do not fit: 8.29 MB missing (limit " in text
    matrix(comm)


@pytest.mark.ranks(2)
def test_all_of_it_is_local(comm):
    if comm.rank == 0:
        mt.memory()
        mt.trim_memory()
        mt.limit_memory(None)
        mt.reset_peak_memory()


FORK = """
import os
import matrass as mt

A = mt.DistMatrix(mt.Grid(), (512, 512))
shared = mt.memory().shared
child = os.fork()
if child == 0:
    A.local[0, 0] = 5
    use = mt.memory()
    mt.limit_memory(None)
    mt.reset_peak_memory()
    good = (use.in_use, use.kept, use.peak, mt.trim_memory()) == (0, 0, 0, 0)
    try:
        A.copy()
    except mt.MemoryLimitError as error:
        good = good and "a forked process has none of its own" in str(error)
    else:
        good = False
    os._exit(0 if good else 1)
assert os.waitpid(child, 0)[1] == 0
assert A.local[0, 0] == (5 if shared else 0)
assert mt.memory().in_use >= A.local_nbytes
"""


def test_a_forked_process_shares_its_parents_matrices():
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=60)
