# SPDX-License-Identifier: BSD-3-Clause
"""What do the flights from New York City have in common? The demo of matrass, on real data.

    python examples/python/flights_dask.py

Dask reads the flights and makes a matrix of them, in chunks on its workers (flights_frame.py). The
workers become MPI ranks, which take the chunks where they are, and compute a truncated SVD, a PCA
and a ridge regression. The scores come back as a Dask array, and Dask aggregates them by airline.
NumPy checks the results (flights_check.py). The ranks write the matrix to a file, which the C++
example, flights_svd.cpp, reads.

Next: flights_frame.py. The same without Dask, each rank a script of its own: flights.py.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import dask.dataframe as dd
import flights_check
import flights_file
import flights_options
import flights_table
import matrass as mt
from distributed import LocalCluster, wait
from flights_data import OUTCOMES, DataError
from flights_frame import load_flights

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import dask.array as da
    import numpy as np
    import pandas as pd
    from distributed import Client
    from flights_check import Check, Reference
    from flights_frame import FlightsArray
    from matrass.session import RemoteMatrix
    from numpy.typing import NDArray

PENALTY = 1e-3
"""Of the ridge regression, for each flight: without one, collinear columns have no weights."""


@dataclass(frozen=True)
class Found:
    """What was computed, but for what the checks alone need."""

    flights: FlightsArray
    matrices: list[RemoteMatrix]
    reference: Reference
    singular_values: NDArray[np.float64]
    loadings: NDArray[np.float64]
    share: NDArray[np.float64]  # of the variance, that each component explains
    weights: NDArray[np.float64]  # of the columns that are known at departure
    explained: float  # share of the variance of the delay
    by_airline: pd.DataFrame  # number of flights, then the mean score in each component


class Stopwatch:
    """Seconds of each step: ``with watch("name of the step"): ...``."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time what is done inside of the `with`."""
        start = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - start


def run(client: Client, options: argparse.Namespace, watch: Stopwatch) -> bool:
    """Read the flights, have the ranks compute, report; tell whether all checks hold."""
    with watch("read: dask.dataframe -> dask.array"):
        flights = load_flights(options.rows)
        wait(flights.x)
    k = options.rank
    flights_options.require_rank(k, flights.shape)
    if flights.columns[0] != OUTCOMES[0]:
        raise DataError(f"the {OUTCOMES[0]} must vary: it is the same in all flights (more --rows)")
    with watch("open: Dask's workers become ranks"):
        session = mt.dask.Session(client)
    with session as s:
        with watch("put: chunks -> [VC,STAR]"):
            a = s.put(flights.x, name="flights")
        with watch("redistribute: -> [MC,MR], 64 x 64"):
            b = a.to("MC,MR", block=64)
        with watch(f"truncated SVD, rank {k}"):
            svd = mt.linalg.truncated_svd(a, k)
        with watch(f"PCA, {k} components"):
            pca = mt.linalg.pca(a, k)
        with watch("ridge regression of the arrival delay"):
            weights, explained = explain_delay(a, flights.columns)
        with watch("A.T @ A by ScaLAPACK in [MC,MR]"):
            gram = (b.T @ b).to_numpy()
        with watch("scores by airline, by Dask"):
            by_airline = mean_scores(pca.scores.to_dask(), flights)
        with watch("the same by Dask and NumPy: Gram, eigh"):
            reference, products = by_numpy(flights.x, a, svd)

        found = Found(
            flights=flights,
            matrices=[a, b],
            reference=reference,
            singular_values=svd.S,
            loadings=pca.components.to_numpy(),
            share=pca.explained_variance_ratio,
            weights=weights,
            explained=explained,
            by_airline=by_airline,
        )
        checks = flights_check.checks(
            flights.shape, svd, pca, gram=gram, products=products, numpy=reference
        )
        checks += [check_ridge(found), check_airlines(found)]
        if options.matrix:
            with watch("write the matrix to a file"):
                write(s, options.output, a, flights.columns, svd.S, pca.explained_variance)
        report(s, found, watch)
        flights_table.print_checks(checks)
        if options.picture:
            draw(s, options.output, found)
    if options.matrix:
        print(f"matrix:  {options.output / flights_file.MATRIX} (flights_svd.cpp reads it)")
    return all(check.holds for check in checks)


def explain_delay(a: RemoteMatrix, columns: list[str]) -> tuple[NDArray[np.float64], float]:
    """Regress the arrival delay on what is known at departure: weights, and explained variance.

    Both are views of `a`, which is standardised: no intercept, and comparable weights.
    """
    known = first_known(columns)
    x, y = a[:, known:], a[:, :1]
    w = mt.linalg.ridge(x, y, PENALTY * a.shape[0])
    left = mt.linalg.norm(y - x @ w) / mt.linalg.norm(y)
    return w.to_numpy()[:, 0], 1 - left**2


def first_known(columns: list[str]) -> int:
    """The first column that is no outcome."""
    return sum(name in OUTCOMES for name in columns)


def mean_scores(scores: da.Array, flights: FlightsArray) -> pd.DataFrame:
    """Count each airline's flights and average their scores, with Dask alone."""
    names = [str(c) for c in range(scores.shape[1])]
    airline = flights.airline.rechunk((scores.chunks[0],))  # small: the scores stay in place
    table = dd.from_dask_array(scores, columns=names)
    table["airline"] = dd.from_dask_array(airline)
    groups = table.groupby("airline")
    counts, means = dask.compute(groups.size(), groups.mean())
    means = means[names].sort_index()
    means.insert(0, "flights", counts)
    means.index = [flights.airlines[code] for code in means.index]
    return means


def by_numpy(x: da.Array, a: RemoteMatrix, svd: Any) -> tuple[Reference, flights_check.Products]:
    """Find with Dask and NumPy what the checks compare with."""
    u = svd.U.to_dask()
    gram, back, u_gram = dask.compute(x.T @ x, x.T @ u, u.T @ u)
    products = flights_check.Products(svd.V.to_numpy(), back, u_gram, a.norm())
    return flights_check.reference_of(gram), products


def check_ridge(found: Found) -> Check:
    """Compare the weights with NumPy's."""
    shape, columns = found.flights.shape, found.flights.columns
    return flights_check.check_ridge(
        found.reference, found.weights, first_known(columns), PENALTY * shape[0]
    )


def check_airlines(found: Found) -> Check:
    """Compare the mean scores with NumPy's; an airline that flies all flights has no column."""
    table = found.by_airline
    scores = table.drop(columns="flights").to_numpy()
    means = {
        name: row
        for name, row in zip(table.index, scores, strict=True)
        if f"by {name}" in found.flights.columns
    }
    return flights_check.check_airlines(found.flights, means, found.loadings, found.reference)


def write(
    s: mt.dask.Session,
    folder: Path,
    a: RemoteMatrix,
    columns: list[str],
    *spectrum: NDArray[np.float64],
) -> None:
    """Have each rank write its own rows: a function is called on every one, with its matrix."""
    place = str(folder.resolve())  # the workers may be in another folder
    s.run(lambda _, a, *rest: flights_file.write(Path(place), a, *rest), a, columns, *spectrum)


def report(s: mt.dask.Session, found: Found, watch: Stopwatch) -> None:
    """Print what was done, how fast, and what was found."""
    columns = found.flights.columns
    grid = s.run(lambda grid: grid.shape)[0]
    flights_table.print_matrix(grid, found.flights, found.matrices, found.reference)
    flights_table.print_seconds(watch.seconds)
    flights_table.print_transfers(s.transfers)
    flights_table.print_components(columns, found.loadings, found.share)
    flights_table.print_ridge(columns[first_known(columns) :], found.weights, found.explained)
    flights_table.print_airlines(found.by_airline)


def draw(s: mt.dask.Session, folder: Path, found: Found) -> None:
    """Draw the picture, with who holds what: as every rank says."""
    import flights_picture  # matplotlib takes a second to load: not without need

    a, b = found.matrices
    path = folder / "flights.png"
    flights_picture.draw(
        path,
        found.flights,
        [
            flights_picture.owner_map(a, s.run(flights_picture.held, a)),
            flights_picture.owner_map(b, s.run(flights_picture.held, b), first=512),
        ],
        reference=found.reference,
        singular_values=found.singular_values,
        loadings=found.loadings,
        share=found.share,
    )
    print(f"picture: {path}")


def main() -> int:
    """Exit codes: 0 all is well, 1 a check failed or something is missing, 2 wrong arguments."""
    parser = flights_options.parser(
        "flights_dask.py", "SVD, PCA and ridge regression of the flights from New York City."
    )
    parser.add_argument(
        "--workers", type=flights_options.positive, default=2, help="of Dask (default: 2)"
    )
    options = parser.parse_args()
    watch = Stopwatch()
    try:
        flights_file.make_folder(options.output)
        with contextlib.ExitStack() as stack:
            with watch(f"start: {options.workers} Dask workers"):
                cluster = LocalCluster(
                    n_workers=options.workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    # Failures are raised. That a worker's heartbeat is cut off by the end is none.
                    silence_logs=logging.CRITICAL,
                )
                client = stack.enter_context(stack.enter_context(cluster).get_client())
            return 0 if run(client, options, watch) else 1
    except (DataError, mt.Error) as error:
        print(f"flights_dask.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":  # each worker's process reads this file, too
    sys.exit(main())
