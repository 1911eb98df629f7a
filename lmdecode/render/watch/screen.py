"""The screen of `lmdecode watch`: what is known of a machine, as many lines as there is room for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from lmdecode.analysis.pour import What
from lmdecode.analysis.times import local_time, zone_name
from lmdecode.codec.printable import printable
from lmdecode.codec.v1.register import MODELS
from lmdecode.render.sentence import sentences
from lmdecode.render.watch.temperatures import NAMES, Scene, duration_text, temperature_lines

if TYPE_CHECKING:
    from lmdecode.analysis.pour import Shot

_RUNNING = {
    "pump_on": "pump",
    "brew_solenoid_on": "brewing",
    "boiler_fill_solenoid_on": "boiler fills",
    "hot_water_solenoid_on": "hot water",
}
_NOT_YET = "not known yet"


def title_line(scene: Scene, width: int) -> Text:
    """Which machine it is, and at the end whether it is there."""
    firmware = scene.fields.get("firmware_ver")
    serial = scene.fields.get("machine_ser_num")
    known = [scene.model, str(serial) if serial else None, f"firmware {firmware}" if firmware else None]
    right = Text(scene.link if scene.connected else "not connected", "green" if scene.connected else "bold red")
    room = max(width - right.cell_len - 1, 0)
    about = [Text(printable(each)) for each in known if each and each != scene.name]
    place = [Text(scene.address, "dim")] if scene.address != scene.name else []
    left = fitting([Text(printable(scene.name), "bold"), *about, *place], room, between=" ")
    left.truncate(room, pad=True)
    return Text.assemble(left, " ", right)


def fitting(parts: Iterable[Text], width: int, *, between: str = "  ") -> Text:
    """Returns the parts for which there is room, the first in any case, in one line. None of them is cut in two."""
    line = Text()
    for part in parts:
        if not line:
            line = part.copy()
        elif line.cell_len + len(between) + part.cell_len <= width:
            line.append(between).append_text(part)
    return line


def state_line(scene: Scene, width: int) -> Text:
    """Whether it is on, has water, and what of it works. What ran when it was last heard may have stopped since."""
    fields = scene.fields
    power = fields.get("power")
    state = _NOT_YET if power is None else "on" if power else "standby"
    parts = [Text(state, "bold" if power is not None and scene.connected else "dim")]
    water = fields.get("water_reservoir_contact")
    if water is not None:
        parts.append(Text("water tank full", "dim") if water else Text(" WATER TANK EMPTY ", "bold reverse red"))
    running = [word for name, word in _RUNNING.items() if fields.get(name)]
    now = [Text(", ".join(running), "bold")] if running and scene.connected else []
    steam = fields.get("steam_boiler_enable")
    boiler = [] if steam is None else [Text(f"steam boiler {'on' if steam else 'off'}", "dim")]
    whole = Text("  ").join([*parts, *boiler, *now])
    return whole if whole.cell_len <= width else fitting([*parts, *now], width)


def clock_line(scene: Scene) -> Text:
    """What time it is for the machine, and when it switches itself."""
    try:
        now = datetime.fromisoformat(str(scene.fields.get("clock")))
    except ValueError:
        return Text(f"the machine's clock: {_NOT_YET}", "dim")
    line = Text(f"{now:%a %H:%M:%S}")
    enabled = scene.fields.get("auto_bitfield")
    if scene.next_switch is not None:
        when, on = scene.next_switch
        day = "" if when.date() == now.date() else f"{when:%a} "
        ahead = duration_text((when - now).total_seconds() // 60 * 60) if when - now else ""
        line.append(f"  switches {'on' if on else 'off'} {day}{when:%H:%M}, in {ahead}")
    elif isinstance(enabled, list):
        line.append("  no schedule" if "global_auto" not in enabled else "  nothing on the schedule", "dim")
    return line


def running_line(shot: Shot, width: int, *, dosed: bool, ascii_only: bool) -> Text:
    """Water that flows now, with a bar for the part of the dose that has flowed if the machine doses it."""
    line = Text.assemble(("now      ", "bold green"), (_amounts(shot, width - len("now      ")), "bold"))
    if dosed and shot.dose and shot.what is not What.HOT_WATER:  # whose dose is a time
        room = min(width - line.cell_len - 8, 30)
        share = min((shot.pulses or 0) / shot.dose, 1.0)
        if room > 5:
            full = round(room * share)
            bar, rest = ("#", ".") if ascii_only else ("━", "─")
            line.append("  ")
            line.append(bar * full, "green")
            line.append(rest * (room - full), "dim")
            line.append(f" {share:.0%}")
    return line


def shot_line(shot: Shot, width: int) -> Text:
    """Water that has flowed."""
    begun = local_time(shot.samples[0].time_ns)
    parts = [Text.assemble((f"{begun:%H:%M:%S} ", "dim"), _amounts(shot, width - len("00:00:00 ")))]
    temperatures = [sample.coffee_temp for sample in shot.samples if sample.coffee_temp is not None]
    if temperatures:
        low, high = min(temperatures), max(temperatures)
        parts.append(Text(f"{low:.1f} to {high:.1f} °C" if low != high else f"{low:.1f} °C", "dim"))
    return fitting(parts, width)


def _amounts(shot: Shot, width: int) -> str:
    key = f"button {shot.key}" if shot.key else "water"
    counted = shot.samples[-1].seconds  # `shot.seconds` may turn to the clock's while one looks on
    seconds = (shot.seconds or 0.0) if counted is None else counted
    parts = [f"{key:<8} {seconds:5.1f} s", f"{shot.pulses or 0:4} pulses", f"about {shot.ml or 0.0:4.0f} ml"]
    return fitting(map(Text, parts), width).plain


def footer(scene: Scene, width: int) -> Text:
    """Which keys there are."""
    text = "q quit   + - time span" if scene.keys else "Ctrl-C quit"
    note = "" if scene.connected or width < 60 else "values are the last that were heard"
    return Text(f"{text}{note:>{max(width - len(text), 0)}}", "dim")


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
        yield from wrapped(Text(scene.link, "bold red"), width)
    yield state_line(scene, width)
    yield clock_line(scene)


def wrapped(text: Text, width: int) -> list[Text]:
    """Returns a text in lines of whole words."""
    lines = text.wrap(Console(width=max(width, 1)), max(width, 1))
    for line in lines:
        line.rstrip()
    return list(lines)


def _water(scene: Scene, width: int, rows: int, *, ascii_only: bool) -> list[Text]:
    lines = [
        rule("shots and water", f"{scene.shots} since the start" if scene.shots else "", width, ascii_only=ascii_only)
    ]
    if scene.running is not None:
        dosed = scene.model is None or MODELS[scene.model].doses
        lines.append(running_line(scene.running, width, dosed=dosed, ascii_only=ascii_only))
    lines += [shot_line(each, width) for each in scene.finished[: rows - len(lines)]]
    if len(lines) == 1:
        lines.append(Text("no water since the start", "dim"))
    return lines + [Text()] * (rows - len(lines))


def _messages(scene: Scene, width: int, rows: int, *, ascii_only: bool) -> list[Text]:
    said = f"of {scene.count}, {scene.damaged} damaged" if scene.damaged else f"of {scene.count}"
    if scene.messages:
        said += f", times in {zone_name(local_time(scene.messages[0].time_ns))}"
    lines = [rule("new messages", said, width, ascii_only=ascii_only)]
    for record in scene.messages:
        when = f"{local_time(record.time_ns):%H:%M:%S} "
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
