"""The temperatures on the screen of `lmdecode watch`: current values, targets and history."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING, Final

from rich.text import Text

from lmdecode.codec.v1.values import is_number
from lmdecode.render.sentence import value_text
from lmdecode.render.watch.scene import NS, duration_text

if TYPE_CHECKING:
    from lmdecode.codec.record import Value
    from lmdecode.render.watch.scene import Scene

_BLANK: Final = 0x2800
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a character
_BREAK: Final = -1  # in place of a row: the curve is broken off here
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
        points: Times and values, in the order of time; those before `start` are left out. A value that is NaN breaks
            the curve.
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
        return _BREAK if math.isnan(value) else int(min(max((high - value) * down, 0.0), rows - 1) + 0.5)

    level_row = None if level is None else row_of(level)
    for column in range(0, columns, _LEVEL_EVERY) if level_row is not None and not ascii_only else ():
        put(column, level_row or 0)
    scale = (columns - 1) / (end - start)
    places = ((time, int((time - start) * scale + 0.5), value) for time, value in points if start <= time <= end)
    for column, row in _curve(((time, column, row_of(value)) for time, column, value in places), gap):
        put(column, row)
    if ascii_only:
        blanks = ["-" if level_row is not None and level_row // 4 == row else " " for row in range(height)]
        return ["".join("*" if each else blank for each in line) for line, blank in zip(dots, blanks, strict=True)]
    return ["".join(chr(_BLANK + each) for each in line) for line in dots]


def _curve(places: Iterable[tuple[float, int, int]], gap: float) -> Iterator[tuple[int, int]]:
    """The dots of a curve through some places: time, column and row of each."""
    before: tuple[float, int, int] | None = None
    for time, column, row in places:
        if row == _BREAK:
            before = None
            continue
        if before is None or time - before[0] > gap:
            yield column, row
        elif before[1:] != (column, row):
            yield from _line(before[1], before[2], column, row)
        before = time, column, row


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
_SLANT: Final = 5.0  # s; what was said so soon after another value was on its way there
_GAP: Final = 30.0  # s without a reading: nobody knows what was in between
_MOST: Final = 999.0  # °C, below or above zero; a boiler has no more, and no more fits beside a chart


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
    unknown = "?" if scene.generation == "v1" else ""  # not every newer machine tells it
    heading = Text.assemble(
        (f"{title} ", colour),
        (_degrees(scene, name, value) if value is not None else unknown, "bold" if scene.connected else "dim"),
    )
    if wanted is not None:
        heading.append(f"  set {_degrees(scene, set_name, wanted)}", "dim")
    if name == "steam_temp" and scene.fields.get("steam_boiler_enable") is False:
        heading.append("  boiler off", "dim")
    elif scene.fields.get(heater):
        heading.append("  heating", "bold" if scene.connected else "dim")
    if not rows:
        return [heading]
    readings = scene.history.get(name, ())
    level = float(wanted) if is_number(wanted) and abs(wanted) <= _MOST else None
    lines = _chart(scene, readings, level, width=width, rows=rows, ascii_only=ascii_only)
    for line in lines[:-1]:
        line.stylize(colour, _LABEL + 1)
    return [heading, *lines]


def _degrees(scene: Scene, name: str, value: Value) -> str:
    """A temperature; over Bluetooth machines tell whole degrees, which are not to look like measured tenths."""
    if scene.generation == "bluetooth" and isinstance(value, float) and value.is_integer():
        value = int(value)
    return value_text(name, value)


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
    start_ns = scene.now_ns - int(scene.span * NS)
    newest = list(takewhile(lambda reading: reading[0] >= start_ns, reversed(readings)))  # there may be hours before
    is_held = scene.generation != "v1"
    if is_held and len(newest) < len(readings):
        newest.append((start_ns, readings[-1 - len(newest)][1]))
    points = [
        ((time_ns - scene.now_ns) / NS, value if abs(value) <= _MOST else math.nan)
        for time_ns, value in reversed(newest)
    ]
    if is_held:
        points = _held(points, connected=scene.connected)
    low, high = _range([value for _, value in points if not math.isnan(value)], level)
    drawn = chart(
        points,
        width=room,
        height=rows,
        start=-scene.span,
        end=0.0,
        low=low,
        high=high,
        level=level,
        gap=math.inf if is_held else max(_GAP, scene.span / room),
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


def _held(points: Sequence[tuple[float, float]], *, connected: bool) -> list[tuple[float, float]]:
    """The points of a curve whose values hold until there is another, as the newer machines push them."""
    found: list[tuple[float, float]] = []
    for time, value in points:
        if found and time - found[-1][0] > _SLANT and not math.isnan(found[-1][1]):
            found.append((time, found[-1][1]))
        found.append((time, value))
    if found and connected:
        found.append((0.0, found[-1][1]))
    return found
