# SPDX-License-Identifier: BSD-3-Clause
"""Whether ``method="auto"`` of the truncated SVD takes the fastest method: one JSON line a case.

``./run bench linalg/svd_methods``. Matrices that fall quickly, slowly and in clusters, of few
and of many columns, few and many vectors, on 2 ranks with one BLAS thread each; a time is the
median of `repeats` runs. ``auto_over_best`` is the figure that the cost model answers for: the exit
status is 1 where it is above 1.75 in any case.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from contest import launcher, output_of, timed
from svd_matrix import SPECTRA, rows_of_matrix, share_of

HERE = Path(__file__).resolve()

SHAPES = [(200_000, 60), (100_000, 200), (50_000, 500), (50_000, 1_000), (10_000, 2_000)]
VECTORS = [5, 20, 100]
METHODS = ["auto", "randomized", "lanczos", "gram", "tsqr"]


def run_ranks(repeats: int) -> None:
    """As one of the ranks."""
    import matrass as mt

    grid = mt.Grid()
    comm = grid.comm
    for shape in SHAPES:
        for spectrum in SPECTRA:
            rows = share_of(comm.rank, comm.size, shape[0])
            local = rows_of_matrix(shape, rows, spectrum)
            a = mt.from_local(grid, local, shape, layout="VC,STAR")
            for k in VECTORS:
                if 2 * k > shape[1]:
                    continue
                told = {"case": f"{shape[0]} x {shape[1]}, k={k}, {spectrum}"}
                for method in METHODS:
                    seconds, _ = timed(
                        repeats,
                        lambda m=method, a=a, k=k: mt.linalg.truncated_svd(a, k, method=m),
                        comm.Barrier,
                    )
                    told[method] = round(1e3 * max(comm.allgather(seconds)), 1)
                if comm.rank == 0:
                    print(json.dumps(told), flush=True)
            del a, local


def main() -> int:
    """Run every case and print its line."""
    parser = argparse.ArgumentParser(prog="svd_methods", description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        run_ranks(given.repeats)
        return 0
    command = [launcher(), "-n", str(given.ranks), sys.executable, str(HERE), "--part"]
    worst = 0.0
    for text in output_of([*command, f"--repeats={given.repeats}"], threads=1):
        told = json.loads(text)
        best = min(told[method] for method in METHODS[1:])
        told["auto_over_best"] = round(told["auto"] / best, 2)
        worst = max(worst, told["auto_over_best"])
        print(json.dumps(told), flush=True)
    print(json.dumps({"case": "worst of auto over best", "ratio": worst}), flush=True)
    return 0 if worst <= 1.75 else 1


if __name__ == "__main__":
    sys.exit(main())
