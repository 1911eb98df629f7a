"""One connection to a machine: requests are sent one after another, and each gets its answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from lmdecode.allowance import Allowance
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record
from lmdecode.codec.requester import ONE_AT_A_TIME, Requester, RequesterFactory
from lmdecode.device.errors import (
    ConnectionLostError,
    FloodError,
    MachineError,
    NoAnswerError,
    NoConnectionError,
    error_of,
    joined,
    why_no_connection,
)
from lmdecode.device.timing import ANSWER_TIMEOUT

R = TypeVar("R")

CONNECT_TIMEOUT: Final = 5.0
"""Seconds to wait for a connection."""

_PIECE: Final = 4096
_CLOSE_TIMEOUT: Final = 1.0
_LEAVE_TIMEOUT: Final = 0.3

# Of bytes that answer nothing. A machine sends a report of 46 bytes about once a second, and a simulated one at its
# fastest some kilobytes. Whoever sends more fills memory, disk and screen of whoever listens, and is no machine.
_UNASKED_AT_ONCE: Final = 1 << 20
_UNASKED_A_SECOND: Final = 1 << 16
_MOST_UNSENT: Final = 1 << 16  # bytes of the protocol's own that wait for a machine which takes nothing
_PATIENCE: Final = 2  # how many times the silence before it is waited for the answer to a knock


class Client(Generic[R]):
    """A connection to a machine over TCP, in any protocol that has a `Requester`.

    Requests wait for each other, so several tasks may use it at once. Nothing is sent twice.

    Args:
        host: The machine's address.
        port: Its port.
        requesters: Makes the requester of the connection, which knows the protocol and the key.
        timeout: Seconds to wait for an answer.
        connect_timeout: Seconds to wait for the connection.
        stream: The connection's number, for the Records.
        keep_alive: Seconds of silence after which it is looked whether the machine is still there; None: never.
        on_record: Takes the Record of each message, of both sides.
        refused: Why a machine may refuse a connection, and what to do.

    Example: the temperatures of a simulated machine.

    >>> from lmdecode.codec.record import Kind
    >>> from lmdecode.codec.v1.key import Key
    >>> from lmdecode.codec.v1.message import Message
    >>> from lmdecode.codec.v1.requester import requesters
    >>> from lmdecode.simulator.machine import Machine
    >>> from lmdecode.simulator.server import Server
    >>> async def temperatures():
    ...     key = Key.parse("12345678901234567890123456789012")
    ...     async with Server(Machine("GS3 AV"), key) as server:
    ...         async with Client(server.host, server.port, requesters(key)) as client:
    ...             return (await client.ask(Message(Kind.READ, 0x401C, 4))).fields
    >>> asyncio.run(temperatures())["coffee_temp"] > 90
    True
    """

    def __init__(
        self,
        host: str,
        port: int,
        requesters: RequesterFactory[R],
        *,
        timeout: float = ANSWER_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        stream: int = 0,
        keep_alive: float | None = None,
        on_record: Callable[[Record], None] | None = None,
        refused: str = ONE_AT_A_TIME,
    ) -> None:
        self.host = host
        self.port = port
        self.stream = stream
        self._requesters = requesters
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._keep_alive = keep_alive
        self._on_record = on_record
        self._refused = refused
        self._turn = asyncio.Lock()
        self._heard = asyncio.Event()
        self._lost: MachineError | None = None
        self._failure: Exception | None = None  # what `on_record` has raised
        self._requester: Requester[R] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._last_heard = 0.0
        self._unasked = Allowance(_UNASKED_AT_ONCE, _UNASKED_A_SECOND)

    @property
    def name(self) -> str:
        """The machine, as host:port."""
        return joined(self.host, self.port)

    @property
    def is_connected(self) -> bool:
        """Whether a request may be sent."""
        return self._writer is not None and self._lost is None

    @property
    def lost(self) -> MachineError | None:
        """Why the connection has ended; None while it has not."""
        return self._lost

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connects. Only the first answer shows whether a machine is there.

        Raises:
            NoConnectionError: Nothing listens there.
        """
        try:
            async with asyncio.timeout(self._connect_timeout):
                reader, self._writer = await asyncio.open_connection(self.host, self.port)
        except (OSError, ValueError, OverflowError) as error:  # ValueError: not a host name
            why = why_no_connection(self.host, self.port, error, self._connect_timeout, self._refused)
            raise NoConnectionError(why) from None
        own = self._writer.get_extra_info("sockname") or ("app", 0)
        self._requester = self._requesters(self.stream, joined(*own[:2]), self.name)
        self._last_heard = time.monotonic()
        self._tasks = [asyncio.create_task(self._listen(reader, self._requester))]
        if self._keep_alive is not None:
            self._tasks.append(asyncio.create_task(self._see_whether_alive(self._keep_alive, self._requester)))

    async def close(self) -> None:
        """Disconnects."""
        tasks, self._tasks = self._tasks, []
        if self._take_leave():
            self._lose(ConnectionLostError(f"disconnected from {self.name}"))
            await asyncio.wait(tasks[:1], timeout=_LEAVE_TIMEOUT)  # until the machine has taken leave too
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._lost is None:
            self._lose(ConnectionLostError(f"disconnected from {self.name}"))
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self._writer.wait_closed()

    async def wait_lost(self) -> MachineError:
        """Waits until the connection has ended; returns why."""
        while self._lost is None:
            if self._failure is not None:
                raise self._failure
            self._heard.clear()
            await self._heard.wait()
        return self._lost

    async def write(self, request: R) -> None:
        """Writes, once.

        Raises:
            RefusedError: The machine did not take the write.
            MachineError: As for `ask`; whether the machine took the write is then not known.
        """
        answer = await self.ask(request)
        if self._requester is not None and (refusal := self._requester.refusal(request, answer)) is not None:
            raise error_of(refusal)

    async def ask(self, request: R, *, timeout: float | None = None) -> Record:  # noqa: ASYNC109 -- the wait for its turn does not count
        """Sends a request, once, and waits for its answer.

        Args:
            request: A read or a write.
            timeout: Seconds to wait; None: as the client does for all.

        Raises:
            ConnectionLostError, BusyError, FloodError: The connection has ended, or ends before the answer.
            NotReadyError: The machine answers nobody for now.
            WrongKeyError: The key is not the machine's.
            EchoError: The machine sent the request back.
            BadAnswerError: The answer is damaged.
            NoAnswerError: No answer came in time.
            CodecError: The request cannot be built.
        """
        async with self._turn:
            requester, writer = self._requester, self._writer
            if requester is None or writer is None:
                raise ConnectionLostError(f"not connected to {self.name}")
            if self._failure is not None:
                raise self._failure
            if self._lost is not None:
                raise self._lost
            frame, records = requester.ask(time.time_ns(), request)
            self._tell(records)
            with contextlib.suppress(TimeoutError):  # the error is made below, where more is known
                async with asyncio.timeout(self._timeout if timeout is None else timeout):
                    writer.write(frame)
                    with contextlib.suppress(OSError):  # the listening task gets the same error
                        await writer.drain()
                    while requester.answer is None and self._lost is None and self._failure is None:
                        self._heard.clear()
                        await self._heard.wait()
            return self._answer_to(request, requester)

    def _answer_to(self, request: R, requester: Requester[R]) -> Record:
        answer = requester.answer
        if self._failure is not None:
            raise self._failure
        if answer is not None:
            failure = requester.wrong(request, answer, self.name)
        else:
            failure = requester.missing(request, self.name, ended=self._lost is not None)
        if isinstance(self._lost, FloodError) and (failure is not None or answer is None):
            raise self._lost
        if failure is not None:
            raise error_of(failure)
        if answer is None:
            raise self._lost or NoAnswerError(f"{self.name} did not answer {requester.label(request)} in time")
        return answer

    async def _listen(self, reader: asyncio.StreamReader, requester: Requester[R]) -> None:
        how = None
        try:
            how = await self._hear_out(reader, requester)
        except MachineError as error:
            self._lose(error)
        except Exception as error:  # noqa: BLE001 -- `on_record` may raise anything; whoever asks gets it
            self._fail(error)
        finally:  # also if this side disconnects: half a frame is a Record all the same
            self._tell_or_fail(requester.close(time.time_ns()))
        if how is not None and self._failure is None:
            self._lose(error_of(requester.ended(self.name, how)))

    async def _hear_out(self, reader: asyncio.StreamReader, requester: Requester[R]) -> str:
        """Takes what the machine says until the connection ends; returns how it ended, in words.

        Raises:
            FloodError: The machine is none.
            MachineError: Nothing more is to be expected of the connection.
        """
        while True:
            try:
                data = await reader.read(_PIECE)
            except ConnectionResetError:
                return "reset the connection"
            except OSError as error:
                return f"is gone: {error.strerror}"
            if not data:
                return "closed the connection"
            self._last_heard = time.monotonic()
            records = requester.receive(time.time_ns(), data)
            self._heard.set()
            self._tell(records)
            self._say(requester.outgoing())
            if requester.broken is not None:
                raise error_of(requester.broken)
            if not self._unasked.takes(requester.unasked(len(data), records)):
                raise FloodError(
                    f"{self.name} sent far too much that nobody asked for, so it is no machine: is the address right?"
                )
            await asyncio.sleep(0)  # a machine that never stops talking must not keep others from their timeouts

    def _say(self, data: bytes) -> None:
        """Sends what the protocol has to say by itself, unless the machine does not even take what was sent before."""
        if data and self._writer is not None and self._writer.transport.get_write_buffer_size() < _MOST_UNSENT:
            self._writer.write(data)

    def _take_leave(self) -> bool:
        """Says what the protocol wants to be said at the end; returns whether it wants anything."""
        requester = self._requester
        if requester is None or self._lost is not None or self._failure is not None:
            return False
        data, records = requester.farewell(time.time_ns())
        self._say(data)
        self._tell_or_fail(records)
        return bool(data)

    async def _see_whether_alive(self, seconds: float, requester: Requester[R]) -> None:
        while self._lost is None:
            silent = time.monotonic() - self._last_heard
            if silent < seconds:
                await asyncio.sleep(seconds - silent)
                continue
            why = await self._why_silent(seconds, requester)
            if why and time.monotonic() - self._last_heard >= seconds:
                self._lose(ConnectionLostError(f"{self.name} went silent: {why}"))

    async def _why_silent(self, seconds: float, requester: Requester[R]) -> str:
        """Returns what shows that the machine is gone, in words; "" if it is there."""
        if requester.probe is not None:
            try:
                await self.ask(requester.probe)
            except LmdecodeError as error:
                return str(error)
            return ""
        heard = self._last_heard
        knock = requester.knock(time.time_ns())
        if not knock:  # not before the first answer, for which somebody waits as it is
            await asyncio.sleep(seconds)
            return ""
        self._say(knock)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE * seconds):
                while self._last_heard == heard and self._lost is None:
                    self._heard.clear()
                    await self._heard.wait()
        return "" if self._last_heard != heard else f"it has said nothing for {(1 + _PATIENCE) * seconds:g} s"

    def _lose(self, error: MachineError) -> None:
        if self._lost is None:
            self._lost = error
        self._heard.set()

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._heard.set()

    def _tell_or_fail(self, records: Sequence[Record]) -> None:
        """Tells the last Records, where nobody is there to be told of an error at once."""
        try:
            self._tell(records)
        except Exception as error:  # noqa: BLE001 -- as above
            self._fail(error)

    def _tell(self, records: Sequence[Record]) -> None:
        if self._on_record is not None:
            for record in records:
                self._on_record(record)
