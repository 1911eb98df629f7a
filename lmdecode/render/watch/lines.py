"""The single lines of the screen of `lmdecode watch`."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from lmdecode.render.watch.scene import Draw, Scene
from lmdecode.render.watch.temperatures import duration_text
from lmdecode.render.wording import printable

__all__ = ["clock_line", "footer", "running_line", "shot_line", "state_line", "title_line"]

_WORKS = {
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
    left = Text(printable(scene.name), "bold")
    about = " ".join(printable(each) for each in known if each and each != scene.name)
    left.append(f" {about}" if about else "", "")
    right = Text(scene.link if scene.connected else "not connected", "green" if scene.connected else "bold red")
    place = f" {scene.address}"
    if scene.address != scene.name and left.cell_len + len(place) + right.cell_len < width:
        left.append(place, "dim")
    left.truncate(max(width - right.cell_len - 1, 0), pad=True)
    return Text.assemble(left, " ", right)


def state_line(scene: Scene) -> Text:
    """Whether it is on, has water, and what of it works."""
    fields, line = scene.fields, Text()
    power = fields.get("power")
    if power is None:
        line.append(_NOT_YET, "dim")
    else:
        line.append("on" if power else "standby", "bold" if scene.connected else "dim")
    water = fields.get("water_reservoir_contact")
    if water is False:
        line.append("  ")
        line.append(" WATER TANK EMPTY ", "bold reverse red")
    elif water:
        line.append("  water tank full", "dim")
    steam = fields.get("steam_boiler_enable")
    if steam is not None:
        line.append(f"  steam boiler {'on' if steam else 'off'}", "dim")
    works = [word for name, word in _WORKS.items() if fields.get(name)]
    if works:
        line.append(f"  {', '.join(works)}", "bold" if scene.connected else "dim")
    return line


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


def running_line(draw: Draw, width: int, *, ascii_only: bool) -> Text:
    """Water that flows now."""
    line = Text.assemble(("now      ", "bold green"), (_amounts(draw), "bold"))
    if draw.dose:
        room = min(width - line.cell_len - 8, 30)
        share = min(draw.pulses / draw.dose, 1.0)
        if room > 5:
            full = round(room * share)
            bar, rest = ("#", ".") if ascii_only else ("━", "─")
            line.append("  ")
            line.append(bar * full, "green")
            line.append(rest * (room - full), "dim")
            line.append(f" {share:.0%}")
    return line


def shot_line(draw: Draw) -> Text:
    """Water that has flowed."""
    line = Text.assemble((f"{draw.begun:%H:%M:%S} ", "dim"), _amounts(draw))
    if draw.temperatures is not None:
        low, high = draw.temperatures
        line.append(f"  {low:.1f} to {high:.1f} °C" if low != high else f"  {low:.1f} °C", "dim")
    return line


def _amounts(draw: Draw) -> str:
    key = f"key {draw.key}" if draw.key else "water"
    return f"{key:<6} {draw.seconds:5.1f} s  {draw.pulses:4} pulses  about {draw.milliliters:4.0f} ml"


def footer(scene: Scene, width: int) -> Text:
    """Which keys there are."""
    text = "q quit   + - time span" if scene.keys else "Ctrl-C quit"
    note = "" if scene.connected or width < 60 else "values are the last that were heard"
    return Text(f"{text}{note:>{max(width - len(text), 0)}}", "dim")
