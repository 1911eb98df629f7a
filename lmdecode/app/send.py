"""Settings and raw writes of a live machine: what `lmdecode send` and `Machine.set` and `write` do.

Everything that changes the machine takes two steps. First the request is checked and the machine is read; the result
says what would change and how that heats or moves water. Then the caller, who may show that to somebody and ask, sends
it. So no question is ever asked while a connection is open: the machine takes one connection at a time, and somebody
who thinks about an answer must not keep the app out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Final, TypeAlias

from lmdecode.app.errors import UsageError
from lmdecode.codec.errors import CodecError, RegisterError
from lmdecode.codec.record import Kind, Value
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.message import ADDRESS_SPACE, Message
from lmdecode.codec.v1.ranges import address_of
from lmdecode.codec.v1.requester import what_is_at
from lmdecode.codec.v1.setting_change import (
    SettingChange,
    beside,
    change,
    check_raw_write,
    doubts,
    windows,
    writes,
)
from lmdecode.codec.v1.setting_words import values_for
from lmdecode.codec.v1.settings import SETTINGS, Setting, setting_named
from lmdecode.device.errors import BadAnswerError, MachineError, NoAnswerError
from lmdecode.device.settings import Outcome, RawOutcome, fitted, look, make
from lmdecode.device.settings import write_raw as write_once

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.device.session import Session

Word: TypeAlias = Value | datetime | time
"""A word after the name of a setting: text, as on a command line, or the value itself."""

_FORMER_PARAMETERS: Final = {"key": "button"}
"""The names that parameters have today, by those of earlier versions, which programs may still use."""


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
        self.plaintext: str | None = None
        """The write; None if none was sent."""
        self._what = ""

    def note(self, record: Record) -> None:
        """Takes every Record of a connection."""
        if record.sender == "app" and record.kind is Kind.WRITE and record.plaintext:
            self.plaintext = record.plaintext
            self._what = what_is_at(record.address or 0, record.length or 0)

    @property
    def interruption(self) -> str:
        """What to say after an interruption, one line; "" if no write was sent."""
        if self.plaintext is None:
            return ""
        what = f" ({self._what})" if self._what else ""
        return f"interrupted after {self.plaintext}{what} was sent: whether the machine took it is not known"


def changes_for(
    name: str,
    words: Sequence[Word],
    options: Mapping[str, Word | None],
    *,
    model: str | None,
    now: datetime | None = None,
) -> list[SettingChange]:
    """Returns the changes that a setting and the words after it mean.

    Args:
        name: The name of a setting, as in `lmdecode send`; or of a register, of one of its bits or of a time of day.
        words: The words after the name.
        options: Parameters by their names; None for one that was left out.
        model: The machine's model, if it is known.
        now: The local time, without a zone, for the machine's clock; None for this computer's.

    Raises:
        RegisterError: There is no such name, or it does not take these words.

    >>> [each.name for each in changes_for("prebrew", (1,), {"on": 2.5, "off": 3.1}, model=None)]
    ['prebrewing_ton_k1', 'prebrewing_toff_k1']
    """
    setting = setting_named(name)
    now = datetime.now() if now is None else now  # noqa: DTZ005 -- the machine's clock is local and has no zone
    values = values_for(*matched(setting, words, options), now=now)
    return [change(each, value, model=model) for each, value in values.items()]


def hazards_of(changes: Iterable[SettingChange]) -> list[str]:
    """Returns how changes heat or move water, in words, each once."""
    return list(dict.fromkeys(each.hazard for each in changes if each.hazard))


def consent_missing(reasons: Sequence[str]) -> HazardError:
    """Returns the error for something that needs a confirmation, where nobody can give one.

    Args:
        reasons: Why it needs one, in the words of `hazards_of` or `RawWrite.reason`; at least one.
    """
    return HazardError(f"this {' and '.join(reasons)}, and there is nobody to ask: give --yes to do it anyway")


@dataclass(frozen=True, slots=True)
class Preview:
    """What changes would change, and nothing sent yet."""

    changes: tuple[SettingChange, ...]
    """The changes, checked against the machine's model."""
    before: Memory
    """The memory in which they show."""

    @property
    def unchanged(self) -> bool:
        """Whether the machine holds all the values already."""
        return all(each.shown and each.is_made(self.before) for each in self.changes)

    @property
    def pending(self) -> list[SettingChange]:
        """The changes that are not made yet."""
        return [each for each in self.changes if not each.shown or not each.is_made(self.before)]

    @property
    def doubts(self) -> list[str]:
        """What may not be meant, one line each; [] if nothing is doubtful."""
        return doubts(self.pending, self.before)


async def preview(session: Session, changes: Sequence[SettingChange], *, model: str | None) -> Preview:
    """Reads what changes would change.

    Args:
        session: The session with the machine.
        changes: The changes, each of another register.
        model: The machine's model; None: it is read where it matters.

    Raises:
        RegisterError: The model does not have the register.
        ModelUnknownError: The model matters and cannot be found.
        MachineError: The machine cannot be read.
    """
    found = await fitted(session, changes, model)
    before = await look(session, found)
    for address, length in beside(found):
        with suppress(NoAnswerError, BadAnswerError):
            before.write(address, await session.data(address, length))
    return Preview(tuple(found), before)


async def apply(session: Session, found: Preview) -> Outcome:
    """Makes the changes of a preview: writes each once, and reads all of them back."""
    return await make(session, found.changes, found.before)


def planned(changes: Sequence[SettingChange]) -> tuple[list[Message], str]:
    """Returns the messages that changes would send, without a connection; and why some are missing, "" if none is."""
    reads = [Message(Kind.READ, *window) for window in windows(changes)]
    try:
        return [*reads, *writes(changes, Memory())], ""
    except CodecError as error:
        return reads, f"then a write that depends on the answer: {error}"


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


async def bytes_before(session: Session, write: RawWrite) -> bytes | None:
    """Reads the bytes that a raw write would replace; None if the machine does not answer there.

    Raises:
        MachineError: The machine cannot be read at all.
    """
    await look(session, [])  # so that a wrong key shows
    try:
        return await session.data(write.request.address, write.request.length)
    except (BadAnswerError, NoAnswerError):
        return None  # not everything that can be written can be read


async def write_raw(session: Session, write: RawWrite) -> RawOutcome:
    """Writes bytes once, and reads them back.

    Raises:
        MachineError: The machine cannot be read; nothing was sent.
    """
    await look(session, [])  # so that a wrong key shows before anything is written
    return await write_once(session, write.request)


def matched(
    setting: Setting, words: Sequence[Word], options: Mapping[str, Word | None]
) -> tuple[Setting, dict[str, Value | None]]:
    """Returns the setting that is meant, and the word for each of its parameters.

    `preinfusion off` and `preinfusion 3 4.4` are two settings under one name; the number of words decides.

    Raises:
        RegisterError: There are too many words, or too few.
    """
    given = {_FORMER_PARAMETERS.get(name, name): word for name, word in options.items() if word is not None}
    named, usages = setting, [_usage(setting)]
    if setting.alternative:
        usages.append(_usage(SETTINGS[setting.alternative]))
        if len(words) + len(given) > 1:
            setting = SETTINGS[setting.alternative]
    places = [each for each in setting.parameters if not each.option]
    unknown = given.keys() - {each.name for each in setting.parameters[len(words) :]}
    found: dict[str, Value | None] = {each.name: None for each in setting.parameters}
    found |= {each.name: _as_value(word) for each, word in zip(places, words, strict=False)}
    found |= {name: _as_value(word) for name, word in given.items() if name not in unknown}
    if unknown or len(words) > len(places) or any(found[each.name] is None for each in places):
        example = f"; for example {named.name} {named.example}" if named.example else ""
        raise RegisterError(f"{named.name} takes {', or '.join(usages)}{example}")
    return setting, found


def _usage(setting: Setting) -> str:
    places = [each.name for each in setting.parameters if not each.option]
    return ", ".join([*places, *(f"--{each.name}" for each in setting.parameters if each.option)]) or "nothing more"


def _as_value(word: Word) -> Value:
    if isinstance(word, time):
        return f"{word:%H:%M}"
    return word.isoformat() if isinstance(word, datetime) else word
