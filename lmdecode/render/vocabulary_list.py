"""The names in the JSON of the newer generations as a list: found by our name or the maker's; a table or Markdown."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import IO, Final

from rich import box
from rich.table import Table
from rich.text import Text

from lmdecode.codec.vocabulary import SOURCES, Row, rows
from lmdecode.codec.vocabulary_tree import steps_of
from lmdecode.render.terminal import ByWidth, TerminalConsole

SURE_STYLES: Final = {"seen": "green", "claimed": "yellow", "inferred": "yellow", "unknown": "red"}
WHOLE: Final = "kept whole"
ASIDE: Final = "left to the text"
_COPY: Final = "MachineConfiguration."
"""The configuration within the stream, which would be a second copy of all its rows."""
_HEADS: Final = ("generation", "document", "name", "value", "sure", "path")
_WIDE: Final = 120  # columns of a line in a pipe, with its note
_LONGEST_VALUE: Final = 32  # columns: the words of most enumerations
_LEAST: Final = 110  # columns of a terminal on which a table of paths is good to read


def find(pattern: str | None, generation: str | None = None) -> list[Row]:
    """Return the rows whose name contains or matches a pattern, or whose path has a member of the maker's that does.

    A member of the maker's must be whole, unless nothing else is found.

    Args:
        pattern: Part of a name, or a name with wildcards; None for all rows but those of values that say nothing.
        generation: The dialect whose documents are looked at; None for all.

    >>> {row.name for row in find("brewingStartTime")}, len(find("coffee_temp", "lion"))
    ({'brewing_since'}, 0)
    """
    known = [row for row in rows() if generation is None or generation in SOURCES[row.source]]
    known = [row for row in known if not row.path.startswith(_COPY)]
    if pattern is None:
        return [row for row in known if not row.aside]
    wanted = pattern.strip().lower()
    ours = wanted.replace("-", "_")
    glob = ours if set(ours) & set("*?[") else f"*{ours}*"
    found = [
        row
        for row in known
        if (row.name and fnmatchcase(row.name, glob)) or any(fnmatchcase(m, wanted) for m in members(row))
    ]
    return found or [row for row in known if any(wanted in member for member in members(row))]


def members(row: Row) -> set[str]:
    """Return the names of the maker's in a path, in lower case."""
    return {step.lower() for step in steps_of(row.path) if isinstance(step, str)}


def generations_text(row: Row) -> str:
    """Return the dialects that have a row."""
    return ", ".join(SOURCES[row.source])


def value_text(row: Row) -> str:
    """Return the type and the unit of a row, or its words, or why it makes no field."""
    if row.type is None:
        return ASIDE if row.aside else WHOLE
    if row.type.name == "word" and row.type.words:
        return " | ".join(row.type.words)
    return f"{row.type.name} {row.unit}" if row.unit else row.type.name


def words_text(row: Row) -> str:
    """Return the maker's words, where they are not ours."""
    return ", ".join(row.type.spelled) if row.type else ""


def print_table(found: Sequence[Row], file: IO[str]) -> None:
    """Print the table: as wide as the terminal, or a line for each row where the file is not a terminal."""
    console = TerminalConsole(file)
    if console.is_terminal:
        console.print(ByWidth(_table(found), Text("\n").join(map(_lines, found)), least=_LEAST))
    else:
        file.write(as_text(found))


def as_text(found: Sequence[Row]) -> str:
    """Return the table as text, each row in one line. What makes its row too wide stands below it."""
    cells = [_cells(row) for row in found]
    shown = [[*each[:3], each[3] if len(each[3]) <= _LONGEST_VALUE else "see below", *each[4:]] for each in cells]
    widths = [max(map(len, column)) for column in zip(_HEADS, *shown, strict=True)]

    def line(texts: Sequence[str]) -> str:
        return "  ".join(f"{text:<{width}}" for text, width in zip(texts, widths, strict=True)).rstrip()

    whole = sum(widths) + 2 * (len(widths) - 1)
    lines = [line(_HEADS), "─" * min(whole, _WIDE)]
    for row, texts in zip(found, shown, strict=True):
        lines.append(line(texts))
        value = value_text(row)
        for text in (value if texts[3] != value else "", _note(row)):
            named = f"{row.name}: {text}" if row.name and text else text
            lines += textwrap.wrap(named, _WIDE, initial_indent=" " * 9, subsequent_indent=" " * 11)
    return "".join(f"{each}\n" for each in lines)


def as_dicts(found: Iterable[Row]) -> list[dict[str, object]]:
    """Return everything that is known of each row, for JSON."""
    return [
        {
            "generations": list(SOURCES[row.source]),
            "document": row.source,
            "path": row.path,
            "name": row.name,
            "type": row.type.json if row.type else None,
            "encoding": row.type.name if row.type else None,
            "words": list(row.type.words) if row.type else [],
            "spelled": list(row.type.spelled) if row.type else [],
            "unit": row.unit,
            "kept": "field" if row.name else "text" if row.aside else "whole",
            "sure": row.sure,
            "note": row.note,
        }
        for row in found
    ]


def as_json(found: Iterable[Row]) -> str:
    """Return everything that is known of each row, as a JSON array."""
    return json.dumps(as_dicts(found), indent=2, ensure_ascii=False) + "\n"


def as_markdown(found: Sequence[Row], *, with_document: bool = True) -> str:
    """Return a Markdown table; pages of the docs are made with it.

    Args:
        found: The rows.
        with_document: Whether there are columns for the generation and the document.
    """
    skipped = 0 if with_document else 2
    head = (*_HEADS, "note")[skipped:]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for row in found:
        cells = [*_cells(row), _note(row)]
        cells[2] = f"`{cells[2]}`" if row.name else ""
        cells[5] = f"`{cells[5]}`"
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells[skipped:])} |")
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    return [generations_text(row), row.source, row.name or "", value_text(row), row.sure, row.path]


def _note(row: Row) -> str:
    spelled = words_text(row)
    return "; ".join(filter(None, (f"comes as {spelled}" if spelled else "", row.note)))


def _table(found: Iterable[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for head in _HEADS[:2]:
        table.add_column(head)
    table.add_column("name", style="bold", overflow="fold", min_width=16)
    table.add_column("value")
    table.add_column("sure", no_wrap=True)
    table.add_column("path", overflow="fold", min_width=30)
    for row in found:
        *cells, value, sure, path = _cells(row)
        text = Text(value)
        if note := _note(row):
            text.append(f"\n{note}", "dim")
        table.add_row(*map(Text, cells), text, Text(sure, SURE_STYLES[sure]), Text(path))
    return table


def _lines(row: Row) -> Text:
    """Return a row where there is no room for columns: our name and where it stands, and below them the rest."""
    _, document, name, value, sure, path = _cells(row)
    text = Text.assemble((name or "–", "bold"), f"  {value}, ", (sure, SURE_STYLES[sure]))
    text.append(f"\n  {generations_text(row)}: {document}: {path}")
    return text.append(f"\n  {note}", "dim") if (note := _note(row)) else text
