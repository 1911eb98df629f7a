"""A change of a setting: from a name and a value to the bytes to write, and to the bytes that show whether it worked.

Writes are of whole registers. A bit is changed in the byte that the machine holds, so that byte is read first. A time
of day is an hour and a minute, which the machine keeps apart. The register `command` holds nothing to read, but the
effect of a command shows in another register.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind, Value
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import BIT_SETS, DAYS, DERIVED_BY_NAME, by_name
from lmdecode.codec.v1.message import ADDRESS_SPACE, Message
from lmdecode.codec.v1.redaction import ACCOUNT
from lmdecode.codec.v1.register import Redundancy, Register
from lmdecode.codec.v1.window import encode, registers_in
from lmdecode.codec.v1.windows import EFFECTS, HAZARDS

_CLOCK_SLACK: Final = 5  # seconds that may pass between the setting of a clock and its reading


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A new value for a register, for one bit of it, or for a time of day, which is two registers.

    Make it with `change`.
    """

    name: str
    """The name of the register, the bit or the time of day."""
    value: Value
    registers: tuple[Register, ...]
    """The registers to write."""
    shown: tuple[Register, ...]
    """The registers that show the result: nearly always those that are written. Empty if it shows nowhere."""
    expected: Value
    """The value that they show if it worked."""

    @property
    def label(self) -> str:
        """The name to show: of a command, that of the register in which its effect shows."""
        return self.shown[0].name or self.name if self.name == "command" and self.shown else self.name

    @property
    def is_shown(self) -> bool:
        """Whether anything that can be read shows the result."""
        return bool(self.shown)

    @property
    def is_repeatable(self) -> bool:
        """Whether it is sent even if the machine holds the value already: a clock is set anew."""
        return self.name == "clock"

    @property
    def hazard(self) -> str:
        """What the change does that heats or moves water, in words; "" if it does neither."""
        return hazard(self.name, self.value)

    def bytes_with(self, memory: Memory) -> list[tuple[Register, bytes]]:
        """The bytes to write to each register.

        Args:
            memory: The machine's memory now, for the other bits of a byte.

        Raises:
            RegisterError: The change is of one bit, and its byte is not known.
        """
        register = self.registers[0]
        if len(self.registers) > 1:
            return [
                (each, each.type.encode(part))
                for each, part in zip(self.registers, _hour_and_minute(self.name, self.value), strict=True)
            ]
        if self.name == register.name:
            return [(register, register.type.encode(self.value))]
        old = memory.read(register.address, register.size)
        if old is None:
            raise RegisterError(f"{self.name} is one bit of {register.name}, which must be read first")
        mask = register.type.encode([self.name])[0]
        return [(register, bytes([old[0] | mask if self.value else old[0] & ~mask]))]

    def value_in(self, memory: Memory) -> Value | None:
        """The value that the machine holds; None if its bytes are not known, or are no value."""
        parts: list[Value] = []
        for row in self.shown:
            data = memory.read(row.address, row.size)
            if data is None:
                return None
            try:
                parts.append(row.type.decode(data))
            except RegisterError:
                return None
        if not parts:
            return None
        if len(parts) > 1:
            try:
                return DERIVED_BY_NAME[self.name].compute(*parts)
            except ValueError:  # no time of day
                return None
        found = parts[0]
        is_bit = isinstance(found, list) and self.name != self.shown[0].name
        return self.name in found if is_bit and isinstance(found, list) else found

    def is_made(self, memory: Memory) -> bool:
        """True if the machine holds the new value. A clock may have run on for some seconds."""
        found = self.value_in(memory)
        if self.name == "clock" and isinstance(found, str) and isinstance(self.value, str):
            passed = (datetime.fromisoformat(found) - datetime.fromisoformat(self.value)).total_seconds()
            return 0 <= passed <= _CLOCK_SLACK
        return found == self.expected


def hazard(name: str, value: Value) -> str:
    """What it does to set a register to a value, if that heats or moves water, in words; "" if it does neither.

    >>> hazard("power", True), hazard("power", False)
    ('heats the boilers', '')
    """
    word = value if isinstance(value, bool | str) else None
    return HAZARDS.get((name, word)) or HAZARDS.get((name, None), "")


def change(name: str, value: Value, *, model: str | None = None) -> SettingChange:
    """The change that gives a setting a value.

    Args:
        name: The name of a writable register, of a bit of one, or of a time of day.
        value: The value as `decode_window` gives it.
        model: The machine's model, if it is known.

    Raises:
        RegisterError: There is no such name, it cannot be written, or this model does not have it; or the value is out
            of range, or none of its type.

    >>> [register.name for register in change("tue_on_time", "06:30").registers]
    ['tue_on_hour', 'tue_on_min']
    """
    derived = DERIVED_BY_NAME.get(name)
    if derived is not None and derived.redundancy is Redundancy.WHOLE:
        for part, number in zip(derived.inputs, _hour_and_minute(name, value), strict=True):
            encode(part, number, model=model)
        registers = tuple(by_name(part)[0] for part in derived.inputs)
        hour, minute = _hour_and_minute(name, value)
        return SettingChange(name, value, registers, registers, derived.compute(hour, minute))
    of = by_name(BIT_SETS[name])[0] if name in BIT_SETS else None
    if of is not None and of.writable:
        if not isinstance(value, bool):
            raise RegisterError(f"{name}: {value!r} is neither true nor false")
        encode(of.name or "", [name], model=model)
        return SettingChange(name, value, (of,), (of,), value)
    encode(name, value, model=model)  # checks all that there is to check
    register = by_name(name)[0]
    if register.readable:
        return SettingChange(name, value, (register,), (register,), register.type.decode(register.type.encode(value)))
    effect, expected = EFFECTS.get(str(value), (None, value))
    return SettingChange(name, value, (register,), by_name(effect)[:1] if effect else (), expected)


def windows(changes: Iterable[SettingChange]) -> list[tuple[int, int]]:
    """The windows, address and length, that show some changes. Registers that lie side by side share a window."""
    found: list[tuple[int, int]] = []
    for row in sorted({row for each in changes for row in each.shown}, key=lambda row: row.address):
        if found and sum(found[-1]) == row.address:
            found[-1] = (found[-1][0], found[-1][1] + row.size)
        else:
            found.append((row.address, row.size))
    return found


def writes(changes: Iterable[SettingChange], memory: Memory) -> list[Message]:
    """The messages that make some changes, in the order of addresses.

    Registers that lie side by side share a message, as lmdirect writes the two hours of a day.

    Args:
        changes: Changes of different registers, or of different bits of one.
        memory: The machine's memory now.

    Raises:
        RegisterError: See `SettingChange.bytes_with`.
    """
    written: list[Message] = []
    for register, data in sorted(_pieces(changes, memory), key=lambda piece: piece[0].address):
        last = written[-1] if written else None
        if last is not None and last.data is not None and last.address + last.length == register.address:
            content = last.data + data
            written[-1] = last._replace(length=len(content), data=content)
        else:
            written.append(Message(Kind.WRITE, register.address, register.size, data))
    return written


def _pieces(changes: Iterable[SettingChange], memory: Memory) -> Iterator[tuple[Register, bytes]]:
    """Yields the bytes of each register that is written, once: several bits of one byte become one write."""
    now, pieces = Memory(), dict[Register, bytes]()
    now.overlay(memory)
    for each in changes:
        for register, data in each.bytes_with(now):
            pieces[register] = data
            now.write(register.address, data)
    yield from pieces.items()


def doubts(changes: Iterable[SettingChange], memory: Memory) -> list[str]:
    """What may not be meant although it can be written, one line each: a day that is switched on after it is off.

    Args:
        changes: The changes.
        memory: The machine's memory now, for the time of a day that is not changed; see `beside`.

    >>> doubts([change("tue_on_time", "18:00"), change("tue_off_time", "17:00")], Memory())
    ['tue is switched on at 18:00, after it is switched off at 17:00']
    """
    values = {each.name: str(each.expected) for each in changes}
    days: dict[tuple[str, str], list[str]] = {}
    for day in DAYS:
        names = f"{day}_on_time", f"{day}_off_time"
        if not values.keys().isdisjoint(names):
            on, off = (values.get(name) or str(change(name, "00:00").value_in(memory) or "") for name in names)
            if on and off and on >= off:
                days.setdefault((on, off), []).append(day)
    return [
        f"{', '.join(each)} {'is' if len(each) == 1 else 'are'} switched on at {on}, "
        + (f"after {'it is' if len(each) == 1 else 'they are'} switched off at {off}" if on != off else "and off too")
        for (on, off), each in days.items()
    ]


def beside(changes: Iterable[SettingChange]) -> list[tuple[int, int]]:
    """The windows that show what belongs to some changes and is not changed: the other time of a day."""
    names = {each.name for each in changes}
    others = [
        change(other, "00:00")
        for day in DAYS
        for one, other in ((f"{day}_on_time", f"{day}_off_time"), (f"{day}_off_time", f"{day}_on_time"))
        if one in names and other not in names
    ]
    return windows(others)


def _hour_and_minute(name: str, value: Value) -> tuple[int, int]:
    text = str(value)
    hour, colon, minute = text.partition(":")
    if not colon or not all(part.isascii() and part.isdigit() and len(part) <= 2 for part in (hour, minute)):
        raise RegisterError(f"{name}: {text[:40]!r} is not a time of day such as 06:30")
    if int(hour) > 23 or int(minute) > 59 or len(minute) != 2:
        raise RegisterError(f"{name} must be 00:00 to 23:59, not {text}")
    return int(hour), int(minute)


def check_raw_write(request: Message, *, model: str | None = None) -> list[str]:
    """Check a write of raw bytes. Returns the warnings to show before it is made, one line each.

    Args:
        request: The write.
        model: The machine's model, if it is known.

    Raises:
        RegisterError: It gives a register a value that it does not take, writes only a part of one, touches the
            machine's cloud account, or runs past the end of memory.

    >>> from lmdecode.codec.v1.message import Kind
    >>> check_raw_write(Message(Kind.WRITE, 0x5000, 1, bytes(1)))
    ['nobody knows what is at 0x5000']
    """
    data, start, end = request.data or b"", request.address, request.address + request.length
    if not data or len(data) != request.length:
        raise RegisterError("a write needs data")
    if end > ADDRESS_SPACE:
        raise RegisterError(f"{len(data)} bytes at 0x{start:04X} run past the end of memory (0xFFFF)")
    rows = [row for row in registers_in(start, len(data)) if row.name is not None or row.secret]
    # A part of a whole that is written is not looked at by itself: the hour of a clock.
    wholes = [row for row in rows if not any(_holds(other, row) for other in rows)]
    warnings: list[str] = []
    for row in wholes:
        if row.secret:
            raise RegisterError(f"{ACCOUNT} is not written")
        name = row.name or ""
        if not row.writable:
            warnings.append(f"{name} is not known to be writable")
        elif row.address < start or row.end > end:
            raise RegisterError(f"{name} has {row.size} bytes, from 0x{row.address:04X} on: write all of them")
        else:
            encode(name, row.type.decode(data[row.address - start : row.end - start]), model=model)
    unknown = [each for each in range(start, end) if not any(row.address <= each < row.end for row in wholes)]
    if unknown:
        what = f"0x{unknown[0]:04X}" + (f" and {len(unknown) - 1} more" if len(unknown) > 1 else "")
        warnings.append(f"nobody knows what is at {what}")
    return warnings


def _holds(whole: Register, part: Register) -> bool:
    return whole.size > part.size and whole.address <= part.address and part.end <= whole.end
