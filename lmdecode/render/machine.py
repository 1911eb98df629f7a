"""The machines that were found, for people. What they say of themselves is anybody's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from lmdecode.codec.record import Record
from lmdecode.codec.v1.windows import window_name
from lmdecode.render.sentence import printable, summary
from lmdecode.render.terminal import TerminalConsole

_LONGEST = 200  # characters of a text that are shown


def print_found(rows: Sequence[tuple[str, Sequence[str], int, Mapping[str, str], str]]) -> None:
    """Print a table.

    Args:
        rows: Of each machine its name, addresses, port, what else it says, and what the configuration calls it, if
            it is there.
    """
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for heading in ("name", "address", "port", "config", "properties"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "port")
    for name, addresses, port, properties, known in rows:
        says = "\n".join(f"{_shown(each)}={_shown(value)}" for each, value in properties.items())
        place = "\n".join(map(_shown, addresses)) or "did not tell"
        table.add_row(*map(Text, (_shown(name), place, str(port or ""), _shown(known), says)))
    TerminalConsole().print(table)


def _shown(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


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
