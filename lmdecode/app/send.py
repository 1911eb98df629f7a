"""Settings and raw writes of a live machine: what `lmdecode send` and `Machine.set` and `write` do.

Everything that changes the machine takes two steps. First the request is checked and the machine is read; the result
says what would change and how that heats or moves water. Then the caller, who may show that to somebody and ask, sends
it. So no question is ever asked while a connection is open: the machine takes one connection at a time, and somebody
who thinks about an answer must not keep the app out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmdecode.app.errors import UsageError
from lmdecode.codec.bluetooth.characteristics import COMMAND
from lmdecode.codec.errors import CodecError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.message import ADDRESS_SPACE, Message
from lmdecode.codec.v1.ranges import address_of
from lmdecode.codec.v1.requester import what_is_at
from lmdecode.codec.v1.setting_change import SettingChange, check_raw_write, windows, writes
from lmdecode.device.changing import Change, Outcome, Plan
from lmdecode.device.errors import BadAnswerError, MachineError, NoAnswerError
from lmdecode.device.v1.driver import MemoryDriver
from lmdecode.device.v1.settings import MemoryPlan, RawOutcome, writing_raw

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.codec.v1.key import Key
    from lmdecode.device.driver import Driver
    from lmdecode.device.v1.session import MemorySession


class HazardError(MachineError):
    """A request heats, moves water or writes raw bytes, and was not confirmed. Nothing was sent."""

    exit_code = 2


class NotTakenError(MachineError):
    """The machine does not hold the new value, or it is not known whether it does."""

    outcome: Outcome | None = None
    """The result of each change."""


class LastWrite:
    """Remembers the last write that was sent, for a program that is interrupted before the answer comes."""

    def __init__(self) -> None:
        self.text: str | None = None
        """The write as its generation spells it; None if no write was sent."""
        self._what = ""

    def note(self, record: Record) -> None:
        """Takes every Record of a connection."""
        if record.sender != "app" or record.kind is not Kind.WRITE or not record.plaintext:
            return
        if record.address is not None:
            self.text = record.plaintext
            self._what = what_is_at(record.address, record.length or 0)
        elif record.subject and record.subject.startswith(f"{COMMAND} "):  # and not the token, nor a subscription
            self.text = record.plaintext.rstrip("\0")
            self._what = ", ".join(record.fields)

    @property
    def interruption(self) -> str:
        """What to say after an interruption, one line; "" if no write was sent."""
        if self.text is None:
            return ""
        what = f" ({self._what})" if self._what else ""
        return f"interrupted after {self.text}{what} was sent: whether the machine took it is not known"


def hazards_of(changes: Iterable[Change[Any]]) -> list[str]:
    """Returns how changes heat or move water, in words, each once."""
    return list(dict.fromkeys(each.hazard for each in changes if each.hazard))


def consent_missing(reasons: Sequence[str]) -> HazardError:
    """Returns the error for something that needs a confirmation, where nobody can give one.

    Args:
        reasons: Why it needs one, in the words of `hazards_of` or `RawWrite.reason`; at least one.
    """
    return HazardError(f"this {' and '.join(reasons)}, and there is nobody to ask: give --yes to do it anyway")


def planned(changes: Sequence[SettingChange]) -> tuple[list[Message], str]:
    """Returns the messages that changes would send, without a connection; and why some are missing, "" if none is."""
    reads = [Message(Kind.READ, *window) for window in windows(changes)]
    try:
        return [*reads, *writes(changes, Memory())], ""
    except CodecError as error:
        return reads, f"then a write that depends on the answer: {error}"


def dry_run(driver: Driver[Any], plan: Plan[Any, Any]) -> tuple[list[dict[str, str]], str]:
    """Returns what changes would send, without a connection.

    Args:
        driver: The machine's.
        plan: The changes.

    Returns:
        Of each request, its parts by name; and a note on what is missing, "" if nothing is.
    """
    if isinstance(driver, MemoryDriver) and isinstance(plan, MemoryPlan):
        messages, note = planned(plan.changes)
        return [frame_entry(message, driver.key) for message in messages], note
    try:
        requests = plan.writes(plan.changes, plan.unread())
    except CodecError as error:
        return [], f"a write that depends on what the machine says first: {error}"
    note = "before that, the machine says its model, and the value is checked against it"
    parts = [plan.text(each).partition(" ") for each in requests]
    return [{"characteristic": characteristic, "json": text} for characteristic, _, text in parts], note


def frame_entry(message: Message, key: Key) -> dict[str, str]:
    """Returns a message of v1 as it is sent: its plaintext and its frame."""
    from lmdecode.codec.v1.message import build
    from lmdecode.codec.v1.requester import frame_of

    return {"plaintext": build(message).decode(), "frame": frame_of(message, key).decode()}


@dataclass(frozen=True, slots=True)
class RawWrite:
    """A raw write that was checked. Make it with `raw_write`."""

    request: Message
    warnings: tuple[str, ...]
    """What is doubtful about it, one line each."""

    @property
    def reason(self) -> str:
        """Why it should be confirmed, for `consent_missing`."""
        return "is a raw write" + (f" ({'; '.join(self.warnings)})" if self.warnings else "")


def write_request(address: str, digits: str) -> Message:
    """Returns the write of an address and bytes, as people write them: 0x001E and 08, or 03A7.

    Raises:
        UsageError, AddressRangeError: One of them is not valid.
    """
    try:
        data = bytes.fromhex(digits.removeprefix("0x"))
    except ValueError:
        raise UsageError(f"{digits[:40]!r} are not bytes in hexadecimal: give 08, or 03A7") from None
    if not data:
        raise UsageError("no bytes to write")
    start = address_of(address)
    if start + len(data) > ADDRESS_SPACE:
        raise UsageError(f"{len(data)} bytes at 0x{start:04X} run past the end of memory (0xFFFF)")
    return Message(Kind.WRITE, start, len(data), data)


def raw_write(request: Message, *, model: str | None) -> RawWrite:
    """Checks a raw write.

    Raises:
        RegisterError: It sets a register to a value that it does not take, sets a part of one, or the cloud account.
    """
    return RawWrite(request, tuple(check_raw_write(request, model=model)))


async def bytes_before(session: MemorySession, write: RawWrite) -> bytes | None:
    """Reads the bytes that a raw write would replace; None if the machine does not answer there.

    Raises:
        MachineError: The machine cannot be read at all.
    """
    await session.run(MemoryPlan(()).look())  # so that a wrong key shows
    try:
        return await session.data(write.request.address, write.request.length)
    except (BadAnswerError, NoAnswerError):
        return None  # not everything that can be written can be read


async def write_raw(session: MemorySession, write: RawWrite) -> RawOutcome:
    """Writes bytes once, and reads them back.

    Raises:
        MachineError: The machine cannot be read; nothing was sent.
    """
    await session.run(MemoryPlan(()).look())  # so that a wrong key shows before anything is written
    return await session.run(writing_raw(write.request))
