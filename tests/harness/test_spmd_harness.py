# SPDX-License-Identifier: BSD-3-Clause
"""The harness of the Python SPMD tests, tried on tests that fail, hang, die and disagree.

Each case writes a small test file, runs it on 3 ranks, and looks at the report and the exit code.
That a case ends at all is shown by the deadline of its process set, which is far above the time
limits inside it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[1] / "python" / "support"
MPIEXEC = os.environ.get("MATRASS_MPIEXEC", "mpiexec.mpich")
DEADLINE = 200.0
HEADER = """
import os, signal, sys, time
import pytest
from mpi4py import MPI
from hypothesis import assume, strategies as st
from spmd import given_together
CULPRIT = 1
"""

pytestmark = pytest.mark.time_limit(240)


def environment() -> dict[str, str]:
    """Without what the harness that runs these tests has set."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("MATRASS_TEST_")
    }
    paths = [str(SUPPORT), os.environ.get("PYTHONPATH", "")]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "UCX_HANDLE_ERRORS": "none",
    }


class Case:
    """A folder with one test file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "conftest.py").write_text('pytest_plugins = ("spmd.plugin",)\n', encoding="utf-8")
        (path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")

    def write(self, source: str) -> None:
        text = HEADER + textwrap.dedent(source)
        (self.path / "test_case.py").write_text(text, encoding="utf-8")

    def bare(self, source: str, *, ranks: int = 3) -> tuple[int, str]:
        """mpiexec and pytest alone."""
        self.write(source)
        return self._run(
            [
                MPIEXEC,
                "-n",
                str(ranks),
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "no:cacheprovider",
                ".",
            ]
        )

    def launch(self, source: str, *options: str, ranks: str = "3") -> tuple[int, str]:
        """Through the launcher."""
        self.write(source)
        launcher = [sys.executable, str(SUPPORT / "launch.py"), "--ranks", ranks, ".", *options]
        return self._run(launcher)

    def _run(self, command: list[str]) -> tuple[int, str]:
        begin = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=DEADLINE,
            check=False,
        )
        text = done.stdout.decode(errors="replace")
        print(text)
        print(f"exit code {done.returncode} after {time.monotonic() - begin:.1f} s")
        return done.returncode, text


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


DEATHS = {
    "segfault": ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
    "kill": ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
    "exit": ("os._exit(3)", "exit code 3"),
    "exit_0": ("os._exit(0)", "exit code 0"),
}


@pytest.mark.parametrize("death", DEATHS)
def test_death_of_a_rank_costs_one_test(case: Case, death: str) -> None:
    how, told = DEATHS[death]
    code, text = case.launch(
        f"""
        def test_before(comm):
            comm.Barrier()

        @pytest.mark.ranks(3)
        def test_dies(comm):
            if comm.rank == CULPRIT:
                print("printed before", flush=True)
                {how}
            comm.Barrier()

        @pytest.mark.ranks(2, 3)
        def test_after(comm):
            comm.Barrier()
        """
    )
    assert code == 1
    assert f"rank 1 of 3 ended by itself: {told}" in text
    assert "The process set ended in test_case.py::test_dies[np3]" in text
    assert text.splitlines()[-1] == "python: 5 passed, 1 failed, 0 skipped"
    if death == "segfault":
        assert "Segmentation fault" in text
        assert "in test_dies" in text


@pytest.mark.parametrize("how", ["os._exit(3)", "import ctypes; ctypes.string_at(0)"])
def test_death_without_the_launcher(case: Case, how: str) -> None:
    code, text = case.bare(
        f"""
        @pytest.mark.ranks(3)
        def test_dies(comm):
            if comm.rank == CULPRIT:
                {how}
            comm.Barrier()
        """
    )
    assert code != 0
    if "ctypes" in how:
        assert "Segmentation fault" in text


def test_every_rank_exits_with_0(case: Case) -> None:
    """mpiexec itself sees nothing wrong in it."""
    code, text = case.launch("@pytest.mark.ranks(3)\ndef test_exits(comm):\n    os._exit(0)\n")
    assert code == 1
    assert text.splitlines()[-1] == "python: 0 passed, 1 failed, 0 skipped"


COLLECTION = {
    "raises": ("raise RuntimeError('only here')", "collection failed on rank 1 of 3"),
    "differs": ("def test_more(comm): pass", "rank 1 collected other tests than rank 0"),
    "dies": ("os._exit(3)", "rank 1 of 3 ended by itself: exit code 3"),
}


@pytest.mark.parametrize("what", COLLECTION)
def test_collection_on_one_rank(case: Case, what: str) -> None:
    how, told = COLLECTION[what]
    code, text = case.launch(
        f"""
        if os.environ.get("PMI_RANK") == "1":
            {how}

        def test_good(comm):
            pass
        """
    )
    assert code == 1
    assert told in text
    if what == "raises":
        assert "RuntimeError: only here" in text


def test_collection_error_on_rank_0(case: Case) -> None:
    code, text = case.bare(
        "if os.environ['PMI_RANK'] == '0':\n    raise RuntimeError('only here')\n"
    )
    assert code not in (0, 5)
    assert "RuntimeError: only here" in text


def test_interrupted_rank_is_out_of_step(case: Case) -> None:
    code, text = case.bare(
        """
        @pytest.mark.ranks(3)
        def test_leaves(comm):
            if comm.rank == CULPRIT:
                pytest.exit("leaves the session", returncode=0)
        """
    )
    assert code != 0
    assert "the ranks are out of step" in text
    assert "rank 1: the end of the session" in text


def test_serial_test_has_a_time_limit(case: Case) -> None:
    code, text = case.launch(
        """
        @pytest.mark.time_limit(2)
        def test_sleeps():
            time.sleep(1000)

        def test_after():
            pass
        """
    )
    assert code == 1
    assert "the time limit of 2 s is over" in text
    assert "in test_sleeps" in text
    assert text.splitlines()[-1] == "python: 1 passed, 1 failed, 0 skipped"


def test_time_limit_of_a_process_set(case: Case) -> None:
    """Where even the ranks' own watches are stopped."""
    code, text = case.launch(
        """
        @pytest.mark.ranks(3)
        def test_stops(comm):
            os.kill(os.getpid(), signal.SIGSTOP)
        """,
        "--only",
        "spmd",
        "--time-limit",
        "40",
    )
    assert code == 1
    assert "the process set's time limit of 40 s is over" in text
    assert "python: 0 passed, 1 failed, 0 skipped" in text


# --- examples ---


def test_examples_are_the_same_on_every_rank(case: Case) -> None:
    code, text = case.bare(
        """
        drawn = []

        @pytest.mark.ranks(3)
        @given_together(n=st.integers(), words=st.lists(st.text()), max_examples=30)
        def test_draws(comm, n, words):
            drawn.append((n, words))

        @pytest.mark.ranks(3)
        def test_same(comm):
            everybody = comm.allgather(drawn)
            assert len(drawn) >= 30 and everybody == [drawn] * 3
            assert len(set(map(repr, drawn))) > 20
        """
    )
    assert code == 0, text


def test_failing_example_is_shrunk_in_step(case: Case) -> None:
    """Found on rank 1 alone, inside collective calls, and shrunk to the smallest."""
    code, text = case.bare(
        """
        @pytest.mark.ranks(3)
        @given_together(n=st.integers(0, 10000), m=st.integers())
        def test_property(comm, n, m):
            assert comm.bcast(n) == n
            assert n < 1234 or comm.rank != CULPRIT

        @pytest.mark.ranks(3)
        def test_next(comm):
            comm.Barrier()
        """
    )
    assert code == 1
    assert re.search(r"n=1234,\s*(E\s*)?m=0", text)
    assert "on rank 1: AssertionError" in text
    assert "1 failed, 1 passed" in text


def test_failing_example_on_all_ranks(case: Case) -> None:
    code, text = case.bare(
        """
        @given_together(n=st.integers(0, 10000))
        def test_property(comm, n):
            assert n < 77
        """
    )
    assert code == 1
    assert "3 failed" in text
    assert "n=77" in text


def test_assumption(case: Case) -> None:
    code, text = case.bare(
        """
        @given_together(n=st.integers(0, 100))
        def test_same_everywhere(comm, n):
            assume(n % 2 == 0)
            assert comm.bcast(n) == n

        @pytest.mark.ranks(3)
        @given_together(n=st.integers(0, 100))
        def test_different(comm, n):
            assume(comm.rank != CULPRIT)
        """
    )
    assert code == 1
    assert "1 failed, 3 passed" in text
    assert "the ranks disagree on assume()" in text


def test_plain_given_is_refused(case: Case) -> None:
    code, text = case.bare(
        """
        from hypothesis import given

        @given(n=st.integers())
        def test_property(comm, n):
            pass
        """
    )
    assert code != 0
    assert "an SPMD test takes spmd.given_together" in text
