"""The screen of `watch --fields`: the chosen values in whatever room there is."""

from __future__ import annotations

import pytest

from lmdecode.render.watch.chosen import chosen_lines
from tests.render.watch.test_screen import NOW, scene

CHOSEN = {"coffee_temp": NOW - 12_000_000_000, "power": NOW - 180_000_000_000, "dose_k1": None}


def shown(width=80, height=24, **changed):
    return [line.plain.rstrip() for line in chosen_lines(scene(chosen=CHOSEN, **changed), width, height)]


def test_one_value_a_line_and_since_when():
    lines = shown()
    assert lines[0].startswith("kitchen GS3 AV")
    assert lines[2:5] == [
        "coffee_temp  95.6 °C  for 12 s",
        "power        yes      for 3 min",
        "dose_k1      not known yet",
    ]
    assert lines[-1] == "q quit"
    assert len(lines) == 24


def test_why_there_is_no_connection_is_said_whole():
    lines = shown(
        width=40, connected=False, link="gone for 5 s, next try in 2 s: 127.0.0.1:1774 refuses the connection"
    )
    assert " ".join(lines[1:3]) == "gone for 5 s, next try in 2 s: 127.0.0.1:1774 refuses the connection"


@pytest.mark.parametrize(("width", "height"), [(200, 50), (80, 4), (20, 3), (10, 2), (1, 1)])
def test_it_fits(width, height):
    assert len(shown(width, height)) <= height


def test_what_has_no_room_is_counted():
    assert shown(80, 5)[2:4] == ["coffee_temp  95.6 °C  for 12 s", "and 2 more: the screen is too low for them"]
