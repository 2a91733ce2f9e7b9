# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/redistribute/run.py: its lines, its exit code, its picture."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "benchmarks" / "redistribute" / "run.py"
CORES = len(os.sched_getaffinity(0))

# As mpiexec -n RANKS PROGRAM ARGUMENTS...: what the program prints, unless TROUBLE comes first.
LAUNCHER = """#!/bin/sh
TROUBLE
case "$*" in *--sizes=*) mode=growth ;; *) mode=cases ;; esac
sed "s/\\"RANKS\\"/$2/" "$(dirname "$0")/$mode.jsonl"
"""
PLAN = """#!/bin/sh
cat "$(dirname "$0")/plan.jsonl"
"""
COMMON = {"benchmark": "redistribute", "ranks": "RANKS", "faults": 3, "correct": True}
COMMON |= {"copy_GB_per_s": 40, "case": "here -> there", "m": 8, "n": 8}
TIMES = {"ours_ms": 1, "adopted_ms": 2, "message_ms": 3, "pdgemr2d_ms": 4, "x_pdgemr2d": 4.0}
TIMES |= {"memcpy_ms": 0.5, "streamed_ms": 0.6, "x_copy": 0.5}
CASES = [COMMON | TIMES | {"mode": "cases", "letter": c, "bytes": 512} for c in "ab"]
GROWTH = [
    COMMON | {"mode": "growth", "letter": letter, "bytes": size, "ms": 2, "copy_ms": 1}
    for size in (1_000_000, 64_000_000)
    for letter in "bc"
]
PLANS = [
    {"mode": "plan", "ranks": 4, "plan_us": 2.5, "cached_us": 0.25},
    {"mode": "plan", "ranks": 4096, "plan_us": 4000, "cached_us": 0.5},
]


def run(*arguments):
    """Exit code, the lines, standard error."""
    done = subprocess.run(
        [sys.executable, RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    lines = [json.loads(line, parse_constant=pytest.fail) for line in done.stdout.splitlines()]
    return done.returncode, lines, done.stderr


def lines_of(dicts):
    return "".join(json.dumps(line) + "\n" for line in dicts)


def bench(folder, trouble, *options):
    """Run it with programs and a launcher of its own."""
    programs = folder / "benchmarks" / "redistribute"
    programs.mkdir(parents=True, exist_ok=True)
    for path, text in (
        (folder / "mpiexec", LAUNCHER.replace("TROUBLE", trouble)),
        (folder / "cases.jsonl", lines_of(CASES)),
        (folder / "growth.jsonl", lines_of(GROWTH)),
        (programs / "plan", PLAN),
        (programs / "plan.jsonl", lines_of(PLANS)),
    ):
        path.write_text(text)
        path.chmod(0o755)
    (folder / "CMakeCache.txt").write_text(f"MPIEXEC_EXECUTABLE:FILEPATH={folder}/mpiexec\n")
    return run("--build", folder, *options)


def test_all_parts_and_a_summary(tmp_path):
    code, lines, err = bench(tmp_path, "", "--growth-ranks", 1, CORES + 1)
    assert (code, err) == (0, "")
    assert [line["mode"] for line in lines] == ["cases"] * 2 + ["growth"] * 8 + ["plan"] * 2 + [
        "summary"
    ]
    growth = [line for line in lines if line["mode"] == "growth"]
    assert [line.get("oversubscribed") for line in growth] == [None] * 4 + [True] * 4
    assert lines[-1] == {
        "benchmark": "redistribute",
        "mode": "summary",
        "cores": CORES,
        "faults_when_repeated": 3,
        "least_x_pdgemr2d": 4.0,
        "plan_us_4_ranks": 2.5,
        "plan_us_4096_ranks": 4000,
        "plan_us_cached": 0.5,
        "correct": True,
    }


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ('echo \'{"mode": "cases", "ranks": 2, "correct": false}\'; exit 1', "a result is wrong"),
        ('echo \'{"mode": "cases", "ranks": 2, "correct": false}\'; exit 0', "a result is wrong"),
        ("echo BAD TERMINATION; exit 9", "exit code 9"),
        ("exit 0", "no output"),
        ("exec sleep 30", "no end within 1 s"),
    ],
)
def test_what_fails_is_said_and_is_an_exit_code(tmp_path, trouble, why):
    options = ["--parts", "cases", "plan", "--time-limit", 1]
    code, lines, err = bench(tmp_path, trouble, *options)
    assert code == 1
    assert f": {why}\n" in err
    assert ("BAD TERMINATION" in err) == ("BAD" in trouble)
    assert lines[-1]["mode"] == "summary"
    assert lines[-1]["correct"] is False
    assert lines[-1]["plan_us_4_ranks"] == 2.5  # what comes after it still runs


def test_a_picture_of_saved_lines(tmp_path):
    saved, first, second = (tmp_path / name for name in ("a.jsonl", "a.svg", "b.svg"))
    code, lines, _ = bench(tmp_path, "", "--save", saved, "--picture", first)
    assert code == 0
    assert [json.loads(line) for line in saved.read_text().splitlines()] == lines
    assert run("--from", saved, "--picture", second) == (0, [], "")
    assert first.read_bytes() == second.read_bytes()
    texts = {element.text for element in ET.parse(second).iter("{http://www.w3.org/2000/svg}text")}
    assert {"plain copy", "ScaLAPACK pdgemr2d", "b, 2 ranks", "GB/s", "1 MB"} <= texts
    assert "date" not in second.read_text()


def test_tables_of_saved_lines(tmp_path):
    saved = tmp_path / "lines.jsonl"
    assert bench(tmp_path, "", "--growth-ranks", 2, "--save", saved)[0] == 0
    command = [sys.executable, RUN, "--from", saved, "--table"]
    printed = subprocess.check_output(command, text=True, timeout=50).splitlines()
    assert "| a: here -> there | 1 | 2 | 3 | 4 | 0.5 | 0.50 | 4.0 | 3 |" in printed
    assert "| ms | 1 MB | 64 MB |" in printed
    many = " (more than cores)" if CORES < 2 else ""
    assert f"| plain copy, 2 ranks{many} | 1 | 1 |" in printed


def test_a_picture_of_what_there_is(tmp_path):
    saved, picture = tmp_path / "lines.jsonl", tmp_path / "picture.svg"
    assert bench(tmp_path, "", "--parts", "plan", "--save", saved)[0] == 0
    assert run("--from", saved, "--picture", picture) == (0, [], "")
    assert ET.parse(picture).getroot().tag.endswith("svg")


@pytest.mark.time_limit(200)
@pytest.mark.skipif(
    not (ROOT / "build" / "dev" / "benchmarks" / "redistribute" / "redistribute").exists(),
    reason="the benchmark is not built",
)
def test_the_real_programs_in_small():
    """An odd size, whose shares are not equal; of the two sizes one may not be had."""
    options = ["--size", 65, "--tall", 129, "--repeats", 1, "--only", "abcde"]
    options += ["--sizes", 0.1, 1, "--memory", 1, "--growth-ranks", 1, 2]
    code, lines, err = run("--parts", "cases", "growth", *options)
    assert (code, err) == (0, "")
    cases = [line for line in lines if line["mode"] == "cases"]
    assert [line["letter"] for line in cases] == ["a", "b", "c", "d", "e"]
    for line in cases:
        assert line["correct"]
        assert line["faults"] >= 0
        for name in ("ours", "into", "adopted", "message", "pdgemr2d", "memcpy", "streamed"):
            assert line[f"{name}_ms"] > 0
    growth = [line for line in lines if line["mode"] == "growth"]
    assert [(line["ranks"], line["letter"]) for line in growth] == [
        (ranks, letter) for ranks in (1, 2) for _ in range(2) for letter in "bc"
    ]
    for small, large in zip(growth[0:2] + growth[4:6], growth[2:4] + growth[6:8], strict=True):
        assert small["bytes"] == small["m"] * small["n"] * 8 < 1e6
        assert small["correct"]
        assert small["ms"] > 0
        assert small["x_copy"] == pytest.approx(small["copy_ms"] / small["ms"], rel=1e-2)
        assert "ms" not in large
        assert "take 1.98 MB of the 1 MB" in large["left_out"]
    assert lines[-1]["correct"]
