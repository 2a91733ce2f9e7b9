# SPDX-License-Identifier: BSD-3-Clause
"""The flights from New York City in SPMD: every MPI rank runs this script.

    matrass run -n 2 examples/python/flights.py

The demo, flights_dask.py, asks the same of Dask's workers. Here each rank reads its own part of the
flights (flights_data.py) and gives its rows to matrass, which deals them out; the ranks compute a
truncated SVD and a PCA together; NumPy checks the results (flights_check.py); rank 0 prints a
report (flights_table.py) and draws a picture (flights_picture.py). The matrix goes to a file, which
the C++ example, flights_svd.cpp, reads.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from typing import TYPE_CHECKING

import flights_check
import flights_file
import flights_options
import flights_table
import matrass as mt
from flights_data import DataError, load_flights

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from mpi4py.MPI import Comm


class Stopwatch:
    """Seconds of each step: from when all ranks are ready to when the slowest one is done.

    Called as ``with watch("name of the step"): ...``; collective.
    """

    def __init__(self, comm: Comm) -> None:
        self.comm = comm
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time what is done inside of the `with`."""
        self.comm.Barrier()
        start = time.perf_counter()
        yield
        self.seconds[step] = max(self.comm.allgather(time.perf_counter() - start))


def run(grid: mt.Grid, options: argparse.Namespace) -> bool:
    """Do everything, on every rank; tell whether all checks hold."""
    comm = grid.comm
    root = comm.rank == 0
    watch = Stopwatch(comm)
    flights_file.make_folder_together(comm, options.output)

    with watch("read: each rank its own rows"):
        flights = load_flights(comm, options.rows)
    rank, shape = options.rank, flights.shape
    flights_options.require_rank(rank, shape)

    with watch("put: row blocks -> [VC,STAR]"):
        # One tile a rank. block=None makes equal row blocks, so that few rows have to move.
        tiles = [(flights.first_row, 0, flights.block)]
        a = mt.from_tiles(grid, tiles, shape, layout="VC,STAR", block=None)
    with watch("redistribute: -> [MC,MR], 64 x 64"):
        b = a.to("MC,MR", block=64)
    with watch(f"truncated SVD, rank {rank}"):
        svd = mt.linalg.truncated_svd(a, rank)
    with watch(f"PCA, {rank} components"):
        pca = mt.linalg.pca(a, rank)
    with watch("A.T @ A by ScaLAPACK in [MC,MR]"):
        gram = (b.T @ b).numpy(root=None)
    with watch("the same by NumPy: Gram, eigh"):
        reference = flights_check.reference(comm, flights.block)
    checks = flights_check.compare(a, svd, pca, gram, reference)

    if options.matrix:
        with watch("write the matrix to a file"):
            flights_file.write(options.output, a, flights.columns, svd.S, pca.explained_variance)
    loadings = pca.components.numpy(root=0)
    if root:
        flights_table.print_matrix(grid.shape, flights, [a, b], reference)
        flights_table.print_seconds(watch.seconds)
        flights_table.print_components(flights.columns, loadings, pca.explained_variance_ratio)
        flights_table.print_checks(checks)
    if options.picture:
        import flights_picture  # matplotlib takes a second to load: not without need

        held = [comm.gather(flights_picture.held(grid, matrix)) for matrix in (a, b)]
        if root:
            owners = [
                flights_picture.owner_map(a, held[0]),
                flights_picture.owner_map(b, held[1], first=512),
            ]
            path = options.output / "flights.png"
            flights_picture.draw(
                path,
                flights,
                owners,
                reference=reference,
                singular_values=svd.S,
                loadings=loadings,
                share=pca.explained_variance_ratio,
            )
            print(f"picture: {path}")
    if root and options.matrix:
        print(f"matrix:  {options.output / flights_file.MATRIX} (flights_svd.cpp reads it)")
    return all(check.holds for check in checks)


def parse(rank: int) -> argparse.Namespace:
    """Read the command line. Every rank does, one speaks."""
    parser = flights_options.parser(
        "flights.py", "Truncated SVD and PCA of the flights from New York City, on MPI ranks."
    )
    silence = io.StringIO()
    with contextlib.ExitStack() as stack:
        if rank != 0:
            stack.enter_context(contextlib.redirect_stdout(silence))
            stack.enter_context(contextlib.redirect_stderr(silence))
        return parser.parse_args()


def main() -> int:
    """Exit codes: 0 all is well, 1 a check failed or something is missing, 2 wrong arguments."""
    grid = mt.Grid()
    options = parse(grid.rank)
    try:
        return 0 if run(grid, options) else 1
    except (DataError, mt.Error) as error:  # raised by every rank alike: one line is enough
        if grid.rank == 0:
            print(f"flights.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
