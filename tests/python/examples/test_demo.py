# SPDX-License-Identifier: BSD-3-Clause
"""The demo from end to end, as `./run demo` starts it, with fewer flights: Dask, then C++."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING

import dask
import flights_frame
import matplotlib.image
import numpy as np
import pytest
from example_runs import BUILD, NUMBER, RUN, SECONDS, TOP, mpirun, numbers_of, run, script

if TYPE_CHECKING:
    from pathlib import Path


ROWS = 20_000
DEMO = script("flights_dask.py")

pytestmark = pytest.mark.time_limit(300)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the output of one run with 2 workers."""
    folder = tmp_path_factory.mktemp("demo")
    done = run(*DEMO, f"--rows={ROWS}", f"--output={folder}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def flights() -> flights_frame.FlightsArray:
    """The same matrix: the same chunks, added up in the same order, by threads of this process."""
    with dask.config.set(scheduler="threads"):
        return flights_frame.load_flights(ROWS)


def test_table_tells_what_was_done(demo: tuple[Path, str]) -> None:
    folder, text = demo
    assert "20,000 read, 669 left out" in text
    assert "19,331 x 141 of float64" in text
    assert "2, as a grid of 1 x 2" in text
    assert "all checks hold" in text
    assert "FAILED" not in text
    first = text[text.index("Principal components") :].splitlines()[3]
    assert "distance" in first
    assert "air time" in first
    assert str(folder / "flights.png") in text
    assert max(len(line) for line in text.splitlines() if str(folder) not in line) <= 100


@pytest.mark.parametrize(
    "step",
    [
        "start: 2 Dask workers",
        "read: dask.dataframe -> dask.array",
        "open: Dask's workers become ranks",
        "put: chunks -> [VC,STAR]",
        "redistribute: -> [MC,MR], 64 x 64",
        "truncated SVD, rank 20",
        "PCA, 20 components",
        "ridge regression of the arrival delay",
        "scores by airline, by Dask",
    ],
)
def test_table_has_the_seconds_of_each_step(demo: tuple[Path, str], step: str) -> None:
    (seconds,) = numbers_of(demo[1], step)
    assert 0 <= seconds < SECONDS


def test_table_of_transfers(demo: tuple[Path, str]) -> None:
    """Each rank is given the chunks of its worker: together the matrix, in megabytes."""
    text = demo[1][demo[1].index("Transfers") : demo[1].index("Principal components")]
    rows = re.findall(rf"^ +(\d) +put flights +(\d+)((?: +{NUMBER}){{5}})", text, re.MULTILINE)
    assert [int(rank) for rank, _, _ in rows] == [0, 1]
    assert sum(int(chunks) for _, chunks, _ in rows) == flights_frame.PARTITIONS
    sizes = np.array([[float(x) for x in numbers.split()] for _, _, numbers in rows])
    assert abs(sizes[:, 0].sum() - 19_331 * 141 * 8 / 1e6) <= 0.1
    np.testing.assert_allclose(sizes[:, 1] + sizes[:, 2], sizes[:, 0], atol=0.11)
    assert (sizes[:, 3:] > 0).all()


def test_table_has_the_checks(demo: tuple[Path, str]) -> None:
    """With the bounds that examples/python/flights_check.py gives reasons for."""
    for label, bound in [
        ("singular values: |S - NumPy's| / s1", 1e-10),
        ("residuals: max |A v - s u| / s1", 1e-9),
        ("from the left: max |A.T u - s v| / s1", 1e-9),
        ("PCA: |explained variance - NumPy's| / largest", 1e-10),
        ("ridge: |w - NumPy's| / |w|", 1.3e-10),
        ("scores by airline: |mean - NumPy's| / largest", 4.4e-12),
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


def test_weights_are_those_of_least_squares(
    flights: flights_frame.FlightsArray, demo: tuple[Path, str]
) -> None:
    """By NumPy's lstsq: a penalty is as good as more rows."""
    a = flights.x.compute()
    x, y = a[:, 3:], a[:, 0]
    penalty = np.sqrt(1e-3 * len(x)) * np.eye(x.shape[1])
    below = np.zeros(x.shape[1])
    w = np.linalg.lstsq(np.vstack([x, penalty]), np.concatenate([y, below]), rcond=None)[0]
    (printed,) = re.findall(rf"^ late +departure delay ({NUMBER}), ", demo[1], re.MULTILINE)
    assert abs(float(printed) - w[flights.columns.index("departure delay") - 3]) <= 0.00501
    explained = 1 - np.sum((y - x @ w) ** 2) / np.sum(y**2)
    (percent,) = numbers_of(demo[1], "What is known at departure explains")
    assert abs(percent - 100 * explained) <= 0.0501


def test_airlines_have_their_mean_scores(
    flights: flights_frame.FlightsArray, demo: tuple[Path, str]
) -> None:
    """By NumPy's SVD of the same matrix; signs of singular vectors are anyone's choice."""
    a, airline = flights.x.compute(), flights.airline.compute()
    _, _, vt = np.linalg.svd(a, full_matrices=False)
    text = demo[1][demo[1].index("Mean score") : demo[1].index("Checked")]
    found = re.findall(r"^ (\w+) +([\d,]+)((?: +-?\d+\.\d\d){8})", text, re.MULTILINE)
    assert {name for name, _, _ in found} == set(flights.airlines) - {"SkyWest"}
    for name, count, scores in found:
        mine = airline == flights.airlines.index(name)
        assert int(count.replace(",", "")) == mine.sum()
        exact = np.abs((a[mine] @ vt[:8].T).mean(axis=0))
        printed = np.abs([float(x) for x in scores.split()])
        np.testing.assert_allclose(printed, exact, atol=0.00501)


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


def test_file_holds_the_matrix(flights: flights_frame.FlightsArray, demo: tuple[Path, str]) -> None:
    """What went through Dask, put, two ranks and the file is what was read, to the last bit."""
    matrix = np.load(demo[0] / "flights.npy")
    assert np.array_equal(matrix, flights.x.compute())
    assert matrix.flags.f_contiguous
    names = (demo[0] / "flights_columns.txt").read_text(encoding="utf-8").splitlines()
    assert names == flights.columns
    spectrum = np.loadtxt(demo[0] / "flights_spectrum.txt")
    exact = np.linalg.svd(matrix, compute_uv=False)[:20]
    # The bound of the demo's own check.
    assert np.abs(spectrum[:, 0] - exact).max() <= 1e-10 * exact[0]


@pytest.mark.parametrize("workers", [1, 3])
def test_other_numbers_of_workers_find_the_same(
    workers: int, demo: tuple[Path, str], tmp_path: Path
) -> None:
    options = [f"--rows={ROWS}", f"--output={tmp_path}", f"--workers={workers}", "--no-picture"]
    done = run(*DEMO, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "flights.png").exists()
    one, two = (np.load(folder / "flights.npy") for folder in (tmp_path, demo[0]))
    assert np.array_equal(one, two)
    one, two = (np.loadtxt(folder / "flights_spectrum.txt") for folder in (tmp_path, demo[0]))
    np.testing.assert_allclose(one, two, rtol=1e-10)


def test_a_wrong_result_is_exit_code_1(tmp_path: Path) -> None:
    """Here the weights of the ridge regression are changed just before they are checked."""
    damage = """
import flights_check
original = flights_check.check_ridge
flights_check.check_ridge = lambda n, w, *rest: original(n, w * (1 + 1e-6), *rest)
runpy"""
    wrong = RUN.replace("\nrunpy", damage)
    assert wrong != RUN
    done = run(
        sys.executable,
        "-c",
        wrong,
        str(TOP / "examples" / "python" / "flights_dask.py"),
        "--rows=500",
        f"--output={tmp_path}",
        "--no-picture",
        "--no-matrix",
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("FAILED") == 2  # the check, and the verdict
    assert "1 of 11 checks FAILED" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_cpp_example_agrees(ranks: int, demo: tuple[Path, str]) -> None:
    done = mpirun(ranks, cpp_example(), str(demo[0]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "19331 x 141" in done.stdout
    assert "against Python" in done.stdout
    assert "FAILED" not in done.stdout


def test_cpp_example_notices_another_spectrum(demo: tuple[Path, str], tmp_path: Path) -> None:
    for file in demo[0].iterdir():
        shutil.copy(file, tmp_path)
    spectrum = np.loadtxt(tmp_path / "flights_spectrum.txt")
    spectrum[7, 0] *= 1 + 1e-6
    np.savetxt(tmp_path / "flights_spectrum.txt", spectrum, fmt="%.17g")
    done = mpirun(2, cpp_example(), str(tmp_path))
    assert done.returncode != 0
    assert done.stdout.count("FAILED") == 1


def test_cpp_example_says_what_is_missing(tmp_path: Path) -> None:
    done = mpirun(2, cpp_example(), str(tmp_path))
    assert done.returncode != 0
    assert done.stderr.count("cannot be opened (examples/python/flights_dask.py writes it)") == 1


def cpp_example() -> str:
    program = BUILD / "examples" / "cpp" / "flights_svd"
    assert program.exists(), f"{program} is not built (./run build)"
    return str(program)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--rank=0"], 2, "--rank: must be at least 1: got 0"),
        (["--workers=0"], 2, "--workers: must be at least 1: got 0"),
        (["--rank=1000", "--rows=500"], 1, "--rank must be at most "),
        (["--rows=400000"], 1, "--rows must be between 2 and 336776: got 400000"),
        (["--colour"], 2, "unrecognized arguments: --colour"),
        ([f"--output={__file__}"], 1, "--output: "),
    ],
)
def test_wrong_arguments_are_one_message(
    arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    where = [] if any("--output" in a for a in arguments) else [f"--output={tmp_path}"]
    done = run(*DEMO, *where, *arguments)
    assert done.returncode == code, done.stderr
    assert done.stderr.count(message) == 1, done.stderr
    assert "Traceback" not in done.stderr
