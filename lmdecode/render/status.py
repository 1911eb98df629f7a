"""What a machine says of itself, for people: its windows, each with the values that say something new."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from lmdecode.codec.record import Record
from lmdecode.codec.v1.memory_map import window_name
from lmdecode.render.sentence import summary
from lmdecode.render.terminal import TerminalConsole

__all__ = ["print_status"]

_FIRST = "status"  # how it is comes before how it is set


def print_status(records: Sequence[Record]) -> None:
    """Print the answers of a machine to the reads of its windows."""
    table = Table.grid(padding=(0, 2))
    for record in sorted(records, key=lambda each: _title(each) != _FIRST):
        table.add_row(Text(_title(record), "bold"))
        for name, value in summary(record.fields):
            table.add_row(Text(f"  {name}"), Text(value))
    TerminalConsole().print(table)


def _title(record: Record) -> str:
    return window_name(record.address or 0, record.length or 0) or f"{record.address:04X}{record.length:04X}"
