# SPDX-License-Identifier: BSD-3-Clause
"""`pip install .` into an empty environment, and the driver's side where there is no MPI."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from outside import Venv, clean_environment, mpiexec, run

pytestmark = pytest.mark.time_limit(900)  # the first test builds for all

NO_MPI = Path(__file__).resolve().with_name("no_mpi.sh")

TYPED_SCRIPT = """
import matrass as mt

def rows(a: mt.DistMatrix) -> int:
    return a.shape[0]

reveal_type(mt.Grid().size)
reveal_type(rows)
error: mt.ShapeError = mt.ShapeError("x")
rows("not a matrix")
"""


def test_the_wheel_holds_what_it_should(package):
    names = {path.name for path in package.iterdir()}
    assert {"py.typed", "_core.pyi", "libmpi.so.12", "build_info.json", "include", "lib"} <= names
    assert [name for name in names if name.startswith("_core.cpython-")]
    assert (package / "include" / "matrass" / "matrass.hpp").exists()
    assert {path.name for path in package.parent.iterdir()} & {"include", "lib", "cmake"} == set()


def test_ranks_run_outside_the_tree(tmp_path, installed, package):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "import numpy as np\n"
        "import matrass as mt\n"
        "from matrass.bootstrap.which_mpi import loaded_mpi\n"
        "grid = mt.Grid()\n"
        "A = mt.from_function(grid, (50, 8), lambda i, j: i + 50.0 * j, layout='VC,STAR')\n"
        "G = A.T @ A\n"
        "x = np.arange(400.0).reshape(8, 50).T\n"
        "assert np.allclose(G.numpy(root=None), x.T @ x)\n"
        "libraries = ' '.join(map(str, loaded_mpi()))\n"
        "line = f'rank {grid.rank} of {grid.size}: {mt.__file__} {libraries}\\n'\n"
        "sys.stdout.write(line)\n"
    )
    out = run(mpiexec(), "-n", 2, installed.python, script, cwd=tmp_path, seconds=120)
    assert out.count(f"of 2: {package}/__init__.py ") == 2, out
    assert out.count(f"{package}/libmpi.so.12") == 2, out


def test_import_loads_no_mpi(tmp_path, installed):
    installed.run(
        "import sys, matrass\n"
        "maps = open('/proc/self/maps').read()\n"
        "assert 'libmpi' not in maps and 'scalapack' not in maps\n"
        "assert not {'mpi4py', 'matrass._core', 'numpy'} & sys.modules.keys()",
        cwd=tmp_path,
    )


def test_type_checkers_see_the_types(tmp_path, installed):
    (tmp_path / "script.py").write_text(TYPED_SCRIPT)
    mypy = (
        installed_mypy(),
        "--strict",
        "--no-incremental",
        "--python-executable",
        installed.python,
    )
    code, out = run(*mypy, "script.py", cwd=tmp_path, check=False)
    assert code == 1, out
    assert re.search(r'Revealed type is "(builtins\.)?int"', out), out
    assert 'incompatible type "str"; expected "DistMatrix"' in out, out
    assert "Found 1 error in 1 file" in out, out


def installed_mypy():
    """The mypy of the environment that runs the tests."""
    return Path(sys.executable).with_name("mypy")


def test_the_command_line(tmp_path, installed):
    out = run(installed.folder / "bin" / "matrass", "--help", cwd=tmp_path)
    assert "doctor" in out
    out = run(installed.folder / "bin" / "matrass", "doctor", cwd=tmp_path)
    assert "Ranks can run here." in out


def test_a_core_whose_library_is_broken(tmp_path, installed, package):
    """A library that does not load is one line with its fix, from the doctor and at first use."""
    run("cp", "-r", package, tmp_path / "matrass", cwd=tmp_path)
    (tmp_path / "matrass" / "libmpi.so.12").write_text("")
    env = clean_environment(PYTHONPATH=tmp_path)
    doctor = (installed.python, "-m", "matrass", "doctor")
    code, out = run(*doctor, cwd=tmp_path, env=env, check=False)
    assert code == 1
    assert "problem: matrass: the MPI core must load: got " in out, out
    assert "  fix: apt-get install " in out
    code, out = run(
        installed.python,
        "-c",
        "import matrass as mt; mt.Grid()",
        cwd=tmp_path,
        env=env,
        check=False,
    )
    assert code == 1
    last = out.strip().splitlines()[-1]
    assert last.startswith("matrass.errors.MPIError: matrass: the MPI core must load: got "), out


@pytest.fixture(scope="module")
def driver(tmp_path_factory, source):
    """An environment made by `pip install .` where no MPI and no ScaLAPACK are to be found."""
    if subprocess.run([NO_MPI, "true"], check=False).returncode != 0:
        pytest.skip("this machine allows no mount namespace to hide MPI in")
    venv = Venv(tmp_path_factory.mktemp("driver") / "venv")
    venv.pip_install(source, under=(NO_MPI,))
    return venv


def on_the_driver(driver, code, cwd):
    """Run Python code where no MPI is to be found."""
    return run(NO_MPI, driver.python, "-c", code, cwd=cwd, check=False)


def test_the_driver_side_needs_no_mpi(tmp_path, driver):
    code, out = on_the_driver(
        driver,
        "import ctypes, matrass as mt\n"
        "try:\n    ctypes.CDLL('libmpich.so.12')\n"
        "except OSError:\n    pass\n"
        "else:\n    raise SystemExit('an MPI is to be found')\n"
        "assert issubclass(mt.MemoryLimitError, MemoryError)\n"
        "assert str(mt.Layout('VC,STAR')) == '[VC,STAR]'\n"
        "assert mt.__version__\n",
        tmp_path,
    )
    assert code == 0, out


def test_ranks_on_the_driver_are_one_clear_line(tmp_path, driver):
    code, out = on_the_driver(driver, "import matrass as mt; mt.Grid()", tmp_path)
    assert code == 1
    last = out.strip().splitlines()[-1]
    assert last.startswith("matrass.errors.MPIError: matrass: ranks need the MPI core"), out
    assert "(fix: apt-get install " in last


def test_the_doctor_on_the_driver(tmp_path, driver):
    doctor = (NO_MPI, driver.python, "-m", "matrass", "doctor")
    code, out = run(*doctor, cwd=tmp_path, check=False)
    assert code == 1
    assert "problem: matrass: ranks need the MPI core: got an installation without it" in out, out
    assert "problem: doctor: PATH must hold MPICH's mpiexec: got none" in out, out


def test_cmakedir_on_the_driver(tmp_path, driver):
    code, out = run(driver.python, "-m", "matrass", "--cmakedir", cwd=tmp_path, check=False)
    assert code == 1
    assert "ranks need the MPI core" in out


def test_an_mpi_core_that_is_asked_for_is_not_left_out(tmp_path, driver, source):
    """-DMATRASS_MPI=ON fails where there is no MPI, instead of installing half."""
    command = ("cmake", "-S", source, "-B", "out", "-G", "Ninja", "-DMATRASS_MPI=ON")
    code, out = run(NO_MPI, *command, cwd=tmp_path, check=False)
    assert code != 0
    assert "Could NOT find MPI" in out, out


@pytest.mark.time_limit(1800)
@pytest.mark.skipif(not os.environ.get("MATRASS_CAMPAIGN"), reason="long: only in ./run campaign")
def test_a_plain_pip_install(tmp_path, source):
    """As users type it, with the pip of their own new environment and nothing from this one."""
    clean = clean_environment(PATH="/usr/local/bin:/usr/bin:/bin", CCACHE_DISABLE=1)
    for name in ("CC", "CXX", "CFLAGS", "CXXFLAGS", "CMAKE_ARGS", "SKBUILD_CMAKE_ARGS"):
        clean.pop(name, None)
    outside = {"cwd": tmp_path, "env": clean}
    tree = tmp_path / "matrass"  # without the link to this environment that `installed` makes
    shutil.copytree(source, tree, ignore=shutil.ignore_patterns(".venv"))
    run(sys.executable, "-m", "venv", "fresh", **outside)
    run("fresh/bin/pip", "install", "./matrass", seconds=1700, **outside)
    shutil.rmtree(tree)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, numpy as np, matrass as mt\n"
        "grid = mt.Grid()\n"
        "A = mt.from_function(grid, (50, 8), lambda i, j: 1 / (1 + i + j), layout='VC,STAR')\n"
        "U, S, V, residual = mt.linalg.truncated_svd(A, 3)\n"
        "G = (A.T @ A).numpy(root=None)\n"
        "assert np.allclose(np.linalg.eigvalsh(G)[::-1][:3], S**2)\n"
        "sys.stdout.write(f'rank {grid.rank} of {grid.size}\\n')\n"
    )
    out = run("fresh/bin/matrass", "run", "-n", 3, script, seconds=120, **outside)
    assert sorted(out.splitlines()) == [f"rank {rank} of 3" for rank in range(3)]
    assert "Ranks can run here." in run("fresh/bin/matrass", "doctor", **outside)
