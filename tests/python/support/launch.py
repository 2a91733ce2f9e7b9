# SPDX-License-Identifier: BSD-3-Clause
"""Runs the Python tests: the serial ones in one process, the SPMD ones on several numbers of ranks.

    launch.py [--ranks 6,1,2] [--only serial|spmd] [--junit FILE] [PATH...] [-- PYTEST_OPTION...]

A process set that dies (a rank is killed, or a time limit is over) is shown with the rank, the way
it ended and the stacks; the test in which it died counts as failed, and the tests that it did not
come to run in a new process set. The last line is ``python: N passed, N failed, N skipped``; the
exit code is 0 when tests ran and none failed.

Next: `spmd.process_set`.
"""

from __future__ import annotations

import argparse
import collections
import os
import signal
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from spmd.process_set import ProcessSet
from spmd.team import FULL_SIZE

MOST_RESTARTS = 5
PROCESS_SET_TIME_LIMIT = 2400.0
NO_TESTS_COLLECTED = 5


def main() -> int:
    options = _parse(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGHUP):  # the process set is to end with this program
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    python_path = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, python_path))
    os.environ["MATRASS_TEST_FULL_SIZE"] = str(max(options.ranks))
    serial = [] if options.only == "spmd" else [0]
    spmd = [] if options.only == "serial" else options.ranks
    outcomes: dict[tuple[str, str], str] = {}
    seconds: dict[tuple[str, str], float] = {}
    good = True
    for size in serial + spmd:
        where = f"np{size}" if size else "serial"
        found, times, fine = _run(size, options)
        outcomes.update({(where, test): outcome for test, outcome in found.items()})
        seconds.update({(where, test): time for test, time in times.items()})
        good = good and fine
    if options.junit:
        _write_junit(options.junit, outcomes, seconds, good=good)
    count = collections.Counter(outcomes.values())
    for (where, test), outcome in outcomes.items():
        if outcome == "failed":
            print(f"FAILED {where} {test}")
    passed, failed, skipped = (count[kind] for kind in ("passed", "failed", "skipped"))
    print(f"python: {passed} passed, {failed} failed, {skipped} skipped")
    return 0 if good and failed == 0 and passed > 0 else 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", metavar="PATH", help="default: pytest's testpaths")
    parser.add_argument("--ranks", default=f"{FULL_SIZE},1,2", help="sizes of process sets")
    parser.add_argument("--only", choices=("serial", "spmd"))
    parser.add_argument("--junit", type=Path, help="JUnit file of all process sets")
    limit = PROCESS_SET_TIME_LIMIT
    parser.add_argument("--time-limit", type=float, default=limit, help="of a process set, seconds")
    split = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:split])
    options.ranks = [int(word) for word in options.ranks.split(",")]
    options.pytest = arguments[split + 1 :]
    return options


def _run(size: int, options: argparse.Namespace) -> tuple[dict[str, str], dict[str, float], bool]:
    """The tests that belong to process sets of this size: outcomes, seconds; if all is well."""
    arguments = ["-m", "spmd" if size else "not spmd", *options.pytest, *options.paths]
    outcomes: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for _ in range(MOST_RESTARTS + 1):
        print(f"=== {f'{size} ranks' if size else 'serial'} ===", flush=True)
        result = ProcessSet(size, arguments, options.time_limit, sorted(outcomes)).run()
        outcomes.update(result.outcomes)
        seconds.update(result.seconds)
        if result.complete:
            return outcomes, seconds, result.exit_code in {0, 1, NO_TESTS_COLLECTED}
        if result.running:
            outcomes[result.running] = "failed"
        else:  # not a test's doing: a new process set would fare the same
            break
        if not result.left:
            return outcomes, seconds, False
        print(f"{len(result.left)} tests are left: a new process set runs them", flush=True)
    print(f"{len(result.left)} tests did not run")
    outcomes.update(dict.fromkeys(result.left, "failed"))
    return outcomes, seconds, False


def _write_junit(
    path: Path,
    outcomes: dict[tuple[str, str], str],
    seconds: dict[tuple[str, str], float],
    *,
    good: bool,
) -> None:
    suite = ET.Element("testsuite", name="python")
    for (where, test), outcome in outcomes.items():
        time = f"{seconds.get((where, test), 0.0):.3f}"
        case = ET.SubElement(suite, "testcase", classname=where, name=test, time=time)
        if outcome != "passed":
            ET.SubElement(case, "failure" if outcome == "failed" else "skipped")
    if not good and "failed" not in outcomes.values():  # a process set died outside of its tests
        case = ET.SubElement(suite, "testcase", classname="python", name="process sets")
        ET.SubElement(case, "failure")
    ET.ElementTree(suite).write(path, encoding="unicode")


if __name__ == "__main__":
    sys.exit(main())
