"""Between messages and named values: any window on the memory becomes fields, and a named value becomes a write.

A window's plan, which registers it holds and what follows from them, is made from the memory map once and kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import NamedTuple

import orjson

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind, Value
from lmdecode.codec.v1._compiled import OFF, QuickDecoder, make_quick_decoder
from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS, by_name
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.register import MODELS, Derived, Register
from lmdecode.codec.v1.values import is_number, number_text

Fields = dict[str, Value]


def decode_window(address: int, data: bytes, *, written: bool = False) -> tuple[Fields, tuple[str, ...]]:
    """The named values in some bytes of the machine's memory.

    Args:
        address: The address of the first byte.
        data: Any number of bytes. A register that is not whole in them gives no value.
        written: True if the bytes are being written: only then do write-only registers have a value.

    Returns:
        The values by name, in their units, and a problem for each confirmed register whose bytes are no value of its
        type. Bytes that are no value of an unconfirmed register say nothing against the machine: they give neither.

    >>> decode_window(0x401C, bytes.fromhex("03BC04D8"))
    ({'coffee_temp': 95.6, 'steam_temp': 124.0}, ())
    """
    return quick_decoder(address, len(data), written=written).fields(data)


def decode_by_steps(address: int, data: bytes, *, written: bool = False) -> tuple[Fields, tuple[str, ...]]:
    """The same as `decode_window`, one register after the other: in three times the time, for any window."""
    plan = _plan(address, len(data), written)
    fields: Fields = {}
    problems: list[tuple[bool, str]] = []  # whether the register is confirmed, and what is wrong with its bytes
    for name, start, end, decode, confirmed in plan.steps:
        try:
            value = decode(data[start:end])
        except RegisterError as error:
            problems.append((confirmed, f"{name}: {error}"))
            continue
        if plan.has_copies and fields.get(name, value) != value:
            problems.append((confirmed, f"{name}: another copy, at {address + start:04X}, says {value}"))
            continue
        fields[name] = value
    for row in plan.derived:
        try:
            fields[row.name] = row.compute(*[fields[source] for source in row.inputs])
        except KeyError:
            continue  # an input has no value, which was dealt with above
        except ValueError as error:
            problems.append((row.confirmed, f"{row.name}: {error}"))
    return fields, tuple(problem for confirmed, problem in problems if confirmed)


def quick_decoder(address: int, length: int, *, written: bool = False) -> QuickDecoder:
    """What `decode_window` does for one window, as functions that take exactly `length` bytes."""
    quick = _plan(address, length, written).quick
    return _by_steps(address, written=written) if quick is None or "compiled" in OFF else quick


def _by_steps(address: int, *, written: bool) -> QuickDecoder:
    """What `quick_decoder` returns where nothing is compiled."""
    fields = partial(decode_by_steps, address, written=written)

    def as_json(data: bytes) -> tuple[str, tuple[str, ...]]:
        found, problems = fields(data)
        return orjson.dumps(found).decode(), problems

    return QuickDecoder(fields, as_json, lambda data: fields(data)[1])


def decode_message(message: Message) -> tuple[Fields, tuple[str, ...]]:
    """The named values in a message: those that were read, or that a write sets. A request or an `OK` has none."""
    if message.data is None:
        return {}, ()
    return decode_window(message.address, message.data, written=message.kind is Kind.WRITE)


def encode(name: str, value: Value, *, model: str | None = None) -> Message:
    r"""The message that writes a value.

    Args:
        name: The name of a writable register.
        value: The value as `decode_window` gives it, in the register's unit.
        model: The machine's model, one of `MODELS`, such as "GS3 AV"; None to write whatever the model.

    Raises:
        RegisterError: There is no such register, it cannot be written, or this model does not have it; or the value is
            out of range, or none of its type.

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
    """The rows of the map that share a byte with a window, in the order of addresses."""
    end = address + max(length, 0)
    if end == address:
        return ()
    return tuple(row for row in REGISTERS if row.address < end and address < row.end)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The steps that decode a window."""

    steps: tuple[tuple[str, int, int, Callable[[bytes], Value], bool], ...]
    """Name, offset of the first byte and of the one after the last, decoder, whether the register is confirmed."""
    derived: tuple[Derived, ...]
    has_copies: bool
    """True if a name stands at two addresses of the window."""
    quick: QuickDecoder | None = None
    """The same steps as functions, several times as fast; None if there are copies, which only the steps compare."""


def named_in(address: int, length: int, *, written: bool = False) -> tuple[list[Register], tuple[Derived, ...]]:
    """The rows of the map that a window has values of, in the order of its fields, and what follows from them.

    Args are those of `quick_decoder`. A name may stand there twice.
    """
    rows = [
        row
        for row in registers_in(address, length)
        if row.name is not None and (row.readable or written) and row.address >= address and row.end <= address + length
    ]
    names = {row.name for row in rows}
    return rows, tuple(row for row in DERIVED if names.issuperset(row.inputs))


@lru_cache(maxsize=4096)
def _plan(address: int, length: int, written: bool) -> _Plan:  # noqa: FBT001 -- a cache key
    rows, derived = named_in(address, length, written=written)
    steps = tuple(
        (row.name or "", row.address - address, row.end - address, row.type.decode, row.confirmed) for row in rows
    )
    names = Counter(name for name, *_ in steps)
    if any(count > 1 for count in names.values()):
        return _Plan(steps, derived, has_copies=True)
    return _Plan(steps, derived, has_copies=False, quick=make_quick_decoder(address, rows, derived))


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
    """Check a number against its register's range. What is no number is left to the type, which refuses it."""
    low, high = register.minimum, register.maximum
    if low is None or high is None or not is_number(value) or low <= value <= high:
        return
    unit = f" {register.unit}" if register.unit else ""
    raise RegisterError(f"{register.name} must be {low:g} to {high:g}{unit}, not {number_text(value)}")


class Span(NamedTuple):
    """The bytes that belong together: a whole register; or a single byte, if nobody knows what it means."""

    address: int
    length: int
    row: Register | None = None
    """The row of the map; None if no row has this byte."""

    @property
    def end(self) -> int:
        """The address after the last byte."""
        return self.address + self.length

    @property
    def name(self) -> str | None:
        """The register's name. It says little if `known` is false: `mystery_1` is a name."""
        return None if self.row is None else self.row.name

    @property
    def known(self) -> bool:
        """True if somebody has explained it."""
        row = self.row
        return row is not None and row.sure is not Confidence.UNKNOWN and (row.name is not None or row.secret)

    @property
    def secret(self) -> bool:
        """True if no output shows it unless the user asks."""
        return self.row is not None and self.row.secret

    def value(self, data: bytes) -> Value | None:
        """The value of its bytes; None if it has no name, or they are no value of its type."""
        if self.row is None or self.row.name is None or len(data) != self.row.size:
            return None
        try:
            return self.row.type.decode(data)
        except RegisterError:
            return None


def span_of(address: int) -> Span:
    """The span that a byte belongs to. A byte of the hour belongs to the whole clock.

    >>> span_of(0x401D).name, span_of(0x401D).address
    ('coffee_temp', 16412)
    >>> span_of(0x5002)
    Span(address=20482, length=1, row=None)
    """
    row = _rows().get(address)
    if row is None or (row.name is None and not row.secret):
        return Span(address, 1, row)
    return Span(row.address, row.size, row)


def spans_of(addresses: Iterable[int]) -> Iterator[Span]:
    """The spans that some bytes belong to, each once, in the order of the first address in each."""
    seen: set[int] = set()
    for place in map(span_of, addresses):
        if place.address not in seen:
            seen.add(place.address)
            yield place


def unexplained_bits(address: int) -> int:
    """The bits of a byte that nobody has explained, as a mask: all, none, or those without a name in their register.

    >>> [f"{unexplained_bits(address):02X}" for address in (0x5002, 0x4020, 0x401C, 0x401B, 0x4022)]
    ['FF', 'FF', '00', '80', 'FE']
    """
    place = span_of(address)
    if place.row is None or not place.known:
        return 0xFF if not _said_to_be_unused(place) else 0
    kind = place.row.type
    if kind.name == "bit set":
        return 0xFF & ~((1 << len(kind.words)) - 1)
    return 0xFE if kind.name == "bit 0" else 0


def _said_to_be_unused(place: Span) -> bool:
    return place.row is not None and place.row.sure is not Confidence.UNKNOWN


@cache
def _rows() -> Mapping[int, Register]:
    """The row of each byte; of two rows that overlap the whole one, which comes first on the map."""
    rows: dict[int, Register] = {}
    for row in REGISTERS:
        if row.readable:
            for address in range(row.address, row.end):
                rows.setdefault(address, row)
    return rows
