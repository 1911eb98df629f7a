"""The screen of `lmdecode watch`: what is known of a machine, as many lines as there is room for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from lmdecode.analysis.times import local_time, zone_name
from lmdecode.codec.printable import printable
from lmdecode.codec.v1.register import MODELS
from lmdecode.render.sentence import sentences
from lmdecode.render.watch.scene import Scene, duration_text
from lmdecode.render.watch.temperatures import NAMES, temperature_lines
from lmdecode.render.watch.water import fitting, running_line, shot_line, timer_lines, water_note

_RUNNING = {
    "pump_on": "pump",
    "brew_solenoid_on": "brewing",
    "boiler_fill_solenoid_on": "boiler fills",
    "hot_water_solenoid_on": "hot water",
}
_NOT_YET = "not known yet"


def title_line(scene: Scene, width: int, *, with_place: bool = True) -> Text:
    """Which machine it is, and at the end whether it is there.

    Args:
        scene: What the screen shows.
        width: Columns.
        with_place: Whether it says by what the machine is connected; else another line does.
    """
    firmware = scene.fields.get("firmware_ver")
    serial = scene.serial or scene.fields.get("machine_ser_num")
    known = [scene.model, str(serial) if serial else None, f"firmware {firmware}" if firmware else None]
    right = Text(scene.link if scene.connected else "not connected", "green" if scene.connected else "bold red")
    room = max(width - right.cell_len - 1, 0)
    about = [Text(printable(each)) for each in known if each and each != scene.name]
    place = [Text(printable(scene.address), "dim")] if with_place and scene.address != scene.name else []
    left = fitting([Text(printable(scene.name), "bold"), *about, *place], room, between=" ")
    left.truncate(room, pad=True)
    return Text.assemble(left, " ", right)


def state_line(scene: Scene, width: int) -> Text:
    """Whether it is on, has water, and what of it works. What ran when it was last heard may have stopped since."""
    fields = scene.fields
    power = fields.get("power")
    state = _NOT_YET if power is None else "on" if power else "standby"
    parts = [Text(state, "bold" if power is not None and scene.connected else "dim")]
    water = fields.get("water_reservoir_contact")
    if fields.get("plumbed_in") is True:  # then nothing is said of a tank that there is not
        parts.append(Text("plumbed in", "dim"))
    elif water is not None:
        parts.append(Text("water tank full", "dim") if water else Text(" WATER TANK EMPTY ", "bold reverse red"))
    # The newer gateways do not say that a valve has closed, but that a shot has ended.
    is_told = scene.generation == "v1" or scene.running is not None
    running = [word for name, word in _RUNNING.items() if fields.get(name) and is_told]
    now = [Text(", ".join(running), "bold")] if running and scene.connected else []
    steam = fields.get("steam_boiler_enable")
    boiler = [] if steam is None else [Text(f"steam boiler {'on' if steam else 'off'}", "dim")]
    whole = Text("  ").join([*parts, *boiler, *now])
    return whole if whole.cell_len <= width else fitting([*parts, *now], width)


def clock_line(scene: Scene) -> Text | None:
    """What time it is for the machine, and when it switches itself; None if a newer machine says neither."""
    if scene.generation != "v1":
        return _newer_clock_line(scene)
    try:
        now = datetime.fromisoformat(str(scene.fields.get("clock")))
    except ValueError:
        return Text(f"the machine's clock: {_NOT_YET}", "dim")
    line = Text(f"{now:%a %H:%M:%S}")
    enabled = scene.fields.get("auto_bitfield")
    if scene.next_switch is not None:
        line.append(f"  {_switch(scene.next_switch, now)}")
    elif isinstance(enabled, list):
        line.append("  no schedule" if "global_auto" not in enabled else "  nothing on the schedule", "dim")
    return line


def _newer_clock_line(scene: Scene) -> Text | None:
    now, parts = scene.clock, []
    if now is not None:
        parts.append(Text(f"{now:%a %H:%M:%S}"))
        if scene.next_switch is not None:
            parts.append(Text(_switch(scene.next_switch, now)))
        elif scene.has_schedule is not None:
            parts.append(Text("nothing on the schedule" if scene.has_schedule else "no schedule", "dim"))
    standby = _standby(scene)
    if standby:
        parts.append(Text(standby, "dim"))
    return Text("  ").join(parts) if parts else None


def _switch(switch: tuple[datetime, bool], now: datetime) -> str:
    when, on = switch
    day = "" if when.date() == now.date() else f"{when:%a} "
    ahead = duration_text((when - now).total_seconds() // 60 * 60) if when - now else ""
    return f"switches {'on' if on else 'off'} {day}{when:%H:%M}, in {ahead}"


_AFTER: Final = {"PowerOn": "after it is switched on", "LastBrewing": "after the last coffee"}


def _standby(scene: Scene) -> str:
    """When a newer machine goes to standby by itself, in words; "" if it does not, or does not say so."""
    fields = scene.fields
    minutes, after = fields.get("smart_standby_minutes"), _AFTER.get(str(fields.get("smart_standby_after")), "")
    if fields.get("smart_standby_enable") is True and minutes:
        return f"standby {minutes} min {after}".rstrip()
    return ""


_SPOKEN: Final = {"v3": "gateway v3 at ", "bluetooth": "Bluetooth "}
_WEAK: Final = -85  # dBm; below it connections are lost


def link_line(scene: Scene) -> Text | None:
    """What is connected and how well; None if the title says all of it."""
    parts = []
    if scene.generation in _SPOKEN:
        parts.append(f"{_SPOKEN[scene.generation]}{printable(scene.address)}")
    if scene.signal is not None:
        parts.append(f"{scene.signal} dBm{', which is weak' if scene.signal < _WEAK else ''}")
    if scene.losses:
        parts.append(scene.losses)
    return Text(", ".join(parts), "dim") if parts else None


def footer(scene: Scene, width: int) -> Text:
    """Which keys there are."""
    text = "q quit   + - time span" if scene.keys else "Ctrl-C quit"
    note = "" if scene.connected or width < 60 else "values are the last that were heard"
    return Text(f"{text}{note:>{max(width - len(text), 0)}}", "dim")


_SIDE_BY_SIDE: Final = 64  # columns from which on the charts stand beside each other
_TALLEST_CHART: Final = 14
_LEAST_CHART: Final = 2
_LEAST_MESSAGES: Final = 3
_LINK_FROM: Final = 14  # lines of the terminal, from which on a line is left for the link


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
    head = [*_head(scene, width, height, ascii_only=ascii_only)]
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


def _head(scene: Scene, width: int, height: int, *, ascii_only: bool) -> Iterator[Text]:
    link = link_line(scene) if scene.connected and height >= _LINK_FROM else None
    yield title_line(scene, width, with_place=link is None or scene.generation not in _SPOKEN)
    if not scene.connected:
        yield from wrapped(Text(scene.link, "bold red"), width)
    if scene.timer is not None:
        yield from timer_lines(scene.timer, width, height, ascii_only=ascii_only)
    yield state_line(scene, width)
    clock = clock_line(scene)
    if clock is not None:
        yield clock
    if link is not None:
        yield link


def wrapped(text: Text, width: int) -> list[Text]:
    """Returns a text in lines of whole words."""
    lines = text.wrap(Console(width=max(width, 1)), max(width, 1))
    for line in lines:
        line.rstrip()
    return list(lines)


def _water(scene: Scene, width: int, rows: int, *, ascii_only: bool) -> list[Text]:
    lines = [rule("shots and water", water_note(scene), width, ascii_only=ascii_only)]
    if scene.running is not None:
        model = MODELS.get(scene.model or "")
        dosed = model is None or model.doses
        lines.append(running_line(scene, scene.running, width, dosed=dosed, ascii_only=ascii_only))
    lines += [shot_line(each, width) for each in scene.finished[: rows - len(lines)]]
    if len(lines) == 1:
        lines += wrapped(Text(printable(scene.remark) or "no water since the start", "dim"), width)[: rows - 1]
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
            if record.subject is not None:
                text = text.removeprefix(f"{printable(record.subject)}: ")
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
