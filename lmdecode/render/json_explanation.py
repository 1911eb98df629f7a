"""One JSON message taken apart on a panel: every name of the maker's, the field that it is, its value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lmdecode.codec.printable import printable
from lmdecode.codec.vocabulary import Part
from lmdecode.render.register_list import SURE_STYLES
from lmdecode.render.sentence import json_text, value_text
from lmdecode.render.terminal import ByWidth

_COLUMNS: Final = 110  # of a terminal on which the table is good to read
_LONGEST: Final = 300  # characters of a value that is shown in a table; --json has it whole
_NOBODY_KNOWS: Final = "—"


class Section(Protocol):
    """One document of a message."""

    @property
    def form(self) -> str:
        """What it is."""

    @property
    def source(self) -> str:
        """The vocabulary's source that describes it."""

    @property
    def generations(self) -> tuple[str, ...]:
        """The dialects that have such documents."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its places."""


class Quoted(Protocol):
    """A message that was quoted."""

    @property
    def text(self) -> str:
        """It, without the secrets in it."""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Those of a STOMP frame, its command first, with an empty name."""

    @property
    def sections(self) -> Sequence[Section]:
        """The documents in it."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with it."""


def json_explanation(quoted: Quoted) -> Panel:
    """Returns a panel that takes a JSON message apart."""
    body: list[Text | ByWidth] = []
    for name, value in quoted.headers:
        said = (
            Text(printable(value), "bold")
            if not name
            else Text.assemble((f"{printable(name)} ", "dim"), printable(value))
        )
        body.append(said)
    body += [Text(f"! {printable(problem)}", "red") for problem in quoted.problems]
    for section in quoted.sections:
        if not section.parts:
            continue
        body.append(Text.assemble((section.form, "bold"), f" · {', '.join(section.generations)}"))
        body.append(ByWidth(_table(section.parts), _lines(section.parts), least=_COLUMNS))
    title = quoted.headers[0][1] if quoted.headers else "JSON"
    return Panel(Group(*body), title=Text(printable(title), "bold"), title_align="left", box=box.ROUNDED)


def json_explanation_entry(quoted: Quoted) -> dict[str, object]:
    """Returns the same, as `lmdecode explain --json` writes it."""
    return {
        "message": quoted.text,
        "headers": {name or "command": value for name, value in quoted.headers},
        "documents": [
            {
                "source": section.source,
                "generations": list(section.generations),
                "parts": [_entry(part) for part in section.parts],
            }
            for section in quoted.sections
        ],
        "problems": list(quoted.problems),
    }


def _entry(part: Part) -> dict[str, object]:
    row = part.row
    return {
        "path": part.path,
        "json": part.value,
        "name": None if row is None else row.name,
        "value": _value(part) if row is not None and row.name is not None else None,
        "unit": None if row is None else row.unit,
        "sure": "unknown" if row is None else str(row.sure),
        "note": "" if row is None else row.note,
    }


def _value(part: Part) -> object:
    """Returns the value in our unit, or the JSON value if it is none of the row's type."""
    if part.row is None or part.row.type is None:
        return part.value
    try:
        return part.row.type.read(part.value)
    except (ValueError, TypeError, OverflowError):
        return part.value


def _table(parts: Sequence[Part]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("name in the message", overflow="fold", ratio=5)
    table.add_column("field", style="bold", overflow="fold", ratio=4)
    table.add_column("sure", no_wrap=True)
    table.add_column("value", overflow="fold", ratio=5)
    for part in parts:
        row = part.row
        sure = "unknown" if row is None else str(row.sure)
        value = Text("  ").join(_value_and_note(part))
        table.add_row(
            Text(printable(part.path)),
            Text(_NOBODY_KNOWS if row is None else row.name or ""),
            Text(sure, SURE_STYLES[sure]),
            value,
        )
    return table


def _lines(parts: Sequence[Part]) -> Text:
    """Returns the same where there is no room for columns: a name, and below it what it is."""
    text = Text()
    for part in parts:
        row = part.row
        sure = "unknown" if row is None else str(row.sure)
        text.append(f"\n{printable(part.path)}  ").append(sure, SURE_STYLES[sure])
        value, *note = _value_and_note(part)
        text.append("\n  ").append("" if row is None or row.name is None else f"{row.name} ", "bold").append(value)
        for each in note:
            text.append("\n  ").append(each)
    return text


def _value_and_note(part: Part) -> Iterator[Text]:
    row = part.row
    if row is not None and row.name is not None:
        value = _value(part)
        known = isinstance(value, bool | int | float | str) or (
            isinstance(value, list) and all(isinstance(each, str) for each in value)
        )
        yield Text(value_text(row.name, value) if known else _short(value))  # type: ignore[arg-type]  # known says so
    else:
        yield Text(_short(part.value), "dim" if row is not None and row.aside else "")
    if row is not None and row.note:
        yield Text(row.note, "dim")


def _short(value: object) -> str:
    text = printable(json_text(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
