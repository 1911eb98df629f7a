"""A scan of a live machine's memory: reads the pieces of a plan, one at a time, over connections that may fail.

Silence says something about the memory only if the machine answers elsewhere. So after each silence the scanner reads a
window that was answered before. If that is silent too, the connection or the machine has failed, and the piece is read
again on a new connection. If it is answered, nothing more will come for the piece, because machines answer in order.
That is also why a silent piece needs no more patience than the slowest of the latest answers took.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from lmdecode.codec.record import MASK, Kind, Record
from lmdecode.codec.v1.memory import Answer, Memory, NamedMemory, Region, model_of
from lmdecode.codec.v1.memory_map import by_name
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.windows import MODEL_WINDOWS, REPORTS, Window
from lmdecode.device.client import Client
from lmdecode.device.core import pauses
from lmdecode.device.errors import BadAnswerError, EchoError, FloodError, MachineError, NoAnswerError
from lmdecode.device.timing import ANSWER_TIMEOUT
from lmdecode.device.v1.scan_plan import Nothing, Piece, Plan

PACE: Final = 0.05
"""Seconds between an answer and the next request."""

_LEAST_PATIENCE: Final = 0.05  # s
_ALLOWANCE: Final = 2  # how many times the slowest of the latest answers is waited
_LATEST: Final = 32  # answers
_GREETING: Final = 3  # how many times the timeout is waited for a first answer, of whichever window
_LOSSES: Final = 2  # connections that one read may cost before it is put off
# Pieces in a row on whose connections only the greeting was answered; each may cost half a minute. All machines answer
# what identifies them. A single byte that makes a machine silent is in each piece until 64 KiB are halved to it.
_MOST_SILENT: Final = 3
_MOST_SILENT_IN_A_PLAN: Final = 18

Connector = Callable[[int, Callable[[Record], None]], Client[Message]]
"""Makes the client of a connection by its number, not connected yet, and gives it what to call with each Record."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of a machine."""

    model: str | None
    serial: str | None
    """The machine's serial number, else that of its module."""


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """The result of a scan in numbers. The counts are bytes inside the ranges of the plan."""

    read: int
    silent: int
    echo: int
    left: int
    """Bytes whose answers were damaged or ended the connection."""
    regions: tuple[Region, ...]
    """The regions that give no bytes."""
    largest_piece: int
    """Bytes in the largest read that was answered."""
    requests: int
    connections: int
    seconds: float


class Scanner:
    """Reads a machine's memory by a plan.

    Args:
        connector: Makes the connections.
        pace: Seconds between an answer and the next request.
        timeout: Seconds to wait for an answer that the machine has given before; after that the connection counts as
            lost.
        waits: Seconds before each attempt to reconnect; after the last one the scan gives up.
        on_progress: Called after each piece.
        on_trouble: Called with a line when the connection is lost and will be tried again.

    Example: the temperatures, of a simulated machine.

    >>> from lmdecode.codec.v1.key import Key
    >>> from lmdecode.codec.v1.requester import requesters
    >>> from lmdecode.simulator.machine import Machine
    >>> from lmdecode.simulator.server import Server
    >>> async def scanned(plan):
    ...     key = Key.parse("12345678901234567890123456789012")
    ...     async with Server(Machine("GS3 AV"), key) as server:
    ...         connector = lambda _, note: Client(server.host, server.port, requesters(key), on_record=note)
    ...         async with Scanner(connector, pace=0) as scanner:
    ...             await scanner.run(plan)
    >>> plan = Plan(Memory(), [Piece(0x401C, 4)])
    >>> asyncio.run(scanned(plan))
    >>> plan.memory.knows(0x401C, 4)
    True
    """

    def __init__(
        self,
        connector: Connector,
        *,
        pace: float = PACE,
        timeout: float = ANSWER_TIMEOUT,
        waits: Sequence[float] | None = None,
        on_progress: Callable[[], None] | None = None,
        on_trouble: Callable[[str], None] | None = None,
    ) -> None:
        self._connector = connector
        self._pace = pace
        self._timeout = timeout
        self._taken: deque[float] = deque(maxlen=_LATEST)  # seconds that the latest answers took
        self._waits = pauses() if waits is None else waits
        self.on_progress = on_progress
        self._on_trouble = on_trouble
        self._client: Client[Message] | None = None
        self._known: Window | None = None  # a window that was answered
        self._asked: Piece | None = None
        self._late: bytes | None = None  # the answer to what was asked, if it came after all
        self._plan: Plan | None = None
        self._silent = 0  # pieces in a row that cost all their connections, none of which was closed
        self._begun = time.monotonic()
        self.connections = 0
        """The number of connections that were begun."""
        self.requests = 0
        """The number of requests that were sent."""
        self.largest_answered = 0
        """Bytes in the largest piece that was answered."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def identify(self) -> Identity:
        """Finds out which machine it is.

        Raises:
            MachineError: There is no connection, or the machine answers nothing.
        """
        memory = Memory()
        for window in MODEL_WINDOWS:
            await self._note(memory, Piece(window.address, window.length))
        registers = NamedMemory(memory)
        for row in (*by_name("machine_ser_num"), *by_name("module_ser_num")):
            if not memory.knows(row.address, row.size):
                await self._note(memory, Piece(row.address, row.size))
            if serial := registers.get(row.name or ""):
                return Identity(model_of(memory), str(serial))
        return Identity(model_of(memory), None)

    async def run(self, plan: Plan) -> None:
        """Reads what a plan has left to read. However it ends, the plan has what was read until then.

        Raises:
            MachineError: The connection is lost and cannot be had again.
        """
        self._plan = plan
        while (piece := plan.next()) is not None:
            answer = await self._read(piece)
            if isinstance(answer, Nothing):
                plan.failed(answer)
            else:
                plan.answered(answer)
            if self.on_progress is not None:
                self.on_progress()

    def summary(self, plan: Plan) -> ScanSummary:
        """Returns the result in numbers."""
        regions = tuple(_inside(plan.memory.regions, plan.ranges))
        silent, echo = (
            sum(each.length for each in regions if each.answer is answer) for answer in (Answer.SILENT, Answer.ECHO)
        )
        return ScanSummary(
            read=plan.settled - silent - echo,
            silent=silent,
            echo=echo,
            left=plan.damaged,
            regions=regions,
            largest_piece=plan.largest_answered,
            requests=self.requests,
            connections=self.connections,
            seconds=time.monotonic() - self._begun,
        )

    async def _note(self, memory: Memory, piece: Piece) -> None:
        for _ in range(2):  # one silence may be an accident
            answer = await self._read(piece)
            if not isinstance(answer, Nothing):
                memory.write(piece.address, answer)
            if answer is not Nothing.SILENCE:
                break

    async def _read(self, piece: Piece) -> bytes | Nothing:
        """Reads a piece, over as many connections as it may cost.

        Raises:
            MachineError: There is no connection, or the machine answers nothing but the greeting of each.
        """
        silent = True
        for _ in range(_LOSSES):
            client = await self._connected()
            failure: MachineError
            try:
                answer = await self._ask(client, piece)
            except EchoError:
                self._silent = 0
                return Nothing.ECHO
            except FloodError:
                raise
            except MachineError as error:
                failure = error
            else:
                self._silent = 0
                return answer
            if await self._is_alive(client):
                self._silent = 0
                if self._late is not None:
                    return self._late
                return Nothing.DAMAGE if isinstance(failure, BadAnswerError) else Nothing.SILENCE
            silent = silent and client.lost is None
            await self.close()
        self._silent = self._silent + 1 if silent else 0
        if self._silent == (_MOST_SILENT if self._plan is None else _MOST_SILENT_IN_A_PLAN):
            raise NoAnswerError("the machine answers the first read of each connection, and no other")
        return Nothing.DAMAGE

    async def _ask(self, client: Client[Message], piece: Piece) -> bytes:
        self._asked, self._late = piece, None
        await asyncio.sleep(self._pace)
        patience = max(_LEAST_PATIENCE, _ALLOWANCE * max(self._taken, default=self._timeout))
        record = await self._send(client, piece, min(patience, self._timeout))
        digits = record.data or ""
        if MASK in digits or len(digits) != 2 * piece.length:  # all of it is in doubt: which byte is missing?
            asked = f"R{piece.address:04X}{piece.length:04X}"
            raise BadAnswerError(f"the answer to {asked} has {len(digits) // 2:,} bytes instead of {piece.length:,}")
        self.largest_answered = max(self.largest_answered, piece.length)
        return bytes.fromhex(digits)

    async def _send(self, client: Client[Message], piece: Piece, seconds: float) -> Record:
        self.requests += 1
        return await client.ask(Message(Kind.READ, *piece), timeout=seconds)

    async def _is_alive(self, client: Client[Message]) -> bool:
        """Whether the machine still answers a window that it has answered before."""
        try:
            await self._greet(client)
        except MachineError:
            return False
        return True

    async def _greet(self, client: Client[Message]) -> None:
        """Checks that the machine answers at all.

        Raises:
            MachineError: It does not.
        """
        failure: MachineError | None = None
        end = time.monotonic() + _GREETING * self._timeout
        for window in [self._known] if self._known else REPORTS:
            if failure is not None and time.monotonic() > end:
                break
            for _ in range(2):  # one silence may be an accident
                try:
                    await self._send(client, Piece(window.address, window.length), self._timeout)
                except (NoAnswerError, BadAnswerError) as error:
                    failure = error
                else:
                    self._known = window
                    self.largest_answered = max(self.largest_answered, window.length)
                    return
        if failure is not None:
            raise failure

    async def _connected(self) -> Client[Message]:
        failures = 0
        while self._client is None or self._client.lost is not None:
            await self.close()
            client = self._client = self._connector(self.connections, self._hear)
            self.connections += 1
            try:
                await client.connect()
                await self._greet(client)
            except MachineError as error:
                # Without a single answer so far, the address or the key may be wrong: that should show at once. After
                # one, the machine is there, and it is worth trying again.
                if self._known is None or isinstance(error, FloodError) or failures == len(self._waits):
                    raise
                if self._on_trouble is not None:
                    self._on_trouble(f"{error}; trying again in {self._waits[failures]:g} s")
                await self.close()
                await asyncio.sleep(self._waits[failures])
                failures += 1
        return self._client

    def _hear(self, record: Record) -> None:
        """Takes late answers, and measures how slow the machine is."""
        if record.role != "response" or record.kind is not Kind.READ or record.raw is not None or record.data is None:
            return
        if record.elapsed is not None:
            self._taken.append(record.elapsed)
        piece = Piece(record.address or 0, record.length or 0)
        if MASK in record.data or len(record.data) != 2 * piece.length:
            return
        data = bytes.fromhex(record.data)
        if piece == self._asked:
            self._late = data
        elif self._plan is not None and self._plan.has(piece):
            self._plan.learn(piece.address, data)


def _inside(regions: Sequence[Region], ranges: Sequence[Piece]) -> Iterator[Region]:
    """Yields the parts of regions that are inside ranges."""
    for region in regions:
        for piece in ranges:
            start, end = max(region.address, piece.address), min(region.end, piece.end)
            if start < end:
                yield Region(start, end - start, region.answer)
