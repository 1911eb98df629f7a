"""A machine that listens on a TCP port: its clients, and the time that passes for it meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from lmdecode.allowance import Allowance
from lmdecode.codec.dialect import Conversation
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record, Sender

Said = TypeVar("Said")
"""What the machine says by itself."""

_TICK: Final = 0.1  # s of real time; the machine sends by itself at most so often
_SLEPT: Final = 5.0  # s; if more passed between two ticks, the computer slept, and so did the machine
_MOST_CLIENTS: Final = 512  # that wait for their turn; a real machine has a handful
_BACKLOG_CLIENTS: Final = 100  # that asyncio takes at once, as it does by default
_SPARE_FILES: Final = 4  # for the listening socket, mDNS, a file that is opened meanwhile

BACKLOG: Final = 1 << 18
"""Bytes that wait for a client. One that does not read them is told no more."""
PATIENCE: Final = 30.0
"""Seconds that a client may take to read an answer."""
PIECE: Final = 4096
"""Bytes that are read at once."""


class ServerError(LmdecodeError):
    """The server cannot listen; one line that says why and what to do."""


class Connection:
    """One client. Its bytes go through a Conversation, so that a log has the same Records as a capture.

    Args:
        writer: Takes what is sent.
        conversation: Of the dialect that is spoken.
        on_record: Takes the Records; None: nobody wants them.
    """

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        conversation: Conversation[Record],
        on_record: Callable[[Record], None] | None,
    ) -> None:
        self.writer = writer
        self.muted = False
        """Whether the machine sends nothing on it any more."""
        self._observe = on_record
        self._conversation = conversation

    def send(self, data: bytes) -> None:
        """Sends bytes, and hands on their Records."""
        if data:
            self.writer.write(data)
            self.note("machine", data)

    def note(self, sender: Sender, data: bytes) -> None:
        """Hands on the Records of bytes."""
        if self._observe is not None:
            for record in self._conversation.receive(time.time_ns(), sender, data):
                self._observe(record)

    def finish(self) -> None:
        """Hands on the Records of bytes that waited for the rest of their message."""
        if self._observe is not None:
            for record in self._conversation.close(time.time_ns()):
                self._observe(record)


class Listener(Generic[Said]):
    """Listens, takes clients, and lets time pass. A generation says what becomes of these.

    Args:
        host: The address to listen on.
        port: The port; 0 for any free one, which `port` has once it listens.
        speed: Simulated seconds per real second.
        tick: Lets some seconds pass for the machine; returns what it says meanwhile.
        take_notes: Returns what has happened in the machine since the last call, in words.
        on_note: Takes everything that happens, in words.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        speed: float,
        tick: Callable[[float], list[Said]],
        take_notes: Callable[[], list[str]],
        on_note: Callable[[str], None] | None,
    ) -> None:
        self.host = host
        self.port = port
        self._speed = speed
        self._tick = tick
        self._take_notes = take_notes
        self._on_note = on_note
        self._clients: set[asyncio.Task[None]] = set()
        self._most = _MOST_CLIENTS
        self._complaints = Allowance(3, 1)
        self._server: asyncio.Server | None = None
        self._ticking: asyncio.Task[None] | None = None

    def prepare(self) -> None:
        """Loads what is needed later, while there are files to be opened."""

    def spread(self, said: list[Said]) -> None:
        """Takes what the machine has said by itself."""
        raise NotImplementedError

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talks with a client until it or the machine has had enough."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Starts to listen, and lets time pass.

        Raises:
            ServerError: The address or the port is not available.
        """
        self.prepare()
        self._most, backlog = room()
        if self._most < 1:
            raise ServerError("so few files may be open that there is none for a client: allow more, ulimit -n 256")
        try:
            self._server = await asyncio.start_server(self._welcome, self.host, self.port, backlog=backlog)
        except UnicodeError:
            raise ServerError(f"{self.host[:40]!r} is not an address: give one of this computer with --host") from None
        except OSError as error:
            raise ServerError(why_not(self.host, self.port, error)) from None
        self.port = self._server.sockets[0].getsockname()[1]
        if backlog < _BACKLOG_CLIENTS:  # asyncio takes few at once; the system lets the others wait all the same
            for each in self._server.sockets:
                with socket.socket(fileno=os.dup(each.fileno())) as listening:
                    listening.listen(_BACKLOG_CLIENTS)
        self._ticking = asyncio.create_task(self._pass_time())

    async def run(self) -> None:
        """Waits until something in the machine fails."""
        if self._ticking is not None:
            await asyncio.shield(self._ticking)

    async def close(self) -> None:
        """Closes all connections and stops listening."""
        if self._server is not None:
            self._server.close()
        tasks = [*self._clients, *([self._ticking] if self._ticking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass_time(self) -> None:
        clock = asyncio.get_running_loop().time
        then = clock()
        while True:
            await asyncio.sleep(_TICK)
            now = clock()
            said = self._tick(min(now - then, _SLEPT) * self._speed)
            then = now
            self._tell_notes()
            self.spread(said)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        try:
            if len(self._clients) <= self._most:
                await self.take(reader, writer)
            elif self._complaints.takes(1):
                self._note(f"{peer_name(writer)} refused, and others perhaps: {self._most} clients are waiting already")
        except (OSError, asyncio.CancelledError):
            pass  # the client is gone, or we are
        finally:
            writer.close()

    def _tell_notes(self) -> None:
        for note in self._take_notes():
            self._note(note)

    def _note(self, text: str) -> None:
        if self._on_note is not None:
            self._on_note(text)


def reset(writer: asyncio.StreamWriter) -> None:
    """Closes a connection with a RST, like a machine whose power has failed."""
    connected: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def peer_name(writer: asyncio.StreamWriter) -> str:
    """Returns the client as host:port, an IPv6 host in brackets."""
    peer = writer.get_extra_info("peername") or ("?", 0)
    host, port = peer[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def room() -> tuple[int, int]:
    """Returns how many clients may be connected, 0 or less if none may, and how many of them may be taken at once.

    Each has a file descriptor. Where there are none left, asyncio can neither take a client nor tell it so, and what
    the machine has to open fails as well.
    """
    try:
        import resource  # noqa: PLC0415 -- not on Windows, where there is no such limit

        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = len(os.listdir("/dev/fd"))  # noqa: PTH208 -- of names only
    except (ImportError, OSError):
        return _MOST_CLIENTS, _BACKLOG_CLIENTS
    room = limit - used - _SPARE_FILES if limit >= 0 else _MOST_CLIENTS * 2
    backlog = max(min(room // 3, _BACKLOG_CLIENTS), 1)
    return min(room - backlog, _MOST_CLIENTS), backlog


def why_not(host: str, port: int, error: OSError) -> str:
    """Returns why it is not possible to listen, and what to do, as one line."""
    import errno  # noqa: PLC0415 -- only errors need it

    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: stop what listens there, or give another with --port; 0 takes any that is free"
    if error.errno == errno.EACCES:
        return f"port {port} is not ours to use: give one above 1023 with --port"
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return f"cannot listen on {host}:{port}: too many files are open: allow more, ulimit -n 256"
    return f"cannot listen on {host}:{port}: {error.strerror or error}: give an address of this computer with --host"
