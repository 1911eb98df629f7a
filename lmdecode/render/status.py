"""All that a live machine reveals, as a table or for programs.

A machine of v1 answers windows of its memory, each with a title. What the others answer has no such parts, or others in
each generation: one long list, or a list for each boiler. So their values are put under titles of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from lmdecode.codec.bluetooth.characteristics import NAMES
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Record, Value
from lmdecode.codec.v1.windows import window_name
from lmdecode.render.sentence import json_text, summary, value_text

_FIRST: Final = "status"  # the state of the machine comes before its settings
_SETTINGS: Final = "settings"
_SCHEDULE: Final = "schedule"
_OF_SCHEDULE: Final = ("_auto", "_on_time", "_off_time", "wake_up")
_MACHINE: Final = "machine"
_OTHER: Final = "other"  # what no table of ours explains
_WAKE_UP: Final = "wakeUpSleepEntries"
_MOST_ROWS: Final = 500  # under one title; a machine has some 30
_LONGEST: Final = 4000  # characters of one value; what a machine says of its doses has a thousand
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    _FIRST: (
        *("power", "coffee_temp", "steam_temp", "water_reservoir_contact", "clock"),
        *("scale_connected", "scale_battery"),
    ),
    _MACHINE: (
        *("model", "machine_ser_num", "module_ser_num", "machine_hardware", "firmware_ver", "gateway_ver"),
        *("groups_count", "coffee_boilers_count", "steam_boilers_count", "group_type", "schedule_type"),
        *("has_cup_warmer", "has_water_probe", "has_flow_meter", "scale_name"),
    ),
}
_ORDER: Final = (_FIRST, _SETTINGS, _SCHEDULE, _MACHINE, _OTHER)
_PLACE: Final = {name: title for title, names in _PARTS.items() for name in names}


def print_status(records: Sequence[Record]) -> None:
    """Prints a machine's answers to all that it can be asked."""
    from rich.table import Table
    from rich.text import Text

    from lmdecode.render.terminal import TerminalConsole

    def grid(parts: Iterable[tuple[str, Iterable[tuple[str, str]]]]) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)  # names are for typing again, so none is cut
        table.add_column(overflow="fold")
        for title, rows in parts:
            table.add_row(Text(title, "bold"))
            for name, value in rows:
                table.add_row(Text(f"  {name}"), Text(value))
        return table

    parts = [*_tables(records)]
    tables = [grid(each for each in parts if each[0] != _OTHER)]
    tables += [grid([each]) for each in parts if each[0] == _OTHER]  # whose long names would make the others' wide
    console = TerminalConsole()
    if console.is_terminal:
        console.print(*tables, sep="")
        return
    with console.capture() as capture:
        console.print(*tables, sep="")
    console.file.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def status_entry(records: Sequence[Record]) -> dict[str, object]:
    """Returns a machine's answers as JSON: each value under its name, and under `extra` what no table explains."""
    entry: dict[str, object] = {name: value for record in records for name, value in record.fields.items()}
    extra = {name: value for record in records for name, value in record.extra.items()}
    return entry | ({"extra": extra} if extra else {})


def value_lines(values: Mapping[str, Value]) -> list[str]:
    """Returns a line for each value, the values in one column.

    >>> value_lines({"power": True, "coffee_temp": 95.6})
    ['power        yes', 'coffee_temp  95.6 °C']
    """
    width = max(map(len, values), default=0)
    return [f"{name:<{width}}  {value_text(name, value)}" for name, value in values.items()]


def _tables(records: Sequence[Record]) -> Iterator[tuple[str, Iterable[tuple[str, str]]]]:
    """Yields each title with its rows."""
    of_memory = [each for each in records if each.address is not None]
    for record in sorted(of_memory, key=lambda each: _title(each) != _FIRST):
        yield _title(record), summary(record.fields)
    rest = [each for each in records if each.address is None]
    values = {name: value for record in rest for name, value in record.fields.items()}
    parts: dict[str, list[tuple[str, str]]] = {title: [] for title in _ORDER}
    for name, text in summary(values):
        parts[_part(name)].append((name, text))
    for record in rest:
        for name, value in ((name, value) for name, value in record.extra.items() if value not in (None, "", [], {})):
            part = _SCHEDULE if name == _WAKE_UP else _MACHINE if name in NAMES else _OTHER
            parts[part] += _extra_rows(name, value)
    places = {name: place for place, name in enumerate(_PLACE)}
    for title, rows in parts.items():
        if rows:
            yield title, _bounded(sorted(rows, key=lambda row: places.get(row[0], len(places))))


def _bounded(rows: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yields rows as far as anybody reads them. What answers may be no machine, and say what fills a screen for hours.

    >>> [len(value) for _, value in _bounded([("a", "x" * 9000)])], len([*_bounded([("a", "1")] * 9000)])
    ([4001], 501)
    """
    for name, value in rows[:_MOST_ROWS]:
        yield name, value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
    if len(rows) > _MOST_ROWS:
        yield "…", f"{len(rows) - _MOST_ROWS:,} more, which --json has"


def _part(name: str) -> str:
    return _PLACE.get(name) or (_SCHEDULE if name.endswith(_OF_SCHEDULE) else _SETTINGS)


def _extra_rows(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yields the rows of what no table explains: a list of wake-up times has one for each, the rest is JSON."""
    if name != _WAKE_UP or not isinstance(value, list):
        yield NAMES.get(name, printable(name)), printable(json_text(value))
        return
    for each in value:
        if isinstance(each, Mapping) and "id" in each:
            yield printable(f"wake_up {each['id']}"), printable(_wake_up(each))
        else:
            yield printable(name), printable(json_text(each))


def _wake_up(entry: Mapping[str, object]) -> str:
    """Returns when a machine wakes up, and goes to sleep.

    >>> _wake_up({"days": ["monday", "friday"], "enabled": True, "steam": True, "timeOn": "6:30", "timeOff": "24:0"})
    'mon fri at 06:30, with steam'
    """
    days, on, off = entry.get("days"), str(entry.get("timeOn", "")), str(entry.get("timeOff", ""))
    text = " ".join(str(day)[:3] for day in days) if isinstance(days, list) else ""
    text += f" at {_time(on)}"
    if off.partition(":")[0] not in {"", "24"}:  # which is how a machine says that it has none
        text += f", off at {_time(off)}"
    text += ", with steam" if entry.get("steam") else ""
    return (text if entry.get("enabled") else f"{text}, disabled").strip()


def _time(text: str) -> str:
    return ":".join(part.zfill(2) for part in text.split(":"))


def _title(record: Record) -> str:
    return window_name(record.address or 0, record.length or 0) or f"{record.address:04X}{record.length:04X}"
