# SPDX-License-Identifier: BSD-3-Clause
"""Importing matrass loads no MPI, prepares the right one, and refuses to meet a wrong one.

Each case runs in a process of its own.
"""

import os
import subprocess
import sys

import pytest
import stand_in
from matrass.bootstrap import which_mpi
from stand_in import OPEN_MPIS


def python(code, **environment):
    """Run `code` in a new interpreter and return its exit code and what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MPI4PY_")}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=env | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


@pytest.fixture(params=["stand-in", *OPEN_MPIS])
def open_mpi(request, tmp_path):
    """The path of an Open MPI: a library of its name, and those of this machine."""
    return stand_in.open_mpi(tmp_path) if request.param == "stand-in" else request.param


def test_import_loads_neither_mpi_nor_numpy():
    code, out = python(
        "import sys, matrass as mt\n"
        "from matrass.bootstrap.which_mpi import loaded_mpi\n"
        "assert loaded_mpi() == [], loaded_mpi()\n"
        "assert not {'mpi4py', 'numpy', 'matrass._core'} & sys.modules.keys(), sys.modules.keys()\n"
        "mt.Error, mt.Layout, mt.__version__, dir(mt)\n"
        "assert loaded_mpi() == [], loaded_mpi()\n"
        "assert not {'mpi4py', 'matrass._core'} & sys.modules.keys()"
    )
    assert code == 0, out


def test_mpi4py_takes_the_guard_after_import():
    code, out = python(
        "import matrass\n"
        "from matrass.bootstrap import which_mpi\n"
        "import mpi4py; mpi4py.rc(initialize=False)\n"
        "from mpi4py import MPI\n"
        "found = which_mpi.installation()\n"
        "assert found.guard in which_mpi.loaded_mpi(), which_mpi.loaded_mpi()\n"
        "assert which_mpi.wrong_mpi(found) is None\n"
        "assert found.info['mpi']['version'] in MPI.Get_library_version()\n"
        "matrass._core\n"
        "assert which_mpi.wrong_mpi(found) is None\n"
        "assert not MPI.Is_initialized()"
    )
    assert code == 0, out


def test_core_before_mpi4py_shares_its_mpi():
    code, out = python(
        "import matrass\n"
        "from matrass.bootstrap import which_mpi\n"
        "matrass._core\n"
        "from mpi4py import MPI\n"
        "assert which_mpi.wrong_mpi(which_mpi.installation()) is None\n"
        "assert sum('libmpi.so' in str(path) for path in which_mpi.loaded_mpi()) == 1"
    )
    assert code == 0, out


def test_import_refuses_a_wrong_mpi_that_is_loaded(open_mpi):
    code, out = python(f"import ctypes; ctypes.CDLL({open_mpi!r})\nimport matrass")
    assert code == 1
    line = out.strip().splitlines()[-1]
    assert line.startswith("matrass.errors.MPIError: matrass: MPI in this process must be MPICH")
    assert "got Open MPI, " in line
    assert line.endswith("(fix: import matrass before mpi4py.MPI, and leave MPI4PY_LIBMPI unset)")


def test_first_use_refuses_a_wrong_mpi_that_would_be_loaded(open_mpi):
    code, out = python("import matrass as mt\nmt.Error\nmt._core", MPI4PY_LIBMPI=open_mpi)
    assert code == 1
    line = out.strip().splitlines()[-1]
    assert line.startswith("matrass.errors.MPIError: matrass: mpi4py must load ")
    assert f", MPICH {which_mpi.installation().info['mpi']['version']} (libmpich.so.12): " in line
    assert line.endswith(f"got MPI4PY_LIBMPI={open_mpi}, Open MPI (fix: unset MPI4PY_LIBMPI)")


def test_first_use_refuses_a_wrong_mpi_that_came_in_between(open_mpi):
    code, out = python(
        f"import matrass as mt, ctypes; ctypes.CDLL({open_mpi!r})\n"
        "try:\n    mt._core\nexcept mt.MPIError as error:\n    print('refused', error)"
    )
    assert code == 0, out
    assert out.startswith("refused matrass: MPI in this process must be MPICH")


def test_plain_mpich_is_the_right_mpi_without_the_guard():
    plain = which_mpi.installation().info["mpi"]["library"]
    code, out = python(
        f"import ctypes; ctypes.CDLL({plain!r})\n"
        "import matrass\n"
        "from matrass.bootstrap import which_mpi\n"
        "wrong = which_mpi.wrong_mpi(which_mpi.installation())\n"
        "assert not wrong.fatal and 'through matrass\\'s guard' in wrong.what, wrong\n"
        "matrass._core"
    )
    assert code == 0, out


def test_a_choice_that_users_made_is_kept():
    code, out = python("import matrass, os\nprint(os.environ['MPI4PY_LIBMPI'])", MPI4PY_LIBMPI="/x")
    assert (code, out.strip()) == (0, "/x")


@pytest.mark.parametrize(
    ("library", "family"),
    [
        ("/usr/lib/libmpich.so.12", "MPICH"),
        ("/opt/lib/libmpi.so.12", "an MPI of the MPICH family"),
        ("/usr/lib/libmpi.so.40", "Open MPI"),
    ],
)
def test_families_by_name(library, family):
    assert which_mpi.describe(library) == family


def test_mpi4py_that_does_not_load_is_one_line_at_first_use(tmp_path):
    (tmp_path / "mpi4py").mkdir()
    (tmp_path / "mpi4py" / "__init__.py").write_text("")
    (tmp_path / "mpi4py" / "MPI.py").write_text("raise RuntimeError('cannot load MPI library\\nx')")
    code, out = python("import matrass as mt\nmt.Grid()", PYTHONPATH=str(tmp_path))
    assert code == 1
    line = out.strip().splitlines()[-2]  # the last one says how this rank leaves MPI
    what = "matrass.errors.MPIError: matrass: mpi4py must load MPI: got cannot load MPI library"
    assert line.startswith(f"{what} (fix: apt-get install mpich; pip install ")
