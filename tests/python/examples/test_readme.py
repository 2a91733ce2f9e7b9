# SPDX-License-Identifier: BSD-3-Clause
"""The programs of README.md and docs/sessions.md run as printed, and their answers are right."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from example_runs import TOP, mpirun, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.time_limit(300)


def programs(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def program(mark: str, folder: Path) -> str:
    """The one Python program of the README that holds `mark`, as a file."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    (found,) = (code for code in programs(text) if mark in code)
    path = folder / "program.py"
    path.write_text(found, encoding="utf-8")
    return str(path)


def arrays(text: str) -> list[list[float]]:
    return [[float(word) for word in each.split()] for each in re.findall(r"\[([^\]]*)\]", text)]


def test_dask(tmp_path: Path) -> None:
    """A score's deviation is its singular value over sqrt(m), but for means of 1 / sqrt(m)."""
    done = run(sys.executable, program("mt.dask.Session", tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    s, deviation = arrays(done.stdout)
    assert len(s) == 5
    # Columns are independent, of deviation 1 / j: the singular values are sqrt(m) / j, nearly.
    m = 200_000
    np.testing.assert_allclose(s, np.sqrt(m) / np.arange(1, 6), rtol=0.02)
    np.testing.assert_allclose(deviation, np.array(s) / np.sqrt(m), rtol=1e-3)


def test_session(tmp_path: Path) -> None:
    done = run(sys.executable, program("mt.Session", tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    corner, norm, square = (float(word) for word in done.stdout.split())
    x = np.random.default_rng(0).random((100_000, 50))
    assert norm == pytest.approx(np.linalg.norm(x[:, 0]), rel=1e-13)
    assert abs(corner) == pytest.approx(norm, rel=1e-13)
    assert square == pytest.approx(50, rel=1e-13)


def test_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are independent, of deviation 1: singular values are sqrt(m), nearly."""
    pytest.importorskip("pyspark")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    done = run(sys.executable, program("mt.spark.Session", tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (s,) = arrays(done.stdout)
    np.testing.assert_allclose(s, np.sqrt(100_000), rtol=0.05)
    words = done.stdout.rpartition("]")[2].split()
    assert (words[0], words[2]) == ("100000", "20")
    assert float(words[1]) == pytest.approx(np.sqrt(2_000_000), rel=0.01)


AROUND = """
import dask.array as da, matrass as mt, numpy as np
from distributed import Client, LocalCluster
if __name__ == "__main__":
    x = da.random.default_rng(0).normal(size=(3000, 6), chunks=(700, 4))
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        client = cluster.get_client()
        {}
        a = x.compute()
        w = np.linalg.solve(a[:, 1:].T @ a[:, 1:] + 0.1 * np.eye(5), a[:, 1:].T @ a[:, 0])
        np.testing.assert_allclose(gram, a.T @ a, atol=1e-9)
        np.testing.assert_allclose(kept[:, 0], a[:, 1:] @ w, atol=1e-12)
        assert abs(sum(sums) - a.sum()) < 1e-9 and len(sums) == 2
        assert clusters.centers.shape == (8, 6)
        client.close()
"""


def test_sessions_page(tmp_path: Path) -> None:
    """Its one program, of which NumPy knows the answers."""
    (code,) = programs((TOP / "docs" / "sessions.md").read_text(encoding="utf-8"))
    code += "    kept = fitted.compute()\n"
    path = tmp_path / "program.py"
    path.write_text(AROUND.format(code.replace("\n", "\n        ")), encoding="utf-8")
    done = run(sys.executable, str(path), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    # A line for each rank: put, what to_numpy fetches, to_dask.
    first = [line.split()[0] for line in done.stdout.splitlines()]
    assert first == ["what", *["put"] * 2, *["to_dask"] * 4]


def test_hello(tmp_path: Path) -> None:
    """On every rank; one speaks. The eigenvalues of A.T @ A are the squares of the values."""
    done = mpirun(2, sys.executable, program("mt.Grid()", tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    s, roots = arrays(done.stdout)
    i, j = np.arange(100_000)[:, None], np.arange(200)
    x = np.cos(0.01 * i * j) / (1 + j)
    exact = np.linalg.svd(x.T @ x, compute_uv=False)[:5] ** 0.5
    np.testing.assert_allclose(s, exact, rtol=1e-7)  # 8 digits are printed
    np.testing.assert_allclose(roots, exact, rtol=1e-7)


def test_readme_has_two_commands_and_short_lines() -> None:
    """What a reader has to type: ./run demo and ./run test."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\./run \w+", text, re.MULTILINE) == ["./run demo", "./run test"]
    for code in programs(text):
        assert max(len(line) for line in code.splitlines()) <= 100
    for page in re.findall(r"\]\((docs/[^)#]+)", text):
        assert (TOP / page).exists(), page
