#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Proves the data's way: a folder includes only itself and folders before it.

Also looks at every file's head and length.

tools/check_layers.py [ROOT]      prints one line a problem; exit code 1 if there is one
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# The folders of include/matrass and src, in the data's way's order. The guard stands below
# everything: it knows only the interface that it implements, mpi/guard.h and guard.hpp.
CPP = [
    "core",
    "mpi",
    "grid",
    "layout",
    "matrix",
    "redistribute",
    "scalapack",
    "algorithm",
    "sparse",
    "io",
    "routine",
    "wire",
    "interop",
]
# The modules and packages of python/matrass. Imports for type checkers alone do not count.
PYTHON = [
    "errors",
    "bootstrap",
    "_core",
    "pool",
    "agreement",
    "layout",
    "arguments",
    "steps",
    "grid",
    "indexing",
    "properties",
    "plan",
    "elementwise",
    "operators",
    "reductions",
    "mask",
    "matrix",
    "norm_names",
    "arrays",
    "sparse",
    "sparse_create",
    "anywhere",
    "linalg",
    "numpy_functions",
    "tile_sink",
    "create",
    "random",
    "control",
    "wire",
    "session",
    "dask",
    "estimators",
    "spark",
    "doctor",
    "cli",
    "__main__",
]
# Operators and methods of DistMatrix that stand for a routine of linalg load it when called; what
# makes matrices and masks is below them.
LATE = {
    ("matrix", "linalg"),
    ("operators", "linalg"),
    ("operators", "numpy_functions"),
    ("elementwise", "matrix"),
    ("elementwise", "mask"),
}

MAX_LINES = 400
LICENCE = "SPDX-License-Identifier: " + "BSD-3-Clause"
THIS = "tools/check_layers.py"
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]matrass/([^>"]+)[>"]')
SOURCES = ("include", "src", "python", "tests", "tools", "benchmarks", "examples", "cmake")
WITH_HEAD = {".hpp", ".cpp", ".h", ".c", ".py", ".sh", ".cmake"}


def cpp_problems(root: Path) -> Iterator[str]:
    """Includes that go against the data's way."""
    for base in (root / "include" / "matrass", root / "src"):
        for path in sorted(base.glob("*/**/*")):
            if path.suffix not in {".hpp", ".h", ".cpp"}:
                continue
            folder = path.relative_to(base).parts[0]
            if folder == "bindings":  # above everything
                continue
            where = path.relative_to(root)
            if folder != "guard" and folder not in CPP:
                yield f"{where}: folder {folder} has no place in the data's way (see {THIS})"
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = match[1].split("/")[0]
                if folder == "guard":
                    allowed = match[1] in {"mpi/guard.h", "mpi/guard.hpp"}
                else:
                    allowed = target in CPP[: CPP.index(folder) + 1]
                if not allowed:
                    yield f"{where}:{number}: {folder} includes {match[1]}, which comes after it"


def is_type_checking(node: ast.If) -> bool:
    """Whether `node` is ``if TYPE_CHECKING:``."""
    test = node.test
    name = test.id if isinstance(test, ast.Name) else getattr(test, "attr", "")
    return name == "TYPE_CHECKING"


def imported(tree: ast.AST, package: list[str]) -> Iterator[tuple[int, str, bool]]:
    """Yield each import that happens at run time.

    As its line, the first name below ``matrass``, and whether it waits for a function's call.
    """
    stack = [(tree, False)]
    while stack:
        node, late = stack.pop()
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        children: Iterable[ast.AST] = ast.iter_child_nodes(node)
        if isinstance(node, ast.If) and is_type_checking(node):
            children = node.orelse
        stack.extend((child, late) for child in children)
        for name in imported_names(node, package):
            parts = name.split(".")
            if parts[0] == "matrass":
                yield getattr(node, "lineno", 0), parts[1] if len(parts) > 1 else "*", late


def imported_names(node: ast.AST, package: list[str]) -> list[str]:
    """The full names that `node` imports, where it is an import in `package`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = (node.module or "").split(".") if node.module else []
    if node.level:
        base = [*package[: len(package) - node.level + 1], *base]
    return [".".join([*base, alias.name]) for alias in node.names]


def python_problems(root: Path) -> Iterator[str]:
    """Imports that go against the order of the Python modules."""
    base = root / "python" / "matrass"
    for path in sorted([*base.rglob("*.py"), *base.rglob("*.pyi")]):
        parts = path.relative_to(base).with_suffix("").parts
        module, where = parts[0], path.relative_to(root)
        if module == "__init__":  # the door: loads everything late, by name
            continue
        if module not in PYTHON:
            yield f"{where}: module {module} has no place in the order (see {THIS})"
            continue
        package = ["matrass", *parts[:-1]]
        before = PYTHON[: PYTHON.index(module) + 1]
        for line, name, late in imported(ast.parse(path.read_text()), package):
            if name not in before and not (late and (module, name) in LATE):
                yield f"{where}:{line}: {module} imports matrass.{name}, which comes after it"


def file_problems(root: Path) -> Iterator[str]:
    """Files without the licence's name or their one sentence; files that are too long."""
    for top in SOURCES:
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in WITH_HEAD and path.name != "CMakeLists.txt":
                continue
            where, lines = path.relative_to(root), path.read_text().splitlines()
            if lines and not any(LICENCE in line for line in lines[:3]):
                yield f"{where}: the first lines must name the licence ({LICENCE})"
            is_library = top in {"include", "src"} and path.name != "CMakeLists.txt"
            if is_library and not any("@file" in line for line in lines[:5]):
                yield f"{where}: the first lines must say what the file is (/// @file ...)"
            if len(lines) > MAX_LINES:
                yield f"{where}: at most {MAX_LINES} lines: got {len(lines)} (one idea a file)"


def main(arguments: list[str]) -> int:
    """Print every problem."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[1]
    problems = [*cpp_problems(root), *python_problems(root), *file_problems(root)]
    print("\n".join(problems) or "layers, heads and lengths are right")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
