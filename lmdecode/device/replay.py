"""Requests that were recorded, sent again to a live machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final

from lmdecode.codec.record import MASK
from lmdecode.codec.v1.message import OK, Kind, Message
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    EchoError,
    NoAnswerError,
    RefusedError,
)
from lmdecode.device.session import Session

__all__ = ["send_again"]

_PATIENCE: Final = 3


async def send_again(
    session: Session, requests: Iterable[tuple[int, Message]], *, speed: float | None = 1.0
) -> AsyncIterator[tuple[Message | None, str]]:
    """Send some requests at the pace at which they were recorded, or as soon after that as the machine answers.

    A read that fails is made again; a write is sent once, whatever becomes of it.

    Args:
        session: With the machine.
        requests: Each with its time in nanoseconds, in the order of time.
        speed: How many times as fast as recorded; None: as fast as the machine answers.

    Yields:
        Of each request the answer, which has neither data nor status if it is an echo, and is None if there is none;
        and why it is none, in words.

    Raises:
        MachineError: There is no connection any more.
    """
    clock = asyncio.get_running_loop().time
    begun: tuple[float, int] | None = None
    busy = _PATIENCE  # how often in a row it was as if somebody else was connected; at first that is believed at once
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
        yield found


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
