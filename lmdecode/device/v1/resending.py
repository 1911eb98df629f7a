"""Recorded requests of v1, sent again to a machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final

from lmdecode.codec.record import MASK, Kind
from lmdecode.codec.v1.message import OK, Message
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    EchoError,
    NoAnswerError,
    RefusedError,
)
from lmdecode.device.v1.session import MemorySession

_PATIENCE: Final = 3
_SILENCES: Final = 10  # requests in a row without an answer, after which none is expected any more


async def send_again(
    session: MemorySession, requests: Iterable[tuple[int, Message]], *, speed: float | None = 1.0
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


async def _read(session: MemorySession, request: Message) -> tuple[Message | None, str]:
    try:
        record = await session.read(request.address, request.length)
    except EchoError:
        return request, ""
    except (NoAnswerError, BadAnswerError, ConnectionLostError) as error:
        return None, str(error)
    digits = record.data or ""
    return (None, "it is withheld") if MASK in digits else (request._replace(data=bytes.fromhex(digits)), "")


async def _write(session: MemorySession, request: Message) -> tuple[Message | None, str]:
    answer = Message(Kind.WRITE, request.address, request.length)
    try:
        await session.write(request)
    except RefusedError as error:
        return answer._replace(status="NO"), str(error)
    except (NoAnswerError, BadAnswerError, ConnectionLostError, BusyError) as error:
        return None, f"whether the machine took it is not known: {error}"
    return answer._replace(status=OK), ""
