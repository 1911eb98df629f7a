"""The table for people: one Record a row, written as it comes, so that it can be watched and takes no memory.

Values wrap in their own column. A value that only repeats another one is left out; `--format jsonl` has it all.

Rich lays out what has to be laid out: lines that are too long. The others are put together from styled pieces of text,
with what rich writes before and after a text of each style, in a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import IO, Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from lmdecode.analysis.times import local_time, zone_name
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.window import registers_in
from lmdecode.render.records import OutputFormat, Style, TextWriter
from lmdecode.render.sentence import PARTS_OF, json_text, short_subject, summary, value_text, verb_and_object
from lmdecode.render.terminal import TerminalConsole

_TIME_WIDTH: Final = len("02:55:55.174")
_WHO_WIDTH: Final = len("machine")
_WHAT_WIDTH: Final = len("write coffee_set_temp")
_VALUES_START: Final = _TIME_WIDTH + _WHO_WIDTH + _WHAT_WIDTH + 3
_LEAST_VALUES_WIDTH: Final = 24
_APART: Final = _TIME_WIDTH + 1
"""Where the lines of long values begin."""
_SHOWN_RAW: Final = 48  # bytes of a damaged frame that a row shows
_SHOWN_TEXT: Final = 200  # characters of a message that nothing could be made of

_CLOUDS: Final = frozenset(("cloud1", "lion"))
"""The dialects in which the maker's cloud speaks for the machine."""
_WHO_STYLE: Final = {"app": "cyan", "machine": "magenta"}

Span = tuple[str, str]
"""A piece of text and its style, in rich's words."""


class TableWriter:
    """Writes Records as rows to a console. Times are those of the zone in force.

    Args:
        console: A rich console; its width is used, but never less than the columns need.
        everything: Whether values that only repeat others are shown too: where they were asked for by name.
    """

    def __init__(self, console: Console, *, everything: bool = False) -> None:
        self._console = console
        self._everything = everything
        self._width = max(console.width, _VALUES_START + _LEAST_VALUES_WIDTH) - _VALUES_START
        self._day = ""
        self._stream: tuple[int, str, str, str | None] | None = None
        self._styles: dict[str, tuple[str, str]] = {"": ("", "")}  # by style what comes before and after a text

    def write(self, record: Record) -> None:
        """Write one row, after a heading if the day or the connection changed."""
        when = local_time(record.time_ns)
        self._heading(record, when)
        lines = self._value_lines(record)
        verb, what = verb_and_object(record)
        style = "yellow" if record.kind is Kind.WRITE else ""
        if verb:
            room = _WHAT_WIDTH - len(verb) - 1
            what = f" {what if len(what) <= room else what[: room - 1] + '…':<{room}} "
        else:
            what = f"{short_subject(what, _WHAT_WIDTH):<{_WHAT_WIDTH}} "
        row = self._styled(
            [
                (f"{when:%H:%M:%S}.{record.time_ns // 1_000_000 % 1000:03} ", "dim"),
                (f"{record.sender:<{_WHO_WIDTH}} ", _WHO_STYLE[record.sender]),
                (verb, f"bold {style}"),
                (what if lines and lines[0] else what.rstrip(), style),
            ]
        )
        between = "\n" + " " * _VALUES_START
        text = between.join([*lines[:1], *filter(None, lines[1:])])
        apart = "".join(f"\n{' ' * _APART}{line}" for line in self._apart(record) if line)
        self._console.file.write(f"{row}{text}{apart}\n")

    def _heading(self, record: Record, when: datetime) -> None:
        day = f"{when:%Y-%m-%d}, times in {zone_name(when)}"
        ends = (record.stream, record.source, record.destination)
        if record.sender == "machine":
            ends = (record.stream, record.destination, record.source)
        name = record.machine
        if name is None and self._stream is not None and self._stream[:3] == ends:
            name = self._stream[3]  # whose it is was said before, and not every message says it
        connection = (*ends, name)
        if (day, connection) == (self._day, self._stream):
            return
        if self._stream is not None:
            self._console.print()
        if day != self._day:
            self._console.print(Text(day, "bold"), soft_wrap=True)
        if connection != self._stream:
            stream, app, machine = ends
            text = Text.assemble(
                f"connection {stream}: ",
                ("app", "cyan"),
                _address(app),
                " ↔ ",
                ("cloud" if record.generation in _CLOUDS else "machine", "magenta"),
                _address(machine),
            )
            if name is not None:
                text.append(f" {printable(name)}", "bold")
            self._console.print(text, soft_wrap=True)
        self._day, self._stream = day, connection

    def _value_lines(self, record: Record) -> list[str]:
        """The lines of the values column."""
        items = [*_items(record, everything=self._everything), *(each for each in _others(record) if self._fits(each))]
        lines = _side_by_side(items, self._width)
        lines += [[("! ", "bold red"), (printable(problem), "red")] for problem in record.problems]
        if record.raw is not None:
            lines.append([_raw(record.raw)])
        return [text for line in lines for text in self._fitted(line)]

    def _fits(self, line: list[Span]) -> bool:
        return _width(line) <= self._width

    def _apart(self, record: Record) -> Iterator[str]:
        """The lines of what no table explains and what is too long for the values column, over most of the width."""
        width = self._width + _VALUES_START - _APART
        for item in _others(record):
            if not self._fits(item):
                (name, _), (text, _) = item
                room = width - 2
                yield self._styled([(name.rstrip(), "dim")])
                pieces = [text[start : start + room] for start in range(0, len(text), room)]
                yield from (self._styled([(f"  {piece}", "")]) for piece in pieces)

    def _fitted(self, line: list[Span]) -> Iterable[str]:
        """A line, on as many as it takes."""
        if _width(line) <= self._width:
            return [self._styled(_stripped(line))]
        pieces = Text.assemble(*line).wrap(self._console, self._width)
        for piece in pieces:
            piece.rstrip()
        return map(self._printed, pieces)

    def _styled(self, line: Iterable[Span]) -> str:
        text = ""
        for plain, style in line:
            if plain:
                before, after = self._styles.get(style) or self._style(style)
                text += f"{before}{printable(plain)}{after}"
        return text

    def _style(self, style: str) -> tuple[str, str]:
        before, _, after = self._printed(Text("x", style)).partition("x")
        self._styles[style] = before, after
        return before, after

    def _printed(self, text: Text) -> str:
        """What the console writes for a text."""
        with self._console.capture() as capture:
            self._console.print(text, soft_wrap=True, end="")
        return capture.get()


def _items(record: Record, *, everything: bool) -> Iterable[list[Span]]:
    """What the values column says, in pieces that are not to be broken."""
    for name, text in _all(record.fields) if everything else summary(record.fields):
        yield [(f"{name} ", "dim"), (text, "bold")]
    if not record.fields and not record.extra:
        yield from _unnamed(record)


def _others(record: Record) -> Iterator[list[Span]]:
    """What no table explains: names and values."""
    for name, value in record.extra.items():
        yield [(f"{printable(name)} ", "dim"), (printable(json_text(value)), "")]


def _unnamed(record: Record) -> Iterable[list[Span]]:
    """What the values column says of a message without any named value."""
    if record.subject is not None:
        text = record.plaintext or record.data or ""
        if text:
            more = f"… {len(text):,} characters" if len(text) > _SHOWN_TEXT else ""
            yield [(printable(text[:_SHOWN_TEXT]) + more, "dim")]
    elif record.kind is None or record.address is None or record.length is None:
        return
    elif record.role == "request" and record.kind is Kind.READ:
        yield [(_asked(record.address, record.length), "dim")]
    elif record.data is not None and not record.problems:
        for start in range(0, len(record.data), 16):
            yield [(record.data[start : start + 16], "dim")]
    elif record.ok is False and record.plaintext is not None:
        yield [(printable(record.plaintext), "bold red")]


@lru_cache(maxsize=1024)
def _asked(address: int, length: int) -> str:
    """What a request asks for: its first two names."""
    names = [row.name for row in registers_in(address, length) if row.name]
    parts = {part for name in names for part in PARTS_OF[name]}
    names = [name for name in names if name not in parts]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{address:04X}+{length}: {', '.join(names[:2]) or 'unknown'}{more}"


def _all(fields: Mapping[str, Value]) -> Iterable[tuple[str, str]]:
    return ((name, value_text(name, value)) for name, value in fields.items())


def _address(end: str) -> str:
    """An end behind what it is; nothing if no address of it is known, as in a log."""
    return "" if end in _WHO_STYLE else f" {printable(end)}"


def _raw(raw: bytes) -> Span:
    shown = raw[:_SHOWN_RAW]
    text = shown.decode("ascii") if shown.isascii() and shown.decode("ascii").isprintable() else shown.hex(" ")
    more = f"… {len(raw)} bytes" if len(raw) > _SHOWN_RAW else ""
    return text + more, "dim red"


def _side_by_side(items: Iterable[list[Span]], width: int) -> list[list[Span]]:
    """Set pieces side by side, two spaces between them, as many as go on a line."""
    lines: list[list[Span]] = []
    taken = 0
    for item in items:
        size = _width(item)
        if lines and taken + 2 + size <= width:
            lines[-1] += [("  ", ""), *item]
            taken += 2 + size
        else:
            lines.append([*item])
            taken = size
    return lines


def _width(line: Iterable[Span]) -> int:
    """Columns of a terminal that a line takes."""
    return sum(len(text) if text.isascii() else cell_len(text) for text, _ in line)


def _stripped(line: list[Span]) -> list[Span]:
    """A line without spaces at its end."""
    while line and not (text := line[-1][0].rstrip()):
        line = line[:-1]
    return [*line[:-1], (text, line[-1][1])] if line else []


class _Rows(TextWriter):
    """Writes a table to a file of text."""

    def __init__(self, file: IO[str], style: Style) -> None:
        super().__init__(file)
        self._captions = style.captions
        self.write = TableWriter(TerminalConsole(file), everything=bool(style.fields)).write

    def begin(self, capture: str) -> None:
        if self._captions:
            self._file.write(f"{printable(capture)}\n")


FORMAT: Final = OutputFormat(open=_Rows)
