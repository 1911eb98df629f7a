"""The screen of `lmdecode watch`: what is known of a machine, as many lines as there is room for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from lmdecode.render.sentence import sentences
from lmdecode.render.watch.lines import clock_line, footer, running_line, shot_line, state_line, title_line
from lmdecode.render.watch.scene import Scene
from lmdecode.render.watch.temperatures import NAMES, temperature_lines
from lmdecode.render.wording import printable

__all__ = ["WatchScreen", "screen_lines"]

_SIDE_BY_SIDE: Final = 64  # columns from which on the charts stand beside each other
_TALLEST_CHART: Final = 14
_LEAST_CHART: Final = 2
_LEAST_MESSAGES: Final = 3


class WatchScreen:
    """A scene that rich can show, in whatever room there is."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        ascii_only = options.ascii_only
        height = options.height or options.size.height
        for line in screen_lines(self._scene, options.max_width, height, ascii_only=ascii_only):
            line.no_wrap, line.overflow = True, "crop" if ascii_only else "ellipsis"
            yield line


def screen_lines(scene: Scene, width: int, height: int, *, ascii_only: bool = False) -> list[Text]:
    """The lines of the screen, at most as many as it is high; the least important are left out first."""
    head = [*_head(scene, width)]
    foot = [footer(scene, width)]
    room = height - len(head) - len(foot)
    shots = _shot_rows(room)
    beside = width >= _SIDE_BY_SIDE
    charts = _chart_rows(room - shots, beside=beside)
    body = temperature_lines(scene, width, charts, beside=beside, ascii_only=ascii_only)
    if shots:
        body += _water(scene, width, shots, ascii_only=ascii_only)
    left = room - len(body)
    if left > 1:
        body += _messages(scene, width, left, ascii_only=ascii_only)
    body = body[: max(room, 0)]
    body += [Text()] * (room - len(body))
    return [*head, *body, *foot][: max(height, 1)]


def _shot_rows(room: int) -> int:
    """How many lines the water takes, with its heading."""
    return 0 if room < 5 else min(max(room // 4, 2), 8)


def _chart_rows(room: int, *, beside: bool) -> int:
    """How high a chart is; 0 for none. Each has a heading and an axis, and there are two of them."""
    free = room - _LEAST_MESSAGES - 1
    rows = free - 2 if beside else free // len(NAMES) - 2
    return min(rows * 3 // 4, _TALLEST_CHART) if rows >= _LEAST_CHART + 1 else 0


def _head(scene: Scene, width: int) -> Iterator[Text]:
    yield title_line(scene, width)
    if not scene.connected:
        yield Text(scene.link, "bold red")
    yield state_line(scene)
    yield clock_line(scene)


def _water(scene: Scene, width: int, rows: int, *, ascii_only: bool) -> list[Text]:
    lines = [
        rule("shots and water", f"{scene.shots} since the start" if scene.shots else "", width, ascii_only=ascii_only)
    ]
    if scene.running is not None:
        lines.append(running_line(scene.running, width, ascii_only=ascii_only))
    lines += [shot_line(each) for each in scene.finished[: rows - len(lines)]]
    if len(lines) == 1:
        lines.append(Text("no water since the start", "dim"))
    return lines + [Text()] * (rows - len(lines))


def _messages(scene: Scene, width: int, rows: int, *, ascii_only: bool) -> list[Text]:
    said = f"of {scene.count}, {scene.damaged} damaged" if scene.damaged else f"of {scene.count}"
    lines = [rule("new messages", said, width, ascii_only=ascii_only)]
    for record in scene.messages:
        when = f"{datetime.fromtimestamp(record.time_ns // 1_000_000_000):%H:%M:%S} "  # noqa: DTZ006 -- the user's zone
        for each in sentences(record):
            text = each.removeprefix("machine ")
            lines.append(Text.assemble((when, "dim"), (printable(text), "red" if text.startswith("!") else "")))
            when = " " * len(when)
            if len(lines) >= rows:
                return lines
    return lines


def rule(title: str, note: str, width: int, *, ascii_only: bool) -> Text:
    """A line with a title in it, and a note at its end."""
    dash = "-" if ascii_only else "─"
    end = f" {note} {dash}" if note and width > len(title) + len(note) + 10 else ""
    rest = max(width - len(title) - 4 - len(end), 0)
    return Text.assemble((dash * 2, "dim"), (f" {title} ", "bold"), (dash * rest + end, "dim"))
