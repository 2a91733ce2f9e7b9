# SPDX-License-Identifier: BSD-3-Clause
"""The flights in Spark: one decomposition by MLlib and by matrass, side by side.

    python examples/python/flights_spark.py
    python examples/python/flights_spark.py --master "local-cluster[2,1,2048]"

Spark reads the flights and makes a DataFrame of numbers (flights_spark_frame.py). MLlib decomposes
it; then Spark's Python workers become MPI ranks, take its partitions, decompose the same matrix,
and give the left singular vectors back as a DataFrame. The ranks compare the two results, and a
picture shows how long each step took (flights_spark_picture.py).

Next: flights_spark_frame.py. The same data by Dask: flights_dask.py.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flights_file
import flights_options
import flights_table
import matrass as mt
import numpy as np
from flights_check import Check, column_norm
from flights_data import DataError
from flights_spark_frame import load_flights

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from flights_spark_frame import FlightsFrame
    from matrass.session import RemoteMatrix
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession


@dataclass
class Decomposition:
    """Singular values and right vectors, which are here, and the seconds of each step."""

    name: str
    seconds: dict[str, float] = field(default_factory=dict)
    s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    v: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done inside of the `with`."""
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def by_mllib(frame: DataFrame, k: int) -> tuple[Decomposition, Any]:
    """Decompose with Spark alone; also the left vectors, a RowMatrix."""
    from pyspark.ml.feature import VectorAssembler
    from pyspark.mllib.linalg.distributed import RowMatrix
    from pyspark.mllib.util import MLUtils

    found = Decomposition("MLlib")
    with found.step("transfer"):
        vectors = VectorAssembler(inputCols=frame.columns, outputCol="x").transform(frame)
        rows = MLUtils.convertVectorColumnsFromML(vectors.select("x"), "x").cache()
        rows.count()
        a = RowMatrix(rows)
    with found.step("compute"):
        svd = a.computeSVD(k, computeU=True)
    with found.step("fetch"):  # it is made when it is first used
        u = svd.U
        u.computeColumnSummaryStatistics()
    found.s, found.v = svd.s.toArray(), svd.V.toArray()
    return found, u


def by_matrass(
    s: mt.spark.Session, frame: DataFrame, k: int
) -> tuple[Decomposition, RemoteMatrix, RemoteMatrix]:
    """Decompose on Spark's Python workers; also the matrix and its left vectors there."""
    found = Decomposition("matrass")
    with found.step("transfer"):
        a = s.put(frame, name="flights")
    with found.step("compute"):
        svd = mt.linalg.truncated_svd(a, k)
    with found.step("fetch"):
        svd.U.to_spark(frame.sparkSession).count()
    found.s, found.v = svd.S, svd.V.to_numpy()
    return found, a, svd.U


def run(spark: SparkSession, options: argparse.Namespace) -> bool:
    """Read the flights, decompose them twice, report; tell whether both agree."""
    flights = load_flights(spark, options.rows)
    k = options.rank
    flights_options.require_rank(k, flights.shape)
    print_matrix(spark, flights)
    mllib, mllib_u = by_mllib(flights.frame, k)
    start = time.perf_counter()
    with mt.spark.Session(spark) as s:
        opened, ranks = time.perf_counter() - start, len(s.ranks)
        ours, a, u = by_matrass(s, flights.frame, k)
        flights_table.print_transfers([line for line in s.transfers if line.what != "fetch"])
        # MLlib's left vectors go to the ranks, too, to be multiplied with the same matrix.
        back = [(a.T @ each).to_numpy() for each in (s.put(mllib_u), u)]
    checks = compare(mllib, ours, back)
    print_seconds(mllib, ours, opened, ranks)
    flights_table.print_components(flights.columns, ours.v, ours.s**2 / np.prod(flights.shape))
    flights_table.print_checks(checks, "Checked by the ranks")
    if options.picture:
        import flights_spark_picture  # matplotlib takes a second to load: not without need

        path = options.output / "flights_spark.png"
        flights_spark_picture.draw(path, flights, mllib, ours)
        print(f"picture: {path}")
    return all(check.holds for check in checks)


def compare(
    mllib: Decomposition, ours: Decomposition, back: list[NDArray[np.float64]]
) -> list[Check]:
    """Measure both against each other, and each against the matrix: `back` is A.T @ U of each.

    Both iterate until residuals are below 1e-10: A.T u = s v holds to that, and values are right to
    its square, or to rounding.
    """
    s1 = ours.s[0]
    kept = len(mllib.s)  # it leaves out what is zero
    checks = [
        Check(
            "singular values: |S - MLlib's| / s1", np.abs(ours.s[:kept] - mllib.s).max() / s1, 1e-10
        )
    ]
    for each, product in zip((mllib, ours), back, strict=True):
        error = column_norm(product - each.v * each.s) / s1
        checks.append(Check(f"{each.name}: max |A.T u - s v| / s1", float(error), 1e-9))
    return checks


def print_matrix(spark: SparkSession, flights: FlightsFrame) -> None:
    """Print what was read, and where it is."""
    m, n = flights.shape
    parts = flights.frame.rdd.getNumPartitions()
    rows = [
        ("flights", f"{flights.rows_read:,} read, {flights.rows_read - m:,} left out"),
        ("matrix", f"{m:,} x {n} of float64, {m * n * 8 / 1e6:.0f} MB, every column standardised"),
        ("Spark", f"{spark.sparkContext.master}, {parts} partitions"),
    ]
    flights_table.print_table("The flights that left New York City in 2013", ("", ""), rows)


def print_seconds(mllib: Decomposition, ours: Decomposition, opened: float, ranks: int) -> None:
    """Print both, step by step."""
    words = {
        "transfer": "DataFrame -> vectors; ranks' tiles",
        "compute": f"truncated SVD, rank {len(ours.s)}",
        "fetch": "left vectors -> Spark",
    }
    rows = [
        (text, f"{mllib.seconds[step]:.2f}", f"{ours.seconds[step]:.2f}")
        for step, text in words.items()
    ]
    totals = [sum(each.seconds.values()) for each in (mllib, ours)]
    rows.append(("together", *(f"{total:.2f}" for total in totals)))
    rows.append((f"before that, once: workers become {ranks} ranks", "", f"{opened:.2f}"))
    flights_table.print_table("Seconds", ("", "MLlib", "matrass"), rows, right=(1, 2))


def spark_session(master: str, memory: str) -> SparkSession:
    """Start Spark, with Python workers that are like this process."""
    import pyspark
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    if master.startswith("local-cluster"):  # its executors are started from Spark's own folder
        home = Path(pyspark.__file__).parent
        os.environ.setdefault("SPARK_HOME", str(home))
        core = next((home / "jars").glob("spark-core_*.jar"))
        scala = re.match(r"spark-core_([\d.]+)-", core.name)
        os.environ.setdefault("SPARK_SCALA_VERSION", scala[1] if scala else "")
    builder = SparkSession.builder.master(master).appName("flights")
    options = {"spark.driver.memory": memory, "spark.ui.enabled": "false"}
    options["spark.ui.showConsoleProgress"] = "false"
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
        options[f"spark.executorEnv.{variable}"] = os.environ[variable]
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def main() -> int:
    """Exit codes: 0 all is well, 1 a check failed or something is missing, 2 wrong arguments."""
    parser = flights_options.parser(
        "flights_spark.py", "SVD of the flights from New York City, by MLlib and by matrass.",
        matrix=False,
    )  # fmt: skip
    parser.add_argument("--master", default="local[2]", help="Spark's (default: local[2])")
    parser.add_argument("--memory", default="4g", help="of Spark's driver (default: 4g)")
    options = parser.parse_args()
    # What Spark says of pandas' version does not matter here.
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    try:
        flights_file.make_folder(options.output)
        spark = spark_session(options.master, options.memory)
        try:
            return 0 if run(spark, options) else 1
        finally:
            spark.stop()
    except (DataError, mt.Error) as error:
        print(f"flights_spark.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
