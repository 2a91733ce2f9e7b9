# SPDX-License-Identifier: BSD-3-Clause
"""What a script raises about MPI and what `matrass doctor` shows is one and the same line."""

import json
import os
import subprocess
import sys

import pytest
import stand_in
from stand_in import OPEN_MPIS


@pytest.fixture(params=["stand-in", *OPEN_MPIS])
def open_mpi(request, tmp_path):
    """The path of an Open MPI: a library of its name, and those of this machine."""
    return stand_in.open_mpi(tmp_path) if request.param == "stand-in" else request.param


def python(*arguments, **environment):
    """Run Python with `arguments`: what it printed on stdout and on stderr."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MPI4PY_")}
    run = subprocess.run(
        [sys.executable, *arguments],
        env=env | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    return run.stdout, run.stderr


def raised(code, **environment):
    """What must be and how to mend it, as the MPIError says that `code` ends with."""
    _, err = python("-c", code, **environment)
    lines = [line for line in err.splitlines() if line.startswith("matrass.errors.MPIError: ")]
    assert len(lines) == 1, err
    what, _, fix = lines[0].removeprefix("matrass.errors.MPIError: ").partition(" (fix: ")
    assert fix.endswith(")"), lines[0]
    return what, fix.removesuffix(")")


def shown(**environment):
    """The doctor's fatal problems, from its JSON and from its table."""
    out, err = python("-m", "matrass", "doctor", "--json", **environment)
    assert err == ""
    problems = [(p["what"], p["fix"]) for p in json.loads(out)["problems"] if p["fatal"]]
    out, err = python("-m", "matrass", "doctor", **environment)
    assert err == ""
    for what, fix in problems:
        assert f"problem: {what}\n  fix: {fix}\n" in out
    return problems


def test_mpi4py_has_loaded_another_mpi(open_mpi):
    """As a script that imports mpi4py.MPI first: the stand-in is loaded as mpi4py would."""
    line = raised(f"import ctypes; ctypes.CDLL({open_mpi!r})\nimport matrass")
    assert line[1] == "import matrass before mpi4py.MPI, and leave MPI4PY_LIBMPI unset"
    assert line in shown(MPI4PY_LIBMPI=open_mpi)


def test_mpi4py_would_load_another_mpi(open_mpi):
    line = raised("import matrass as mt; mt.Grid()", MPI4PY_LIBMPI=open_mpi)
    assert line[1] == "unset MPI4PY_LIBMPI"
    assert shown(MPI4PY_LIBMPI=open_mpi)[0] == line


def test_another_mpi_is_preloaded(open_mpi):
    """The doctor's own process has the wrong MPI, too, and lives to tell."""
    line = raised("import matrass", LD_PRELOAD=open_mpi)
    assert line[1] == "unset LD_PRELOAD"
    assert shown(LD_PRELOAD=open_mpi) == [line]


@pytest.mark.parametrize("text", [None, "raise ImportError('libmpi.so: cannot open')", "1 / 0"])
def test_mpi4py_does_not_load(tmp_path, text):
    folder = tmp_path / "mpi4py"
    folder.mkdir()
    (folder / "__init__.py").write_text("__version__ = '4.1.0'\ndef rc(**settings): pass\n")
    if text:
        (folder / "MPI.py").write_text(text)
    path = {"PYTHONPATH": str(tmp_path)}
    line = raised("import matrass as mt; mt.Grid()", **path)
    assert line[0].startswith("matrass: mpi4py must load MPI: got ")
    assert line[1].startswith("apt-get install mpich; pip install --force-reinstall ")
    assert shown(**path) == [line]


def test_no_mpi4py_at_all(tmp_path):
    (tmp_path / "mpi4py.py").write_text("raise ModuleNotFoundError(\"No module named 'mpi4py'\")\n")
    path = {"PYTHONPATH": str(tmp_path)}
    line = raised("import matrass as mt; mt.Grid()", **path)
    assert line[0] == "matrass: mpi4py must load MPI: got No module named 'mpi4py'"
    assert shown(**path) == [line]
