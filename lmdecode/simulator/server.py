"""The simulated machine on the network: one connection at a time, like a real one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from lmdecode.allowance import Allowance
from lmdecode.codec.dialect import MDNS_SERVICE, Place
from lmdecode.codec.errors import FrameError, LmdecodeError
from lmdecode.codec.record import Kind, Record, Sender
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.framing import Deframer, Frame, unwrap
from lmdecode.codec.v1.key import Key, decrypt
from lmdecode.codec.v1.message import Message, parse_leniently
from lmdecode.extras import install_command
from lmdecode.simulator.faults import Faults, Then, frame, other_key, outgoing
from lmdecode.simulator.machine import REFUSED, Machine

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 -- compared with, not listened on


class Announcement:
    """Announces a machine until it is withdrawn.

    Args:
        name: The machine's name; a number is added if another machine has it already.
        host: The address on which it listens.
        port: The port on which it listens.
    """

    def __init__(self, name: str, host: str, port: int) -> None:
        self._name = name
        self._host = host
        self._port = port
        self._zeroconf: AsyncZeroconf | None = None

    async def make(self) -> str | None:
        """Announces the machine; returns why that is not possible, None if it is."""
        try:
            from zeroconf import Error, InterfaceChoice, ServiceInfo  # noqa: PLC0415 -- optional
            from zeroconf.asyncio import AsyncZeroconf  # noqa: PLC0415 -- as above
        except ImportError:
            return f"zeroconf is not installed: {install_command('live')}"
        except OSError as error:  # too many open files
            return f"zeroconf cannot be loaded ({error.strerror})"
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # its errors become one line of ours
        everywhere = self._host in _EVERYWHERE
        try:
            self._zeroconf = AsyncZeroconf(interfaces=InterfaceChoice.All if everywhere else [self._host])
            addresses = _own_addresses() if everywhere else [self._host]
            info = ServiceInfo(
                MDNS_SERVICE,
                f"{self._name}.{MDNS_SERVICE}",
                port=self._port,
                parsed_addresses=addresses,
                server=f"{self._name}.local.",
            )
            await (await self._zeroconf.async_register_service(info, allow_name_change=True))
        except (TimeoutError, OSError, Error, ValueError) as error:
            await self.withdraw()
            return f"the network does not allow it ({error or type(error).__name__})"
        return None

    async def withdraw(self) -> None:
        """Withdraws the announcement."""
        if self._zeroconf is not None:
            zeroconf, self._zeroconf = self._zeroconf, None
            await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()


def _own_addresses() -> list[str]:
    """Returns this computer's IPv4 addresses on its networks."""
    from ifaddr import get_adapters  # noqa: PLC0415 -- zeroconf brings it

    found = [ip.ip for adapter in get_adapters() for ip in adapter.ips if ip.is_IPv4]
    return [each for each in found if isinstance(each, str) and not each.startswith("127.")]


class Connection:
    """One client. Its bytes go through a Conversation, so that a log has the same Records as a capture."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        key: Key,
        *,
        number: int,
        machine: str,
        on_record: Callable[[Record], None] | None,
    ) -> None:
        self.writer = writer
        self.muted = False
        """Whether the machine sends nothing on it any more."""
        self._observe = on_record
        self._conversation = Conversation(FrameDecoder(key), Place(number, peer_name(writer), machine))

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
        """Hands on the Records of bytes that waited for the rest of their frame."""
        if self._observe is not None:
            for record in self._conversation.close(time.time_ns()):
                self._observe(record)

    def reset(self) -> None:
        """Closes with a RST, like a machine whose power has failed."""
        connected: socket.socket = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def peer_name(writer: asyncio.StreamWriter) -> str:
    """Returns the client as host:port, an IPv6 host in brackets."""
    peer = writer.get_extra_info("peername") or ("?", 0)
    host, port = peer[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_PIECE: Final = 4096
_TICK: Final = 0.1  # s of real time; the machine sends by itself at most so often
_SLEPT: Final = 5.0  # s; if more passed between two ticks, the computer slept, and so did the machine
_BACKLOG: Final = 1 << 18  # bytes; a client that does not read gets no more reports
_MOST_CLIENTS: Final = 512  # that wait for their turn; a real machine has a handful
_BACKLOG_CLIENTS: Final = 100  # that asyncio takes at once, as it does by default
_SPARE_FILES: Final = 4  # for the listening socket, mDNS, a file that is opened meanwhile
_PATIENCE: Final = 30.0  # s that a client may take to read an answer

Ticker = Callable[[float], list[Message]]
"""Lets some seconds pass; returns what the machine sends meanwhile."""


class ServerError(LmdecodeError):
    """The server cannot listen; one line that says why and what to do."""


class Server:
    """Serves a machine over TCP.

    Args:
        machine: The machine; writes of clients and time change it.
        key: Its key.
        host: The address to listen on.
        port: The port; 0 for any free one, which `port` has once it listens.
        faults: The faults to simulate.
        speed: Simulated seconds per real second.
        refuse_second: Whether to refuse a second client instead of letting it wait until the first is gone.
        tick: Lets time pass for the machine; None: the machine's own `advance`.
        on_record: Takes the Record of each message.
        on_note: Takes everything else that happens, in words.
    """

    def __init__(
        self,
        machine: Machine,
        key: Key,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        speed: float = 1.0,
        refuse_second: bool = False,
        tick: Ticker | None = None,
        on_record: Callable[[Record], None] | None = None,
        on_note: Callable[[str], None] | None = None,
    ) -> None:
        self.machine = machine
        self.key = key
        self.host = host
        self.port = port
        self.faults = Faults() if faults is None else faults
        self.on_record = on_record
        self.connections = 0
        """The number of connections until now."""
        self._speed = speed
        self._refuse_second = refuse_second
        self._tick = machine.advance if tick is None else tick
        self._on_note = on_note
        self._turn = asyncio.Lock()
        self._active: Connection | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._most = _MOST_CLIENTS
        self._complaints = Allowance(3, 1)
        self._server: asyncio.Server | None = None
        self._ticking: asyncio.Task[None] | None = None

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
        _load_what_is_loaded_late(self.key)
        self._most, backlog = _room()
        if self._most < 1:
            raise ServerError("so few files may be open that there is none for a client: allow more, ulimit -n 256")
        try:
            self._server = await asyncio.start_server(self._welcome, self.host, self.port, backlog=backlog)
        except UnicodeError:
            raise ServerError(f"{self.host[:40]!r} is not an address: give one of this computer with --host") from None
        except OSError as error:
            raise ServerError(_why_not(self.host, self.port, error)) from None
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
            connection = self._active
            if connection is None or connection.muted or connection.writer.transport.get_write_buffer_size() > _BACKLOG:
                continue
            key = other_key(self.key) if self.faults.all_under_wrong_key else self.key
            for message in said:
                connection.send(frame(key, message))

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        try:
            if len(self._clients) <= self._most:
                await self._take(reader, writer)
            elif self._complaints.takes(1):
                self._note(f"{peer_name(writer)} refused, and others perhaps: {self._most} clients are waiting already")
        except (OSError, asyncio.CancelledError):
            pass  # the client is gone, or we are
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = peer_name(writer)
        if self._turn.locked():
            if self._refuse_second:
                self._note(f"{name} refused: one connection at a time")
                return
            self._note(f"{name} waits: one connection at a time")
        async with self._turn:
            if reader.at_eof():  # it gave up waiting
                self._note(f"{name} is gone")
                return
            fault = self.faults.for_connection()
            self._note(f"{name} connected" + (f", fault {fault.name}" if fault else ""))
            if fault and fault.name == "busy":
                return
            connection = Connection(
                writer,
                self.key,
                number=self.connections,
                machine=f"{self.host}:{self.port}",
                on_record=self.on_record,
            )
            self.connections += 1
            connection.muted = fault is not None
            self._active = connection
            try:
                await self._converse(reader, connection)
            finally:
                self._active = None
                connection.finish()
                self._note(f"{name} disconnected")

    async def _converse(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        deframer = Deframer()
        while data := await reader.read(_PIECE):
            connection.note("app", data)
            for event in deframer.feed(data):
                if connection.muted or not isinstance(event, Frame):
                    continue
                then = await self._answer(event, connection)
                if then is Then.MUTE:
                    connection.muted = True
                elif then is not Then.GO_ON:
                    if then is Then.RESET:
                        connection.reset()
                    return

    async def _answer(self, event: Frame, connection: Connection) -> Then:
        """Answers a frame if it is a request; returns what happens to the connection then."""
        try:
            message, problems, _ = parse_leniently(decrypt(self.key, unwrap(event.body)))
        except FrameError as error:
            message, problems = None, (str(error),)
        if message is None or problems:
            self._note(f"ignored: {'; '.join(problems)}")
            return Then.GO_ON
        if message.kind is Kind.STREAM or (message.data is None) is not (message.kind is Kind.READ):
            self._note("ignored: no request")
            return Then.GO_ON
        fault = self.faults.for_answer(message.kind)
        if fault is not None:
            self._note(f"fault {fault.name}")
        if fault is not None and fault.name == "no-ok":
            answer: Message | None = Message(Kind.WRITE, message.address, message.length, status=REFUSED)
        else:
            answer = self.machine.receive(message)
            self._tell_notes()
        if answer is None:
            return Then.GO_ON
        leaving = outgoing(answer, self.key, fault, self.faults.random)
        if leaving.delay:
            await asyncio.sleep(leaving.delay)
        connection.send(leaving.data)
        async with asyncio.timeout(_PATIENCE):  # wait_for before Python 3.12 can swallow a cancellation
            await connection.writer.drain()
        return leaving.then

    def _tell_notes(self) -> None:
        for note in self.machine.take_notes():
            self._note(note)

    def _note(self, text: str) -> None:
        if self._on_note is not None:
            self._on_note(text)


def _load_what_is_loaded_late(key: Key) -> None:
    """Decodes a message, so that whatever that needs is loaded while there are files to be opened."""
    conversation = Conversation(FrameDecoder(key), Place(0, "", ""))
    conversation.receive(0, "app", frame(key, Message(Kind.READ, 0, 1)))


def _room() -> tuple[int, int]:
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


def _why_not(host: str, port: int, error: OSError) -> str:
    import errno  # noqa: PLC0415 -- only errors need it

    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: stop what listens there, or give another with --port; 0 takes any that is free"
    if error.errno == errno.EACCES:
        return f"port {port} is not ours to use: give one above 1023 with --port"
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return f"cannot listen on {host}:{port}: too many files are open: allow more, ulimit -n 256"
    return f"cannot listen on {host}:{port}: {error.strerror or error}: give an address of this computer with --host"
