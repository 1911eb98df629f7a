"""Connections to a machine, made from the user's options."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.ranges import address_of, address_range, byte_count
from lmdecode.codec.v1.windows import LARGEST_READ
from lmdecode.config.targets import BluetoothTarget
from lmdecode.device.errors import NoAnswerError
from lmdecode.device.session import Snapshot, take_snapshot
from lmdecode.device.v1.driver import MemoryDriver

R = TypeVar("R")
T = TypeVar("T")

_WHOLE: Final = 5  # how many times the wait for one answer all reads of a command may take together
_LEAST_WHOLE: Final = 5.0  # s; three tries with their pauses and connections take longer than a short wait
_BY_RADIO: Final = 30.0  # s more over Bluetooth, where each further connection begins with a search

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import AnyTarget, Target
    from lmdecode.device.driver import Driver
    from lmdecode.device.session import Session
    from lmdecode.device.v1.client import MemoryClient
    from lmdecode.device.v1.session import MemorySession


def driver_for(target: AnyTarget, *, timeout: float, show_secrets: bool = False) -> Driver[Any]:
    """Returns the driver of a machine's generation.

    Args:
        target: The machine.
        timeout: Seconds to wait for an answer.
        show_secrets: Whether the Records show secrets.
    """
    common: dict[str, Any] = {"model": target.model, "timeout": timeout, "show_secrets": show_secrets}
    if isinstance(target, BluetoothTarget):
        from lmdecode.device.bluetooth.driver import BluetoothDriver

        return BluetoothDriver(device=target.device, token=target.token, radio=target.radio, **common)
    if target.generation == "v3":
        from lmdecode.device.v3.driver import WebDriver

        return WebDriver(host=target.host, port=target.port, key=target.key, **common)
    return memory_driver(target, timeout=timeout, show_secrets=show_secrets)


def memory_driver(target: Target, *, timeout: float, show_secrets: bool = False) -> MemoryDriver:
    """Returns the driver of a machine of v1, for what only its memory has.

    Args:
        target: The machine.
        timeout: Seconds to wait for an answer.
        show_secrets: Whether the Records show the machine's cloud account.
    """
    return MemoryDriver(
        host=target.host,
        port=target.port,
        key=target.key,
        model=target.model,
        timeout=timeout,
        show_secrets=show_secrets,
    )


def session_with(
    driver: Driver[R], *, tries: int | None = None, on_record: Callable[[Record], None] | None = None
) -> Session[R]:
    """Returns a session with a machine of any generation, not connected yet; see `Session`."""
    from lmdecode.device.core import TRIES
    from lmdecode.device.session import Session

    return Session(lambda number: driver.connection(number, on_record), tries=TRIES if tries is None else tries)


def memory_client(
    target: Target,
    *,
    timeout: float,
    stream: int = 0,
    show_secrets: bool = False,
    on_record: Callable[[Record], None] | None = None,
) -> MemoryClient:
    """Returns a client for a machine of v1, not connected yet; see `MemoryClient`."""
    driver = memory_driver(target, timeout=timeout, show_secrets=show_secrets)
    return driver.connection(stream, on_record)


def memory_session(
    target: Target,
    *,
    timeout: float,
    show_secrets: bool = False,
    tries: int | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> MemorySession:
    """Returns a session with a machine of v1, not connected yet; see `MemorySession`."""
    from lmdecode.device.core import TRIES
    from lmdecode.device.v1.session import MemorySession

    driver = memory_driver(target, timeout=timeout, show_secrets=show_secrets)
    return MemorySession(lambda number: driver.connection(number, on_record), tries=TRIES if tries is None else tries)


async def snapshot_of(driver: Driver[R], *, seconds: float | None = None) -> Snapshot:
    """Connects, reads all that a machine reveals, and disconnects.

    Args:
        driver: The machine's.
        seconds: How long the reads may take in all; None: as long as they take.

    Raises:
        MachineError: The machine cannot be read at all.
    """
    async with session_with(driver) as session:
        return await take_snapshot(session, driver.snapshot(), seconds=seconds)


def whole(timeout: float, generation: str = "v1") -> float:
    """Returns the seconds that all reads of a command may take together.

    Args:
        timeout: Seconds to wait for one answer.
        generation: What the machine speaks.

    >>> whole(3.0), whole(0.1), whole(3.0, "bluetooth")
    (15.0, 5.0, 45.0)
    """
    return max(_WHOLE * timeout, _LEAST_WHOLE) + (_BY_RADIO if generation == "bluetooth" else 0.0)


async def answered_within(seconds: float, reads: Awaitable[T]) -> T:
    """Returns what some reads give, if they do not take too long: a peer can talk for ever and answer nothing.

    Raises:
        NoAnswerError: They took too long.
        MachineError: As the reads.
    """
    try:
        async with asyncio.timeout(seconds):
            return await reads
    except TimeoutError:
        raise NoAnswerError(f"the machine has not answered within {seconds:g} s; nothing was sent but reads") from None


async def read_bytes(session: MemorySession, address: int, length: int) -> bytes:
    """Reads bytes of the machine's memory, in pieces that it answers.

    Raises:
        MessageError: The bytes are not all inside the memory.
        BadAnswerError: Some of them are secret, and secrets are not shown.
        MachineError: The machine cannot be read.
    """
    pieces = [
        await session.data(start, min(LARGEST_READ, address + length - start))
        for start in range(address, address + max(length, 1), LARGEST_READ)
    ]
    return b"".join(pieces)


def read_request(address: str, length: str | None = None) -> Message:
    """Returns the read of a range, or of an address and a length, as people write them.

    Args:
        address: `0x4000-0x401F` and the other ways to write a range; with a length, one address.
        length: The number of bytes: 32, or 0x20.

    Raises:
        AddressRangeError: One of them is not valid.
    """
    if length is None:
        window = address_range(address)
        return Message(Kind.READ, window.start, byte_count(str(len(window)), window.start))
    start = address_of(address)
    return Message(Kind.READ, start, byte_count(length, start))


async def read_window(session: MemorySession, request: Message) -> Record:
    """Reads a window whatever is there, in one piece.

    Raises:
        MachineError: The machine cannot be read.
    """
    try:
        return await session.read(request.address, request.length)
    except NoAnswerError as error:
        if request.length == 1:
            raise
        raise NoAnswerError(
            f"{error}: a machine answers no read that goes beyond what it has there, so try fewer bytes"
        ) from None
