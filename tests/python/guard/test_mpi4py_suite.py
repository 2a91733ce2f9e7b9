# SPDX-License-Identifier: BSD-3-Clause
"""mpi4py's own tests of communication run through the guard, with no new failure.

The tests are in mpi4py's source distribution, which pip brings into a cache folder; nothing of it
is kept here. Without the guard more ranks than cores take very long, so the stub without wrappers
runs only the tests that failed.
"""

import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from conftest import CAMPAIGN
from world import GUARD, TOOLS

PLAIN = TOOLS / "plain" / "libmpi.so.12"
TWO_SIDED = ("test_p2p_", "test_cco_", "test_comm", "test_msg", "test_request", "test_threads")
ALL = (*TWO_SIDED, "test_rma", "test_win", "test_io", "test_file")
# Each wait of one rank for another's turn takes long where they share a core: less for several.
SOME = (r"test_p2p_buf\.py", r"test_p2p_obj\.py", r"test_cco_obj\.py", "test_win", "test_file")
RUNS = [(1, ALL), (2, ALL if CAMPAIGN else SOME), (3, ALL if CAMPAIGN else SOME)]
MINIMUM = 80  # tests in any of these runs
TIME_LIMIT = 2400.0 if CAMPAIGN else 600.0
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "matrass-tests"


@pytest.fixture(scope="module")
def suite():
    """mpi4py's sources of the installed version, unpacked."""
    version = importlib.metadata.version("mpi4py")
    folder = CACHE / f"mpi4py-{version}"
    if not (folder / "test" / "main.py").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary=mpi4py",
        ]
        subprocess.run([*pip, f"--dest={CACHE}", f"mpi4py=={version}"], check=True)
        with tarfile.open(CACHE / f"mpi4py-{version}.tar.gz") as archive:
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # since 3.11.4
            archive.extractall(CACHE, **safe)
    return folder


def run(suite, stub, ranks, options):
    """The exit code and what all ranks printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PMI_", "MPI"))}
    environment |= {"MPI4PY_LIBMPI": str(stub), "OPENBLAS_NUM_THREADS": "1"}
    command = ["timeout", "-k", "5", str(TIME_LIMIT), "mpiexec.mpich", "-n", str(ranks)]
    command += [sys.executable, "test/main.py", "-v", *options]
    done = subprocess.run(
        command,
        cwd=suite,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def failures(output):
    """`module.Class.test` of the tests that failed on any rank."""
    return set(re.findall(r"^(?:FAIL|ERROR): \w+ \(([\w.]+)\)", output, re.MULTILINE))


@pytest.mark.time_limit(2 * TIME_LIMIT)
@pytest.mark.parametrize(("ranks", "modules"), RUNS, ids=["np1", "np2", "np3"])
def test_mpi4py_has_no_new_failure(suite, ranks, modules):
    options = [word for module in modules for word in ("-i", module)]
    code, output = run(suite, GUARD, ranks, options)
    count = [int(n) for n in re.findall(r"^Ran (\d+) tests", output, re.MULTILINE)]
    assert len(count) == ranks, output[-4000:]
    assert min(count) > MINIMUM
    failed = failures(output)
    if not failed:
        assert code == 0, output[-4000:]
        return
    names = [word for test in failed for word in ("-k", test)]
    _, plain_output = run(suite, PLAIN, ranks, names)
    assert failed <= failures(plain_output), output[-4000:]
