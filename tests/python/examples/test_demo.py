# SPDX-License-Identifier: BSD-3-Clause
"""The demo from end to end, as `./run demo` starts it, with fewer flights: Python, then C++.

The C++ example is taken from build/dev, or from the folder that MATRASS_BUILD_DIR names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import flights_data
import matplotlib.image
import numpy as np
import pytest

if TYPE_CHECKING:
    from mpi4py.MPI import Comm

ROWS = 20_000
TOP = Path(__file__).parents[3]
BUILD = Path(os.environ.get("MATRASS_BUILD_DIR", TOP / "build" / "dev"))
NUMBER = r"\d+(?:\.\d+)?(?:e[+-]\d+)?"
SECONDS = 240  # for a rank that hangs, not for a slow machine

pytestmark = pytest.mark.time_limit(300)

# Runs a script as Python does; when it hangs, every rank prints its stack.
RUN = f"""
import faulthandler, runpy, sys
faulthandler.dump_traceback_later({SECONDS - 30}, exit=True)
del sys.argv[0]
sys.path[0] = {str(TOP / "examples" / "python")!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def script(name: str) -> list[str]:
    return [sys.executable, "-c", RUN, str(TOP / "examples" / "python" / name)]


DEMO = script("flights.py")


def mpirun(ranks: int, *command: str) -> subprocess.CompletedProcess[str]:
    launcher = os.environ.get("MATRASS_MPIEXEC", "mpiexec.mpich")
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [launcher, "-n", str(ranks), *command],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=os.environ | one_thread,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the output of one run under 2 ranks."""
    folder = tmp_path_factory.mktemp("demo")
    run = mpirun(2, *DEMO, f"--rows={ROWS}", f"--output={folder}")
    assert run.returncode == 0, run.stdout + run.stderr
    assert not run.stderr
    return folder, run.stdout


def test_table_tells_what_was_done(demo: tuple[Path, str]) -> None:
    folder, text = demo
    assert "20,000 read, 669 left out" in text
    assert "19,331 x 141 of float64" in text
    assert "all checks hold" in text
    assert "FAILED" not in text
    assert text.count("Principal components") == 1  # rank 0 speaks for all
    first = text[text.index("Principal components") :].splitlines()[3]
    assert "distance" in first
    assert "air time" in first
    assert str(folder / "flights.png") in text
    assert max(len(line) for line in text.splitlines() if str(folder) not in line) <= 100


def numbers_of(text: str, label: str) -> list[float]:
    """The numbers of the one line that begins with `label`."""
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith(label)]
    assert len(lines) == 1, f"{label!r} in {len(lines)} lines of\n{text}"
    return [float(x) for x in re.findall(NUMBER, lines[0].removeprefix(label))]


@pytest.mark.parametrize(
    "step",
    [
        "read: each rank its own rows",
        "put: row blocks -> [VC,STAR]",
        "redistribute: -> [MC,MR], 64 x 64",
        "truncated SVD, rank 20",
        "PCA, 20 components",
    ],
)
def test_table_has_the_seconds_of_each_step(demo: tuple[Path, str], step: str) -> None:
    (seconds,) = numbers_of(demo[1], step)
    assert 0 <= seconds < SECONDS


def test_table_has_the_residuals(demo: tuple[Path, str]) -> None:
    """With the bounds that examples/python/flights_check.py gives reasons for."""
    for label, bound in [
        ("singular values: |S - NumPy's| / s1", 1e-10),
        ("residuals: max |A v - s u| / s1", 1e-9),
        ("from the left: max |A.T u - s v| / s1", 1e-9),
    ]:
        measured, printed = numbers_of(demo[1], label)
        assert printed == bound
        assert 0 < measured <= bound  # some rounding there always is


def test_table_has_the_explained_variance(demo: tuple[Path, str]) -> None:
    """Each share and the sum, to the digit that is printed, from NumPy's SVD of the same file."""
    folder, text = demo
    matrix = np.load(folder / "flights.npy")
    squares = np.linalg.svd(matrix - matrix.mean(axis=0), compute_uv=False) ** 2
    share = 100 * squares / squares.sum()
    rows = re.findall(rf"^ (\d+) +({NUMBER})% ", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 9))
    printed = [float(percent) for _, percent in rows]
    np.testing.assert_allclose(printed, share[:8], rtol=0, atol=0.0501)
    (total,) = re.findall(
        rf"^ 20 components explain ({NUMBER})% of the variance of 141 columns", text, re.MULTILINE
    )
    assert abs(float(total) - share[:20].sum()) <= 0.0501


def test_picture_is_drawn(demo: tuple[Path, str]) -> None:
    picture = matplotlib.image.imread(demo[0] / "flights.png")[:, :, :3]
    assert min(picture.shape[:2]) > 1000
    red, green, blue = np.rint(255 * picture).astype(np.int64).reshape(-1, 3).T
    colours, counts = np.unique(red << 16 | green << 8 | blue, return_counts=True)
    share = dict(zip(colours.tolist(), counts / counts.sum(), strict=True))
    # The maps of owners show rank 0 in blue and rank 1 in orange, each in some 5 % of the picture.
    assert 0.02 < share[0x0072B2] < 0.2
    assert 0.02 < share[0xE69F00] < 0.2
    assert share[0xFFFFFF] < 0.8


def test_file_holds_the_matrix(alone: Comm, demo: tuple[Path, str]) -> None:
    """What went through put, two ranks and the file is what was read, to the last bit."""
    flights = flights_data.load_flights(alone, ROWS)
    matrix = np.load(demo[0] / "flights.npy")
    assert np.array_equal(matrix, flights.block)
    assert matrix.flags.f_contiguous
    names = (demo[0] / "flights_columns.txt").read_text(encoding="utf-8").splitlines()
    assert names == flights.columns
    spectrum = np.loadtxt(demo[0] / "flights_spectrum.txt")
    exact = np.linalg.svd(matrix, compute_uv=False)[:20]
    # The bound of the demo's own check.
    assert np.abs(spectrum[:, 0] - exact).max() <= 1e-10 * exact[0]


@pytest.mark.parametrize("ranks", [1, 3])
def test_other_numbers_of_ranks_find_the_same(
    ranks: int, demo: tuple[Path, str], tmp_path: Path
) -> None:
    run = mpirun(ranks, *DEMO, f"--rows={ROWS}", f"--output={tmp_path}", "--no-picture")
    assert run.returncode == 0, run.stdout + run.stderr
    assert not (tmp_path / "flights.png").exists()
    one, two = (np.load(folder / "flights.npy") for folder in (tmp_path, demo[0]))
    assert np.array_equal(one, two)
    one, two = (np.loadtxt(folder / "flights_spectrum.txt") for folder in (tmp_path, demo[0]))
    np.testing.assert_allclose(one, two, rtol=1e-10)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_cpp_example_agrees(ranks: int, demo: tuple[Path, str]) -> None:
    run = mpirun(ranks, cpp_example(), str(demo[0]))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "19331 x 141" in run.stdout
    assert "against Python" in run.stdout
    assert "FAILED" not in run.stdout


def test_cpp_example_notices_another_spectrum(demo: tuple[Path, str], tmp_path: Path) -> None:
    for file in demo[0].iterdir():
        shutil.copy(file, tmp_path)
    spectrum = np.loadtxt(tmp_path / "flights_spectrum.txt")
    spectrum[7, 0] *= 1 + 1e-6
    np.savetxt(tmp_path / "flights_spectrum.txt", spectrum, fmt="%.17g")
    run = mpirun(2, cpp_example(), str(tmp_path))
    assert run.returncode != 0
    assert run.stdout.count("FAILED") == 1


def test_cpp_example_says_what_is_missing(tmp_path: Path) -> None:
    run = mpirun(2, cpp_example(), str(tmp_path))
    assert run.returncode != 0
    assert run.stderr.count("cannot be opened (examples/python/flights.py writes it)") == 1


def cpp_example() -> str:
    program = BUILD / "examples" / "cpp" / "flights_svd"
    assert program.exists(), f"{program} is not built (./run build)"
    return str(program)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rank=0"], "--rank: must be at least 1: got 0"),
        (["--rank=1000", "--rows=500"], "--rank must be at most "),
        (["--rows=400000"], "--rows must be between 2 and 336776: got 400000"),
        (["--colour"], "unrecognized arguments: --colour"),
        ([f"--output={__file__}"], "--output: "),
    ],
)
def test_wrong_arguments_are_one_message(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    where = [] if any("--output" in a for a in arguments) else [f"--output={tmp_path}"]
    run = mpirun(2, *DEMO, *where, *arguments)
    assert run.returncode != 0
    assert run.stderr.count(message) == 1, run.stderr
    assert "Traceback" not in run.stderr


def test_hello_matrix() -> None:
    """Rank 2 with sqrt(m n) / 2 = 1000 twice; tol is 1e-10, and 9 digits are printed."""
    run = mpirun(2, *script("hello_matrix.py"))
    assert run.returncode == 0, run.stdout + run.stderr
    printed = re.findall(r"^singular values: \[(.*?)\]", run.stdout, re.MULTILINE)
    assert len(printed) == 1, run.stdout
    values = [float(word) for word in printed[0].split()]
    np.testing.assert_allclose(values, [1000, 1000, 0], rtol=0, atol=1e-5)
    for rank in (0, 1):
        assert run.stdout.count(f"rank {rank} holds ") == 1


def test_kernel_ridge() -> None:
    """Other numbers of ranks change the last digits of LSQR; clusters are the same."""
    found = []
    for ranks in (1, 3):
        run = mpirun(ranks, *script("kernel_ridge.py"))
        assert run.returncode == 0, run.stdout + run.stderr
        kernel, pixels = re.findall(r"(\d+\.\d)%", run.stdout)[:2]
        assert float(kernel) > 97
        assert float(kernel) > float(pixels) + 4
        clusters = re.findall(r"^k-means: .*$", run.stdout, re.MULTILINE)
        assert len(clusters) == 1, run.stdout  # one rank prints
        found += clusters
    assert found[0] == found[1]
