# SPDX-License-Identifier: BSD-3-Clause
"""What the packaging tests share, all outside the tree: a prefix, a source, an environment.

And time limits with stacks.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))
sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "support"))

from outside import BUILD, ROOT, Venv, run

pytest_plugins = ("spmd.plugin",)


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """An empty folder into which `cmake --install` put the library that the build made."""
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", folder, "--component", "cpp", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A copy of the source as a clone has it: no build, no virtual environment."""
    folder = tmp_path_factory.mktemp("source") / "matrass"
    skip = shutil.ignore_patterns(
        ".git", ".venv", "build", "__pycache__", ".*_cache", ".hypothesis", "bench-results"
    )
    shutil.copytree(ROOT, folder, ignore=skip)
    return folder


@pytest.fixture(scope="session")
def installed(tmp_path_factory, source):
    """A virtual environment in which `pip install .` was run with build isolation."""
    venv = Venv(tmp_path_factory.mktemp("installed") / "venv")
    # pybind11's headers are taken by a path that looks like the one of build/dev from the top of
    # the source, so that ccache knows the objects: what is built is the same, minutes sooner.
    (source / ".venv").symlink_to(sys.prefix)
    pybind11 = source / ".venv" / Path(pybind11_cmake_folder()).relative_to(sys.prefix)
    settings = {
        "MATRASS_MPI": "ON",
        "pybind11_DIR": pybind11,
        "CMAKE_COMPILE_WARNING_AS_ERROR": "ON",
    }
    defines = [f"cmake.define.{name}={value}" for name, value in settings.items()]
    venv.pip_install(source, *(word for define in defines for word in ("-C", define)))
    return venv


def pybind11_cmake_folder():
    """Where the pybind11 of the environment that runs the tests is."""
    return run(sys.executable, "-m", "pybind11", "--cmakedir", cwd=ROOT).strip()


@pytest.fixture(scope="session")
def package(installed):
    """The installed package's folder."""
    code = "import matrass, json; print(json.dumps(matrass.__path__))"
    return Path(json.loads(installed.run(code, cwd=installed.folder))[0])
