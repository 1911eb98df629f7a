"""A machine over one connection after another: reads are repeated, writes are not.

A read changes nothing, so it may be repeated; but only on a new connection, because v1 has no request numbers and a
late answer to the first read would be taken for the answer to the second. A write may have been taken although
its answer was lost, so it is never sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from lmdecode.codec.record import MASK, Kind, Record
from lmdecode.codec.v1.message import OK, Message
from lmdecode.codec.v1.window import Fields
from lmdecode.codec.v1.windows import SNAPSHOT, WINDOWS, Window
from lmdecode.device.client import Client, bytes_of
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    EchoError,
    FloodError,
    MachineError,
    NoAnswerError,
    NoConnectionError,
    RefusedError,
    WrongKeyError,
)

TRIES: Final = 3
"""The number of times that a read is tried at most."""
_FIRST_PAUSE: Final = 0.2  # s
_LONGEST_PAUSE: Final = 30.0  # s

Connector = Callable[[int], Client]
"""Makes the client of a connection by its number, not connected yet."""


def pauses(first: float = _FIRST_PAUSE, longest: float = _LONGEST_PAUSE) -> list[float]:
    """Returns the seconds to wait before each attempt to reconnect. They grow; the last value counts from then on.

    >>> pauses(1, 10)
    [1, 2, 4, 8, 10]
    """
    found = [first]
    while found[-1] < longest:
        found.append(min(2 * found[-1], longest))
    return found


class Session:
    """Reads and writes a machine over connections that may fail.

    Args:
        connector: Makes the connections.
        tries: The number of times that a read is tried at most.
        pause: Seconds before the second try; they double before each next one.
    """

    def __init__(self, connector: Connector, *, tries: int = TRIES, pause: float = _FIRST_PAUSE) -> None:
        self._connector = connector
        self._tries = tries
        self._pauses = pauses(pause)
        self._client: Client | None = None
        self._count = 0
        self._broken = False
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._connected()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnects."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def read(self, address: int, length: int) -> Record:
        """Reads a window, several times if need be; returns the answer.

        Raises:
            MachineError: As for `Client.ask`, in the last try.
        """
        request = Message(Kind.READ, address, length)
        for attempt in range(self._tries):
            try:
                return await (await self._connected()).ask(request)
            except (EchoError, FloodError, WrongKeyError):
                raise
            except MachineError as error:
                self._broken = True
                if not self._may_repeat(attempt, error):
                    raise
            await asyncio.sleep(self._pauses[min(attempt, len(self._pauses) - 1)])
        raise AssertionError  # the last attempt raises

    async def data(self, address: int, length: int) -> bytes:
        """Reads a window; returns its bytes.

        Raises:
            MachineError: As for `read`; also if a part of the window is secret, and secrets are not shown.
        """
        return bytes_of(await self.read(address, length))

    async def write(self, request: Message) -> None:
        """Writes, once.

        Raises:
            RefusedError: The machine did not take the write.
            MachineError: Something else failed; if the write was sent, it is not known whether the machine took it.
        """
        client = await self._connected()
        try:
            await client.write(request)
        except RefusedError:
            raise
        except MachineError:
            self._broken = True
            raise

    def _may_repeat(self, attempt: int, error: MachineError) -> bool:
        # On the first connection, "refused" or "busy" will not change in a second, so it should show at once. After a
        # connection that worked, it is worth trying again.
        return attempt + 1 < self._tries and not (self._count == 1 and isinstance(error, NoConnectionError))

    async def _connected(self) -> Client:
        async with self._connecting:  # several tasks may ask at once, but the machine takes one connection
            if self._client is not None and (self._broken or self._client.lost is not None):
                await self.close()
            if self._client is None:
                client = self._connector(self._count)
                self._count += 1
                try:
                    await client.connect()
                except BaseException:
                    await client.close()
                    raise
                self._client, self._broken = client, False
            return self._client


_PATIENCE: Final = 3
_SILENCES: Final = 10  # requests in a row without an answer, after which none is expected any more


async def send_again(
    session: Session, requests: Iterable[tuple[int, Message]], *, speed: float | None = 1.0
) -> AsyncIterator[tuple[Message | None, str]]:
    """Sends recorded requests at their recorded pace, or as soon after it as the machine answers.

    Args:
        session: The session with the machine.
        requests: The requests with their times in nanoseconds, in the order of time.
        speed: How many times as fast as recorded; None: as fast as the machine answers.

    Yields:
        For each request its answer, and why it is missing, in words. An echo has neither data nor status; a missing
        answer is None.

    Raises:
        MachineError: There is no connection any more, or the machine answers nothing any more.
    """
    clock = asyncio.get_running_loop().time
    begun: tuple[float, int] | None = None
    busy = _PATIENCE  # "busy" errors in a row; before the first answer, one is enough
    silences = 0
    for time_ns, request in requests:
        if begun is None:
            begun = clock(), time_ns
        elif speed is not None:
            await asyncio.sleep(begun[0] + (time_ns - begun[1]) / 1e9 / speed - clock())
        try:
            found = await (_read(session, request) if request.kind is Kind.READ else _write(session, request))
            busy = 0
        except BusyError as error:
            busy += 1
            if busy >= _PATIENCE:
                raise
            found = None, str(error)
        silences = silences + 1 if found[0] is None else 0
        yield found
        if silences >= _SILENCES:
            raise NoAnswerError(f"{silences} requests in a row were not answered, so the rest is not sent: {found[1]}")


async def _read(session: Session, request: Message) -> tuple[Message | None, str]:
    try:
        record = await session.read(request.address, request.length)
    except EchoError:
        return request, ""
    except (NoAnswerError, BadAnswerError, ConnectionLostError) as error:
        return None, str(error)
    digits = record.data or ""
    return (None, "it is withheld") if MASK in digits else (request._replace(data=bytes.fromhex(digits)), "")


async def _write(session: Session, request: Message) -> tuple[Message | None, str]:
    answer = Message(Kind.WRITE, request.address, request.length)
    try:
        await session.write(request)
    except RefusedError as error:
        return answer._replace(status="NO"), str(error)
    except (NoAnswerError, BadAnswerError, ConnectionLostError, BusyError) as error:
        return None, f"whether the machine took it is not known: {error}"
    return answer._replace(status=OK), ""


@dataclass(slots=True)
class Snapshot:
    """The answers of one round of reads."""

    records: list[Record] = field(default_factory=list)
    """The answers, in the order of addresses."""
    silent: dict[str, str] = field(default_factory=dict)
    """Why a window could not be read, by its name."""

    @property
    def fields(self) -> Fields:
        """The values by name."""
        return {name: value for record in self.records for name, value in record.fields.items()}


async def take_snapshot(session: Session, *, seconds: float | None = None) -> Snapshot:
    """Reads all that the memory map knows. Windows that the machine does not answer are noted in `silent`.

    Args:
        session: The session with the machine.
        seconds: How long it may take in all; None: as long as it takes. What was not read by then is noted in `silent`.

    Raises:
        MachineError: The machine cannot be read at all.
    """
    snapshot = Snapshot()
    why = "it has not said anything that is an answer"
    try:
        async with asyncio.timeout(seconds):
            async for window, answer in read_snapshot(session):
                if isinstance(answer, Record):
                    snapshot.records.append(answer)
                else:
                    snapshot.silent[window.name] = why = str(answer)
    except TimeoutError:
        if not snapshot.records:
            raise NoAnswerError(f"the machine has answered no read within {seconds:g} s: {why}") from None
        read = {record.address for record in snapshot.records}
        for window in SNAPSHOT:
            if window.address not in read:
                snapshot.silent.setdefault(window.name, f"not read: {seconds:g} s were over")
    if not snapshot.records:
        raise NoAnswerError(f"the machine answers none of {len(snapshot.silent)} reads: {why}")
    return snapshot


async def read_snapshot(session: Session) -> AsyncIterator[tuple[Window, Record | Exception]]:
    """Yields each window with its answer, or with the error that explains a missing one.

    Raises:
        MachineError: The connection does not work any more.
    """
    for window in SNAPSHOT:
        answer: Record | Exception
        try:
            answer = await session.read(window.address, window.length)
        except (NoAnswerError, BadAnswerError) as error:
            answer = error
            older = shorter(window)
            if older is not None:
                with contextlib.suppress(NoAnswerError, BadAnswerError):
                    answer = await session.read(older.address, older.length)
        yield window, answer


def shorter(window: Window) -> Window | None:
    """Returns the shorter window that older firmware answers instead; None if there is none."""
    return next(
        (
            each
            for each in WINDOWS
            if each.address == window.address and each.name == window.name and each.length < window.length
        ),
        None,
    )
