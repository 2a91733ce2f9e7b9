#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Adds up JUnit files of CTest and pytest and closes with one line: N passed, N failed, N skipped.

Usage: tools/summary.py FILE...   A file that is missing or cannot be read counts as one failure:
its run never ended.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def count(path: Path) -> tuple[int, list[str], int]:
    """Return how many test cases passed, which failed, and how many were skipped."""
    try:
        cases = ET.parse(path).getroot().iter("testcase")
    except (OSError, ET.ParseError) as error:
        return 0, [f"{path.stem}: the run did not end ({error})"], 0
    passed, failed, skipped = 0, [], 0
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            name = case.get("name", "?")
            group = case.get("classname", name)
            failed.append(name if group == name else f"{group}::{name}")
        elif case.find("skipped") is not None or case.get("status") in {"notrun", "disabled"}:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main(files: list[str]) -> int:
    """Print the names of what failed, then the closing line."""
    counts = [count(Path(name)) for name in files]
    passed = sum(entry[0] for entry in counts)
    failed = [name for entry in counts for name in entry[1]]
    skipped = sum(entry[2] for entry in counts)
    for name in failed:
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
