"""The screen of `watch`: in whatever room there is, with whatever is known."""

# ruff: noqa: DTZ001 -- the machine's clock has no zone
from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from lmdecode.analysis.pour import Evidence, Sample, Shot, What
from lmdecode.codec.record import Kind, Record
from lmdecode.render.watch.scene import Scene
from lmdecode.render.watch.screen import WatchScreen, screen_lines

NOW = 1_795_229_755_000_000_000
FIELDS = {
    "power": True,
    "coffee_temp": 95.6,
    "coffee_set_temp": 96.2,
    "steam_temp": 124.0,
    "steam_set_temp": 123.9,
    "coffee_heater_on": True,
    "pump_on": True,
    "brew_solenoid_on": True,
    "steam_boiler_enable": True,
    "water_reservoir_contact": True,
    "clock": "2026-11-21T09:30:00",
    "auto_bitfield": ["global_auto"],
    "firmware_ver": "1.40",
    "machine_ser_num": "GS000000",
}
SHOT = Shot(
    machine="kitchen",
    streams=(0,),
    what=What.COFFEE,
    evidence=Evidence.FLOW,
    key=2,
    seconds=24.6,
    pulses=118,
    dose=120,
    samples=(Sample(NOW - 25_000_000_000, 0.5, 1, 95.1), Sample(NOW, 24.6, 118, 96.2)),
)


def record(text="R401C000403BC04D8B6", problems=()):
    fields = {"machine_name": text} if not problems else {}
    return Record(NOW, 0, "machine", "m", "a", Kind.READ, "report", 0x401C, 4, "00", text, fields, problems=problems)


def scene(**changed):
    shown = {
        "name": "kitchen",
        "address": "192.168.1.215:1774",
        "connected": True,
        "link": "connected for 5 min",
        "fields": FIELDS,
        "model": "GS3 AV",
        "now_ns": NOW,
        "next_switch": (datetime(2026, 11, 21, 17), False),
        "history": {
            "coffee_temp": [(NOW - each * 1_000_000_000, 95.0) for each in range(200, 0, -1)],
            "steam_temp": [(NOW - each * 1_000_000_000, 120 + each % 5) for each in range(200, 0, -1)],
        },
        "running": SHOT,
        "finished": [SHOT] * 9,
        "shots": 10,
        "messages": [record()] * 30,
        "count": 1234,
    }
    return Scene(**shown | changed)


def shown(given_scene, width=80, height=24, **options):
    """What a terminal of that size would show; and nothing but that may be written to it."""
    file = io.StringIO()
    console = Console(
        file=file, width=width, height=height, force_terminal=True, _environ={}, **{"color_system": None} | options
    )
    console.print(WatchScreen(given_scene), height=height)
    return file.getvalue()


def test_all_is_there_at_80_by_24():
    text = shown(scene())
    lines = text.splitlines()
    assert len(lines) == 24
    assert lines[0].startswith("kitchen GS3 AV GS000000 firmware 1.40")
    assert lines[0].endswith("connected for 5 min")
    for part in (
        "on  water tank full  steam boiler on  pump, brewing",
        "Sat 09:30:00  switches off 17:00, in 7 h 30 min",
        "coffee 95.6 °C  set 96.2 °C  heating",
        "steam 124.0 °C  set 123.9 °C",
        "now      button 2  24.6 s   118 pulses  about   59 ml",
        "98%",
        "95.1 to 96.2 °C",
        "of 1234",
        "q quit",
    ):
        assert part in text, text
    assert sum("⠀" in line or "⣀" in line for line in lines) >= 4  # the charts


def test_more_room_is_used():
    small, large = shown(scene(), 80, 24), shown(scene(), 120, 40)
    assert len(large.splitlines()) == 40
    assert large.count("│") > small.count("│")
    assert large.count("button 2") > small.count("button 2")


@pytest.mark.parametrize(
    ("width", "height"), [(80, 24), (120, 40), (50, 20), (40, 14), (20, 5), (10, 3), (1, 1), (200, 8)]
)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_it_fits(width, height, ascii_only):
    for each in (scene(), scene(connected=False, link="gone for 3 s: " + "why " * 50), scene(fields={}, history={})):
        lines = screen_lines(each, width, height, ascii_only=ascii_only)
        assert len(lines) <= height
        text = shown(each, width, height)
        assert len(text.splitlines()) <= height
        assert all(len(line) <= width for line in text.splitlines())


@given(
    st.lists(st.floats(allow_infinity=False), max_size=5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["v1", "v3", "bluetooth"]),
    st.sampled_from([(80, 24), (30, 14)]),
)
@settings(max_examples=50)
def test_numbers_that_no_machine_has(values, number, generation, size):
    history = [(NOW - index * 1_000_000_000, value) for index, value in enumerate(values)][::-1]
    shot = replace(SHOT, seconds=number, generation=generation, samples=(Sample(NOW, number, 1, number),))
    told = dict.fromkeys(("coffee_temp", "coffee_set_temp", "steam_temp", "steam_set_temp"), number)
    text = shown(
        scene(
            fields=FIELDS | told,
            history={"coffee_temp": history, "steam_temp": history},
            running=shot,
            finished=[shot],
            generation=generation,
        ),
        *size,
    )
    assert len(text.splitlines()) <= size[1]
    assert all(len(line) <= size[0] for line in text.splitlines())


REASON = (
    "gone for 2 s, next try in 1 s: 127.0.0.1:1774 refuses the connection: is it the machine's address? the machine "
    "takes one connection at a time; close the app, or what else talks to it, and try again"
)


@pytest.mark.parametrize(("width", "height"), [(50, 16), (80, 24), (120, 40), (200, 50)])
def test_the_reason_is_never_cut(width, height):
    text = shown(scene(connected=False, link=REASON), width, height)
    assert REASON in " ".join(text.split())
    assert len(text.splitlines()) == height
    assert "95.6 °C" in text
    assert "q quit" in text


@pytest.mark.parametrize("width", range(30, 100, 7))
def test_the_head_and_the_water_are_whole_parts(width):
    lines = shown(scene(fields=FIELDS | {"water_reservoir_contact": False}), width, 40).splitlines()
    assert lines[0].removesuffix("connected for 5 min").strip() in {
        "kitchen",
        "kitchen GS3 AV",
        "kitchen GS3 AV GS000000",
        "kitchen GS3 AV GS000000 firmware 1.40",
        "kitchen GS3 AV GS000000 firmware 1.40 192.168.1.215:1774",
    }
    assert "WATER TANK EMPTY" in lines[1]
    assert lines[1].endswith("pump, brewing") == (width >= 37)
    assert not any("…" in line for line in lines if "button 2" in line)


def test_nothing_runs_on_a_machine_that_is_gone():
    assert "pump" in shown(scene())
    assert "pump" not in shown(scene(connected=False, link=REASON))


def test_what_the_machine_does_not_dose_has_no_bar():
    assert "98%" in shown(scene())
    assert "98%" not in shown(scene(model="GS3 MP"))
    assert "%" not in shown(scene(running=replace(SHOT, key=None, what=What.HOT_WATER, dose=8)))


def test_the_temperatures_are_the_last_to_go():
    assert "95.6 °C" in shown(scene(), 30, 5)


def test_a_machine_that_is_gone():
    text = shown(scene(connected=False, link="gone for 12 s, next try in 4 s: 192.168.1.215:1774 reset the connection"))
    assert "not connected" in text
    assert "gone for 12 s, next try in 4 s" in text
    assert "values are the last that were heard" in text


def test_what_needs_attention():
    text = shown(
        scene(fields=FIELDS | {"water_reservoir_contact": False, "steam_boiler_enable": False, "power": False})
    )
    assert "WATER TANK EMPTY" in text
    assert "boiler off" in text
    assert "standby" in text


def test_nothing_is_known_yet():
    text = shown(scene(fields={}, history={}, running=None, finished=(), shots=0, messages=(), next_switch=None))
    assert "coffee ?" in text
    assert "not known yet" in text
    assert "no water since the start" in text


def test_a_machine_without_a_name():
    text = shown(scene(name="192.168.1.215:1774", fields={}, model=None, history={}))
    assert text.splitlines()[0].split() == ["192.168.1.215:1774", "connected", "for", "5", "min"]
    assert "┤" not in text  # a scale of nothing


def test_no_schedule():
    assert "no schedule" in shown(scene(next_switch=None, fields=FIELDS | {"auto_bitfield": []}))
    assert "nothing on the schedule" in shown(scene(next_switch=None))


def test_problems_are_shown():
    text = shown(scene(messages=[record(problems=("wrong check byte",))], damaged=1))
    assert "! wrong check byte" in text
    assert "1 damaged" in text


def test_ascii_alone():
    text = "".join(line.plain for line in screen_lines(scene(), 80, 24, ascii_only=True)).replace("°", "")
    assert text.isascii(), [each for each in text if not each.isascii()]
    assert "***" in text


def test_colours_only_where_wanted():
    assert "\x1b[" in shown(scene(), color_system="256")
    assert "\x1b[3" not in shown(scene())


NASTY = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["\x1b[2J\x1b]0;owned\x07", "a\nb", "\u202e"]
)


@given(NASTY, st.integers(1, 130), st.integers(1, 50))
@settings(max_examples=60)
def test_nothing_that_the_machine_says_reaches_the_terminal_raw(text, width, height):
    fields = FIELDS | {"machine_ser_num": text, "firmware_ver": text, "clock": text}
    drawn = shown(scene(name=text or "x", fields=fields, messages=[record(text)]), width, height)
    assert len(drawn.splitlines()) <= height
    assert "\x1b]" not in drawn
    assert "\x07" not in drawn
    assert "\x1b[2J" not in drawn
