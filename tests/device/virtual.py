"""A network and a clock in memory: clients and simulated machines talk at once, and hours pass in no time.

`run` carries a coroutine out on a loop whose clock jumps to the next thing that is due when nobody has anything to do.
So a client waits its three seconds for an answer, a watcher its thirty before it tries again, and no test sleeps.
`asyncio.start_server` and `asyncio.open_connection` are joined by pipes in memory, in which a test may cut, hold back,
damage and tear apart what is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from unittest import mock

T = TypeVar("T")

_FIRST_PORT = 40_000


class NobodyHasAnythingToDoError(AssertionError):
    """All tasks wait for each other, and nothing is due: in real time, this would be for ever."""


class _Selector(selectors.DefaultSelector):
    """Waits for nothing: what would be waited for is noted instead."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found:
            if timeout is None:
                raise NobodyHasAnythingToDoError
            self.passed += max(timeout, 0.0)
        return found


class Loop(asyncio.SelectorEventLoop):
    """A loop whose time passes only where nobody has anything to do."""

    def __init__(self) -> None:
        self._selector_of_own = _Selector()
        super().__init__(self._selector_of_own)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return 1000.0 + self._selector_of_own.passed


class _Socket:
    """What is asked of a connection's socket."""

    def setsockopt(self, *_: object) -> None: ...


@dataclass
class Faults:
    """What goes wrong on the way to the client, of one connection. Nothing does by default."""

    cut_after: int | None = None
    """So many bytes come; then the connection ends."""
    silent_after: int | None = None
    """So many bytes come; then nothing more, but the connection does not end."""
    damaged: frozenset[int] = frozenset()
    """The positions of bytes that come with their lowest bit turned."""
    piece: int | None = None
    """Nothing comes in pieces of more bytes than this."""
    delay: float = 0.0
    """Seconds that each piece is on its way."""
    resets: bool = False
    """Whether the end is a reset."""


class _End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, name: tuple[str, int], faults: Faults) -> None:
        super().__init__({"peername": name, "sockname": name, "socket": _Socket()})
        self._loop = loop
        self._faults = faults
        self._sent = 0
        self._arrival = 0.0
        self._closing = False
        self.other: _End | None = None
        self.protocol: Any = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing:
            return
        faults, begin = self._faults, self._sent
        damaged = bytes(byte ^ ((begin + at) in faults.damaged) for at, byte in enumerate(bytes(data)))
        self._sent += len(damaged)
        stop = min((each for each in (faults.cut_after, faults.silent_after) if each is not None), default=None)
        if stop is not None:
            damaged = damaged[: max(stop - begin, 0)]
        for start in range(0, len(damaged), faults.piece or max(len(damaged), 1)):
            self._pass_on(damaged[start : start + (faults.piece or len(damaged))])
        if faults.cut_after is not None and self._sent >= faults.cut_after:
            self._end(ConnectionResetError(104, "reset") if faults.resets else None)

    def _pass_on(self, data: bytes) -> None:
        other = self.other
        if other is not None:
            self._later(other.take, data)

    def _later(self, call: Callable[..., None], *arguments: Any) -> None:
        if self._faults.delay:  # what is due at the same time has no order on a loop, and this has one
            self._arrival = max(self._loop.time() + self._faults.delay, self._arrival + 1e-6)
            self._loop.call_at(self._arrival, call, *arguments)
        else:
            self._loop.call_soon(call, *arguments)

    def take(self, data: bytes) -> None:
        if not self._closing:
            self.protocol.data_received(data)
        elif self.other is not None:  # whoever sends to an end that is closed learns so
            self.other.hear_the_end(ConnectionResetError(104, "Connection reset by peer"))

    def hear_the_end(self, error: Exception | None) -> None:
        if self._closing:
            return
        if error is None:
            self.protocol.eof_received()
        else:
            self._closing = True
            self.protocol.connection_lost(error)

    def _end(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        if self.other is not None:
            self._later(self.other.hear_the_end, error)
        self._loop.call_soon(self.protocol.connection_lost, None)

    def close(self) -> None:
        self._end(None)

    def abort(self) -> None:
        self._end(ConnectionResetError(104, "Connection reset by peer"))

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def can_write_eof(self) -> bool:
        return False


class _Listening:
    """What `asyncio.start_server` returns."""

    def __init__(self, network: Network, host: str, port: int) -> None:
        self._network = network
        self._name = (host, port)
        self.sockets = [self]

    def getsockname(self) -> tuple[str, int]:
        return self._name

    def close(self) -> None:
        self._network.listening.pop(self._name[1], None)

    async def wait_closed(self) -> None: ...


@dataclass
class Network:
    """Servers and clients in memory."""

    faults_of: Callable[[int], Faults] = lambda _number: Faults()
    """Returns what goes wrong on a connection, by its number."""
    refuses: Callable[[int], bool] = lambda _number: False
    """Returns whether a connection is refused, by its number."""
    listening: dict[int, Any] = field(default_factory=dict)
    connections: int = 0

    async def start_server(self, handler: Any, host: str, port: int, **_: Any) -> _Listening:
        port = port or _FIRST_PORT + len(self.listening)
        self.listening[port] = handler
        return _Listening(self, host, port)

    async def open_connection(
        self, host: str, port: int, **_: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        number, self.connections = self.connections, self.connections + 1
        await asyncio.sleep(0.001)
        if port not in self.listening or self.refuses(number):
            raise ConnectionRefusedError(111, "Connection refused")
        loop = asyncio.get_running_loop()
        app = _End(loop, ("127.0.0.1", 50_000 + number), Faults())
        machine = _End(loop, (host, port), self.faults_of(number))
        app.other, machine.other = machine, app
        reader = asyncio.StreamReader()
        for end, protocol in (
            (app, asyncio.StreamReaderProtocol(reader)),
            (machine, asyncio.StreamReaderProtocol(asyncio.StreamReader(), self.listening[port])),
        ):
            end.protocol = protocol
            protocol.connection_made(end)
        return reader, asyncio.StreamWriter(app, app.protocol, reader, loop)


@contextlib.contextmanager
def _patched(network: Network, loop: Loop) -> Iterator[None]:
    with (
        mock.patch.object(asyncio, "start_server", network.start_server),
        mock.patch.object(asyncio, "open_connection", network.open_connection),
        mock.patch.object(time, "monotonic", loop.time),
    ):
        yield


def run(main: Coroutine[Any, Any, T], network: Network | None = None) -> T:
    """Carry out a coroutine in a network and a time of their own; nothing may be left over of it."""
    loop = Loop()
    complaints: list[Mapping[str, Any]] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    with contextlib.closing(loop), _patched(network or Network(), loop):
        try:
            result = loop.run_until_complete(main)
            left = [task for task in asyncio.all_tasks(loop) if not task.done()]
            assert not left, f"still running: {left}"
            assert not complaints, complaints
            return result
        finally:
            loop.run_until_complete(_end_all())
            loop.run_until_complete(loop.shutdown_asyncgens())


async def _end_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
