"""The temperatures on the screen of `lmdecode watch`: current values, targets and history."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from lmdecode.analysis.pour import Shot
from lmdecode.analysis.state import next_switch
from lmdecode.codec.record import Record, Value
from lmdecode.codec.v1.values import is_number
from lmdecode.device.errors import joined
from lmdecode.render.sentence import value_text

if TYPE_CHECKING:
    from lmdecode.analysis.state import LiveMachine
    from lmdecode.config.targets import Target
    from lmdecode.device.watch import Link, Watcher


@dataclass(frozen=True, slots=True)
class Scene:
    """What the screen shows."""

    name: str
    """The machine's name."""
    address: str
    connected: bool
    link: str
    """The state of the connection, in words."""
    fields: Mapping[str, Value]
    model: str | None
    now_ns: int
    next_switch: tuple[datetime, bool] | None = None
    history: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    span: float = 600.0
    """Seconds that the charts show."""
    running: Shot | None = None
    finished: Sequence[Shot] = ()
    """The newest first."""
    shots: int = 0
    messages: Sequence[Record] = ()
    """The newest first."""
    count: int = 0
    damaged: int = 0
    keys: bool = True
    """Whether keys are read."""
    chosen: Mapping[str, int | None] = field(default_factory=dict)
    """The only values to show, if not all are: since when each is what it is, in nanoseconds since 1970; None if it is
    not known yet."""


_NS: Final = 1_000_000_000


def summary_text(messages: int, damaged: int, shots: int, connections: int) -> str:
    """Returns the line that sums a watch up.

    >>> summary_text(12, 0, 1, 2)
    '12 messages, 1 shot, 2 connections'
    """
    parts = [
        f"{messages} messages",
        f"{damaged} damaged" if damaged else "",
        f"{shots} shot{'' if shots == 1 else 's'}" if shots else "",
        f"{connections} connections" if connections > 1 else "",
    ]
    return ", ".join(filter(None, parts))


def scene_of(
    model: LiveMachine,
    watcher: Watcher[Any],
    target: Target,
    *,
    span: float,
    keys: bool,
    now_ns: int,
    chosen: Mapping[str, int | None] | None = None,
) -> Scene:
    """Returns what the screen shows.

    Args:
        model: What is known of the machine.
        watcher: The watcher of its connection.
        target: The machine.
        span: Seconds that the charts show.
        keys: Whether keys are read.
        now_ns: The time, in nanoseconds since 1970.
        chosen: The only values to show; None: all there is.
    """
    fields, shots, link = model.fields, model.shots, watcher.link
    named = target.name if target.name != target.host else None
    return Scene(
        name=named or str(fields.get("machine_ser_num") or joined(target.host, target.port)),
        address=joined(target.host, target.port),
        connected=link.connected,
        link=_link_text(link, now_ns, "gone" if watcher.connections else "waiting"),
        fields=fields,
        model=target.model or model.model,
        now_ns=now_ns,
        next_switch=next_switch(fields),
        history=model.history,
        span=span,
        running=shots.running(now_ns),
        finished=shots.ended(now_ns),
        shots=shots.count,
        messages=model.messages,
        count=model.count,
        damaged=model.damaged,
        keys=keys,
        chosen=chosen or {},
    )


def _link_text(link: Link, now_ns: int, without: str) -> str:
    since = duration_text((now_ns - link.since_ns) / _NS)
    if link.connected:
        return f"connected for {since}"
    if not link.why:
        return f"connecting for {since}"
    if link.next_try_ns is None:
        return f"{without} for {since}, trying again: {link.why}"
    ahead = duration_text(max(link.next_try_ns - now_ns, 0) / _NS)
    return f"{without} for {since}, next try in {ahead}: {link.why}"


def duration_text(seconds: float) -> str:
    """Returns a time in its two largest units.

    >>> [duration_text(each) for each in (7, 600, 3725, 180000)]
    ['7 s', '10 min', '1 h 2 min', '2 d 2 h']
    """
    whole = max(round(seconds), 0)
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = [(whole // size if size == 86400 else whole % (size * 24 if size == 3600 else size * 60) // size, unit)
             for unit, size in units]  # fmt: skip
    shown = [index for index, (count, _) in enumerate(parts) if count]
    if not shown:
        return "0 s"
    first = shown[0]
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


_BLANK: Final = 0x2800
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a character
_LEVEL_EVERY: Final = 4  # of a level every fourth dot is drawn, so that it can be told from the curve


def chart(
    points: Sequence[tuple[float, float]],
    *,
    width: int,
    height: int,
    start: float,
    end: float,
    low: float,
    high: float,
    level: float | None = None,
    gap: float = float("inf"),
    ascii_only: bool = False,
) -> list[str]:
    """Draw a curve.

    Args:
        points: Times and values, in the order of time; those before `start` are left out.
        width: Characters.
        height: Lines.
        start: The time at the left edge.
        end: The time at the right edge.
        low: The value at the bottom.
        high: The value at the top, above the one at the bottom.
        level: A value that is drawn as a dotted line, or as one of hyphens.
        gap: Two points that are further apart in time are not connected.
        ascii_only: Whether braille cannot be shown.

    Returns:
        The lines, each exactly as wide.

    >>> print(*chart([(0, 0), (1, 1), (2, 0)], width=3, height=1, start=0, end=2, low=0, high=1), sep="|")
    ⡠⠊⢆
    """
    columns, rows = 2 * width, 4 * height
    dots = [[0] * width for _ in range(height)]

    def put(column: int, row: int) -> None:
        dots[row // 4][column // 2] |= _DOTS[row % 4][column % 2]

    down = (rows - 1) / (high - low)

    def row_of(value: float) -> int:
        return int(min(max((high - value) * down, 0.0), rows - 1) + 0.5)

    level_row = None if level is None else row_of(level)
    for column in range(0, columns, _LEVEL_EVERY) if level_row is not None and not ascii_only else ():
        put(column, level_row or 0)
    scale = (columns - 1) / (end - start)
    before: tuple[float, int, int] | None = None
    for time, value in points:
        if not start <= time <= end:
            continue
        column, row = int((time - start) * scale + 0.5), row_of(value)
        if before is None or time - before[0] > gap:
            put(column, row)
        elif before[1:] != (column, row):
            for x, y in _line(before[1], before[2], column, row):
                put(x, y)
        before = time, column, row
    if ascii_only:
        blanks = ["-" if level_row is not None and level_row // 4 == row else " " for row in range(height)]
        return ["".join("*" if each else blank for each in line) for line, blank in zip(dots, blanks, strict=True)]
    return ["".join(chr(_BLANK + each) for each in line) for line in dots]


def _line(column: int, row: int, last_column: int, last_row: int) -> Iterator[tuple[int, int]]:
    """The dots from one to another, without the first: in each column a piece that joins its neighbours."""
    steps, y = last_column - column, row
    for step in range(1, steps + 1):
        target = row + round((last_row - row) * step / steps)
        way = 1 if target > y else -1
        yield column + step, target
        for between in range(y + way, target, way):
            yield column + step, between
        y = target
    if not steps:
        for between in range(row, last_row, 1 if last_row > row else -1):
            yield column, between
        yield column, last_row


NAMES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "coffee_temp": ("coffee", "coffee_set_temp", "coffee_heater_on", "dark_orange3"),
    "steam_temp": ("steam", "steam_set_temp", "steam_heater_on", "dark_cyan"),
}
"""By the value that is shown: its title, what it is set to, whether it is heated, and a colour for dark and light."""

_LABEL: Final = 4  # columns of the numbers at a chart's side
_BETWEEN: Final = 2  # columns between two charts
_LEAST_RANGE: Final = 2.0  # °C, so that a tenth of a degree does not fill the chart
_GAP: Final = 30.0  # s without a reading: nobody knows what was in between


def temperature_lines(scene: Scene, width: int, rows: int, *, beside: bool, ascii_only: bool) -> list[Text]:
    """A heading for each temperature and, in so many rows, its chart; beside each other or one below the other."""
    each = (width - _BETWEEN) // len(NAMES) if beside else width
    columns = [_column(scene, name, each, rows, ascii_only=ascii_only) for name in NAMES]
    if not beside:
        return [line for column in columns for line in column]
    lines = []
    for parts in zip_longest(*columns, fillvalue=Text()):
        line = Text()
        for part in parts:
            padded = part.copy()
            padded.truncate(each, pad=True)
            line.append_text(padded)
            line.append(" " * _BETWEEN)
        line.rstrip()
        lines.append(line)
    return lines


def _column(scene: Scene, name: str, width: int, rows: int, *, ascii_only: bool) -> list[Text]:
    title, set_name, heater, colour = NAMES[name]
    value, wanted = scene.fields.get(name), scene.fields.get(set_name)
    heading = Text.assemble(
        (f"{title} ", colour),
        (value_text(name, value) if value is not None else "?", "bold" if scene.connected else "dim"),
    )
    if wanted is not None:
        heading.append(f"  set {value_text(set_name, wanted)}", "dim")
    if name == "steam_temp" and scene.fields.get("steam_boiler_enable") is False:
        heading.append("  boiler off", "dim")
    elif scene.fields.get(heater):
        heading.append("  heating", "bold" if scene.connected else "dim")
    if not rows:
        return [heading]
    readings = scene.history.get(name, ())
    level = float(wanted) if is_number(wanted) else None
    lines = _chart(scene, readings, level, width=width, rows=rows, ascii_only=ascii_only)
    for line in lines[:-1]:
        line.stylize(colour, _LABEL + 1)
    return [heading, *lines]


def _chart(
    scene: Scene,
    readings: Sequence[tuple[int, float]],
    level: float | None,
    *,
    width: int,
    rows: int,
    ascii_only: bool,
) -> list[Text]:
    room = max(width - _LABEL - 1, 1)
    start_ns = scene.now_ns - int(scene.span * _NS)
    newest = takewhile(lambda reading: reading[0] >= start_ns, reversed(readings))  # there may be hours before them
    points = [((time_ns - scene.now_ns) / _NS, value) for time_ns, value in newest][::-1]
    low, high = _range([value for _, value in points], level)
    drawn = chart(
        points,
        width=room,
        height=rows,
        start=-scene.span,
        end=0.0,
        low=low,
        high=high,
        level=level,
        gap=max(_GAP, scene.span / room),
        ascii_only=ascii_only,
    )
    labels = {0: f"{high:.0f}", rows - 1: f"{low:.0f}"} if points or level is not None else {}
    plain, marked = ("|", "|") if ascii_only else ("│", "┤")
    lines = [
        Text.assemble((f"{labels.get(row, ''):>{_LABEL}}{marked if row in labels else plain}", "dim"), text)
        for row, text in enumerate(drawn)
    ]
    first, last = f"-{duration_text(scene.span)}", "now"
    axis = f"{first}{last:>{room - len(first)}}" if room > len(first) + len(last) else first[:room]
    return [*lines, Text(" " * (_LABEL + 1) + axis, "dim")]


def _range(values: Sequence[float], level: float | None) -> tuple[float, float]:
    """Whole degrees between which everything lies."""
    known = [*values, *([] if level is None else [level])] or [0.0]
    low, high = math.floor(min(known)), math.ceil(max(known))
    if high - low < _LEAST_RANGE:
        low, high = low - 1, high + 1
    return float(low), float(high)
