# SPDX-License-Identifier: BSD-3-Clause
"""The pytest plugin: rank 0 reports for all; the ranks agree on the outcome of each phase of a
test.

A set-up that fails on one rank fails on all, so that no rank runs the test alone; a skip must be
everybody's. Agreements name the stage: ranks that are out of step end with a message instead of a
hang.

Next: `spmd.outcome`.
"""

from __future__ import annotations

import faulthandler
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spmd import outcome, team, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from mpi4py import MPI

DEFAULT_TIME_LIMIT = 60.0
COLLECTION_TIME_LIMIT = 120.0
_MARKERS = (
    "spmd: runs on MPI ranks",
    "ranks(*sizes): sizes of the communicator `comm` (default: 1, 2, ... all)",
    "world(*sizes): runs in process sets of these sizes only",
    "time_limit(seconds): instead of 60 s",
)


@pytest.hookimpl(trylast=True)  # the terminal reporter is there by then
def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    config.pluginmanager.register(Harness(config), "spmd-harness")


class Harness:
    """The plugin's state on this rank."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.team = team.get() if team.launched() else None
        self.rank = self.team.rank if self.team else 0
        self.size = self.team.size if self.team else 1
        run_dir = os.environ.get("MATRASS_TEST_RUN_DIR")
        self.run_dir = Path(run_dir) if run_dir else None
        self.watch: watch.Watch | None = None
        self._collect_errors: list[str] = []
        self._seconds: dict[str, float] = {}
        if not config.getoption("usepdb"):
            self.watch = watch.Watch(
                self._shared_dir(),
                self.rank,
                self.size,
                self._teller(),
                temporary=self.run_dir is None,
            )
        self._arm("collection", COLLECTION_TIME_LIMIT)
        if self.run_dir is not None:  # else pytest's own fault handler writes to the standard error
            self._crash = (self.run_dir / f"rank{self.rank}.crash").open("w", encoding="utf-8")
            faulthandler.enable(self._crash)
        if self.rank != 0:
            self._be_silent()

    # --- the process set ---

    def _shared_dir(self) -> Path:
        """The launcher's, else a new one, of which rank 0 tells the others."""
        if self.run_dir is not None:
            return self.run_dir
        made = tempfile.mkdtemp(prefix="matrass_test_") if self.rank == 0 else ""
        return Path(self.team.channel.broadcast(made) if self.team else made)

    def _teller(self) -> Callable[[str], object]:
        """Where stacks go: the launcher shows them, else the uncaptured standard error."""
        if self.run_dir is not None:
            file = self.run_dir / "stacks.txt"
            return lambda text: file.write_text(text, encoding="utf-8")
        stderr = os.dup(2)
        return lambda text: os.write(stderr, f"\n{text}\n".encode())

    def _be_silent(self) -> None:
        """Rank 0 speaks for all."""
        manager = self.config.pluginmanager
        reporter = manager.unregister(name="terminalreporter")
        assert reporter is not None
        sink = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process
        manager.register(type(reporter)(self.config, sink), "terminalreporter")
        if hasattr(self.config.option, "xmlpath"):
            self.config.option.xmlpath = None

    def _arm(self, stage: str, seconds: float) -> None:
        if self.watch is not None:
            self.watch.arm(stage, seconds)

    def _exchange(self, mine: outcome.Outcome) -> list[outcome.Outcome]:
        """All ranks' outcomes; ends the process set when the ranks are at different stages."""
        assert self.team is not None
        outcomes: list[outcome.Outcome] = self.team.channel.exchange(mine, failure=mine.text)
        stages = [o.stage for o in outcomes]
        if len(set(stages)) > 1:
            where = "\n".join(f"  rank {r}: {o.stage} ({o.status})" for r, o in enumerate(outcomes))
            texts = "\n".join(o.text for o in outcomes if o.text)
            reason = f"the ranks are out of step:\n{where}\n{texts}"
            if self.watch is not None:
                self.watch.end(reason)
            pytest.exit(reason, returncode=1)
        return outcomes

    # --- collection ---

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        full = int(os.environ.get("MATRASS_TEST_FULL_SIZE", str(self.size)))
        done = self._done_before()
        kept: list[pytest.Item] = []
        left_out: list[pytest.Item] = []
        for item in items:
            self._mark(item)
            wanted = self.team is None or (_is_spmd(item) and self.size in _worlds(item, full))
            (kept if wanted and item.nodeid not in done else left_out).append(item)
        if left_out:
            config.hook.pytest_deselected(items=left_out)
        items[:] = kept

    def _mark(self, item: pytest.Item) -> None:
        if "comm" in getattr(item, "fixturenames", ()) or item.get_closest_marker("world"):
            item.add_marker(pytest.mark.spmd)
        # A rank that fails alone would shrink its example alone.
        if _is_spmd(item) and hasattr(getattr(item, "obj", None), "hypothesis"):
            raise pytest.UsageError(
                f"{item.nodeid}: an SPMD test takes spmd.given_together, not @given"
            )

    def _done_before(self) -> set[str]:
        """What need not run again: the launcher goes on after a process set that died."""
        path = os.environ.get("MATRASS_TEST_DONE")
        return set(Path(path).read_text(encoding="utf-8").splitlines()) if path else set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        names = [item.nodeid for item in session.items]
        if self.run_dir is not None and self.rank == 0:
            (self.run_dir / "collected.txt").write_text("\n".join(names), encoding="utf-8")
        if self.team is None:
            return
        status = "failed" if session.testsfailed else "passed"
        mine = outcome.Outcome(
            "collection", status, "\n".join(names), "\n".join(self._collect_errors)
        )
        complaint = _collection_complaint(self._exchange(mine))
        if complaint:
            session.shouldfail = complaint
            raise session.Failed(complaint)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._collect_errors.append(report.longreprtext)

    # --- running ---

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        marker = item.get_closest_marker("time_limit")
        self._arm(item.nodeid, marker.args[0] if marker else DEFAULT_TIME_LIMIT)
        try:
            return (yield)
        finally:
            self._arm(f"after {item.nodeid}", DEFAULT_TIME_LIMIT)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if self.team is not None:
            mine = outcome.of_report(f"{item.nodeid} [{report.when}]", report)
            outcome.settle(report, self._exchange(mine), self.rank)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        comm = pyfuncitem.funcargs.get("comm")
        return True if comm is not None and not comm else None  # not one of its ranks

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.run_dir is None or self.rank != 0:
            return
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration
        if report.when == "call" or report.outcome != "passed":
            self._note(report, report.outcome)
        elif report.when == "teardown":
            self._note(report, None)

    def _note(self, report: pytest.TestReport, outcome: str | None) -> None:
        """For the launcher: the outcome, if there is one, and the seconds until now."""
        seconds = round(self._seconds[report.nodeid], 3)
        with (self.run_dir / "results.jsonl").open("a", encoding="utf-8") as file:
            result = {"id": report.nodeid, "outcome": outcome, "seconds": seconds}
            if outcome == "failed":
                result["text"] = report.longreprtext
            file.write(json.dumps(result) + "\n")

    # --- the end ---

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        self._arm("the end of the session", DEFAULT_TIME_LIMIT)
        if self.team is None:
            return
        mine = outcome.Outcome("the end of the session", "passed", str(int(exitstatus)))
        codes = {int(other.message) for other in self._exchange(mine)}
        bad = codes - {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
        session.exitstatus = max(bad) if bad else min(codes)

    def pytest_unconfigure(self) -> None:
        if self.run_dir is not None:
            (self.run_dir / f"rank{self.rank}.finished").touch()
        elif self.watch is not None and self.rank == 0:
            self.watch.remove_directory()

    # --- fixtures ---

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "comm" in metafunc.fixturenames:
            marker = metafunc.definition.get_closest_marker("ranks")
            sizes = marker.args if marker else range(1, self.size + 1)
            here = [n for n in sizes if n <= self.size]
            metafunc.parametrize("comm", here, indirect=True, ids=[f"np{n}" for n in here])

    @pytest.fixture
    def comm(self, request: pytest.FixtureRequest) -> MPI.Intracomm:
        """A communicator of the first 1, 2, ... ranks; COMM_NULL on the others."""
        return team.get().comm(request.param)


def _collection_complaint(outcomes: list[outcome.Outcome]) -> str:
    """Why the ranks cannot run their tests together ("": they can)."""
    for rank, other in enumerate(outcomes):
        if other.status == "failed":
            return f"collection failed on rank {rank} of {len(outcomes)}:\n{other.text}"
    expected = outcomes[0].message
    for rank, other in enumerate(outcomes):
        if other.message != expected:
            difference = set(other.message.splitlines()) ^ set(expected.splitlines())
            which = "\n".join(sorted(difference)) or "the same in another order"
            return f"rank {rank} collected other tests than rank 0:\n{which}"
    return ""


def _is_spmd(item: pytest.Item) -> bool:
    return item.get_closest_marker("spmd") is not None


def _worlds(item: pytest.Item, full: int) -> tuple[int, ...]:
    marker = item.get_closest_marker("world")
    return tuple(marker.args) if marker else (full,)
