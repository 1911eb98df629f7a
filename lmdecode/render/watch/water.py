"""The water on the screen of `lmdecode watch`: the timer while it flows, and the shots before."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from rich.text import Text

from lmdecode.analysis.pour import What
from lmdecode.analysis.times import local_time
from lmdecode.render.watch.scene import name_of, pours, seconds_of

if TYPE_CHECKING:
    from lmdecode.analysis.pour import Shot
    from lmdecode.render.watch.scene import Scene, Timer

_FONT: Final = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    ".": (" ", " ", " ", " ", "#"),
    " ": ("   ", "   ", "   ", "   ", "   "),
}
_TALL: Final = 20
"""Lines of a terminal from which on the digits are five lines high."""
_LOW: Final = 12
"""Lines of a terminal from which on there are digits at all, three lines high."""
_WIDE: Final = 44  # columns that the high digits want
_LONGEST: Final = 9999.9  # s; a machine that says more counts something else
_NAMED: Final = 8  # columns that are kept for what it is


def timer_lines(timer: Timer, width: int, height: int, *, ascii_only: bool) -> list[Text]:
    """Returns the timer, as large as there is room for.

    Args:
        timer: What to show.
        width: Columns of the terminal.
        height: Lines of the terminal.
        ascii_only: Whether nothing but ASCII can be shown.
    """
    style = "bold green" if timer.running else "bold"
    said = f"{min(timer.seconds, _LONGEST):.1f}"
    sides = [Text(), Text(timer.label, style), Text(" s", style), Text(_counted(timer.shot), "dim")]
    if height < _LOW or (ascii_only and height < _TALL):
        return [Text.assemble((f"{said} s  {timer.label}", f"{style} reverse"))]
    if height >= _TALL and width >= _WIDE:
        drawn, beside = big(said, ascii_only=ascii_only), [sides[1], sides[0], sides[3], sides[0], sides[2]]
    else:
        drawn, beside = small(said), [sides[1], sides[3], sides[2]]
    lines = []
    for digits, side in zip_longest(drawn, beside, fillvalue=None):
        line = Text.assemble((digits or "", style))
        if side:
            line.append("" if side.plain.startswith(" ") else "  ").append_text(side)
        line.truncate(width)
        lines.append(line)
    return lines


def big(text: str, *, ascii_only: bool = False) -> list[str]:
    """Returns digits that are five lines high.

    >>> big("1.")[-1]
    '██████  ██'
    """
    pixel = "##" if ascii_only else "██"
    return ["  ".join(_FONT[each][row].replace("#", pixel).replace(" ", "  ") for each in text) for row in range(5)]


def small(text: str) -> list[str]:
    """Returns digits that are three lines high.

    >>> small("1")
    ['▄█ ', ' █ ', '▀▀▀']
    """
    rows = [" ".join(_FONT[each][row] for each in text) for row in range(5)]
    rows.append(" " * len(rows[0]))
    return [
        "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]


_HALVES: Final = {(" ", " "): " ", ("#", " "): "▀", (" ", "#"): "▄", ("#", "#"): "█"}


def water_note(scene: Scene) -> str:
    """Returns how much there was since the start, in words; "" if there was nothing."""
    if scene.generation == "v1":
        return f"{scene.shots} since the start" if scene.shots else ""
    said = ", ".join(pours(scene.shots, scene.flushes, scene.unended))
    return f"since the start: {said}" if said else ""


def running_line(scene: Scene, shot: Shot, width: int, *, dosed: bool, ascii_only: bool) -> Text:
    """Water that flows now, with a bar for the part of the dose that has flowed if the machine doses it."""
    seconds = seconds_of(shot) if scene.timer is None else scene.timer.seconds
    line = Text.assemble(("now      ", "bold green"), (_amounts(shot, seconds, width - len("now      ")), "bold"))
    if dosed and shot.dose and shot.pulses is not None and shot.what is not What.HOT_WATER:  # whose dose is a time
        room = min(width - line.cell_len - 8, 30)
        share = min(shot.pulses / shot.dose, 1.0)
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
    is_v1 = shot.generation == "v1"
    begun = local_time(shot.samples[0].time_ns if is_v1 and shot.samples else shot.order)
    amounts = _amounts(shot, seconds_of(shot), width - len("00:00:00 "))
    parts = [Text.assemble((f"{begun:%H:%M:%S} ", "dim"), amounts)]
    if shot.cut and not is_v1:
        parts.append(Text("its end was lost", "yellow"))
    temperatures = [sample.coffee_temp for sample in shot.samples if sample.coffee_temp is not None]
    if temperatures:
        low, high = _degrees(min(temperatures), is_v1=is_v1), _degrees(max(temperatures), is_v1=is_v1)
        parts.append(Text(f"{low} to {high} °C" if low != high else f"{low} °C", "dim"))
    return fitting(parts, width)


def _degrees(value: float, *, is_v1: bool) -> str:
    """A temperature; some newer machines know whole degrees only."""
    text = f"{value:.1f}"
    return text if is_v1 else text.removesuffix(".0")


def _amounts(shot: Shot, seconds: float | None, width: int) -> str:
    return fitting(map(Text, [f"{name_of(shot):<{_NAMED}} {_time(seconds)}", *_counts(shot)]), width).plain


def _time(seconds: float | None) -> str:
    return "    ? s" if seconds is None else f"{seconds:5.1f} s"


def _counts(shot: Shot) -> list[str]:
    """What a machine with a flow meter counts."""
    if shot.generation != "v1" and not shot.pulses:
        return []
    return [f"{shot.pulses or 0:4} pulses", f"about {shot.ml or 0.0:4.0f} ml"]


def _counted(shot: Shot) -> str:
    return ", ".join(" ".join(each.split()) for each in _counts(shot))


def fitting(parts: Iterable[Text], width: int, *, between: str = "  ") -> Text:
    """Returns the parts for which there is room, the first in any case, in one line. None of them is cut in two."""
    line = Text()
    for part in parts:
        if not line:
            line = part.copy()
        elif line.cell_len + len(between) + part.cell_len <= width:
            line.append(between).append_text(part)
    return line
