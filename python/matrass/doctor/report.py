# SPDX-License-Identifier: BSD-3-Clause
"""Gathers what `matrass doctor` says.

Everything that may crash or hang happens in children with a time limit. Next: ``machine.py``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from matrass.bootstrap import launcher as launchers
from matrass.bootstrap import which_mpi
from matrass.bootstrap.which_mpi import Problem
from matrass.doctor import machine
from matrass.doctor.probe import MARK

PROBE = [sys.executable, "-m", "matrass.doctor.probe"]
SECONDS = 60.0
"""How long a child may take. A world of two ranks forms in about a second."""


@dataclass
class Report:
    """What was found, and what is wrong with it."""

    facts: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether ranks can run here; advice that is not fatal does not count."""
        return not any(problem.fatal for problem in self.problems)


def examine() -> Report:
    """Look at the installation, what it loads, the launcher, a world of two ranks, the machine.

    Returns
    -------
    Report
        Problems in the order in which to mend them: a later one may be the echo of an earlier.
    """
    report = Report()
    found = which_mpi.installation()
    if found is None:
        report.problems.append(which_mpi.no_core())
    else:
        info = found.info
        built = f"{info['version']}, {info['compiler']}, {info['build_type']}"
        report.facts["matrass"] = f"{built}: {found.core}"
        report.facts["built with"] = (
            f"{info['mpi']['name']} {info['mpi']['version']}: {info['mpi']['library']}"
        )
        report.facts["guard"] = str(found.guard or "none: this MPI is itself called libmpi")
        if (wrong := which_mpi.wrong_choice(found)) is not None:
            report.problems.append(wrong)
    _examine_libraries(report)
    fits = report.healthy
    launcher, problems = launchers.find(found)
    report.problems += problems
    if launcher is not None:
        report.facts["launcher"] = f"{launcher.family} {launcher.version}: {launcher.path}"
        if fits:  # else a world only fails of the same causes again
            _examine_world(report, launcher)
    for fact, value, problem in machine.examine():
        report.facts[fact] = value
        report.problems += [problem] if problem is not None else []
    return report


def _examine_libraries(report: Report) -> None:
    """Load everything in a child, and take what it says."""
    result = run_probe([*PROBE, "libraries"], dict(os.environ))
    if isinstance(result, str):
        report.problems.append(
            Problem(
                f"doctor: mpi4py and _core must load in one process: got {result}",
                "unset MPI4PY_LIBMPI, MPI4PY_MPIABI, LD_LIBRARY_PATH, LD_PRELOAD, then look again",
            )
        )
        return
    facts, problems = report.facts, report.problems
    facts["mpi4py"] = ": ".join(
        (result.get("mpi4py", "not loaded"), result.get("mpi4py_library", "no MPI"))
    )
    facts["MPI loaded"] = ", ".join(result["mpi_files"]) or "none"
    if "wrong_mpi" in result and not _known(problems, result["wrong_mpi"][0]):
        problems.append(Problem(*result["wrong_mpi"]))
    if "mpi4py_error" in result and which_mpi.installation() is not None:
        problems.append(which_mpi.mpi4py_does_not_load(result["mpi4py_error"]))
    error = result.get("core_error")
    if error is not None and not _known(problems, error):
        what, _, fix = error.partition(" (fix: ")
        problems.append(Problem(what, fix.removesuffix(")")))
    compiled, running = result.get("compiled_with"), result.get("mpi4py_library")
    if compiled and running and compiled not in running.split():
        problems.append(
            Problem(
                f"doctor: MPI should be the one that _core was compiled with, {compiled}: "
                f"got {running}",
                "build matrass again: pip install --force-reinstall --no-cache-dir matrass",
                fatal=False,
            )
        )
    for name, entries in (("ScaLAPACK", "scalapack"), ("BLAS", "blas")):
        facts[name] = "; ".join(_about(entry) for entry in result.get(entries, [])) or "not loaded"
        problems += [
            Problem(
                f"doctor: {name} must use 32-bit integers: "
                f"got {entry['int_bits']}-bit in {entry['file']}",
                "apt-get install libscalapack-mpich-dev libopenblas-dev, and build matrass again",
            )
            for entry in result.get(entries, [])
            if entry["int_bits"] != 32
        ]


def _known(problems: list[Problem], line: str) -> bool:
    """Whether a problem already listed says the same as the beginning of `line`."""
    return any(line.startswith(problem.what) for problem in problems)


def _about(entry: dict[str, Any]) -> str:
    words = [entry["file"], entry["version"], f"{entry['int_bits']}-bit integers"]
    if entry.get("threads"):
        words.append(f"{entry['threads']} thread{'s' if entry['threads'] != 1 else ''}")
    return ", ".join(word for word in words if word)


def _examine_world(report: Report, launcher: launchers.Launcher) -> None:
    """Start two ranks and let them form a world."""
    ranks = 2
    start = launchers.command(launcher, ranks)
    result = run_probe([*start, *PROBE, "world"], launchers.environment(ranks))
    if isinstance(result, str):
        report.problems.append(
            Problem(
                f"doctor: two ranks must form a world: got {result}",
                "see what the ranks print: "
                f"{' '.join(start)} {sys.executable} -m matrass.doctor.probe world",
            )
        )
        return
    report.facts["world"] = (
        f"{result['size']} ranks, thread level {result['thread_level']}, "
        f"BLAS threads a rank: {result['threads'] or 'unknown'}: {result['library']}"
    )
    if result["size"] != ranks:
        report.problems.append(
            Problem(
                f"doctor: {launcher.path} must start one world of {ranks} ranks: "
                f"got worlds of {result['size']}",
                "use the launcher of the MPI above (on Debian: mpiexec.mpich)",
            )
        )
    else:
        report.facts["memory"], problems = machine.matrix_memory(result["memory"], ranks)
        report.problems += problems
    if result["thread_level"] != "multiple":
        report.problems.append(
            Problem(
                "doctor: MPI should be initialised with thread level multiple: "
                f"got {result['thread_level']}",
                "unset MPI4PY_RC_THREAD_LEVEL MPI4PY_RC_THREADS, and leave mpi4py.rc as it is",
                fatal=False,
            )
        )


def run_probe(
    command: list[str], environment: dict[str, str], seconds: float = SECONDS
) -> dict[str, Any] | str:
    """Run a probe in a process group of its own; return its report, or a line on how it failed."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"no answer within {seconds:g} s"
    for line in out.splitlines():
        if line.startswith(MARK):
            answer: dict[str, Any] = json.loads(line.removeprefix(MARK))
            return answer
    if process.returncode < 0:
        return f"a crash ({signal.Signals(-process.returncode).name})"
    lines = [line for line in (err + out).splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line]
    return f"exit code {process.returncode}: {(errors or lines or ['no output'])[-1].strip()}"
