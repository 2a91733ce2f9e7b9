# SPDX-License-Identifier: BSD-3-Clause
"""The main program of the C++ tests, tried on tests that fail, hang and die (misbehave.cpp)."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

MPIEXEC = os.environ.get("MATRASS_MPIEXEC", "mpiexec.mpich")
BUILD = Path(os.environ.get("MATRASS_BUILD_DIR", Path(__file__).parents[2] / "build" / "dev"))
PROGRAM = BUILD / "tests" / "cpp" / "support" / "matrass_misbehave"
DEADLINE = 200.0

pytestmark = [
    pytest.mark.time_limit(240),
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built"),
]


def run(tests: str, *, ranks: int = 3) -> tuple[int, str]:
    """The tests that a GoogleTest filter chooses."""
    environment = {k: v for k, v in os.environ.items() if k != "MATRASS_CAMPAIGN"}  # long limits
    done = subprocess.run(
        [MPIEXEC, "-n", str(ranks), str(PROGRAM), f"--gtest_filter={tests}"],
        env={**environment, "OPENBLAS_NUM_THREADS": "1", "UCX_HANDLE_ERRORS": "none"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=DEADLINE,
        check=False,
    )
    text = done.stdout.decode(errors="replace")
    print(text)
    print(f"exit code {done.returncode}")
    return done.returncode, text


def stacks(text: str) -> dict[str, str]:
    """Rank -> what the watchdog printed for it."""
    return dict(re.findall(r"\[rank (\d) of 3\]((?:.*\S.*\n)*)", text))


@pytest.mark.parametrize("ranks", [1, 2, 6])
def test_good_tests_pass_once(ranks: int) -> None:
    code, text = run("Good.*:Later.*", ranks=ranks)
    assert code == 0
    assert text.count("[==========] Running 4 tests") == 1
    assert text.count("[  PASSED  ]") == 1


def test_failures_are_told_with_their_ranks_and_tests_stay_in_step() -> None:
    code, text = run("Fails.*:Later.*")
    assert code == 1
    assert "6 FAILED TESTS" in text
    assert re.search(r"\[       OK \] Later.IsNotShifted", text)
    assert re.search(
        r"rank 1:\n.*misbehave.cpp:\d+: Expected equality.*\n.*\n.*\n.*\nthe culprit's", text
    )
    assert "on 2 ranks" in text
    assert "the batches after" not in text
    assert "they left the test before it" in text
    assert 'C++ exception with description "thrown on one rank"' in text
    assert "only ranks 1 skipped the test" in text


def test_failed_rank_in_a_collective_test() -> None:
    """The limit is a minute, but a failed rank gives the others ten seconds to come."""
    code, text = run("Hangs.AfterAFatalFailureOnOneRank")
    assert code != 0
    assert text.count("a rank failed, left the test and waited in vain for the others") == 3
    assert "the culprit's own words" in text
    for rank in ("0", "2"):
        assert "Allreduce" in stacks(text)[rank]
        assert "AfterAFatalFailureOnOneRank_Test::TestBody()" in stacks(text)[rank]


@pytest.mark.parametrize("test", ["OneRankSleeps", "OneRankComputes"])
def test_hang_shows_every_stack(test: str) -> None:
    code, text = run(f"Hangs.{test}")
    assert code != 0
    assert sorted(stacks(text)) == ["0", "1", "2"]
    assert f"Hangs.{test}: " in stacks(text)["0"]
    assert "the time limit of 3 s is over" in text
    assert re.search(r"TestBody.* at .*misbehave.cpp:\d+", stacks(text)["1"])


def test_stopped_rank_ends_with_the_others() -> None:
    code, text = run("Hangs.OneRankIsStopped")
    assert code != 0
    assert sorted(stacks(text)) == ["0", "2"]


@pytest.mark.parametrize(("test", "signal"), [("Segfault", 11), ("Abort", 6)])
def test_crash_shows_rank_test_and_line(test: str, signal: int) -> None:
    code, text = run(f"Dies.{test}")
    assert code != 0
    assert f"[rank 1 of 3] Dies.{test}: fatal signal {signal}" in text
    assert re.search(rf"Dies_{test}_Test::TestBody.*misbehave.cpp:\d+", text)


@pytest.mark.parametrize("test", ["Exit", "EveryRankExits"])
def test_exit_is_no_success(test: str) -> None:
    code, text = run(f"Dies.{test}")
    assert code != 0
    assert "exit() was called in the middle of the tests" in text


def test_immediate_exit_is_no_success() -> None:
    code, _ = run("Dies.ExitsAtOnce")
    assert code != 0
