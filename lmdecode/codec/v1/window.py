"""Between messages and named values: any window on the memory becomes fields, and a named value becomes a write.

How a window is decoded is worked out from the memory map once, and kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind, Value
from lmdecode.codec.v1._compiled import QuickDecoder, make_quick_decoder
from lmdecode.codec.v1.memory_map import DERIVED, MODELS, REGISTERS, by_name
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.register import Register, Sure
from lmdecode.codec.v1.values import is_number, number_text

Fields = dict[str, Value]


def decode_window(address: int, data: bytes, *, written: bool = False) -> tuple[Fields, tuple[str, ...]]:
    """The named values in some bytes of the machine's memory.

    Args:
        address: Of the first byte.
        data: Any number of bytes. A register that is not whole in them gives no value.
        written: Whether the bytes are being written, which gives the write-only registers their meaning.

    Returns:
        The values by name, in their units, and what was wrong with those that could not be read.

    >>> decode_window(0x401C, bytes.fromhex("03BC04D8"))
    ({'coffee_temp': 95.6, 'steam_temp': 124.0}, ())
    """
    plan = _plan(address, len(data), written)
    if plan.quick is not None:
        with suppress(LookupError, ValueError):  # something is no value; below it is found out what
            return plan.quick.fields(data), ()
    fields: Fields = {}
    problems: list[str] = []
    for name, start, end, decode in plan.steps:
        try:
            value = decode(data[start:end])
        except RegisterError as error:
            problems.append(f"{name}: {error}")
            continue
        if plan.has_copies and fields.get(name, value) != value:
            problems.append(f"{name}: another copy, at {address + start:04X}, says {value}")
            continue
        fields[name] = value
    for name, inputs, compute in plan.derived:
        try:
            fields[name] = compute(*[fields[source] for source in inputs])
        except KeyError:
            continue  # an input could not be read, which is reported above
        except ValueError as error:
            problems.append(f"{name}: {error}")
    return fields, tuple(problems)


def quick_decoder(address: int, length: int, *, written: bool = False) -> QuickDecoder | None:
    """A decoder for the faultless data of one window, several times as fast as `decode_window`; None if there is none.

    It takes exactly `length` bytes, and raises `LookupError` or `ValueError` if any value in them is none.
    """
    return _plan(address, length, written).quick


def decode_message(message: Message) -> tuple[Fields, tuple[str, ...]]:
    """The named values in a message, those that were read or that a write sets; none in a request or an `OK`."""
    if message.data is None:
        return {}, ()
    return decode_window(message.address, message.data, written=message.kind is Kind.WRITE)


def encode(name: str, value: Value, *, model: str | None = None) -> Message:
    r"""The message that writes a value.

    Args:
        name: Of a writable register.
        value: In the register's unit; what `decode_window` would give.
        model: If given, the model that it is for ("GS3 AV", "GS3 MP", "Linea Mini").

    Raises:
        RegisterError: No such register, not writable, not on this model, out of range, or no value of its kind.

    >>> encode("coffee_set_temp", 93.5)
    Message(kind=<Kind.WRITE: 'write'>, address=7, length=2, data=b'\x03\xa7', status=None)
    """
    register = _writable(name)
    if model is not None:
        if model not in MODELS:
            raise RegisterError(f"no such model: {model!r}; known are {', '.join(MODELS)}")
        if model not in register.models:
            raise RegisterError(f"{name} is not on a {model}, only on the {' and '.join(register.models)}")
    _check_range(register, value)
    try:
        data = register.type.encode(value)
    except RegisterError as error:
        raise RegisterError(f"{name}: {error}") from None
    return Message(Kind.WRITE, register.address, register.size, data)


@lru_cache(maxsize=4096)
def registers_in(address: int, length: int) -> tuple[Register, ...]:
    """The rows of the map that share at least one byte with a window, in the order of addresses."""
    end = address + max(length, 0)
    if end == address:
        return ()
    return tuple(row for row in REGISTERS if row.address < end and address < row.end)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to decode a window."""

    steps: tuple[tuple[str, int, int, Callable[[bytes], Value]], ...]
    """Name, first and last offset, decoder."""
    derived: tuple[tuple[str, tuple[str, ...], Callable[..., Value]], ...]
    has_copies: bool
    """Whether a name stands at two addresses of the window."""
    quick: QuickDecoder | None = None
    """The same for data in which nothing is wrong, several times as fast."""


@lru_cache(maxsize=4096)
def _plan(address: int, length: int, written: bool) -> _Plan:  # noqa: FBT001 -- a cache key
    rows = [
        row
        for row in registers_in(address, length)
        if row.name is not None and (row.readable or written) and row.address >= address and row.end <= address + length
    ]
    steps = tuple((row.name or "", row.address - address, row.end - address, row.type.decode) for row in rows)
    names = Counter(name for name, *_ in steps)
    following = [row for row in DERIVED if names.keys() >= set(row.inputs)]
    derived = tuple((row.name, row.inputs, row.compute) for row in following)
    if any(count > 1 for count in names.values()):
        return _Plan(steps, derived, has_copies=True)
    return _Plan(steps, derived, has_copies=False, quick=make_quick_decoder(address, rows, following))


@cache
def _writable(name: str) -> Register:
    rows = by_name(name)
    if rows:
        if rows[0].writable:
            return rows[0]
        raise RegisterError(f"{name} can only be read")
    for derived in DERIVED:
        if derived.name == name:
            raise RegisterError(f"{name} follows from {', '.join(derived.inputs)}; write that")
    known = [row.name for row in REGISTERS if row.name and row.writable]
    from difflib import get_close_matches  # noqa: PLC0415 -- only errors need it

    near = get_close_matches(name, known, n=1)
    raise RegisterError(f"no register {name!r}" + (f"; did you mean {near[0]}?" if near else ""))


def _check_range(register: Register, value: Value) -> None:
    """Check a number against its register's range; whether it is a number at all is the type's business."""
    low, high = register.minimum, register.maximum
    if low is None or high is None or not is_number(value) or low <= value <= high:
        return
    unit = f" {register.unit}" if register.unit else ""
    raise RegisterError(f"{register.name} must be {low:g} to {high:g}{unit}, not {number_text(value)}")


class Place(NamedTuple):
    """A register, whole; or one byte that is in none, or in one of which nobody knows what it means."""

    address: int
    length: int
    row: Register | None = None
    """The row of the map, if there is one."""

    @property
    def end(self) -> int:
        """The address after its last byte."""
        return self.address + self.length

    @property
    def name(self) -> str | None:
        """Its name on the map, which says little where `known` is false: `mystery_1` has one."""
        return None if self.row is None else self.row.name

    @property
    def known(self) -> bool:
        """Whether somebody has explained it."""
        return self.row is not None and self.row.sure is not Sure.UNKNOWN and (self.name is not None or self.secret)

    @property
    def secret(self) -> bool:
        """Whether it is kept from all output unless asked for."""
        return self.row is not None and self.row.secret

    def value(self, data: bytes) -> Value | None:
        """What its bytes say; None if it has no name, or they are no value of its kind."""
        if self.row is None or self.row.name is None or len(data) != self.row.size:
            return None
        try:
            return self.row.type.decode(data)
        except RegisterError:
            return None


def place_of(address: int) -> Place:
    """Where a byte belongs. The hour belongs to the whole clock.

    >>> place_of(0x401D).name, place_of(0x401D).address
    ('coffee_temp', 16412)
    >>> place_of(0x4002)
    Place(address=16386, length=1, row=None)
    """
    row = _rows().get(address)
    if row is None or (row.name is None and not row.secret):
        return Place(address, 1, row)
    return Place(row.address, row.size, row)


def places_of(addresses: Iterable[int]) -> Iterator[Place]:
    """Where some bytes belong: each place once, in the order in which the addresses come to it."""
    seen: set[int] = set()
    for place in map(place_of, addresses):
        if place.address not in seen:
            seen.add(place.address)
            yield place


def unexplained_bits(address: int) -> int:
    """The bits of a byte that nobody has explained, as a mask: all, none, or those that its register leaves over.

    >>> [f"{unexplained_bits(address):02X}" for address in (0x4002, 0x4020, 0x401C, 0x401B, 0x4022)]
    ['FF', 'FF', '00', '80', 'FE']
    """
    place = place_of(address)
    if place.row is None or not place.known:
        return 0xFF if not _said_to_be_unused(place) else 0
    kind = place.row.type
    if kind.name == "bit set":
        return 0xFF & ~((1 << len(kind.words)) - 1)
    return 0xFE if kind.name == "bit 0" else 0


def _said_to_be_unused(place: Place) -> bool:
    return place.row is not None and place.row.sure is not Sure.UNKNOWN


@cache
def _rows() -> Mapping[int, Register]:
    """By address, the row that a byte belongs to: of two that overlap the whole, which comes first on the map."""
    rows: dict[int, Register] = {}
    for row in REGISTERS:
        if row.readable:
            for address in range(row.address, row.end):
                rows.setdefault(address, row)
    return rows
