"""The table for people: one Record a row, written as it comes, so that it can be watched and takes no memory.

Values wrap in their own column. A value that only repeats another one is left out; `--format jsonl` has it all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from lmdecode.codec.fields import registers_in
from lmdecode.codec.message import Kind
from lmdecode.codec.record import Record
from lmdecode.codec.values import Value
from lmdecode.output.sentence import PARTS_OF, summary, verb_and_object
from lmdecode.output.times import local_time
from lmdecode.output.wording import value_text

__all__ = ["TableWriter"]

_TIME_WIDTH: Final = len("02:55:55.174")
_WHO_WIDTH: Final = len("machine")
_WHAT_WIDTH: Final = len("write coffee_set_temp")
_VALUES_START: Final = _TIME_WIDTH + _WHO_WIDTH + _WHAT_WIDTH + 3
_LEAST_VALUES_WIDTH: Final = 24
_SHOWN_RAW: Final = 48  # bytes of a damaged frame that a row shows

_WHO_STYLE: Final = {"app": "cyan", "machine": "magenta"}


class TableWriter:
    """Writes Records as rows to a console. Times are those of this computer's zone.

    Args:
        console: A rich console; its width is used, but never less than the columns need.
        everything: Whether values that only repeat others are shown too: where they were asked for by name.
    """

    def __init__(self, console: Console, *, everything: bool = False) -> None:
        self._console = console
        self._everything = everything
        self._width = max(console.width, _VALUES_START + _LEAST_VALUES_WIDTH) - _VALUES_START
        self._day = ""
        self._stream: object = None

    def write(self, record: Record) -> None:
        """Write one row, after a heading if the day or the connection changed."""
        when = local_time(record.time_ns)
        self._heading(record, when)
        lines = self._value_lines(record)
        row = Text(no_wrap=True, overflow="ignore", end="\n")
        row.append(f"{when:%H:%M:%S}.{record.time_ns // 1_000_000 % 1000:03} ", "dim")
        row.append(f"{record.sender:<{_WHO_WIDTH}} ", _WHO_STYLE[record.sender])
        verb, what = verb_and_object(record)
        style = "yellow" if record.kind is Kind.WRITE else ""
        row.append(verb, f"bold {style}")
        room = _WHAT_WIDTH - len(verb) - 1
        row.append(f" {what if len(what) <= room else what[: room - 1] + '…':<{room}} ", style)
        row.append_text(lines[0] if lines else Text())
        row.rstrip()
        for line in lines[1:]:
            row.append("\n" + " " * _VALUES_START)
            row.append_text(line)
            row.rstrip()
        self._console.print(row, soft_wrap=True)

    def _heading(self, record: Record, when: datetime) -> None:
        day = f"{when:%Y-%m-%d}, times in {when.tzname()}"
        connection = (record.stream, record.source, record.destination, record.machine)
        if record.sender == "machine":
            connection = (record.stream, record.destination, record.source, record.machine)
        if (day, connection) == (self._day, self._stream):
            return
        if self._stream is not None:
            self._console.print()
        if day != self._day:
            self._console.print(Text(day, "bold"), soft_wrap=True)
        if connection != self._stream:
            stream, app, machine, name = connection
            text = Text.assemble(
                f"connection {stream}: ", ("app", "cyan"), f" {app} ↔ ", ("machine", "magenta"), f" {machine}"
            )
            if name is not None:
                text.append(f" {name}", "bold")
            self._console.print(text, soft_wrap=True)
        self._day, self._stream = day, connection

    def _value_lines(self, record: Record) -> list[Text]:
        items = _items(record, everything=self._everything)
        problems = [Text.assemble(("! ", "bold red"), (problem, "red")) for problem in record.problems]
        if record.raw is not None:
            problems.append(_raw(record.raw))
        lines = [*_side_by_side(items, self._width), *problems]
        return [piece for line in lines for piece in self._wrap(line)]

    def _wrap(self, line: Text) -> Iterable[Text]:
        return [line] if line.cell_len <= self._width else line.wrap(self._console, self._width)


def _items(record: Record, *, everything: bool) -> Iterable[Text]:
    """What the values column says, in pieces that are not to be broken."""
    if record.fields:
        for name, text in _all(record.fields) if everything else summary(record.fields):
            yield Text.assemble((f"{name} ", "dim"), (text, "bold"))
    elif record.kind is None or record.address is None or record.length is None:
        return
    elif record.role == "request" and record.kind is Kind.READ:
        names = [row.name for row in registers_in(record.address, record.length) if row.name]
        parts = {part for name in names for part in PARTS_OF[name]}
        names = [name for name in names if name not in parts]
        shown = ", ".join(names[:2])
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        yield Text(f"{record.address:04X}+{record.length}: {shown or 'unknown'}{more}", "dim")
    elif record.data is not None and not record.problems:
        for start in range(0, len(record.data), 16):
            yield Text(record.data[start : start + 16], "dim")
    elif record.ok is False and record.plaintext is not None:
        yield Text(record.plaintext, "bold red")


def _all(fields: Mapping[str, Value]) -> Iterable[tuple[str, str]]:
    return ((name, value_text(name, value)) for name, value in fields.items())


def _raw(raw: bytes) -> Text:
    shown = raw[:_SHOWN_RAW]
    text = shown.decode("ascii") if shown.isascii() and shown.decode("ascii").isprintable() else shown.hex(" ")
    more = f"… {len(raw)} bytes" if len(raw) > _SHOWN_RAW else ""
    return Text(text + more, "dim red")


def _side_by_side(items: Iterable[Text], width: int) -> list[Text]:
    """Set pieces side by side, two spaces between them, as many as go on a line."""
    lines: list[Text] = []
    for item in items:
        if lines and lines[-1].cell_len + 2 + item.cell_len <= width:
            lines[-1].append("  ").append_text(item)
        else:
            lines.append(item.copy())
    return lines
