"""Shots as a table for people, and as JSON Lines and CSV for programs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Final

import orjson
from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lmdecode.analysis.brewing import CONTINUOUS
from lmdecode.analysis.pour import Evidence, Shot, What
from lmdecode.analysis.times import day_text, local_time
from lmdecode.codec.printable import printable
from lmdecode.codec.record import iso_time
from lmdecode.render.spreadsheet import csv_rows
from lmdecode.render.terminal import ByWidth

COLUMNS: Final = (
    "start",
    "end",
    "machine",
    "streams",
    "what",
    "key",
    "count",
    "evidence",
    "seconds",
    "pulses",
    "ml",
    "dose",
    "coffee_temp_start",
    "coffee_temp_end",
    "coffee_set_temp",
    "cut",
    "after",
    "before",
    "notes",
)
"""The columns of the CSV, and the names in JSON."""

_MORE_COLUMNS: Final = ("captures", "generation", "dose_unit")  # only where a shot has one

_STYLES: Final[Mapping[What, str]] = {What.COFFEE: "bold", What.HOT_WATER: "cyan"}


def as_dict(shot: Shot) -> dict[str, object]:
    """Returns a shot under the names of `COLUMNS`: times in ISO 8601, UTC; None for what is not known.

    Where there are several captures, `captures` names those in which it was seen. `generation` is there unless it is
    v1, and `dose_unit` where the dose is neither in pulses nor in seconds.
    """
    return {
        "start": _iso(shot.start_ns),
        "end": _iso(shot.end_ns),
        "machine": shot.machine,
        "streams": list(shot.streams),
        "what": shot.what.value,
        "key": shot.key,
        "count": shot.count,
        "evidence": shot.evidence.value,
        "seconds": None if shot.seconds is None else round(shot.seconds, 4),
        "pulses": shot.pulses,
        "ml": shot.ml,
        "dose": shot.dose,
        "coffee_temp_start": shot.coffee_temp_start,
        "coffee_temp_end": shot.coffee_temp_end,
        "coffee_set_temp": shot.set_temp,
        "cut": shot.cut,
        "after": _iso(shot.after_ns),
        "before": _iso(shot.before_ns),
        "notes": list(shot.notes),
        **({"captures": list(shot.captures)} if shot.captures else {}),
        **({"generation": shot.generation} if shot.generation != "v1" else {}),
        **({"dose_unit": shot.dose_unit} if shot.dose_unit is not None else {}),
    }


def as_jsonl(shots: Iterable[Shot]) -> str:
    """Returns one line of JSON a shot."""
    return b"".join(orjson.dumps(as_dict(shot), option=orjson.OPT_APPEND_NEWLINE) for shot in shots).decode()


def as_csv(shots: Iterable[Shot], *, safe: bool = False) -> str:
    """Returns one row a shot: an empty cell for what is not known, ` | ` between notes.

    Args:
        shots: The shots.
        safe: Whether it is for a spreadsheet, which must not take a text for a formula.
    """
    text = StringIO()
    writer = csv_rows(text, safe=safe)
    shots = list(shots)
    rows = [as_dict(shot) for shot in shots]
    columns = (*COLUMNS, *(name for name in _MORE_COLUMNS if any(name in row for row in rows)))
    writer.writerow(columns)
    for shot, row in zip(shots, rows, strict=True):
        row["streams"] = " ".join(map(str, shot.streams))
        row["cut"] = "true" if shot.cut else "false"
        row["notes"] = " | ".join(shot.notes)
        row["captures"] = " | ".join(shot.captures)
        writer.writerow([row.get(name) for name in columns])
    return text.getvalue()


def as_tables(shots: Sequence[Shot]) -> Iterable[RenderableType]:
    """Yields the shots day by day, in the zone in force, and the totals."""
    days: dict[str, list[Shot]] = {}
    for shot in shots:
        days.setdefault(day_text(shot.order), []).append(shot)
    several = len({shot.machine for shot in shots}) > 1
    for day, of_day in days.items():
        yield Text(day, "bold")
        for number, machine in enumerate(dict.fromkeys(shot.machine for shot in of_day)):
            if number:
                yield Text()
            if several:
                yield Text(f"machine {printable(machine)}", "magenta")
            yield _table([shot for shot in of_day if shot.machine == machine])
        yield Text()
    yield Text(totals(shots))


def totals(shots: Sequence[Shot]) -> str:
    """Returns the totals in one line.

    >>> totals([])
    'no water flowed'
    """
    if not shots:
        return "no water flowed"
    counts: Counter[What] = Counter()
    for shot in shots:
        counts[shot.what] += shot.count
    plurals = {What.COFFEE: "coffees", What.FLUSH: "flushes", What.BACKFLUSH: "backflushes"}
    parts = [f"{count} {what if count == 1 else plurals.get(what, what)}" for what in What if (count := counts[what])]
    past = sum(shot.evidence is Evidence.HISTORY for shot in shots)
    if past:
        how_many = "" if len(shots) == 1 else "all " if past == len(shots) else f"{past} of them "
        parts.append(f"{how_many}from the cloud's list of past ones")
    if all(shot.ml is None and shot.generation != "v1" for shot in shots):
        return ", ".join(parts)  # nothing measured the water
    return f"{', '.join(parts)}; about {sum(shot.ml or 0 for shot in shots):,.0f} ml"


_NUMBERS: Final = ("s", "pulses", "dose", "ml", "coffee °C", "set °C")


def _table(shots: Sequence[Shot]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("start", no_wrap=True)
    table.add_column("what", no_wrap=True)
    cells = [_cells(shot) for shot in shots]
    # Newer machines often cannot tell the water: a column in which nothing stands is left out.
    shown = [
        index
        for index in range(len(_NUMBERS))
        if any(shot.generation == "v1" for shot in shots) or any(row[index] for row in cells)
    ]
    for name in (_NUMBERS[index] for index in shown):
        # On a narrow terminal the dose gives way, and not what was poured.
        table.add_column(name, justify="right", no_wrap=True, min_width=None if name == "dose" else len(name))
    for shot, row in zip(shots, cells, strict=True):
        table.add_row(_when(shot), Text(_name(shot), _STYLES.get(shot.what, "")), *(row[index] for index in shown))
    outer = Table.grid()
    outer.add_row(ByWidth(table, Text("\n").join(map(_two_lines, shots))))
    for shot in shots:
        for note in shot.notes:
            outer.add_row(Padding(Text.assemble(("! ", "yellow"), f"{_when(shot)} {note}"), (0, 0, 0, 0)))
    return outer


def _cells(shot: Shot) -> tuple[str, ...]:
    """Returns the cells of a shot under `_NUMBERS`."""
    temperatures = [shot.coffee_temp_start, shot.coffee_temp_end]
    return (
        _number(shot.seconds, 1) + ("+" if shot.cut and shot.seconds is not None else ""),
        _number(shot.pulses),
        _number(shot.dose) + _dose_unit(shot, " s"),
        _number(shot.ml),
        "" if None in temperatures else "–".join(_number(each, 1) for each in temperatures),
        _number(shot.set_temp, 1),
    )


def _dose_unit(shot: Shot, seconds: str) -> str:
    if shot.dose is None:
        return ""
    return f" {shot.dose_unit}" if shot.dose_unit is not None else seconds if shot.what is What.HOT_WATER else ""


def _two_lines(shot: Shot) -> Text:
    """Returns a shot where there is no room for columns: what it was, and below it what is known of it."""
    known = []
    if shot.seconds is not None:
        known.append(f"{_number(shot.seconds, 1)}{'+' if shot.cut else ''} s")
    if shot.pulses is not None:
        dosed = f" of {_number(shot.dose)}" if shot.dose is not None and shot.what is not What.HOT_WATER else ""
        known.append(f"{_number(shot.pulses)}{dosed} pulses")
    if shot.ml is not None:
        known.append(f"{_number(shot.ml)} ml")
    if shot.dose is not None and shot.dose_unit is not None:
        known.append(f"dose {_number(shot.dose)} {shot.dose_unit}")
    temperatures = [shot.coffee_temp_start, shot.coffee_temp_end]
    if None not in temperatures:
        known.append(f"{'–'.join(_number(each, 1) for each in temperatures)} °C")
    line = Text.assemble(_when(shot), "  ", (_name(shot), _STYLES.get(shot.what, "")))
    return line.append(f"\n  {', '.join(known)}", "dim") if known else line


def _name(shot: Shot) -> str:
    paddle = shot.generation != "v1" and shot.key == CONTINUOUS  # which is no button
    name = shot.what.value + (f" button {shot.key}" if shot.key and not paddle else "")
    if shot.evidence is Evidence.HISTORY:
        name += " (history)"
    return f"{shot.count} × {name}" if shot.count > 1 else name


def _when(shot: Shot) -> str:
    if shot.evidence is Evidence.COUNTER and shot.after_ns is not None and shot.before_ns is not None:
        return f"{local_time(shot.after_ns):%H:%M}–{local_time(shot.before_ns):%H:%M}"
    return f"{local_time(shot.order):%H:%M:%S}"


def _number(value: float | None, digits: int = 0) -> str:
    if value is None:
        return ""
    # Half of a millilitre is rounded up, as the report does it.
    return f"{math.floor(value + 0.5)}" if not digits else f"{value:.{digits}f}"


def _iso(time_ns: int | None) -> str | None:
    return None if time_ns is None else iso_time(time_ns)
