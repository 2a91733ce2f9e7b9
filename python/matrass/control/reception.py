# SPDX-License-Identifier: BSD-3-Clause
"""Where the members of a session connect: a WebSocket for words, and a lifeline.

Next: ``controller.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from matrass.control.members import Member
from matrass.errors import MPIError

__all__ = ["Reception", "no_free_port"]

PING_SECONDS = 0.5


class Reception:
    """Lets in who has the session's token, and hears them until they go.

    Parameters
    ----------
    members : list of Member
        Who is expected; what they tell of themselves is noted there.
    host : str
        The address to listen at.
    ports : (int, int), optional
        The first and the last port that may be listened at.
    tls : (str, str) or None
        Files of a certificate and its key, which encrypt the WebSockets; members trust this
        certificate alone. Lifelines stay open text, with a token of their own.
    on_words : callable
        ``on_words(member, message)`` for what a member says after its greeting.
    on_gone : callable
        ``on_gone(member)`` when one of its lines has ended, once.
    on_ping : callable
        Called each time after all lifelines were asked.

    Notes
    -----
    All of it runs on one event loop.
    """

    def __init__(
        self,
        members: list[Member],
        host: str,
        ports: tuple[int, int] | None,
        tls: tuple[str, str] | None,
        *,
        on_words: Callable[[Member, dict[str, Any]], None],
        on_gone: Callable[[Member], None],
        on_ping: Callable[[], None],
    ) -> None:
        self.token = secrets.token_urlsafe(32)
        self.line_token = secrets.token_urlsafe(32)
        self.certificate = Path(tls[0]).read_text(encoding="ascii") if tls else None
        """In PEM: what members trust."""
        self._ssl: ssl.SSLContext | None = None
        if tls:
            self._ssl = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._ssl.load_cert_chain(*tls)
        self.host = host
        self.url = ""
        self.lifeline = (host, 0)
        self.arrived = asyncio.Event()
        """Set whenever a line is there, or gone."""
        self._members = members
        self._by_name = {member.name: member for member in members}
        self._ports = ports
        self._on_words, self._on_gone, self._on_ping = on_words, on_gone, on_ping

    async def open(self) -> None:
        """Listen from now on."""
        from websockets.asyncio.server import serve

        self._server = await self._on_free_port(
            lambda port: serve(
                self._hear,
                self.host,
                port,
                max_size=None,
                compression=None,
                ping_interval=None,
                close_timeout=0.5,
                ssl=self._ssl,
            )
        )
        try:
            self._lines = await self._on_free_port(
                lambda port: asyncio.start_server(self._hear_line, self.host, port)
            )
        except MPIError:
            self._server.close()
            raise
        self._pinging = asyncio.create_task(self._ping())
        where = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "ws" if self._ssl is None else "wss"
        self.url = f"{scheme}://{where}:{self._server.sockets[0].getsockname()[1]}"
        self.lifeline = (self.host, self._lines.sockets[0].getsockname()[1])

    async def _on_free_port(self, start: Callable[[int], Awaitable[Any]]) -> Any:
        choice = range(self._ports[0], self._ports[1] + 1) if self._ports else (0,)
        problem: OSError | None = None
        for port in choice:
            try:
                return await start(port)
            except OSError as error:
                problem = error
        raise no_free_port(self.host, self._ports, problem)

    def expect(self, member: Member) -> None:
        """Let one more in."""
        self._members.append(member)
        self._by_name[member.name] = member

    def contact(self, name: str) -> dict[str, Any]:
        """What a member of that name must know to come."""
        return {
            "url": self.url,
            "lifeline": self.lifeline,
            "token": self.token,
            "line_token": self.line_token,
            "certificate": self.certificate,
            "member": name,
            "ports": self._ports,
        }

    def say(self, text: str, members: Sequence[Member] | None = None) -> None:
        """To those who are here, by default all, in the order of calls; waits for nobody."""
        from websockets.asyncio.server import broadcast

        to = self._members if members is None else members
        broadcast([m.socket for m in to if m.socket is not None and not m.gone], text)

    async def close(self) -> None:
        """Say goodbye on the lifelines, and listen no more."""
        self._pinging.cancel()
        for member in self._members:
            if member.line is not None:
                member.line.write(b"bye\n")
                member.line.close()
        self._lines.close()
        self._server.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), 1)

    async def _hear(self, socket: Any) -> None:
        """One member's WebSocket, from its greeting to its end."""
        from websockets.exceptions import ConnectionClosed

        member = None
        try:
            hello = json.loads(await asyncio.wait_for(socket.recv(), 10))
            member = self._member_of(self.token, hello.get("token"), hello.get("member"))
            if member is None or member.socket is not None:
                await socket.close(4401, "the token must be this session's")
                return
            member.pid, member.host = hello["pid"], hello["host"]
            member.node, member.world = hello["node"], hello["world"]
            member.address = socket.remote_address[0]
            member.socket = socket
            self.arrived.set()
            async for text in socket:
                self._on_words(member, json.loads(text))
        except (ConnectionClosed, TimeoutError, ValueError):
            pass
        finally:
            if member is not None and member.socket is socket:
                self._leave(member)

    async def _hear_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One member's lifeline."""
        member = None
        try:
            words = (await asyncio.wait_for(reader.readline(), 10)).decode().split(maxsplit=2)
            member = (
                self._member_of(self.line_token, words[1], words[2].strip())
                if len(words) == 3
                else None
            )
            if member is None or member.line is not None:
                return
            member.line = writer
            self.arrived.set()
            while await reader.readline():
                member.asked = None
        except (ConnectionError, TimeoutError, ValueError):
            pass
        finally:
            writer.close()
            if member is not None and member.line is writer:
                self._leave(member)

    def _member_of(self, secret: str, token: Any, name: Any) -> Member | None:
        if not (isinstance(token, str) and hmac.compare_digest(token, secret)):
            return None
        return self._by_name.get(str(name))

    async def _ping(self) -> None:
        """Ask every lifeline again and again: who does not answer is stopped, not busy."""
        count = 0
        while True:
            await asyncio.sleep(PING_SECONDS)
            count += 1
            for member in self._members:
                if member.line is not None and not member.gone:
                    member.line.write(f"ping {count}\n".encode())
                    member.asked = member.asked or time.monotonic()
            self._on_ping()

    def _leave(self, member: Member) -> None:
        if member.gone:
            return
        member.gone = True
        self.arrived.set()
        self._on_gone(member)


def no_free_port(host: str, ports: tuple[int, int] | None, problem: OSError | None) -> MPIError:
    """What is raised where nothing can be listened at."""
    which = f"a port of {ports}" if ports else "a port"
    return MPIError(f"session: {which} must be free on {host}: {problem}")
