"""Changes over time, and the differences of two memories: tables for people, JSON Lines and CSV for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import IO, Final, TypeAlias

import orjson
from rich.console import Console
from rich.text import Text

from lmdecode.analysis.changes import ChangeRun, Difference, Differences, ObservedChange
from lmdecode.analysis.name_changes import NamedChange, NamedRun
from lmdecode.analysis.times import beside_text, clock_text, day_text, span_text
from lmdecode.codec.record import MASK, Kind, Record, Value, iso_time
from lmdecode.codec.v1.memory import Region
from lmdecode.codec.v1.memory_map import UNITS, by_name
from lmdecode.codec.v1.register import Access
from lmdecode.codec.v1.window import Span, span_of, spans_of
from lmdecode.render.counts import count_text
from lmdecode.render.name_changes import named_dict, named_range_text, named_row, request_text
from lmdecode.render.sentence import short_subject, summary, value_text, verb_and_object
from lmdecode.render.spreadsheet import csv_rows

_LONG: Final = 60_000_000_000  # ns between two looks; after a longer time the row says how long ago the first was
_SUBJECT: Final = 60  # characters of what a write is about that names no value
_SHOWN: Final = 8  # bytes in a row of hex


def place_text(place: Span) -> str:
    """Returns the name of a place.

    >>> from lmdecode.codec.v1.window import span_of
    >>> place_text(span_of(0x401C)), place_text(span_of(0x6012)), place_text(span_of(0x5002))
    ('coffee_temp', 'coffee_temp 0x6012', 'unknown 0x5002')
    """
    if place.secret:
        return "secret"
    if place.row is None or place.row.name is None:
        return f"unknown 0x{place.address:04X}"
    if not place.known or place.length != place.row.size:
        return f"{place.row.name} 0x{place.address:04X}"
    return place.row.name if _first(place) else f"{place.row.name} 0x{place.address:04X}"


def change_text(place: Span, old: bytes, new: bytes, *, show_secrets: bool = False) -> str:
    r"""Returns an old and a new value in words.

    >>> from lmdecode.codec.v1.window import span_of
    >>> change_text(span_of(0x401C), b"\x03\xbc", b"\x03\xbd")
    '95.6 → 95.7 °C'
    >>> change_text(span_of(0x401B), b"\x21", b"\x11")
    '+heating_on −coffee_heater_on'
    >>> change_text(span_of(0x5002), b"\x01", b"\x05")
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
    """Returns bytes as hex; of many the first few."""
    text = data[:_SHOWN].hex(" ").upper()
    return f"{text} … {len(data)} bytes" if len(data) > _SHOWN else text


def range_text(run: ChangeRun) -> str:
    """Returns the least and the most of a run of changes; "" if it is not a run of numbers."""
    if run.least is None or run.most is None:
        return ""
    place = run.first.place
    if not place.known:
        return f"{_byte(run.least)} to {_byte(run.most)}"
    name = place.name or ""
    return f"{value_text(name, run.least).removesuffix(f' {UNITS.get(name)}')} to {value_text(name, run.most)}"


def cause_text(change: ObservedChange | NamedChange) -> str:
    """Returns what went on before a change, as far as the capture shows, which is not necessarily its cause."""
    return "written" if change.written else ", ".join(_causes(change))


def write_text(write: Record) -> str:
    """Returns what a write request sets: "dose_k2 121 pulses"."""
    values = [f"{name} {text}" for name, text in summary(write.fields)]
    if values:
        return ", ".join(values)
    if write.subject is not None:
        return short_subject(request_text(write), _SUBJECT)
    return f"{verb_and_object(write)[1]} {write.data or ''}".strip()


def _causes(change: ObservedChange | NamedChange) -> Iterator[str]:
    writes = change.writes
    if writes:
        ago = span_text(max(change.time_ns - writes[-1].time_ns, 0))
        yield f"{ago} after write {'; '.join(map(write_text, writes))}"
    flowing = (change.record.kind is Kind.STREAM and change.record.address is not None) or change.flowing
    if change.time_ns - change.since_ns > _LONG and change.record.kind is Kind.STREAM and not change.record.address:
        return  # what is pushed is said when it changes
    if change.time_ns - change.since_ns > _LONG:
        when = ", when water flowed" if flowing else ""
        yield f"not looked at for {span_text(change.time_ns - change.since_ns)}{when}"
    elif flowing:
        yield "while water flowed"


def _first(place: Span) -> bool:
    """Returns True for the place that a name stands for: of several copies the writable one, or the first."""
    rows = [row for row in by_name(place.name or "") if row.access is not Access.WRITE]
    return not rows or rows[0].address == place.address


def _either(place: Span, value: Value | None, data: bytes) -> str:
    if not place.known:
        return hex_text(data)
    if value is None:  # not a value of the register's type
        return f"0x{data.hex().upper()}"
    return value_text(place.name or "", value)


def _bit_text(old: bytes, new: bytes) -> str:
    """Returns which bit changed; "" unless it is one bit of one byte."""
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
    """Writes changes as rows to a console; times are those of the zone in force.

    Args:
        console: A rich console, whose width is used.
        show_secrets: Whether the machine's cloud account is left readable.
    """

    def __init__(self, console: Console, *, show_secrets: bool = False) -> None:
        self._console = console
        self._show_secrets = show_secrets
        self._day = ""

    def write(self, run: ChangeRun | NamedRun) -> None:
        """Writes one row, after a heading if the day changed."""
        change = run.first
        day = day_text(change.time_ns)
        if day != self._day:
            self._console.print(Text(f"\n{day}" if self._day else day, "bold"), soft_wrap=True)
            self._day = day
        row = Text(overflow="ignore", no_wrap=True)
        row.append(f"{clock_text(change.time_ns)} ", "dim")
        if isinstance(run, NamedRun):
            row.append_text(named_row(run, _NAME_WIDTH))
        else:
            row.append_text(self._row(run))
        for note in filter(None, (_run_text(run), cause_text(change) if run.changes == 1 else "")):
            row = _with_note(row, note, self._console, _INDENT)
        self._console.print(row, soft_wrap=True)

    def _row(self, run: ChangeRun) -> Text:
        change = run.first
        row = Text(f"{place_text(change.place):<{_NAME_WIDTH}} ", "cyan" if change.place.known else "bold")
        new = change.new if isinstance(change.place.value(change.new), list) else run.last.new  # bits go to and fro
        return row.append(change_text(change.place, change.old, new, show_secrets=self._show_secrets), "bold")


def _with_note(row: Text, note: str, console: Console, indent: int) -> Text:
    """Returns a row with a note behind it, or below it where there is no room."""
    last = row.plain.rpartition("\n")[2]
    if len(last) + 2 + len(note) <= console.width:
        return row.append(f"  {note}", "dim")
    for line in Text(note).wrap(console, max(console.width - indent, 24)):
        row.append(f"\n{' ' * indent}{line.plain.rstrip()}", "dim")
    return row


def json_lines(runs: Iterable[ChangeRun | NamedRun], machine: str, *, show_secrets: bool = False) -> Iterable[str]:
    """Yields each run of changes as a line of JSON, with its newline."""
    for run in runs:
        yield _json_line(as_dict(run, machine, show_secrets=show_secrets))


def as_dict(run: ChangeRun | NamedRun, machine: str, *, show_secrets: bool = False) -> dict[str, object]:
    """Returns everything that is known of a run of changes, for JSON."""
    if isinstance(run, NamedRun):
        return named_dict(run, machine)
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
    """Returns everything that is known of a difference, for JSON."""
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


def write_csv(
    runs: Iterable[ChangeRun | NamedRun], machine: str, file: IO[str], *, safe: bool = False, show_secrets: bool = False
) -> None:
    """Writes each run of changes as a row of CSV, after a row with the names of the columns.

    Args:
        runs: The changes.
        machine: Whose they are.
        file: Takes the text.
        safe: Whether it is for a spreadsheet, which must not take a text for a formula.
        show_secrets: Whether the machine's cloud account is left readable.
    """
    writer = csv_rows(file, safe=safe)
    writer.writerow(_COLUMNS)
    for run in runs:
        line = as_dict(run, machine, show_secrets=show_secrets)
        line["writes"] = " | ".join(map(write_text, run.first.writes))
        writer.writerow([_cell(line[column]) for column in _COLUMNS])


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else value


def _place_dict(place: Span) -> dict[str, object]:
    return {
        "address": place.address,
        "length": place.length,
        "name": place.name,
        "known": place.known,
        "unit": place.row.unit if place.row is not None else None,
    }


def _values(place: Span, old: bytes, new: bytes, *, show_secrets: bool) -> dict[str, object]:
    if place.secret and not show_secrets:
        masks = {"old_data": MASK * place.length, "new_data": MASK * place.length}
        return {"old": None, "new": None, **masks}
    values: dict[str, object] = {"old": place.value(old), "new": place.value(new)}
    return values | {"old_data": old.hex(), "new_data": new.hex()}


def _context(change: ObservedChange) -> dict[str, object]:
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


def _run_text(run: ChangeRun | NamedRun) -> str:
    if run.changes == 1:
        return ""
    between = named_range_text(run) if isinstance(run, NamedRun) else range_text(run)
    parts = [f"{run.changes:,} changes until {beside_text(run.last.time_ns, run.first.time_ns)}"]
    return ", ".join([*parts, between] if between else parts)


# The differences of two memories.

_DIFFERENCE_INDENT: Final = len("0x0000 ") + _NAME_WIDTH + 1
_NAMES_SHOWN: Final = 3

MemoryRun: TypeAlias = tuple[int, bytes]
"""The address of some bytes that follow each other, and the bytes."""


def print_differences(found: Differences, console: Console, *, show_secrets: bool = False) -> None:
    """Prints what two memories, A and B, do not have in common.

    First a row for each place that both know: where, which register, from what to what, and what went on before. Then
    the bytes that only one of them knows, and where reads give no bytes in only one of them.
    """
    last_ns = max((each.change.time_ns for each in found.changed if each.change is not None), default=0)
    for each in found.changed:
        console.print(_difference_row(each, last_ns, console, show_secrets=show_secrets), soft_wrap=True)
    _print_one_sided("only in A", found.only_old, console, show_secrets=show_secrets)
    _print_one_sided("only in B", found.only_new, console, show_secrets=show_secrets)
    for title, regions in zip(("only in A", "only in B"), _one_sided_regions(found), strict=True):
        for region in regions:
            what = "are not answered" if region.answer == "silent" else "are echoed"
            console.print(Text(f"{title}: reads of 0x{region.address:04X} to 0x{region.end - 1:04X} {what}"))


def difference_lines(found: Differences, *, show_secrets: bool = False) -> Iterator[str]:
    """Yields lines of JSON; `what` is changed, only_old, only_new, region_only_old or region_only_new."""
    for each in found.changed:
        yield _json_line({"what": "changed", **difference_dict(each, show_secrets=show_secrets)})
    for what, runs in (("only_old", found.only_old), ("only_new", found.only_new)):
        for run in runs:
            for address, length, data in _apart(run, show_secrets=show_secrets):
                names = [place.name for place in spans_of(range(address, address + length)) if place.name]
                digits = MASK * length if data is None else data.hex()
                yield _json_line({"what": what, "address": address, "length": length, "data": digits, "names": names})
    for what, regions in zip(("region_only_old", "region_only_new"), _one_sided_regions(found), strict=True):
        for region in regions:
            where = {"what": what, "address": region.address, "length": region.length}
            yield _json_line(where | {"answer": region.answer.value})


def _difference_row(difference: Difference, last_ns: int, console: Console, *, show_secrets: bool) -> Text:
    place, change = difference.place, difference.change
    row = Text(overflow="ignore", no_wrap=True)
    row.append(f"0x{place.address:04X} ", "dim")
    name = place_text(place).removesuffix(f" 0x{place.address:04X}")
    row.append(f"{name:<{_NAME_WIDTH}} ", "cyan" if place.known else "bold")
    row.append(change_text(place, difference.old, difference.new, show_secrets=show_secrets), "bold")
    if change is None:
        return row
    note = ", ".join(filter(None, (beside_text(change.time_ns, last_ns), cause_text(change))))
    return _with_note(row, note, console, _DIFFERENCE_INDENT)


def _print_one_sided(title: str, runs: Iterable[MemoryRun], console: Console, *, show_secrets: bool) -> None:
    pieces = [piece for run in runs for piece in _apart(run, show_secrets=show_secrets)]
    if not pieces:
        return
    count = sum(length for _, length, _ in pieces)
    console.print(Text(f"\n{title}: {count_text(count, 'byte')}", "bold"))
    for address, length, data in pieces:
        where = f"0x{address:04X}" if length == 1 else f"0x{address:04X} to 0x{address + length - 1:04X}"
        row = Text.assemble((f"{where:<17} ", "dim"), MASK if data is None else hex_text(data))
        row.append(f"  {_names(address, length)}", "cyan")
        console.print(row, soft_wrap=True)


def _one_sided_regions(found: Differences) -> tuple[list[Region], list[Region]]:
    """Returns where reads give no bytes in the first memory only, and in the second only."""
    return (
        [region for region in found.old_regions if region not in found.new_regions],
        [region for region in found.new_regions if region not in found.old_regions],
    )


def _apart(run: MemoryRun, *, show_secrets: bool) -> Iterator[tuple[int, int, bytes | None]]:
    """Yields a run in pieces: address, length, and bytes, or None for the bytes if they are secret."""
    start, data = run
    for hidden, piece in groupby(
        range(start, start + len(data)), key=lambda address: span_of(address).secret and not show_secrets
    ):
        addresses = list(piece)
        content = data[addresses[0] - start : addresses[-1] + 1 - start]
        yield addresses[0], len(addresses), None if hidden else content


def _names(address: int, length: int) -> str:
    names = [place.name or ("secret" if place.secret else "") for place in spans_of(range(address, address + length))]
    names = list(dict.fromkeys(filter(None, names)))
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _json_line(content: dict[str, object]) -> str:
    return f"{orjson.dumps(content).decode()}\n"
