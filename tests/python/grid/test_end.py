# SPDX-License-Identifier: BSD-3-Clause
"""A rank that ends alone, in whatever way, ends the job: nobody waits for it for ever."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
if sys.argv[2] == "mpi4py":
    import matrass
    from mpi4py import MPI
import matrass as mt
from mpi4py import MPI

grid = mt.Grid()
A = mt.from_function(grid, (50, 40), lambda i, j: i + j)
if grid.rank == 1:
    way = sys.argv[1]
    if way == "raise":
        raise ValueError("alone")
    if way == "exit":
        sys.exit(3)
    if way == "exit 0":
        sys.exit(0)
    if way == "interrupt":
        raise KeyboardInterrupt
    if way == "own grid":
        B = mt.DistMatrix(mt.Grid(MPI.COMM_SELF), (2, 3))
        B @ B
    assert way in ("together", "error of all"), way
A.to("VC,STAR").norm()
if sys.argv[1] == "error of all":
    A @ A
print("went on", flush=True)
"""

LAST_WORDS = {
    "raise": "rank 1 ends by ValueError",
    "exit": "rank 1 has ended its program",
    "exit 0": "rank 1 has ended its program",
    "interrupt": "rank 1 ends by KeyboardInterrupt",
    "own grid": "rank 1 ends by ShapeError",
    "error of all": "columns of op(A) must equal rows",
}


def run(tmp_path, *arguments):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "matrass", "run", "-n", "3", str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.time_limit(120)
@pytest.mark.parametrize("who", ["matrass", "mpi4py"])  # starts MPI
@pytest.mark.parametrize("way", LAST_WORDS)
def test_nobody_waits_for_a_rank_that_has_ended(tmp_path, way, who):
    done = run(tmp_path, way, who)
    assert done.returncode != 0
    assert "went on" not in done.stdout
    assert LAST_WORDS[way] in done.stderr


@pytest.mark.time_limit(120)
@pytest.mark.parametrize("who", ["matrass", "mpi4py"])
def test_all_end_together(tmp_path, who):
    done = run(tmp_path, "together", who)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("went on") == 3
