"""Charts as text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.render.watch.temperatures import chart

SIZE = {"width": 4, "height": 2, "start": 0, "end": 7, "low": 0, "high": 7}


def dots(lines):
    """The places of the dots, by column and by row from the top."""
    bits = {
        0x01: (0, 0),
        0x02: (0, 1),
        0x04: (0, 2),
        0x40: (0, 3),
        0x08: (1, 0),
        0x10: (1, 1),
        0x20: (1, 2),
        0x80: (1, 3),
    }
    return {
        (2 * x + column, 4 * y + row)
        for y, line in enumerate(lines)
        for x, char in enumerate(line)
        for bit, (column, row) in bits.items()
        if ord(char) - 0x2800 & bit
    }


def test_each_dot_is_in_its_place():
    for value in range(8):
        assert dots(chart([(3, value)], **SIZE)) == {(3, 7 - value)}


def test_a_straight_line():
    assert dots(chart([(0, 0), (7, 7)], **SIZE)) == {(each, 7 - each) for each in range(8)}


def test_a_step_is_joined():
    assert dots(chart([(3, 0), (3, 7)], **SIZE)) == {(3, row) for row in range(8)}


def test_a_gap_is_not():
    assert dots(chart([(0, 0), (7, 7)], gap=2, **SIZE)) == {(0, 7), (7, 0)}


def test_a_level_can_be_told_from_a_curve():
    assert dots(chart([], level=7, **SIZE)) == {(0, 0), (4, 0)}


def test_what_lies_outside_is_at_the_edge_or_not_there():
    assert dots(chart([(-1, 3), (2, 99), (9, 3)], **SIZE)) == {(2, 0)}


def test_ascii():
    lines = chart([(0, 0), (7, 7)], ascii_only=True, **SIZE)
    assert lines == ["  **", "**  "]
    assert chart([(0, 0)], ascii_only=True, level=7, **SIZE) == ["----", "*   "]


@given(
    st.lists(st.tuples(st.floats(-10, 110), st.floats(-1e6, 1e6))).map(sorted),
    st.integers(1, 40),
    st.integers(1, 10),
    st.none() | st.floats(-50, 150),
)
def test_a_curve_has_no_holes(points, width, height, level):
    lines = chart(points, width=width, height=height, start=0, end=100, low=0, high=100)
    assert [
        len(line) for line in chart(points, width=width, height=height, start=0, end=100, low=0, high=100, level=level)
    ] == [width] * height
    drawn = dots(lines)
    inside = [time for time, _ in points if 0 <= time <= 100]
    columns = sorted({column for column, _ in drawn})
    assert bool(drawn) is bool(inside)
    if drawn:
        assert columns == list(range(columns[0], columns[-1] + 1))
        reached, edge = set(), {min(drawn)}
        while edge:
            reached |= edge
            edge = {(x + dx, y + dy) for x, y in edge for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & drawn - reached
        assert reached == drawn


def _time_of(points):
    begin = time.process_time()
    chart(points, width=60, height=14, start=0, end=1000, low=80, high=100)
    return time.process_time() - begin


@pytest.mark.no_cover  # it measures time
def test_a_day_is_drawn_fast():
    """Ten times the points take about ten times as long: a ratio, so that no other load decides."""
    day = [(each / 50, 90 + each % 7) for each in range(50_000)]
    few = min(_time_of(day[::10]) for _ in range(5))
    assert min(_time_of(day) for _ in range(3)) < 30 * few


@pytest.mark.parametrize("width", [1, 2])
def test_the_narrowest(width):
    assert chart([(0, 1), (1, 2)], width=width, height=1, start=0, end=1, low=0, high=3)[0].strip("⠀")
