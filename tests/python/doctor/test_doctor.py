# SPDX-License-Identifier: BSD-3-Clause
"""`matrass doctor` on this machine, and on the same machine broken in the ways that happen."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import stand_in
from matrass.bootstrap import launcher, which_mpi
from matrass.doctor import machine, report
from stand_in import OPEN_MPIS


def doctor(*arguments, **environment):
    """Run `matrass doctor --json` and return its exit code, facts, and problems."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MPI4PY_")}
    run = subprocess.run(
        [sys.executable, "-m", "matrass", "doctor", "--json", *arguments],
        env=env | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.stdout.startswith("{"), run.stdout + run.stderr
    answer = json.loads(run.stdout)
    return run.returncode, answer["facts"], answer["problems"]


def fatal(problems):
    return [problem for problem in problems if problem["fatal"]]


def program(folder, name, says):
    """A program that says `says` and does nothing else."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_this_machine_is_healthy():
    code, facts, problems = doctor()
    assert (code, fatal(problems)) == (0, [])
    version = which_mpi.installation().info["mpi"]["version"]
    assert version in facts["built with"]
    assert version in facts["mpi4py"]
    assert version in facts["launcher"]
    assert facts["world"].startswith("2 ranks, thread level multiple")
    assert "32-bit integers" in facts["ScaLAPACK"]
    assert "32-bit integers" in facts["BLAS"]
    if "openblas" in facts["BLAS"]:
        assert re.search(r", \d+ threads?(;|$)", facts["BLAS"])
        share = max(1, len(os.sched_getaffinity(0)) // 2)
        threads = os.environ.get("OPENBLAS_NUM_THREADS", str(share))
        assert f"BLAS threads a rank: {threads}: " in facts["world"]
    assert str(which_mpi.installation().guard) in facts["MPI loaded"]
    assert facts["memory"].startswith("shared by 2 ranks, ")


def test_the_table_names_the_fix(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "matrass", "doctor"],
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.returncode == 1
    lines = run.stdout.splitlines()
    at = lines.index("problem: doctor: PATH must hold MPICH's mpiexec: got none")
    assert lines[at + 1].startswith("  fix: export PATH=")


@pytest.mark.parametrize("library", ["stand-in", *OPEN_MPIS])
def test_open_mpi_chosen_for_mpi4py(library, tmp_path):
    real = library != "stand-in"
    library = library if real else stand_in.open_mpi(tmp_path)
    code, facts, problems = doctor(MPI4PY_LIBMPI=library)
    assert code == 1
    assert facts["MPI loaded"] == str(Path(library).resolve())
    assert ("Open MPI" in facts["mpi4py"]) == real
    assert "world" not in facts, "a world would only fail of the same cause again"
    first = fatal(problems)[0]
    assert f"got MPI4PY_LIBMPI={library}, Open MPI" in first["what"]
    assert first["fix"] == "unset MPI4PY_LIBMPI"


@pytest.mark.parametrize(
    ("variable", "value", "level"),
    [("MPI4PY_RC_THREAD_LEVEL", "serialized", "serialized"), ("MPI4PY_RC_THREADS", "0", "single")],
)
def test_a_low_thread_level(variable, value, level):
    code, facts, problems = doctor(**{variable: value})
    assert (code, fatal(problems)) == (0, [])
    assert f"thread level {level}" in facts["world"]
    advice = next(problem for problem in problems if "thread level" in problem["what"])
    assert advice["what"].endswith(f"with thread level multiple: got {level}")
    assert variable in advice["fix"]


def test_no_launcher_in_path(tmp_path):
    code, facts, problems = doctor(PATH=str(tmp_path))
    own = Path(which_mpi.installation().info["mpi"]["launcher"])
    assert code == 1
    assert [problem["fix"] for problem in fatal(problems)] == [f"export PATH={own.parent}:$PATH"]
    assert facts["world"].startswith("2 ranks"), "its own launcher still works"


def test_only_open_mpis_launcher_in_path(tmp_path):
    program(tmp_path, "mpiexec", "mpiexec (OpenRTE) 4.1.4")
    code, _, problems = doctor(PATH=str(tmp_path))
    assert code == 1
    assert f"got Open MPI's {tmp_path}/mpiexec" in fatal(problems)[0]["what"]


def test_the_plain_name_is_open_mpis(tmp_path):
    program(tmp_path, "mpiexec", "mpiexec (OpenRTE) 4.1.4")
    code, facts, problems = doctor(PATH=f"{tmp_path}:{os.environ['PATH']}")
    if shutil.which("mpiexec.mpich") is None:
        pytest.skip("mpiexec.mpich is not in PATH")
    assert (code, fatal(problems)) == (0, [])
    assert "mpiexec.mpich" in facts["launcher"]
    advice = next(problem for problem in problems if "mpiexec should be MPICH's" in problem["what"])
    assert "mpiexec.mpich" in advice["fix"]


def test_a_launcher_of_another_world_starts_singletons(tmp_path):
    """A launcher that calls itself MPICH's, but starts worlds of one rank."""
    script = tmp_path / "mpiexec.mpich"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && echo HYDRA && exit\nshift 2\nexec "$@"\n')
    script.chmod(0o755)
    code, _, problems = doctor(PATH=str(tmp_path))
    assert code == 1
    assert "must start one world of 2 ranks: got worlds of 1" in fatal(problems)[0]["what"]


def test_a_probe_that_crashes_or_hangs_is_one_line():
    crash = [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"]
    assert report.run_probe(crash, dict(os.environ)) == "a crash (SIGSEGV)"
    hang = ["/bin/sh", "-c", "sleep 1000"]
    assert report.run_probe(hang, dict(os.environ), seconds=0.5) == "no answer within 0.5 s"
    error = [sys.executable, "-c", "raise ValueError('x')"]
    assert report.run_probe(error, dict(os.environ)) == "exit code 1: ValueError: x"


def test_shared_memory(tmp_path):
    assert machine.shared_memory(tmp_path / "none")[1].fatal
    value, _ = machine.shared_memory(Path("/dev/shm"))
    assert re.fullmatch(r"[\d.]+ [kMGT]B free of [\d.]+ [kMGT]B", value)


def test_private_memory():
    code, facts, problems = doctor(MATRASS_SHARED_MEMORY="off")
    assert (code, fatal(problems)) == (0, [])
    assert facts["memory"].startswith("private, with messages between ranks, ")
    advice = next(problem for problem in problems if "share the memory" in problem["what"])
    assert advice["what"].endswith(" is private (MATRASS_SHARED_MEMORY is off)")
    assert advice["fix"] == "unset MATRASS_SHARED_MEMORY"


def test_a_limit_of_file_sizes_makes_memory_private():
    run = "ulimit -f 1000000; exec " + shlex.join([sys.executable, "-m", "matrass", "doctor"])
    done = subprocess.run(
        ["/bin/sh", "-c", run], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "(the limit of file sizes (ulimit -f) is too low)\n  fix: ulimit -f unlimited\n" in (
        done.stdout
    )


SHARED = {"ranks": 2, "shared": True, "why_not": "", "huge": True}


def test_memory_that_is_shared():
    assert machine.matrix_memory(SHARED, 2) == ("shared by 2 ranks, huge pages", [])


def test_memory_that_is_out_of_reach():
    why = "not every rank can map the memory of every other"
    value, (problem,) = machine.matrix_memory(SHARED | {"shared": False, "why_not": why}, 2)
    assert value == "private, with messages between ranks, huge pages"
    assert problem.what.endswith(f"got messages, for {why}")
    assert problem.fix.startswith("let ranks open each other's /proc/PID/fd: ")
    assert not problem.fatal


def test_ranks_that_are_told_to_be_nodes_of_their_own(monkeypatch):
    monkeypatch.setenv("MATRASS_RANKS_PER_NODE", "1")
    _, (problem,) = machine.matrix_memory(SHARED | {"ranks": 1}, 2)
    assert problem.what.endswith("should be one node: got nodes of 1")
    assert (problem.fatal, problem.fix) == (False, "unset MATRASS_RANKS_PER_NODE")
    monkeypatch.delenv("MATRASS_RANKS_PER_NODE")
    _, (problem,) = machine.matrix_memory(SHARED | {"ranks": 1}, 2)
    assert problem.fix == "start all ranks as one user, in one container"


def test_small_pages(tmp_path):
    value, (problem,) = machine.matrix_memory(SHARED | {"huge": False}, 2)
    assert value == "shared by 2 ranks, small pages"
    assert problem.fix == machine.huge_pages_fix()
    assert not problem.fatal

    status = tmp_path / "status"
    status.write_text("Name:\tpython\nTHP_enabled:\t1\n")
    for release, word in [("5.15.0-91-generic", "Linux 6.1"), ("6.1.0", "compact_memory")]:
        assert word in machine.huge_pages_fix(tmp_path, status, release)
    assert "CONFIG_TRANSPARENT_HUGEPAGE" in machine.huge_pages_fix(tmp_path / "none")
    status.write_text("Name:\tpython\nTHP_enabled:\t0\n")
    assert "PR_SET_THP_DISABLE" in machine.huge_pages_fix(tmp_path, status)


SMALL_PAGES = """
import ctypes, runpy, sys
assert ctypes.CDLL(None).prctl(41, 1, 0, 0, 0) == 0  # PR_SET_THP_DISABLE
sys.argv = ["probe", "world"]
runpy.run_module("matrass.doctor.probe", run_name="__main__")
"""


def test_the_probe_sees_small_pages():
    answer = report.run_probe([sys.executable, "-c", SMALL_PAGES], dict(os.environ))
    assert answer["memory"] == {"ranks": 1, "shared": True, "why_not": "", "huge": False}


def test_huge_pages(tmp_path):
    (tmp_path / "enabled").write_text("always madvise [never]\n")
    value, problem = machine.transparent_huge_pages(tmp_path)
    assert value == "never, shared memory unknown"
    assert (problem.fatal, problem.fix) == (False, f"echo madvise > {tmp_path}/enabled")
    (tmp_path / "enabled").write_text("always [madvise] never\n")
    assert machine.transparent_huge_pages(tmp_path)[1] is None


def test_blas_threads_are_shared_out(monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    cores = len(os.sched_getaffinity(0))
    assert launcher.environment(1)["OPENBLAS_NUM_THREADS"] == str(cores)
    assert launcher.environment(10 * cores)["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert "OPENBLAS_NUM_THREADS" not in launcher.environment(1)


def test_matrass_run_starts_one_world(tmp_path):
    script = tmp_path / "hello.py"
    script.write_text(
        "import sys, matrass\nfrom mpi4py import MPI\n"
        "world = MPI.COMM_WORLD\n"
        "sys.stdout.write(f'rank {world.rank} of {world.size} {sys.argv[1:]}\\n')\n"
    )
    command = [sys.executable, "-m", "matrass", "run", "-n", "3", str(script), "-x", "1"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert sorted(run.stdout.splitlines()) == [f"rank {r} of 3 ['-x', '1']" for r in range(3)]
