"""Changes over time: a table for people, JSON Lines and CSV for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import IO, Final

import orjson
from rich.console import Console
from rich.text import Text

from lmdecode.analysis.observed_change import Change, ChangeRun, Difference
from lmdecode.analysis.times import clock_text, local_time
from lmdecode.codec.record import MASK, Record, iso_time
from lmdecode.codec.v1.places import Place
from lmdecode.render.change_text import cause_text, change_text, place_text, range_text, write_text

__all__ = ["ChangeTable", "as_dict", "difference_dict", "json_lines", "write_csv"]

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
