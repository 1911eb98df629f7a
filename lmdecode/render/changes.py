"""Changes over time: a table for people, JSON Lines and CSV for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import IO, Final

import orjson
from rich.console import Console
from rich.text import Text

from lmdecode.analysis.changes import Change, ChangeRun, Difference
from lmdecode.analysis.times import clock_text, local_time, span_text
from lmdecode.codec.record import MASK, Kind, Record, Value, iso_time
from lmdecode.codec.v1.memory_map import UNITS, by_name
from lmdecode.codec.v1.register import Access
from lmdecode.codec.v1.window import Place
from lmdecode.render.sentence import summary, value_text, verb_and_object

_LONG: Final = 60_000_000_000  # ns between two looks after which it is said how long ago the first was
_SHOWN: Final = 8  # bytes in a row of hex


def place_text(place: Place) -> str:
    """What a place is called.

    >>> from lmdecode.codec.v1.window import place_of
    >>> place_text(place_of(0x401C)), place_text(place_of(0x6012)), place_text(place_of(0x4002))
    ('coffee_temp', 'coffee_temp 0x6012', 'unknown 0x4002')
    """
    if place.secret:
        return "secret"
    if place.row is None or place.row.name is None:
        return f"unknown 0x{place.address:04X}"
    if not place.known or place.length != place.row.size:
        return f"{place.row.name} 0x{place.address:04X}"
    return place.row.name if _first(place) else f"{place.row.name} 0x{place.address:04X}"


def change_text(place: Place, old: bytes, new: bytes, *, show_secrets: bool = False) -> str:
    r"""From what to what.

    >>> from lmdecode.codec.v1.window import place_of
    >>> change_text(place_of(0x401C), b"\x03\xbc", b"\x03\xbd")
    '95.6 → 95.7 °C'
    >>> change_text(place_of(0x401B), b"\x21", b"\x11")
    '+heating_on −coffee_heater_on'
    >>> change_text(place_of(0x4002), b"\x01", b"\x05")
    '01 → 05, bit 2'
    """
    if place.secret and not show_secrets:
        return f"{MASK} → {MASK}"
    before, after = place.value(old), place.value(new)
    if not place.known or before is None or after is None or (before == after and old != new):
        return f"{_either(place, before, old)} → {_either(place, after, new)}" + _bit_text(old, new)
    if isinstance(before, list) and isinstance(after, list):
        signs = [f"+{name}" for name in after if name not in before] + [
            f"−{name}" for name in before if name not in after
        ]
        return " ".join(signs)
    name = place.name or ""
    text = value_text(name, before)
    unit = UNITS.get(name)
    return f"{text.removesuffix(f' {unit}') if unit else text} → {value_text(name, after)}"


def hex_text(data: bytes) -> str:
    """Bytes as a row of hex, the first few of many."""
    text = data[:_SHOWN].hex(" ").upper()
    return f"{text} … {len(data)} bytes" if len(data) > _SHOWN else text


def range_text(run: ChangeRun) -> str:
    """Between what a run of changes moved; empty if it is not a run of numbers."""
    if run.least is None or run.most is None:
        return ""
    place = run.first.place
    if not place.known:
        return f"{_byte(run.least)} to {_byte(run.most)}"
    name = place.name or ""
    return f"{value_text(name, run.least).removesuffix(f' {UNITS.get(name)}')} to {value_text(name, run.most)}"


def cause_text(change: Change) -> str:
    """What went on before a change, as far as the capture tells; that the one did the other is not said."""
    return "written" if change.written else ", ".join(_causes(change))


def write_text(write: Record) -> str:
    """What a write request sets: "dose_k2 121 pulses"."""
    values = [f"{name} {text}" for name, text in summary(write.fields)]
    if values:
        return ", ".join(values)
    return f"{verb_and_object(write)[1]} {write.data or ''}".strip()


def _causes(change: Change) -> Iterator[str]:
    writes = change.writes
    if writes:
        ago = span_text(max(change.time_ns - writes[-1].time_ns, 0))
        yield f"{ago} after write {'; '.join(map(write_text, writes))}"
    flowing = change.record.kind is Kind.STREAM or change.flowing
    if change.time_ns - change.since_ns > _LONG:
        when = ", when water flowed" if flowing else ""
        yield f"not looked at for {span_text(change.time_ns - change.since_ns)}{when}"
    elif flowing:
        yield "while water flowed"


def _first(place: Place) -> bool:
    """Whether it is the place that a name stands for: of several copies the writable one, or the first."""
    rows = [row for row in by_name(place.name or "") if row.access is not Access.WRITE]
    return not rows or rows[0].address == place.address


def _either(place: Place, value: Value | None, data: bytes) -> str:
    if not place.known:
        return hex_text(data)
    if value is None:  # it is none of its kind
        return f"0x{data.hex().upper()}"
    return value_text(place.name or "", value)


def _bit_text(old: bytes, new: bytes) -> str:
    """Which bit it is, if only one of a byte changed."""
    if len(old) != 1 or len(new) != 1:
        return ""
    mask = old[0] ^ new[0]
    return f", bit {mask.bit_length() - 1}" if mask and not mask & mask - 1 else ""


def _byte(value: Value) -> str:
    return f"{value:02X}" if isinstance(value, int) else str(value)


_TIME_WIDTH: Final = len("02:55:57.186")
_NAME_WIDTH: Final = 22
_INDENT: Final = _TIME_WIDTH + _NAME_WIDTH + 2


class ChangeTable:
    """Writes changes as rows to a console; times are those of this computer's zone.

    Args:
        console: A rich console, whose width is used.
        show_secrets: Whether the machine's cloud account is left readable.
    """

    def __init__(self, console: Console, *, show_secrets: bool = False) -> None:
        self._console = console
        self._show_secrets = show_secrets
        self._day = ""

    def write(self, run: ChangeRun) -> None:
        """Write one row, after a heading if the day changed."""
        change = run.first
        when = local_time(change.time_ns)
        day = f"{when:%Y-%m-%d}, times in {when.tzname()}"
        if day != self._day:
            self._console.print(Text(f"\n{day}" if self._day else day, "bold"), soft_wrap=True)
            self._day = day
        row = Text(overflow="ignore", no_wrap=True)
        row.append(f"{clock_text(change.time_ns)} ", "dim")
        row.append(f"{place_text(change.place):<{_NAME_WIDTH}} ", "cyan" if change.place.known else "bold")
        new = change.new if isinstance(change.place.value(change.new), list) else run.last.new  # bits go to and fro
        row.append(change_text(change.place, change.old, new, show_secrets=self._show_secrets), "bold")
        for note in filter(None, (_run_text(run), cause_text(change) if run.changes == 1 else "")):
            row = self._continued(row, note)
        self._console.print(row, soft_wrap=True)

    def _continued(self, row: Text, note: str) -> Text:
        """A row with a note behind it, or below it where there is no room."""
        last = row.plain.rpartition("\n")[2]
        if len(last) + 2 + len(note) <= self._console.width:
            return row.append(f"  {note}", "dim")
        for line in Text(note).wrap(self._console, max(self._console.width - _INDENT, 24)):
            row.append(f"\n{' ' * _INDENT}{line.plain.rstrip()}", "dim")
        return row


def json_lines(runs: Iterable[ChangeRun], machine: str, *, show_secrets: bool = False) -> Iterable[str]:
    """Each run of changes as a line of JSON, with its newline."""
    for run in runs:
        yield f"{orjson.dumps(as_dict(run, machine, show_secrets=show_secrets)).decode()}\n"


def as_dict(run: ChangeRun, machine: str, *, show_secrets: bool = False) -> dict[str, object]:
    """All that is known of some changes, for JSON."""
    change = run.first
    return {
        "time": iso_time(change.time_ns),
        "since": iso_time(change.since_ns),
        "machine": machine,
        **_place_dict(change.place),
        **_values(change.place, change.old, run.last.new, show_secrets=show_secrets),
        "changes": run.changes,
        "until": iso_time(run.last.time_ns),
        "least": run.least,
        "most": run.most,
        **_context(change),
    }


def difference_dict(difference: Difference, *, show_secrets: bool = False) -> dict[str, object]:
    """All that is known of a difference, for JSON."""
    place, change = difference.place, difference.change
    line = {
        **_place_dict(place),
        **_values(place, difference.old, difference.new, show_secrets=show_secrets),
    }
    if change is not None:
        line |= {"time": iso_time(change.time_ns), "since": iso_time(change.since_ns), **_context(change)}
    return line


_COLUMNS: Final = (
    *("time", "since", "machine", "address", "length", "name", "known", "unit", "old", "new", "old_data", "new_data"),
    *("changes", "until", "least", "most", "written", "flowing", "writes"),
)


def write_csv(runs: Iterable[ChangeRun], machine: str, file: IO[str], *, show_secrets: bool = False) -> None:
    """Each run of changes as a row of CSV, after one with the names of the columns."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for run in runs:
        line = as_dict(run, machine, show_secrets=show_secrets)
        line["writes"] = " | ".join(map(write_text, run.first.writes))
        writer.writerow([_cell(line[column]) for column in _COLUMNS])


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else value


def _place_dict(place: Place) -> dict[str, object]:
    return {
        "address": place.address,
        "length": place.length,
        "name": place.name,
        "known": place.known,
        "unit": place.row.unit if place.row is not None else None,
    }


def _values(place: Place, old: bytes, new: bytes, *, show_secrets: bool) -> dict[str, object]:
    if place.secret and not show_secrets:
        masks = {"old_data": MASK * place.length, "new_data": MASK * place.length}
        return {"old": None, "new": None, **masks}
    values: dict[str, object] = {"old": place.value(old), "new": place.value(new)}
    return values | {"old_data": old.hex(), "new_data": new.hex()}


def _context(change: Change) -> dict[str, object]:
    return {
        "written": change.written,
        "flowing": change.flowing,
        "writes": [_request(each) for each in change.writes],
        "requests": [_request(each) for each in change.requests],
        "seen_in": {"kind": change.record.kind, "role": change.record.role, "address": change.record.address},
    }


def _request(record: Record) -> dict[str, object]:
    return {
        "time": iso_time(record.time_ns),
        "kind": record.kind,
        "address": record.address,
        "length": record.length,
        "data": record.data,
        "fields": dict(record.fields),
    }


def _run_text(run: ChangeRun) -> str:
    if run.changes == 1:
        return ""
    between = range_text(run)
    parts = [f"{run.changes:,} changes until {clock_text(run.last.time_ns)[:-4]}"]
    return ", ".join([*parts, between] if between else parts)
