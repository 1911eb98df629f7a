"""The types of value that the machine's memory holds: each with both directions, bytes to value and value to bytes."""

# A type is data, not a class: a `FieldType` that one of the functions below makes. xknx has a small class for each of
# its value types, with unit, range and both directions in one place. That is the idea here too, but a type has no
# state, and what differs is two closures. So one function shows a whole type on one screen.
#
# Values are what JSON can say: numbers in the register's unit, flags as booleans, enumerations as words, bit sets as
# lists of names, clocks as ISO 8601 without a zone. They go into JSON Lines, Parquet and Python without a conversion,
# and a user can type what he was shown.
#
# `decode` is strict where the bytes have a meaning to miss, and only there. A flag of 7, a word that nobody knows, a
# February 31 are refused, because a guess would look like knowledge. Every number is accepted, however large: whether
# 6,553.5 °C is plausible is not a question of the bytes. What the upper seven bits of `low_bit` mean nobody knows, and
# the weekday of `clock` follows from its date, so neither is looked at. A refusal is no verdict on the machine: whether
# it becomes a problem is decided by how sure the register is, see `memory_map`.
#
# `encode` is stricter, because its result may reach a machine full of boiling water. It never rounds: 93.55 is refused
# where steps are 0.1, but 3 × 0.1 is taken, since only floating point made it 0.30000000000000004. It takes no text for
# a number and no number for a flag: "150" once slipped past a range check. It refuses nan, infinity, and numbers so
# large that arithmetic gets slow. Ranges are not its business but the register's.
#
# Both directions invert: what `decode` gives, `encode` turns into bytes that decode to the same. Tests try every byte
# and every pair of bytes, and any object that Python can make in the other direction.

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal, TypeGuard

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import JsonType, Value


@dataclass(frozen=True, slots=True)
class FieldType:
    """How the bytes of a register are read and written.

    `decode` takes exactly `size` bytes. It raises `RegisterError` for bytes that are no value of this type. `encode`
    raises it for a value of another type, and for one that does not fit the bytes; it does not check ranges.
    """

    name: str
    """A few words for the register list."""
    size: int
    """Bytes."""
    json: JsonType
    decode: Callable[[bytes], Value]
    encode: Callable[[Value], bytes]
    step: float | None = None
    """The smallest difference between two numbers; None for other types."""
    words: tuple[str, ...] = ()
    """All words of an enumeration or a bit set; empty for other types."""


@cache
def unpacking(kind: FieldType) -> tuple[str, Callable[[Any], Value] | None]:
    """How to take a value of a type out of a `struct`: its format, and the conversion of what comes out.

    Returns None as the conversion if the number itself is the value. Where two bytes decide, the conversion is a
    look-up in a table, which is several times as fast as decoding. It raises `RegisterError` for bytes that are no
    value of the type.
    """
    if kind.size == 1:
        return "B", None if kind.name == "uint8" else lambda byte: kind.decode(bytes([byte]))
    if kind.name in {"uint16", "uint32"}:
        return ("H", None) if kind.size == 2 else ("I", None)
    if kind.size == 2 and kind.json == "number":
        return "H", _Quotients(round(1 / (kind.step or 1))).__getitem__
    return f"{kind.size}s", kind.decode


class _Quotients(dict[int, float]):
    """Each number that came up, and its quotient. A look-up takes half the time of a division and a call."""

    def __init__(self, divisor: int) -> None:
        super().__init__()
        self._divisor = divisor

    def __missing__(self, number: int) -> float:
        self[number] = quotient = number / self._divisor
        return quotient


def unsigned(size: int, byteorder: Literal["big", "little"] = "big") -> FieldType:
    r"""A whole number.

    >>> unsigned(2).decode(b"\x03\xe8")
    1000
    """

    def decode(data: bytes) -> int:
        return int.from_bytes(data, byteorder)

    def encode(value: Value) -> bytes:
        return _to_bytes(_whole(value, 1), size, byteorder)

    order = "" if byteorder == "big" else ", little-endian"
    return FieldType(f"uint{8 * size}{order}", size, "integer", decode, encode, step=1)


def scaled(size: int, divisor: int) -> FieldType:
    r"""A number stored as a whole multiple of 1/divisor.

    >>> scaled(2, 10).decode(b"\x03\xbc")
    95.6
    >>> scaled(2, 10).encode(95.6).hex()
    '03bc'
    """

    def decode(data: bytes) -> float:
        return int.from_bytes(data, "big") / divisor

    def encode(value: Value) -> bytes:
        return _to_bytes(_whole(value, divisor), size, "big")

    step = 1 / divisor
    return FieldType(f"uint{8 * size} × {step:g}", size, "number", decode, encode, step=step)


def fixed_point(size: int, fraction_bits: int) -> FieldType:
    r"""A fixed-point number: the low bits are the fraction.

    >>> fixed_point(2, 4).decode(b"\x00\x09")
    0.5625
    """
    base = scaled(size, 1 << fraction_bits)
    name = f"fixed point {8 * size - fraction_bits}.{fraction_bits}"
    return FieldType(name, size, "number", base.decode, base.encode, step=base.step)


def flag() -> FieldType:
    """A byte that is 0 or 1."""

    def decode(data: bytes) -> bool:
        if data[0] > 1:
            raise RegisterError(f"{data[0]} is neither 0 nor 1")
        return data[0] == 1

    return FieldType("flag", 1, "boolean", decode, _encode_flag)


def low_bit() -> FieldType:
    """A byte whose bit 0 is the value. The other bits mean something else, so it cannot be written blindly."""

    def decode(data: bytes) -> bool:
        return bool(data[0] & 1)

    return FieldType("bit 0", 1, "boolean", decode, _encode_flag)


def enumeration(words: Mapping[int, str]) -> FieldType:
    r"""A byte that stands for a word.

    >>> enumeration({0: "low", 1: "high"}).decode(b"\x01")
    'high'
    """
    words = dict(words)
    codes = {word: bytes([code]) for code, word in words.items()}

    def decode(data: bytes) -> str:
        try:
            return words[data[0]]
        except KeyError:
            raise RegisterError(f"0x{data[0]:02X} is none of {_listed(codes)}") from None

    def encode(value: Value) -> bytes:
        try:
            return codes[value]  # type: ignore[index]  # an unhashable value is a TypeError, caught here
        except (KeyError, TypeError):
            raise RegisterError(f"{value!r} is none of {_listed(codes)}") from None

    return FieldType("enum", 1, "string", decode, encode, words=tuple(codes))


def bit_set(names: Sequence[str]) -> FieldType:
    r"""A byte of flags: the names of the bits that are set, bit 0 first. An unnamed bit shows as its mask, "0x80".

    >>> bit_set(["pump_on", "brew_solenoid_on"]).decode(b"\x02")
    ['brew_solenoid_on']
    """
    bits = tuple(names) + tuple(f"0x{1 << bit:02X}" for bit in range(len(names), 8))
    masks = {name: 1 << bit for bit, name in enumerate(bits)}

    def decode(data: bytes) -> list[str]:
        return [name for name, mask in masks.items() if data[0] & mask]

    def encode(value: Value) -> bytes:
        if not isinstance(value, list) or not all(isinstance(name, str) and name in masks for name in value):
            raise RegisterError(f"{value!r} is not a list of names out of {_listed(names)}")
        return bytes([sum(masks[name] for name in set(value))])

    return FieldType("bit set", 1, "array", decode, encode, words=tuple(names))


def text(size: int, prefix: str = "") -> FieldType:
    r"""ASCII text, padded with NUL bytes; `prefix` stands before it in memory and is not part of the value.

    >>> text(4).decode(b"GS3\0")
    'GS3'
    """
    start = prefix.encode("ascii")

    def decode(data: bytes) -> str:
        content = data.removeprefix(start).partition(b"\0")[0]
        if not content.isascii() or not (string := content.decode("ascii")).isprintable():
            raise RegisterError(f"{data.hex(' ')} is not ASCII text")
        return string

    def encode(value: Value) -> bytes:
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise RegisterError(f"{value!r} is not ASCII text")
        content = start + value.encode("ascii")
        if len(content) > size:
            raise RegisterError(f"{value!r} is longer than {size - len(start)} characters")
        return content.ljust(size, b"\0")

    after = f" after {prefix!r}" if prefix else ""
    return FieldType(f"ASCII{after}, NUL-padded", size, "string", decode, encode)


def front_panel(size: int) -> FieldType:
    r"""The characters of the front panel: latin-1 but for three glyphs of its display.

    >>> front_panel(4).decode(b"\x35\xdf\xdb\xff")
    '5°□■'
    """

    def decode(data: bytes) -> str:
        return data.partition(b"\0")[0].decode("latin-1").translate(_GLYPHS)

    def encode(value: Value) -> bytes:
        if not isinstance(value, str):
            raise RegisterError(f"{value!r} is not text")
        try:
            content = value.translate(_GLYPH_CODES).encode("latin-1")
        except UnicodeEncodeError:
            raise RegisterError(f"{value!r} has characters that the front panel lacks") from None
        if len(content) > size:
            raise RegisterError(f"{value!r} is longer than {size} characters")
        return content.ljust(size, b"\0")

    return FieldType("front panel text", size, "string", decode, encode)


def version() -> FieldType:
    r"""A version in hundredths, as text.

    >>> version().decode(b"\x78")
    '1.20'
    """

    def decode(data: bytes) -> str:
        return f"{data[0] / 100:.2f}"

    def encode(value: Value) -> bytes:
        if not isinstance(value, str) or not (digits := _VERSION(value)):
            raise RegisterError(f"{value!r} is not a version such as '1.20'")
        return _to_bytes(int(digits[1] + digits[2]), 1, "big")

    return FieldType("version ÷ 100", 1, "string", decode, encode)


def clock() -> FieldType:
    """Seven bytes: second, minute, hour, ISO weekday, day, month, year − 2000, in the machine's local time.

    `encode` computes the weekday from the date; `decode` ignores it.

    >>> clock().decode(bytes.fromhex("001a0906020115"))
    '2021-01-02T09:26:00'
    """

    def decode(data: bytes) -> str:
        second, minute, hour, _, day, month, year = data
        try:
            if year > 99:
                raise ValueError  # noqa: TRY301 -- two digits, like the months and days that a calendar lacks
            return datetime(2000 + year, month, day, hour, minute, second).isoformat()  # noqa: DTZ001
        except ValueError:
            raise RegisterError(
                f"{2000 + year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} is not a time"
            ) from None

    def encode(value: Value) -> bytes:
        try:
            time = datetime.fromisoformat(value)  # type: ignore[arg-type]  # a TypeError is caught
        except (TypeError, ValueError):
            raise RegisterError(f"{value!r} is not a time such as '2021-01-02T09:26:00'") from None
        if time.tzinfo is not None or time.microsecond:
            raise RegisterError(f"{value!r}: the machine's clock has whole seconds and no zone")
        year = time.year - 2000
        if not 0 <= year <= 99:
            raise RegisterError(f"{value!r}: the year must be 2000 to 2099")
        numbers = (time.second, time.minute, time.hour, time.isoweekday(), time.day, time.month)
        return bytes((*numbers, year))

    return FieldType("clock", 7, "string", decode, encode)


def opaque(size: int) -> FieldType:
    """Bytes that nobody has explained, as hex."""

    def encode(value: Value) -> bytes:
        try:
            data = bytes.fromhex(value)  # type: ignore[arg-type]  # a TypeError is caught
        except (TypeError, ValueError):
            raise RegisterError(f"{value!r} is not hex") from None
        if len(data) != size:
            raise RegisterError(f"{value!r} is not {size} bytes")
        return data

    return FieldType("bytes", size, "string", bytes.hex, encode)


_GLYPHS: Final = {0xDB: "□", 0xDF: "°", 0xFF: "■"}  # in latin-1 they would be Û, ß and ÿ
_ROUNDING: Final = 1e-6  # steps by which a number that was worked out, such as 3 * 0.1, may be off
_LARGEST: Final = 1 << 64  # beyond it no register goes, and arithmetic gets slow
_VERSION: Final = re.compile(r"([0-9])\.([0-9]{2})\Z").match
_GLYPH_CODES: Final = {ord(glyph): code for code, glyph in _GLYPHS.items()}


def is_number(value: object) -> TypeGuard[int | float]:
    """True if a value is a number. True and False are flags, not numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_text(value: float) -> str:
    """A number for a message, however large."""
    try:
        return f"{value:g}"
    except OverflowError:
        return "a number of more than 300 digits"


def _encode_flag(value: Value) -> bytes:
    if not isinstance(value, bool):
        raise RegisterError(f"{value!r} is neither true nor false")
    return bytes([value])


def _whole(value: Value, divisor: int) -> int:
    """The whole number that stores a value. A value between two steps is refused, not rounded."""
    if not is_number(value) or not -math.inf < value < math.inf:
        raise RegisterError(f"{value!r} is not a number")
    if not -_LARGEST <= value <= _LARGEST:
        raise RegisterError(f"{number_text(value)} is far too large")
    number = value * divisor
    whole = round(number)
    if abs(whole - number) > _ROUNDING:
        raise RegisterError(f"{value} is not a multiple of {1 / divisor:g}")
    return whole


def _to_bytes(number: int, size: int, byteorder: Literal["big", "little"]) -> bytes:
    try:
        return number.to_bytes(size, byteorder)
    except OverflowError:
        raise RegisterError(f"the stored number {number} does not fit {8 * size} bits") from None


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
