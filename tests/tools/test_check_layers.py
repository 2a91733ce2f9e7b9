# SPDX-License-Identifier: BSD-3-Clause
"""tools/check_layers.py finds what it promises to find, and is content with this tree."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAD = "// SPDX-License-Identifier: BSD-3-Clause\n/// @file A file.\n"
PYTHON_HEAD = "# SPDX-License-Identifier: BSD-3-Clause\n"


LATE = "def f():\n    from matrass.linalg import norm\n"


def check(root):
    run = subprocess.run(
        [sys.executable, ROOT / "tools" / "check_layers.py", root],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_this_tree_follows_the_data():
    code, out = check(ROOT)
    assert code == 0, out


def test_a_tree_in_order_is_accepted(tmp_path):
    write(tmp_path, "include/matrass/core/a.hpp", HEAD)
    write(tmp_path, "include/matrass/matrix/b.hpp", HEAD + "#include <matrass/layout/c.hpp>\n")
    write(tmp_path, "src/bindings/module.cpp", HEAD + "#include <matrass/algorithm/svd.hpp>\n")
    write(tmp_path, "src/guard/wait.cpp", HEAD + "#include <matrass/mpi/guard.h>\n")
    write(
        tmp_path,
        "python/matrass/grid.py",
        PYTHON_HEAD
        + "from typing import TYPE_CHECKING\nfrom matrass import _core\n"
        + "if TYPE_CHECKING:\n    from matrass.matrix import DistMatrix\n",
    )
    write(tmp_path, "python/matrass/matrix.py", PYTHON_HEAD + LATE)
    assert check(tmp_path)[0] == 0


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        (
            "include/matrass/layout/a.hpp",
            "#include <matrass/matrix/b.hpp>",
            ":3: layout includes matrix/b.hpp",
        ),
        ("src/core/a.cpp", '#  include "matrass/mpi/b.hpp"', ":3: core includes mpi/b.hpp"),
        (
            "include/matrass/matrix/a.hpp",
            "#include <matrass/matrass.hpp>",
            "matrix includes matrass.hpp",
        ),
        ("src/guard/a.cpp", "#include <matrass/mpi/agree.hpp>", "guard includes mpi/agree.hpp"),
        ("include/matrass/shiny/a.hpp", "", "folder shiny has no place"),
    ],
)
def test_an_include_against_the_order_is_named(tmp_path, name, line, problem):
    write(tmp_path, name, HEAD + line + "\n")
    code, out = check(tmp_path)
    assert code == 1
    assert problem in out
    assert out.startswith(name)


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("layout.py", "from matrass.matrix import DistMatrix", "layout imports matrass.matrix"),
        ("layout.py", "def f():\n    from matrass import linalg", "layout imports matrass.linalg"),
        ("matrix.py", "from matrass import linalg", "matrix imports matrass.linalg"),
        ("errors.py", "import matrass", "errors imports matrass.*"),
        ("bootstrap/pmi.py", "from ..matrix import DistMatrix", "bootstrap imports matrass.matrix"),
        ("bootstrap/pmi.py", "from .. import cli", "bootstrap imports matrass.cli"),
        ("shiny.py", "", "module shiny has no place"),
    ],
)
def test_an_import_against_the_order_is_named(tmp_path, name, line, problem):
    write(tmp_path, f"python/matrass/{name}", PYTHON_HEAD + line + "\n")
    code, out = check(tmp_path)
    assert code == 1
    assert problem in out


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("include/matrass/core/a.hpp", "#pragma once\n", "must name the licence"),
        (
            "include/matrass/core/a.hpp",
            "// SPDX-License-Identifier: BSD-3-Clause\n",
            "must say what the file is",
        ),
        ("tests/python/test_a.py", PYTHON_HEAD + "x = 1\n" * 400, "at most 400 lines: got 401"),
    ],
)
def test_a_file_without_head_or_too_long_is_named(tmp_path, name, text, problem):
    write(tmp_path, name, text)
    code, out = check(tmp_path)
    assert code == 1
    assert problem in out
