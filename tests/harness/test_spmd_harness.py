# SPDX-License-Identifier: BSD-3-Clause
"""The SPMD harness, tried on tests that pass, fail and hang."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from spmd_case import Case

pytestmark = pytest.mark.time_limit(240)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_good_tests_pass_on_every_rank_count(case: Case) -> None:
    code, text = case.bare(
        """
        seen = []

        def test_sum(comm):
            seen.append(comm.size)
            assert comm.allreduce(1) == comm.size

        @pytest.mark.ranks(2)
        def test_two(comm):
            assert comm.size == 2

        @pytest.mark.spmd
        def test_world():
            sizes = MPI.COMM_WORLD.allgather(seen)
            assert sizes == [[1, 2, 3], [2, 3], [3]]

        def test_serial():
            raise AssertionError("runs without mpiexec only")
        """
    )
    assert code == 0
    assert "5 passed, 1 deselected" in text


def test_launcher_runs_each_test_where_it_belongs_and_adds_up(case: Case) -> None:
    code, text = case.launch(
        """
        def test_serial():
            assert "PMI_RANK" not in os.environ
            assert os.environ["OPENBLAS_NUM_THREADS"] == "1"

        def test_comm(comm):
            assert MPI.COMM_WORLD.size == 3

        @pytest.mark.world(1, 2)
        def test_small_world():
            assert MPI.COMM_WORLD.size in (1, 2)

        @pytest.mark.skip
        @pytest.mark.spmd
        def test_skipped():
            pass
        """,
        ranks="3,1,2",
    )
    assert code == 0
    assert text.splitlines()[-1] == "python: 6 passed, 0 failed, 1 skipped"  # 1 + 3 + 1 + 1


def test_no_tests_is_no_success(case: Case) -> None:
    code, text = case.launch("")
    assert code == 1
    assert "python: 0 passed, 0 failed, 0 skipped" in text


def test_failure_on_one_rank_is_told_by_rank_0(case: Case) -> None:
    code, text = case.bare(
        """
        @pytest.mark.ranks(3)
        def test_fails(comm):
            print("printed by the culprit" if comm.rank == CULPRIT else "printed elsewhere")
            assert comm.rank != CULPRIT, "the culprit's words"

        def test_next_is_not_shifted(comm):
            assert comm.allreduce(1) == comm.size
        """
    )
    assert code == 1
    assert "1 failed, 3 passed" in text
    assert "failed on rank 1 of 3: AssertionError: the culprit's words" in text
    assert "printed by the culprit" in text


def test_equal_failures_are_told_once(case: Case) -> None:
    code, text = case.bare(
        "@pytest.mark.ranks(3)\ndef test_fails(comm):\n    raise ValueError('everybody')\n"
    )
    assert code == 1
    assert "failed on ranks 0, 1, 2 of 3" in text
    assert re.search(r"\[ranks 1, 2\]\nthe same", text)


def test_setup_that_fails_on_one_rank_stops_all(case: Case) -> None:
    """Else the others would wait in the body for a rank that never comes."""
    code, text = case.bare(
        """
        @pytest.fixture
        def thing(comm):
            if comm.rank == CULPRIT:
                raise OSError("no such thing here")

        @pytest.mark.ranks(3)
        def test_uses(comm, thing):
            comm.Barrier()

        @pytest.mark.ranks(3)
        def test_next(comm):
            comm.Barrier()
        """
    )
    assert code == 1
    assert "1 passed, 1 error" in text
    assert "failed on rank 1 of 3: OSError: no such thing here" in text


def test_skip_on_one_rank_is_a_failure(case: Case) -> None:
    code, text = case.bare(
        """
        @pytest.mark.ranks(3)
        def test_skips(comm):
            if comm.rank == CULPRIT:
                pytest.skip("only here")
        """
    )
    assert code == 1
    assert "the ranks disagree: skipped on rank 1 of 3" in text


def test_expected_failure_on_one_rank_is_expected(case: Case) -> None:
    code, text = case.bare(
        """
        @pytest.mark.xfail(strict=True)
        @pytest.mark.ranks(3)
        def test_fails(comm):
            assert comm.rank != CULPRIT
        """
    )
    assert code == 0, text
    assert "1 xfailed" in text


def test_hang_on_one_rank_ends_with_all_stacks(case: Case) -> None:
    code, text = case.bare(
        """
        def sleeps_for_ever():
            while True:
                time.sleep(1)

        @pytest.mark.time_limit(3)
        @pytest.mark.ranks(3)
        def test_hangs(comm):
            if comm.rank == CULPRIT:
                sleeps_for_ever()
            comm.Barrier()
        """
    )
    assert code != 0
    assert "test_hangs[np3]: the time limit of 3 s is over" in text
    assert re.search(r"\[rank 1 of 3\].*\n.*\n.*in sleeps_for_ever", text)
    for rank in (0, 2):
        assert re.search(rf"\[rank {rank} of 3\].*\n.*\n.*in test_hangs", text)


def test_hang_with_the_gil_held(case: Case) -> None:
    """The culprit's own Python cannot run: its stack comes from the native side."""
    code, text = case.bare(
        """
        import ctypes

        def never_gives_the_gil_back():
            ctypes.PyDLL(None).pause()

        @pytest.mark.time_limit(3)
        @pytest.mark.ranks(3)
        def test_hangs(comm):
            if comm.rank == CULPRIT:
                while True:
                    never_gives_the_gil_back()
        """
    )
    assert code != 0
    assert re.search(r"\[rank 1 of 3\].*\n.*\n.*in never_gives_the_gil_back", text)
    assert re.search(r"\[rank 0 of 3\].*\n(.*\n)+?.*channel.py", text)


def test_every_rank_holds_the_gil(case: Case) -> None:
    """No Python can run at all: faulthandler's timer and the alarm are native."""
    code, text = case.launch(
        """
        import ctypes

        def never_gives_the_gil_back():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN + 7})
            ctypes.PyDLL(None).pause()

        @pytest.mark.time_limit(2)
        @pytest.mark.ranks(3)
        def test_hangs(comm):
            while True:
                never_gives_the_gil_back()
        """
    )
    assert code == 1
    assert "SIGALRM" in text
    assert "in never_gives_the_gil_back" in text
    assert text.splitlines()[-1] == "python: 0 passed, 1 failed, 0 skipped"


def test_stopped_rank(case: Case) -> None:
    code, text = case.bare(
        """
        @pytest.mark.time_limit(3)
        @pytest.mark.ranks(3)
        def test_stops(comm):
            if comm.rank == CULPRIT:
                os.kill(os.getpid(), signal.SIGSTOP)
            comm.Barrier()
        """
    )
    assert code != 0
    assert re.search(r"\[rank 1 of 3\].*\n  \(no answer: stopped, or dead\)", text)


def test_failure_while_the_others_wait_in_a_collective(case: Case) -> None:
    """The limit is a minute, but a failed rank gives the others ten seconds to come."""
    code, text = case.bare(
        """
        @pytest.mark.ranks(3)
        def test_fails(comm):
            assert comm.rank != CULPRIT, "the culprit's words"
            comm.Barrier()
        """
    )
    assert code != 0
    assert "a rank failed, left the test and waited in vain for the others" in text
    assert "the culprit's words" in text
    assert re.search(r"\[rank 2 of 3\].*\n.*\n.*in test_fails", text)
