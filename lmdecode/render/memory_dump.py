"""The memory as an annotated hexdump: known registers in colour and named beside their row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.text import Text

from lmdecode.analysis.times import local_time
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.printable import printable
from lmdecode.codec.record import MASK
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.window import Span, span_of
from lmdecode.render.register_list import SURE_STYLES
from lmdecode.render.sentence import value_text

_ROW: Final = 16


def dump(address: int, digits: str) -> str:
    """Returns some bytes as a hexdump.

    Args:
        address: Of the first.
        digits: As a Record's data: two digits a byte, `**` for a secret one.

    >>> print(dump(0x4003, "536e30"))
    0x4003  53 6e 30                                         Sn0
    """
    pairs = [digits[index : index + 2] for index in range(0, len(digits), 2)]
    rows = []
    for start in range(0, len(pairs), _ROW):
        row = pairs[start : start + _ROW]
        rows.append(f"0x{address + start:04X}  {' '.join(row):<{3 * _ROW}} {''.join(map(_character, row))}")
    return "\n".join(rows)


def _character(pair: str) -> str:
    if pair == MASK:
        return "*"
    byte = int(pair, 16)
    return chr(byte) if 0x20 <= byte < 0x7F else "."


UNSEEN: Final = "··"
_NARROW, _WIDE = 8, 16  # bytes in a row
_WIDE_FROM: Final = 120  # columns
_COLOURS: Final = ("cyan", "magenta")  # in turn, so that neighbours are told apart; readable on dark and on light
_SURE_WIDTH: Final = len("inferred")
_TIME_WIDTH: Final = len("02:55:57")
_LEAST_NAME_WIDTH: Final = 20
_MOST_NAME_WIDTH: Final = 48


@dataclass(frozen=True, kw_only=True)
class Dump:
    """The bytes to show."""

    memory: Memory
    addresses: range
    masked: frozenset[int] = frozenset()
    """The addresses of bytes that were seen but are secret."""
    changed: Mapping[int, int] = field(default_factory=dict)
    """By address, when a byte last changed: nanoseconds since 1970."""
    show_secrets: bool = False

    def pair(self, address: int) -> str:
        """Returns two characters for a byte."""
        byte = self.memory.read(address, 1)
        if address in self.masked or (byte is not None and self.hides(address)):
            return MASK
        return UNSEEN if byte is None else byte.hex().upper()

    def hides(self, address: int) -> bool:
        """Returns True if a byte must not be shown."""
        return span_of(address).secret and not self.show_secrets

    def seen(self, address: int) -> bool:
        """Returns True if a byte was seen, secret or not."""
        return self.memory.knows(address) or address in self.masked


def print_memory(title: str, dump: Dump, console: Console, *, over_time: bool) -> None:
    """Prints a title, the rows of a hexdump, and how much of it was seen.

    Args:
        title: Of which machine, and when.
        dump: What to show.
        console: Where to.
        over_time: Whether the memory was followed over a time, so that bytes may have changed.
    """
    console.print(Text(printable(title), "bold"))
    print_dump(dump, console)
    seen = sum(map(dump.seen, dump.addresses))
    changed = f", {len(dump.changed):,} of them changed" if over_time else ""
    console.print(Text(f"{seen:,} of {len(dump.addresses):,} bytes were seen{changed}"))


def print_dump(dump: Dump, console: Console) -> None:
    """Prints the rows in which any byte was seen, and says which rows are left out."""
    size = _WIDE if console.width >= _WIDE_FROM else _NARROW
    when = _when(max(dump.changed.values(), default=0))
    colours = _colours(dump)
    gap: int | None = None
    for start in range(dump.addresses.start // size * size, dump.addresses.stop, size):
        row = range(start, start + size)
        if not any(address in dump.addresses and dump.seen(address) for address in row):
            gap = max(start, dump.addresses.start) if gap is None else gap
            continue
        if gap is not None:
            console.print(_gap(gap, start))
            gap = None
        for line in _row(dump, row, colours, when, console):
            console.print(line, soft_wrap=True)
    if gap is not None:
        console.print(_gap(gap, dump.addresses.stop))


def _gap(start: int, stop: int) -> Text:
    where = f"0x{start:04X} to 0x{stop - 1:04X}" if stop - start > 1 else f"0x{start:04X}"
    return Text(f"  … {where} never seen", "dim")


def _row(
    dump: Dump, row: range, colours: Mapping[int, str], when: Callable[[int], str], console: Console
) -> Iterator[Text]:
    line = Text.assemble((f"0x{row.start:04X}  ", "dim"))
    for address in row:
        if address not in dump.addresses:
            line.append("   ")
            continue
        pair = dump.pair(address)
        style = "dim" if pair in {UNSEEN, MASK} else colours.get(address, "")
        line.append(pair, f"bold {style}".strip() if address in dump.changed and style != "dim" else style)
        line.append(" ")
    line.append(" ")
    indent = line.cell_len
    width = max(console.width - indent - _SURE_WIDTH - _TIME_WIDTH - 2, _LEAST_NAME_WIDTH)
    width = min(width, _MOST_NAME_WIDTH)
    beside = [
        note
        for place in _places(dump, row)
        for note in _beside(dump, place, colours.get(place.address, ""), when, width=width, console=console)
    ]
    for note in beside or [Text()]:
        line.append_text(note)
        line.rstrip()
        yield line
        line = Text(" " * indent)


def _places(dump: Dump, row: range) -> Iterator[Span]:
    """Yields the named places that begin in a row, or before the first row, and of which something was seen."""
    last = None
    for address in row:
        place = span_of(address)
        if place == last or address not in dump.addresses:
            continue
        last = place
        begins = address in {place.address, dump.addresses.start}
        if begins and (place.name or place.secret) and any(map(dump.seen, range(place.address, place.end))):
            yield place


def _beside(
    dump: Dump, place: Span, colour: str, when: Callable[[int], str], *, width: int, console: Console
) -> Iterator[Text]:
    """Yields the notes beside a row: name and value, how sure that is, when it last changed."""
    name = Text.assemble((place.name or "secret", colour), "  ", (_value(dump, place), "bold"))
    sure = place.row.sure if place.row is not None else ""
    times = [dump.changed[address] for address in range(place.address, place.end) if address in dump.changed]
    wrapped = name.wrap(console, width)
    for index, line in enumerate(wrapped):
        line.rstrip()
        if index == 0:
            line.append(" " * (width - line.cell_len + 1))
            line.append(f"{sure:<{_SURE_WIDTH}} ", SURE_STYLES.get(sure, ""))
            line.append(when(max(times)) if times else "", "dim")
        else:
            line = Text("  ").append_text(line)  # noqa: PLW2901 -- set in, below the name
        yield line


def _value(dump: Dump, place: Span) -> str:
    if place.secret:
        return "" if dump.show_secrets else "masked; --show-secrets shows it"
    data = dump.memory.read(place.address, place.length)
    if data is None:
        return "seen in part"
    row = place.row
    if row is None or row.name is None:
        return ""
    try:
        return value_text(row.name, row.type.decode(data))
    except RegisterError as error:
        return str(error)


def _colours(dump: Dump) -> Mapping[int, str]:
    """Returns the colour of each known register by address; neighbours have different colours."""
    colours: dict[int, str] = {}
    turn, last = 0, None
    for address in dump.addresses:
        place = span_of(address)
        if place.known and place != last:
            turn += 1
        if place.known:
            colours[address] = _COLOURS[turn % len(_COLOURS)]
        last = place
    return colours


def _when(last_ns: int) -> Callable[[int], str]:
    """Returns a function that words a time: as a time of day on the last day, as a date before that."""
    last_day = local_time(last_ns).date()

    def text(time_ns: int) -> str:
        when = local_time(time_ns)
        return f"{when:%H:%M:%S}" if when.date() == last_day else f"{when:%d %b}"

    return text
