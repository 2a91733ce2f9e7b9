# SPDX-License-Identifier: BSD-3-Clause
"""One outcome of a test from those of all ranks. Next: `spmd.plugin`."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from _pytest._code.code import ReprFileLocation, TerminalRepr

if TYPE_CHECKING:
    import pytest
    from _pytest._io import TerminalWriter

_LONGEST_TEXT = 20_000
_ADDRESS = re.compile(r"0x[0-9a-f]+")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a rank says of one phase (set-up, call, tear-down) of one test."""

    stage: str
    status: str  # passed, failed, skipped, xfailed, xpassed
    message: str = ""
    text: str = ""


def of_report(stage: str, report: pytest.TestReport | pytest.CollectReport) -> Outcome:
    """This rank's outcome, with the traceback and what it printed when it failed."""
    status: str = report.outcome
    if hasattr(report, "wasxfail"):
        status = "xfailed" if report.skipped else "xpassed" if report.passed else "failed"
    if report.longreprtext.startswith("[XPASS(strict)]"):
        status = "xpassed"
    if status != "failed":
        return Outcome(stage, status)
    crash = getattr(report.longrepr, "reprcrash", None)
    printed = [f"--- {name} ---\n{content}" for name, content in report.sections if content.strip()]
    text = "\n".join([report.longreprtext, *printed])
    return Outcome(stage, status, getattr(crash, "message", ""), text[-_LONGEST_TEXT:])


class RanksRepr(TerminalRepr):
    """The failure of a test that passed on the rank that reports."""

    def __init__(self, location: tuple[str, int | None, str], message: str, text: str) -> None:
        path, line, _ = location
        self.reprcrash = ReprFileLocation(path, (line or 0) + 1, message)
        self._text = text

    def toterminal(self, tw: TerminalWriter) -> None:
        tw.line(self.reprcrash.message, red=True)
        for line in self._text.splitlines():
            tw.line(line)


def settle(report: pytest.TestReport, outcomes: list[Outcome], rank: int) -> None:
    """Makes this rank's report say what holds for all ranks; on rank 0 with the others' words.

    A test failed when it failed on one rank. Ranks must agree on whether it was skipped; it failed
    as expected when it did so on one rank.
    """
    statuses = [outcome.status for outcome in outcomes]
    if len(set(statuses)) == 1 and statuses[0] != "failed":
        return
    if "failed" not in statuses and "skipped" in statuses:
        summary = _summary("skipped", statuses)
        _fail(report, f"the ranks disagree: {summary}", "")
        return
    if "failed" not in statuses:  # xfailed, xpassed, passed
        if "xfailed" in statuses:
            report.outcome = "skipped"
            report.wasxfail = getattr(report, "wasxfail", "")
        return
    summary = _summary("failed", statuses)
    others = _grouped(outcomes, rank)
    if statuses[rank] == "failed":
        if others:
            report.sections.append((summary, others))
        return
    message = next(outcome.message for outcome in outcomes if outcome.status == "failed")
    _fail(report, f"{summary}: {message}" if message else summary, others)


def _fail(report: pytest.TestReport, message: str, text: str) -> None:
    report.outcome = "failed"
    report.longrepr = RanksRepr(report.location, message, text)


def _summary(status: str, statuses: list[str]) -> str:
    ranks = [r for r, s in enumerate(statuses) if s == status]
    return f"{status} on {_ranks(ranks)} of {len(statuses)}"


def _ranks(ranks: list[int]) -> str:
    return ("rank " if len(ranks) == 1 else "ranks ") + ", ".join(map(str, ranks))


def _grouped(outcomes: list[Outcome], rank: int) -> str:
    """The failures of the ranks other than `rank`; equal ones once."""
    own = _ADDRESS.sub("0x", outcomes[rank].text)
    groups: dict[str, list[int]] = {}
    for r, outcome in enumerate(outcomes):
        if r != rank and outcome.status == "failed":
            groups.setdefault(_ADDRESS.sub("0x", outcome.text), []).append(r)
    parts = []
    for text, ranks in groups.items():
        body = "the same" if text == own else text
        parts.append(f"[{_ranks(ranks)}]\n{body}")
    return "\n".join(parts)
