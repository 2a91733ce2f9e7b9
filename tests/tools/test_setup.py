# SPDX-License-Identifier: BSD-3-Clause
"""tools/setup.sh: what ./run does on a machine that lacks something."""

import pytest
from bare_machine import Machine


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_without_rights_the_one_line_is_printed(machine):
    machine.program("dpkg-query", 'case "$*" in *mpich*) exit 1 ;; *) echo installed ;; esac')
    machine.program("id", "echo 1000")
    code, out = machine.run("ensure_packages; echo not reached")
    assert code == 1
    assert "not reached" not in out
    line = out.strip().splitlines()[-1]
    packages = "libmpich-dev libscalapack-mpich-dev mpich"
    install = f"apt-get update && apt-get install -y --no-install-recommends {packages}"
    assert line == f"run: these packages need root: su -c '{install}'"


def test_a_refused_sudo_prints_the_one_line(machine, tmp_path):
    machine.program("dpkg-query", 'case "$*" in *ccache*) exit 1 ;; *) echo installed ;; esac')
    machine.program("id", "echo 1000")
    machine.program("sudo", f'echo "$@" >>{tmp_path}/calls; exit 1')
    code, out = machine.run("ensure_packages; echo not reached")
    assert code == 1
    assert "not reached" not in out
    install = "apt-get update && apt-get install -y --no-install-recommends ccache"
    line = f"run: these packages need root: sudo sh -c '{install}'"
    assert out.strip().splitlines()[-1] == line
    assert (tmp_path / "calls").read_text() == "-v\n", "asked once, and nothing installed"


def test_sudo_installs_what_is_missing(machine, tmp_path):
    machine.program("dpkg-query", 'case "$*" in *ccache*) exit 1 ;; *) echo installed ;; esac')
    machine.program("id", "echo 1000")
    machine.program("sudo", '[ "$*" = -v ] && exit; AS_ROOT=yes exec "$@"')
    machine.program("apt-get", f'echo "$AS_ROOT $DEBIAN_FRONTEND $@" >>{tmp_path}/calls')
    code, out = machine.run("ensure_packages; echo reached")
    assert code == 0, out
    assert out.endswith("reached\n")
    calls = (tmp_path / "calls").read_text().splitlines()
    install = "install -y --no-install-recommends ccache"
    assert calls == [f"yes noninteractive {words}" for words in ("update", install)]


def test_only_what_is_missing_is_installed_as_root(machine, tmp_path):
    machine.program("dpkg-query", 'case "$*" in *ccache*) exit 1 ;; *) echo installed ;; esac')
    machine.program("id", "echo 0")
    machine.program("apt-get", f'echo "$@" >>{tmp_path}/calls')
    code, out = machine.run("ensure_packages")
    assert code == 0, out
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["update", "install -y --no-install-recommends ccache"]


@pytest.mark.parametrize("user", [0, 1000])  # root; somebody with sudo
def test_a_failed_installation_stops_everything(machine, user):
    machine.program("dpkg-query", "exit 1")
    machine.program("id", f"echo {user}")
    machine.program("sudo", '[ "$*" = -v ] && exit; exec "$@"')
    machine.program("apt-get", "echo E: no network; exit 100")
    code, out = machine.run("ensure_packages; echo not reached")
    assert code == 1
    assert "E: no network" in out
    assert out.strip().splitlines()[-1] == "run: apt-get failed"


def test_a_complete_machine_needs_nothing(machine):
    machine.program("dpkg-query", "echo installed")
    machine.program("id", "echo 1000")
    assert machine.run("ensure_packages") == (0, "")


def test_a_hash_knows_names_and_content(machine, tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()

    def value():
        code, out = machine.run(f"hash_of {folder}")
        assert code == 0, out
        return out

    (folder / "a").write_text("1")
    first = value()
    assert value() == first
    (folder / "a").write_text("2")
    second = value()
    (folder / "a").rename(folder / "b")
    third = value()
    (folder / "c.pyc").write_text("3")
    assert len({first, second, third}) == 3
    assert value() == third
