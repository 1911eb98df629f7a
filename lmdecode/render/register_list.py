"""The memory map as a list: found by name or address; as a table, JSON or Markdown."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import IO, Final

from rich import box
from rich.table import Table
from rich.text import Text

from lmdecode.analysis.columns import FieldNameError, check_name
from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS
from lmdecode.codec.v1.register import MODELS, Derived, Register
from lmdecode.render.terminal import ByWidth, TerminalConsole

Row = Register | Derived

SURE_STYLES: Final = {"seen": "green", "claimed": "yellow", "inferred": "yellow", "unknown": "red"}
_COLUMNS: Final = 100  # of a terminal on which the table of all registers is still good to read
_UNFOLDED: Final = 1000  # columns, more than any row has
_WIDE: Final = 120  # columns from which on there is room for notes beside the values
_LONGEST_VALUE: Final = 32  # columns: the words of most enumerations
_ADDRESS: Final = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{1,4})\Z").match


def find(pattern: str | None) -> list[Row]:
    """Returns the rows whose name contains or matches the pattern, or that hold the address; all rows for None.

    A setting's name stands for the registers that it sets, also one of an earlier version.

    >>> [row.name for row in find("0x401D")], [row.name for row in find("hot-water-dose")]
    (['coffee_temp'], ['dose_hot_water'])
    """
    rows: list[Row] = [*REGISTERS, *DERIVED]
    if pattern is None:
        return rows
    wanted = pattern.strip().lower().replace("-", "_")
    glob = wanted if set(wanted) & set("*?[") else f"*{wanted}*"
    found = [row for row in rows if any(name and fnmatchcase(name, glob) for name in _names(row))]
    if not found:  # another spelling of a name, or a setting, which may be several
        with suppress(FieldNameError):
            named = check_name(pattern.strip())
            found = [row for row in rows if row.name in named]
    digits = _ADDRESS(pattern.strip())
    if digits and (not found or pattern.strip().lower().startswith("0x")):
        address = int(digits[1], 16)
        found = [row for row in REGISTERS if row.address <= address < row.end]
    return found


def _names(row: Row) -> tuple[str | None, ...]:
    return (row.name,) if isinstance(row, Derived) else (row.name, row.formerly)


def type_text(row: Row) -> str:
    """Returns the type and unit of a row; for an enumeration its words."""
    if isinstance(row, Derived):
        return f"{row.json}{_in_unit(row)}"
    if row.type.name == "enum":
        return " | ".join(row.type.words)
    return f"{row.type.name}{_in_unit(row)}"


def range_text(row: Row) -> str:
    """Returns what may be written: a range, "any" for any value of the type, or ""."""
    if isinstance(row, Derived) or not row.writable:
        return ""
    if not row.readable:
        return "only"
    return "any" if row.minimum is None else f"{row.minimum:g} to {row.maximum:g}"


def print_table(rows: Sequence[Row], file: IO[str]) -> None:
    """Prints the table: as wide as the terminal, or unfolded where the file is not a terminal."""
    console = TerminalConsole(file)
    if console.is_terminal:
        table = _table(rows, notes_apart=console.width >= _WIDE)
        least = min(console.measure(table, options=console.options.update(width=_UNFOLDED)).maximum, _COLUMNS)
        console.print(ByWidth(table, Text("\n").join(map(_two_lines, rows)), least=least))
    else:
        file.write(as_text(rows))


def as_text(rows: Sequence[Row]) -> str:
    """Returns the table as text, each row in one line. What makes its row too wide stands below it, with its name."""
    cells = [_cells(row) for row in rows]
    shown = [[*each[:3], each[3] if len(each[3]) <= _LONGEST_VALUE else "see below", *each[4:7]] for each in cells]
    heads = ["address", "bytes", "name", "value", "write", "models", "sure"]
    widths = [max(map(len, column)) for column in zip(heads, *shown, strict=True)]

    def line(texts: Sequence[str]) -> str:
        return "  ".join(
            f"{text:>{width}}" if number == 1 else f"{text:<{width}}"
            for number, (text, width) in enumerate(zip(texts, widths, strict=True))
        )

    whole = sum(widths) + 2 * (len(widths) - 1)
    beside = [each[-1] if whole + 2 + len(each[-1]) <= _WIDE else "" for each in cells]
    lines = [f"{line(heads)}{'  note' if any(beside) else ''}".rstrip(), "─" * whole]
    for (_, _, name, value, *_, note), texts, right in zip(cells, shown, beside, strict=True):
        lines.append(f"{line(texts)}  {right}".rstrip())
        for text in (value if texts[3] != value else "", "" if right else note):
            named = f"{name}: {text}" if name and text else text
            lines += textwrap.wrap(named, _WIDE, initial_indent=" " * 9, subsequent_indent=" " * 11)
    return "".join(f"{each}\n" for each in lines)


def _two_lines(row: Row) -> Text:
    """Returns a row where there is no room for columns: where it is and its name, and below them the rest."""
    address, _, name, value, write, models, sure, note = _cells(row)
    written = f"write: {write}" if write else ""
    rest = ", ".join(filter(None, (value, written, "" if models == "all" else models)))
    text = Text.assemble(f"{address}  ", (name, "bold"), f"\n  {rest}, ", (sure, SURE_STYLES[sure]))
    return text.append(f"\n  {note}", "dim") if note else text


def as_dicts(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Returns everything that is known of each row, for JSON."""
    return [_as_dict(row) for row in rows]


def as_json(rows: Sequence[Row]) -> str:
    """Returns everything that is known of each row, as a JSON array."""
    return json.dumps(as_dicts(rows), indent=2, ensure_ascii=False) + "\n"


def as_markdown(rows: Sequence[Row]) -> str:
    """Returns a Markdown table; a page of the docs is made with it."""
    head = ("address", "bytes", "name", "value", "write", "models", "sure", "note")
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for row in rows:
        cells = [cell.replace("|", "\\|") for cell in _cells(row)]
        cells[2] = f"`{cells[2]}`" if cells[2] else ""
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    note = f"{row.formula}. {row.note}".removesuffix(". ") if isinstance(row, Derived) else row.note
    return [
        "derived" if isinstance(row, Derived) else f"0x{row.address:04X}",
        "" if isinstance(row, Derived) else str(row.size),
        row.name or "",
        "secret" if isinstance(row, Register) and row.secret else type_text(row),
        range_text(row),
        "all" if row.models == tuple(MODELS) else ", ".join(row.models),
        row.sure,
        note,
    ]


def _table(rows: Sequence[Row], *, notes_apart: bool) -> Table:
    """Returns the table; on a narrow terminal each note stands below its value."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("address", no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("name", style="bold", overflow="fold", min_width=16)
    table.add_column("value")
    table.add_column("write")
    table.add_column("models")
    table.add_column("sure", no_wrap=True)
    if notes_apart:
        table.add_column("note", style="dim")
    for row in rows:
        *cells, sure, note = _cells(row)
        texts = [*(Text(cell) for cell in cells), Text(sure, SURE_STYLES[sure])]
        if notes_apart:
            texts.append(Text(note))
        elif note:
            texts[3].append(f"\n{note}", "dim")
        table.add_row(*texts)
    return table


def _as_dict(row: Row) -> dict[str, object]:
    if isinstance(row, Derived):
        return {
            "name": row.name,
            "type": row.json,
            "unit": row.unit,
            "derived_from": list(row.inputs),
            "formula": row.formula,
            "models": list(row.models),
            "sure": row.sure,
            "note": row.note,
        }
    return {
        "address": row.address,
        "size": row.size,
        "name": row.name,
        "type": row.type.json,
        "encoding": row.type.name,
        "words": list(row.type.words),
        "unit": row.unit,
        "access": row.access,
        "minimum": row.minimum,
        "maximum": row.maximum,
        "step": row.type.step,
        "models": list(row.models),
        "sure": row.sure,
        "secret": row.secret,
        "note": row.note,
    }


def _in_unit(row: Row) -> str:
    return f" {row.unit}" if row.unit else ""
