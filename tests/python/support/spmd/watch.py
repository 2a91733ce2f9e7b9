# SPDX-License-Identifier: BSD-3-Clause
"""The time limit of a test: when it is over, every rank's stack is shown and the process set ends.

Each rank has a thread that looks at the clock and at a page of memory that all ranks share. When a
limit is over it says so on the page and writes down its rank's stacks; the first one shows all
ranks' stacks, and all end. A rank whose thread cannot run, as something holds the GIL, is asked by
a signal, which faulthandler answers in C. (Only then: to walk the frames of a thread that runs
Python meanwhile is a segmentation fault at times.) Where no rank's Python can run, faulthandler's
own timer writes the stacks and an interval timer ends the process; both work without the GIL.

Next: `spmd.plugin`.
"""

from __future__ import annotations

import contextlib
import faulthandler
import mmap
import os
import re
import shutil
import signal
import struct
import textwrap
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXIT_TIMED_OUT = 124  # as timeout(1)
PATIENCE_AFTER_FAILURE = 10.0
_POLL_SECONDS = 0.1
_OWN_ANSWER_SECONDS = 1.0  # of a rank whose Python can run
_ANSWER_SECONDS = 0.7  # to the signal
_NATIVE_DUMP_AFTER = 3.0
_NATIVE_END_AFTER = 8.0
_ASK = signal.SIGRTMIN + 7
_OWN_FRAMES = re.compile(
    r'File "(.*/_pytest/|.*/pluggy/|.*/support/spmd/plugin|.*/pytest/__main__|<frozen runpy)'
)


IN_CAMPAIGN = 20  # times a test's limit: it does so much more


def limit_of_test(seconds: float) -> float:
    """`seconds` scaled, for what takes longer in a campaign (environment: MATRASS_CAMPAIGN)."""
    return scaled(seconds) * (IN_CAMPAIGN if os.environ.get("MATRASS_CAMPAIGN") else 1)


def scaled(seconds: float) -> float:
    """`seconds` times the environment's MATRASS_TEST_TIME_SCALE (default 1)."""
    return seconds * float(os.environ.get("MATRASS_TEST_TIME_SCALE", "1"))


class Board:
    """What the ranks of a process set see of one another without MPI: a mapped file.

    For each rank: its pid, since when it waits for others after a failure, whether its time is
    over, whether it has written its stacks.
    """

    _PLACE = struct.Struct("<qdqq")

    def __init__(self, path: Path, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size
        length = self._PLACE.size * size
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(file, length)  # the same for all: it never shrinks what another rank wrote
        self._memory = mmap.mmap(file, length)
        os.close(file)
        self.write()

    def write(
        self, *, failed_since: float = 0.0, expired: bool = False, answered: bool = False
    ) -> None:
        place = (os.getpid(), failed_since, int(expired), int(answered))
        self._PLACE.pack_into(self._memory, self._PLACE.size * self.rank, *place)

    def silent(self) -> list[int]:
        """The pids of the ranks that have not written their stacks."""
        return [pid for pid, _, _, answered in self._places() if pid and not answered]

    def failed_since(self) -> list[float]:
        return [place[1] for place in self._places()]

    def expired(self) -> bool:
        return any(place[2] for place in self._places())

    def _places(self) -> list[tuple[int, float, int, int]]:
        size = self._PLACE.size
        return [self._PLACE.unpack_from(self._memory, size * rank) for rank in range(self.size)]


class Watch:
    """The watchdog of this rank.

    Parameters
    ----------
    directory : pathlib.Path
        Shared by the ranks; holds the board and one file of stacks for each rank.
    rank, size : int
    show : callable
        Takes the text about a process set that ends.
    temporary : bool
        Whether nobody wants the directory afterwards.
    """

    current: ClassVar[Watch | None] = None  # of this process

    def __init__(
        self,
        directory: Path,
        rank: int,
        size: int,
        show: Callable[[str], object],
        *,
        temporary: bool,
    ) -> None:
        self.board = Board(directory / "board", rank, size)
        self._directory = directory
        self._rank = rank
        self._show = show
        self._temporary = temporary
        self._stage = ""
        self._limit = 0.0
        self._deadline = float("inf")
        self._stacks: IO[str] = (directory / f"rank{rank}.stack").open("a", encoding="utf-8")
        faulthandler.register(_ASK, file=self._stacks, all_threads=True)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        Watch.current = self
        threading.Thread(target=self._run, name="test watch", daemon=True).start()

    def arm(self, stage: str, seconds: float) -> None:
        """`stage` must end within `seconds` (unscaled) from now on."""
        self.rename(stage)
        self.set_limit(seconds)

    def rename(self, stage: str) -> None:
        self._stage = stage
        (self._directory / f"rank{self._rank}.stage").write_text(stage, encoding="utf-8")

    def set_limit(self, seconds: float) -> None:
        """What is armed must end within `seconds` (unscaled) from now on."""
        self._limit = limit_of_test(seconds)
        self._deadline = time.monotonic() + self._limit
        faulthandler.dump_traceback_later(self._limit + _NATIVE_DUMP_AFTER, file=self._stacks)
        signal.setitimer(signal.ITIMER_REAL, self._limit + _NATIVE_END_AFTER)

    def begin_waiting(self, failure: str) -> None:
        """This rank failed: the others have PATIENCE_AFTER_FAILURE seconds to come."""
        self._note_file(self._rank).write_text(failure, encoding="utf-8")
        self.board.write(failed_since=time.monotonic())

    def end_waiting(self) -> None:
        self.board.write()
        self._note_file(self._rank).unlink()

    def end(self, reason: str) -> None:
        """Shows every rank's stack and ends the process set; does not return."""
        self._deadline = float("inf")
        teller = self._become_teller()  # first: whoever sees the page has a lesser reason
        self.board.write(expired=True)
        faulthandler.dump_traceback(self._stacks)
        self.board.write(expired=True, answered=True)
        if teller:
            self._show(f"{reason}\n{self._collect()}")
            (self._directory / "told").touch()
            self.remove_directory()
        else:
            give_up = time.monotonic() + _OWN_ANSWER_SECONDS + 2 * _ANSWER_SECONDS + 2.0
            while time.monotonic() < give_up and not self._told():
                time.sleep(0.05)
        os._exit(EXIT_TIMED_OUT)

    def remove_directory(self) -> None:
        """Unless somebody else wants to look at it. On one rank, when no rank needs it any more."""
        if self._temporary:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _told(self) -> bool:
        return (self._directory / "told").exists() or not self._directory.exists()

    def _run(self) -> None:
        while True:
            time.sleep(_POLL_SECONDS)
            now = time.monotonic()
            patience = scaled(PATIENCE_AFTER_FAILURE)
            if now > self._deadline:
                self.end(f"{self._stage}: the time limit of {self._limit:g} s is over")
            if any(since and now - since > patience for since in self.board.failed_since()):
                self.end(
                    f"{self._stage}: a rank failed, left the test and waited in vain for the others"
                )
            if self.board.expired():
                self.end(f"{self._stage}: another rank's time limit is over")

    def _become_teller(self) -> bool:
        try:
            os.close(os.open(self._directory / "teller", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _collect(self) -> str:
        asked = time.monotonic() + _OWN_ANSWER_SECONDS
        while self.board.silent() and time.monotonic() < asked:
            time.sleep(0.02)
        silent = self.board.silent()
        for pid in silent:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, _ASK)
        if silent:
            time.sleep(_ANSWER_SECONDS)
        return stacks_in(self._directory, self.board.size)

    def _note_file(self, rank: int) -> Path:
        return self._directory / f"rank{rank}.note"


def stacks_in(directory: Path, size: int) -> str:
    """The stacks that ranks left in `directory`, with the failures that nobody has told yet."""
    parts = []
    for rank in range(size):
        stage = _read(directory / f"rank{rank}.stage") or "the start"
        stack = _essence(_read(directory / f"rank{rank}.stack")) or "(no answer: stopped, or dead)"
        note = _read(directory / f"rank{rank}.note")
        told = "\n".join(filter(None, [note, stack]))
        parts.append(f"[rank {rank} of {size}] {stage}\n{textwrap.indent(told, '  ')}")
    return "\n".join(parts)


def _essence(dump: str) -> str:
    """A dump of faulthandler without the frames of pytest and without the watch's own thread."""
    threads = re.split(r"\n(?=Thread|Current thread)", "\n" + dump)
    shown = [text for text in threads if "/spmd/watch.py" not in text or "/spmd/channel.py" in text]
    lines = "\n".join(shown).splitlines()
    return "\n".join(line for line in lines if line and not _OWN_FRAMES.search(line))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


@contextlib.contextmanager
def waiting(failure: str) -> Iterator[None]:
    """This rank waits for others; `failure` says what went wrong here ("": nothing)."""
    watch = Watch.current
    if watch is None or not failure:
        yield
        return
    watch.begin_waiting(failure)
    try:
        yield
    finally:
        watch.end_waiting()


def extend(seconds: float) -> None:
    """The running test must end within `seconds` (unscaled) from now on."""
    if Watch.current is not None:
        Watch.current.set_limit(seconds)
