# SPDX-License-Identifier: BSD-3-Clause
"""Medians of what a driver waits for, and the lines in which benchmarks tell what they found."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def median(repeats: int, work: Callable[[], Any]) -> float:
    """Of some runs after one that is not counted, in milliseconds."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return round(1e3 * float(np.median(times)), 2)


def tell(benchmark: str, ranks: int, case: str, **found: Any) -> None:
    """Print a line."""
    words = {"benchmark": benchmark, "case": case, "ranks": ranks} | found
    print(json.dumps(words), flush=True)
