"""Shots out of the frames that are pushed while water flows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.shots import LiveShots
from lmdecode.codec.record import Kind, Record

SECOND = 1_000_000_000


def flow(at, seconds, pulses, key=2, temperature=95.0):
    fields = {"flow_key": key, "flow_seconds": seconds, "flow_pulses": pulses, "coffee_temp": temperature}
    return Record(int(at * SECOND), 0, "machine", "m", "a", Kind.STREAM, "report", 0x6000, 22, fields=fields)


def report(at):
    return Record(int(at * SECOND), 0, "machine", "m", "a", Kind.READ, "report", 0x0300, 7, fields={"second": 1})


def fed(*records):
    shots = LiveShots()
    for record in records:
        shots.feed(record)
    return shots


def test_one_shot():
    shots = fed(
        flow(10, 0.5, 1), flow(11, 1.5, 3, temperature=94.5), flow(12, 2.5, 118, temperature=96), report(14), report(16)
    )
    assert shots.running is None
    (shot,) = shots.finished
    assert (shot.key, shot.seconds, shot.pulses, shot.milliliters) == (2, 2.5, 118, 59)
    assert (shot.coolest, shot.hottest) == (94.5, 96)
    assert (shot.begun_ns, shot.last_ns) == (10 * SECOND, 12 * SECOND)


@pytest.mark.parametrize(
    "second",
    [
        flow(12, 0.5, 1),  # it counts from the beginning
        flow(11, 2.0, 9, key=1),
        flow(11, 2.0, 2),  # fewer pulses
        flow(30, 5.0, 9),  # too late
    ],
)
def test_another_shot(second):
    shots = fed(flow(10, 1.5, 3), second)
    assert shots.count == 2
    assert [shot.pulses for shot in shots.finished] == [3]
    assert shots.running.begun_ns == second.time_ns


def test_prebrewing_pauses_and_goes_on():
    shots = fed(flow(10, 2.0, 3), report(14), flow(15, 7.0, 4))
    assert shots.count == 1
    assert not shots.finished
    assert (shots.running.begun_ns, shots.running.seconds) == (10 * SECOND, 7.0)


def test_it_ends_with_the_connection():
    shots = fed(flow(10, 2.0, 3))
    shots.end()
    shots.end()
    assert [shot.pulses for shot in shots.finished] == [3]


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 60), st.integers(0, 300), st.integers(0, 5))))
def test_no_shot_is_lost_whatever_is_pushed(steps):
    at, shots = 0.0, LiveShots()
    for pause, seconds, pulses, key in steps:
        at += pause
        shots.feed(flow(at, seconds, pulses, key))
    shots.end()
    assert len(shots.finished) == min(shots.count, shots.finished.maxlen)
    assert shots.count <= len(steps)
    for shot in shots.finished:
        assert any((shot.seconds, shot.pulses, shot.key) == step[1:] for step in steps)


def test_what_is_no_water_flow_is_none():
    partial = Record(0, 0, "machine", "m", "a", Kind.STREAM, "report", 0x6000, 2, fields={"flow_key": 1})
    assert fed(partial, report(1)).count == 0
