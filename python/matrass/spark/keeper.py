# SPDX-License-Identifier: BSD-3-Clause
"""Keeps Python workers from being taken for idle: Spark ends those that do nothing for 60 s.

Next: ``session.py``.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from matrass.spark.hosts import HOSTED, pulse
from matrass.spark.jobs import Job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from matrass.spark.pools import Pool

__all__ = ["Keeper"]

PULSE_SECONDS = 25.0


class Keeper:
    """Runs a small job in a pool again and again; a context manager.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
    pool : Pool
    count : int
        How many of its processes are ranks.

    Notes
    -----
    Spark counts idleness for each executor's daemon. A job has as many tasks as there are ranks,
    and is repeated with more until it has been on each of the daemons that jobs were on before.
    """

    def __init__(self, spark: SparkSession, pool: Pool, count: int) -> None:
        self._spark, self._pool, self._count = spark, pool, count
        self._daemons: set[tuple[str, int]] = set()
        self._stopped = threading.Event()
        self._job: Job | None = None

    def start(self) -> None:
        """Begin, in a thread."""
        threading.Thread(target=self._run, name="matrass-pulse", daemon=True).start()

    def stop(self) -> None:
        """Let the workers go."""
        self._stopped.set()
        if self._job is not None and not self._job.ended.is_set():
            self._job.cancel()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopped.wait(PULSE_SECONDS):
            try:
                self._beat()
            except Exception:  # Spark is gone or the job was cancelled: a lost rank says so
                continue

    def _beat(self) -> None:
        missing, count = set(self._daemons), self._count
        for _ in range(4):
            tasks = self._pool.numbered(count, pulse, HOSTED)
            self._job = Job(self._spark, "the ranks are in use", tasks.collect)
            found = {(each.host, each.daemon) for each in self._job.value()}
            self._daemons |= found
            missing -= found
            if not missing or self._stopped.is_set():
                return
            count *= 2
        self._daemons -= missing  # an executor is gone
