"""The console that tables are printed on, in terminals of all widths."""

from __future__ import annotations

import io
import os

import pytest
from rich.color import ColorSystem
from rich.table import Table
from rich.text import Text

from lmdecode.analysis.pour import Evidence, Sample, Shot, What
from lmdecode.render.shots import as_tables
from lmdecode.render.terminal import ByWidth, TerminalConsole, text_of


def test_the_width_is_that_of_the_window_now(monkeypatch):
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    console = TerminalConsole(io.StringIO())
    for columns, expected in ((90, 90), (60, 60), (20, 50)):
        monkeypatch.setattr("os.get_terminal_size", lambda _=0, columns=columns: os.terminal_size((columns, 30)))
        assert console.width == expected


@pytest.mark.parametrize(("width", "shown"), [(50, "a list"), (73, "a list"), (74, "a table"), (200, "a table")])
def test_a_list_stands_for_a_table_that_has_no_room(monkeypatch, width, shown):
    monkeypatch.setenv("COLUMNS", str(width))
    table = Table.grid()
    table.add_row("a table")
    assert text_of([ByWidth(table, Text("a list"))]) == f"{shown}\n"


SHOT = Shot(
    machine="kitchen",
    streams=(0,),
    what=What.COFFEE,
    evidence=Evidence.FLOW,
    key=2,
    start_ns=1_795_229_755_000_000_000,
    seconds=24.6,
    pulses=118,
    dose=120,
    samples=(Sample(1_795_229_755_000_000_000, 0.5, 1, 95.1), Sample(1_795_229_779_000_000_000, 24.6, 118, 96.2)),
)


@pytest.mark.parametrize("width", [50, 62, 74, 80, 120, 200])
def test_shots_are_whole_in_every_width(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    text = text_of(as_tables([SHOT]))
    assert "…" not in text
    for word in ("button 2", "24.6", "118", "120", "59"):
        assert word in text
    assert max(map(len, text.splitlines())) <= width


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """As the Web Content Accessibility Guidelines have it: 1 to 21, and 4.5 is good for text."""

    def luminance(colour: tuple[int, ...]) -> float:
        parts = [value / 255 for value in colour]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("style", ["cyan", "yellow", "green", "bold cyan", "bold yellow", "bold green"])
def test_a_colour_is_read_on_white_and_on_black(style):
    found = TerminalConsole(io.StringIO()).get_style(style)
    assert found.color
    assert found.bold == (True if "bold" in style else None)
    colour = tuple(found.color.get_truecolor())
    assert contrast(colour, (255, 255, 255)) > 4
    assert contrast(colour, (0, 0, 0)) > 4
    assert found.color.downgrade(ColorSystem.STANDARD).number in {2, 3, 6}, "16 colours: green, brown, cyan"
