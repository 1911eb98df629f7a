"""The timer while water flows, and the shots before, in whatever room there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.pour import Evidence, Sample, Shot, What
from lmdecode.render.watch.scene import Timer, name_of, pours, seconds_of
from lmdecode.render.watch.water import big, shot_line, small, timer_lines
from tests.render.watch.test_screen import FIELDS, NOW, SHOT, scene, shown

POURED = Shot(
    machine="MR012345",
    streams=(0,),
    what=What.COFFEE,
    evidence=Evidence.FLOW,
    generation="bluetooth",
    key=5,
    start_ns=NOW - 25_000_000_000,
    end_ns=NOW,
    seconds=25.3,
    samples=(Sample(NOW - 20_000_000_000, 5.0, None, 92.0), Sample(NOW - 300_000_000, 24.6, None, 95.0)),
)
RUNNING = replace(POURED, what=What.UNKNOWN, cut=True, seconds=24.6)


def lines(timer, width=80, height=24, *, ascii_only=False):
    return [line.plain for line in timer_lines(timer, width, height, ascii_only=ascii_only)]


def test_large_digits():
    assert lines(Timer(10.5, "water", running=True, shot=RUNNING)) == [
        "  ██    ██████      ██████  water",
        "████    ██  ██      ██    ",
        "  ██    ██  ██      ██████",
        "  ██    ██  ██          ██",
        "██████  ██████  ██  ██████ s",
    ]
    assert "██" not in "".join(lines(Timer(10.5, "water", running=True, shot=RUNNING), ascii_only=True))


def test_less_room_smaller_digits():
    small_ones = lines(Timer(7.1, "shot", running=False, shot=POURED), 60, 15)
    assert small_ones == ["▀▀█   ▄█   shot", "  █    █ ", "  ▀ ▀ ▀▀▀ s"]
    assert lines(Timer(7.1, "shot", running=False, shot=POURED), 60, 11) == ["7.1 s  shot"]
    assert lines(Timer(7.1, "shot", running=False, shot=POURED), 60, 15, ascii_only=True) == ["7.1 s  shot"]


def test_what_is_counted_stands_beside_it():
    assert "118 pulses, about 59 ml" in lines(Timer(24.6, "button 2", running=True, shot=SHOT))[2]


@given(st.floats(0, 1e9), st.integers(1, 200), st.integers(1, 60), st.booleans())
def test_it_fits(seconds, width, height, ascii_only):
    for line in lines(Timer(seconds, "water", running=True, shot=RUNNING), width, height, ascii_only=ascii_only):
        assert height < 12 or ascii_only or len(line) <= width


@pytest.mark.parametrize("text", ["0123456789.", "1", "."])
def test_all_digits_have_one_width(text):
    assert len({len(line) for line in big(text)}) == 1
    assert len({len(line) for line in small(text)}) == 1
    assert len({*big("0123456789")[0:1]}) == 1
    assert len({"".join(big(each)) for each in "0123456789."}) == 11  # none looks like another


def test_it_comes_first_on_the_screen():
    running = scene(running=RUNNING, generation="bluetooth", timer=Timer(24.9, "water", running=True, shot=RUNNING))
    for width, height, rows in ((80, 24, 5), (60, 15, 3), (120, 40, 5), (40, 10, 1)):
        screen = shown(running, width, height).splitlines()
        assert "water" in screen[1]
        assert len(screen) <= height
        assert "WATER" not in screen[1]
        assert any(line.startswith("on ") for line in screen[rows : rows + 3])
        assert "95.6 °C" in "\n".join(screen)


def test_a_shot_whose_end_was_lost_is_marked():
    lost = shot_line(replace(RUNNING, key=None), 80).plain
    assert lost[9:] == "water     24.6 s  its end was lost  92 to 95 °C"
    assert shot_line(POURED, 80).plain[9:] == "shot      25.3 s  92 to 95 °C"
    assert shot_line(replace(POURED, samples=(), what=What.FLUSH), 80).plain[9:] == "flush     25.3 s"
    assert shot_line(replace(RUNNING, samples=(), seconds=None), 80).plain[9:] == "water        ? s  its end was lost"
    assert "pulses" not in lost


def test_names():
    assert name_of(replace(POURED, key=2)) == "shot B"
    assert name_of(replace(POURED, what=What.FLUSH)) == "flush"
    assert name_of(replace(POURED, what=What.BACKFLUSH)) == "backflush"
    assert name_of(SHOT) == "button 2"
    assert pours(0, 0, 0) == []
    assert pours(2, 1, 1) == ["2 shots", "1 flush", "1 whose end was lost"]


def test_seconds():
    assert seconds_of(RUNNING, NOW) == pytest.approx(24.9)
    assert seconds_of(RUNNING, NOW + 60_000_000_000) == pytest.approx(26.1)  # not much further than what was heard
    assert seconds_of(replace(RUNNING, samples=(), seconds=None), NOW - 24_000_000_000) == pytest.approx(1)
    assert seconds_of(replace(RUNNING, seconds=None, start_ns=None, samples=()), NOW) is None
    assert seconds_of(SHOT, NOW + 10**9) == 24.6  # v1 says it twice a second


def test_what_a_newer_machine_does_not_tell_is_left_away():
    fields = {"power": True, "coffee_set_temp": 94.0}
    text = shown(scene(fields=fields, generation="bluetooth", history={}, running=None, next_switch=None))
    assert "not known" not in text
    assert "coffee   set 94 °C" in text
    assert "tank" not in text
    assert "?" not in text
    assert "plumbed in" in shown(scene(fields=FIELDS | {"plumbed_in": True}))
    assert "tank" not in shown(scene(fields=FIELDS | {"plumbed_in": True}))


def test_a_curve_holds_until_there_is_another_value():
    history = {"coffee_temp": [(NOW - 590_000_000_000, 90.0), (NOW - 100_000_000_000, 96.0)]}
    held = shown(scene(generation="bluetooth", history=history, running=None, fields={}), 120, 40)
    loose = shown(scene(history=history, running=None, fields={}), 120, 40)
    dotted = sum(each not in " ⠀" for each in held) - sum(each not in " ⠀" for each in loose)
    assert dotted > 40


def test_how_the_machine_is_connected():
    text = shown(scene(generation="bluetooth", address="MICRA_MR012345", signal=-91, losses="lost once, at 07:58:02"))
    assert "Bluetooth MICRA_MR012345, -91 dBm, which is weak, lost once, at 07:58:02" in text
    assert "lost once" in shown(scene(losses="lost once, at 07:58:02"))
    assert "Bluetooth" not in shown(scene())
