# SPDX-License-Identifier: BSD-3-Clause
"""python/matrass/_core.pyi says what the built module holds.

stubtest compares names and kinds. pybind11's functions hide their parameters from it, but write
them into their docstrings.
"""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import matrass
import pytest

ROOT = Path(__file__).resolve().parents[2]
STUB = ast.parse((ROOT / "python" / "matrass" / "_core.pyi").read_text())


@pytest.mark.time_limit(300)
def test_stubtest():
    command = [sys.executable, "-m", "mypy.stubtest", "matrass._core", "--concise"]
    command += ["--mypy-config-file", "pyproject.toml"]
    command += ["--allowlist", "tools/stubtest-allowlist.txt"]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"MYPY_FORCE_COLOR": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout


def functions(body, prefix=""):
    """Name and definition of each function and method of the stub, without properties."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and not node.decorator_list:
            yield prefix + node.name, node


FUNCTIONS = dict(functions(STUB.body))


def parameters(node):
    """Parameters but for self, None where callers have no name for it; which has which default."""
    unnamed, last = node.args.posonlyargs, node.args.args
    named = [None] * len(unnamed) + [argument.arg for argument in last]
    values = [ast.literal_eval(value) for value in node.args.defaults]
    defaults = dict(zip(named[len(named) - len(values) :], values, strict=True))
    is_method = [argument.arg for argument in unnamed + last][:1] == ["self"]
    return named[1:] if is_method else named, defaults


def in_module(function):
    """The same, read from the first line that pybind11 writes: ``name(a: T, arg1: T = 0) -> T``."""
    line = function.__doc__.splitlines()[0].rpartition(" -> ")[0]
    (node,) = ast.parse(f"def {line.replace('::', '.')}: ...").body
    names, defaults = parameters(node)
    return [None if re.fullmatch(r"arg\d+", name) else name for name in names], defaults


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters(name):
    function = matrass._core
    for word in name.split("."):
        function = getattr(function, word)
    assert parameters(FUNCTIONS[name]) == in_module(function)


def test_the_stub_leaves_nothing_out():
    public = {name for name in vars(matrass._core) if not name.startswith("_")}
    named = {node.name for node in STUB.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    named |= {node.target.id for node in STUB.body if isinstance(node, ast.AnnAssign)}
    assert public == {name for name in named if not name.startswith("_")}
    for cls in (matrass._core.Grid, matrass._core.Matrix):
        (node,) = (n for n in STUB.body if isinstance(n, ast.ClassDef) and n.name == cls.__name__)
        members = {member.name for member in node.body}
        assert {m for m in vars(cls) if not m.startswith("_")} <= members
        assert all(hasattr(cls, member) for member in members)
        assert inspect.isclass(cls)
