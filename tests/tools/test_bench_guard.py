# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/guard/run.py: JSON whatever happens, and an exit code that says what happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[2] / "benchmarks" / "guard" / "run.py"
# As mpiexec -n RANKS PROGRAM ARGUMENTS...: what the programs print, unless {trouble} comes first.
LAUNCHER = """#!/bin/sh
ranks=$2 name=${{3##*/}}
{trouble}
case $name in
  guard_calls)
    echo '{{"case": "barrier", "bytes": 0, "pmpi_us": 1.0, "mpi_us": 3.0, "ratio": 3.0}}' ;;
  guard_calls_plain)
    echo '{{"case": "barrier", "bytes": 0, "pmpi_us": 1.5, "mpi_us": 1.5, "ratio": 1.0}}' ;;
  guard_solve) echo 0.004 ;;
  guard_solve_plain) echo 0.002 ;;
esac
"""


def bench(folder, trouble, *options):
    """Run it with a launcher of its own: exit code, lines by case and ranks, standard error."""
    (folder / "mpiexec").write_text(LAUNCHER.format(trouble=trouble))
    (folder / "mpiexec").chmod(0o755)
    (folder / "CMakeCache.txt").write_text(f"MPIEXEC_EXECUTABLE:FILEPATH={folder}/mpiexec\n")
    run = subprocess.run(
        [sys.executable, RUN, "--build", folder, *options],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    lines = [json.loads(line, parse_constant=pytest.fail) for line in run.stdout.splitlines()]
    return run.returncode, {(line["case"], line["ranks"]): line for line in lines}, run.stderr


def test_all_is_well(tmp_path):
    code, lines, err = bench(tmp_path, "")
    assert (code, err) == (0, "")
    barrier = lines["barrier", 2]
    assert (barrier["plain_us"], barrier["guarded_us"], barrier["pmpi_us"]) == (1.5, 3.0, 1.0)
    assert (barrier["ratio"], barrier["in_process_ratio"]) == (2.0, 3.0)
    assert barrier["pairs"] >= 7
    assert {ranks for case, ranks in lines if case == "pdgesv"} == {2, 4, 8}
    assert all(line["ratio"] == 2.0 for line in lines.values())


@pytest.mark.parametrize("name", ["guard_calls", "guard_calls_plain", "guard_solve"])
def test_a_launch_that_fails_is_null_and_an_exit_code(tmp_path, name):
    trouble = f'if [ $name = {name} ]; then echo "no such host" >&2; exit 7; fi'
    code, lines, err = bench(tmp_path, trouble, "--quick")
    assert code == 1
    assert f"{name} on 2 ranks: exit code 7\n  no such host\n" in err
    line = lines["pdgesv" if "solve" in name else "barrier", 2]
    assert line["ratio"] is None
    assert [key for key in line if key.startswith("guarded_") and line[key] is None] == (
        [] if "plain" in name else [key for key in line if key.startswith("guarded_")]
    )


def test_nothing_at_all_still_has_its_lines(tmp_path):
    code, lines, _ = bench(tmp_path, "exit 1", "--quick")
    assert code == 1
    assert lines["calls", 2]["ratio"] is None
    assert lines["pdgesv", 2]["guarded_ms"] is None


def test_silence_is_a_failure(tmp_path):
    code, lines, err = bench(tmp_path, "exit 0", "--quick")
    assert code == 1
    assert "no output" in err
    assert lines["pdgesv", 2]["ratio"] is None


def test_a_run_that_is_too_slow(tmp_path):
    """Without the guard on more ranks than cores that is a finding, else a failure."""
    many = len(os.sched_getaffinity(0)) < 8
    trouble = "if [ $ranks = 8 ] && [ $name = guard_solve_plain ]; then exec sleep 9; fi"
    code, lines, err = bench(tmp_path, trouble, "--time-limit", "1")
    assert code == (0 if many else 1)
    assert "guard_solve_plain on 8 ranks: no end within 1 s" in err
    assert lines["pdgesv", 8]["plain_ms"] is None
    assert lines["pdgesv", 8]["guarded_ms"] == 4.0
    trouble = "if [ $ranks = 8 ] && [ $name = guard_solve ]; then exec sleep 9; fi"
    code, lines, _ = bench(tmp_path, trouble, "--time-limit", "1")
    assert code == 1
    assert lines["pdgesv", 8]["guarded_ms"] is None
