# SPDX-License-Identifier: BSD-3-Clause
"""Spark with matrass against Spark alone, in the same run: one JSON line a case.

``./run bench spark`` takes ``local[2]``: two slots, two ranks; by hand::

    .venv/bin/python benchmarks/spark/run.py --cases svd put --scale 0.1

MLlib takes the system's BLAS where it finds one, by JNI, else Java's own; ``--java-blas`` hides it.
Times are medians in milliseconds, from data in Spark to results in Spark; an open session is there
before. ``at_least`` is what `times_faster`, or the part of the limit, is to be. How both grow with
the size of the matrix: ``growth.py``. Next: ``setting.py``.
"""

from __future__ import annotations

import argparse
import sys
import warnings

from setting import prepare

CASES = (
    "open_session", "put", "partitions", "svd", "pca", "regression", "multiply"
)  # fmt: skip


def main() -> int:
    """Run the cases."""
    parser = argparse.ArgumentParser(prog="spark", description=__doc__)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory", default="8g", help="heap of Spark's JVM")
    parser.add_argument("--java-blas", action="store_true", help="MLlib as without a system's BLAS")
    given = parser.parse_args()
    prepare(given.memory, java_blas=given.java_blas)
    warnings.simplefilter("ignore")
    import algebra
    import transfers

    for name in given.cases:
        case = getattr(transfers, name, None) or getattr(algebra, name)
        case(given.scale, given.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
