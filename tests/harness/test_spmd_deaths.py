# SPDX-License-Identifier: BSD-3-Clause
"""The SPMD harness, tried on ranks that die, disagree or never end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from spmd_case import Case

CAMPAIGN = bool(os.environ.get("MATRASS_CAMPAIGN"))
pytestmark = pytest.mark.time_limit(240)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


DEATHS = {
    "segfault": ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
    "kill": ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
    "exit": ("os._exit(3)", "exit code 3"),
    "exit_0": ("os._exit(0)", "exit code 0"),
}


@pytest.mark.parametrize("death", DEATHS if CAMPAIGN else ["segfault", "exit_0"])
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


def test_failures_before_a_death_are_told(case: Case) -> None:
    code, text = case.launch(
        """
        @pytest.mark.ranks(3)
        def test_fails(comm):
            assert comm.rank > 5, "what was wrong before"

        @pytest.mark.ranks(3)
        def test_dies(comm):
            os._exit(3)
        """
    )
    assert code == 1
    assert "--- test_case.py::test_fails[np3] ---" in text
    assert "what was wrong before" in text
    assert text.splitlines()[-1] == "python: 0 passed, 2 failed, 0 skipped"


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


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_the_launcher_takes_its_ranks_along(case: Case, tmp_path: Path, name: str) -> None:
    """Who ends the launcher by a signal has ended the ranks."""
    code, _ = case.launch(
        f"""
        @pytest.mark.ranks(3)
        def test_ends_the_launcher(comm):
            open(f"rank{{comm.rank}}", "w").write(str(os.getpid()))
            comm.Barrier()
            if comm.rank == 0:
                os.kill(int(os.environ["MATRASS_TEST_LAUNCHER"]), signal.{name})
            time.sleep(1000)
        """
    )
    assert code == 128 + getattr(signal, name)
    pids = [int((tmp_path / f"rank{rank}").read_text()) for rank in range(3)]
    assert not [pid for pid in pids if is_running(pid)]


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
