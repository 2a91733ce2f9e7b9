# SPDX-License-Identifier: BSD-3-Clause
"""The driver's side of a session: one event loop in a thread of its own rules the ranks.

Commands reach all ranks in one order. A rank that is lost ends the world for the others at once.
Next: ``../session/__init__.py``.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from matrass.bootstrap.pmi import PmiServer
from matrass.control.calls import Call
from matrass.control.members import Member, lost
from matrass.control.reception import Reception
from matrass.errors import (
    Error,
    MPIError,
    RankStalledError,
    SessionClosedError,
    TimeoutError,
)

__all__ = ["Controller"]

_Result = TypeVar("_Result")

STALLED_SECONDS = 5.0
GRACE_SECONDS = 2.0
"""How long the others may go on after one rank alone has failed, before their world is ended."""


class Controller:
    """Rules the ranks of one session.

    Parameters
    ----------
    names : sequence of str
        Of the members, in the order of ranks.
    host : str
        The address to listen at, which members can reach.
    ports : (int, int), optional
        The first and the last port that may be listened at.
    tls : (str, str), optional
        See `Reception`.

    Notes
    -----
    Public methods may be called from any thread; nothing of a session needs MPI in this process.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        host: str = "127.0.0.1",
        ports: tuple[int, int] | None = None,
        tls: tuple[str, str] | None = None,
    ) -> None:
        self.id = secrets.token_hex(8)
        self.members = [Member(name, rank) for rank, name in enumerate(names)]
        self.reception = Reception(
            self.members,
            host,
            ports,
            tls,
            on_words=self._reply,
            on_gone=self._gone,
            on_ping=self._look_for_stalled,
        )
        self._calls: dict[int, Call] = {}
        self._seq = 0
        # A garbage collection inside may free handles, which tell the ranks so.
        self._order = threading.RLock()
        self._end: Error | None = None
        self.broken = False
        """Whether its world has ended before it was closed."""
        self._closing = False
        self._pmi: PmiServer | None = None
        self._formed = False
        self._lost: asyncio.Task[None] | None = None
        self.abandon: Callable[[], None] = lambda: None
        """What becomes of members in MPI_Init, just before their process manager leaves them."""
        self._farewells = asyncio.Event()
        self._leaving = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"matrass-controller-{self.id}", daemon=True
        )
        self._thread.start()
        try:
            self.on_loop(self.reception.open())
        except BaseException:
            self._end_loop()
            raise

    # From any thread ------------------------------------------------------------------------------

    def expect(self, names: Iterable[str]) -> None:
        """Add members, before `open`: whose number was not known."""
        for name in names:
            self.reception.expect(Member(name, len(self.members)))

    def on_loop(self, work: Awaitable[_Result]) -> _Result:
        """Wait for a coroutine on the session's event loop."""

        async def run() -> _Result:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    @property
    def end(self) -> Error | None:
        """Why the session has ended; None while it lives."""
        return self._end

    def open(self, timeout: float) -> None:
        """Wait for all members, and make them ranks of one world.

        Raises
        ------
        TimeoutError
            Naming the members that have not come.
        RankLostError
            If one is lost meanwhile.
        MPIError
            If some of them cannot be ranks (again).
        """
        deadline = time.monotonic() + timeout
        self.on_loop(self._gather(deadline))
        ranks = self._form_world(deadline)
        self.command({"do": "open", "ranks": ranks}, "session").result(
            max(0.1, deadline - time.monotonic())
        )

    def command(
        self,
        message: dict[str, Any],
        routine: str,
        *,
        each: Sequence[dict[str, Any]] | None = None,
        of_user: bool = False,
    ) -> Call:
        """Have all ranks do this, after all commands before it; `each` is one rank's own part."""
        call = Call(self, routine, len(self.members), of_user)
        with self._order:
            if self._end is not None:
                call.fail(self._end)
                return call
            self._seq += 1
            call.seq = self._seq
            texts = [json.dumps(message | {"seq": call.seq} | own) for own in each or ({},)]
            self._loop.call_soon_threadsafe(self._send, call, texts)
        return call

    def tell(self, message: dict[str, Any]) -> None:
        """Have all ranks do this; nobody answers. Does nothing once the session has ended."""
        with contextlib.suppress(RuntimeError), self._order:  # RuntimeError: the loop is closed
            self._loop.call_soon_threadsafe(self.reception.say, json.dumps(message))

    def end_world(self, reason: str, error: Error | None = None) -> None:
        """Interrupt what the ranks are blocked in; they are no ranks any more afterwards."""
        self._loop.call_soon_threadsafe(
            self._finish, error or SessionClosedError(f"session: {reason}"), "cancelled"
        )

    def close(self, timeout: float = 2.0) -> None:
        """Say goodbye to all members; returns when they have left, or after the time-out."""
        if self._closing:
            return
        if threading.current_thread() is self._thread:  # a garbage collection there
            threading.Thread(target=self.close, args=(timeout,)).start()
            return
        self._closing = True
        self.on_loop(self._close(timeout))
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # On the event loop ----------------------------------------------------------------------------

    def _look_for_stalled(self) -> None:
        here = [member for member in self.members if member.here and not member.gone]
        stalled = next((member for member in here if member.silence > STALLED_SECONDS), None)
        if stalled is None:
            return
        for call in list(self._calls.values()):
            if stalled.rank not in call.replies:
                call.fail(
                    RankStalledError(
                        f"{call.routine}: every rank must answer: {stalled} has not for "
                        f"{stalled.silence:.1f} s (is it stopped?)"
                    )
                )

    async def _gather(self, deadline: float) -> None:
        while True:
            self._require_alive()
            missing = [member for member in self.members if not member.here]
            if not missing:
                return
            self.reception.arrived.clear()
            try:
                await asyncio.wait_for(
                    self.reception.arrived.wait(), max(0.0, min(deadline - time.monotonic(), 0.1))
                )
            except builtins.TimeoutError:
                for member in missing:
                    if member.exit() is not None:
                        raise lost(member, "session") from None
                if time.monotonic() < deadline:
                    continue
                raise TimeoutError(
                    "session: all members must come in time: still missing are "
                    + ", ".join(member.name for member in missing)
                ) from None

    def _form_world(self, deadline: float) -> list[int]:
        """The ranks that the members have in their world, in the session's order."""
        worlds = [member.world for member in self.members]
        if all(worlds):
            return self._known_world()
        stale = [member for member in self.members if member.world]
        if stale:
            raise MPIError(
                "session: a process joins one MPI world in its life: "
                + ", ".join(str(member) for member in stale)
                + " were ranks before, the others were not (restart them: renew=True)"
            )
        port = self.on_loop(self._start_pmi())
        id = secrets.token_hex(8)  # noqa: A001
        size = len(self.members)
        join = {"do": "join", "id": id, "port": port, "size": size}
        call = self.command(join, "session", each=[{"rank": rank} for rank in range(size)])
        call.result(max(0.1, deadline - time.monotonic()))
        self._formed = True
        return list(range(size))

    def _known_world(self) -> list[int]:
        worlds = [member.world for member in self.members if member.world]
        for member, known in zip(self.members, worlds, strict=True):
            if known["end"]:
                raise MPIError(
                    f"session: the world of the ranks must be alive: {member} has left it: "
                    f"{known['end']} (restart the processes: s.renew())"
                )
        if len({known["id"] for known in worlds}) != 1:
            raise MPIError(
                "session: all ranks must be of one world: they have joined different ones "
                "(restart the processes: s.renew())"
            )
        return [known["rank"] for known in worlds]

    async def _start_pmi(self) -> str:
        self._pmi = PmiServer(
            [member.node for member in self.members], {member.address for member in self.members}
        )
        return await self._pmi.listen(self.reception.host)

    def _send(self, call: Call, texts: list[str]) -> None:
        """One text for all ranks, or one for each."""
        if self._end is not None:
            call.fail(self._end)
            return
        self._calls[call.seq] = call
        if len(texts) == 1:
            self.reception.say(texts[0])
        else:
            for member, text in zip(self.members, texts, strict=True):
                self.reception.say(text, [member])

    def _reply(self, member: Member, message: dict[str, Any]) -> None:
        if message.get("closed"):
            self._leaving += 1
            if self._leaving == len(self.members):
                self._farewells.set()
            return
        call = self._calls.get(message["seq"])
        if call is None:
            return
        if "progress" in message:
            call.progress = tuple(message["progress"])
            return
        call.replies[member.rank] = message
        if "error" in message and not message["error"]["agreed"] and call.first_alone is None:
            call.first_alone = member.rank
            self._loop.call_later(GRACE_SECONDS, self._others_wait, call)
        if len(call.replies) == len(self.members):
            del self._calls[call.seq]
            call.complete()
            if call.failed:  # some ranks may have a result
                self.reception.say(json.dumps({"do": "drop", "seq": call.seq}))
            if any(reply.get("end") for reply in call.replies.values()):
                self._finish(SessionClosedError("session: the world of its ranks has ended"), None)

    def _others_wait(self, call: Call) -> None:
        """One rank has failed alone, and the others wait for it."""
        if call.seq in self._calls and call.first_alone is not None:
            error = call.error_of(call.first_alone)
            call.fail(error)
            self._finish(
                SessionClosedError(f"session: its world was ended after {error}"), "cancelled"
            )

    def _gone(self, member: Member) -> None:
        if self._closing or self._leaving:
            self._farewells.set()
            return
        if self._lost is None:  # others may end because of it
            self._lost = self._loop.create_task(self._report_lost(member))

    async def _report_lost(self, member: Member) -> None:
        for _ in range(20):  # the connection may end before the process
            if member.exit() is not None:
                break
            await asyncio.sleep(0.005)
        routine = next((call.routine for call in self._calls.values()), "session")
        self._finish(lost(member, routine), "lost")

    def _finish(self, error: Error, how: str | None) -> None:
        """The session is over: calls fail, and ranks that are blocked are interrupted."""
        if self._end is not None:
            return
        self._end = error
        self.broken = True
        if self._pmi is not None:
            if not self._formed:
                self.abandon()
            self._pmi.close()
        for member in self.members:
            if how is not None and member.line is not None and not member.gone:
                reason = str(error).replace("\n", " ")[:400]
                member.line.write(f"end {how} {reason}\n".encode())
        calls, self._calls = list(self._calls.values()), {}
        for call in calls:
            call.fail(error)

    def _require_alive(self) -> None:
        if self._end is not None:
            raise self._end

    async def _close(self, timeout: float) -> None:
        if self._end is None:
            self._end = SessionClosedError("session: it must be open: it was closed")
        if timeout > 0:
            self.reception.say(json.dumps({"do": "close"}))
            with contextlib.suppress(builtins.TimeoutError):
                await asyncio.wait_for(self._everybody_left(), timeout)
        for call in list(self._calls.values()):
            call.fail(self._end)
        await self.reception.close()
        if self._pmi is not None:
            self._pmi.close()
        # Whoever still listens hears the end of its connection now.
        others = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=1)

    async def _everybody_left(self) -> None:
        while any(m.socket is not None and not m.gone for m in self.members):
            self._farewells.clear()
            await self._farewells.wait()
