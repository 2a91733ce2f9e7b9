# SPDX-License-Identifier: BSD-3-Clause
"""Projects outside the tree: C++ by find_package and pkg-config, and a nanobind extension."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from outside import clean_environment, mpiexec, run

pytestmark = pytest.mark.time_limit(900)  # the first test builds for all

HERE = Path(__file__).resolve().parent
RANKS = 2


def check_consumer(program, guard):
    """Run the consumer on two ranks, and see that it found the numbers and the guard."""
    out = run(mpiexec(), "-n", RANKS, program, cwd="/", seconds=120)
    assert f"ranks {RANKS}\n" in out
    assert float(re.search(r"error (\S+)", out)[1]) < 1e-10
    libraries = re.findall(r"library (\S+)", out)
    assert [name for name in libraries if "libmpi.so" in name] == ([str(guard)] if guard else []), (
        out
    )
    assert any("/libmpich.so" in library for library in libraries), out
    assert not any(".so.40" in library for library in libraries), out


def build_by_cmake(folder, *settings):
    """Configure and build the consumer in `folder`, away from its source."""
    shutil.copytree(HERE / "consumer", folder / "source")
    run("cmake", "-S", "source", "-B", "out", "-G", "Ninja", *settings, cwd=folder)
    run("cmake", "--build", "out", cwd=folder)
    return folder / "out" / "consumer"


def test_find_package(tmp_path, prefix):
    program = build_by_cmake(tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}")
    check_consumer(program, prefix / "lib" / "matrass" / "libmpi.so.12")


def test_find_package_from_the_wheel(tmp_path, installed, package):
    folder = run(installed.python, "-m", "matrass", "--cmakedir", cwd=tmp_path).strip()
    program = build_by_cmake(tmp_path, f"-Dmatrass_DIR={folder}")
    check_consumer(program, package / "lib" / "matrass" / "libmpi.so.12")


FAKE_HEADER = """
#define OPEN_MPI 1
#define MPI_VERSION 3
#define MPI_SUBVERSION 1
int MPI_Init(int*, char***);
int MPI_Finalize(void);
"""
FAKE_SOURCE = (
    "int MPI_Init(int* a, char*** b) { return 0; }\nint MPI_Finalize(void) { return 0; }\n"
)
FAKE_WRAPPER = """#!/bin/sh
case $1 in
  -show*) echo cc -I{folder} -L{folder} -Wl,-rpath,{folder} -lmpi ;;
  *) exec cc -I{folder} "$@" -L{folder} -Wl,-rpath,{folder} -lmpi ;;
esac
"""


@pytest.fixture
def open_mpi(tmp_path):
    """The compiler of an MPI that says of itself what Open MPI says."""
    folder = tmp_path / "openmpi"
    folder.mkdir()
    (folder / "mpi.h").write_text(FAKE_HEADER)
    (folder / "mpi.c").write_text(FAKE_SOURCE)
    shared = ("cc", "-shared", "-fPIC", "-Wl,-soname,libmpi.so.40", "-o", "libmpi.so.40", "mpi.c")
    run(*shared, cwd=folder)
    (folder / "libmpi.so").symlink_to("libmpi.so.40")
    (folder / "mpicc").write_text(FAKE_WRAPPER.format(folder=folder))
    (folder / "mpicc").chmod(0o755)
    return folder / "mpicc"


def test_find_package_refuses_another_mpi(tmp_path, prefix, open_mpi):
    shutil.copytree(HERE / "consumer", tmp_path / "source")
    settings = (f"-DCMAKE_PREFIX_PATH={prefix}", f"-DMPI_C_COMPILER={open_mpi}")
    command = ("cmake", "-S", "source", "-B", "out", "-G", "Ninja", *settings)
    code, out = run(*command, cwd=tmp_path, check=False)
    assert code != 0
    assert "but the MPI found is" in out, out


def test_pkg_config(tmp_path, prefix):
    env = clean_environment(PKG_CONFIG_PATH=prefix / "lib" / "pkgconfig")
    (tmp_path / "main.cpp").write_text((HERE / "consumer" / "main.cpp").read_text())
    flags = run("pkg-config", "--cflags", "--libs", "matrass", cwd=tmp_path, env=env).split()
    run("c++", "-std=c++20", "-O1", "main.cpp", "-o", "consumer", *flags, cwd=tmp_path)
    check_consumer(tmp_path / "consumer", prefix / "lib" / "matrass" / "libmpi.so.12")


def test_headers_alone(tmp_path, prefix):
    """Without the library and the guard the headers still hold everything."""
    env = clean_environment(PKG_CONFIG_PATH=prefix / "lib" / "pkgconfig")
    flags = run("pkg-config", "--cflags", "--libs", "matrass", cwd=tmp_path, env=env).split()
    left_out = ("-DMATRASS_LINKED", "-lmatrass", "-l:libmpi.so.12")
    assert set(left_out) <= set(flags)
    flags = [flag for flag in flags if flag not in left_out]
    main = HERE / "consumer" / "main.cpp"
    run("c++", "-std=c++20", main, "-o", "consumer", *flags, cwd=tmp_path)
    check_consumer(tmp_path / "consumer", guard=None)


def test_the_guard_is_not_where_other_programs_look(prefix):
    public = {path.name for path in (prefix / "lib").iterdir()}
    assert not [name for name in public if name.startswith("libmpi")]


def test_open_mpi_is_refused_when_matrass_is_built(tmp_path, source, open_mpi):
    settings = (f"-DMPI_C_COMPILER={open_mpi}", "-DMATRASS_PYTHON=OFF", "-G", "Ninja")
    code, out = run("cmake", "-S", source, "-B", "out", *settings, cwd=tmp_path, check=False)
    assert code != 0
    assert "is not of the MPICH family" in out, out
    assert "-DMPI_EXECUTABLE_SUFFIX=.mpich" in out


def test_a_scalapack_of_another_mpi_is_refused(tmp_path, source):
    """FindSCALAPACK reads the library's NEEDED entries: here a stand-in that names Open MPI's."""
    (tmp_path / "mpi.c").write_text("int MPI_stand_in;\n")
    names = ("pdgesv_", "pdgemm_", "Cblacs_gridmap", "Cpdgemr2d")
    (tmp_path / "scalapack.c").write_text("".join(f"void {name}(void) {{}}\n" for name in names))
    shared = ("cc", "-shared", "-fPIC", "-o")
    run(*shared, "libmpi.so.40", "-Wl,-soname,libmpi.so.40", "mpi.c", cwd=tmp_path)
    keep = ("-Wl,--no-as-needed", "-L.", "-l:libmpi.so.40", "-Wl,-rpath,.")
    run(*shared, "libscalapack.so", "scalapack.c", *keep, cwd=tmp_path)
    code, out = run(
        *("cmake", "-S", source, "-B", "out", "-G", "Ninja", "-DMATRASS_PYTHON=OFF"),
        f"-DSCALAPACK_LIBRARIES={tmp_path}/libscalapack.so",
        cwd=tmp_path,
        check=False,
    )
    assert code != 0
    assert "was built with libmpi.so.40, but the MPI found is" in out, out


NANOBIND_SCRIPT = """
import sys
import numpy as np
import matrass as mt
sys.path.insert(0, sys.argv[1])
import nanobind_view

grid = mt.Grid()
A = mt.from_function(grid, (13, 7), lambda i, j: i + 13.0 * j, layout="MC,MR", block=(2, 3))
local = A.local
address, rows, columns, row_step, column_step = nanobind_view.about(local)
assert address == local.ctypes.data, (address, local.ctypes.data)
assert (rows, columns) == local.shape
assert rows < 2 or columns == 0 or row_step == 1, "column-major"
before = local.copy()
nanobind_view.scale(local, 2.0)
assert np.array_equal(A.local, 2 * before), "written where the matrix lies"
whole = A.numpy(root=None)
assert np.array_equal(whole, 2 * (np.arange(13)[:, None] + 13.0 * np.arange(7)[None, :]))
sys.stdout.write(f"rank {grid.rank} shares {rows}x{columns}\\n")
"""


def test_nanobind_takes_a_local_part_without_a_copy(tmp_path):
    shutil.copytree(HERE / "nanobind_view", tmp_path / "source")
    settings = (
        "-G",
        "Ninja",
        "-DCMAKE_BUILD_TYPE=Release",
        f"-DPython_EXECUTABLE={sys.executable}",
    )
    run("cmake", "-S", "source", "-B", "out", *settings, cwd=tmp_path)
    run("cmake", "--build", "out", cwd=tmp_path)
    (tmp_path / "script.py").write_text(NANOBIND_SCRIPT)
    for ranks in (1, 4):
        start = (mpiexec(), "-n", ranks, sys.executable)
        out = run(*start, "script.py", tmp_path / "out", cwd=tmp_path, seconds=120)
        assert out.count("shares") == ranks, out


def test_the_build_uses_mpichs_launcher():
    assert "HYDRA" in run(mpiexec(), "--version", cwd="/")
