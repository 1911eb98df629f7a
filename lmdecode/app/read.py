"""Reads of a live machine: all that it says of itself, one value, or bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmdecode.analysis.columns import check_name, current_name
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind, Value
from lmdecode.codec.v1.memory_map import DERIVED_BY_NAME, by_name
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.ranges import address_of, byte_count
from lmdecode.codec.v1.window import decode_window
from lmdecode.codec.v1.windows import LARGEST_READ
from lmdecode.device.errors import BadAnswerError, NoAnswerError
from lmdecode.device.snapshot import Snapshot, take_snapshot

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.device.session import Session


async def snapshot_of(session: Session) -> Snapshot:
    """Connects, reads all that the memory map knows, and disconnects.

    Raises:
        MachineError: The machine cannot be read at all.
    """
    async with session:
        return await take_snapshot(session)


def window_of(name: str) -> tuple[int, int]:
    """Returns the address and the length of the window to read for a value.

    Raises:
        FieldNameError: There is no such name.
        RegisterError: The register can only be written.

    >>> window_of("coffee_set_temp"), window_of("mon_on_time")
    ((7, 2), (785, 15))
    """
    name = check_name(name)[0]
    derived = DERIVED_BY_NAME.get(name)
    rows = [
        next((row for row in by_name(each) if row.readable), None) for each in (derived.inputs if derived else (name,))
    ]
    found = [row for row in rows if row is not None]
    if not found:
        raise RegisterError(f"{name} can only be written")
    start = min(row.address for row in found)
    return start, max(row.end for row in found) - start


async def read_value(session: Session, name: str) -> Value:
    """Reads one value by its name.

    Raises:
        FieldNameError, RegisterError: As `window_of`.
        BadAnswerError: The machine's bytes are not a valid value.
        MachineError: The machine cannot be read.
    """
    name = current_name(name)
    address, length = window_of(name)
    record = await session.read(address, length)
    fields = record.fields or decode_window(address, bytes.fromhex(record.data or ""))[0]
    if name not in fields:
        raise BadAnswerError(f"the machine has no value for {name}: {'; '.join(record.problems) or 'too short'}")
    return fields[name]


async def read_bytes(session: Session, address: int, length: int) -> bytes:
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


def read_request(address: str, length: str) -> Message:
    """Returns the read of an address and a length, as people write them: 0x4000 and 32, or 0x20.

    Raises:
        AddressRangeError: One of them is not valid.
    """
    start = address_of(address)
    return Message(Kind.READ, start, byte_count(length, start))


async def read_window(session: Session, request: Message) -> Record:
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
