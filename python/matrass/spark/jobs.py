# SPDX-License-Identifier: BSD-3-Clause
"""Jobs of Spark's on behalf of a session: each ends with the session, and tells how far it is.

Next: ``pools.py``.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from matrass.errors import (
    CancelledError,
    Error,
    MPIError,
    RankLostError,
    SessionClosedError,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from matrass.control.controller import Controller
    from matrass.session.session import Session

__all__ = ["Job", "is_stopped", "job", "spark_errors", "spark_first", "watch"]

_Result = TypeVar("_Result")
_POLL_SECONDS = 0.02
_PROGRESS_EVERY = 10
_PATIENCE = 25
_SETTLED_WITHIN = 8.0
_QUIET = 5


class Job:
    """An action of Spark's in a thread of its own.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
    what : str
        What is said of it in Spark's pages.
    action : callable
    """

    def __init__(self, spark: SparkSession, what: str, action: Callable[[], Any]) -> None:
        from pyspark import InheritableThread

        self._context = spark.sparkContext
        self._tag = f"matrass-{secrets.token_hex(6)}"
        self._spark = spark
        self.what = what
        self._action = action
        self._value: Any = None
        self._error: BaseException | None = None
        self.ended = threading.Event()
        # It inherits the caller's job group and scheduler pool: who cancels these cancels this.
        self._thread = InheritableThread(target=self._run, daemon=True, session=spark)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._context.addJobTag(self._tag)
            self._context.setLocalProperty("spark.job.description", f"matrass: {self.what}")
            self._value = self._action()
        except BaseException as error:
            self._error = error
        finally:
            self.ended.set()

    def cancel(self) -> None:
        """Have Spark end its tasks."""
        with contextlib.suppress(Exception):  # the context may be gone
            self._context.cancelJobsWithTag(self._tag)

    def value(self) -> Any:
        """What the action returned, once it has ended; or what it raised."""
        self.ended.wait()
        if self._error is not None:
            with spark_errors(self._spark, self.what):
                raise self._error
        return self._value

    def progress(self) -> float:
        """The part of its tasks that has ended, from 0 to 1."""
        stages = list(self._stages())
        total = sum(stage.numTasks() for stage in stages)
        return sum(stage.numCompletedTasks() for stage in stages) / total if total else 0.0

    def busy(self) -> bool:
        """Whether any of its tasks runs, which may be long after the job was cancelled."""
        return any(stage.numActiveTasks() for stage in self._stages())

    def _stages(self) -> Iterator[Any]:
        """What Spark tells of each of its stages; nothing where the context is gone."""
        with contextlib.suppress(Exception):
            jvm: Any = self._context._jsc
            tracker = jvm.sc().statusTracker()
            for number in tracker.getJobIdsForTag(self._tag):
                for stage in tracker.getJobInfo(number).get().stageIds():
                    told = tracker.getStageInfo(stage)
                    if told.isDefined():
                        yield told.get()


def job(
    session: Session,
    spark: SparkSession,
    what: str,
    action: Callable[[], _Result],
    progress: Callable[[float], None] | None = None,
) -> _Result:
    """Run an action of Spark's while the session lives.

    Raises
    ------
    RankLostError, SessionClosedError
        If the session ends meanwhile.
    CancelledError
        If somebody cancels the job; it is noted where that has cost ranks.
    MPIError
        If it fails.
    """
    running = Job(spark, what, action)
    count = 0
    try:
        while not running.ended.wait(_POLL_SECONDS):
            # A cancelled job costs ranks: then the cancelling is the reason, and it ends soon.
            if session.closed and not running.ended.wait(_PATIENCE * _POLL_SECONDS):
                session._require_alive()
            count += 1
            if progress is not None and count % _PROGRESS_EVERY == 0:
                progress(running.progress())
    except BaseException as error:
        running.cancel()
        _settle(session, running, error)
        raise
    try:
        result: _Result = running.value()
    except CancelledError as error:
        _settle(session, running, error)
        raise
    except Exception as error:
        for _ in range(_PATIENCE):  # a lost rank is the reason, where one was lost
            session._require_alive()
            time.sleep(_POLL_SECONDS)
        _settle(session, running, error)
        raise
    return result


def _settle(session: Session, running: Job, error: BaseException) -> None:
    """Wait until it is known whether the end of a job costs ranks.

    Tasks end as soon as they look whether they should. Where one does not look for 2 s
    (``spark.python.task.killTimeout``), Spark kills its Python worker.
    """
    if session.closed:
        return
    deadline = time.monotonic() + _SETTLED_WITHIN
    quiet = 0
    while quiet < _QUIET and not session.closed and time.monotonic() < deadline:
        quiet = 0 if running.busy() else quiet + 1
        time.sleep(_POLL_SECONDS)
    if session.closed:
        error.add_note(f"{running.what}: with it {session._controller.end}")


def watch(job: Job, controller: Controller) -> None:
    """See to it that nobody waits for ranks any more when the stage that starts them fails."""

    def wait() -> None:
        job.ended.wait()
        try:
            job.value()
        except Error as error:
            for _ in range(_PATIENCE):  # the controller knows more of a rank that it has seen
                if controller.end is not None:
                    return
                time.sleep(_POLL_SECONDS)
            with contextlib.suppress(RuntimeError):  # it is closed already
                controller.end_world("", error)

    threading.Thread(target=wait, name="matrass-job", daemon=True).start()


@contextlib.contextmanager
def spark_first(job: Job) -> Iterator[None]:
    """Where ranks fail as their task has: raise what Spark says of it."""
    try:
        yield
    except (MPIError, SessionClosedError):
        if job.ended.wait(_PATIENCE * _POLL_SECONDS):
            job.value()
        raise


@contextlib.contextmanager
def spark_errors(spark: SparkSession, routine: str) -> Iterator[None]:
    """Raise what Spark raises as errors of matrass's, in one line and a note."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException, ConnectionError, EOFError) as error:
        raised = _error_of(spark, routine, str(error))
        raised.add_note(str(error))
        raise raised from None


def _error_of(spark: SparkSession, routine: str, text: str) -> Exception:
    message = f"{routine}: Spark's job failed: {_cause(text)}"
    if is_stopped(spark) or "SparkContext was shut down" in text:
        return SessionClosedError(f"{routine}: the SparkContext must be running: it was stopped")
    if "cancelled" in text:
        return CancelledError(message)
    lost = _LOST_IN_BARRIER.search(text)
    if lost is not None and _HUNG_UP.search(text):
        rank = int(lost[1])
        return RankLostError(
            f"{routine}: every rank must stay alive: the Python worker of rank {rank} has exited",
            rank=rank,
        )
    if "No module named 'matrass" in text:
        message += " (install it for the Python of the executors, PYSPARK_PYTHON)"
    return MPIError(message)


def is_stopped(spark: SparkSession) -> bool:
    """Whether the context is gone, or its JVM."""
    try:
        jvm: Any = spark.sparkContext._jsc
        return jvm is None or bool(jvm.sc().isStopped())
    except Exception:
        return True


_EXITED = "Python worker exited unexpectedly"
_HUNG_UP = re.compile(rf"{_EXITED}|Broken pipe|Connection reset|EOFException|launch worker")
_LOST_IN_BARRIER = re.compile(r"barrier task \w+\(\d+, (\d+)\) finished unsuccessfully")
_IN_PYTHON = re.compile(r"(?!org\.|java\.|py4j\.)[A-Za-z_][\w.]*(Error|Exception|Interrupt)\b")
_IN_JAVA = re.compile(r"(: |Caused by: )?(org|java|py4j)\.[\w.]+(Error|Exception): ")


def _cause(text: str) -> str:
    """The line that says most: of Python's exception, else of the Java one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    python = [line for line in lines if _IN_PYTHON.match(line)]
    java = [_IN_JAVA.sub("", line) for line in lines if _IN_JAVA.match(line)]
    telling = [line for line in java if _EXITED in line or "cancelled" in line]
    return (telling or python or java or lines or ["no reason was given"])[0][:300]
