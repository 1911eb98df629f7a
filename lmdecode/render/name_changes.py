"""Changes of named values in words, and for programs; beside those of memory, in the same tables."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from lmdecode.analysis.name_changes import NamedChange, NamedRun
from lmdecode.analysis.units import unit_of
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Record, Value, iso_time
from lmdecode.render.sentence import json_text, value_text

_TWO: Final = 42  # characters of two values that still fit into a row
_SHOWN: Final = 38  # characters of a JSON value in a row


def named_change_text(change: NamedChange) -> str:
    """Returns an old and a new value in words.

    >>> record = Record(0, 0, "machine", "m", "a")
    >>> named_change_text(NamedChange("coffee_set_temp", 0, 0, 93.0, 94.0, record))
    '93.0 → 94.0 °C'
    >>> named_change_text(NamedChange("new", 0, 0, None, '{"a":1}', record, is_field=False))
    'new: {"a":1}'
    """
    if not change.is_field:
        before, after = _short(change.old), _short(change.new)
        if change.old is None:
            return f"new: {after}"
        return f"{before} → {after}" if len(before) + len(after) <= _TWO else f"→ {after}"
    if isinstance(change.old, list) and isinstance(change.new, list):
        old, new = change.old, change.new
        return " ".join(
            [f"+{each}" for each in new if each not in old] + [f"−{each}" for each in old if each not in new]
        )
    text = value_text(change.name, change.old if change.old is not None else "")
    unit = unit_of(change.name)
    if len(text) + len(str(change.new)) > _TWO:  # times, of which the old one is in the row before
        return f"→ {value_text(change.name, change.new)}"
    return f"{text.removesuffix(f' {unit}') if unit else text} → {value_text(change.name, change.new)}"


def named_range_text(run: NamedRun) -> str:
    """Returns the least and the most of a run of changes; "" if it is not a run of numbers."""
    if run.least is None or run.most is None:
        return ""
    name = run.first.name
    return f"{value_text(name, run.least).removesuffix(f' {unit_of(name)}')} to {value_text(name, run.most)}"


def named_row(run: NamedRun, width: int) -> Text:
    """Returns a row of a table: the name in so many columns, and the change in words.

    Args:
        run: The change, or several of one number.
        width: Columns of the name.
    """
    change = run.first
    row = Text(f"{printable(change.name):<{width}} ", "cyan" if change.is_field else "bold")
    return row.append(named_change_text(change._replace(new=run.last.new)), "bold")


def request_text(request: Record) -> str:
    """Returns what a request without a named value is about: the command that its path ends with, or its subject.

    >>> record = Record(0, 0, "app", "a", "m", subject="POST /things/MR1/command/CoffeeMachineChangeMode")
    >>> request_text(record)
    'CoffeeMachineChangeMode'
    """
    subject = request.subject or ""
    path = subject.partition(" ")[2].partition("?")[0]
    what = path.rpartition("/")[2] if path.startswith("/") else subject
    also = json_text(dict(request.extra)) if request.extra else ""
    return printable(" ".join(filter(None, (what or subject, also))))


def _short(value: Value | None) -> str:
    text = printable(str(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def named_dict(run: NamedRun, machine: str) -> dict[str, object]:
    """Returns everything that is known of a run of changes, for JSON: under the names that changes of memory have."""
    change = run.first
    return {
        "time": iso_time(change.time_ns),
        "since": iso_time(change.since_ns),
        "machine": machine,
        "address": None,
        "length": None,
        "name": change.name,
        "known": change.is_field,
        "unit": unit_of(change.name) if change.is_field else None,
        "old": change.old,
        "new": run.last.new,
        "old_data": None,
        "new_data": None,
        "changes": run.changes,
        "until": iso_time(run.last.time_ns),
        "least": run.least,
        "most": run.most,
        "written": change.written,
        "flowing": change.flowing,
        "writes": [_request(each) for each in change.writes],
        "requests": [_request(each) for each in change.requests],
        "seen_in": {
            "kind": change.record.kind,
            "role": change.record.role,
            "generation": change.record.generation,
            "subject": change.record.subject,
        },
    }


def _request(record: Record) -> dict[str, object]:
    return {
        "time": iso_time(record.time_ns),
        "kind": record.kind,
        "subject": record.subject,
        "fields": dict(record.fields),
    }
